package checker

import (
	"cmp"
	"fmt"
	"slices"
)

// checkProducers is P6: a batch of an idempotent producer appears once, and
// batches appear in the order of their sequences, also after leader changes and
// restarts. For every producer, requests of one connection enter the log in the
// order in which they were sent. A producer id is given out only once.
func checkProducers(x *index, out *verdictOf) {
	checkProducerIDs(x, out)
	for _, v := range x.partitions {
		checkOnce(v, out)
		checkSequences(v, out)
		checkSendOrder(v, out)
	}
}

func checkProducerIDs(x *index, out *verdictOf) {
	type identity struct {
		producer int64
		epoch    int16
	}
	first := map[identity]*InitProducer{}
	for i := range x.h.ProducerIDs {
		p := &x.h.ProducerIDs[i]
		out.judged(1)
		old := first[identity{p.Producer, p.Epoch}]
		first[identity{p.Producer, p.Epoch}] = p
		if old != nil {
			out.fail(Violation{
				Anomaly: ProducerIDReused, Evidence: lines(old, p),
				Sentence: fmt.Sprintf("producer id %d with epoch %d was given out twice, to "+
					"clients %d and %d", p.Producer, p.Epoch, old.Client, p.Client),
			})
		}
	}
}

// checkOnce: no value of an idempotent producer has two committed offsets.
func checkOnce(v *view, out *verdictOf) {
	for _, p := range v.produces {
		if p.Producer == NoProducer {
			continue
		}
		out.judged(1)
		for _, val := range p.Values {
			seen := v.sightings[val]
			if len(seen) < 2 || v.attempts[val][0] != p {
				continue
			}
			out.fail(Violation{
				Anomaly: Duplicate, Partition: v.id, Values: []Value{val}, Offsets: offsetsOf(seen),
				Evidence: attemptLines(v.attempts[val], seen),
				Sentence: fmt.Sprintf("v%d of idempotent producer %d is at offsets %d and %d of %s",
					val, p.Producer, seen[0].offset, seen[1].offset, v.id),
			})
			break
		}
	}
}

// sequenceAt is a producer's last position in the log.
type sequenceAt struct {
	epoch    int16
	sequence int32
	value    Value
	offset   Offset
	by       *Produce
}

// checkSequences walks the committed log and compares each record of an
// idempotent producer with the one before it.
func checkSequences(v *view, out *verdictOf) {
	committed, complete := committedOrder(v)
	last := map[int64]sequenceAt{}
	for _, s := range committed {
		attempts := v.attempts[s.value]
		if len(attempts) == 0 || attempts[0].Producer == NoProducer {
			continue
		}
		p := attempts[0]
		here := sequenceAt{p.ProducerEpoch, sequenceOf(p, s.value), s.value, s.offset, p}
		old, ok := last[p.Producer]
		if ok && old.value == here.value {
			continue // a duplicate: checkOnce reports it
		}
		violation := Violation{
			Partition: v.id, Values: []Value{old.value, here.value},
			Offsets: []Offset{old.offset, here.offset},
		}
		switch {
		case !ok || here.epoch > old.epoch:
		case here.epoch < old.epoch || sequenceBefore(here.sequence, old.sequence):
			violation.Anomaly = NonmonotonicSend
			violation.Sentence = fmt.Sprintf("producer %d's v%d (epoch %d, sequence %d) is at "+
				"offset %d of %s, after v%d (epoch %d, sequence %d) at offset %d",
				p.Producer, here.value, here.epoch, here.sequence, here.offset, v.id, old.value,
				old.epoch, old.sequence, old.offset)
		case complete && here.sequence != nextSequence(old.sequence):
			violation.Anomaly = SequenceGap
			violation.Sentence = fmt.Sprintf("producer %d's sequences jump from %d to %d between "+
				"offsets %d and %d of %s",
				p.Producer, old.sequence, here.sequence, old.offset, here.offset, v.id)
		}
		if violation.Anomaly != "" {
			violation.Evidence = lines(old.by, p)
			out.fail(violation)
			continue // compare the rest with the highest sequence so far
		}
		last[p.Producer] = here
	}
}

// committedOrder is the committed log by offset. complete says that it has no
// holes, because it comes from a final log.
func committedOrder(v *view) (order []sighting, complete bool) {
	if best := longestLog(v); best != nil {
		for i := range best.Entries {
			if e := &best.Entries[i]; e.Offset < best.Watermark && !e.Control {
				order = append(order, sighting{e.Offset, e.Value, best})
			}
		}
		return order, !v.topic.Compacted
	}
	seen := map[Offset]bool{}
	v.eachCommitted(func(s sighting) {
		if !seen[s.offset] {
			seen[s.offset] = true
			order = append(order, s)
		}
	})
	slices.SortFunc(order, func(a, b sighting) int { return cmp.Compare(a.offset, b.offset) })
	return order, false
}

// sequenceOf is the sequence of one record of a batch. Sequences wrap from
// 2³¹−1 to 0.
func sequenceOf(p *Produce, val Value) int32 {
	i := slices.Index(p.Values, val)
	return int32((int64(p.Sequence) + int64(i)) & 0x7fffffff)
}

func nextSequence(s int32) int32 { return int32((int64(s) + 1) & 0x7fffffff) }

// sequenceBefore compares on the circle: a lies before b if b is less than half
// a turn ahead.
func sequenceBefore(a, b int32) bool {
	ahead := (int64(b) - int64(a)) & 0x7fffffff
	return ahead != 0 && ahead < 1<<30
}

// checkSendOrder compares the acknowledged first attempts of each connection:
// one sent later has the higher offset. A retry may be answered with its
// original offset, so it is left out.
func checkSendOrder(v *view, out *verdictOf) {
	last := map[int]*Produce{}
	for _, p := range v.produces {
		if p.Conn == 0 || !v.promises(p) || v.attempts[p.Values[0]][0] != p {
			continue
		}
		out.judged(1)
		old := last[p.Conn]
		if old != nil && old.Call.Before(p.Call) && p.Base < old.Base {
			out.fail(Violation{
				Anomaly: NonmonotonicSend, Partition: v.id,
				Values: []Value{old.Values[0], p.Values[0]}, Offsets: []Offset{p.Base, old.Base},
				Evidence: lines(old, p),
				Sentence: fmt.Sprintf("on connection %d v%d was sent before v%d, but they are at "+
					"offsets %d and %d of %s",
					p.Conn, old.Values[0], p.Values[0], old.Base, p.Base, v.id),
			})
			continue
		}
		last[p.Conn] = p
	}
}
