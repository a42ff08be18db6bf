package checker

import "fmt"

// checkErrors is P2: an error that says "not appended" is true, an error is
// never code 0, and success means that something was appended. Only the codes
// that [Classify] calls ambiguous, and a lost connection, leave open whether it
// was.
func checkErrors(x *index, out *verdictOf) {
	for _, v := range x.partitions {
		out.judged(len(v.produces))
		checkCodes(v, out)
		checkFalseErrors(v, out)
		checkAppended(v, out)
	}
}

func checkCodes(v *view, out *verdictOf) {
	for _, p := range v.produces {
		judgeCode(p, out.fail)
	}
}

func judgeCode(p *Produce, report func(Violation)) {
	sentence := ""
	switch {
	case p.Outcome == Failed && p.Code == codeNone:
		sentence = fmt.Sprintf("a produce of v%d to %s failed with code 0, which means success",
			p.Values[0], p.Partition)
	case p.Outcome == Acked && p.Code != codeNone:
		sentence = fmt.Sprintf("a produce of v%d to %s was acknowledged with %s",
			p.Values[0], p.Partition, codeName(p.Code))
	case p.Outcome == Acked && p.Acks != AcksNone && p.Base < 0:
		sentence = fmt.Sprintf("a produce of v%d to %s succeeded without an offset",
			p.Values[0], p.Partition)
	default:
		return
	}
	report(Violation{
		Anomaly: SuccessWithNoAppend, Partition: p.Partition, Values: p.Values[:1],
		Evidence: lines(p), Sentence: sentence,
	})
}

// checkFalseErrors looks in logs and fetches for a value although every attempt
// to append it was answered "not appended".
func checkFalseErrors(v *view, out *verdictOf) {
	reported := map[Value]bool{}
	show := func(off Offset, val Value, by event) {
		attempts := v.attempts[val]
		if len(attempts) == 0 || reported[val] {
			return
		}
		for _, p := range attempts {
			if p.Outcome != Failed {
				return
			}
		}
		reported[val] = true
		p := attempts[len(attempts)-1]
		out.fail(Violation{
			Anomaly: FalseError, Partition: v.id, Values: []Value{val}, Offsets: []Offset{off},
			Evidence: lines(p, by),
			Sentence: fmt.Sprintf("the producer of v%d was told %s, which says that nothing was "+
				"appended, but it is at offset %d of %s",
				val, codeName(p.Code), off, v.id),
		})
	}
	for _, f := range v.fetches {
		for _, r := range f.Records {
			show(r.Offset, r.Value, f)
		}
	}
	// What lies above a watermark counts too: it was appended.
	for _, l := range v.logs {
		for i := range l.Entries {
			show(l.Entries[i].Offset, l.Entries[i].Value, l)
		}
	}
}

// checkAppended demands, where every append was recorded, that some leader
// appended each acknowledged batch, at its offset.
func checkAppended(v *view, out *verdictOf) {
	if !v.coverage.Appends {
		return
	}
	appended := map[Value]map[Offset]bool{}
	for _, a := range v.appends {
		for i, val := range a.Values {
			if appended[val] == nil {
				appended[val] = map[Offset]bool{}
			}
			appended[val][a.Base+Offset(i)] = true
		}
	}
	for _, p := range v.produces {
		if p.Outcome != Acked || p.Acks == AcksNone || p.Base < 0 || appended[p.Values[0]][p.Base] {
			continue
		}
		out.fail(Violation{
			Anomaly: SuccessWithNoAppend, Partition: v.id, Values: p.Values[:1],
			Offsets: []Offset{p.Base}, Evidence: lines(p),
			Sentence: fmt.Sprintf("a produce of v%d was acknowledged at offset %d of %s, where "+
				"no leader ever appended it", p.Values[0], p.Base, v.id),
		})
	}
}
