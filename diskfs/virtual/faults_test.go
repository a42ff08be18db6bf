package virtual_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/diskfs"
	"example.com/lockstep/diskfs/virtual"
)

const sector = diskfs.SectorSize

func fill(b byte, n int) []byte { return bytes.Repeat([]byte{b}, n) }

func write(h diskfs.Handle, offset int64, data []byte) diskfs.Op {
	return diskfs.Op{Kind: diskfs.Write, Handle: h, Offset: offset, Data: data}
}

func writeSync(h diskfs.Handle, offset int64, data []byte) diskfs.Op {
	return diskfs.Op{Kind: diskfs.WriteSync, Handle: h, Offset: offset, Data: data}
}

func TestFailNextHitsMatchingOperationsOnly(t *testing.T) {
	m := newMachine(t, 1, virtual.Options{})
	m.must(diskfs.Op{Kind: diskfs.Mkdir, Path: "wal"})
	wal, log := m.file(1, "wal/1", fill('o', sector)), m.file(2, "log", fill('o', sector))
	m.fs.FailNext(virtual.KindsOf(diskfs.Read, diskfs.Rename), "wal/", 2)

	read := diskfs.Op{Kind: diskfs.Read, Handle: log, Data: make([]byte, 10)}
	m.must(read)
	m.must(diskfs.Op{Kind: diskfs.Sync, Handle: wal})
	read.Handle = wal
	require.ErrorIs(t, m.do(read).Err, diskfs.ErrIO)
	require.ErrorIs(t, m.do(diskfs.Op{Kind: diskfs.Rename, Path: "wal/1", To: "wal/2"}).Err,
		diskfs.ErrIO)
	m.must(read)

	got := m.fs.Injected()
	require.Len(t, got, 2)
	require.Equal(t, "wal/1", got[0].Path)
	require.Equal(t, diskfs.Read, got[0].Op)
	require.EqualValues(t, 10, got[0].Length)
	require.LessOrEqual(t, got[0].At, m.sched.Now())
	require.Positive(t, got[0].At)
	require.Contains(t, got[0].String(), "EIO of read wal/1 [0, 10)")
}

func TestFailWithProbabilityAndSkip(t *testing.T) {
	m := newMachine(t, 1, virtual.Options{})
	h := m.file(1, "f", nil)
	m.fs.Inject(virtual.Rule{
		Effect: virtual.FailIO, Kinds: virtual.KindsOf(diskfs.Space), Num: 1, Den: 4,
	})
	m.fs.Inject(virtual.Rule{
		Effect: virtual.FailIO, Kinds: virtual.KindsOf(diskfs.Sync), Skip: 3, Times: 1,
	})
	failed := 0
	for i := range 400 {
		if m.do(diskfs.Op{Kind: diskfs.Space}).Err != nil {
			failed++
		}
		err := m.do(diskfs.Op{Kind: diskfs.Sync, Handle: h}).Err
		require.Equal(t, i == 3, err != nil)
	}
	require.InDelta(t, 100, failed, 40)
	m.fs.Heal()
	for range 50 {
		m.must(diskfs.Op{Kind: diskfs.Space})
	}
}

func TestPagesOfAFailedSyncAreReadButNeverBecomeDurable(t *testing.T) {
	seemThere := 0
	for seed := range uint64(40) {
		m := newMachine(t, seed, virtual.Options{})
		h := m.file(1, "f", fill('o', sector))
		m.must(write(h, 0, fill('n', sector)))
		m.fs.FailNext(virtual.KindsOf(diskfs.Sync), "f", 1)
		require.ErrorIs(t, m.do(diskfs.Op{Kind: diskfs.Sync, Handle: h}).Err, diskfs.ErrIO)
		m.must(diskfs.Op{Kind: diskfs.Sync, Handle: h}) // it claims success
		if m.visible("f")[0] == 'n' && m.durable("f")[0] == 'o' {
			seemThere++
			m.fs.Evict()
			require.Equal(t, fill('o', sector), m.visible("f"))
		}
	}
	require.Positive(t, seemThere)
}

func TestARetryAfterAFailedSyncDirSucceedsWithoutMakingNamesDurable(t *testing.T) {
	m := newMachine(t, 1, virtual.Options{})
	m.must(diskfs.Op{Kind: diskfs.Mkdir, Path: "d"})
	m.fs.FailNext(virtual.KindsOf(diskfs.SyncDir), "", 1)
	require.ErrorIs(t, m.do(diskfs.Op{Kind: diskfs.SyncDir, Path: "."}).Err, diskfs.ErrIO)
	m.must(diskfs.Op{Kind: diskfs.SyncDir, Path: "."})
	m.must(diskfs.Op{Kind: diskfs.Mkdir, Path: "e"})
	m.must(diskfs.Op{Kind: diskfs.SyncDir, Path: "."})
	require.Equal(t, []virtual.Node{{Path: "e", Dir: true}}, m.fs.Snapshot(virtual.Durable))
	require.Len(t, m.fs.Snapshot(virtual.Visible), 2)
}

func TestNoSpace(t *testing.T) {
	m := newMachine(t, 1, virtual.Options{Capacity: 10 * sector})
	h := m.file(1, "f", fill('o', 4*sector))
	free := func() int64 { return m.must(diskfs.Op{Kind: diskfs.Space}).Size }
	require.EqualValues(t, 6*sector, free())

	m.must(diskfs.Op{Kind: diskfs.Allocate, Handle: h, Offset: 4 * sector, Size: 5 * sector})
	require.EqualValues(t, sector, free())
	require.ErrorIs(t, m.do(write(h, 8*sector, fill('n', 3*sector))).Err, diskfs.ErrNoSpace)
	require.ErrorIs(t, m.do(diskfs.Op{Kind: diskfs.Allocate, Handle: h, Size: 11 * sector}).Err,
		diskfs.ErrNoSpace)
	require.ErrorIs(t, m.do(diskfs.Op{Kind: diskfs.Truncate, Handle: h, Size: 11 * sector}).Err,
		diskfs.ErrNoSpace)
	m.must(write(h, 0, fill('n', 9*sector))) // overwriting needs no space
	require.Equal(t, virtual.NoSpace, m.fs.Injected()[0].Effect)

	m.fs.SetCapacity(20 * sector)
	m.must(write(h, 9*sector, fill('n', 3*sector)))
	require.EqualValues(t, 8*sector, free())
	m.must(diskfs.Op{Kind: diskfs.Truncate, Handle: h, Size: 1})
	require.EqualValues(t, 19*sector, free())
	m.must(diskfs.Op{Kind: diskfs.Remove, Path: "f"})
	require.EqualValues(t, 19*sector, free(), "an open file still takes space")
	m.must(diskfs.Op{Kind: diskfs.Close, Handle: h})
	require.EqualValues(t, 20*sector, free())

	h = m.file(2, "g", fill(1, sector))
	m.fs.SetCapacity(1)
	require.Zero(t, free())
	m.must(write(h, 0, fill(2, sector)))
	m.fs.Crash()
	require.EqualValues(t, sector, m.fs.Used())
}

func TestStallUntilATime(t *testing.T) {
	m := newMachine(t, 1, virtual.Options{})
	h := m.file(1, "f", fill('o', sector))
	inFlight := m.submit(writeSync(h, 0, fill('n', sector)))
	until := m.sched.Now().Add(4 * time.Hour)
	m.fs.Stall(virtual.Syncs, until)
	m.must(diskfs.Op{Kind: diskfs.Read, Handle: h, Data: make([]byte, 1)})
	m.must(write(h, 0, fill('m', 1)))
	m.sched.advance(3 * time.Hour)
	require.NotContains(t, m.done, inFlight)
	require.NoError(t, m.wait(inFlight).Err)
	require.GreaterOrEqual(t, m.sched.Now(), until)
	require.Equal(t, until, m.fs.Injected()[0].Until)
}

func TestStallUntilReleased(t *testing.T) {
	m := newMachine(t, 1, virtual.Options{})
	m.fs.Stall(0, env.Never)
	space := m.submit(diskfs.Op{Kind: diskfs.Space})
	m.sched.advance(24 * time.Hour)
	require.Empty(t, m.done)
	m.fs.Release()
	require.NoError(t, m.wait(space).Err)
	require.Equal(t, env.Instant(24*time.Hour), m.fs.Injected()[0].Until)
}

func TestOperationsInAStallDieWithTheirProcess(t *testing.T) {
	m := newMachine(t, 1, virtual.Options{})
	m.fs.Stall(0, env.Never)
	m.submit(diskfs.Op{Kind: diskfs.Space})
	m.sched.advance(time.Hour)
	m.proc.Kill()
	old := m.done
	m.start()
	space := m.submit(diskfs.Op{Kind: diskfs.Space})
	m.fs.Release()
	m.wait(space)
	m.sched.advance(time.Hour)
	require.Empty(t, old)
}

func TestSlow(t *testing.T) {
	m := newMachine(t, 1, virtual.Options{Names: virtual.Cost{Base: time.Millisecond}})
	took := func() time.Duration {
		before := m.sched.Now()
		m.must(diskfs.Op{Kind: diskfs.Space})
		return m.sched.Now().Sub(before)
	}
	require.Equal(t, time.Millisecond, took())
	m.fs.Slow(1000)
	require.Equal(t, time.Second, took())
	m.fs.Heal()
	require.Equal(t, time.Millisecond, took())
}

func TestBandwidthCostsTime(t *testing.T) {
	m := newMachine(t, 1, virtual.Options{Write: virtual.Cost{BytesPerSecond: 1 << 20}})
	h := m.file(1, "f", nil)
	before := m.sched.Now()
	m.must(diskfs.Op{Kind: diskfs.Allocate, Handle: h, Size: 3 << 20})
	require.Equal(t, 3*time.Second, m.sched.Now().Sub(before))
}

func TestALostWriteIsAcknowledgedAndSyncedAndNotDurable(t *testing.T) {
	for _, op := range []diskfs.Op{
		write(1, 10, fill('n', sector)),
		writeSync(1, 10, fill('n', sector)),
	} {
		m := newMachine(t, 1, virtual.Options{})
		h := m.file(1, "f", fill('o', 3*sector))
		m.fs.Inject(virtual.Rule{Effect: virtual.LoseWrite, Path: "f", Times: 1})
		m.must(op)
		m.must(diskfs.Op{Kind: diskfs.Sync, Handle: h})
		require.Equal(t, fill('n', sector), m.visible("f")[10:10+sector], "the cache has it")
		require.Equal(t, fill('o', 3*sector), m.durable("f"))
		m.fs.Crash()
		require.Equal(t, fill('o', 3*sector), m.visible("f"))
		require.Len(t, m.fs.Injected(), 1)
		fault := m.fs.Injected()[0]
		require.True(t, fault.Effect.Dishonest())
		require.EqualValues(t, 10, fault.Offset)
		require.EqualValues(t, sector, fault.Length)
	}
}

func TestAMisdirectedWriteOverwritesOtherSectors(t *testing.T) {
	for seed := range uint64(30) {
		m := newMachine(t, seed, virtual.Options{})
		m.file(2, "g", fill('g', 2*sector))
		h := m.file(1, "f", fill('o', 4*sector))
		m.fs.Inject(virtual.Rule{Effect: virtual.MisdirectWrite, Path: "f", Times: 1})
		m.must(writeSync(h, sector, fill('n', sector)))
		require.Equal(t, fill('n', sector), m.visible("f")[sector:2*sector])
		m.fs.Crash()
		fault := m.fs.Injected()[0]
		require.Equal(t, fill('o', sector), m.visible("f")[sector:2*sector])
		require.Equal(t, fill('n', sector),
			m.visible(fault.ToPath)[fault.ToOffset:fault.ToOffset+sector])
		both := append(m.visible("f"), m.visible("g")...)
		require.Equal(t, sector, bytes.Count(both, []byte{'n'}), "it lands once")
	}
}

func TestBitRot(t *testing.T) {
	m := newMachine(t, 1, virtual.Options{})
	m.must(diskfs.Op{Kind: diskfs.Mkdir, Path: "log"})
	m.file(1, "log/a", fill('a', 2*sector+100))
	m.file(2, "other", fill('b', sector))
	fault, ok := m.fs.Rot("log/*", 2*sector+5, 3)
	require.True(t, ok)
	require.Equal(t, virtual.Fault{Effect: virtual.BitRot, At: m.sched.Now(), Until: m.sched.Now(),
		Path: "log/a", Offset: 2 * sector, Length: 100}, fault)
	want := fill('a', 2*sector+100)
	require.Equal(t, 3, differentBits(want, m.visible("log/a")))
	require.Equal(t, want[:2*sector], m.visible("log/a")[:2*sector])
	require.Equal(t, m.visible("log/a"), m.durable("log/a"))
	require.Equal(t, fill('b', sector), m.visible("other"))

	_, ok = m.fs.Rot("log/*", 3*sector, 1)
	require.False(t, ok)
	_, ok = m.fs.Rot("", -1, 1)
	require.True(t, ok)
	require.Len(t, m.fs.Injected(), 2)
}

func differentBits(a, b []byte) (n int) {
	for i := range a {
		for d := a[i] ^ b[i]; d != 0; d &= d - 1 {
			n++
		}
	}
	return n
}

func TestChangedDataOfAWriteInFlightIsABug(t *testing.T) {
	m := newMachine(t, 1, virtual.Options{})
	h := m.file(1, "f", nil)
	data := fill('x', 100)
	token := m.submit(write(h, 0, data))
	data[50]++
	require.Panics(t, func() { m.wait(token) })
}

func TestKillKeepsThePageCache(t *testing.T) {
	m := newMachine(t, 1, virtual.Options{})
	h := m.file(1, "f", fill('o', sector))
	m.must(write(h, 0, fill('n', sector)))
	m.must(diskfs.Op{Kind: diskfs.Rename, Path: "f", To: "g"})
	m.must(diskfs.Op{Kind: diskfs.Lock, Path: "lock"})
	require.True(t, m.proc.Alive())
	m.proc.Kill()
	require.False(t, m.proc.Alive())
	m.submit(diskfs.Op{Kind: diskfs.Remove, Path: "g"}) // of a dead process: it vanishes
	m.start()
	m.must(diskfs.Op{Kind: diskfs.Lock, Path: "lock"})
	require.Equal(t, fill('n', sector), m.visible("g"))
	require.Equal(t, fill('o', sector), m.durable("f"))
}

func TestTheSinkMayCrashItsMachine(t *testing.T) {
	m := newMachine(t, 1, virtual.Options{})
	d := m.proc.Disk(func(diskfs.Completion) { m.fs.Crash() })
	d.Submit(diskfs.Op{Kind: diskfs.Open, Flags: diskfs.Create, Path: "f", Handle: 1})
	d.Submit(write(1, 0, fill('x', 1)))
	m.sched.advance(time.Second)
	require.False(t, m.proc.Alive())
}

func TestZerosAreNotStored(t *testing.T) {
	m := newMachine(t, 1, virtual.Options{})
	h := m.file(1, "f", nil)
	allocs := testing.AllocsPerRun(1, func() {
		m.must(diskfs.Op{Kind: diskfs.Allocate, Handle: h, Size: 64 << 20})
		m.must(diskfs.Op{Kind: diskfs.Sync, Handle: h})
	})
	require.Less(t, allocs, 200.0)
	m.must(writeSync(h, 32<<20, fill(1, 10)))
	m.must(writeSync(h, 32<<20, fill(0, 10)))
	require.Less(t, testing.AllocsPerRun(1, func() { m.fs.Crash() }), 200.0)
	require.Equal(t, []virtual.Node{{Path: "f", Size: 64 << 20}}, m.fs.Snapshot(virtual.Durable))
}

func TestACrashOfACloneLeavesTheOriginal(t *testing.T) {
	m := newMachine(t, 1, virtual.Options{})
	h := m.file(1, "f", fill('o', 8*sector))
	m.must(write(h, 0, fill('n', 4*sector)))
	m.must(diskfs.Op{Kind: diskfs.Rename, Path: "f", To: "g"})
	inFlight := m.submit(write(h, 4*sector, fill('m', 4*sector)))
	outcomes := map[string]bool{}
	for seed := range uint64(30) {
		clone := m.fs.Clone(new(scheduler), entropy(seed))
		require.Equal(t, m.fs.Snapshot(virtual.Visible), clone.Snapshot(virtual.Visible))
		clone.Crash()
		f, inF := clone.ReadDurable("f")
		g, inG := clone.ReadDurable("g")
		require.True(t, inF != inG)
		outcomes[string(append(f, g...))] = true
	}
	require.Greater(t, len(outcomes), 5)
	require.NoError(t, m.wait(inFlight).Err)
	require.Equal(t, append(fill('n', 4*sector), fill('m', 4*sector)...), m.visible("g"))
	require.Equal(t, fill('o', 8*sector), m.durable("f"))
}

func TestNoSpaceForAPathOnly(t *testing.T) {
	m := newMachine(t, 1, virtual.Options{})
	m.must(diskfs.Op{Kind: diskfs.Mkdir, Path: "wal"})
	wal, log := m.file(1, "wal/1", fill('o', sector)), m.file(2, "log", fill('o', sector))
	remove := m.fs.Inject(virtual.Rule{Effect: virtual.NoSpace, Path: "wal/"})
	require.ErrorIs(t, m.do(write(wal, sector, fill('n', 10))).Err, diskfs.ErrNoSpace)
	require.ErrorIs(t, m.do(diskfs.Op{
		Kind: diskfs.Allocate, Handle: wal, Offset: sector, Size: sector,
	}).Err, diskfs.ErrNoSpace)
	m.must(write(wal, 0, fill('n', 10))) // this does not grow the file
	m.must(write(log, sector, fill('n', 10)))
	require.Len(t, m.fs.Injected(), 2)
	remove()
	m.must(write(wal, sector, fill('n', 10)))
}

func TestARemovedRuleHitsNothing(t *testing.T) {
	m := newMachine(t, 1, virtual.Options{})
	remove := m.fs.Inject(virtual.Rule{Effect: virtual.FailIO})
	require.ErrorIs(t, m.do(diskfs.Op{Kind: diskfs.Space}).Err, diskfs.ErrIO)
	remove()
	m.must(diskfs.Op{Kind: diskfs.Space})
}

func TestCrashTornMixesWhatWasNotSynced(t *testing.T) {
	m := newMachine(t, 1, virtual.Options{NoTear: true})
	h := m.file(1, "f", fill('o', 64*sector))
	m.must(write(h, 0, fill('n', 64*sector)))
	m.fs.CrashTorn(100)
	content, ok := m.fs.ReadDurable("f")
	require.True(t, ok)
	torn := 0
	for at := 0; at < len(content); at += sector {
		s := content[at : at+sector]
		if bytes.Contains(s, []byte{'o'}) && bytes.Contains(s, []byte{'n'}) {
			torn++
		}
	}
	require.Greater(t, torn, 16)
}

func TestACrashWithRuinMayLoseDurableBytesOfAnUnsyncedSector(t *testing.T) {
	m := newMachine(t, 1, virtual.Options{Ruin: true})
	h := m.file(1, "f", fill('o', 64*sector))
	m.must(write(h, 0, fill('o', 32*sector))) // the same again, and not synced
	m.fs.Crash()
	content, ok := m.fs.ReadDurable("f")
	require.True(t, ok)
	ruined := 0
	for at := 0; at < len(content); at += sector {
		if !bytes.Equal(content[at:at+sector], fill('o', sector)) {
			ruined++
			require.Less(t, at, 32*sector, "what was synced and not written since is safe")
		}
	}
	require.Positive(t, ruined)
}
