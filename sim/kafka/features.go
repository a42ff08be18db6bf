package kafka

import (
	"fmt"

	"example.com/lockstep/broker/shard"
	"example.com/lockstep/sim/world"
)

// feature is the state of a replica as the coverage of a run counts it.
type feature struct {
	role       byte // 'l', 'f' or ' '
	isr        int8
	controller bool
}

func (l feature) String() string {
	text := fmt.Sprintf("%s, ISR of %d", map[byte]string{'l': "leader", 'f': "follower",
		' ': "no role"}[l.role], l.isr)
	if l.controller {
		text += ", controller"
	}
	return text
}

// featureSight is the last feature that was counted of a replica.
type featureSight struct {
	feature feature
	faults  int
	seen    bool
}

// seeFeatures counts the state of a replica at the end of a turn of its shard, if it or the
// active faults have changed.
func (s *featureSight) seeFeatures(w *world.World, n *world.Node, controller bool,
	p *shard.PartState) {
	now := feature{role: ' ', isr: int8(min(len(p.ISR), 100)), controller: controller}
	switch {
	case p.Leading:
		now.role = 'l'
	case p.Following:
		now.role = 'f'
	}
	if s.seen && s.feature == now && s.faults == w.FaultChanges() {
		return
	}
	*s = featureSight{now, w.FaultChanges(), true}
	w.Saw(now.String(), n)
}
