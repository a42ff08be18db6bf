package group

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/kafka"
)

// memberIDFrom is the version of JoinGroup from which on a new dynamic member gets its id before it
// joins (KIP-394).
const memberIDFrom = 4

// skipFrom is the version of JoinGroup from which on a leader can be told not to assign (KIP-814).
const skipFrom = 9

// join is a JoinGroup under way.
type join struct {
	*kmsg.JoinGroupRequest
	token Token
	from  Client
}

// Join takes a JoinGroup. It keeps r, as all requests. The answer leaves when the rebalance that
// the request begins or takes part in has all members, or does not wait any longer.
func (c *Coordinator) Join(now env.Time, t Token, from Client, r *kmsg.JoinGroupRequest) {
	if !c.begin(t, r) {
		return
	}
	if code := c.tryJoin(now, join{normal(r), t, from}); code != kafka.None {
		c.refuse(t, code)
	}
}

// normal returns the request with what its version leaves out, and each protocol once.
func normal(r *kmsg.JoinGroupRequest) *kmsg.JoinGroupRequest {
	n := *r
	if n.Version < 1 {
		n.RebalanceTimeoutMillis = n.SessionTimeoutMillis
	}
	seen := map[string]bool{}
	n.Protocols = nil
	for _, p := range r.Protocols {
		if !seen[p.Name] {
			n.Protocols = append(n.Protocols, p)
		}
		seen[p.Name] = true
	}
	return &n
}

// tryJoin returns the error of a request that is not answered and does not wait.
func (c *Coordinator) tryJoin(now env.Time, j join) kafka.ErrorCode {
	if j.Group == "" {
		return kafka.InvalidGroupID
	}
	if s := millis(j.SessionTimeoutMillis); s < c.cfg.MinSession || s > c.cfg.MaxSession {
		return kafka.InvalidSessionTimeout
	}
	g, code := c.find(j.Group, kafka.UnknownMemberID)
	if g == nil && j.MemberID == "" && code == kafka.UnknownMemberID {
		g, code = c.create(now, j.Group)
	}
	if code != kafka.None {
		return code
	}
	code = c.joinGroup(now, g, j)
	c.tidy(j.Group)
	return code
}

func (c *Coordinator) joinGroup(now env.Time, g *group, j join) kafka.ErrorCode {
	if !c.accepts(g, j.MemberID) {
		c.log(event.GroupFull, event.Text("group", g.id), event.Int("members", g.members.Len()))
		if m, ok := g.members.Get(j.MemberID); ok {
			c.removeMember(g, m, kafka.GroupMaxSizeReached)
		}
		c.removePending(g, j.MemberID)
		return kafka.GroupMaxSizeReached
	}
	if !g.supports(j.ProtocolType, j.Protocols) {
		return kafka.InconsistentGroupProtocol
	}
	if c.bytes+j.bytes() > c.cfg.MetadataBytes {
		c.log(event.GroupsFull, event.Text("refused", g.id), event.Int("bytes", c.bytes))
		return kafka.CoordinatorNotAvailable
	}
	if j.MemberID == "" {
		return c.joinNew(now, g, j)
	}
	return c.joinKnown(now, g, j)
}

func (j join) bytes() int {
	total := 0
	for _, p := range j.Protocols {
		total += len(p.Name) + len(p.Metadata)
	}
	return total
}

// accepts keeps group.max.size. During a rebalance those count that have joined again, so that the
// last to come are left out if the bound was lowered.
func (c *Coordinator) accepts(g *group, id string) bool {
	m, member := g.members.Get(id)
	switch g.state {
	case PreparingRebalance:
		return member && m.join.waits || g.awaiting < c.cfg.MaxSize
	case CompletingRebalance, Stable:
		return member || g.members.Len() < c.cfg.MaxSize
	default:
		return true
	}
}

// joinNew lets a member join that has no id.
func (c *Coordinator) joinNew(now env.Time, g *group, j join) kafka.ErrorCode {
	id := c.newMemberID(j)
	if j.InstanceID != nil {
		if old, ok := g.statics[*j.InstanceID]; ok {
			c.replaceStatic(now, g, j, old, id)
			return kafka.None
		}
	} else if j.Version >= memberIDFrom {
		return c.giveID(now, g, j, id)
	}
	c.addAndRebalance(now, g, j, id)
	return kafka.None
}

// newMemberID is unique by chance: a UUID behind a name for people.
func (c *Coordinator) newMemberID(j join) string {
	var b [16]byte
	c.cfg.Entropy.Fill(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	name := j.from.ID
	if j.InstanceID != nil {
		name = *j.InstanceID
	}
	return fmt.Sprintf("%s-%x-%x-%x-%x-%x", name, b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// giveID answers with the id with which the member has to join. So a client that misses the answer
// leaves no member behind that a rebalance would wait for.
func (c *Coordinator) giveID(now env.Time, g *group, j join, id string) kafka.ErrorCode {
	if len(g.pending) >= c.cfg.PendingMembers {
		c.log(event.GroupFull, event.Text("group", g.id), event.Int("pending", len(g.pending)))
		return kafka.CoordinatorNotAvailable
	}
	t := &timer{}
	t.fire = func(now env.Time) {
		delete(g.pending, id)
		c.completeIfJoined(now, g)
		c.tidy(g.id)
	}
	g.pending[id] = t
	c.timers.start(t, now.Mono.Add(millis(j.SessionTimeoutMillis)))
	c.answer(j.token, refuseJoin(j.Version, id, kafka.MemberIDRequired))
	return kafka.None
}

func (c *Coordinator) removePending(g *group, id string) {
	if t, ok := g.pending[id]; ok {
		c.timers.stop(t)
		delete(g.pending, id)
	}
}

// joinKnown lets a member join that has an id.
func (c *Coordinator) joinKnown(now env.Time, g *group, j join) kafka.ErrorCode {
	if _, ok := g.pending[j.MemberID]; ok {
		if j.InstanceID != nil {
			return kafka.UnknownMemberID // static members are never given an id beforehand
		}
		c.removePending(g, j.MemberID)
		c.addAndRebalance(now, g, j, j.MemberID)
		return kafka.None
	}
	if code := g.validate(j.MemberID, j.InstanceID); code != kafka.None {
		return code
	}
	m, _ := g.members.Get(j.MemberID)
	same := m.matches(j.Protocols)
	switch {
	case g.state == PreparingRebalance:
		c.updateAndRebalance(now, g, j, m, "member "+m.id+" joins again")
	case g.state == CompletingRebalance && same:
		// It has not received the answer to its join.
		c.answer(j.token, g.answer(m, j.Version))
	case g.state == Stable && same && g.leader != m.id:
		answer := g.answer(m, j.Version)
		answer.Members = nil
		c.answer(j.token, answer)
	case g.state == Stable && g.leader == m.id:
		// It wants to assign again: partitions may have come that members do not know of.
		c.updateAndRebalance(now, g, j, m, "leader "+m.id+" joins again")
	case g.state == Stable, g.state == CompletingRebalance:
		c.updateAndRebalance(now, g, j, m, "member "+m.id+" has other metadata")
	default:
		return kafka.UnknownMemberID
	}
	return kafka.None
}

// answer is the answer to a join of a member of the present generation.
func (g *group) answer(m *member, version int16) *kmsg.JoinGroupResponse {
	protocolType, protocol := g.protocolType, g.protocol
	r := &kmsg.JoinGroupResponse{
		Version: version, Generation: g.generation, ProtocolType: &protocolType,
		Protocol: &protocol, LeaderID: g.leader, MemberID: m.id,
	}
	if g.leader == m.id {
		for _, other := range g.all() {
			r.Members = append(r.Members, kmsg.JoinGroupResponseMember{
				MemberID: other.id, InstanceID: other.instance,
				ProtocolMetadata: other.metadata(g.protocol),
			})
		}
	}
	return r
}

// addAndRebalance adds a member. Its join waits for the rebalance that it causes.
func (c *Coordinator) addAndRebalance(now env.Time, g *group, j join, id string) {
	m := &member{
		id: id, instance: j.InstanceID, client: j.from,
		rebalance: millis(j.RebalanceTimeoutMillis), session: millis(j.SessionTimeoutMillis),
		protocols: j.Protocols, new: true,
		join: waiter{waits: true, token: j.token, version: j.Version},
	}
	if g.state == PreparingRebalance && g.previous == Empty {
		g.grew = true
	}
	// While it waits for its first answer it knows no id and can send no heartbeat. If its client
	// gives up and joins again it is another member, so this one may not wait forever.
	c.addMember(now, g, m, j.ProtocolType, c.cfg.NewMemberTimeout)
	c.rebalance(now, g, "member "+id+" joins"+reason(j))
}

func reason(j join) string {
	if j.Reason == nil || *j.Reason == "" {
		return ""
	}
	return ": " + *j.Reason
}

// updateAndRebalance takes over what a member that joins again says.
func (c *Coordinator) updateAndRebalance(now env.Time, g *group, j join, m *member, why string) {
	c.updateMember(g, m, j)
	c.rebalance(now, g, why+reason(j))
}

func (c *Coordinator) updateMember(g *group, m *member, j join) {
	c.setProtocols(g, m, j.Protocols)
	m.rebalance, m.session = millis(j.RebalanceTimeoutMillis), millis(j.SessionTimeoutMillis)
	c.answerJoin(g, m, refuseJoin(m.join.version, m.id, kafka.RebalanceInProgress)) // an older one
	m.join = waiter{waits: true, token: j.token, version: j.Version}
	g.awaiting++
}

// rebalance begins a rebalance, or ends the one under way if nobody is missing.
func (c *Coordinator) rebalance(now env.Time, g *group, why string) *appended {
	if g.state == PreparingRebalance {
		return c.completeIfJoined(now, g)
	}
	return c.prepareRebalance(now, g, why)
}
