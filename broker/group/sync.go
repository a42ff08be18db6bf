package group

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/kafka"
)

// Sync takes a SyncGroup. The answer is the assignment of the member. It leaves when the assignment
// of all members, which the leader's SyncGroup carries, is committed.
func (c *Coordinator) Sync(now env.Time, t Token, r *kmsg.SyncGroupRequest) {
	if !c.begin(t, r) {
		return
	}
	if code := c.trySync(now, t, r); code != kafka.None {
		c.refuse(t, code)
	}
}

func (c *Coordinator) trySync(now env.Time, t Token, r *kmsg.SyncGroupRequest) kafka.ErrorCode {
	if r.Group == "" {
		return kafka.InvalidGroupID
	}
	g, code := c.find(r.Group, kafka.UnknownMemberID)
	if code != kafka.None {
		return code
	}
	if code := g.validate(r.MemberID, r.InstanceID); code != kafka.None {
		return code
	}
	differs := func(name *string, have string) bool { return name != nil && *name != have }
	switch {
	case r.Generation != g.generation:
		return kafka.IllegalGeneration
	case differs(r.ProtocolType, g.protocolType), differs(r.Protocol, g.protocol):
		return kafka.InconsistentGroupProtocol
	case g.state == PreparingRebalance:
		return kafka.RebalanceInProgress
	}
	m, _ := g.members.Get(r.MemberID)
	delete(g.unsynced, m.id)
	if len(g.unsynced) == 0 {
		c.timers.stop(&g.sync)
	}
	if g.state == Stable {
		c.answer(t, g.assigned(m, r.Version))
		return kafka.None
	}
	c.answerSync(m, refuseSync(m.sync.version, kafka.RebalanceInProgress)) // an older one
	m.sync = waiter{waits: true, token: t, version: r.Version}
	if g.leader == m.id && !g.storing {
		c.storeAssignment(now, g, r.GroupAssignment)
	}
	return kafka.None
}

// assigned is the answer to a sync of a member of a stable group.
func (g *group) assigned(m *member, version int16) *kmsg.SyncGroupResponse {
	protocolType, protocol := g.protocolType, g.protocol
	return &kmsg.SyncGroupResponse{
		Version: version, ProtocolType: &protocolType, Protocol: &protocol,
		MemberAssignment: m.assignment,
	}
}

// storeAssignment makes the group stable once what its leader assigned is committed. Of several
// assignments for one generation the first counts: another one behind it in the log could be the
// one that the next coordinator finds, and a partition would have two owners in one generation.
func (c *Coordinator) storeAssignment(
	now env.Time, g *group, assignments []kmsg.SyncGroupRequestGroupAssignment,
) {
	assigned := map[string][]byte{}
	for _, a := range assignments {
		assigned[a.MemberID] = a.MemberAssignment
	}
	generation := g.generation
	g.storing = true
	meta := g.meta(func(m *member) []byte { return assigned[m.id] })
	c.append(now, change{group: g.id, meta: meta}).then(func(now env.Time, code kafka.ErrorCode) {
		if g.state != CompletingRebalance || g.generation != generation {
			return // another member came, or one is gone
		}
		g.storing = false
		if code != kafka.None {
			answer := appendError(code)
			c.dropAssignments(now, g, answer)
			c.prepareRebalance(now, g, "the assignment was not stored: "+code.String())
			return
		}
		c.becomeStable(now, g, assigned)
	})
}

func (c *Coordinator) becomeStable(now env.Time, g *group, assigned map[string][]byte) {
	g.to(Stable, now)
	for _, m := range g.all() {
		c.setAssignment(m, assigned[m.id])
		if c.answerSync(m, g.assigned(m, m.sync.version)) {
			c.extend(now, m)
		}
	}
	c.log(event.GroupStable, event.Text("group", g.id), event.Int("generation", g.generation),
		event.Int("members", g.members.Len()), event.Text("protocol", g.protocol),
		event.Duration("took", now.Mono.Sub(g.began)))
}

// Heartbeat takes a Heartbeat. The answer is there at once. While the log is loaded it says that
// all is well: the sessions begin when it is.
func (c *Coordinator) Heartbeat(now env.Time, t Token, r *kmsg.HeartbeatRequest) {
	code := c.serves()
	switch {
	case r.Group == "":
		code = kafka.InvalidGroupID
	case code == kafka.CoordinatorLoadInProgress:
		code = kafka.None
	case code == kafka.None:
		code = c.heartbeat(now, r)
	}
	c.reply(t, Refuse(r, code))
}

func (c *Coordinator) heartbeat(now env.Time, r *kmsg.HeartbeatRequest) kafka.ErrorCode {
	g, code := c.find(r.Group, kafka.UnknownMemberID)
	if code != kafka.None {
		return code
	}
	if code := g.validate(r.MemberID, r.InstanceID); code != kafka.None {
		return code
	}
	if r.Generation != g.generation {
		return kafka.IllegalGeneration
	}
	m, _ := g.members.Get(r.MemberID)
	c.extend(now, m)
	if g.state == PreparingRebalance {
		return kafka.RebalanceInProgress
	}
	return kafka.None
}
