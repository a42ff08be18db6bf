package node

import (
	"encoding/binary"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/rare"
)

// What the simulator sees of a control loop: facts for the checkers, and a digest of the state
// for the trace hash. Nothing here changes the state.

// ControlState is metadata and Raft as the control loop has them.
type ControlState struct {
	meta.Status
	Epoch      kafka.BrokerEpoch // 0 until registered
	LeaseUntil env.Instant
	Image      *meta.Image // shared: do not write to it
}

// Inspect returns the state. It reports false until the control loop has recovered.
func (c *Control) Inspect() (ControlState, bool) {
	if c.meta == nil {
		return ControlState{}, false
	}
	return ControlState{
		Status: c.meta.Status(), Epoch: c.meta.Epoch(), LeaseUntil: c.meta.LeaseUntil(),
		Image: c.meta.Image(),
	}, true
}

// AppendState appends a digest of the control loop's state.
func (c *Control) AppendState(b []byte) []byte {
	word := func(v uint64) { b = binary.LittleEndian.AppendUint64(b, v) }
	if c.meta == nil {
		b = append(append(b, byte(b2i(c.birth.born)), byte(b2i(c.birthBusy))), c.birth.id[:]...)
		return b
	}
	status := c.meta.Status()
	word(uint64(status.Term))
	word(uint64(status.Commit))
	word(uint64(status.Applied))
	word(uint64(status.Leader))
	word(uint64(c.meta.LeaseUntil()))
	word(uint64(c.epoch))
	for i := range c.shards {
		word(c.shards[i].pingSeq)
		word(uint64(c.shards[i].confirmed))
	}
	word(uint64(len(c.proposals))<<32 | uint64(len(c.barriers)))
	for _, l := range c.peers {
		word(uint64(l.node)<<1 | uint64(b2i(l.open)))
		word(l.generation)
	}
	return b
}

func b2i(v bool) int {
	if v {
		return 1
	}
	return 0
}

// Rare makes the control loop's rare choices; nil if none are on.
func (c *Control) Rare() *rare.Chooser { return c.rare }
