package group

import (
	"fmt"
	"strings"
)

// Committed is the committed state as text: equal states have equal texts.
func (c *Coordinator) Committed() string {
	var b strings.Builder
	for _, g := range c.groups.Values() {
		if v := g.committed.meta; v != nil {
			fmt.Fprintf(&b, "%s: generation %d since %d", g.id, v.Generation,
				v.CurrentStateTimestamp)
			if v.Leader != nil {
				fmt.Fprintf(&b, ", %s %s, leader %s", v.ProtocolType, *v.Protocol, *v.Leader)
			}
			b.WriteString("\n")
			for _, m := range v.Members {
				fmt.Fprintf(&b, "%s: member %s", g.id, m.MemberID)
				if m.InstanceID != nil {
					fmt.Fprintf(&b, " instance %s", *m.InstanceID)
				}
				fmt.Fprintf(&b, ": %q\n", m.Assignment)
			}
		}
		for _, topic := range g.committed.offsets.Keys() {
			partitions, _ := g.committed.offsets.Get(topic)
			for _, p := range partitions.Keys() {
				o, _ := partitions.Get(p)
				fmt.Fprintf(&b, "%s: %s-%d at %d", g.id, topic, p, o.Offset)
				if o.metadata != "" {
					fmt.Fprintf(&b, " %q", o.metadata)
				}
				if o.expireMs >= 0 {
					fmt.Fprintf(&b, " expires %d", o.expireMs)
				}
				b.WriteString("\n")
			}
		}
	}
	return b.String()
}

// Check panics if the state breaks an invariant of its own.
func (c *Coordinator) Check() {
	bytes := 0
	for _, g := range c.groups.Values() {
		awaiting := 0
		for _, m := range g.all() {
			bytes += m.bytes()
			if m.join.waits {
				awaiting++
			}
			check(m.instance == nil || g.statics[*m.instance] == m.id, "statics", g)
			check(!m.join.waits || g.state == PreparingRebalance || g.state == Stable,
				"join waits", g)
			check(!m.sync.waits || g.state == CompletingRebalance, "sync waits", g)
			check(m.timer.seq != 0 || m.join.waits || m.sync.waits, "no session", g)
		}
		_, leads := g.members.Get(g.leader)
		check(leads == (g.members.Len() > 0), "leader", g)
		check(awaiting == g.awaiting, "awaiting", g)
		check((g.state == Empty || g.state == Dead) == (g.members.Len() == 0) ||
			g.state == PreparingRebalance, "members", g)
		check(g.state != PreparingRebalance || g.join.seq != 0, "no end of the rebalance", g)
		check(g.state != CompletingRebalance || g.sync.seq != 0 || len(g.unsynced) == 0,
			"no end of the wait for syncs", g)
		for name, n := range g.supported {
			check(n > 0, "supported "+name, g)
		}
		check(!g.void(), "nothing is known of it", g)
	}
	check(bytes == c.bytes, fmt.Sprintf("%d bytes, counted %d", bytes, c.bytes), nil)
}

func check(ok bool, what string, g *group) {
	if !ok {
		panic(fmt.Sprintf("%s: %+v", what, g))
	}
}
