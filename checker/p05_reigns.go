package checker

import (
	"fmt"
	"math"
)

// reigns holds the leaders of one partition, epoch by epoch, and what they
// committed.
type reigns struct {
	id       Partition
	coverage Coverage
	of       map[Epoch]*reign
	// committed is the lineage of what some leader had below its watermark: the
	// offsets in [from, end). by is the fact that shows it.
	committed Lineage
	from, end Offset
	by        *ReplicaFact
	// unclean are the first epochs that began after unclean elections. What was committed
	// before such an epoch may be lost, and does not count from there on.
	unclean   map[Epoch]bool
	elections map[Epoch]bool
}

// reign is one leadership.
type reign struct {
	fact *LeaderFact
	end  Offset // of its log, as far as appends were recorded
	// The fact with its highest watermark, if above those of all leaders
	// before; nil: it committed nothing.
	by *ReplicaFact
}

func newReigns(id Partition, c Coverage) *reigns {
	return &reigns{id: id, coverage: c, of: map[Epoch]*reign{},
		unclean: map[Epoch]bool{}, elections: map[Epoch]bool{}}
}

// lineage is that of the leader's log.
func (r *reign) lineage() Lineage {
	l := r.fact.Lineage
	return append(l[:len(l):len(l)], EpochStart{r.fact.Epoch, r.fact.LogEnd})
}

// take judges the next fact, which is kept.
func (r *reigns) take(fact event, report func(Violation)) {
	switch f := fact.(type) {
	case *LeaderFact:
		r.begin(f, report)
	case *AppendFact:
		r.append(f, report)
	case *FollowerFact:
		r.follow(f, report)
	case *CutFact:
		r.cut(f, report)
	case *ReplicaFact:
		r.commit(f)
	}
}

// begin takes a new leadership. It must be the only one of its epoch, and its
// log must hold everything that leaders of earlier epochs committed (leader
// completeness). What leaders of later epochs committed does not matter: a node
// that was frozen when it was elected begins its epoch long after another has
// succeeded it.
func (r *reigns) begin(f *LeaderFact, report func(Violation)) {
	if old := r.of[f.Epoch]; old != nil {
		if old.fact.Node != f.Node || old.fact.Incarnation != f.Incarnation {
			report(Violation{
				Anomaly: TwoLeaders, Partition: r.id, Evidence: lines(old.fact, f),
				Sentence: fmt.Sprintf("%s had two leaders in epoch %d: node %d (incarnation %d) "+
					"and node %d (incarnation %d)",
					r.id, f.Epoch, old.fact.Node, old.fact.Incarnation, f.Node, f.Incarnation),
			})
		}
		return
	}
	next := &reign{fact: f, end: f.LogEnd}
	r.of[f.Epoch] = next
	r.forget(f)
	last := r.lastBefore(f.Epoch)
	if f.Lineage == nil || last == nil {
		return
	}
	lacks := func(at Offset, how string) {
		report(Violation{
			Anomaly: LeaderLacks, Partition: r.id, Offsets: []Offset{at},
			Evidence: lines(last.by, f),
			Sentence: fmt.Sprintf("node %d leads %s in epoch %d, but offset %d, which was "+
				"committed, %s", f.Node, r.id, f.Epoch, at, how),
		})
	}
	if at, differ := next.lineage().parts(max(f.LogStart, last.fact.LogStart),
		min(f.LogEnd, last.by.Watermark), last.lineage()); differ {
		lacks(at, "is of another epoch in its log")
	} else if f.LogEnd < last.by.Watermark {
		lacks(f.LogEnd, "is not in its log")
	}
}

// forget takes note of a leader that is the first after an unclean election, as far as was seen.
func (r *reigns) forget(f *LeaderFact) {
	if f.Unclean == 0 || r.elections[f.Unclean] && f.Unclean != f.Epoch {
		return
	}
	r.elections[f.Unclean], r.unclean[f.Epoch] = true, true
	if f.Epoch == r.since(math.MaxInt32) {
		r.committed, r.from, r.end, r.by = nil, 0, 0, nil
	}
}

// since is the last epoch up to e that began after an unclean election; 0 if none did.
func (r *reigns) since(e Epoch) (last Epoch) {
	for epoch := range r.unclean {
		if epoch <= e {
			last = max(last, epoch)
		}
	}
	return last
}

// lastBefore is the reign before an epoch that committed most; nil if none did.
func (r *reigns) lastBefore(e Epoch) (last *reign) {
	since := r.since(e)
	for epoch, l := range r.of {
		if epoch < since || epoch >= e || l.by == nil {
			continue
		}
		if last == nil || l.by.Watermark > last.by.Watermark {
			last = l
		}
	}
	return last
}

// append takes an append: it must be by the leader that began the epoch.
func (r *reigns) append(a *AppendFact, report func(Violation)) {
	l := r.of[a.Epoch]
	if l == nil && !r.coverage.Leaders ||
		l != nil && l.fact.Node == a.Node && l.fact.Incarnation == a.Incarnation {
		if l != nil {
			l.end = max(l.end, a.Base+Offset(len(a.Values)))
		}
		return
	}
	evidence := []event{a}
	if l != nil {
		evidence = append(evidence, l.fact)
	}
	report(Violation{
		Anomaly: DeposedAppend, Partition: r.id, Values: a.Values[:min(1, len(a.Values))],
		Offsets: []Offset{a.Base}, Evidence: lines(evidence...),
		Sentence: fmt.Sprintf("node %d (incarnation %d) appended to %s in epoch %d, which it did "+
			"not begin", a.Node, a.Incarnation, r.id, a.Epoch),
	})
}

// follow takes the log of a follower: it must be a prefix of the log of the
// leader of the epoch that it has adopted. What another leader appended is not
// in such a prefix.
func (r *reigns) follow(f *FollowerFact, report func(Violation)) {
	l := r.of[f.Epoch]
	if l == nil || l.fact.Lineage == nil {
		return
	}
	fail := func(at Offset, how string) {
		report(Violation{
			Anomaly: FollowerStrays, Partition: r.id, Offsets: []Offset{at},
			Evidence: lines(l.fact, f),
			Sentence: fmt.Sprintf("node %d follows node %d in epoch %d of %s, but %s",
				f.Node, l.fact.Node, f.Epoch, r.id, how),
		})
	}
	lineage := l.lineage()
	if at, differ := f.Lineage.parts(max(f.LogStart, l.fact.LogStart), f.LogEnd, lineage); differ {
		fail(at, fmt.Sprintf("its log is %v up to %d and its leader's %v: they part at offset %d",
			f.Lineage, f.LogEnd, lineage, at))
	} else if r.coverage.Appends && f.LogEnd > l.end {
		fail(l.end, fmt.Sprintf("its log ends at %d and its leader's at %d", f.LogEnd, l.end))
	}
}

// cut takes the shortening of a log. What is not committed may be cut. A record
// must be cut if another record is committed at its offset.
func (r *reigns) cut(f *CutFact, report func(Violation)) {
	from, to := max(f.To, r.from), min(f.From, r.end)
	if r.by == nil || from >= to {
		return
	}
	if at, differ := f.Lineage.parts(from, to, r.committed); differ && at == from {
		return
	}
	report(Violation{
		Anomaly: CommittedCut, Partition: r.id, Offsets: []Offset{from}, Evidence: lines(r.by, f),
		Sentence: fmt.Sprintf("node %d cut %s from %d to %d, but offset %d, which it had, is "+
			"committed", f.Node, r.id, f.From, f.To, from),
	})
}

// commit takes a leader's watermark.
func (r *reigns) commit(f *ReplicaFact) {
	l := r.of[f.Epoch]
	if len(f.ISR) == 0 || l == nil || l.fact.Lineage == nil || f.Watermark <= r.end ||
		f.Epoch < r.since(math.MaxInt32) {
		return
	}
	r.committed, r.from, r.end, r.by = l.lineage(), l.fact.LogStart, f.Watermark, f
	l.by = f
}
