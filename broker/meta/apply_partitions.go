package meta

import (
	"slices"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/mark"
)

func (c *AlterPartition) apply(d *draft) Verdict {
	if b, v := d.incarnation(c.Leader, c.BrokerEpoch); b == nil {
		return v
	}
	v := Verdict{Partitions: make([]PartitionVerdict, len(c.Partitions))}
	for i := range c.Partitions {
		n := &c.Partitions[i]
		code := c.alter(d, n)
		v.Partitions[i] = PartitionVerdict{ID: n.ID, Code: code, State: d.Partition(n.ID)}
	}
	return v
}

// alter is the compare-and-set of one ISR.
func (c *AlterPartition) alter(d *draft, n *NewISR) kafka.ErrorCode {
	t := d.TopicByID(n.ID.Topic)
	if t == nil {
		return kafka.UnknownTopicID
	}
	p := d.Partition(n.ID)
	if p == nil {
		return kafka.UnknownTopicOrPartition
	}
	switch {
	case n.LeaderEpoch < p.LeaderEpoch:
		return kafka.FencedLeaderEpoch
	case n.LeaderEpoch > p.LeaderEpoch:
		return kafka.UnknownLeaderEpoch
	case p.Leader != c.Leader:
		return kafka.FencedLeaderEpoch
	case n.PartitionEpoch != p.PartitionEpoch:
		mark.Hit(mark.ISRAlterStale)
		return kafka.InvalidUpdateVersion
	}
	isr, code := c.members(d, p, n.ISR)
	if code != kafka.None {
		return code
	}
	q := p.clone()
	if !slices.Contains(isr, c.Leader) {
		if d.first(isr) == kafka.NoNode {
			return kafka.EligibleLeadersNotAvailable
		}
		mark.Hit(mark.LeaderReplaced)
		d.setPartition(t, int(n.ID.Partition), d.distrust(t, q, c.Leader))
		return kafka.None
	}
	// An ISR that stays as it is moves the partition epoch, too: a leader asks for it so
	// that an addition without a verdict can never be applied (replica.Leader.NextChange).
	d.setISR(t, q, isr)
	q.PartitionEpoch++
	d.setPartition(t, int(n.ID.Partition), q)
	return kafka.None
}

// members checks the members of a new ISR and returns them in replica order. The leader
// counted the acknowledgements of one incarnation of each member. That incarnation must
// still be registered: a node that has restarted since may have lost its log
// (PROTOCOL 17).
func (c *AlterPartition) members(
	d *draft, p *Partition, list []ISRMember,
) ([]kafka.NodeID, kafka.ErrorCode) {
	var isr []kafka.NodeID
	for _, m := range list {
		if !p.Replica(m.Node) || slices.Contains(isr, m.Node) {
			return nil, kafka.InvalidRequest
		}
		isr = append(isr, m.Node)
		b := d.Broker(m.Node)
		if b == nil || b.Epoch != m.Epoch {
			mark.Hit(mark.ISRMemberRestarted)
			return nil, kafka.IneligibleReplica
		}
		// The leader itself may be fenced for a moment: it has just registered again, and
		// no other member could take over.
		if m.Node != c.Leader && (b.Fenced || b.Draining && !p.InISR(m.Node)) {
			return nil, kafka.IneligibleReplica
		}
	}
	isr = union(p.Replicas, isr, nil)
	if !slices.Contains(isr, c.Leader) &&
		(len(isr) == 0 || !slices.Equal(isr, minus(p.ISR, []kafka.NodeID{c.Leader}))) {
		return nil, kafka.InvalidRequest
	}
	return isr, kafka.None
}

func (c *TakeOffline) apply(d *draft) Verdict {
	if b, v := d.incarnation(c.Node, c.Epoch); b == nil {
		return v
	}
	return d.eachElection(c.Partitions, c.takeOffline)
}

func (c *TakeOffline) takeOffline(d *draft, e Election) kafka.ErrorCode {
	p := d.Partition(e.ID)
	switch {
	case p == nil || !p.Replica(c.Node):
		return kafka.UnknownTopicOrPartition
	case e.LeaderEpoch != p.LeaderEpoch:
		return kafka.FencedLeaderEpoch
	case !p.CanSpare(c.Node),
		p.Leader == c.Node && d.first(minus(p.ISR, []kafka.NodeID{c.Node})) == kafka.NoNode:
		return kafka.EligibleLeadersNotAvailable
	}
	t, q := d.TopicByID(e.ID.Topic), p.clone()
	d.distrust(t, q, c.Node)
	if q.LeaderEpoch == p.LeaderEpoch {
		d.lead(t, q, q.Leader)
	}
	mark.Hit(mark.ReplicaTakenOffline)
	d.setPartition(t, int(e.ID.Partition), q)
	return kafka.None
}

func (c *ElectLeaders) apply(d *draft) Verdict {
	return d.eachElection(c.Partitions, c.elect)
}

// eachElection applies one change to every partition that a command names, each by itself.
func (d *draft) eachElection(
	elections []Election, change func(*draft, Election) kafka.ErrorCode,
) Verdict {
	v := Verdict{Partitions: make([]PartitionVerdict, len(elections))}
	for i, e := range elections {
		code := change(d, e)
		v.Partitions[i] = PartitionVerdict{ID: e.ID, Code: code, State: d.Partition(e.ID)}
	}
	return v
}

func (c *ElectLeaders) elect(d *draft, e Election) kafka.ErrorCode {
	p := d.Partition(e.ID)
	switch {
	case p == nil:
		return kafka.UnknownTopicOrPartition
	case e.LeaderEpoch != p.LeaderEpoch:
		return kafka.FencedLeaderEpoch
	}
	leader, code := c.choose(d.Image, p)
	if code != kafka.None && c.Resigned && p.Leader != kafka.NoNode {
		leader, code = p.Leader, kafka.None
	}
	if code != kafka.None {
		return code
	}
	q := p.clone()
	t := d.TopicByID(e.ID.Topic)
	d.lead(t, q, leader)
	d.setPartition(t, int(e.ID.Partition), q)
	return kafka.None
}

func (c *AskHandover) apply(d *draft) Verdict {
	return d.eachElection(c.Partitions, func(d *draft, e Election) kafka.ErrorCode {
		preferred := &ElectLeaders{Partitions: []Election{e}}
		p := d.Partition(e.ID)
		if p == nil || p.Leader == kafka.NoNode || e.LeaderEpoch != p.LeaderEpoch {
			return preferred.elect(d, e)
		}
		_, code := preferred.choose(d.Image, p)
		if code == kafka.None {
			d.changes.Handovers = append(d.changes.Handovers, e)
		}
		return code
	})
}

// choose returns the leader that the election would choose. A preferred election chooses
// the first replica or changes nothing. An unclean one acts only where there is no
// leader.
func (c *ElectLeaders) choose(d *Image, p *Partition) (kafka.NodeID, kafka.ErrorCode) {
	if c.Unclean {
		if p.Leader != kafka.NoNode {
			return kafka.NoNode, kafka.ElectionNotNeeded
		}
		leader := d.pick(p, true)
		if leader == kafka.NoNode {
			return leader, kafka.EligibleLeadersNotAvailable
		}
		return leader, kafka.None
	}
	preferred := p.Replicas[0]
	if p.Leader == preferred {
		return kafka.NoNode, kafka.ElectionNotNeeded
	}
	if !p.InISR(preferred) || !d.canLead(preferred) || d.Broker(preferred).Full {
		return kafka.NoNode, kafka.PreferredLeaderNotAvailable
	}
	return preferred, kafka.None
}
