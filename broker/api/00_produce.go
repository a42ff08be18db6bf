package api

import (
	"time"

	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/wire"
)

// produce serves Produce 3-13 (key 0). Batches go to the leader of their partition, on
// whichever node it is. The answer is sent when the last partition has a result. A
// transactional produce is refused: there is no transaction coordinator yet. A produce
// with acks=0 gets no response. If any of it fails its connection is closed instead, which
// is how clients learn of it (KAFKA 14).
//
// A partition that the request names more than once is refused at each place, with
// INVALID_REQUEST. Kafka appends the last of its batches and drops the others, and answers
// once: a client would take a dropped batch for acknowledged.
type produce struct {
	header
	req     wire.ProduceRequest
	started bool
	// answers are in the order of the request. ops[i] is the answer that the i-th
	// operation fills.
	answers wire.ProduceResponse
	ops     []*wire.ProducePartitionResponse
	hints   []wire.CurrentLeader
	self    kafka.NodeID
}

func newProduce(h header, body []byte) (*produce, error) {
	req, err := wire.DecodeProduce(h.version, body)
	if err != nil {
		return nil, err
	}
	return &produce{header: h, req: req}, nil
}

func (p *produce) Timeout() time.Duration { return milliseconds(p.req.TimeoutMs) }

func (p *produce) Next(c Context, expired bool) []Op {
	if p.started {
		return nil
	}
	p.started, p.self = true, c.Node()
	refusal := kafka.None
	switch {
	case p.req.Acks < kafka.AcksAll || p.req.Acks > kafka.AcksLeader:
		refusal = kafka.InvalidRequiredAcks
	case p.req.TransactionalID != nil, p.transactional():
		refusal = noTransactions
	}
	var ops []Op
	repeated := p.mentions()
	p.answers.Topics = make([]wire.ProduceTopicResponse, len(p.req.Topics))
	for i, topic := range p.req.Topics {
		id, code := p.resolveTopic(c, &topic)
		answer := &p.answers.Topics[i]
		answer.Name, answer.ID = topic.Name, topic.ID
		answer.Partitions = make([]wire.ProducePartitionResponse, len(topic.Partitions))
		for j, part := range topic.Partitions {
			// Until it resolves, the fate of an append is unknown.
			answer.Partitions[j] = wire.FailedProduce(part.Partition, kafka.RequestTimedOut, "")
			failed := refusal
			if failed == kafka.None {
				failed = code
			}
			if repeated[namedPartition{topic.Name, topic.ID, part.Partition}] {
				failed = kafka.InvalidRequest
				answer.Partitions[j].Message = "the request names the partition more than once"
			} else if failed == kafka.None && p.tooNew(part.Records) {
				failed = kafka.UnsupportedCompressionType
			}
			if failed != kafka.None {
				answer.Partitions[j].Code = failed
				continue
			}
			ops = append(ops, Produce{
				Partition: kafka.PartitionID{Topic: id, Partition: part.Partition},
				Acks:      p.req.Acks,
				Batches:   part.Records,
			})
			p.ops = append(p.ops, &answer.Partitions[j])
		}
	}
	return ops
}

// mentions are the partitions of the request; nil if there is only one.
func (p *produce) mentions() mentions {
	if len(p.req.Topics) == 1 && len(p.req.Topics[0].Partitions) == 1 {
		return nil
	}
	out := mentions{}
	for i := range p.req.Topics {
		topic := &p.req.Topics[i]
		for j := range topic.Partitions {
			out.add(namedPartition{topic.Name, topic.ID, topic.Partitions[j].Partition})
		}
	}
	return out
}

func (p *produce) resolveTopic(
	c Context, topic *wire.ProduceTopic,
) (kafka.TopicID, kafka.ErrorCode) {
	id, code := topic.ID, kafka.UnknownTopicID
	if p.version < 13 {
		id, code = topicID(c, topic.Name)
	}
	switch t := c.Image().TopicByID(id); {
	case t == nil:
		return id, code
	case meta.InternalTopic(t.Name):
		return id, kafka.InvalidTopicException
	}
	return id, kafka.None
}

// transactional reports whether a batch of the request is part of a transaction.
func (p *produce) transactional() bool {
	for i := range p.req.Topics {
		for _, part := range p.req.Topics[i].Partitions {
			if b, _, err := batch.Next(part.Records); err == nil && b.Transactional() {
				return true
			}
		}
	}
	return false
}

// tooNew reports whether the records are compressed with Zstandard, and the version is below
// the one that allows it (KIP-110).
func (p *produce) tooNew(records []byte) bool {
	const zstdSince = 7
	if p.version >= zstdSince {
		return false
	}
	b, _, err := batch.Next(records)
	return err == nil && b.Codec() == batch.Zstd
}

func (p *produce) Resolve(i int, result any) {
	r := result.(ProduceResult)
	answer := p.ops[i]
	answer.Code, answer.Message, answer.Errors = r.Code, r.Message, r.Errors
	answer.BaseOffset, answer.LogAppendTimeMs, answer.LogStart = r.Base, r.AppendTimeMs, r.LogStart
	if r.Code == kafka.NotLeaderOrFollower {
		answer.Leader = hint(p.self, r.CurrentLeader)
		p.hints = append(p.hints, answer.Leader)
	}
}

// Closes implements Closer.
func (p *produce) Closes() bool {
	if p.req.Acks != kafka.AcksNone {
		return false
	}
	for i := range p.answers.Topics {
		for j := range p.answers.Topics[i].Partitions {
			if p.answers.Topics[i].Partitions[j].Code != kafka.None {
				return true
			}
		}
	}
	return false
}

func (p *produce) Answer(c Context) [][]byte {
	if p.req.Acks == kafka.AcksNone {
		return nil // no response (KAFKA 14)
	}
	p.answers.Endpoints = endpoints(c, p.hints)
	return [][]byte{wire.AppendProduceResponse(nil, p.version, p.correlationID, &p.answers)}
}
