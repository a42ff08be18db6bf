package wal

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/stretchr/testify/require"

	"example.com/lockstep/diskfs"
)

// The transcripts in testdata/recovery damage a log and recover it. Besides the commands of
// TestTranscripts:
//
//	rot record=SEQ       flips bytes of the record's payload
//	rot header=N         flips bytes of the header of segment N
//	unreadable record=SEQ    the disk returns an error for the record; readable ends that
//	recover [expect=SEQ] starts the next incarnation; prints the records and the report
//
// A record has the sequence that its append printed. Each turn makes a group of the records that
// were appended before it.
func TestRecoveryTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata/recovery", func(t *testing.T, path string) {
		var w *world
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "open":
				cfg := smallConfig(1)
				d.MaybeScanArgs(t, "inflight", &cfg.InFlight)
				w = newWorld(t, cfg, 1)
				w.recover()
				w.proc.history = nil
				return ""
			case "rot", "unreadable", "readable":
				w.damage(t, d)
				return ""
			case "recover":
				return w.report(t, d)
			}
			w.command(t, d)
			return ""
		})
	})
}

// damage changes what is on the disk, or what the disk returns.
func (w *world) damage(t *testing.T, d *datadriven.TestData) {
	w.disk.fail = nil
	if d.Cmd == "readable" {
		return
	}
	var seq, segment uint64
	offset := int64(0)
	if d.MaybeScanArgs(t, "record", &seq) {
		at := w.records[Seq(seq)].at
		segment, offset = at.Segment, at.Offset
	} else {
		d.ScanArgs(t, "header", &segment)
	}
	f := w.file(segment)
	if d.Cmd == "rot" {
		for i := range int64(8) {
			f.data[offset+i] ^= 0xff
			f.durable[offset+i] ^= 0xff
		}
		return
	}
	w.disk.fail = func(op diskfs.Op) error {
		if op.Kind == diskfs.Read && w.proc.handles[op.Handle] == f &&
			op.Offset <= offset && offset < op.Offset+int64(len(op.Data)) {
			return fmt.Errorf("read: %w", diskfs.ErrIO)
		}
		return nil
	}
}

// report recovers and prints what was found.
func (w *world) report(t *testing.T, d *datadriven.TestData) string {
	w.proc = w.disk.start()
	w.log = New(w.cfg, w.proc, w.rand)
	var expect uint64
	if d.MaybeScanArgs(t, "expect", &expect) {
		w.log.Expect(Seq(expect))
	}
	w.log.Recover()
	got := w.finish()
	var seqs []string
	for _, rec := range got {
		want, ok := w.records[rec.Seq]
		require.True(t, ok && string(want.payload) == string(rec.Payload), "record %d", rec.Seq)
		seqs = append(seqs, fmt.Sprint(rec.Seq))
	}
	r := w.log.Recovery()
	var b strings.Builder
	fmt.Fprintf(&b, "records: %s\n", strings.Join(seqs, " "))
	fmt.Fprintf(&b, "the log: %d to %d", r.FirstSeq, r.LastSeq)
	if r.Torn {
		b.WriteString(", then a torn group")
	}
	b.WriteByte('\n')
	for _, damage := range r.Damage {
		missing := fmt.Sprintf("%d to %d missing", damage.First, damage.Last)
		if damage.First > damage.Last {
			missing = "no record missing"
		}
		fmt.Fprintf(&b, "damage: %s, %v\n", missing, damage.Reason)
	}
	if r.Doubtful() {
		b.WriteString("doubtful: no file is removed\n")
	}
	return b.String()
}
