package group

import (
	"strings"
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/kafka"
)

// prepareRebalance lets all members join again. It returns what the group appends, if the rebalance
// is over at once and left it empty.
func (c *Coordinator) prepareRebalance(now env.Time, g *group, why string) *appended {
	if g.state == CompletingRebalance {
		c.dropAssignments(now, g, kafka.RebalanceInProgress)
	}
	clear(g.unsynced)
	c.timers.stop(&g.sync)
	initial := g.state == Empty
	g.to(PreparingRebalance, now)
	g.storing, g.began = false, now.Mono
	c.log(event.GroupRebalances, event.Text("group", g.id), event.Text("cause", why),
		event.Int("generation", g.generation), event.Int("members", g.members.Len()))
	if initial {
		// More members are about to come: wait for them, so that not each causes a rebalance.
		delay := c.cfg.InitialRebalanceDelay
		c.delayInitial(now, g, delay, max(0, g.rebalanceTimeout()-delay))
		return nil
	}
	if g.joined() {
		return c.completeJoin(now, g)
	}
	c.waitForJoins(now, g)
	return nil
}

// delayInitial waits for more members of a group that was empty: again, for as long as members come
// and left is not used up.
func (c *Coordinator) delayInitial(now env.Time, g *group, delay, left time.Duration) {
	g.join.fire = func(now env.Time) {
		if !g.grew || left == 0 {
			c.completeJoin(now, g)
			return
		}
		g.grew = false
		c.delayInitial(now, g, min(c.cfg.InitialRebalanceDelay, left), max(0, left-delay))
	}
	c.timers.start(&g.join, now.Mono.Add(delay))
}

// waitForJoins gives the members the time that they have asked for.
func (c *Coordinator) waitForJoins(now env.Time, g *group) {
	g.join.fire = func(now env.Time) { c.completeJoin(now, g) }
	c.timers.start(&g.join, now.Mono.Add(g.rebalanceTimeout()))
}

// completeIfJoined ends the rebalance if nobody is missing. The rebalance of a group that was empty
// waits for more members all the same.
func (c *Coordinator) completeIfJoined(now env.Time, g *group) *appended {
	if g.state != PreparingRebalance || !g.joined() {
		return nil
	}
	if g.previous == Empty && g.members.Len() > 0 {
		return nil
	}
	return c.completeJoin(now, g)
}

// completeJoin ends the wait for members. Dynamic members that have not joined again are gone;
// static ones keep their place until their session ends.
func (c *Coordinator) completeJoin(now env.Time, g *group) *appended {
	c.timers.stop(&g.join)
	var late []string
	for _, m := range g.all() {
		if !m.join.waits && m.instance == nil {
			late = append(late, m.id)
			c.removeMember(g, m, kafka.UnknownMemberID)
		}
	}
	if len(late) > 0 {
		c.log(event.GroupMembersLate, event.Text("group", g.id), event.Few("members", late))
	}
	if g.members.Len() == 0 {
		return c.becomeEmpty(now, g)
	}
	if !g.electJoined() {
		// All that are left are static members that have not joined.
		c.waitForJoins(now, g)
		return nil
	}
	c.beginGeneration(now, g)
	return nil
}

// electJoined makes a member the leader that has joined, and reports whether there is one.
func (g *group) electJoined() bool {
	if m, ok := g.members.Get(g.leader); ok && m.join.waits {
		return true
	}
	for _, m := range g.all() {
		if m.join.waits {
			g.leader = m.id
			return true
		}
	}
	return false
}

// becomeEmpty ends the last generation with members.
func (c *Coordinator) becomeEmpty(now env.Time, g *group) *appended {
	g.nextGeneration()
	g.protocol = ""
	g.setSubscribed()
	g.to(Empty, now)
	c.log(event.GroupEmpty, event.Text("group", g.id), event.Int("generation", g.generation))
	// If this record is lost, the members of the generation before are members again for a new
	// leader, until their sessions end. That harms nobody.
	return c.append(now, change{group: g.id, meta: g.meta(nil)})
}

func (g *group) nextGeneration() {
	if g.generation++; g.generation < 0 {
		g.generation = 1
	}
}

// beginGeneration answers all joins: the members know their leader, and the leader its members.
func (c *Coordinator) beginGeneration(now env.Time, g *group) {
	g.nextGeneration()
	g.protocol = g.vote()
	g.setSubscribed()
	g.to(CompletingRebalance, now)
	clear(g.unsynced)
	for _, m := range g.all() {
		c.answerJoin(g, m, g.answer(m, m.join.version))
		c.extend(now, m)
		m.new = false
		g.unsynced[m.id] = true
	}
	g.sync.fire = func(now env.Time) { c.syncOver(now, g) }
	c.timers.start(&g.sync, now.Mono.Add(g.rebalanceTimeout()))
}

// syncOver removes the members that have joined the generation and did not ask for their
// assignment.
func (c *Coordinator) syncOver(now env.Time, g *group) {
	var late []string
	for _, m := range g.all() {
		if g.unsynced[m.id] {
			late = append(late, m.id)
			c.removeMember(g, m, kafka.UnknownMemberID)
		}
	}
	if len(late) == 0 {
		return
	}
	c.log(event.GroupMembersLate, event.Text("group", g.id), event.Few("members", late))
	c.prepareRebalance(now, g, "no SyncGroup from "+strings.Join(late, ","))
}

// dropAssignments ends the wait of the members that have asked for their assignment.
func (c *Coordinator) dropAssignments(now env.Time, g *group, code kafka.ErrorCode) {
	for _, m := range g.all() {
		c.setAssignment(m, nil)
		if c.answerSync(m, refuseSync(m.sync.version, code)) {
			c.extend(now, m)
		}
	}
}
