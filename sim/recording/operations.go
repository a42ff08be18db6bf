package recording

import (
	"cmp"
	"fmt"
	"slices"

	"example.com/lockstep/checker"
)

// operation is one thing that a client asked, of any kind.
type operation struct {
	kind      string
	client    int
	call, ret checker.Moment
	partition checker.Partition // zero: none
	topic     string            // of an administrative operation
	outcome   string
	text      string
	values    []checker.Value
	offsets   []checker.Offset // from, to (exclusive); nil: none
	request   int              // index into History.Requests; -1: not found
}

// operations lists what clients asked, in the order of their calls, each with the request
// that carried it. It lists metadata reads only if they are wanted.
func operations(h *checker.History, metadata bool) []operation {
	var ops []operation
	for i := range h.Produces {
		p := &h.Produces[i]
		op := operation{kind: "produce", client: p.Client, call: p.Call, ret: p.Return,
			partition: p.Partition, values: p.Values, outcome: string(p.Outcome), text: p.String()}
		if p.Outcome == checker.Acked {
			op.offsets = []checker.Offset{p.Base, p.Base + checker.Offset(len(p.Values))}
		}
		ops = append(ops, op)
	}
	for i := range h.Fetches {
		f := &h.Fetches[i]
		op := operation{kind: "fetch", client: f.Client, call: f.Call, ret: f.Return,
			partition: f.Partition, outcome: codeOutcome(f.Code), text: f.String(),
			offsets: []checker.Offset{f.From, f.From + 1}}
		for _, r := range f.Records {
			op.values = append(op.values, r.Value)
			op.offsets[1] = max(op.offsets[1], r.Offset+1)
		}
		ops = append(ops, op)
	}
	for i := range h.Ends {
		e := &h.Ends[i]
		ops = append(ops, operation{kind: "end", client: e.Client, call: e.Call, ret: e.Return,
			partition: e.Partition, outcome: codeOutcome(e.Code), text: e.String()})
	}
	for i := range h.Admins {
		a := &h.Admins[i]
		ops = append(ops, operation{kind: "admin", client: a.Client, call: a.Call, ret: a.Return,
			topic: a.Topic, outcome: string(a.Outcome), text: a.String()})
	}
	for i := range h.ProducerIDs {
		p := &h.ProducerIDs[i]
		ops = append(ops, operation{kind: "init", client: p.Client, call: p.Call, ret: p.Return,
			outcome: "acked", text: p.String()})
	}
	if metadata {
		for i := range h.MetadataSeen {
			m := &h.MetadataSeen[i]
			ops = append(ops, operation{kind: "metadata", call: m.Call, ret: m.Return,
				topic: m.Topic, outcome: "acked", text: m.String()})
		}
	}
	slices.SortStableFunc(ops, func(a, b operation) int { return compareMoments(a.call, b.call) })
	attachRequests(h, ops)
	return ops
}

func codeOutcome(code int16) string {
	if code == 0 {
		return string(checker.Acked)
	}
	return fmt.Sprintf("code %d", code)
}

func compareMoments(a, b checker.Moment) int {
	return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Seq, b.Seq))
}

// attachRequests finds the request of each operation. A client takes two moments in a row:
// first that of the operation's call, then that of the request.
func attachRequests(h *checker.History, ops []operation) {
	for i := range ops {
		op := &ops[i]
		n, _ := slices.BinarySearchFunc(h.Requests, op.call,
			func(r checker.Request, call checker.Moment) int {
				if !call.Before(r.Call) {
					return -1
				}
				return 1
			})
		op.request = -1
		if n < len(h.Requests) && h.Requests[n].Call.Seq == op.call.Seq+1 {
			op.request = n
		}
	}
}

// concerns reports whether the operation is among those that a violation is about.
func (op *operation) concerns(h *checker.History, v *checker.Violation) bool {
	texts := []string{op.text}
	if v.Property == "P11" && op.request >= 0 {
		texts = append(texts, h.Requests[op.request].String()) // P11 is about requests
	}
	for _, line := range v.Evidence {
		if slices.Contains(texts, line.Text) {
			return true
		}
	}
	if v.Partition == (checker.Partition{}) || op.partition != v.Partition {
		return false
	}
	for _, value := range op.values {
		if slices.Contains(v.Values, value) {
			return true
		}
	}
	if op.kind == "produce" && op.offsets != nil {
		for _, o := range v.Offsets {
			if o >= op.offsets[0] && o < op.offsets[1] {
				return true
			}
		}
	}
	return false
}

// operationsOf lists the operations that a violation is about.
func (r *Recording) operationsOf(v *checker.Violation) (about []operation) {
	if r.History == nil {
		return nil
	}
	for _, op := range operations(r.History, true) {
		if op.concerns(r.History, v) {
			about = append(about, op)
		}
	}
	return about
}
