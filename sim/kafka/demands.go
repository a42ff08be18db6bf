package kafka

import (
	"time"

	"example.com/lockstep/sim/kafka/check"
	"example.com/lockstep/sim/world"
)

// What a cluster owes besides safety: it goes on acknowledging while quorums
// live, acknowledges without delay where nothing is wrong, forwards once. A plan
// says in its workload's options which of these its faults leave in force.

// checkProgress judges a finished run.
func (c *cluster) checkProgress(w *world.World) {
	c.pauses.Report(w)
	if bound := c.Options().CreateMs.Or(0); bound > 0 {
		c.circumstances.CheckCreations(time.Duration(bound) * time.Millisecond)
	}
	if len(c.Plan.Faults) == 0 {
		// A push that is refused for no reason is not sent again at once; and in a
		// flood, which windows of 4 KiB may not let through, produces wait for each other.
		if len(c.Plan.Rare) == 0 && c.Options().Overtakes.Or(0) == 0 {
			c.circumstances.CheckAckTime()
		}
		c.circumstances.CheckGuards()
	}
	if bound := c.Options().Overtakes.Or(0); bound > 0 {
		check.CheckTurns(w, &c.Rec.History, int(bound))
	}
	c.circumstances.CheckForwards(c.Malformed)
	c.facts.terms.Check(w, c.Plan.Faults)
}
