package group

import (
	"cmp"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/kafka"
)

// Delete deletes a group with its offsets (DeleteGroups). The answer is a kafka.ErrorCode.
func (c *Coordinator) Delete(now env.Time, t Token, group string) {
	if !c.begin(t, nil) {
		return
	}
	g, code := c.find(group, kafka.GroupIDNotFound)
	if code == kafka.None && g.state != Empty {
		code = kafka.NonEmptyGroup
	}
	if code != kafka.None {
		c.answer(t, code)
		return
	}
	c.deleteGroup(now, g, "DeleteGroups", func(code kafka.ErrorCode) { c.answer(t, code) })
}

// deleteGroup deletes a group without members. It is Dead until that is committed.
func (c *Coordinator) deleteGroup(now env.Time, g *group, why string, done func(kafka.ErrorCode)) {
	for _, t := range g.pending { //corelint:ordered timers are only stopped
		c.timers.stop(t)
	}
	clear(g.pending)
	changes := g.tombstones(func(topicPartition, offset) bool { return true })
	changes = append(changes, g.uncommitted()...)
	offsets := len(changes)
	if g.committed.meta != nil {
		changes = append(changes, change{group: g.id})
	}
	g.to(Dead, now)
	c.drop(now, changes, func(code kafka.ErrorCode) {
		// Whatever is left of it is an empty group again.
		g.state, g.previous = Empty, Dead
		if code == kafka.None {
			g.generation, g.protocolType = 0, ""
			c.log(event.GroupDeleted, event.Text("group", g.id), event.Text("cause", why),
				event.Int("offsets", offsets))
		}
		c.tidy(g.id)
		done(appendError(code))
	})
}

// uncommitted deletes the offsets that are about to be committed for the first time.
func (g *group) uncommitted() []change {
	var changes []change
	for at := range g.inflight { //corelint:ordered they are sorted below
		if _, ok := g.committedOffset(at); !ok {
			changes = append(changes, change{group: g.id, at: &at})
		}
	}
	slices.SortFunc(changes, func(a, b change) int {
		return cmp.Or(cmp.Compare(a.at.topic, b.at.topic),
			cmp.Compare(a.at.partition, b.at.partition))
	})
	return changes
}

// tombstones deletes those of the group's committed offsets that match.
func (g *group) tombstones(match func(topicPartition, offset) bool) []change {
	var changes []change
	for _, topic := range g.committed.offsets.Keys() {
		partitions, _ := g.committed.offsets.Get(topic)
		for _, p := range partitions.Keys() {
			at := topicPartition{topic, p}
			if o, _ := partitions.Get(p); match(at, o) {
				changes = append(changes, change{group: g.id, at: &at})
			}
		}
	}
	return changes
}

// drop appends tombstones, in as many parts as it takes. done is called when all have an outcome,
// with the first error.
func (c *Coordinator) drop(now env.Time, changes []change, done func(kafka.ErrorCode)) {
	if len(changes) == 0 {
		done(kafka.None)
		return
	}
	left, failed := 0, kafka.None
	for part := range slices.Chunk(changes, c.cfg.AppendRecords) {
		left++
		c.append(now, part...).then(func(_ env.Time, code kafka.ErrorCode) {
			if failed == kafka.None {
				failed = code
			}
			if left--; left == 0 {
				done(failed)
			}
		})
	}
}

// DeleteOffsets takes an OffsetDelete. Consumers that are members protect the topics that they have
// subscribed to, other members all topics.
func (c *Coordinator) DeleteOffsets(now env.Time, t Token, r *kmsg.OffsetDeleteRequest) {
	if !c.begin(t, r) {
		return
	}
	code := kafka.InvalidGroupID
	var g *group
	if r.Group != "" {
		g, code = c.find(r.Group, kafka.GroupIDNotFound)
	}
	if code == kafka.None && g.state != Empty && g.protocolType != consumerType {
		code = kafka.NonEmptyGroup
	}
	if code != kafka.None {
		c.refuse(t, code)
		return
	}
	resp := &kmsg.OffsetDeleteResponse{Version: r.Version}
	var changes []change
	for _, topic := range r.Topics {
		answer := kmsg.OffsetDeleteResponseTopic{Topic: topic.Topic}
		code := kafka.None
		if g.subscribes(topic.Topic) {
			code = kafka.GroupSubscribedToTopic
		}
		for _, p := range topic.Partitions {
			answer.Partitions = append(answer.Partitions, kmsg.OffsetDeleteResponseTopicPartition{
				Partition: p.Partition, ErrorCode: int16(code),
			})
			at := topicPartition{topic.Topic, p.Partition}
			if _, ok := g.committedOffset(at); code == kafka.None && (ok || g.inflight[at] > 0) {
				changes = append(changes, change{group: g.id, at: &at})
			}
		}
		resp.Topics = append(resp.Topics, answer)
	}
	c.drop(now, changes, func(code kafka.ErrorCode) {
		if code != kafka.None {
			c.refuse(t, appendError(code))
			return
		}
		c.answer(t, resp)
	})
}

// TopicDeleted drops the offsets of a topic that no longer exists. A topic of the same name has
// another id; offsets that are committed for it stay.
func (c *Coordinator) TopicDeleted(now env.Time, topic string, id kafka.TopicID) {
	c.dropTopics(now, func(name string, of kafka.TopicID) bool {
		return name == topic && !isOther(of, id)
	})
}

// PruneTopics drops the offsets of topics that do not exist, after Loaded: they may have been
// deleted while nobody led the partition. id may be zero, for offsets that do not say it.
func (c *Coordinator) PruneTopics(
	now env.Time, exists func(topic string, id kafka.TopicID) bool,
) {
	c.dropTopics(now, func(topic string, id kafka.TopicID) bool { return !exists(topic, id) })
}

func (c *Coordinator) dropTopics(now env.Time, gone func(string, kafka.TopicID) bool) {
	var changes []change
	for _, g := range c.groups.Values() {
		changes = append(changes, g.tombstones(func(at topicPartition, o offset) bool {
			return gone(at.topic, o.topic)
		})...)
	}
	if len(changes) > 0 {
		c.dropOffsets(now, changes, "topic deleted", event.Text("topic", changes[0].at.topic))
	}
}

// dropOffsets drops offsets that nobody has asked to delete.
func (c *Coordinator) dropOffsets(now env.Time, changes []change, why string, of event.Field) {
	c.drop(now, changes, func(code kafka.ErrorCode) {
		if code == kafka.None {
			c.log(event.GroupOffsetsDropped, of, event.Text("cause", why),
				event.Int("offsets", len(changes)))
		}
	})
}
