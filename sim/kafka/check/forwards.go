package check

import (
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/checker"
	"example.com/lockstep/sim/kafka/history"
	"example.com/lockstep/sim/property"
)

// CheckForwards demands that a produce is forwarded once at most (PROTOCOL 33), so that no
// broker forwards more produces than clients have sent to it. It counts the forwards of
// present incarnations only, and compares them with all produces of clients: those in the
// history, and unrecorded is an upper bound of the others, by broker.
func (c *Circumstances) CheckForwards(unrecorded map[checker.NodeID]uint64) {
	sent := map[checker.NodeID]uint64{}
	for i := range c.History.Produces {
		sent[c.History.Produces[i].Node]++
	}
	for _, name := range c.Brokers {
		n := c.World.Node(name)
		if !n.Up() {
			continue
		}
		var forwarded uint64
		for _, l := range n.Loops() {
			if s, ok := l.(*shard.Shard); ok {
				stats := s.Stats()
				forwarded += stats.Forwarded - stats.ForwardsRecalled
			}
		}
		if clients := sent[history.NodeOf(name)] +
			unrecorded[history.NodeOf(name)]; forwarded > clients {
			c.World.Violated(property.ForwardedOnce, name,
				"%d produces were forwarded, clients had sent %d", forwarded, clients)
		}
	}
}
