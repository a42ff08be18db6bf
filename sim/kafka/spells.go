package kafka

import (
	"fmt"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/sim/kafka/history"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/property"
	"example.com/lockstep/sim/world"
)

// followBudget demands, just before each spell of a budgeted plan, that the brokers are
// ready again.
func (c *cluster) followBudget(w *world.World) {
	if c.Plan.Budget != plan.Budgeted {
		return
	}
	over := plan.Duration(0)
	for _, f := range c.Plan.ByTime() {
		if over > 0 && f.At >= over+plan.SpellPause {
			w.At(env.Instant(f.At)-1, "budget", func() {
				if out := c.unready(); len(out) > 0 {
					w.Violated(property.ReadyBetweenSpells, "",
						"%s after the end of the last spell: %v", f.At-over, out)
				}
			})
		}
		over = max(over, f.At+f.For)
	}
}

// unready names the brokers that are fenced and the partitions without a full ISR.
func (c *cluster) unready() (out []string) {
	newest := c.NewestImage()
	if newest == nil {
		return []string{"no node has metadata"}
	}
	for _, name := range c.Brokers {
		if b := newest.Broker(kafka.NodeID(history.NodeOf(name))); b == nil || b.Fenced {
			out = append(out, name+" is fenced")
		}
	}
	for _, t := range c.topicsOf(newest) {
		for i, p := range t.Partitions {
			if len(p.ISR) < len(p.Replicas) {
				out = append(out, fmt.Sprintf("%s/%d has ISR %v of %v", t.Name, i, p.ISR,
					p.Replicas))
			}
		}
	}
	return out
}
