package group

import (
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/kafka"
)

// replaceStatic lets a static member come back under a new id (KIP-345). It keeps its assignment
// without a rebalance, unless the protocol of the group would change. The member with the old id is
// fenced.
func (c *Coordinator) replaceStatic(now env.Time, g *group, j join, oldID, newID string) {
	old, _ := g.members.Get(oldID)
	leader := g.leader
	m := c.swap(now, g, old, newID)
	c.log(event.GroupMemberReplaced, event.Text("group", g.id),
		event.Text("instance", *m.instance), event.Text("old", oldID), event.Text("member", newID))
	c.updateMember(g, m, j)
	switch {
	case g.state == CompletingRebalance:
		// The leader assigns to the old id, so that the new one would get nothing.
		c.prepareRebalance(now, g, "static member "+newID+" came back"+reason(j))
	case g.state == Stable && g.vote() == g.protocol:
		c.keepAssignment(now, g, m, old, leader)
	case g.state == Stable:
		c.prepareRebalance(now, g, "static member "+newID+" has other protocols"+reason(j))
	default:
		c.completeIfJoined(now, g)
	}
}

// swap replaces a static member by one that has only another id. What the old one waits for is
// answered FENCED_INSTANCE_ID.
func (c *Coordinator) swap(now env.Time, g *group, old *member, id string) *member {
	c.answerJoin(g, old, refuseJoin(old.join.version, old.id, kafka.FencedInstanceID))
	c.answerSync(old, refuseSync(old.sync.version, kafka.FencedInstanceID))
	m := &member{
		id: id, instance: old.instance, client: old.client, rebalance: old.rebalance,
		session: old.session, protocols: old.protocols, assignment: old.assignment,
	}
	leads, unsynced, protocolType := g.leader == old.id, g.unsynced[old.id], g.protocolType
	c.timers.stop(&old.timer)
	c.bytes -= old.bytes()
	g.remove(old)
	c.addMember(now, g, m, protocolType, m.session)
	if leads {
		g.leader = id
	}
	if unsynced {
		g.unsynced[id] = true
	}
	return m
}

// keepAssignment answers the join of a static member that came back when its new id is in the log,
// so that no other coordinator lets the old id in again.
func (c *Coordinator) keepAssignment(now env.Time, g *group, m, old *member, leader string) {
	generation, token := g.generation, m.join.token
	meta := g.meta(func(m *member) []byte { return m.assignment })
	c.append(now, change{group: g.id, meta: meta}).then(func(now env.Time, code kafka.ErrorCode) {
		current, _ := g.members.Get(m.id)
		if g.state != Stable || g.generation != generation || current != m ||
			!m.join.waits || m.join.token != token {
			return // a rebalance answers the join, or it is fenced
		}
		if code == kafka.None {
			c.answerKept(g, m, leader)
			return
		}
		// The member comes again. Until it does, the old one is what the log says.
		r := refuseJoin(m.join.version, "", appendError(code))
		c.answerJoin(g, m, r)
		m = c.swap(now, g, m, old.id)
		c.setProtocols(g, m, old.protocols)
		m.rebalance, m.session = old.rebalance, old.session
	})
}

// answerKept answers a static member that came back to its assignment. A leader must not assign
// again; one that cannot be told that is told that the leader has the old id (KIP-814).
func (c *Coordinator) answerKept(g *group, m *member, leader string) {
	r := g.answer(m, m.join.version)
	if m.join.version >= skipFrom {
		r.SkipAssignment = g.leader == m.id
	} else {
		r.LeaderID, r.Members = leader, nil
	}
	c.answerJoin(g, m, r)
}
