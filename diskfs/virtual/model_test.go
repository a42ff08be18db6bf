package virtual_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"example.com/lockstep/diskfs"
	"example.com/lockstep/diskfs/virtual"
)

// The naive model: for each cell of each file, each size and each name, the
// list of values that a crash may leave, the durable one first. It does not
// know sectors, inodes, or the rules that connect them.

const (
	cell     = 1024 // bytes written alike; a quarter of a sector
	maxCells = 16   // after the header
)

type modelFile struct {
	id     byte
	handle diskfs.Handle
	cells  [maxCells][]byte // allowed values of each cell
	sizes  []int64          // allowed sizes
	stops  []int64          // sizes that operations in flight may leave
	whole  bool             // its name was durable once, and since then it was only renamed
}

type model struct {
	*machine
	rt     *rapid.T
	files  map[byte]*modelFile
	names  map[string][]byte // allowed ids of each path, 0 for none; the last is the present one
	paths  []string
	lastID byte
	handle diskfs.Handle
}

func newModel(t *testing.T, rt *rapid.T) *model {
	m := &model{machine: newMachine(t, rapid.Uint64().Draw(rt, "seed"), virtual.Options{}), rt: rt,
		files: map[byte]*modelFile{}, names: map[string][]byte{}}
	for _, dir := range []string{"", "a/", "b/"} {
		if dir != "" {
			m.must(diskfs.Op{Kind: diskfs.Mkdir, Path: dir[:1]})
		}
		for _, name := range []string{"x", "y"} {
			m.paths = append(m.paths, dir+name)
			m.names[dir+name] = []byte{0}
		}
	}
	m.must(diskfs.Op{Kind: diskfs.SyncFS})
	return m
}

func last[T any](list []T) T { return list[len(list)-1] }

func (m *model) present() (paths []string) {
	for _, path := range m.paths {
		if last(m.names[path]) != 0 {
			paths = append(paths, path)
		}
	}
	return paths
}

func (m *model) newHandle() diskfs.Handle { m.handle++; return m.handle }

// step does one random operation and waits for it.
func (m *model) step() {
	action := rapid.SampledFrom([]string{"create", "write", "write", "write", "writesync",
		"truncate", "allocate", "sync", "syncdir", "syncfs", "rename", "rename", "remove",
		"write during sync"}).Draw(m.rt, "action")
	present := m.present()
	switch {
	case action == "create":
		m.create(rapid.SampledFrom(m.paths).Draw(m.rt, "path"))
		return
	case action == "syncdir":
		m.syncDir(rapid.SampledFrom([]string{".", "a", "b"}).Draw(m.rt, "dir"))
		return
	case action == "syncfs":
		m.must(diskfs.Op{Kind: diskfs.SyncFS})
		for _, f := range m.files {
			f.synced(f.mark())
		}
		for _, path := range m.paths {
			m.nameSynced(path)
		}
		return
	case len(present) == 0:
		return
	}
	path := rapid.SampledFrom(present).Draw(m.rt, "path")
	f := m.files[last(m.names[path])]
	switch action {
	case "write":
		m.must(m.write(f, diskfs.Write))
	case "writesync":
		op := m.write(f, diskfs.WriteSync)
		m.must(op)
		f.rangeSynced(op.Offset, op.Offset+int64(len(op.Data)))
	case "truncate":
		m.must(m.truncate(f))
	case "allocate":
		m.must(m.allocate(f))
	case "sync":
		m.must(diskfs.Op{Kind: diskfs.Sync, Handle: f.handle})
		f.synced(f.mark())
	case "write during sync":
		mark := f.mark()
		sync := m.submit(diskfs.Op{Kind: diskfs.Sync, Handle: f.handle})
		write := m.submit(m.write(f, diskfs.Write))
		require.NoError(m.rt, m.wait(write).Err)
		require.NoError(m.rt, m.wait(sync).Err)
		f.synced(mark)
	case "rename":
		m.must(m.rename(path, f))
	case "remove":
		m.must(diskfs.Op{Kind: diskfs.Remove, Path: path})
		m.names[path] = append(m.names[path], 0)
		f.whole = false
	}
}

// create makes a file; its first sector holds the file's id and is durable.
func (m *model) create(path string) {
	if last(m.names[path]) != 0 || m.lastID == 255 {
		return
	}
	m.lastID++
	f := &modelFile{id: m.lastID, handle: m.newHandle(), sizes: []int64{sector}}
	for i := range f.cells {
		f.cells[i] = []byte{0}
	}
	m.files[f.id] = f
	m.must(diskfs.Op{
		Kind: diskfs.Open, Flags: diskfs.Create | diskfs.Exclusive, Path: path, Handle: f.handle,
	})
	m.must(writeSync(f.handle, 0, fill(f.id, sector)))
	m.names[path] = append(m.names[path], f.id)
}

// cellRange draws a range of cells and returns it in bytes.
func (m *model) cellRange() (from, to int, offset, end int64) {
	from = rapid.IntRange(0, maxCells-1).Draw(m.rt, "from")
	to = rapid.IntRange(from+1, maxCells).Draw(m.rt, "to")
	return from, to, int64(sector + from*cell), int64(sector + to*cell)
}

func (m *model) write(f *modelFile, kind diskfs.Kind) diskfs.Op {
	from, to, offset, end := m.cellRange()
	value := rapid.Byte().Draw(m.rt, "value")
	for i := from; i < to; i++ {
		f.cells[i] = append(f.cells[i], value)
	}
	f.sizes = append(f.sizes, max(last(f.sizes), end))
	return diskfs.Op{
		Kind: kind, Handle: f.handle, Offset: offset, Data: fill(value, int(end-offset)),
	}
}

func (m *model) allocate(f *modelFile) diskfs.Op {
	from, to, offset, end := m.cellRange()
	for i := from; i < to; i++ {
		f.cells[i] = append(f.cells[i], 0)
	}
	f.sizes = append(f.sizes, max(last(f.sizes), end))
	return diskfs.Op{Kind: diskfs.Allocate, Handle: f.handle, Offset: offset, Size: end - offset}
}

func (m *model) truncate(f *modelFile) diskfs.Op {
	from, _, size, _ := m.cellRange()
	for i := from; i < maxCells; i++ {
		f.cells[i] = append(f.cells[i], 0)
	}
	f.sizes = append(f.sizes, size)
	return diskfs.Op{Kind: diskfs.Truncate, Handle: f.handle, Size: size}
}

func (m *model) rename(path string, f *modelFile) diskfs.Op {
	to := rapid.SampledFrom(m.paths).Draw(m.rt, "to")
	if to != path {
		if replaced := m.files[last(m.names[to])]; replaced != nil {
			replaced.whole = false
		}
		m.names[to] = append(m.names[to], f.id)
		m.names[path] = append(m.names[path], 0)
	}
	return diskfs.Op{Kind: diskfs.Rename, Path: path, To: to}
}

func (m *model) syncDir(dir string) {
	m.must(diskfs.Op{Kind: diskfs.SyncDir, Path: dir})
	for _, path := range m.paths {
		if in := path[:max(0, len(path)-2)]; in == dir || in == "" && dir == "." {
			m.nameSynced(path)
		}
	}
}

func (m *model) nameSynced(path string) {
	id := last(m.names[path])
	m.names[path] = []byte{id}
	if f := m.files[id]; f != nil {
		f.whole = true
	}
}

// mark remembers the newest value of everything in a file.
func (f *modelFile) mark() (at [maxCells + 1]int) {
	for i := range f.cells {
		at[i] = len(f.cells[i]) - 1
	}
	at[maxCells] = len(f.sizes) - 1
	return at
}

// synced forgets values older than the mark.
func (f *modelFile) synced(at [maxCells + 1]int) {
	for i := range f.cells {
		f.cells[i] = f.cells[i][at[i]:]
	}
	f.sizes = f.sizes[at[maxCells]:]
}

func (f *modelFile) rangeSynced(offset, end int64) {
	for i := range f.cells {
		if start := int64(sector + i*cell); start >= offset && start < end {
			f.cells[i] = f.cells[i][len(f.cells[i])-1:]
		}
	}
	for i, size := range f.sizes { // only as much of the size as the bytes need may be durable
		f.sizes[i] = max(size, end)
	}
}

// inFlight notes the sizes at which an operation that a crash interrupts may have
// stopped, whether or not what else was in flight has happened.
func (f *modelFile) inFlight(op diskfs.Op) diskfs.Op {
	end := op.Offset + op.Size + int64(len(op.Data))
	for stop := op.Offset; stop < end; {
		stop = min(stop/sector*sector+sector, end)
		f.stops = append(f.stops, stop)
	}
	return op
}

// crash leaves some operations in flight, cuts the power, and checks that what
// is left is allowed. From then on that is the durable state.
func (m *model) crash() {
	for range rapid.IntRange(0, 3).Draw(m.rt, "in flight") {
		present := m.present()
		if len(present) == 0 {
			break
		}
		path := rapid.SampledFrom(present).Draw(m.rt, "path")
		f := m.files[last(m.names[path])]
		switch rapid.IntRange(0, 3).Draw(m.rt, "kind") {
		case 0:
			m.submit(f.inFlight(m.write(f, diskfs.Write)))
		case 1:
			m.submit(f.inFlight(m.write(f, diskfs.WriteSync)))
		case 2:
			m.submit(m.truncate(f))
		default:
			m.submit(f.inFlight(m.allocate(f)))
		}
		for range rapid.IntRange(0, 2).Draw(m.rt, "events") {
			m.sched.step()
		}
	}
	for _, f := range m.files {
		smallest := slices.Min(f.sizes)
		for _, stop := range f.stops {
			f.sizes = append(f.sizes, max(stop, smallest))
		}
		f.stops = nil
	}
	m.fs.Crash()
	m.start()
	found := map[byte]string{}
	for _, path := range m.paths {
		m.checkName(path, found)
	}
	for _, f := range m.files {
		require.True(m.rt, !f.whole || found[f.id] != "", "file %d vanished", f.id)
	}
	for id := range m.files {
		if found[id] == "" {
			delete(m.files, id)
		}
	}
}

func (m *model) checkName(path string, found map[byte]string) {
	content, ok := m.fs.ReadVisible(path)
	durable, _ := m.fs.ReadDurable(path)
	require.Equal(m.rt, content, durable, "after a crash all is durable")
	id := byte(0)
	if ok {
		require.GreaterOrEqual(m.rt, len(content), sector)
		id = content[0]
		require.Equal(m.rt, fill(id, sector), content[:sector], "a durable sector changed")
		require.Empty(m.rt, found[id], "file %d has two names", id)
		found[id] = path
	}
	require.Contains(m.rt, m.names[path], id, "%s holds file %d", path, id)
	m.names[path] = []byte{id}
	if id == 0 {
		return
	}
	f := m.files[id]
	size := int64(len(content))
	require.Contains(m.rt, f.sizes, size)
	f.sizes = []int64{size}
	f.whole = true
	f.handle = m.newHandle()
	m.must(diskfs.Op{Kind: diskfs.Open, Path: path, Handle: f.handle})
	for i := range f.cells {
		f.cells[i] = m.checkCell(f, i, content)
	}
}

// checkCell checks a cell of a file after a crash and returns its allowed
// values from now on. A torn cell is written again, so that it has one value.
func (m *model) checkCell(f *modelFile, i int, content []byte) []byte {
	start := sector + i*cell
	if start >= len(content) {
		return []byte{0}
	}
	got := content[start : start+cell]
	for _, b := range got {
		require.True(m.rt, slices.Contains(f.cells[i], b), "file %d cell %d holds %d, allowed %v",
			f.id, i, b, f.cells[i])
	}
	if want := fill(got[0], cell); !bytes.Equal(got, want) {
		m.must(writeSync(f.handle, int64(start), want))
	}
	return []byte{got[0]}
}

// checkVisible compares what processes see with the newest values.
func (m *model) checkVisible() {
	for _, path := range m.paths {
		content, ok := m.fs.ReadVisible(path)
		id := last(m.names[path])
		require.Equal(m.rt, id != 0, ok, path)
		if !ok {
			continue
		}
		f := m.files[id]
		require.Equal(m.rt, id, content[0])
		require.EqualValues(m.rt, last(f.sizes), len(content))
		for i := range f.cells {
			if start := sector + i*cell; start < len(content) {
				require.Equal(m.rt, last(f.cells[i]), content[start])
			}
		}
	}
}

func TestEveryCrashLeavesWhatTheContractAllows(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := newModel(t, rt)
		for range rapid.IntRange(1, 3).Draw(rt, "crashes") {
			for range rapid.IntRange(1, 25).Draw(rt, "steps") {
				m.step()
				m.checkVisible()
			}
			clone := m.fs.Clone(m.sched, entropy(rapid.Uint64().Draw(rt, "clone")))
			clone.Crash()
			m.crash()
		}
	})
}

func TestAFileSurvivesARenameIntoANewDirectory(t *testing.T) {
	for seed := range uint64(64) {
		m := newMachine(t, seed, virtual.Options{})
		m.file(1, "f", []byte("data"))
		m.must(diskfs.Op{Kind: diskfs.Mkdir, Path: "d"})
		m.must(diskfs.Op{Kind: diskfs.Mkdir, Path: "d/e"})
		m.must(diskfs.Op{Kind: diskfs.Rename, Path: "f", To: "d/e/f"})
		if seed%2 == 0 {
			m.must(diskfs.Op{Kind: diskfs.SyncDir, Path: "d/e"})
		}
		m.fs.Crash()
		require.Equal(t, "data", string(m.visible("f"))+string(m.visible("d/e/f")))
	}
}

func TestAFileMovedOutSurvivesTheRemovalOfItsDirectory(t *testing.T) {
	for seed := range uint64(64) {
		m := newMachine(t, seed, virtual.Options{})
		m.must(diskfs.Op{Kind: diskfs.Mkdir, Path: "d"})
		m.file(1, "d/f", []byte("data"))
		m.must(diskfs.Op{Kind: diskfs.Mkdir, Path: "e"})
		m.must(diskfs.Op{Kind: diskfs.Rename, Path: "d/f", To: "e/f"})
		m.must(diskfs.Op{Kind: diskfs.Remove, Path: "d"})
		m.fs.Crash()
		require.Equal(t, "data", string(m.visible("d/f"))+string(m.visible("e/f")), "seed %d", seed)
	}
}

func TestDirectoriesMovedAboutStayReachable(t *testing.T) {
	for seed := range uint64(64) {
		m := newMachine(t, seed, virtual.Options{})
		m.must(diskfs.Op{Kind: diskfs.Mkdir, Path: "a"})
		m.must(diskfs.Op{Kind: diskfs.Mkdir, Path: "b"})
		m.must(diskfs.Op{Kind: diskfs.SyncFS})
		for _, move := range [][2]string{{"a", "b/a"}, {"b/a", "c"}, {"b", "c/b"}} {
			m.must(diskfs.Op{Kind: diskfs.Rename, Path: move[0], To: move[1]})
		}
		m.fs.Crash()
		require.Len(t, m.fs.Snapshot(virtual.Visible), 2, "seed %d", seed)
	}
}

func TestWhatWasCutComesBackOnlyIfTheCutIsLost(t *testing.T) {
	outcomes := map[string]bool{}
	for seed := range uint64(64) {
		m := newMachine(t, seed, virtual.Options{NoTear: true})
		h := m.file(1, "f", fill('o', 3*sector))
		m.must(diskfs.Op{Kind: diskfs.Truncate, Handle: h, Size: 0})
		m.must(diskfs.Op{Kind: diskfs.Truncate, Handle: h, Size: 3 * sector})
		m.fs.Crash()
		outcomes[string(m.visible("f"))] = true
	}
	require.Equal(t, map[string]bool{
		string(fill('o', 3*sector)): true, string(fill(0, 3*sector)): true, "": true}, outcomes)
}

func TestManyUnsyncedChangesAreSyncedWhole(t *testing.T) {
	m := newMachine(t, 1, virtual.Options{})
	h := m.file(1, "f", fill('o', sector))
	for i := range 30 {
		m.must(diskfs.Op{Kind: diskfs.Truncate, Handle: h, Size: int64(900 - i)})
	}
	m.must(write(h, 0, fill('n', 2000)))
	m.must(diskfs.Op{Kind: diskfs.Sync, Handle: h})
	require.Equal(t, fill('n', 2000), m.durable("f"))
	for i := range 30 {
		m.must(write(h, int64(i*10), fill(byte(i+1), 10)))
	}
	sync := m.submit(diskfs.Op{Kind: diskfs.Sync, Handle: h})
	m.must(write(h, 0, fill('z', 2000)))
	m.wait(sync)
	m.fs.Crash()
	require.NotEqual(t, byte('n'), m.visible("f")[299], "the sync was forgotten")
}

// observe runs a fixed but varied load with faults and returns everything that
// can be observed.
func observe(t *testing.T, seed uint64) (log []string) {
	m := newMachine(t, seed, virtual.Options{Capacity: 100 * sector})
	m.fs.Inject(virtual.Rule{Effect: virtual.FailIO, Num: 1, Den: 50})
	m.fs.Inject(virtual.Rule{Effect: virtual.LoseWrite, Num: 1, Den: 20})
	m.fs.Inject(virtual.Rule{Effect: virtual.MisdirectWrite, Num: 1, Den: 20})
	for round := range 3 {
		disk := m.proc.Disk(func(c diskfs.Completion) {
			log = append(log, fmt.Sprintln(m.sched.Now(), c.Kind, c.Token, c.N, c.Size, c.Err,
				c.Entries, len(c.Data)))
		})
		for i := range 40 {
			h := diskfs.Handle(i%5 + 1)
			op := diskfs.Op{Token: uint64(i), Handle: h, Offset: int64(i*997) % (8 * sector),
				Data: fill(byte(i), 3000), Path: fmt.Sprint("f", h), To: fmt.Sprint("g", i%3),
				Size: int64(i * 500), Flags: diskfs.Create}
			op.Kind = []diskfs.Kind{diskfs.Write, diskfs.Read, diskfs.WriteSync, diskfs.Sync,
				diskfs.Truncate, diskfs.SyncDir, diskfs.Rename, diskfs.List}[i%8]
			if i < 5 {
				op.Kind = diskfs.Open
			} else if op.Kind == diskfs.SyncDir || op.Kind == diskfs.List {
				op.Path = "."
			}
			disk.Submit(op)
			m.sched.step()
		}
		m.fs.Rot("", -1, 2)
		if round == 1 {
			m.proc.Kill()
		} else {
			m.fs.Crash()
		}
		m.start()
		log = append(log, fmt.Sprintln(m.fs.Snapshot(virtual.Visible),
			m.fs.Snapshot(virtual.Durable), m.fs.Injected()))
	}
	return log
}

func TestEqualSeedsGiveEqualOutcomes(t *testing.T) {
	for seed := range uint64(5) {
		require.Equal(t, observe(t, seed), observe(t, seed))
	}
	require.NotEqual(t, observe(t, 1), observe(t, 2))
}
