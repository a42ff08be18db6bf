package checker

import (
	"fmt"
	"slices"
)

// checkLeaders is P5: one leader, in one life, per (partition, epoch); one
// controller per term; only the leader of an epoch appends in it; and replicas
// agree byte for byte below the watermark.
func checkLeaders(x *index, out *verdictOf) {
	checkControllers(x, out)
	for _, v := range x.partitions {
		checkOneLeader(v, out)
		checkReplicasEqual(v, out)
	}
}

func checkControllers(x *index, out *verdictOf) {
	facts := make([]*ControllerFact, 0, len(x.h.Controllers))
	for i := range x.h.Controllers {
		facts = append(facts, &x.h.Controllers[i])
	}
	sortByMoment(facts)
	first := map[int64]*ControllerFact{}
	for _, f := range facts {
		out.judged(1)
		old := first[f.Term]
		if old == nil {
			first[f.Term] = f
			continue
		}
		if old.Node != f.Node {
			out.fail(Violation{
				Anomaly: TwoControllers, Evidence: lines(old, f),
				Sentence: fmt.Sprintf("nodes %d and %d were both controller in term %d", old.Node, f.Node, f.Term),
			})
		}
	}
}

func checkOneLeader(v *view, out *verdictOf) {
	first := map[Epoch]*LeaderFact{}
	for _, f := range v.leaders {
		out.judged(1)
		old := first[f.Epoch]
		if old == nil {
			first[f.Epoch] = f
			continue
		}
		if old.Node != f.Node || old.Incarnation != f.Incarnation {
			out.fail(Violation{
				Anomaly: TwoLeaders, Partition: v.id, Evidence: lines(old, f),
				Sentence: fmt.Sprintf("%s had two leaders in epoch %d: node %d (life %d) and node %d (life %d)",
					v.id, f.Epoch, old.Node, old.Incarnation, f.Node, f.Incarnation),
			})
		}
	}
	for _, a := range v.appends {
		out.judged(1)
		l := first[a.Epoch]
		if l == nil && !v.coverage.Leaders || l != nil && l.Node == a.Node && l.Incarnation == a.Incarnation {
			continue
		}
		evidence := []event{a}
		if l != nil {
			evidence = append(evidence, l)
		}
		out.fail(Violation{
			Anomaly: DeposedAppend, Partition: v.id, Values: a.Values[:min(1, len(a.Values))], Offsets: []Offset{a.Base}, Evidence: lines(evidence...),
			Sentence: fmt.Sprintf("node %d (life %d) appended to %s in epoch %d, which it did not begin", a.Node, a.Incarnation, v.id, a.Epoch),
		})
	}
}

// checkReplicasEqual holds every log against the first one that reaches an
// offset; equality is transitive, so one pass over all entries suffices.
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
				out.fail(differ(v, e.Offset, old.by, l, fmt.Sprintf("holds (epoch %d, v%d, sum %x) on node %d and (epoch %d, v%d, sum %x) on node %d",
					old.entry.Epoch, old.entry.Value, old.entry.Sum, old.by.Node, e.Epoch, e.Value, e.Sum, l.Node), old.entry.Value, e.Value))
				break
			}
		}
	}
	if v.topic.Compacted {
		return
	}
	// A record that one replica lacks between its own start and watermark.
	var top Offset
	for o := range first {
		top = max(top, o)
	}
	for _, l := range v.logs {
		for o := l.LogStart; o < l.Watermark && o <= top; o++ {
			old, ok := first[o]
			if ok && old.by != l && l.at(o) == nil {
				out.fail(differ(v, o, old.by, l, fmt.Sprintf("holds v%d on node %d and nothing on node %d", old.entry.Value, old.by.Node, l.Node), old.entry.Value))
				break
			}
		}
	}
}

func differ(v *view, o Offset, a, b *ReplicaLog, how string, vals ...Value) Violation {
	return Violation{
		Anomaly: ReplicasDiffer, Partition: v.id, Values: slices.Compact(vals), Offsets: []Offset{o}, Evidence: lines(a, b),
		Sentence: fmt.Sprintf("offset %d of %s, below the watermark, %s", o, v.id, how),
	}
}
