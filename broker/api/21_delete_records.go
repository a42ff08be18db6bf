package api

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
)

// deleteRecords serves DeleteRecords 0-2 (key 21): each partition's leader moves the log start,
// and answers when all live replicas have moved it, or REQUEST_TIMED_OUT. If a request names a
// partition twice, the last offset counts, as in Kafka.
type deleteRecords struct {
	header
	req     *kmsg.DeleteRecordsRequest
	resp    *kmsg.DeleteRecordsResponse
	started bool
	asked   []*kmsg.DeleteRecordsResponseTopicPartition // by operation
}

func newDeleteRecords(h header, req *kmsg.DeleteRecordsRequest) *deleteRecords {
	return &deleteRecords{
		header: h, req: req, resp: req.ResponseKind().(*kmsg.DeleteRecordsResponse),
	}
}

// Timeout is how long the answer may wait for replicas.
func (d *deleteRecords) Timeout() time.Duration { return milliseconds(d.req.TimeoutMillis) }

func (d *deleteRecords) Next(c Context, _ bool) []Op {
	if d.started {
		return nil
	}
	d.started = true
	var ops []Op
	at := map[namedPartition]int{} // in ops; -1 for those without one
	for i := range d.req.Topics {
		topic := &d.req.Topics[i]
		answer := kmsg.DeleteRecordsResponseTopic{Topic: topic.Topic,
			Partitions: make([]kmsg.DeleteRecordsResponseTopicPartition, 0, len(topic.Partitions))}
		id, code := topicID(c, topic.Topic)
		if code == kafka.None && meta.InternalTopic(topic.Topic) {
			code = kafka.InvalidTopicException
		}
		for _, part := range topic.Partitions {
			name := namedPartition{topic: topic.Topic, partition: part.Partition}
			if n, seen := at[name]; seen {
				if n >= 0 {
					op := ops[n].(DeleteRecords)
					op.Offset = kafka.Offset(part.Offset)
					ops[n] = op
				}
				continue
			}
			answer.Partitions = append(answer.Partitions,
				kmsg.DeleteRecordsResponseTopicPartition{
					Partition: part.Partition, LowWatermark: -1, ErrorCode: int16(code),
				})
			at[name] = -1
			if code != kafka.None {
				continue
			}
			out := &answer.Partitions[len(answer.Partitions)-1]
			out.ErrorCode = int16(kafka.RequestTimedOut) // until it resolves
			at[name] = len(ops)
			d.asked = append(d.asked, out)
			ops = append(ops, DeleteRecords{
				Partition: kafka.PartitionID{Topic: id, Partition: part.Partition},
				Offset:    kafka.Offset(part.Offset),
			})
		}
		d.resp.Topics = append(d.resp.Topics, answer)
	}
	return ops
}

func (d *deleteRecords) Resolve(i int, result any) {
	r, out := result.(DeleteRecordsResult), d.asked[i]
	out.ErrorCode, out.LowWatermark = int16(r.Code), int64(r.LowWatermark)
}

func (d *deleteRecords) Answer(Context) [][]byte { return d.frame(d.resp) }
