package group

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
)

// groupIDErrorFrom is the version of OffsetCommit from which on a group that does not exist is
// GROUP_ID_NOT_FOUND.
const groupIDErrorFrom = 9

// Commit takes an OffsetCommit. Topics that do not exist are the caller's: it answers them itself,
// and gives the others, by name; it may add the id. The answer leaves when the offsets are
// committed.
func (c *Coordinator) Commit(now env.Time, t Token, r *kmsg.OffsetCommitRequest) {
	if !c.begin(t, r) {
		return
	}
	g, code := c.commits(now, r)
	if code != kafka.None {
		c.refuse(t, code)
		return
	}
	resp := refuseCommit(r, kafka.None)
	var changes []change
	for i, topic := range r.Topics {
		for j, p := range topic.Partitions {
			if p.Metadata != nil && len(*p.Metadata) > c.cfg.OffsetMetadataMax {
				resp.Topics[i].Partitions[j].ErrorCode = int16(kafka.OffsetMetadataTooLarge)
				continue
			}
			changes = append(changes, change{
				group: g.id, at: &topicPartition{topic.Topic, p.Partition},
				offset: committed(now, r, topic.TopicID, p),
			})
		}
	}
	if len(changes) == 0 {
		c.answer(t, resp)
		c.tidy(g.id)
		return
	}
	c.append(now, changes...).then(func(_ env.Time, code kafka.ErrorCode) {
		if code != kafka.None {
			c.refuse(t, appendError(code))
			return
		}
		c.answer(t, resp)
	})
}

func committed(
	now env.Time, r *kmsg.OffsetCommitRequest, topic kafka.TopicID,
	p kmsg.OffsetCommitRequestTopicPartition,
) *offset {
	o := &offset{
		Offset: kafka.Offset(p.Offset), epoch: -1, commitMs: now.WallMs, expireMs: -1, topic: topic,
	}
	if p.Metadata != nil {
		o.metadata = *p.Metadata
	}
	if r.Version >= 6 {
		o.epoch = kafka.LeaderEpoch(p.LeaderEpoch)
	}
	if r.Version >= 2 && r.Version <= 4 && r.RetentionTimeMillis >= 0 {
		o.expireMs = now.WallMs + r.RetentionTimeMillis
	}
	return o
}

// commits returns the group that a commit is for, if it may commit (KAFKA 32). A commit without a
// generation makes a group that did not exist.
func (c *Coordinator) commits(now env.Time, r *kmsg.OffsetCommitRequest) (*group, kafka.ErrorCode) {
	generation, id := r.Generation, r.MemberID
	if r.Version < 1 {
		generation, id = -1, ""
	}
	absent := kafka.IllegalGeneration
	if r.Version >= groupIDErrorFrom {
		absent = kafka.GroupIDNotFound
	}
	g, code := c.find(r.Group, absent)
	if code == absent && generation < 0 {
		return c.create(now, r.Group)
	}
	if code != kafka.None {
		return nil, code
	}
	if generation < 0 && g.state == Empty {
		return g, kafka.None
	}
	if generation < 0 && id == "" && r.InstanceID == nil {
		return nil, kafka.UnknownMemberID
	}
	if code := g.validate(id, r.InstanceID); code != kafka.None {
		return nil, code
	}
	switch {
	case generation != g.generation:
		return nil, kafka.IllegalGeneration
	case g.state == CompletingRebalance:
		return nil, kafka.RebalanceInProgress
	}
	if m, _ := g.members.Get(id); g.state == Stable || g.state == PreparingRebalance {
		c.extend(now, m)
	}
	return g, kafka.None
}
