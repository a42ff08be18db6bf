package wal

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/diskfs"
)

// The transcripts in testdata/transcripts show which operations are submitted to the disk, and
// when. Rewrite them with -rewrite and read the difference.
//
//	open [inflight=N] [capacity=BYTES]   a fresh log, recovered
//	append BYTES...      one record each
//	bind, unbind handle=N
//	turn [at=MS]         EndTurn
//	done [N...]          completes operations by their place, or all, with those that follow
//	run                  turns and completions until nothing is in flight
//	release through=N, retry, pin segment=N, unpin segment=N
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata/transcripts", func(t *testing.T, path string) {
		var w *world
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd == "open" {
				cfg := smallConfig(2)
				d.MaybeScanArgs(t, "inflight", &cfg.InFlight)
				w = newWorld(t, cfg, 1)
				w.recover()
				d.MaybeScanArgs(t, "capacity", &w.disk.capacity)
				w.proc.history = nil
				return ""
			}
			return w.command(t, d)
		})
	})
}

func (w *world) command(t *testing.T, d *datadriven.TestData) string {
	number := func(key string) (n uint64) {
		d.ScanArgs(t, key, &n)
		return n
	}
	var out strings.Builder
	switch d.Cmd {
	case "append":
		for _, arg := range d.CmdArgs {
			var n int
			_, err := fmt.Sscan(arg.Key, &n)
			require.NoError(t, err)
			seq := w.append(n)
			fmt.Fprintf(&out, "%d at #%d %d\n",
				seq, w.records[seq].at.Segment, w.records[seq].at.Offset)
		}
	case "bind":
		w.bind()
	case "unbind":
		w.log.Unbind(uint32(number("handle")))
	case "turn":
		if d.HasArg("at") {
			w.now = env.Instant(number("at") * 1_000_000)
		}
		w.endTurn()
	case "run":
		for w.endTurn(); len(w.proc.flight) > 0; w.endTurn() {
			require.NoError(t, w.log.Completed(w.proc.complete(0)))
		}
	case "done":
		if len(d.CmdArgs) == 0 {
			for len(w.proc.flight) > 0 {
				require.NoError(t, w.log.Completed(w.proc.complete(0)))
			}
		}
		for _, arg := range d.CmdArgs {
			var i int
			_, err := fmt.Sscan(arg.Key, &i)
			require.NoError(t, err)
			require.NoError(t, w.log.Completed(w.proc.complete(i)))
		}
	case "release":
		w.log.Release(Seq(number("through")))
	case "retry":
		w.disk.capacity = 0
		w.log.Retry()
	case "pin":
		w.log.Pin(number("segment"))
	case "unpin":
		w.log.Unpin(number("segment"))
	default:
		t.Fatalf("unknown command %s", d.Cmd)
	}
	for _, line := range w.proc.history {
		out.WriteString("-> " + line + "\n")
	}
	w.proc.history = nil
	fmt.Fprintf(&out, "durable %d of %d, used %d", w.log.Durable(), w.log.Next()-1, w.log.Used())
	if at := w.log.NextTimer(); at != env.Never {
		fmt.Fprintf(&out, ", timer %d ms", at/1_000_000)
	}
	if w.log.Full() {
		out.WriteString(", full")
	}
	out.WriteByte('\n')
	return out.String()
}

func TestFailedSyncIsNeverRetried(t *testing.T) {
	for _, kind := range []diskfs.Kind{
		diskfs.WriteSync, diskfs.Sync, diskfs.SyncDir, diskfs.Allocate, diskfs.Open,
	} {
		t.Run(fmt.Sprint(kind), func(t *testing.T) {
			w := newWorld(t, smallConfig(2), 1)
			w.recover()
			w.append(100)
			w.disk.fail = func(op diskfs.Op) error {
				if op.Kind == kind {
					return fmt.Errorf("disk: %w", diskfs.ErrIO)
				}
				return nil
			}
			var err error
			for err == nil {
				w.log.EndTurn(0)
				require.NotEmpty(t, w.proc.flight)
				err = w.log.Completed(w.proc.complete(0))
			}
			require.ErrorIs(t, err, diskfs.ErrIO)
			require.ErrorContains(t, err, "wal: ")
			require.Equal(t, Failed, w.log.Phase())

			w.disk.fail = nil
			w.proc.history = nil
			w.log.Append(1, 0, []byte("late"))
			w.log.EndTurn(1 << 40)
			require.Empty(t, w.proc.history, "a failed log submits nothing")
			require.Zero(t, w.log.Durable())
			require.Equal(t, env.Never, w.log.NextTimer())
			for len(w.proc.flight) > 0 {
				require.Error(t, w.log.Completed(w.proc.complete(0)))
			}
		})
	}
}

func TestNoSpaceInsideASegmentIsAFailure(t *testing.T) {
	w := newWorld(t, smallConfig(1), 1)
	w.recover()
	w.append(10)
	w.disk.fail = func(op diskfs.Op) error {
		if op.Kind == diskfs.WriteSync {
			return diskfs.ErrNoSpace
		}
		return nil
	}
	var err error
	for err == nil {
		w.log.EndTurn(0)
		err = w.log.Completed(w.proc.complete(0))
	}
	require.ErrorIs(t, err, diskfs.ErrNoSpace)
}

func TestErrorsNameWhatFailed(t *testing.T) {
	w := newWorld(t, smallConfig(1), 1)
	w.recover()
	w.append(10)
	w.append(10)
	w.endTurn()
	for w.log.segments[0].state != segmentOpen {
		w.step()
		w.endTurn()
	}
	w.endTurn()
	boom := errors.New("boom")
	for i, f := range w.proc.flight {
		if f.op.Kind == diskfs.WriteSync {
			c := w.proc.complete(i)
			c.Err = boom
			require.EqualError(t, w.log.Completed(c), "wal: sync group 1..2 to segment 1: boom")
			return
		}
	}
	t.Fatal("no group in flight")
}

func TestRecordsMayBeLongerThanASegment(t *testing.T) {
	w := newWorld(t, smallConfig(2), 1)
	w.recover()
	for _, n := range []int{0, 1, 200 << 10, 3, 33 << 10} {
		w.append(n)
	}
	w.settle()
	for _, rec := range w.records {
		require.Equal(t, rec.payload, w.read(rec.at, len(rec.payload)))
	}
	w.start()
	report := w.recover()
	require.Equal(t, Seq(6), report.LastSeq, "five records and the mark")
	require.False(t, report.Torn)
}

func TestHandlesAreNeverReused(t *testing.T) {
	w := newWorld(t, smallConfig(2), 1)
	w.recover()
	for range 10 { // more than the handles that the test's records name
		w.log.Unbind(w.log.Bind(ID{1}))
	}
	a := w.log.Bind(ID{1})
	w.log.Unbind(a)
	b := w.log.Bind(ID{1})
	gone := w.log.Bind(ID{3}) // the highest; it is not bound any more at the restart
	w.log.Unbind(gone)
	require.NotEqual(t, a, b)
	for range 20 { // until the segment with the binding of a is gone
		w.append(5000)
		w.settle()
	}
	w.log.Release(w.log.Durable())
	w.settle()
	w.start()
	w.finish()
	id, ok := w.log.Bound(b)
	require.True(t, ok)
	require.Equal(t, ID{1}, id)
	_, ok = w.log.Bound(a)
	require.False(t, ok)
	require.Greater(t, w.log.Bind(ID{2}), gone)
}

func TestManyBindingsFillSeveralHeaderSectors(t *testing.T) {
	w := newWorld(t, smallConfig(2), 1)
	w.recover()
	for range 3000 { // 72 kB of header in segments of 32 kB
		w.bind()
	}
	for range 10 {
		w.append(9000)
		w.settle()
	}
	w.start()
	w.recover()
}

func BenchmarkAppend(b *testing.B) {
	for _, bench := range []struct{ payload, perTurn int }{
		{100, 100},
		{1 << 10, 100},
		{16 << 10, 32},
	} {
		b.Run(fmt.Sprintf("payload=%d/turn=%d", bench.payload, bench.perTurn), func(b *testing.B) {
			cfg := DefaultConfig("wal")
			disk := &instantDisk{}
			log := New(cfg, disk, env.NewRand(1, 2))
			log.Recover()
			disk.run(log)
			log.NextRecovered()
			payload := make([]byte, bench.payload)
			b.SetBytes(int64(bench.payload))
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				log.Append(1, 1, payload)
				if i%bench.perTurn == 0 {
					log.EndTurn(0)
					disk.run(log)
					log.Release(log.Durable())
				}
			}
		})
	}
}

// instantDisk completes everything and stores nothing.
type instantDisk struct {
	ops    []diskfs.Op
	handle diskfs.Handle
}

func (d *instantDisk) Submit(op diskfs.Op)      { d.ops = append(d.ops, op) }
func (d *instantDisk) NewHandle() diskfs.Handle { d.handle++; return d.handle }

func (d *instantDisk) run(log *Log) {
	for len(d.ops) > 0 {
		op := d.ops[0]
		d.ops = popFront(d.ops)
		if err := log.Completed(diskfs.Completion{
			Kind: op.Kind, Token: op.Token, N: len(op.Data),
		}); err != nil {
			panic(err)
		}
	}
}
