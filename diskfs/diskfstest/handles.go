package diskfstest

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/diskfs"
)

func eachCompletesOnce(t *testing.T, open Open) {
	c := newClient(t, open(t, 1))
	h := c.newHandle()
	ops := []diskfs.Op{
		{Kind: diskfs.Mkdir, Path: "d"},
		{Kind: diskfs.Open, Flags: diskfs.Create, Path: "f", Handle: h},
		{Kind: diskfs.Write, Handle: h, Data: fill(1, 100)},
		{Kind: diskfs.WriteSync, Handle: h, Data: fill(1, 100), Offset: 4096},
		{Kind: diskfs.Read, Handle: h, Data: make([]byte, 10)},
		{Kind: diskfs.Sync, Handle: h},
		{Kind: diskfs.Truncate, Handle: h, Size: 50},
		{Kind: diskfs.Allocate, Handle: h, Size: 8192},
		{Kind: diskfs.Open, Path: "missing", Handle: c.newHandle()},
		{Kind: diskfs.Read, Handle: 99, Data: make([]byte, 10)},
		{Kind: diskfs.Rename, Path: "missing", To: "other"},
		{Kind: diskfs.Remove, Path: "missing"},
		{Kind: diskfs.RemoveAll, Path: "missing"},
		{Kind: diskfs.List, Path: "."},
		{Kind: diskfs.SyncDir, Path: "."},
		{Kind: diskfs.SyncFS},
		{Kind: diskfs.Space},
		{Kind: diskfs.Lock, Path: "lock"},
		{Kind: diskfs.Close, Handle: h},
		{Kind: diskfs.Kind(200)},
	}
	var tokens []uint64
	for _, op := range ops {
		tokens = append(tokens, c.submit(op))
	}
	for i, token := range tokens {
		done := c.wait(token)
		require.Equal(t, ops[i].Kind, done.Kind)
		require.Equal(t, uint32(token)*7, done.Owner)
		require.Equal(t, ops[i].Handle, done.Handle)
		require.Equal(t, ops[i].Path, done.Path)
	}
	for len(c.done) > len(tokens) || c.sys.Pump() {
		require.Len(t, c.done, len(tokens), "more completions than operations")
	}
}

func sinkMaySubmit(t *testing.T, open Open) {
	c := newClient(t, open(t, 1))
	h := c.open("f")
	const rounds = 20
	var last uint64
	c.onReply = func(done diskfs.Completion) {
		if done.Kind == diskfs.Write && done.N < rounds {
			last = c.submit(diskfs.Op{Kind: diskfs.Write, Handle: h, Data: fill('x', done.N+1)})
		}
	}
	c.wait(c.submit(diskfs.Op{Kind: diskfs.Write, Handle: h, Data: fill('x', 1)}))
	for c.done[last].N < rounds {
		require.True(t, c.sys.Pump())
	}
	require.Equal(t, fill('x', rounds), c.content("f"))
}

func opsFollowOpen(t *testing.T, open Open) {
	for seed := range uint64(8) {
		c := newClient(t, open(t, seed))
		h := c.newHandle()
		opened := c.submit(diskfs.Op{Kind: diskfs.Open, Flags: diskfs.Create, Path: "f", Handle: h})
		written := c.submit(diskfs.Op{Kind: diskfs.WriteSync, Handle: h, Data: []byte("early")})
		require.NoError(t, c.wait(written).Err)
		require.Equal(t, []uint64{opened, written}, c.order)
		require.Equal(t, "early", string(c.read(h, 0, 10)))
	}
}

func opsOfFailedOpen(t *testing.T, open Open) {
	c := newClient(t, open(t, 1))
	h := c.newHandle()
	opened := c.submit(diskfs.Op{Kind: diskfs.Open, Path: "missing", Handle: h})
	followers := []uint64{
		c.submit(diskfs.Op{Kind: diskfs.Write, Handle: h, Data: []byte("x")}),
		c.submit(diskfs.Op{Kind: diskfs.Sync, Handle: h}),
		c.submit(diskfs.Op{Kind: diskfs.Close, Handle: h}),
	}
	require.ErrorIs(t, c.wait(opened).Err, diskfs.ErrNotExist)
	for _, token := range followers {
		require.ErrorIs(t, c.wait(token).Err, diskfs.ErrClosed)
	}
	require.Equal(t, opened, c.order[0])
	require.Empty(t, c.list("."))
}

func closeComesLast(t *testing.T, open Open) {
	for seed := range uint64(8) {
		c := newClient(t, open(t, seed))
		h := c.newHandle()
		c.submit(diskfs.Op{Kind: diskfs.Open, Flags: diskfs.Create, Path: "f", Handle: h})
		if seed%2 == 1 { // the handle is open before Close is submitted
			c.sync(h)
		}
		var tokens []uint64
		for i := range 20 {
			data := fill(byte(i+1), diskfs.SectorSize)
			tokens = append(tokens, c.submit(diskfs.Op{
				Kind: diskfs.Write, Handle: h, Offset: int64(i) * diskfs.SectorSize, Data: data}))
		}
		closed := c.submit(diskfs.Op{Kind: diskfs.Close, Handle: h})
		require.NoError(t, c.wait(closed).Err)
		for _, token := range tokens {
			require.Contains(t, c.done, token, "close overtook a write")
			require.NoError(t, c.done[token].Err)
		}
		require.Len(t, c.content("f"), 20*diskfs.SectorSize)
	}
}

func opsAfterClose(t *testing.T, open Open) {
	c := newClient(t, open(t, 1))
	h := c.open("f")
	inFlight := c.submit(diskfs.Op{Kind: diskfs.Write, Handle: h, Data: fill(1, 100)})
	c.submit(diskfs.Op{Kind: diskfs.Close, Handle: h})
	after := c.submit(diskfs.Op{Kind: diskfs.Write, Handle: h, Data: fill(2, 100)})
	again := c.submit(diskfs.Op{Kind: diskfs.Close, Handle: h})
	require.NoError(t, c.wait(inFlight).Err)
	require.ErrorIs(t, c.wait(after).Err, diskfs.ErrClosed)
	require.ErrorIs(t, c.wait(again).Err, diskfs.ErrClosed)
	require.ErrorIs(t, c.do(diskfs.Op{Kind: diskfs.Sync, Handle: h}).Err, diskfs.ErrClosed)
	require.Equal(t, fill(1, 100), c.content("f"))
}

func dataComesBack(t *testing.T, open Open) {
	c := newClient(t, open(t, 1))
	h := c.open("f")
	for _, kind := range []diskfs.Kind{diskfs.Write, diskfs.WriteSync} {
		data := []byte("first")
		done := c.must(diskfs.Op{Kind: kind, Handle: h, Data: data})
		require.Same(t, &data[0], &done.Data[0])
		copy(data, "other") // the buffer is the submitter's again
		require.Equal(t, "first", string(c.read(h, 0, 5)))
	}
	into := bytes.Repeat([]byte{9}, 8)
	done := c.must(diskfs.Op{Kind: diskfs.Read, Handle: h, Data: into})
	require.Same(t, &into[0], &done.Data[0])
	require.Equal(t, 5, done.N)
	copy(into, "other") // this buffer is, too
	require.Equal(t, "first", string(c.read(h, 0, 5)))
}
