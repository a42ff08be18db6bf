package check

import (
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/sim/property"
)

// CheckGuards: where nothing goes wrong, a request ends by what it asked for or
// by that one's deadline, never by the guard behind it, which stands for an
// answer that was lost within the cluster (BUGS E6).
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
