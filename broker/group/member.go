package group

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/kafka"
)

// addMember takes a member in, for as long as it shows itself within the given time.
func (c *Coordinator) addMember(
	now env.Time, g *group, m *member, protocolType string, within time.Duration,
) {
	m.timer.fire = func(now env.Time) { c.sessionOver(now, g, m) }
	g.add(m, protocolType)
	c.bytes += m.bytes()
	c.timers.start(&m.timer, now.Mono.Add(within))
}

// extend lets the session of a member begin again.
func (c *Coordinator) extend(now env.Time, m *member) {
	c.timers.start(&m.timer, now.Mono.Add(m.session))
}

// sessionOver removes a member that was silent for too long. One that waits for us is not silent.
func (c *Coordinator) sessionOver(now env.Time, g *group, m *member) {
	if !m.new && (m.join.waits || m.sync.waits) {
		return // the answer lets its session begin again
	}
	c.log(event.GroupMemberLost, event.Text("group", g.id), event.Text("member", m.id),
		event.Text("host", m.client.Host), event.Duration("session", m.session))
	c.removeMember(g, m, kafka.UnknownMemberID)
	c.afterRemoval(now, g, "member "+m.id+" was silent for its session timeout")
	c.tidy(g.id)
}

// removeMember forgets a member; what it waits for is answered with code.
func (c *Coordinator) removeMember(g *group, m *member, code kafka.ErrorCode) {
	c.answerJoin(g, m, refuseJoin(m.join.version, "", code))
	c.answerSync(m, refuseSync(m.sync.version, code))
	c.timers.stop(&m.timer)
	c.bytes -= m.bytes()
	g.remove(m)
}

// afterRemoval lets the group go on without members that are gone.
func (c *Coordinator) afterRemoval(now env.Time, g *group, why string) *appended {
	switch g.state {
	case Stable, CompletingRebalance:
		return c.prepareRebalance(now, g, why)
	case PreparingRebalance:
		return c.completeIfJoined(now, g)
	}
	return nil
}

func (c *Coordinator) setProtocols(g *group, m *member, protocols []kmsg.JoinGroupRequestProtocol) {
	c.bytes -= m.bytes()
	g.support(m, -1)
	m.protocols = protocols
	g.support(m, 1)
	c.bytes += m.bytes()
}

func (c *Coordinator) setAssignment(m *member, assignment []byte) {
	c.bytes -= m.bytes()
	m.assignment = assignment
	c.bytes += m.bytes()
}

// answerJoin answers the join of a member, if one waits.
func (c *Coordinator) answerJoin(g *group, m *member, r *kmsg.JoinGroupResponse) {
	if !m.join.waits {
		return
	}
	m.join.waits = false
	g.awaiting--
	c.answer(m.join.token, r)
}

// answerSync answers the sync of a member, if one waits, and reports whether one did.
func (c *Coordinator) answerSync(m *member, r *kmsg.SyncGroupResponse) bool {
	if !m.sync.waits {
		return false
	}
	m.sync.waits = false
	c.answer(m.sync.token, r)
	return true
}

func refuseSync(version int16, code kafka.ErrorCode) *kmsg.SyncGroupResponse {
	return &kmsg.SyncGroupResponse{
		Version: version, ErrorCode: int16(code), MemberAssignment: []byte{},
	}
}
