package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/kafka"
)

// listOffsets serves ListOffsets 1-11 (key 2): one lookup for each partition, at its
// leader. A negative timestamp is served from the version on that introduced it (KIP-734,
// 405, 1005, 1023). There is no remote storage, so both questions about it find no
// offset.
//
// A partition that the request names more than once is answered INVALID_REQUEST at each place, as
// in Kafka.
//
// Every client gets the answer that a consumer gets: the replica id is ignored. So is the
// timeout of version 10, which is for reads of remote storage.
type listOffsets struct {
	header
	brokerTimeout
	req     *kmsg.ListOffsetsRequest
	resp    *kmsg.ListOffsetsResponse
	started bool
	asked   []*kmsg.ListOffsetsResponseTopicPartition // by operation
}

// Timestamps with a special meaning. maxTimestamp asks for the record with the largest
// timestamp. earliestLocal is the first offset on local disks, latestTiered the last one
// in remote storage, and pendingUpload the first one that is not there yet.
const (
	maxTimestamp  = -3
	earliestLocal = -4
	latestTiered  = -5
	pendingUpload = -6
)

func newListOffsets(h header, req *kmsg.ListOffsetsRequest) *listOffsets {
	return &listOffsets{header: h, req: req, resp: req.ResponseKind().(*kmsg.ListOffsetsResponse)}
}

func (l *listOffsets) Next(c Context, _ bool) []Op {
	if l.started {
		return nil
	}
	l.started = true
	repeated := mentions{}
	for i := range l.req.Topics {
		for j := range l.req.Topics[i].Partitions {
			repeated.add(namedPartition{
				topic: l.req.Topics[i].Topic, partition: l.req.Topics[i].Partitions[j].Partition,
			})
		}
	}
	var ops []Op
	l.resp.Topics = make([]kmsg.ListOffsetsResponseTopic, len(l.req.Topics))
	for i := range l.req.Topics {
		topic, answer := &l.req.Topics[i], &l.resp.Topics[i]
		answer.Topic = topic.Topic
		answer.Partitions = make([]kmsg.ListOffsetsResponseTopicPartition, len(topic.Partitions))
		id, unknown := topicID(c, topic.Topic)
		for j := range topic.Partitions {
			part, out := &topic.Partitions[j], &answer.Partitions[j]
			out.Default()
			out.Partition = part.Partition
			code := l.refusal(part.Timestamp)
			if repeated[namedPartition{topic: topic.Topic, partition: part.Partition}] {
				code = kafka.InvalidRequest
			} else if code == kafka.None {
				code = unknown
			}
			if code != kafka.None {
				out.ErrorCode = int16(code)
				continue
			}
			out.ErrorCode = int16(kafka.RequestTimedOut) // until it resolves
			l.asked = append(l.asked, out)
			ops = append(ops, l.lookup(id, part))
		}
	}
	return ops
}

func (l *listOffsets) lookup(
	id kafka.TopicID, part *kmsg.ListOffsetsRequestTopicPartition,
) Offsets {
	op := Offsets{
		Partition:     kafka.PartitionID{Topic: id, Partition: part.Partition},
		CurrentEpoch:  -1,
		Timestamp:     part.Timestamp,
		ReadCommitted: l.req.IsolationLevel == readCommitted,
	}
	if l.version >= 4 {
		op.CurrentEpoch = kafka.LeaderEpoch(part.CurrentLeaderEpoch)
	}
	if op.Timestamp == pendingUpload {
		op.Timestamp = latestTiered // which has no answer either
	}
	return op
}

// refusal is the error for a timestamp that the version does not have; None if it has it.
func (l *listOffsets) refusal(timestamp int64) kafka.ErrorCode {
	since := int16(1)
	switch timestamp {
	case maxTimestamp:
		since = 7
	case earliestLocal:
		since = 8
	case latestTiered:
		since = 9
	case pendingUpload:
		since = 11
	}
	if timestamp < pendingUpload || l.version < since {
		return kafka.UnsupportedVersion
	}
	return kafka.None
}

func (l *listOffsets) Resolve(i int, result any) {
	r, out := result.(OffsetsResult), l.asked[i]
	if r.Code == kafka.OffsetNotAvailable && l.version < 5 {
		r.Code = kafka.LeaderNotAvailable // older clients retry this one (PROTOCOL 20, KIP-207)
	}
	out.ErrorCode = int16(r.Code)
	if r.Code == kafka.None {
		out.Offset, out.Timestamp, out.LeaderEpoch = int64(r.Offset), r.TimestampMs, int32(r.Epoch)
	}
}

func (l *listOffsets) Answer(Context) [][]byte { return l.frame(l.resp) }
