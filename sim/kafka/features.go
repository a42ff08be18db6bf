package kafka

import (
	"fmt"

	"example.com/lockstep/broker/shard"
	"example.com/lockstep/sim/world"
)

// look is the state in which a replica is seen: a feature of a run's coverage.
type look struct {
	role       byte // 'l', 'f' or ' '
	isr        int8
	controller bool
}

func (l look) String() string {
	text := fmt.Sprintf("%s, ISR of %d", map[byte]string{'l': "leader", 'f': "follower",
		' ': "no role"}[l.role], l.isr)
	if l.controller {
		text += ", controller"
	}
	return text
}

// featureSight is the last that was noted of a replica.
type featureSight struct {
	look   look
	faults int
	seen   bool
}

// seeFeatures notes the state of a replica at the end of a turn of its shard.
func (s *featureSight) seeFeatures(w *world.World, n *world.Node, controller bool,
	p *shard.PartState) {
	now := look{role: ' ', isr: int8(min(len(p.ISR), 100)), controller: controller}
	switch {
	case p.Leading:
		now.role = 'l'
	case p.Following:
		now.role = 'f'
	}
	if s.seen && s.look == now && s.faults == w.FaultChanges() {
		return
	}
	*s = featureSight{now, w.FaultChanges(), true}
	w.Saw(now.String(), n)
}
