package check

import (
	"example.com/lockstep/checker"
	"example.com/lockstep/sim/property"
)

// CheckTurns: of the produces to one partition by way of one broker none is
// overtaken by more than the bound of others' that were sent after it: whoever
// waits for the budget of bytes has his turn (BUGS S3).
func CheckTurns(w Reporter, h *checker.History, bound int) {
	type way struct {
		node      checker.NodeID
		partition checker.Partition
	}
	acked := map[way][]*checker.Produce{}
	var order []way
	for i := range h.Produces {
		op := &h.Produces[i]
		if op.Acks != checker.AcksAll || op.Outcome != checker.Acked {
			continue
		}
		k := way{op.Node, op.Partition}
		if acked[k] == nil {
			order = append(order, k)
		}
		acked[k] = append(acked[k], op)
	}
	for _, k := range order {
		for _, op := range acked[k] {
			if n := overtakers(op, acked[k]); n > bound {
				w.Violated(property.NoOvertaking, op.Partition.String(),
					"%v was overtaken by %d produces of others to its partition", op, n)
				return
			}
		}
	}
}

// overtakers counts the produces of other clients that were sent after one and
// answered before it.
func overtakers(op *checker.Produce, all []*checker.Produce) (n int) {
	for _, other := range all {
		if other.Client != op.Client && op.Call.Before(other.Call) &&
			other.Return.Before(op.Return) {
			n++
		}
	}
	return n
}
