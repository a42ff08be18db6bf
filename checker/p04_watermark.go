package checker

import "fmt"

// checkWatermarks is P4: the watermark of a replica incarnation never goes
// back and never passes what the whole in-sync set has made durable; a follower
// is never ahead of what some leader committed; log starts never go back; and
// no consumer is given a record at or above the watermark it is told.
func checkWatermarks(x *index, out *verdictOf) {
	for _, v := range x.partitions {
		checkReplicaFacts(v, out)
		for _, f := range v.fetches {
			n := len(f.Records)
			if n == 0 || f.Watermark < 0 {
				continue
			}
			out.judged(1)
			if last := f.Records[n-1]; last.Offset >= f.Watermark {
				out.fail(Violation{
					Anomaly: BeyondWatermark, Partition: v.id, Values: []Value{last.Value}, Offsets: []Offset{last.Offset}, Evidence: lines(f),
					Sentence: fmt.Sprintf("a consumer of %s was given offset %d with watermark %d", v.id, last.Offset, f.Watermark),
				})
			}
		}
	}
}

func checkReplicaFacts(v *view, out *verdictOf) {
	type life struct {
		node        NodeID
		incarnation Incarnation
	}
	last := map[life]*ReplicaFact{}
	var ahead *ReplicaFact // the leader's fact with the highest watermark yet
	for _, f := range v.replicas {
		out.judged(1)
		old := last[life{f.Node, f.Incarnation}]
		last[life{f.Node, f.Incarnation}] = f
		fail := func(anomaly, sentence string, events ...event) {
			out.fail(Violation{Anomaly: anomaly, Partition: v.id, Offsets: []Offset{f.Watermark}, Evidence: lines(events...), Sentence: sentence})
		}
		if old != nil && f.Watermark < old.Watermark {
			fail(WatermarkBack, fmt.Sprintf("the watermark of %s on node %d went back from %d to %d within one life", v.id, f.Node, old.Watermark, f.Watermark), old, f)
		}
		if old != nil && f.LogStart < old.LogStart {
			fail(LogStartBack, fmt.Sprintf("the log start of %s on node %d went back from %d to %d within one life", v.id, f.Node, old.LogStart, f.LogStart), old, f)
		}
		if f.Watermark > f.LogEnd {
			fail(WatermarkHigh, fmt.Sprintf("the watermark of %s on node %d is %d, beyond its log end %d", v.id, f.Node, f.Watermark, f.LogEnd), f)
		}
		if len(f.ISR) > 0 {
			for _, m := range f.ISR {
				if f.Watermark > m.DurableEnd {
					fail(WatermarkHigh, fmt.Sprintf("leader %d of %s has watermark %d while in-sync node %d is durable only to %d", f.Node, v.id, f.Watermark, m.Node, m.DurableEnd), f)
					break
				}
			}
			if ahead == nil || f.Watermark > ahead.Watermark {
				ahead = f
			}
		} else if ahead != nil && f.Watermark > ahead.Watermark {
			fail(WatermarkHigh, fmt.Sprintf("follower %d of %s has watermark %d, but no leader had committed beyond %d", f.Node, v.id, f.Watermark, ahead.Watermark), ahead, f)
		}
	}
}
