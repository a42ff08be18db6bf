package sim

import "example.com/lockstep/broker/shard"

// checkWaiters: who waits for the log is woken by whatever passes the place, not
// only by what hits it (BUGS L9).
func checkWaiters(w Reporter, name string, p *shard.PartState) {
	if p.Overdue > 0 {
		w.Violated(PropertyWaitersWoken, name,
			"%d requests wait at %s, of which the watermark is %d and the durable end %d", p.Overdue, partitionText(p.ID), p.Watermark, p.Durable)
	}
}
