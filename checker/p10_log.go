package checker

import (
	"cmp"
	"fmt"
	"slices"
)

// logState is a partition's log as the search sees it: its length, a hash
// chained over its values, and the last batches of each idempotent producer.
type logState struct {
	tail      Offset
	chain     uint64
	producers []producerAt // by id; never changed in place
}

// batchesRemembered is how far back a duplicate is recognised (KAFKA 16).
const batchesRemembered = 5

type producerAt struct {
	id      int64
	epoch   int16
	next    int32
	batches [batchesRemembered]batchAt // the latest first; an empty slot has length 0
}

type batchAt struct {
	sequence int32
	length   int32
	base     Offset
}

type logKind int

const (
	logAppend logKind = iota
	logEnd            // the end is n
	logEmpty          // the end is not beyond n
	logSeen           // the end is n or beyond
	logFinal          // the end is n and the content hashes to chain
)

// logOp is an operation with its answer. A base of -1 means that the offset is
// not known; sure says that the append was acknowledged.
type logOp struct {
	kind  logKind
	op    *Produce
	base  Offset
	sure  bool
	n     Offset
	chain uint64
	by    event
}

// partitionLog is the sequential specification of a partition's log.
var partitionLog = object[logState, logOp]{
	step: stepLog,
	equal: func(a, b logState) bool {
		return a.tail == b.tail && a.chain == b.chain && slices.Equal(a.producers, b.producers)
	},
	hash:     func(s logState) uint64 { return s.chain ^ uint64(s.tail)*0x9e3779b97f4a7c15 },
	describe: func(o logOp) string { return o.by.String() },
	state: func(s logState) string {
		return fmt.Sprintf("end %d, content %016x", s.tail, s.chain)
	},
}

// chained extends a content hash by values; FNV-1a over their bytes.
func chained(chain uint64, vals ...Value) uint64 {
	for _, v := range vals {
		for shift := 0; shift < 64; shift += 8 {
			chain = (chain ^ uint64(v)>>shift&0xff) * 0x100000001b3
		}
	}
	return chain
}

func stepLog(s logState, o logOp) (bool, logState) {
	switch o.kind {
	case logEnd:
		return s.tail == o.n, s
	case logEmpty:
		return s.tail <= o.n, s
	case logSeen:
		return s.tail >= o.n, s
	case logFinal:
		return s.tail == o.n && s.chain == o.chain, s
	}
	producers := s.producers
	if o.op.Producer != NoProducer {
		accepted, original := sequenceVerdict(s, o.op)
		if !accepted {
			// Refused, or a duplicate that answers its first offset. Only the
			// second explains an acknowledgement.
			return !o.sure || original == o.base, s
		}
		producers = advanceProducer(s, o.op)
	}
	if o.base >= 0 && o.base != s.tail {
		return false, s
	}
	return true, logState{
		s.tail + Offset(len(o.op.Values)),
		chained(s.chain, o.op.Values...),
		producers,
	}
}

// sequenceVerdict says whether a log takes a batch of an idempotent producer; if
// not, original is the offset of the batch that it duplicates, or -1.
func sequenceVerdict(s logState, p *Produce) (accepted bool, original Offset) {
	i, found := findProducer(s, p.Producer)
	if !found {
		return true, -1 // without state any first sequence is taken
	}
	at := s.producers[i]
	switch {
	case p.ProducerEpoch > at.epoch:
		return p.Sequence == 0, -1
	case p.ProducerEpoch < at.epoch:
		return false, -1
	}
	for _, b := range at.batches {
		if b.length == int32(len(p.Values)) && b.sequence == p.Sequence {
			return false, b.base
		}
	}
	return p.Sequence == at.next, -1
}

func findProducer(s logState, id int64) (int, bool) {
	return slices.BinarySearchFunc(s.producers, id, func(p producerAt, id int64) int {
		return cmp.Compare(p.id, id)
	})
}

func advanceProducer(s logState, p *Produce) []producerAt {
	i, found := findProducer(s, p.Producer)
	out := slices.Clone(s.producers)
	if !found {
		out = slices.Insert(out, i, producerAt{id: p.Producer, epoch: p.ProducerEpoch})
	}
	at := &out[i]
	if at.epoch != p.ProducerEpoch {
		*at = producerAt{id: p.Producer, epoch: p.ProducerEpoch}
	}
	copy(at.batches[1:], at.batches[:])
	at.batches[0] = batchAt{p.Sequence, int32(len(p.Values)), s.tail}
	at.next = int32((int64(p.Sequence) + int64(len(p.Values))) & 0x7fffffff)
	return out
}

// logOps makes the operations of a search, by call.
func logOps(v *view, r resolution) []timed[logOp] {
	byReach := marksOf(v, r)
	slices.SortStableFunc(byReach, func(a, b mark) int { return cmp.Compare(a.reach, b.reach) })
	shown := make([]Moment, len(byReach)+1) // the first return among the marks from here on
	shown[len(byReach)] = Never
	for i := len(byReach) - 1; i >= 0; i-- {
		shown[i] = shown[i+1]
		if byReach[i].ret.Before(shown[i]) {
			shown[i] = byReach[i].ret
		}
	}
	firstShown := func(base Offset) Moment {
		i, _ := slices.BinarySearchFunc(byReach, base+1, func(m mark, o Offset) int {
			return cmp.Compare(m.reach, o)
		})
		return shown[i]
	}
	out := appendOps(v, r, firstShown)
	for _, e := range v.ends {
		if e.Code == codeNone {
			out = append(out, timed[logOp]{
				e.Call,
				e.Return,
				e.Client,
				logOp{kind: logEnd, n: e.Offset, by: e},
			})
		}
	}
	for _, f := range v.fetches {
		if claimsEnd(f) {
			out = append(out, timed[logOp]{
				f.Call,
				f.Return,
				f.Client,
				logOp{kind: logEmpty, n: f.From, by: f},
			})
		}
		if n := len(f.Records); n > 0 {
			// Such a fetch shows only what was there when it returned.
			out = append(out, timed[logOp]{
				f.Return,
				f.Return,
				f.Client,
				logOp{kind: logSeen, n: f.Records[n-1].Offset + 1, by: f},
			})
		}
	}
	sortByCall(out)
	return out
}

// appendOps are the appends of a search. Where offsets are known, two intervals
// are made shorter, so that pieces can end. Neither changes a verdict:
//   - an append happened, at the latest, when a client was told of a log that
//     reaches beyond it;
//   - of the attempts of one idempotent batch, the first counts as the one that
//     was appended, at any time until the first answer, because its interval
//     covers those of the others. Later ambiguous attempts then do nothing and
//     are left out; later acknowledged ones must answer the original offset.
func appendOps(v *view, r resolution, firstShown func(Offset) Moment) []timed[logOp] {
	open := map[*Produce]bool{}
	for _, p := range r.open {
		open[p] = true
	}
	answered := map[Offset]Moment{} // the first acks=all answer, by base
	for _, a := range r.appends {
		answered[a.base] = a.ret
	}
	begun := map[Value]bool{} // idempotent batches with an attempt already
	var out []timed[logOp]
	for _, p := range v.produces {
		base, resolved := r.base[p]
		if !resolved && !open[p] {
			continue
		}
		op := timed[logOp]{p.Call, Never, p.Client, logOp{kind: logAppend, op: p, base: -1, by: p}}
		if !resolved {
			out = append(out, op)
			continue
		}
		op.input.base = base
		op.input.sure = p.Outcome == Acked && p.Acks == AcksAll
		if op.input.sure {
			op.ret = p.Return
		}
		retry := p.Producer != NoProducer && begun[p.Values[0]]
		if retry && !op.input.sure {
			continue
		}
		if !retry {
			bounds := []Moment{firstShown(base)}
			if p.Producer != NoProducer {
				begun[p.Values[0]] = true
				bounds = append(bounds, answered[base])
			}
			for _, m := range bounds {
				if m.Before(op.ret) {
					op.ret = m
				}
			}
		}
		if op.ret.Before(op.call) {
			op.ret = op.call
		}
		out = append(out, op)
	}
	return out
}

// searchEnds searches piece by piece. It reports a violation only if the sweep
// found none, because the sweep names the anomaly.
func searchEnds(v *view, r resolution, report bool, out *verdictOf) Verdict {
	ops := logOps(v, r)
	pieces := quiescent(ops)
	state, verdict := logState{}, Pass
	for i, piece := range pieces {
		if i == len(pieces)-1 {
			piece = append(piece, finalOps(v, piece)...)
		}
		switch partitionLog.linearize(state, piece) {
		case Unknown:
			verdict = Unknown
		case Fail:
			if !report {
				return Fail
			}
			piece = partitionLog.shrink(state, piece, func(o logOp) bool {
				return o.kind != logAppend
			})
			var events []event
			for _, op := range piece {
				events = append(events, op.input.by)
			}
			out.fail(Violation{
				Anomaly: NonLinearizable, Partition: v.id, Evidence: lines(events...),
				Sentence: fmt.Sprintf("no order of %d operations on the log of %s from %v on, "+
					"when its end was %d, explains their answers",
					len(piece), v.id, piece[0].call, state.tail),
			})
			return Fail
		}
		if i < len(pieces)-1 {
			state = replay(state, piece)
		}
	}
	return verdict
}

// replay applies a piece's appends. At a quiescent point the offsets of all of
// them are known, and so is their order.
func replay(s logState, piece []timed[logOp]) logState {
	var appends []logOp
	for _, op := range piece {
		if op.input.kind == logAppend {
			appends = append(appends, op.input)
		}
	}
	slices.SortStableFunc(appends, func(a, b logOp) int { return cmp.Compare(a.base, b.base) })
	for _, o := range appends {
		if ok, next := stepLog(s, o); ok {
			s = next
		}
	}
	return s
}

// finalOps is a read of the whole log at the end, from the in-sync replica with
// the highest watermark. A log without its beginning cannot be hashed, and in a
// cluster that has not settled a replica may not know the end.
func finalOps(v *view, piece []timed[logOp]) []timed[logOp] {
	best := longestLog(v)
	if best == nil || best.LogStart != 0 || !v.coverage.Logs {
		return nil
	}
	chain := uint64(0)
	for i := range best.Entries {
		if best.Entries[i].Offset < best.Watermark {
			chain = chained(chain, best.Entries[i].Value)
		}
	}
	// After every answer; what never returned may come before or after.
	var last Moment
	for _, op := range piece {
		if last.Before(op.call) {
			last = op.call
		}
		if op.ret != Never && last.Before(op.ret) {
			last = op.ret
		}
	}
	last.Seq++
	return []timed[logOp]{{last, last, -1,
		logOp{kind: logFinal, n: best.Watermark, chain: chain, by: best}}}
}
