package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/group"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
)

// offsetCommit serves OffsetCommit 2-10 (key 8): topics by name, in version 10 by id. Partitions
// that this broker's metadata does not have are refused here. The coordinator gets the others, with
// name and id. The answer comes when their offsets are committed like acks=all.
type offsetCommit struct {
	*oneGroup
	all    *kmsg.OffsetCommitRequest
	answer *kmsg.OffsetCommitResponse
	places places
}

// places says, for each partition that a coordinator got, where its answer belongs.
type places []struct{ topic, partition int }

// present returns the partitions of the request's topic number topic that exist, and notes their
// places. exists also answers the others.
func present[P any](to *places, topic int, all []P, exists func(int, *P) bool) (found []P) {
	for i := range all {
		if exists(i, &all[i]) {
			found = append(found, all[i])
			*to = append(*to, struct{ topic, partition int }{topic, i})
		}
	}
	return found
}

// commitsByID is the first version of OffsetCommit that names topics by their ids.
const commitsByID = 10

func newOffsetCommit(h header, req *kmsg.OffsetCommitRequest) Handler {
	return &offsetCommit{
		oneGroup: newOneGroup(h, req.Group, nil), all: req,
		answer: group.Refuse(req, kafka.None).(*kmsg.OffsetCommitResponse),
	}
}

func (o *offsetCommit) Next(c Context, expired bool) []Op {
	if o.started {
		return nil
	}
	known := *o.all
	known.Topics = nil
	for i, topic := range o.all.Topics {
		t, code := namedTopic(c, topic.Topic, topic.TopicID, o.version >= commitsByID)
		if t != nil {
			topic.Topic, topic.TopicID = t.Name, t.ID
		}
		answers := o.answer.Topics[i].Partitions
		topic.Partitions = present(&o.places, i, topic.Partitions,
			func(j int, p *kmsg.OffsetCommitRequestTopicPartition) bool {
				refused := absent(t, p.Partition, code)
				answers[j].ErrorCode = int16(refused)
				return refused == kafka.None
			})
		if len(topic.Partitions) > 0 {
			known.Topics = append(known.Topics, topic)
		}
	}
	if len(o.places) == 0 {
		o.started = true
		return nil
	}
	o.req, o.ask.Request = &known, &known
	return o.oneGroup.Next(c, expired)
}

func (o *offsetCommit) Answer(Context) [][]byte {
	if resp, ok := o.resp.(*kmsg.OffsetCommitResponse); ok {
		k := 0
		for _, topic := range resp.Topics {
			for _, p := range topic.Partitions {
				at := o.places[k]
				o.answer.Topics[at.topic].Partitions[at.partition].ErrorCode = p.ErrorCode
				k++
			}
		}
	}
	return o.frame(o.answer)
}

// namedTopic finds a topic by name or by id.
func namedTopic(
	c Context, name string, id kafka.TopicID, byID bool,
) (*meta.Topic, kafka.ErrorCode) {
	t, code := c.Image().Topic(name), kafka.UnknownTopicOrPartition
	if byID {
		t, code = c.Image().TopicByID(id), kafka.UnknownTopicID
	}
	if t == nil {
		return nil, code
	}
	return t, kafka.None
}

// absent is the error of a partition that does not exist, of a topic that was found with code; None
// if it exists.
func absent(t *meta.Topic, partition int32, code kafka.ErrorCode) kafka.ErrorCode {
	if t != nil && (partition < 0 || int(partition) >= len(t.Partitions)) {
		return kafka.UnknownTopicOrPartition
	}
	return code
}
