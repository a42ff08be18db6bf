package checker

import (
	"fmt"
	"slices"
)

// checkLeaders is P5. Each (partition, epoch) has one leader, in one
// incarnation, and each term one controller. Only the leader of an epoch
// appends in it. A leader begins with everything that was committed before. A
// follower holds what its leader holds. No replica cuts off what is committed.
// Replicas agree byte for byte below the watermark.
func checkLeaders(x *index, out *verdictOf) {
	checkControllers(x, out)
	for _, v := range x.partitions {
		checkReigns(v, out)
		checkReplicasEqual(v, out)
	}
}

func checkControllers(x *index, out *verdictOf) {
	facts := make([]*ControllerFact, 0, len(x.h.Controllers))
	for i := range x.h.Controllers {
		facts = append(facts, &x.h.Controllers[i])
	}
	sortByMoment(facts)
	state := terms{}
	for _, f := range facts {
		out.judged(1)
		state.take(f, out.fail)
	}
}

// terms knows the first controller of each term.
type terms map[int64]*ControllerFact

// take judges the next fact and keeps it.
func (t terms) take(f *ControllerFact, report func(Violation)) {
	old := t[f.Term]
	if old == nil {
		t[f.Term] = f
		return
	}
	if old.Node != f.Node {
		report(Violation{
			Anomaly: TwoControllers, Evidence: lines(old, f),
			Sentence: fmt.Sprintf("nodes %d and %d were both controller in term %d",
				old.Node, f.Node, f.Term),
		})
	}
}

// checkReigns takes the facts about the leaders of a partition and about their
// followers, in the order in which they happened.
func checkReigns(v *view, out *verdictOf) {
	facts := make([]event, 0,
		len(v.leaders)+len(v.appends)+len(v.replicas)+len(v.follows)+len(v.cuts))
	facts = events(facts, v.leaders)
	facts = events(facts, v.appends)
	facts = events(facts, v.replicas)
	facts = events(facts, v.follows)
	facts = events(facts, v.cuts)
	sortByMoment(facts)
	out.judged(len(v.leaders) + len(v.appends) + len(v.follows))
	state := newReigns(v.id, v.coverage)
	for _, f := range facts {
		state.take(f, out.fail)
	}
}

// checkReplicasEqual compares every log with the first one that reaches an
// offset; equality is transitive, so one pass over all entries is enough.
func checkReplicasEqual(v *view, out *verdictOf) {
	type held struct {
		entry *Entry
		by    *ReplicaLog
	}
	first := map[Offset]held{}
	for _, l := range v.logs {
		for i := range l.Entries {
			e := &l.Entries[i]
			if e.Offset >= l.Watermark {
				break
			}
			out.judged(1)
			old, ok := first[e.Offset]
			if !ok {
				first[e.Offset] = held{e, l}
				continue
			}
			if *old.entry != *e {
				out.fail(differ(v, e.Offset, old.by,
					l,
					fmt.Sprintf("holds (epoch %d, v%d, sum %x) on node %d and (epoch %d, v%d, "+
						"sum %x) on node %d",
						old.entry.Epoch, old.entry.Value, old.entry.Sum, old.by.Node, e.Epoch,
						e.Value, e.Sum, l.Node), old.entry.Value, e.Value))
				break
			}
		}
	}
	if v.topic.Compacted {
		return
	}
	// A replica without a record between its own start and watermark.
	var top Offset
	for o := range first {
		top = max(top, o)
	}
	for _, l := range v.logs {
		for o := l.LogStart; o < l.Watermark && o <= top; o++ {
			old, ok := first[o]
			if ok && old.by != l && l.at(o) == nil {
				out.fail(differ(v, o, old.by, l,
					fmt.Sprintf("holds v%d on node %d and nothing on node %d",
						old.entry.Value, old.by.Node, l.Node), old.entry.Value))
				break
			}
		}
	}
}

func differ(v *view, o Offset, a, b *ReplicaLog, how string, vals ...Value) Violation {
	return Violation{
		Anomaly: ReplicasDiffer, Partition: v.id, Values: slices.Compact(vals),
		Offsets: []Offset{o}, Evidence: lines(a, b),
		Sentence: fmt.Sprintf("offset %d of %s, below the watermark, %s", o, v.id, how),
	}
}
