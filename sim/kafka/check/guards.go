package check

import (
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/sim/property"
)

// CheckGuards judges runs without faults. A request must end with the answer to what it
// asked for, or by the deadline of that. It must never end by the guard behind that
// deadline, which exists for answers that get lost within the cluster (BUGS E6).
func (c *Circumstances) CheckGuards() {
	for _, name := range c.Brokers {
		node := c.World.Node(name)
		for id, l := range node.Loops() {
			s, ok := l.(*shard.Shard)
			if !ok {
				continue
			}
			if n := s.Stats().RequestsExpired; n > 0 {
				c.World.Violated(property.AskedAnswers, node.Where(loop.ID(id)),
					"%d requests ended by the guard behind their deadline", n)
			}
		}
	}
}
