package node

import (
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/shard"
)

// Drain asks the node to hand over its leaderships; Drained answers when they are.
type Drain struct{}

// Drained answers Drain.
type Drained struct{}

// drainState is how far a clean stop has come.
type drainState uint8

const (
	notDraining drainState = iota
	stoppingShards
	handingOver
	drained
)

// onDrain begins a clean stop: first no shard answers as leader any more, then
// the cluster is asked to move the leaderships (PROTOCOL 25).
func (c *Control) onDrain(now env.Time) {
	if c.converting() {
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

func (c *Control) stepDrain(now env.Time) {
	switch c.draining {
	case stoppingShards:
		for i := range c.shards {
			if !c.shards[i].drained {
				return
			}
		}
		c.draining = handingOver
		c.meta.Drain()
	case handingOver:
		if c.meta.Drained() {
			c.draining = drained
			c.host.Reply(loop.Outside, Drained{})
		}
	}
}
