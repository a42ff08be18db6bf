package check

import (
	"example.com/lockstep/checker"
	"example.com/lockstep/sim/property"
)

// Turns demands that no produce is overtaken by more than the bound of produces of other
// clients that were sent after it, to the same partition through the same broker. A request
// that waits for the budget of bytes must get its turn (BUGS S3).
func Turns(w Reporter, h *checker.History, bound int) {
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
					"%v was overtaken by %d produces of other clients to its partition", op, n)
				return
			}
		}
	}
}

// overtakers counts the produces of other clients that were sent after this one and
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
