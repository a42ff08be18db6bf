package diskfstest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/diskfs"
)

// System is one machine's data directory. It starts empty.
type System struct {
	// Process starts a process on the machine and returns its disk. Earlier
	// processes go on running. All completions, of all processes, reach their
	// sinks from within Pump or Submit.
	Process func(sink diskfs.Sink) diskfs.Disk
	// Pump lets time pass until something may have completed; it returns false
	// if nothing is in flight any more.
	Pump func() bool
	// Crash cuts the power: all processes end, and the disk keeps what the
	// contract allows it to keep. Nil where that cannot be done.
	Crash func()
	// Fail makes the next operation of a kind fail with ErrIO. Nil where that
	// cannot be done.
	Fail func(kind diskfs.Kind)
	// LimitFiles lets processes open no more files than they have open now, until
	// the function that it returns is called. Nil where that cannot be done.
	LimitFiles func() (lift func())
}

// Open makes a fresh System. A seed may change latencies, orders and what a
// crash keeps.
type Open func(t *testing.T, seed uint64) System

// client drives one process of a System in straight-line style.
type client struct {
	t    *testing.T
	sys  System
	disk diskfs.Disk

	token   uint64
	handle  diskfs.Handle
	done    map[uint64]diskfs.Completion
	order   []uint64                // tokens in order of completion
	onReply func(diskfs.Completion) // runs inside the sink
}

func newClient(t *testing.T, sys System) *client {
	c := &client{t: t, sys: sys, done: make(map[uint64]diskfs.Completion)}
	c.disk = sys.Process(c.completed)
	return c
}

func (c *client) completed(done diskfs.Completion) {
	_, twice := c.done[done.Token]
	require.False(c.t, twice, "second completion of %v token %d", done.Kind, done.Token)
	c.done[done.Token] = done
	c.order = append(c.order, done.Token)
	if c.onReply != nil {
		c.onReply(done)
	}
}

// submit submits op with a new token and returns the token.
func (c *client) submit(op diskfs.Op) uint64 {
	c.token++
	op.Token, op.Owner = c.token, uint32(c.token)*7
	c.disk.Submit(op)
	return op.Token
}

// wait pumps until the operation has completed.
func (c *client) wait(token uint64) diskfs.Completion {
	c.t.Helper()
	for {
		if done, ok := c.done[token]; ok {
			return done
		}
		require.True(c.t, c.sys.Pump(), "operation %d never completes", token)
	}
}

// do submits op and waits; must also demands success.
func (c *client) do(op diskfs.Op) diskfs.Completion { c.t.Helper(); return c.wait(c.submit(op)) }

func (c *client) must(op diskfs.Op) diskfs.Completion {
	c.t.Helper()
	done := c.do(op)
	require.NoError(c.t, done.Err)
	return done
}

func (c *client) newHandle() diskfs.Handle { c.handle++; return c.handle }

// open opens path, creating it.
func (c *client) open(path string) diskfs.Handle {
	c.t.Helper()
	h := c.newHandle()
	c.must(diskfs.Op{Kind: diskfs.Open, Flags: diskfs.Create, Path: path, Handle: h})
	return h
}

func (c *client) write(h diskfs.Handle, offset int64, data []byte) {
	c.t.Helper()
	done := c.must(diskfs.Op{Kind: diskfs.Write, Handle: h, Offset: offset, Data: data})
	require.Equal(c.t, len(data), done.N)
}

func (c *client) writeSync(h diskfs.Handle, offset int64, data []byte) {
	c.t.Helper()
	done := c.must(diskfs.Op{Kind: diskfs.WriteSync, Handle: h, Offset: offset, Data: data})
	require.Equal(c.t, len(data), done.N)
}

// read returns up to size bytes at offset.
func (c *client) read(h diskfs.Handle, offset int64, size int) []byte {
	c.t.Helper()
	done := c.must(diskfs.Op{
		Kind: diskfs.Read, Handle: h, Offset: offset, Data: make([]byte, size),
	})
	return done.Data[:done.N]
}

func (c *client) sync(h diskfs.Handle) {
	c.t.Helper()
	c.must(diskfs.Op{Kind: diskfs.Sync, Handle: h})
}

func (c *client) syncDir(path string) {
	c.t.Helper()
	c.must(diskfs.Op{Kind: diskfs.SyncDir, Path: path})
}

func (c *client) mkdir(path string) {
	c.t.Helper()
	c.must(diskfs.Op{Kind: diskfs.Mkdir, Path: path})
}

// list returns the names in a directory, directories with a slash, files with
// their size.
func (c *client) list(path string) []string {
	c.t.Helper()
	names := []string{}
	for _, e := range c.must(diskfs.Op{Kind: diskfs.List, Path: path}).Entries {
		if e.Dir {
			names = append(names, e.Name+"/")
		} else {
			names = append(names, fmt.Sprintf("%s:%d", e.Name, e.Size))
		}
	}
	return names
}

// content returns the whole file, or nil if there is none.
func (c *client) content(path string) []byte {
	c.t.Helper()
	h := c.newHandle()
	done := c.do(diskfs.Op{Kind: diskfs.Open, Path: path, Handle: h})
	if done.Err != nil {
		require.ErrorIs(c.t, done.Err, diskfs.ErrNotExist)
		return nil
	}
	data := c.read(h, 0, int(done.Size)+1)
	require.Len(c.t, data, int(done.Size))
	c.must(diskfs.Op{Kind: diskfs.Close, Handle: h})
	return data
}

// fill returns n bytes of value b.
func fill(b byte, n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = b
	}
	return data
}
