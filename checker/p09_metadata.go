package checker

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// checkMetadata is P9: admin verdicts and barrier reads are linearizable, the
// plain answers of each broker are monotonic, and all images converge.
func checkMetadata(x *index, out *verdictOf) {
	byTopic := registryOps(x.h)
	for _, name := range slices.Sorted(maps.Keys(byTopic)) {
		checkRegistry(name, byTopic[name], out)
	}
	checkTopicIDs(x.h, out)
	checkMetadataReads(x.h, out)
	checkImages(x.h, out)
}

// checkTopicIDs: every creation that was acknowledged made a topic of its own.
func checkTopicIDs(h *History, out *verdictOf) {
	made := map[string]*Admin{}
	for i := range h.Admins {
		a := &h.Admins[i]
		if a.Kind != CreateTopic || a.Outcome != Acked || a.TopicID == "" {
			continue
		}
		if first := made[a.TopicID]; first != nil {
			out.fail(Violation{
				Anomaly: TopicIDReused, Evidence: lines(first, a),
				Sentence: fmt.Sprintf("topics %q and %q were created with the same id %s",
					first.Topic, a.Topic, a.TopicID),
			})
			return
		}
		made[a.TopicID] = a
	}
}

// checkRegistry searches piece by piece. A piece ends where a barrier read ran
// alone, because that read gives the state from which the next piece starts.
func checkRegistry(name string, ops []timed[*Admin], out *verdictOf) {
	out.judged(len(ops))
	init := registryState{}
	for _, piece := range registryPieces(ops) {
		switch registry.linearize(init, piece) {
		case Fail:
			piece = registry.shrink(init, piece, func(a *Admin) bool {
				return a.Kind == DescribeTopic
			})
			var events []event
			for _, op := range piece {
				events = append(events, op.input)
			}
			out.fail(Violation{
				Anomaly: NonLinearizable, Evidence: lines(events...),
				Sentence: fmt.Sprintf("no order of %d operations on topic %q from %v on explains "+
					"their answers (it was then %v)",
					len(piece), name, piece[0].call, init),
			})
			return
		case Unknown:
			out.unknown("the search over %d operations on topic %q exceeded its bound",
				len(piece), name)
		}
		if next, ok := settledState(piece[len(piece)-1].input); ok {
			init = next
		}
	}
}

// registryPieces cuts after barrier reads that ran alone. A read without a
// configuration does not determine the state, so it cuts nothing.
func registryPieces(ops []timed[*Admin]) [][]timed[*Admin] {
	var out [][]timed[*Admin]
	start := 0
	var latest Moment
	for i, op := range ops {
		_, settles := settledState(op.input)
		alone := (i == 0 || latest.Before(op.call)) &&
			(i+1 == len(ops) || op.ret.Before(ops[i+1].call))
		if i == 0 || latest.Before(op.ret) {
			latest = op.ret
		}
		if settles && alone {
			out = append(out, ops[start:i+1:i+1])
			start = i + 1
		}
	}
	if start < len(ops) {
		out = append(out, ops[start:])
	}
	return out
}

// settledState is the whole state of a topic, if a barrier read shows it.
func settledState(a *Admin) (registryState, bool) {
	if a.Kind != DescribeTopic || a.Outcome == Ambiguous {
		return registryState{}, false
	}
	if a.Outcome == Failed {
		return registryState{}, true
	}
	if a.TopicID == "" || a.Config == nil {
		return registryState{}, false
	}
	return registryState{
		exists: true, id: a.TopicID, config: *a.Config, partitions: a.Partitions,
	}, true
}

// checkMetadataReads compares each broker's answers with its own earlier ones.
// Only reads that follow one another in real time are compared.
func checkMetadataReads(h *History, out *verdictOf) {
	type source struct {
		node  NodeID
		topic string
	}
	reads := map[source][]*MetadataRead{}
	var sources []source
	for i := range h.MetadataSeen {
		m := &h.MetadataSeen[i]
		s := source{m.Node, m.Topic}
		if reads[s] == nil {
			sources = append(sources, s)
		}
		reads[s] = append(reads[s], m)
	}
	slices.SortFunc(sources, func(a, b source) int {
		return cmp.Or(cmp.Compare(a.node, b.node), cmp.Compare(a.topic, b.topic))
	})
	for _, s := range sources {
		sortByMoment(reads[s])
		out.judged(len(reads[s]))
		checkIdentityOrder(reads[s], out)
		checkEpochOrder(reads[s], out)
	}
}

// checkIdentityOrder: ids are never reused, so a broker that has answered an id
// and then something else must not answer that id again.
func checkIdentityOrder(reads []*MetadataRead, out *verdictOf) {
	seen := map[string]*MetadataRead{} // the first to return, by id
	var ids []string
	for _, r := range reads {
		if r.TopicID == "" {
			continue
		}
		if first := seen[r.TopicID]; first == nil {
			ids = append(ids, r.TopicID)
			seen[r.TopicID] = r
		} else if r.Return.Before(first.Return) {
			seen[r.TopicID] = r
		}
	}
	for _, id := range ids {
		var left *MetadataRead // the first to show that the broker has moved on from id
		for _, r := range reads {
			if r.TopicID != id && seen[id].Return.Before(r.Call) &&
				(left == nil || r.Return.Before(left.Return)) {
				left = r
			}
		}
		for _, r := range reads {
			if left != nil && r.TopicID == id && left.Return.Before(r.Call) {
				out.fail(Violation{
					Anomaly: MetadataBack, Evidence: lines(seen[id], left, r),
					Sentence: fmt.Sprintf("node %d answered id %s for topic %q again after it "+
						"had moved on from it", r.Node, id, r.Topic),
				})
				break
			}
		}
	}
}

// checkEpochOrder: the leader epochs that a broker answers never go down.
func checkEpochOrder(reads []*MetadataRead, out *verdictOf) {
	type key struct {
		id        string
		partition int
	}
	byReturn := slices.Clone(reads)
	slices.SortStableFunc(byReturn, func(a, b *MetadataRead) int {
		return a.Return.compare(b.Return)
	})
	highest := map[key]*MetadataRead{}
	absorbed := 0
	for _, r := range reads {
		for absorbed < len(byReturn) && byReturn[absorbed].Return.Before(r.Call) {
			old := byReturn[absorbed]
			absorbed++
			for i, e := range old.Epochs {
				if best := highest[key{old.TopicID, i}]; best == nil || e > best.Epochs[i] {
					highest[key{old.TopicID, i}] = old
				}
			}
		}
		for i, e := range r.Epochs {
			old := highest[key{r.TopicID, i}]
			if old == nil || e >= old.Epochs[i] {
				continue
			}
			out.fail(Violation{
				Anomaly: MetadataBack, Evidence: lines(old, r),
				Sentence: fmt.Sprintf("node %d's leader epoch of %q partition %d went down from "+
					"%d to %d", r.Node, r.Topic, i, old.Epochs[i], e),
			})
			return
		}
	}
}

// checkImages: equal indexes mean equal images, and at the end all are equal.
func checkImages(h *History, out *verdictOf) {
	byIndex := map[int64]*ImageFact{}
	var final *ImageFact
	for i := range h.Images {
		f := &h.Images[i]
		out.judged(1)
		if old := byIndex[f.Index]; old == nil {
			byIndex[f.Index] = f
		} else if old.Hash != f.Hash {
			out.fail(Violation{
				Anomaly: ImagesDiffer, Evidence: lines(old, f),
				Sentence: fmt.Sprintf("nodes %d and %d hold different metadata at index %d",
					old.Node, f.Node, f.Index),
			})
		}
		if !f.Final {
			continue
		}
		if final == nil {
			final = f
		} else if final.Hash != f.Hash {
			out.fail(Violation{
				Anomaly: ImagesDiffer, Evidence: lines(final, f),
				Sentence: fmt.Sprintf("nodes %d and %d did not converge: their metadata differs "+
					"after healing", final.Node, f.Node),
			})
		}
	}
}
