package group

import (
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/kafka"
)

// expire deletes offsets that nobody has needed for offsets.retention.minutes (KIP-211), and empty
// groups without offsets.
func (c *Coordinator) expire(now env.Time) {
	c.timers.start(&c.expiry, now.Mono.Add(c.cfg.RetentionCheck))
	for _, g := range c.groups.Values() {
		if g.state == Dead {
			continue
		}
		expired := g.tombstones(func(at topicPartition, o offset) bool {
			return g.expired(now, at, o, c.cfg.OffsetsRetention.Milliseconds())
		})
		switch all := len(expired) == g.offsets(); {
		case all && g.state == Empty && g.changing+len(g.pending) == 0:
			c.deleteGroup(now, g, "offsets.retention.minutes", func(kafka.ErrorCode) {})
		case len(expired) > 0:
			c.dropOffsets(now, expired, "offsets.retention.minutes", event.Text("group", g.id))
		}
	}
}

// offsets is the number of committed offsets.
func (g *group) offsets() int {
	n := 0
	for _, partitions := range g.committed.offsets.Values() {
		n += partitions.Len()
	}
	return n
}

// expired reports whether an offset is old. That of a group with members is old by the time of its
// commit, if no member consumes the topic; that of a group that lost its members by the time since
// then.
func (g *group) expired(now env.Time, at topicPartition, o offset, retentionMs int64) bool {
	base := o.commitMs
	switch {
	case g.inflight[at] > 0, g.subscribes(at.topic):
		return false
	case g.protocolType == "":
	case g.state == Empty:
		if g.since >= 0 {
			base = g.since
		}
	case g.protocolType == consumerType && g.subscribed != nil && g.state == Stable:
	default:
		return false
	}
	if o.expireMs >= 0 {
		return now.WallMs >= o.expireMs
	}
	return now.WallMs-base >= retentionMs
}
