package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/kafka"
)

// offsetDelete serves OffsetDelete 0 (key 47). Partitions that this broker's metadata does not have
// are refused here, and the coordinator gets the others.
type offsetDelete struct {
	*oneGroup
	all    *kmsg.OffsetDeleteRequest
	answer *kmsg.OffsetDeleteResponse
	places places
}

func newOffsetDelete(h header, req *kmsg.OffsetDeleteRequest) Handler {
	answer := req.ResponseKind().(*kmsg.OffsetDeleteResponse)
	for _, topic := range req.Topics {
		t := kmsg.OffsetDeleteResponseTopic{Topic: topic.Topic}
		for _, p := range topic.Partitions {
			t.Partitions = append(t.Partitions,
				kmsg.OffsetDeleteResponseTopicPartition{Partition: p.Partition})
		}
		answer.Topics = append(answer.Topics, t)
	}
	return &offsetDelete{oneGroup: newOneGroup(h, req.Group, nil), all: req, answer: answer}
}

func (o *offsetDelete) Next(c Context, expired bool) []Op {
	if o.started {
		return nil
	}
	known := *o.all
	known.Topics = nil
	for i, topic := range o.all.Topics {
		t, code := namedTopic(c, topic.Topic, kafka.TopicID{}, false)
		answers := o.answer.Topics[i].Partitions
		topic.Partitions = present(&o.places, i, topic.Partitions,
			func(j int, p *kmsg.OffsetDeleteRequestTopicPartition) bool {
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

// Answer has either an error of the group, and then no topics, or the errors of partitions.
func (o *offsetDelete) Answer(Context) [][]byte {
	if resp, ok := o.resp.(*kmsg.OffsetDeleteResponse); ok {
		if resp.ErrorCode != 0 {
			return o.frame(resp)
		}
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
