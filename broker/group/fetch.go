package group

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/kafka"
)

// Fetch answers OffsetFetch about one group, in the form of version 8 and later; r.Topics is nil
// for all topics. A group that does not exist has no offsets, and is no error (KAFKA 30). The
// caller resolves ids of topics to names before; an offset that was committed for a topic with
// another id does not count.
//
// The answer claims to know what is committed: a leader that may have been deposed must not give
// it.
func (c *Coordinator) Fetch(r *kmsg.OffsetFetchRequestGroup) kmsg.OffsetFetchResponseGroup {
	resp := kmsg.OffsetFetchResponseGroup{Group: r.Group}
	if code := c.serves(); code != kafka.None {
		resp.ErrorCode = int16(code)
		return resp
	}
	g, ok := c.groups.Get(r.Group)
	if !ok {
		g = newGroup(r.Group)
	}
	if r.Topics == nil {
		resp.Topics = g.fetchAll()
		return resp
	}
	for _, topic := range r.Topics {
		t := kmsg.OffsetFetchResponseGroupTopic{Topic: topic.Topic, TopicID: topic.TopicID}
		for _, p := range topic.Partitions {
			o, ok := g.committedOffset(topicPartition{topic.Topic, p})
			if ok && isOther(o.topic, topic.TopicID) {
				ok = false
			}
			t.Partitions = append(t.Partitions, fetched(p, o, ok))
		}
		resp.Topics = append(resp.Topics, t)
	}
	return resp
}

// isOther reports whether two ids are of different topics. One that is not known is not.
func isOther(a, b kafka.TopicID) bool {
	return a != b && a != kafka.TopicID{} && b != kafka.TopicID{}
}

func (g *group) committedOffset(at topicPartition) (offset, bool) {
	if partitions, ok := g.committed.offsets.Get(at.topic); ok {
		return partitions.Get(at.partition)
	}
	return offset{}, false
}

func (g *group) fetchAll() []kmsg.OffsetFetchResponseGroupTopic {
	topics := []kmsg.OffsetFetchResponseGroupTopic{}
	for _, name := range g.committed.offsets.Keys() {
		t := kmsg.OffsetFetchResponseGroupTopic{Topic: name}
		partitions, _ := g.committed.offsets.Get(name)
		for _, p := range partitions.Keys() {
			o, _ := partitions.Get(p)
			t.TopicID = o.topic
			t.Partitions = append(t.Partitions, fetched(p, o, true))
		}
		topics = append(topics, t)
	}
	return topics
}

func fetched(p int32, o offset, ok bool) kmsg.OffsetFetchResponseGroupTopicPartition {
	if !ok {
		o = offset{Offset: -1, epoch: -1}
	}
	return kmsg.OffsetFetchResponseGroupTopicPartition{
		Partition: p, Offset: int64(o.Offset), LeaderEpoch: int32(o.epoch), Metadata: &o.metadata,
	}
}
