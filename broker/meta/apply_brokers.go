package meta

import (
	"slices"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/mark"
)

// The states of a broker are registered (fenced) → unfenced → draining → fenced. A broker
// with an expired session goes straight to fenced. From each of these states it can be
// registered again, as a new incarnation.

func (c *RegisterBroker) apply(d *draft) Verdict {
	if c.Node < 1 {
		return refuse(kafka.InvalidRequest, "a broker id must be at least 1")
	}
	if msg := RegistrationError(&c.Endpoints); msg != "" {
		return refuse(kafka.PolicyViolation, msg)
	}
	if d.WasRemoved(PeerID{c.Node, c.Directory}) {
		return refuse(kafka.InvalidRequest, "the directory was removed from the cluster")
	}
	old := d.Broker(c.Node)
	if old == nil && d.brokers.Len() >= brokersMax {
		return refuse(kafka.PolicyViolation, "the cluster has as many brokers as it may")
	}
	if old != nil && old.Incarnation == c.Incarnation {
		return Verdict{BrokerEpoch: old.Epoch}
	}
	if old != nil && old.Directory == c.Directory && !c.Starts.Know(old.Starts, old.Incarnation) {
		mark.Hit(mark.OutdatedRegistration)
		return refuse(kafka.InvalidRequest, "the directory is an older copy of itself")
	}
	b := &Broker{
		ID: c.Node, Incarnation: c.Incarnation, Directory: c.Directory, Starts: c.Starts.Number,
		Epoch: kafka.BrokerEpoch(d.index), Fenced: true, Endpoints: c.Endpoints,
	}
	d.setBroker(b)
	switch {
	case old == nil:
	case old.Directory != c.Directory:
		mark.Hit(mark.DirectoryReplaced)
		d.replaceDirectory(c.Node)
	default:
		d.replaceIncarnation(c.Node, c.distrusts())
	}
	return Verdict{BrokerEpoch: b.Epoch}
}

// replaceIncarnation ends the roles of the previous incarnation (PROTOCOL 3). Where it
// led, the leader epoch grows, even if the same node leads next. Where it followed a
// leader, the node leaves the ISR: the new incarnation does not vouch for what the old
// one acknowledged. Where there is no leader, nothing counts acknowledgements, so the
// node stays in the ISR, unless its replica is suspect.
func (d *draft) replaceIncarnation(node kafka.NodeID, suspect func(kafka.PartitionID) bool) {
	d.eachPartition(func(t *Topic, id kafka.PartitionID, p *Partition) *Partition {
		if !p.Replica(node) {
			return nil
		}
		q := p.clone()
		if suspect(id) {
			return d.distrust(t, q, node)
		}
		switch {
		case p.Leader == node:
			// The node is fenced by now, so pick returns another one, or NoNode.
			if next := d.pick(p, false); next != kafka.NoNode && p.InISR(next) {
				mark.Hit(mark.RestartedReplaced)
				d.lead(t, q, next)
				d.shrink(t, q, node)
			} else {
				mark.Hit(mark.RestartedLeads)
				d.lead(t, q, node)
			}
			return q
		case p.Leader != kafka.NoNode && d.shrink(t, q, node):
			mark.Hit(mark.RestartedLeavesISR)
			q.PartitionEpoch++
			return q
		}
		return nil
	})
}

// replaceDirectory ends the roles of a broker that comes with another directory (PROTOCOL 4a):
// it holds nothing of what the earlier one held, so it leaves every ISR and ELR. Where it was the
// last member, the partition has no leader until an operator chooses one. An unclean election
// does not prefer the new directory: any other replica holds more.
func (d *draft) replaceDirectory(node kafka.NodeID) {
	d.replaceIncarnation(node, func(kafka.PartitionID) bool { return true })
	d.eachPartition(func(_ *Topic, _ kafka.PartitionID, p *Partition) *Partition {
		if !slices.Contains(p.LastKnown, node) {
			return nil
		}
		q := p.clone()
		q.LastKnown = minus(p.LastKnown, []kafka.NodeID{node})
		q.PartitionEpoch++
		return q
	})
}

// distrust removes a replica that may have lost records from ISR and ELR, and takes the
// leadership from it. If it was the last member and no member of the ELR can lead, the
// partition has no leader until one returns or an unclean election chooses another
// replica.
func (d *draft) distrust(t *Topic, p *Partition, node kafka.NodeID) *Partition {
	in := []kafka.NodeID{node}
	if !p.InISR(node) && !slices.Contains(p.ELR, node) {
		return nil
	}
	mark.Hit(mark.ReplicaDistrusted)
	if len(p.ISR) == 1 && p.InISR(node) {
		mark.Hit(mark.LastReplicaDistrusted)
		p.ISR = nil
		if p.ELR = minus(p.ELR, in); len(p.ELR) == 0 {
			p.LastKnown = in
		}
	} else {
		d.shrink(t, p, node)
		p.ELR = minus(p.ELR, in)
	}
	p.Losses = slices.DeleteFunc(slices.Clone(p.Losses), func(l Loss) bool {
		return l.Node == node
	})
	if p.Leader == node || p.Leader == kafka.NoNode {
		if next := d.pick(p, false); next != p.Leader {
			d.lead(t, p, next)
			return p
		}
	}
	p.PartitionEpoch++
	return p
}

// incarnation returns the broker if it is registered with that epoch, otherwise nil and
// the refusal.
func (d *draft) incarnation(node kafka.NodeID, epoch kafka.BrokerEpoch) (*Broker, Verdict) {
	b := d.Broker(node)
	if b == nil {
		return nil, refuse(kafka.BrokerIDNotRegistered, "")
	}
	if b.Epoch != epoch {
		return nil, refuse(kafka.StaleBrokerEpoch, "")
	}
	return b, Verdict{}
}

func (c *FenceBroker) apply(d *draft) Verdict {
	b, v := d.incarnation(c.Node, c.Epoch)
	if b == nil {
		return v
	}
	mark.Hit(mark.BrokerFenced)
	next := *b
	next.Fenced = true
	d.setBroker(&next)
	d.eachPartition(func(t *Topic, _ kafka.PartitionID, p *Partition) *Partition {
		if !p.InISR(c.Node) {
			return nil
		}
		q := p.clone()
		shrunk := d.shrink(t, q, c.Node)
		if p.Leader == c.Node {
			mark.Hit(mark.FenceMovesLeader)
			d.lead(t, q, d.pick(q, d.unclean(t)))
			return q
		}
		if !shrunk {
			return nil
		}
		q.PartitionEpoch++
		return q
	})
	return v
}

func (c *UnfenceBroker) apply(d *draft) Verdict {
	b, v := d.incarnation(c.Node, c.Epoch)
	if b == nil || !b.Fenced || b.Draining {
		return v
	}
	next := *b
	next.Fenced = false
	d.setBroker(&next)
	d.eachPartition(func(t *Topic, _ kafka.PartitionID, p *Partition) *Partition {
		if p.Leader != kafka.NoNode || !p.Replica(c.Node) {
			return nil
		}
		leader := d.pick(p, d.unclean(t))
		if leader == kafka.NoNode {
			return nil
		}
		mark.Hit(mark.UnfenceElects)
		q := p.clone()
		d.lead(t, q, leader)
		return q
	})
	return v
}

func (c *DrainBroker) apply(d *draft) Verdict {
	b, v := d.incarnation(c.Node, c.Epoch)
	if b == nil || b.Draining {
		return v
	}
	next := *b
	next.Draining = true
	d.setBroker(&next)
	d.eachPartition(func(t *Topic, _ kafka.PartitionID, p *Partition) *Partition {
		if p.Leader != c.Node {
			return nil
		}
		leader := d.pick(p, false)
		if leader == kafka.NoNode || !p.InISR(leader) {
			return nil // no member can take over; the fence that follows decides
		}
		q := p.clone()
		d.lead(t, q, leader)
		return q
	})
	return v
}

func (c *SetBrokerFull) apply(d *draft) Verdict {
	b, v := d.incarnation(c.Node, c.Epoch)
	if b == nil {
		return v
	}
	if b.Full != c.Full {
		next := *b
		next.Full = c.Full
		d.setBroker(&next)
	}
	if !c.Full {
		return v // it may lead again; no leadership moves back by itself
	}
	d.eachPartition(func(t *Topic, _ kafka.PartitionID, p *Partition) *Partition {
		if p.Leader != c.Node {
			return nil
		}
		leader := d.relief(p)
		if leader == kafka.NoNode {
			return nil // it stays leader, and serves reads
		}
		mark.Hit(mark.FullDiskHandedOver)
		q := p.clone()
		d.lead(t, q, leader)
		return q
	})
	return v
}
