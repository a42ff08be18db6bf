package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
)

// describeQuorum serves DescribeQuorum 0-2 (key 55): the voters of the metadata, and the learners
// as Kafka's observers, each with its directory (KIP-853). Any broker answers, from metadata that
// is as new as the question. A broker does not know which node leads Raft, nor
// how far the others are, so the leader, its epoch and the log end offsets are -1. The high
// watermark is the index of the metadata.
type describeQuorum struct {
	header
	brokerTimeout
	req     *kmsg.DescribeQuorumRequest
	started bool
	fresh   BarrierResult
}

// metadataTopic is the name that Kafka gives to the metadata log.
const metadataTopic = "__cluster_metadata"

func newDescribeQuorum(h header, req *kmsg.DescribeQuorumRequest) *describeQuorum {
	return &describeQuorum{header: h, req: req, fresh: BarrierResult{Code: kafka.RequestTimedOut}}
}

func (d *describeQuorum) Next(Context, bool) []Op {
	if d.started {
		return nil
	}
	d.started = true
	return []Op{Barrier{}}
}

func (d *describeQuorum) Resolve(_ int, result any) { d.fresh = result.(BarrierResult) }

func (d *describeQuorum) Answer(c Context) [][]byte {
	resp := d.req.ResponseKind().(*kmsg.DescribeQuorumResponse)
	resp.ErrorCode = int16(d.fresh.Code)
	if d.fresh.Code != kafka.None {
		return d.frame(resp)
	}
	for _, t := range d.req.Topics {
		out := kmsg.DescribeQuorumResponseTopic{Topic: t.Topic}
		for _, p := range t.Partitions {
			out.Partitions = append(out.Partitions, d.partition(c.Image(), t.Topic, p.Partition))
		}
		resp.Topics = append(resp.Topics, out)
	}
	for _, b := range c.Image().Brokers() {
		resp.Nodes = append(resp.Nodes, kmsg.DescribeQuorumResponseNode{NodeID: int32(b.ID)})
	}
	return d.frame(resp)
}

func (d *describeQuorum) partition(
	image *meta.Image, topic string, number int32,
) kmsg.DescribeQuorumResponseTopicPartition {
	p := kmsg.DescribeQuorumResponseTopicPartition{
		Partition: number, LeaderID: -1, LeaderEpoch: -1, HighWatermark: -1,
	}
	if topic != metadataTopic || number != 0 {
		p.ErrorCode = int16(kafka.UnknownTopicOrPartition)
		return p
	}
	p.HighWatermark = int64(image.Index())
	for _, m := range image.Members() {
		r := kmsg.NewDescribeQuorumResponseTopicPartitionReplicaState()
		r.ReplicaID, r.ReplicaDirectoryID, r.LogEndOffset = int32(m.Node), m.Directory, -1
		if m.Voter {
			p.CurrentVoters = append(p.CurrentVoters, r)
		} else {
			p.Observers = append(p.Observers, r)
		}
	}
	return p
}
