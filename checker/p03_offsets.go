package checker

import (
	"fmt"
	"slices"
)

// checkOffsets is P3: the committed offsets of a partition are unique and
// contiguous, and acknowledgements, fetches and replicas agree on the one value
// that each holds. The anomalies of consumers (skips and steps back) are here
// too, because a poll shows the same offsets.
func checkOffsets(x *index, out *verdictOf) {
	for _, v := range x.partitions {
		checkOneValue(v, out)
		checkCopies(v, out)
		checkGaps(v, out)
		for _, f := range v.fetches {
			checkPoll(v, f, out)
		}
		checkPollOrder(v, out)
	}
}

// checkOneValue compares every sighting of an offset with the first one.
func checkOneValue(v *view, out *verdictOf) {
	state := newOneValue(v.id, out.excuses.uncleans.of(v.id))
	v.eachCommitted(func(s sighting) {
		out.judged(1)
		if len(v.attempts[s.value]) == 0 && !v.topic.Internal && !state.reported[s.offset] {
			state.reported[s.offset] = true
			out.fail(Violation{
				Anomaly: Phantom, Partition: v.id, Values: []Value{s.value},
				Offsets: []Offset{s.offset}, Evidence: lines(s.by),
				Sentence: fmt.Sprintf("offset %d of %s holds v%d, which no client produced there",
					s.offset, v.id, s.value),
			})
		}
		state.take(s, out.fail)
	})
}

// oneValue knows the first sighting of each offset of a partition.
type oneValue struct {
	id       Partition
	unclean  *unclean
	first    map[Offset]sighting
	reported map[Offset]bool
}

func newOneValue(id Partition, u *unclean) *oneValue {
	return &oneValue{id: id, unclean: u, first: map[Offset]sighting{}, reported: map[Offset]bool{}}
}

// take judges the next sighting and keeps its event.
func (o *oneValue) take(s sighting, report func(Violation)) {
	old, ok := o.first[s.offset]
	if !ok {
		o.first[s.offset] = s
		return
	}
	if old.value == s.value || o.reported[s.offset] || o.unclean.lost(s.offset, s.value) {
		return
	}
	if o.unclean.lost(old.offset, old.value) {
		o.first[s.offset] = s
		return
	}
	o.reported[s.offset] = true
	report(Violation{
		Anomaly: InconsistentOffsets, Partition: o.id, Values: []Value{old.value, s.value},
		Offsets: []Offset{s.offset}, Evidence: lines(old.by, s.by),
		Sentence: fmt.Sprintf("committed offset %d of %s was seen with v%d and with v%d",
			s.offset, o.id, old.value, s.value),
	})
}

// checkCopies counts the offsets at which a value of a plain producer was seen.
// Each attempt that may have been appended can account for one. (A value of an
// idempotent producer has one offset at most: P6.)
func checkCopies(v *view, out *verdictOf) {
	for _, p := range v.produces {
		for _, val := range p.Values {
			attempts, seen := v.attempts[val], v.sightings[val]
			if attempts[0] != p || len(seen) < 2 || p.Producer != NoProducer {
				continue
			}
			possible := 0
			for _, a := range attempts {
				if a.Outcome != Failed {
					possible++
				}
			}
			if len(seen) <= possible {
				continue
			}
			out.fail(Violation{
				Anomaly: Duplicate, Partition: v.id, Values: []Value{val}, Offsets: offsetsOf(seen),
				Evidence: attemptLines(attempts, seen),
				Sentence: fmt.Sprintf("v%d is at %d offsets of %s (%d and %d among them), but "+
					"only %d of its attempts may have been appended",
					val, len(seen), v.id, seen[0].offset, seen[1].offset, possible),
			})
		}
	}
}

func offsetsOf(seen []sighting) []Offset {
	out := make([]Offset, len(seen))
	for i, s := range seen {
		out[i] = s.offset
	}
	return out
}

func attemptLines(attempts []*Produce, seen []sighting) []Line {
	var events []event
	for _, a := range attempts {
		events = append(events, a)
	}
	for _, s := range seen {
		if p, ok := s.by.(*Produce); !ok || !slices.Contains(attempts, p) {
			events = append(events, s.by)
		}
	}
	return lines(events...)
}

// checkGaps demands that final logs have no holes below their watermark.
// Without logs, committed offsets must have no holes, if the fate of every
// append is known.
func checkGaps(v *view, out *verdictOf) {
	if v.topic.Compacted {
		return
	}
	for _, l := range v.logs {
		want := l.LogStart
		for i := range l.Entries {
			e := &l.Entries[i]
			if e.Offset >= l.Watermark {
				break
			}
			if e.Offset != want {
				out.fail(gap(v, want, e.Offset, l))
				break
			}
			want++
		}
		if l.Watermark > l.end() {
			out.fail(gap(v, l.end(), l.Watermark, l))
		}
	}
	if len(v.logs) > 0 || v.topic.Transactional || !allResolved(v) {
		return
	}
	var offsets []sighting
	v.eachCommitted(func(s sighting) { offsets = append(offsets, s) })
	slices.SortStableFunc(offsets, func(a, b sighting) int { return int(a.offset - b.offset) })
	for i, s := range offsets {
		want := v.trimmed
		if i > 0 {
			want = max(want, offsets[i-1].offset+1)
		}
		if s.offset > want {
			out.fail(gap(v, want, s.offset, s.by))
			return
		}
	}
}

// allResolved says whether the effect of every append is known. An unknown one
// could fill a hole. acks=0 and acks=1 appends may have taken offsets too.
func allResolved(v *view) bool {
	for _, p := range v.produces {
		if p.Outcome == Ambiguous || p.Acks == AcksNone || p.Outcome == Acked && !v.promises(p) {
			return false
		}
	}
	return true
}

func gap(v *view, from, to Offset, by event) Violation {
	return Violation{
		Anomaly: OffsetGap, Partition: v.id, Offsets: []Offset{from - 1, from, to},
		Evidence: lines(by), Sentence: fmt.Sprintf("committed offsets of %s jump from %d to %d",
			v.id, from-1, to),
	}
}

// checkPoll looks inside one fetch: offsets rise by one, starting at From.
func checkPoll(v *view, f *Fetch, out *verdictOf) {
	want := f.From
	for i, r := range f.Records {
		if r.Offset == want {
			want++
			continue
		}
		violation := Violation{
			Partition: v.id, Values: []Value{r.Value}, Offsets: []Offset{want, r.Offset},
			Evidence: lines(f),
		}
		switch {
		case r.Offset < f.From:
			violation.Anomaly = NonmonotonicPoll
			violation.Sentence = fmt.Sprintf("a fetch of %s from %d returned the earlier offset %d",
				v.id, f.From, r.Offset)
		case r.Offset < want:
			violation.Anomaly = IntNonmonotonicPoll
			violation.Sentence = fmt.Sprintf("a fetch of %s returned offset %d after offset %d",
				v.id, r.Offset, want-1)
		case v.skippable(want, r.Offset):
			want = r.Offset + 1
			continue
		case i == 0:
			violation.Anomaly = PollSkip
			violation.Sentence = fmt.Sprintf("a fetch of %s from %d began at %d",
				v.id, f.From, r.Offset)
		default:
			violation.Anomaly = IntPollSkip
			violation.Sentence = fmt.Sprintf("a fetch of %s went from offset %d to %d",
				v.id, want-1, r.Offset)
		}
		out.fail(violation)
		return
	}
}

// skippable says whether a consumer may pass over [from, to): compaction and
// markers leave holes. A fetch of trimmed records must get an error, not a
// skip.
func (v *view) skippable(from, to Offset) bool {
	if v.topic.Compacted || v.topic.Transactional && len(v.logs) == 0 {
		return true
	}
	for _, l := range v.logs {
		o := from
		for o < to {
			e := l.at(o)
			if e == nil || !e.Control {
				break
			}
			o++
		}
		if o == to {
			return true
		}
	}
	return false
}

// checkPollOrder follows each consumer from fetch to fetch.
func checkPollOrder(v *view, out *verdictOf) {
	type place struct {
		next Offset
		by   *Fetch
	}
	at := map[int]place{}
	for _, f := range v.fetches {
		out.judged(1)
		last, ok := at[f.Client]
		if ok && f.Continues && f.From != last.next && f.Code == codeNone {
			violation := Violation{
				Anomaly: PollSkip, Partition: v.id, Offsets: []Offset{last.next, f.From},
				Evidence: lines(last.by, f),
			}
			if f.From < last.next {
				violation.Anomaly = NonmonotonicPoll
			}
			violation.Sentence = fmt.Sprintf("client %d's next poll of %s went to %d though its "+
				"position was %d", f.Client, v.id, f.From, last.next)
			if f.From < last.next || !v.skippable(last.next, f.From) {
				out.fail(violation)
			}
		}
		if f.Code != codeNone {
			continue
		}
		next := f.From
		if n := len(f.Records); n > 0 {
			next = f.Records[n-1].Offset + 1
		}
		at[f.Client] = place{next, f}
	}
}
