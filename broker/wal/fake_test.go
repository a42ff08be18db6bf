package wal

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"maps"
	"path"
	"slices"
	"strings"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/diskfs"
)

// fakeDisk is what survives a process: files with their visible and their durable bytes, and the
// same for names. It is the smallest disk that can show an error of the log. The crash tests of
// this package must not depend on another package's model of a crash.
type fakeDisk struct {
	names, durableNames map[string]*fakeFile
	capacity            int64 // bytes over all files; 0 is no bound
	fail                func(op diskfs.Op) error
	syncs               int
}

type fakeFile struct {
	dir           bool
	data, durable []byte
}

func newFakeDisk() *fakeDisk {
	root := &fakeFile{dir: true}
	return &fakeDisk{
		names: map[string]*fakeFile{".": root}, durableNames: map[string]*fakeFile{".": root},
	}
}

// process is the access of one incarnation to the disk.
type process struct {
	disk    *fakeDisk
	handles map[diskfs.Handle]*fakeFile
	next    diskfs.Handle
	flight  []flight
	history []string // what was submitted since the transcript was last printed
}

type flight struct {
	op  diskfs.Op
	crc uint32
}

func (d *fakeDisk) start() *process {
	return &process{disk: d, handles: map[diskfs.Handle]*fakeFile{}}
}

func (p *process) NewHandle() diskfs.Handle { p.next++; return p.next }

func (p *process) Submit(op diskfs.Op) {
	f := flight{op: op}
	if op.Kind == diskfs.WriteSync {
		f.crc = crc32.ChecksumIEEE(op.Data)
	}
	p.flight = append(p.flight, f)
	p.history = append(p.history, opString(op))
}

// ready reports whether operation i may end now: a Close waits for its handle.
func (p *process) ready(i int) bool {
	if p.flight[i].op.Kind != diskfs.Close {
		return true
	}
	for _, f := range p.flight[:i] {
		if f.op.Handle == p.flight[i].op.Handle {
			return false
		}
	}
	return true
}

// complete ends operation i.
func (p *process) complete(i int) diskfs.Completion {
	f := p.flight[i]
	p.flight = slices.Delete(p.flight, i, i+1)
	op := f.op
	if op.Kind == diskfs.WriteSync && crc32.ChecksumIEEE(op.Data) != f.crc {
		panic("data changed while it belonged to the disk")
	}
	c := diskfs.Completion{Kind: op.Kind, Token: op.Token, Handle: op.Handle, Data: op.Data}
	if p.disk.fail != nil {
		if c.Err = p.disk.fail(op); c.Err != nil {
			return c
		}
	}
	p.execute(op, &c)
	return c
}

func (p *process) execute(op diskfs.Op, c *diskfs.Completion) {
	d := p.disk
	h := p.handles[op.Handle]
	switch op.Kind {
	case diskfs.Open:
		f := d.names[op.Path]
		switch {
		case f == nil && op.Flags&diskfs.Create == 0:
			c.Err = diskfs.ErrNotExist
			return
		case f != nil && op.Flags&diskfs.Exclusive != 0:
			c.Err = diskfs.ErrExist
			return
		case f == nil:
			f = &fakeFile{}
			d.names[op.Path] = f
		}
		p.handles[op.Handle] = f
		c.Size = int64(len(f.data))
	case diskfs.Close:
		delete(p.handles, op.Handle)
	case diskfs.Read:
		if op.Offset < int64(len(h.data)) {
			c.N = copy(op.Data, h.data[op.Offset:])
		}
	case diskfs.WriteSync:
		d.syncs++
		if op.Offset+int64(len(op.Data)) > int64(len(h.durable)) {
			panic("group outside of preallocated space")
		}
		copy(h.data[op.Offset:], op.Data)
		copy(h.durable[op.Offset:], op.Data)
		c.N = len(op.Data)
	case diskfs.Sync:
		h.durable = slices.Clone(h.data)
	case diskfs.Allocate:
		if d.capacity > 0 && d.used()+op.Size > d.capacity {
			c.Err = fmt.Errorf("allocate: %w", diskfs.ErrNoSpace)
			return
		}
		h.data = append(h.data[:op.Offset], make([]byte, op.Size)...)
	case diskfs.Rename:
		f := d.names[op.Path]
		delete(d.names, op.Path)
		d.names[op.To] = f
	case diskfs.Remove:
		if d.names[op.Path] == nil {
			c.Err = diskfs.ErrNotExist
		}
		delete(d.names, op.Path)
	case diskfs.List:
		for _, name := range slices.Sorted(maps.Keys(d.names)) {
			if path.Dir(name) == op.Path && name != "." {
				c.Entries = append(c.Entries,
					diskfs.Entry{Name: path.Base(name), Size: int64(len(d.names[name].data))})
			}
		}
	case diskfs.Mkdir:
		if d.names[op.Path] != nil {
			c.Err = diskfs.ErrExist
			return
		}
		d.names[op.Path] = &fakeFile{dir: true}
	case diskfs.SyncDir:
		for name := range d.durableNames {
			if path.Dir(name) == op.Path && d.names[name] == nil {
				delete(d.durableNames, name)
			}
		}
		for name, f := range d.names {
			if path.Dir(name) == op.Path {
				d.durableNames[name] = f
			}
		}
	default:
		panic("unexpected operation")
	}
}

func (d *fakeDisk) used() (n int64) {
	for _, f := range d.names {
		n += int64(len(f.data))
	}
	return n
}

// crash ends the process. With power loss every unsynced sector is kept, lost
// or torn; without it, the page cache stays and only writes in flight are cut.
func (p *process) crash(r *env.Rand, power bool) {
	for _, f := range p.flight { // writes in flight reach the cache in part
		h := p.handles[f.op.Handle]
		if f.op.Kind == diskfs.WriteSync && h != nil {
			mixSectors(r, h.data[f.op.Offset:], f.op.Data)
		}
	}
	if !power {
		return
	}
	d := p.disk
	union := map[string]*fakeFile{}
	maps.Copy(union, d.durableNames)
	maps.Copy(union, d.names)
	survivors := map[string]*fakeFile{}
	for _, name := range slices.Sorted(maps.Keys(union)) {
		f := d.durableNames[name]
		if d.names[name] != f && r.Chance(1, 2) {
			f = d.names[name]
		}
		if f != nil {
			survivors[name] = f
		}
	}
	done := map[*fakeFile]bool{}
	for _, name := range slices.Sorted(maps.Keys(survivors)) {
		if name != "." && survivors[path.Dir(name)] == nil {
			delete(survivors, name)
			continue
		}
		f := survivors[name]
		if done[f] { // an unfinished rename may leave both names; the second gets a copy
			survivors[name] = &fakeFile{
				dir: f.dir, data: slices.Clone(f.data), durable: slices.Clone(f.data),
			}
			continue
		}
		done[f] = true
		if len(f.data) != len(f.durable) && r.Chance(1, 2) {
			f.data = append(f.data[:min(len(f.data), len(f.durable))],
				make([]byte, max(0, len(f.durable)-len(f.data)))...)
		}
		kept := make([]byte, len(f.data))
		copy(kept, f.durable)
		mixSectors(r, kept, f.data)
		f.data, f.durable = kept, slices.Clone(kept)
	}
	d.names, d.durableNames = survivors, maps.Clone(survivors)
}

// mixSectors keeps, loses or tears each sector of next over old.
func mixSectors(r *env.Rand, old, next []byte) {
	all := r.Chance(1, 4)
	for at := 0; at < len(next); at += sectorBytes {
		end := min(at+sectorBytes, len(next))
		if bytes.Equal(old[at:end], next[at:end]) {
			continue
		}
		switch k := r.IntN(4); {
		case all || k < 2:
			copy(old[at:end], next[at:end])
		case k == 2:
			cut := at + r.IntN(end-at)
			copy(old[at:cut], next[at:cut])
		}
	}
}

func opString(op diskfs.Op) string {
	var b strings.Builder
	b.WriteString([...]string{
		diskfs.Open: "open", diskfs.Close: "close", diskfs.Read: "read", diskfs.Write: "write",
		diskfs.WriteSync: "writesync", diskfs.Sync: "sync", diskfs.Truncate: "truncate",
		diskfs.Allocate: "allocate", diskfs.Rename: "rename", diskfs.Remove: "remove",
		diskfs.RemoveAll: "removeall", diskfs.List: "list",
		diskfs.Mkdir: "mkdir", diskfs.SyncDir: "syncdir",
	}[op.Kind])
	if op.Path != "" {
		b.WriteString(" " + shortName(op.Path))
	}
	if op.To != "" {
		b.WriteString(" to " + shortName(op.To))
	}
	switch op.Kind {
	case diskfs.Allocate:
		fmt.Fprintf(&b, " %d+%d", op.Offset, op.Size)
	case diskfs.Read:
		fmt.Fprintf(&b, " %d+%d", op.Offset, len(op.Data))
	case diskfs.WriteSync:
		fmt.Fprintf(&b, " %d+%d", op.Offset, len(op.Data))
		if h, ok := parseSegment(op.Data); ok {
			fmt.Fprintf(&b, " header of %d: first %d, after %d to %d",
				h.number, h.first, h.previous, h.previousEnd)
			break
		}
		for at := 0; at+recordHeaderBytes <= len(op.Data); {
			h, ok := parseRecord(op.Data[at:])
			if !ok {
				break
			}
			if at == 0 {
				fmt.Fprintf(&b, " of %d through %d:", h.number, h.durable)
			}
			fmt.Fprintf(&b, " %d", h.seq)
			switch h.typ {
			case typeMark:
				b.WriteString("=mark")
			case typeBind:
				fmt.Fprintf(&b, "=bind(%d)", h.handle)
			case typeUnbind:
				fmt.Fprintf(&b, "=unbind(%d)", h.handle)
			}
			at += recordBytes(int(h.length))
		}
	}
	return b.String()
}

func shortName(p string) string {
	base := path.Base(p)
	if number, ok := parseName(base); ok {
		return fmt.Sprint("#", number)
	}
	return p
}
