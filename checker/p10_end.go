package checker

import (
	"cmp"
	"fmt"
	"slices"
)

// checkEnds is P10: the end of a partition's log, as acknowledged appends, end
// reads and empty fetches show it, is linearizable. Two checkers judge it.
//
// The sweep is linear. If the offset of every append is known, the order of all
// operations is known too: an append at its base offset, an end read between
// the appends that it separates. Such an order fits real time if and only if no
// operation returned before an operation earlier in the order was called. So
// the sweep is exact as long as no append's fate is open.
//
// The search covers what the sweep cannot order: appends that may or may not
// have been applied, at an unknown offset. It also replays content (as a
// chained hash) and producer sequences. See p10_log.go.
func checkEnds(x *index, out *verdictOf) {
	for _, v := range x.partitions {
		r := resolveAppends(v)
		out.judged(len(r.appends) + len(v.ends))
		before := len(out.result.Violations)
		sweepEnds(v, r, out)
		searched := Pass
		// A deleted topic has no final log that could show the fate of open
		// appends, such as which acks=1 appends a leader change has lost. If no
		// client asked for its end, only acknowledgements are left to order,
		// and the sweep does that.
		unasked := v.topic.Deleted && len(v.ends)+len(v.fetches) == 0
		if !v.hasControl() && !v.topic.Compacted && !unasked {
			searched = searchEnds(v, r, len(out.result.Violations) == before, out)
		}
		if len(r.open) > 0 && searched == Unknown {
			out.unknown("the fate of %d appends to %s is open and the search for an order "+
				"exceeded its bound", len(r.open), v.id)
		}
	}
}

// appended is one batch in the committed log, at a known offset.
type appended struct {
	base, end Offset
	call, ret Moment // ret is Never unless an acks=all answer shows the commit
	op        *Produce
}

// resolution holds the fate of every attempt to append to a partition.
type resolution struct {
	appends []appended          // by base offset; attempts of one idempotent batch are one
	base    map[*Produce]Offset // the attempts that made the appends
	open    []*Produce          // may have been appended, at an unknown offset
}

// resolveAppends resolves ambiguous attempts by what was persisted. If a value
// was seen committed, its attempt was applied there. If a value is in no final
// log, its attempt was never applied. Without either, the attempt stays open.
func resolveAppends(v *view) resolution {
	r := resolution{base: map[*Produce]Offset{}}
	taken := map[Value]map[Offset]bool{} // offsets that an acked attempt accounts for
	for _, p := range v.produces {
		if p.Outcome == Acked && p.Acks == AcksAll && p.Base >= 0 {
			r.base[p] = p.Base
			if taken[p.Values[0]] == nil {
				taken[p.Values[0]] = map[Offset]bool{}
			}
			taken[p.Values[0]][p.Base] = true
		}
	}
	known := v.coverage.Logs && len(v.inSyncLogs()) > 0
	for _, p := range v.produces {
		if _, done := r.base[p]; done || p.Outcome == Failed {
			continue
		}
		base, seen := seenBase(v, p, taken[p.Values[0]])
		switch {
		case seen:
			r.base[p] = base
			if taken[p.Values[0]] == nil {
				taken[p.Values[0]] = map[Offset]bool{}
			}
			taken[p.Values[0]][base] = true
		case !known && (p.Producer == NoProducer || len(taken[p.Values[0]]) == 0):
			r.open = append(r.open, p)
		}
	}
	r.appends = mergeAttempts(v, r.base)
	return r
}

// seenBase finds the offset of an attempt without an acks=all answer. Copies of
// a plain batch are assigned in order: the earliest free offset to the earliest
// attempt. That excludes no possible order.
func seenBase(v *view, p *Produce, taken map[Offset]bool) (Offset, bool) {
	for i, val := range p.Values {
		for _, s := range v.sightings[val] {
			base := s.offset - Offset(i)
			if p.Producer != NoProducer || !taken[base] {
				return base, true
			}
		}
	}
	return 0, false
}

// mergeAttempts makes one append of all attempts of an idempotent batch. It was
// applied after the first attempt was sent and before the first answer.
func mergeAttempts(v *view, bases map[*Produce]Offset) []appended {
	type batch struct {
		first Value
		base  Offset
	}
	at := map[batch]int{}
	var out []appended
	for _, p := range v.produces {
		base, ok := bases[p]
		if !ok {
			continue
		}
		ret := Never
		if p.Outcome == Acked && p.Acks == AcksAll {
			ret = p.Return
		}
		i, again := at[batch{p.Values[0], base}]
		if !again {
			at[batch{p.Values[0], base}] = len(out)
			out = append(out, appended{base, base + Offset(len(p.Values)), p.Call, ret, p})
			continue
		}
		if ret.Before(out[i].ret) {
			out[i].ret = ret
			out[i].op = p
		}
	}
	slices.SortStableFunc(out, func(a, b appended) int { return cmp.Compare(a.base, b.base) })
	return out
}

// mark is one operation in the order that offsets give: an append is at its
// base, a read of end n just before the append at n.
type mark struct {
	at        Offset
	reach     Offset // the log was at least this long once the operation took effect
	isAppend  bool
	call, ret Moment
	by        event
}

// marksOf lists everything that shows the length of the log. A fetch that got
// records shows a lower bound by its return. Its call does not count, because
// such a fetch claims nothing about the end.
func marksOf(v *view, r resolution) []mark {
	var out []mark
	for i := range r.appends {
		a := &r.appends[i]
		out = append(out, mark{a.base, a.end, true, a.call, a.ret, a.op})
	}
	for _, e := range v.ends {
		if e.Code == codeNone {
			out = append(out, mark{e.Offset, e.Offset, false, e.Call, e.Return, e})
		}
	}
	for _, f := range v.fetches {
		if n := len(f.Records); n > 0 {
			end := f.Records[n-1].Offset + 1
			out = append(out, mark{end, end, false, Moment{}, f.Return, f})
		}
	}
	slices.SortStableFunc(out, func(a, b mark) int {
		return cmp.Or(cmp.Compare(a.at, b.at), compareBool(a.isAppend, b.isAppend))
	})
	return out
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

func sweepEnds(v *view, r resolution, out *verdictOf) {
	marks := marksOf(v, r)
	var latest *mark // of the marks before, the one called last
	for i := 0; i < len(marks); {
		j := i
		for j < len(marks) && marks[j].at == marks[i].at && marks[j].isAppend == marks[i].isAppend {
			if latest != nil && marks[j].ret.Before(latest.call) {
				out.fail(outOfOrder(v, latest, &marks[j]))
			}
			j++
		}
		for ; i < j; i++ {
			if latest == nil || latest.call.Before(marks[i].call) {
				latest = &marks[i]
			}
		}
	}
	sweepEmptyFetches(v, marks, out)
	checkReachable(v, r, out)
}

// outOfOrder names the contradiction: low is earlier in the log, but was called
// only after high had returned.
func outOfOrder(v *view, low, high *mark) Violation {
	x := Violation{
		Partition: v.id, Offsets: []Offset{low.at, high.at}, Evidence: lines(low.by, high.by),
	}
	switch {
	case low.isAppend && high.isAppend:
		x.Anomaly = NonmonotonicSend
		x.Sentence = fmt.Sprintf("an append to %s at offset %d was sent only after the one at "+
			"offset %d had been acknowledged", v.id, low.at, high.at)
	case high.isAppend:
		x.Anomaly = StaleEnd
		x.Sentence = fmt.Sprintf("the end of %s was read as %d after an append at offset %d had "+
			"been acknowledged", v.id, low.at, high.at)
	case low.isAppend:
		x.Anomaly = EndFromFuture
		x.Sentence = fmt.Sprintf("the end of %s was seen at %d before the append at offset %d "+
			"was sent", v.id, high.at, low.at)
	default:
		x.Anomaly = EndWentBack
		x.Sentence = fmt.Sprintf("the end of %s was read as %d after it had been seen at %d",
			v.id, low.at, high.at)
	}
	return x
}

// sweepEmptyFetches: an empty fetch says that there is nothing at or after its
// offset. Nothing that shows a longer log may have returned before it was sent.
func sweepEmptyFetches(v *view, marks []mark, out *verdictOf) {
	byReach := slices.Clone(marks)
	slices.SortStableFunc(byReach, func(a, b mark) int { return cmp.Compare(a.reach, b.reach) })
	first := make([]*mark, len(byReach)) // the first to return, from here on
	for i := len(byReach) - 1; i >= 0; i-- {
		first[i] = &byReach[i]
		if i+1 < len(byReach) && first[i+1].ret.Before(byReach[i].ret) {
			first[i] = first[i+1]
		}
	}
	for _, f := range v.fetches {
		if !claimsEnd(f) {
			continue
		}
		out.judged(1)
		i, _ := slices.BinarySearchFunc(byReach, f.From+1, func(m mark, o Offset) int {
			return cmp.Compare(m.reach, o)
		})
		if i == len(byReach) || !first[i].ret.Before(f.Call) {
			continue
		}
		m := first[i]
		x := Violation{
			Anomaly: StaleEnd, Partition: v.id, Offsets: []Offset{f.From, m.at},
			Evidence: lines(m.by, f),
			Sentence: fmt.Sprintf("a fetch of %s from %d found nothing after the log had been "+
				"seen to end at %d", v.id, f.From, m.reach),
		}
		if m.isAppend {
			x.Anomaly = Unseen
			x.Sentence = fmt.Sprintf("a fetch of %s from %d found nothing after an append at "+
				"offset %d had been acknowledged", v.id, f.From, m.at)
		}
		out.fail(x)
	}
}

// claimsEnd says whether a fetch is a claim about the end of the log.
func claimsEnd(f *Fetch) bool {
	return f.Empty && f.Code == codeNone && len(f.Records) == 0 && !f.ReadCommitted
}

// checkReachable: an end read can only return a length that the log had. If
// every append is known, that is the end of a batch. Otherwise it is no more
// than what had been sent by the time the read returned.
func checkReachable(v *view, r resolution, out *verdictOf) {
	if v.hasControl() {
		return
	}
	boundary := map[Offset]bool{0: true}
	for _, a := range r.appends {
		boundary[a.end] = true
	}
	byReturn := slices.Clone(v.ends)
	slices.SortStableFunc(byReturn, func(a, b *EndRead) int { return a.Return.compare(b.Return) })
	sent, next := Offset(0), 0
	for _, e := range byReturn {
		for next < len(v.produces) && !e.Return.Before(v.produces[next].Call) {
			if p := v.produces[next]; p.Outcome != Failed {
				sent += Offset(len(p.Values))
			}
			next++
		}
		if e.Code != codeNone {
			continue
		}
		x := Violation{
			Partition: v.id, Offsets: []Offset{e.Offset - 1, e.Offset}, Evidence: lines(e),
		}
		switch {
		case e.Offset > sent:
			x.Anomaly = EndFromFuture
			x.Sentence = fmt.Sprintf("the end of %s was read as %d when only %d records had been "+
				"sent to it", v.id, e.Offset, sent)
		case len(r.open) == 0 && !boundary[e.Offset]:
			x.Anomaly = TornEnd
			x.Sentence = fmt.Sprintf("the end of %s was read as %d, where no appended batch ends",
				v.id, e.Offset)
		default:
			continue
		}
		out.fail(x)
	}
}
