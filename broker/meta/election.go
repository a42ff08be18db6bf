package meta

import (
	"slices"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/mark"
)

// canLead reports whether the node may become a leader.
func (img *Image) canLead(id kafka.NodeID) bool {
	b := img.Broker(id)
	return b != nil && !b.Fenced && !b.Draining
}

// pick chooses the leader of p: the first member of the ISR, in replica order, that can
// lead; else the first of the ELR, which holds all that is committed; else NoNode. Any
// other replica may lack acknowledged records and is chosen only if unclean is set,
// LastKnown first. Within each of these sets, brokers with a full disk come last. They
// still come before the next set: a leader that only serves reads is better than none,
// and better than one from the ELR, which begins alone.
func (img *Image) pick(p *Partition, unclean bool) kafka.NodeID {
	sets := [][]kafka.NodeID{union(p.Replicas, p.ISR, nil), union(p.Replicas, p.ELR, nil)}
	if unclean {
		sets = append(sets, p.LastKnown, p.Replicas)
	}
	for _, set := range sets {
		if id := img.first(set); id != kafka.NoNode {
			return id
		}
	}
	return kafka.NoNode
}

// first is the first of ids that can lead and has room on its disk, else the first that
// can lead.
func (img *Image) first(ids []kafka.NodeID) kafka.NodeID {
	full := kafka.NoNode
	for _, id := range ids {
		switch {
		case !img.canLead(id):
		case !img.Broker(id).Full:
			return id
		case full == kafka.NoNode:
			full = id
		}
	}
	return full
}

// relief is the member of the ISR that can take p over from a leader with a full disk;
// NoNode if there is none.
func (img *Image) relief(p *Partition) kafka.NodeID {
	id := img.first(union(p.Replicas, minus(p.ISR, []kafka.NodeID{p.Leader}), nil))
	if id == kafka.NoNode || img.Broker(id).Full {
		return kafka.NoNode
	}
	return id
}

// canRelieve reports whether another broker can take over any partition of this leader
// (relief).
func (img *Image) canRelieve(leader kafka.NodeID) (can bool) {
	img.Topics(func(t *Topic) bool {
		for _, p := range t.Partitions {
			can = can || p.Leader == leader && img.relief(p) != kafka.NoNode
		}
		return !can
	})
	return can
}

// lead makes id the leader of p, or leaves p without a leader if id is NoNode. p is a
// clone that may be changed. This is the only place where leader epochs grow
// (PROTOCOL 3). It also serves a new incarnation of the same leader.
func (d *draft) lead(t *Topic, p *Partition, id kafka.NodeID) {
	if old := p.Leader; old != kafka.NoNode && old != id {
		d.lose(p, old)
	}
	p.Leader = id
	p.LeaderEpoch++
	p.PartitionEpoch++
	if id == kafka.NoNode {
		mark.Hit(mark.Leaderless)
		return
	}
	if !p.InISR(id) {
		// The leader is from the ELR, or the election is unclean: the leader begins
		// alone, and the others can join the ISR only by following it. If it is from the
		// ELR, the members of the old ISR and ELR hold all that is committed, and stay
		// eligible.
		clean := slices.Contains(p.ELR, id)
		mark.HitIf(clean, mark.ElectedFromELR)
		if !clean {
			mark.Hit(mark.ElectedUnclean)
			p.UncleanEpoch = p.LeaderEpoch
		}
		before := union(p.Replicas, p.ISR, p.ELR)
		p.ISR, p.ELR, p.Losses = []kafka.NodeID{id}, nil, nil
		if clean && d.MinISR(t) > 1 {
			p.ELR = minus(before, p.ISR)
		}
	}
	p.LastKnown = nil
	p.Losses = slices.DeleteFunc(slices.Clone(p.Losses), func(l Loss) bool { return l.Node == id })
}

// lose records that this command takes the leadership of p from old.
func (d *draft) lose(p *Partition, old kafka.NodeID) {
	if p.InISR(old) {
		p.Losses = append(slices.Clone(p.Losses), Loss{old, d.index})
	}
	if b := d.Broker(old); b != nil && b.LastLoss != d.index {
		next := *b
		next.LastLoss = d.index
		d.setBroker(&next)
	}
}

// shrink removes id from the ISR of p, a clone, and reports whether it did. The last
// member stays. The caller raises the partition epoch, once per command.
func (d *draft) shrink(t *Topic, p *Partition, id kafka.NodeID) bool {
	if !p.InISR(id) || len(p.ISR) == 1 {
		return false
	}
	d.setISR(t, p, minus(p.ISR, []kafka.NodeID{id}))
	return true
}

// setISR replaces the ISR of p, a clone, and updates the ELR. While the ISR is smaller
// than min.insync.replicas the watermark stands still, so a member that is dropped then
// holds all that is committed. When the ISR is large enough, no replica outside it is
// known to hold that.
func (d *draft) setISR(t *Topic, p *Partition, isr []kafka.NodeID) {
	before := union(p.Replicas, p.ISR, p.ELR)
	p.ISR = isr
	p.ELR = nil
	if len(isr) < d.MinISR(t) {
		mark.Hit(mark.ELRKept)
		p.ELR = minus(before, isr)
	}
	p.Losses = slices.DeleteFunc(slices.Clone(p.Losses), func(l Loss) bool {
		return !p.InISR(l.Node)
	})
}

// union returns the members of order that are in a or b, in that order.
func union(order, a, b []kafka.NodeID) (u []kafka.NodeID) {
	for _, id := range order {
		if slices.Contains(a, id) || slices.Contains(b, id) {
			u = append(u, id)
		}
	}
	return u
}

// minus returns a new list of the members of a that are not in b.
func minus(a, b []kafka.NodeID) (m []kafka.NodeID) {
	for _, id := range a {
		if !slices.Contains(b, id) {
			m = append(m, id)
		}
	}
	return m
}
