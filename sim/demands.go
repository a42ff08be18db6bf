package sim

import "time"

// What a cluster owes besides safety: it goes on acknowledging while quorums
// live, acknowledges without delay where nothing is wrong, forwards once. A plan
// says in its workload's options which of these its faults leave in force.

// checkProgress judges a finished run.
func (c *cluster) checkProgress(w *World) {
	c.pauses.report(w)
	if bound := c.options().CreateMs.Or(0); bound > 0 {
		c.circumstances.checkCreations(time.Duration(bound) * time.Millisecond)
	}
	if len(c.plan.Faults) == 0 {
		// A push that is refused for no reason is not sent again at once; and in a
		// flood, which windows of 4 KiB may not let through, produces wait for each other.
		if len(c.plan.Rare) == 0 && c.options().Overtakes.Or(0) == 0 {
			c.circumstances.checkAckTime()
		}
		c.circumstances.checkGuards()
	}
	if bound := c.options().Overtakes.Or(0); bound > 0 {
		checkTurns(w, &c.rec.h, int(bound))
	}
	c.circumstances.checkForwards(c.malformed)
	c.facts.terms.check(w, c.plan.Faults)
}
