package check

import (
	"example.com/lockstep/broker/shard"

	"example.com/lockstep/sim/kafka/history"
	"example.com/lockstep/sim/property"
)

// Waiters demands that a request that waits for an offset of the log is woken when the log
// passes it, not only when the log ends exactly there (BUGS L9).
func Waiters(w Reporter, name string, p *shard.PartState) {
	if p.Overdue > 0 {
		w.Violated(property.WaitersWoken, name,
			"%d requests wait at %s, although its watermark is %d and its durable end %d",
			p.Overdue, history.PartitionText(p.ID), p.Watermark, p.Durable)
	}
}
