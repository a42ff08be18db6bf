package checker

import (
	"cmp"
	"fmt"
	"slices"
)

// The part of P4 about log starts. What a leader lets go is justified: a client has asked for it
// (DeleteRecords), or every batch of it was older than retention.ms on the leader's clock, or as
// many bytes as retention.bytes were left behind it. No replica removes more than some leader has
// let go. And the log start that clients see never goes back from a leader to a later one.

// starts is what was seen of the log starts of one partition.
type starts struct {
	id        Partition
	deletions []*Deletion
	appends   []*AppendFact          // by base: the log, as the newest epoch has it
	justified Offset                 // replicas may begin at or below this
	shown     map[Epoch]*ReplicaFact // the highest start that clients of each leader saw
}

func newStarts(id Partition) *starts {
	return &starts{id: id, shown: map[Epoch]*ReplicaFact{}}
}

// deletion takes a request, when it is sent.
func (s *starts) deletion(d *Deletion) { s.deletions = append(s.deletions, d) }

// append takes an append.
func (s *starts) append(f *AppendFact) {
	if n := len(s.appends); n > 0 && s.appends[n-1].Epoch > f.Epoch {
		return // by a leader that was deposed
	}
	i, _ := slices.BinarySearchFunc(s.appends, f.Base, func(a *AppendFact, base Offset) int {
		return cmp.Compare(a.Base, base)
	})
	// What lay at and above its base was truncated.
	s.appends = append(s.appends[:i], f)
}

// want takes what a leader lets go.
func (s *starts) want(f *StartFact, report func(Violation)) {
	if !s.asked(f) {
		if b := s.young(f); b != nil {
			report(Violation{
				Anomaly: StartUnjustified, Partition: s.id, Offsets: []Offset{b.Base},
				Evidence: lines(b, f),
				Sentence: fmt.Sprintf("leader %d of %s lets go what lies below %d, but nobody "+
					"asked for that, and the batch at %d is neither old enough nor in the way of "+
					"retention.bytes", f.Node, s.id, f.To, b.Base),
			})
		}
	}
	s.justified = max(s.justified, f.To)
}

// asked says whether a client has asked for the start.
func (s *starts) asked(f *StartFact) bool {
	return slices.ContainsFunc(s.deletions, func(d *Deletion) bool {
		return d.Call.Before(f.At) && (d.Offset >= f.To || d.Offset < 0 && f.To <= f.Watermark)
	})
}

// young returns a batch that retention must keep; nil if there is none.
func (s *starts) young(f *StartFact) *AppendFact {
	behind := int64(0)
	for i := len(s.appends) - 1; i >= 0; i-- {
		b := s.appends[i]
		end := b.Base + Offset(len(b.Values))
		old := f.RetentionMs >= 0 && b.MaxMs >= 0 && b.MaxMs < f.WallMs-f.RetentionMs
		big := f.RetentionBytes >= 0 && behind >= f.RetentionBytes
		if end > f.From && b.Base < f.To && !old && !big {
			return b
		}
		if end <= f.LogEnd {
			behind += b.Bytes
		}
	}
	return nil
}

// replica takes the log start of a replica.
func (s *starts) replica(f *ReplicaFact, report func(Violation)) {
	if f.LogStart > s.justified {
		report(Violation{
			Anomaly: StartUnjustified, Partition: s.id, Offsets: []Offset{f.LogStart},
			Evidence: lines(f),
			Sentence: fmt.Sprintf("%s begins at %d on node %d, and no leader has let go more than "+
				"what lies below %d", s.id, f.LogStart, f.Node, s.justified),
		})
		s.justified = f.LogStart // one report is enough
	}
	if !f.Shown || len(f.ISR) == 0 {
		return
	}
	for epoch, old := range s.shown {
		if epoch < f.Epoch && old.LogStart > f.LogStart {
			report(Violation{
				Anomaly: LogStartBack, Partition: s.id, Offsets: []Offset{f.LogStart, old.LogStart},
				Evidence: lines(old, f),
				Sentence: fmt.Sprintf("clients saw that %s begins at %d on node %d in epoch %d, "+
					"and then at %d on node %d in epoch %d", s.id, old.LogStart, old.Node, epoch,
					f.LogStart, f.Node, f.Epoch),
			})
			break
		}
	}
	if old := s.shown[f.Epoch]; old == nil || old.LogStart < f.LogStart {
		s.shown[f.Epoch] = f
	}
}

// checkStarts takes all of that in the order in which it happened.
func checkStarts(v *view, out *verdictOf) {
	state := newStarts(v.id)
	var facts []event
	facts = events(facts, v.deletions)
	facts = events(facts, v.appends)
	facts = events(facts, v.starts)
	facts = events(facts, v.replicas)
	sortByMoment(facts)
	out.judged(len(v.starts))
	for _, f := range facts {
		switch f := f.(type) {
		case *Deletion:
			state.deletion(f)
		case *AppendFact:
			state.append(f)
		case *StartFact:
			state.want(f, out.fail)
		case *ReplicaFact:
			if v.trimmed == 0 || len(v.starts) > 0 { // histories made by hand have Trims alone
				state.replica(f, out.fail)
			}
		}
	}
}
