package node

import (
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/shard"
)

// A clean stop: the shards stop answering as leaders, then the cluster moves the leaderships.

// Drain asks the node for a clean stop. The answer is Drained.
type Drain struct{}

// Drained says that the node leads nothing any more that another node could lead. That is so, too,
// if there is no majority of voters left to choose another leader.
type Drained struct{}

// drainState is how far a clean stop has come.
type drainState uint8

const (
	notDraining    drainState = iota
	stoppingShards            // until no shard answers as leader any more
	handingOver               // until the cluster has moved the leaderships
	drained
)

// onDrain begins a clean stop (PROTOCOL 25). A question that comes after its end is answered
// at once.
func (c *Control) onDrain(now env.Time) {
	if c.converting() || c.meta == nil {
		c.draining = drained // it leads nothing
	}
	switch c.draining {
	case drained:
		c.host.Reply(loop.Outside, Drained{})
	case notDraining:
		c.draining = stoppingShards
		for i := range c.shards {
			c.host.Reply(shardID(i), shard.Drain{})
		}
	}
}

// stepDrain goes on with a clean stop as far as it can.
func (c *Control) stepDrain(now env.Time) {
	switch c.draining {
	case stoppingShards:
		for i := range c.shards {
			if !c.shards[i].drained {
				return
			}
		}
		c.draining, c.reached = handingOver, now.Mono
		c.host.Log(event.New(event.ShardsDrained))
		c.meta.Drain()
	case handingOver:
		if c.reachesMajority() {
			c.reached = now.Mono
		}
		handedOver := c.meta.Drained()
		if !handedOver && now.Mono.Sub(c.reached) < c.cfg.Limits.HandoverPatience {
			return
		}
		if !handedOver {
			c.host.Log(event.New(event.HandoverGivenUp,
				event.Text("cause", "fewer than a majority of the voters are connected"),
				event.Int("leaderships", leads(c.meta.Image(), c.cfg.Node))))
		}
		c.draining = drained
		c.host.Reply(loop.Outside, Drained{})
	}
}

// reachesMajority reports whether a majority of the voters is connected, this node counted.
func (c *Control) reachesMajority() bool {
	voters, reached := 0, 0
	for _, m := range c.meta.Image().Members() {
		if !m.Voter {
			continue
		}
		voters++
		l := c.peer(m.Node)
		if m.PeerID == c.self() || l != nil && l.open && l.directory == m.Directory {
			reached++
		}
	}
	return reached > voters/2
}
