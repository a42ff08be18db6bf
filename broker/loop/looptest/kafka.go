package looptest

import (
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/wire/client"
	"example.com/lockstep/netsim"
)

// Client is a Kafka client on a connection of its own.
type Client struct {
	Conn  *Conn
	asked map[int32]kmsg.Request
	last  int32
}

// NewClient opens a connection of a client to the loop.
func (h *Host) NewClient(name string, sink netsim.Sink) *Client {
	c := &Client{asked: map[int32]kmsg.Request{}}
	c.Conn = h.network.Accept(name, sink, c.describe)
	return c
}

// Send sends a whole request.
func (c *Client) Send(req kmsg.Request) { c.Conn.Deliver(c.Frame(req)) }

// Frame makes the frame of a request. The client then expects the answer.
func (c *Client) Frame(req kmsg.Request) []byte {
	c.last++
	c.asked[c.last] = req
	return client.AppendRequest(nil, c.last, "transcript", req)
}

// describe prints an answer.
func (c *Client) describe(frame []byte) string {
	id, err := client.CorrelationID(frame)
	assert.NoError(err, "looptest: answer")
	req := c.asked[id]
	if req == nil {
		return fmt.Sprintf("an answer to request %d, which was not sent", id)
	}
	delete(c.asked, id)
	resp, err := client.DecodeResponse(frame, req)
	if err != nil {
		return fmt.Sprintf("an answer that cannot be read: %v", err)
	}
	return Answer(resp)
}

// Answer prints a response.
func Answer(resp kmsg.Response) string {
	var parts []string
	add := func(topic string, partition int32, code int16, format string, args ...any) {
		text := kafka.ErrorCode(code).String()
		if code == 0 {
			text = fmt.Sprintf(format, args...)
		}
		parts = append(parts, fmt.Sprintf("%s/%d: %s", topic, partition, text))
	}
	switch r := resp.(type) {
	case *kmsg.ProduceResponse:
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				add(t.Topic, p.Partition, p.ErrorCode, "base %d", p.BaseOffset)
				for _, e := range p.ErrorRecords {
					parts = append(parts, fmt.Sprintf("record %d: %s", e.RelativeOffset,
						*e.ErrorMessage))
				}
			}
		}
		return "produce " + strings.Join(parts, "; ")
	case *kmsg.FetchResponse:
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				add(t.Topic, p.Partition, p.ErrorCode,
					"%s, watermark %d", fetched(p), p.HighWatermark)
			}
		}
		return "fetch " + strings.Join(parts, "; ")
	case *kmsg.ListOffsetsResponse:
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				add(t.Topic, p.Partition, p.ErrorCode, "offset %d", p.Offset)
			}
		}
		return "list offsets " + strings.Join(parts, "; ")
	case *kmsg.OffsetForLeaderEpochResponse:
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				add(t.Topic, p.Partition, p.ErrorCode,
					"epoch %d ends at %d", p.LeaderEpoch, p.EndOffset)
			}
		}
		return "offset for leader epoch " + strings.Join(parts, "; ")
	case *kmsg.DeleteRecordsResponse:
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				add(t.Topic, p.Partition, p.ErrorCode, "low watermark %d", p.LowWatermark)
			}
		}
		return "delete records " + strings.Join(parts, "; ")
	case *kmsg.CreateTopicsResponse:
		for _, t := range r.Topics {
			parts = append(parts, fmt.Sprintf("%s: %v", t.Topic, kafka.ErrorCode(t.ErrorCode)))
		}
		return "create topics " + strings.Join(parts, "; ")
	case *kmsg.InitProducerIDResponse:
		return fmt.Sprintf("init producer id: %v, id %d epoch %d",
			kafka.ErrorCode(r.ErrorCode), r.ProducerID, r.ProducerEpoch)
	case *kmsg.ApiVersionsResponse:
		return fmt.Sprintf("api versions: %v, version %d, %d keys",
			kafka.ErrorCode(r.ErrorCode), r.GetVersion(), len(r.ApiKeys))
	case *kmsg.MetadataResponse:
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				add(*t.Topic, p.Partition, p.ErrorCode,
					"leader %d epoch %d", p.Leader, p.LeaderEpoch)
			}
		}
		return fmt.Sprintf("metadata %d brokers; %s", len(r.Brokers), strings.Join(parts, "; "))
	case *kmsg.JoinGroupResponse:
		return fmt.Sprintf("join group: %v, generation %d, member %s, leader %s, %d members",
			kafka.ErrorCode(r.ErrorCode), r.Generation, r.MemberID, r.LeaderID, len(r.Members))
	case *kmsg.SyncGroupResponse:
		return fmt.Sprintf("sync group: %v, assignment %q",
			kafka.ErrorCode(r.ErrorCode), r.MemberAssignment)
	case *kmsg.HeartbeatResponse:
		return fmt.Sprintf("heartbeat: %v", kafka.ErrorCode(r.ErrorCode))
	case *kmsg.OffsetCommitResponse:
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				add(t.Topic, p.Partition, p.ErrorCode, "committed")
			}
		}
		return "offset commit " + strings.Join(parts, "; ")
	case *kmsg.OffsetFetchResponse:
		for _, g := range r.Groups {
			if g.ErrorCode != 0 {
				parts = append(parts, kafka.ErrorCode(g.ErrorCode).String())
			}
			for _, t := range g.Topics {
				for _, p := range t.Partitions {
					add(t.Topic, p.Partition, p.ErrorCode, "offset %d", p.Offset)
				}
			}
		}
		return "offset fetch " + strings.Join(parts, "; ")
	default:
		return kmsg.NameForKey(resp.Key())
	}
}

func fetched(p kmsg.FetchResponseTopicPartition) string {
	if len(p.RecordBatches) == 0 {
		return "nothing"
	}
	return Values(p.RecordBatches)
}

// NewProduce asks to append a set of batches.
func NewProduce(topic string, partition int32, acks kafka.Acks, set []byte) *kmsg.ProduceRequest {
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis = 9, int16(acks), 30_000
	p := kmsg.NewProduceRequestTopicPartition()
	p.Partition, p.Records = partition, set
	t := kmsg.NewProduceRequestTopic()
	t.Topic, t.Partitions = topic, []kmsg.ProduceRequestTopicPartition{p}
	req.Topics = append(req.Topics, t)
	return req
}

// NewFetch asks for records from an offset on.
func NewFetch(topic string, partition int32, offset int64) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.MinBytes, req.MaxBytes = 11, 1, 1<<20
	p := kmsg.NewFetchRequestTopicPartition()
	p.Partition, p.FetchOffset, p.PartitionMaxBytes = partition, offset, 1<<20
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.Partitions = topic, []kmsg.FetchRequestTopicPartition{p}
	req.Topics = append(req.Topics, t)
	return req
}

// NewListOffsets asks for the offset of a timestamp.
func NewListOffsets(topic string, partition int32, timestamp int64) *kmsg.ListOffsetsRequest {
	req := kmsg.NewPtrListOffsetsRequest()
	req.Version = 6
	p := kmsg.NewListOffsetsRequestTopicPartition()
	p.Partition, p.Timestamp = partition, timestamp
	t := kmsg.NewListOffsetsRequestTopic()
	t.Topic, t.Partitions = topic, []kmsg.ListOffsetsRequestTopicPartition{p}
	req.Topics = append(req.Topics, t)
	return req
}

// NewDeleteRecords asks for the removal of records below an offset.
func NewDeleteRecords(topic string, partition int32, offset int64) *kmsg.DeleteRecordsRequest {
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.Version, req.TimeoutMillis = 2, 5000
	p := kmsg.NewDeleteRecordsRequestTopicPartition()
	p.Partition, p.Offset = partition, offset
	t := kmsg.NewDeleteRecordsRequestTopic()
	t.Topic, t.Partitions = topic, []kmsg.DeleteRecordsRequestTopicPartition{p}
	req.Topics = append(req.Topics, t)
	return req
}

// NewOffsetForLeaderEpoch asks for the end of a leader epoch.
func NewOffsetForLeaderEpoch(
	topic string, partition int32, epoch int32,
) *kmsg.OffsetForLeaderEpochRequest {
	req := kmsg.NewPtrOffsetForLeaderEpochRequest()
	req.Version = 3
	p := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
	p.Partition, p.LeaderEpoch = partition, epoch
	t := kmsg.NewOffsetForLeaderEpochRequestTopic()
	t.Topic, t.Partitions = topic, []kmsg.OffsetForLeaderEpochRequestTopicPartition{p}
	req.Topics = append(req.Topics, t)
	return req
}
