package checker

import (
	"cmp"
	"fmt"
	"slices"
)

// checkDurability is P1: a record acknowledged with acks=all was durable on the
// whole in-sync set at that moment, and is readable at its offset forever. A
// record acknowledged with acks=1 may be lost, but only by a leader change.
// acks=0 promises nothing.
func checkDurability(x *index, out *verdictOf) {
	for _, v := range x.partitions {
		checkAckFacts(v, out)
		promised := promisedRecords(v)
		out.judged(len(promised))
		checkFinalLogs(v, promised, out)
		checkUnexcused(v, out)
		checkLaterFetches(v, promised, out)
		checkEvidence(v, promised, out)
	}
}

// promise is one acknowledged record that must never be lost.
type promise struct {
	offset Offset
	value  Value
	op     *Produce
}

// promisedRecords lists the promises by offset. Of equal offsets, which P3
// reports, the one that was acknowledged first comes first.
func promisedRecords(v *view) []promise {
	var out []promise
	for _, p := range v.produces {
		if !v.promises(p) {
			continue
		}
		for i, val := range p.Values {
			out = append(out, promise{p.Base + Offset(i), val, p})
		}
	}
	slices.SortStableFunc(out, func(a, b promise) int {
		return cmp.Or(cmp.Compare(a.offset, b.offset), a.op.Return.compare(b.op.Return))
	})
	return out
}

// checkAckFacts holds each acknowledgement against the disks of the in-sync set.
func checkAckFacts(v *view, out *verdictOf) {
	out.judged(len(v.acks))
	for _, a := range v.acks {
		judgeAck(a, out.fail)
	}
}

func judgeAck(a *AckFact, report func(Violation)) {
	for _, m := range a.ISR {
		if m.DurableEnd >= a.End {
			continue
		}
		report(Violation{
			Anomaly: AckBeforeDurable, Partition: a.Partition, Offsets: []Offset{a.Base},
			Evidence: lines(a),
			Sentence: fmt.Sprintf("offsets %d–%d of %s were acknowledged with acks=all while "+
				"in-sync node %d was durable only to %d",
				a.Base, a.End-1, a.Partition, m.Node, m.DurableEnd),
		})
		return
	}
	if len(a.ISR) == 0 {
		report(Violation{
			Anomaly: AckBeforeDurable, Partition: a.Partition, Offsets: []Offset{a.Base},
			Evidence: lines(a),
			Sentence: fmt.Sprintf("offsets %d–%d of %s were acknowledged with acks=all by an "+
				"empty in-sync set", a.Base, a.End-1, a.Partition),
		})
	}
}

// checkFinalLogs looks for each promised record in every in-sync final log.
func checkFinalLogs(v *view, promised []promise, out *verdictOf) {
	if v.topic.Deleted {
		return
	}
	for _, l := range v.inSyncLogs() {
		for _, p := range promised {
			if p.offset < v.trimmed && p.offset < l.LogStart {
				continue
			}
			e := l.at(p.offset)
			if e != nil && e.Value == p.value || e == nil && v.topic.Compacted {
				continue
			}
			found := "holds nothing there"
			if e != nil {
				found = fmt.Sprintf("holds v%d there", e.Value)
			}
			out.fail(lost(v, p, l, fmt.Sprintf("the final log of in-sync node %d %s",
				l.Node, found)))
		}
	}
}

// checkUnexcused notes a lost record with acks=1 if leaderships were not
// recorded: a leader change may or may not excuse the loss.
func checkUnexcused(v *view, out *verdictOf) {
	if v.coverage.Leaders || v.topic.Compacted || v.topic.Deleted {
		return
	}
	for _, p := range v.produces {
		if p.Outcome != Acked || p.Acks != AcksLeader || p.Base < v.trimmed {
			continue
		}
		for _, l := range v.inSyncLogs() {
			if e := l.at(p.Base); e == nil || e.Value != p.Values[0] {
				out.unknown("v%d was acknowledged with acks=1 at offset %d of %s and is gone, "+
					"but leader changes were not recorded", p.Values[0], p.Base, v.id)
				return
			}
		}
	}
}

// checkLaterFetches holds each fetch against what was acknowledged before it
// was sent. promised is sorted by offset, so the cost of a fetch is
// proportional to what it returned.
func checkLaterFetches(v *view, promised []promise, out *verdictOf) {
	earliest := earliestReturns(promised)
	for _, f := range v.fetches {
		from, _ := slices.BinarySearchFunc(promised, f.From, func(p promise, o Offset) int {
			return cmp.Compare(p.offset, o)
		})
		if f.Code == codeOffsetOutOfRange && f.From >= v.trimmed && !v.topic.Deleted &&
			from < len(promised) {
			if p := earliest[from]; p.op.Return.Before(f.Call) {
				out.fail(lost(v, p, f,
					fmt.Sprintf("a later fetch from %d was answered out of range",
						f.From)))
			}
		}
		if len(f.Records) == 0 {
			continue
		}
		last := f.Records[len(f.Records)-1].Offset
		next := 0
		for _, p := range promised[from:] {
			if p.offset > last {
				break
			}
			if !p.op.Return.Before(f.Call) {
				continue
			}
			for next < len(f.Records) && f.Records[next].Offset < p.offset {
				next++
			}
			present := next < len(f.Records) && f.Records[next].Offset == p.offset
			switch {
			case present && f.Records[next].Value != p.value:
				out.fail(lost(v, p, f, fmt.Sprintf("a later fetch got v%d there",
					f.Records[next].Value)))
			case !present && !v.topic.Compacted && p.offset >= v.trimmed:
				out.fail(lost(v, p, f, "a later fetch passed over it"))
			}
		}
	}
}

// earliestReturns gives, for each index, the promise at or after it that was
// acknowledged first.
func earliestReturns(promised []promise) []promise {
	out := slices.Clone(promised)
	for i := len(out) - 2; i >= 0; i-- {
		if out[i+1].op.Return.Before(out[i].op.Return) {
			out[i] = out[i+1]
		}
	}
	return out
}

// checkEvidence notes promised records without later evidence: the run ended
// without a final log, and no later fetch returned them.
func checkEvidence(v *view, promised []promise, out *verdictOf) {
	if len(promised) == 0 || v.topic.Deleted || len(v.inSyncLogs()) > 0 {
		return
	}
	if v.coverage.Logs {
		p := promised[0]
		out.fail(Violation{
			Anomaly: LostWrite, Partition: v.id, Values: []Value{p.value},
			Offsets: []Offset{p.offset}, Evidence: lines(p.op),
			Sentence: fmt.Sprintf("%s has acknowledged records and was not deleted, but no "+
				"in-sync replica of it is left", v.id),
		})
		return
	}
	// A fetch that was sent after the acknowledgement is enough evidence.
	reread := map[Value]bool{}
	for _, f := range v.fetches {
		for _, r := range f.Records {
			for _, p := range v.attempts[r.Value] {
				if p.Return.Before(f.Call) {
					reread[r.Value] = true
				}
			}
		}
	}
	for _, p := range promised {
		if !reread[p.value] && p.offset >= v.trimmed {
			out.unknown("v%d was acknowledged at offset %d of %s and no later fetch looked for it",
				p.value, p.offset, v.id)
			return
		}
	}
}

func lost(v *view, p promise, witness event, what string) Violation {
	how := "acks=all"
	if p.op.Acks == AcksLeader {
		how = "acks=1, with no leader change since"
	}
	return Violation{
		Anomaly: LostWrite, Partition: v.id, Values: []Value{p.value}, Offsets: []Offset{p.offset},
		Evidence: lines(p.op, witness),
		Sentence: fmt.Sprintf("v%d was acknowledged (%s) at offset %d of %s, but %s",
			p.value, how, p.offset, v.id, what),
	}
}
