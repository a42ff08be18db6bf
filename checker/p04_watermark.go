package checker

import "fmt"

// checkWatermarks is P4. Within an incarnation, a replica's watermark and log
// start never go back. A watermark never passes what the whole in-sync set has
// made durable, and a follower's never what some leader has committed. A
// consumer gets no record at or above the watermark that its answer names. For
// log starts, see starts.
func checkWatermarks(x *index, out *verdictOf) {
	for _, v := range x.partitions {
		checkReplicaFacts(v, out)
		checkStarts(v, out)
		for _, f := range v.fetches {
			if len(f.Records) > 0 && f.Watermark >= 0 {
				out.judged(1)
				judgeFetched(f, out.fail)
			}
		}
	}
}

// judgeFetched: a consumer gets no record at or above the answered watermark.
func judgeFetched(f *Fetch, report func(Violation)) {
	n := len(f.Records)
	if n == 0 || f.Watermark < 0 || f.Records[n-1].Offset < f.Watermark {
		return
	}
	last := f.Records[n-1]
	report(Violation{
		Anomaly: BeyondWatermark, Partition: f.Partition, Values: []Value{last.Value},
		Offsets: []Offset{last.Offset}, Evidence: lines(f),
		Sentence: fmt.Sprintf("a consumer of %s was given offset %d with watermark %d",
			f.Partition, last.Offset, f.Watermark),
	})
}

func checkReplicaFacts(v *view, out *verdictOf) {
	state := newWatermarks(v.id)
	for _, f := range v.replicas {
		out.judged(1)
		state.take(f, out.fail)
	}
}

// watermarks is what has been seen of the replicas of one partition.
type watermarks struct {
	id    Partition
	last  map[incarnation]*ReplicaFact
	ahead *ReplicaFact // the leader's fact with the highest watermark yet
}

// incarnation is one incarnation of a node.
type incarnation struct {
	node        NodeID
	incarnation Incarnation
}

func newWatermarks(id Partition) *watermarks {
	return &watermarks{id: id, last: map[incarnation]*ReplicaFact{}}
}

// take judges the next fact and keeps it.
func (w *watermarks) take(f *ReplicaFact, report func(Violation)) {
	old := w.last[incarnation{f.Node, f.Incarnation}]
	w.last[incarnation{f.Node, f.Incarnation}] = f
	if f.Offline {
		old = nil // its log begins again
	}
	fail := func(anomaly, sentence string, events ...event) {
		report(Violation{
			Anomaly: anomaly, Partition: w.id, Offsets: []Offset{f.Watermark},
			Evidence: lines(events...), Sentence: sentence,
		})
	}
	if old != nil && f.Watermark < old.Watermark {
		fail(WatermarkBack,
			fmt.Sprintf("the watermark of %s on node %d went back from %d to %d within one "+
				"incarnation",
				w.id, f.Node, old.Watermark, f.Watermark), old, f)
	}
	if old != nil && f.LogStart < old.LogStart {
		fail(LogStartBack,
			fmt.Sprintf("the log start of %s on node %d went back from %d to %d within one "+
				"incarnation",
				w.id, f.Node, old.LogStart, f.LogStart), old, f)
	}
	if f.Watermark > f.LogEnd {
		fail(WatermarkHigh,
			fmt.Sprintf("the watermark of %s on node %d is %d, beyond its log end %d",
				w.id, f.Node, f.Watermark, f.LogEnd), f)
	}
	reigns := old != nil && len(old.ISR) > 0 && old.Epoch == f.Epoch
	// The number may have changed after the watermark moved, in one turn.
	if reigns && f.Watermark > old.Watermark && len(f.ISR) < min(old.MinInSync, f.MinInSync) {
		fail(CommitBelowMin,
			fmt.Sprintf("leader %d of %s moved its watermark from %d to %d with %d in-sync "+
				"replicas, of %d that it needs",
				f.Node, w.id, old.Watermark, f.Watermark, len(f.ISR), f.MinInSync), old, f)
	}
	if len(f.ISR) > 0 {
		for _, m := range f.ISR {
			if f.Watermark > m.DurableEnd {
				fail(WatermarkHigh,
					fmt.Sprintf("leader %d of %s has watermark %d while in-sync node %d is "+
						"durable only to %d", f.Node, w.id, f.Watermark, m.Node, m.DurableEnd), f)
				break
			}
		}
		if w.ahead == nil || f.Watermark > w.ahead.Watermark {
			w.ahead = f
		}
	} else if w.ahead != nil && f.Watermark > w.ahead.Watermark {
		fail(WatermarkHigh,
			fmt.Sprintf("follower %d of %s has watermark %d, but no leader had committed beyond %d",
				f.Node, w.id, f.Watermark, w.ahead.Watermark), w.ahead, f)
	}
}
