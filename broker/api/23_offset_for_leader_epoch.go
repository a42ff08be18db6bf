package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/kafka"
)

// offsetForLeaderEpoch serves OffsetForLeaderEpoch 2-4 (key 23): where an epoch of each
// partition ends (KIP-101, KIP-320), by its leader. Every client gets the answer that a
// consumer gets: followers use the peer protocol.
type offsetForLeaderEpoch struct {
	header
	brokerTimeout
	req     *kmsg.OffsetForLeaderEpochRequest
	resp    *kmsg.OffsetForLeaderEpochResponse
	started bool
	asked   []*kmsg.OffsetForLeaderEpochResponseTopicPartition // by operation
}

func newOffsetForLeaderEpoch(
	h header, req *kmsg.OffsetForLeaderEpochRequest,
) *offsetForLeaderEpoch {
	return &offsetForLeaderEpoch{
		header: h, req: req, resp: req.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse),
	}
}

func (o *offsetForLeaderEpoch) Next(c Context, _ bool) []Op {
	if o.started {
		return nil
	}
	o.started = true
	var ops []Op
	o.resp.Topics = make([]kmsg.OffsetForLeaderEpochResponseTopic, len(o.req.Topics))
	for i := range o.req.Topics {
		topic, answer := &o.req.Topics[i], &o.resp.Topics[i]
		answer.Topic = topic.Topic
		answer.Partitions = make([]kmsg.OffsetForLeaderEpochResponseTopicPartition,
			len(topic.Partitions))
		id, code := topicID(c, topic.Topic)
		for j := range topic.Partitions {
			part, out := &topic.Partitions[j], &answer.Partitions[j]
			out.Default()
			out.Partition = part.Partition
			if code != kafka.None {
				out.ErrorCode = int16(code)
				continue
			}
			out.ErrorCode = int16(kafka.RequestTimedOut) // until it resolves
			o.asked = append(o.asked, out)
			ops = append(ops, EpochEnd{
				Partition:    kafka.PartitionID{Topic: id, Partition: part.Partition},
				CurrentEpoch: kafka.LeaderEpoch(part.CurrentLeaderEpoch),
				Epoch:        kafka.LeaderEpoch(part.LeaderEpoch),
			})
		}
	}
	return ops
}

func (o *offsetForLeaderEpoch) Resolve(i int, result any) {
	r, out := result.(EpochEndResult), o.asked[i]
	out.ErrorCode = int16(r.Code)
	if r.Code == kafka.None {
		out.LeaderEpoch, out.EndOffset = int32(r.Epoch), int64(r.End)
	}
}

func (o *offsetForLeaderEpoch) Answer(Context) [][]byte { return o.frame(o.resp) }
