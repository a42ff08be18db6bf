package kafka

import (
	"slices"
	"strings"
	"time"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/sim/kafka/check"
	"example.com/lockstep/sim/property"
	"example.com/lockstep/sim/world"
)

// What a cluster owes besides safety: it keeps acknowledging while quorums are untouched,
// it acknowledges without delay where nothing goes wrong, and it forwards a produce once.
// The plan's options say which of these demands hold under its faults.

// checkProgress judges the progress of a finished run that converged.
func (c *cluster) checkProgress(w *world.World) {
	c.pauses.Report(w)
	c.facts.told.check(w, c.Brokers)
	if bound := c.Options().CreateMs.Or(0); bound > 0 {
		c.circumstances.CheckCreations(time.Duration(bound) * time.Millisecond)
	}
	if len(c.Plan.Faults) == 0 {
		// No bound on acknowledgements holds under rare choices: a push that one refuses
		// without a reason is not sent again at once. Nor under a flood: windows of 4 KiB
		// may not let it through, and produces wait for each other.
		if len(c.Plan.Rare) == 0 && c.Options().Overtakes.Or(0) == 0 {
			c.circumstances.CheckAckTime()
		}
		c.circumstances.CheckGuards()
	}
	if bound := c.Options().Overtakes.Or(0); bound > 0 {
		check.Turns(w, &c.Rec.History, int(bound))
	}
	if fences := c.facts.timeline.fences; c.Options().NoFences.Or(0) == 1 && len(fences) > 0 {
		w.Violated(property.StaysUnfenced, "", "fenced: %s", strings.Join(fences, ", "))
	}
	if c.Options().NoShortage.Or(0) == 1 {
		c.checkShortage(w)
	}
	c.circumstances.CheckForwards(c.Malformed)
	c.facts.terms.Check(w, c.Plan.Faults)
}

// checkShortage finds the first produce that failed because too few replicas were in sync.
func (c *cluster) checkShortage(w *world.World) {
	short := []kafka.ErrorCode{kafka.NotEnoughReplicas, kafka.NotEnoughReplicasAfterAppend}
	for i := range c.Rec.History.Produces {
		op := &c.Rec.History.Produces[i]
		if slices.Contains(short, kafka.ErrorCode(op.Code)) {
			w.Violated(property.StallsCostTime, op.Partition.String(), "%s", op)
			return
		}
	}
}
