package check

import (
	"example.com/lockstep/broker/shard"

	"example.com/lockstep/sim/kafka/history"
	"example.com/lockstep/sim/property"
)

// CheckWaiters: who waits for the log is woken by whatever passes the place, not
// only by what hits it (BUGS L9).
func CheckWaiters(w Reporter, name string, p *shard.PartState) {
	if p.Overdue > 0 {
		w.Violated(property.WaitersWoken, name,
			"%d requests wait at %s, of which the watermark is %d and the durable end %d",
			p.Overdue, history.PartitionText(p.ID), p.Watermark, p.Durable)
	}
}
