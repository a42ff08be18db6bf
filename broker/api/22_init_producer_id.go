package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/kafka"
)

// initProducerID serves InitProducerId 0-5 (key 22) for idempotent producers, on any
// broker. The answer is a producer id that was never given before, with epoch 0.
//
// From version 3 on a producer may name its id and epoch (KIP-360). Without a transactional id
// that means nothing: it gets a new id, too (KAFKA 18b). Nobody remembers which producer has an
// id, and one that was never given would be given to another producer later.
//
// A transactional id gets a final error: see noTransactions.
type initProducerID struct {
	header
	brokerTimeout
	req     *kmsg.InitProducerIDRequest
	resp    *kmsg.InitProducerIDResponse
	started bool
}

func newInitProducerID(h header, req *kmsg.InitProducerIDRequest) *initProducerID {
	resp := req.ResponseKind().(*kmsg.InitProducerIDResponse)
	resp.ProducerID, resp.ProducerEpoch = -1, -1
	return &initProducerID{header: h, req: req, resp: resp}
}

func (p *initProducerID) Next(Context, bool) []Op {
	if p.started {
		return nil
	}
	p.started = true
	id, epoch := p.req.ProducerID, p.req.ProducerEpoch
	if p.version < 3 {
		id, epoch = -1, -1
	}
	switch {
	case p.req.TransactionalID != nil && *p.req.TransactionalID != "":
		p.resp.ErrorCode = int16(noTransactions)
	case p.req.TransactionalID != nil, (id == -1) != (epoch == -1):
		p.resp.ErrorCode = int16(kafka.InvalidRequest)
	default:
		// Until the operation resolves, no id was given, and the client should ask again.
		// Kafka gives this answer too when it has no block of ids, and all clients retry
		// it.
		p.resp.ErrorCode = int16(kafka.CoordinatorLoadInProgress)
		return []Op{NextProducerID{}}
	}
	return nil
}

func (p *initProducerID) Resolve(_ int, result any) {
	// Its errors are about the block of ids. Some of them are final for a client, and
	// would stop a producer that only needs to ask again.
	if r := result.(ProducerIDResult); r.Code == kafka.None {
		p.resp.ErrorCode = int16(kafka.None)
		p.resp.ProducerID, p.resp.ProducerEpoch = int64(r.ID), 0
	}
}

func (p *initProducerID) Answer(Context) [][]byte { return p.frame(p.resp) }
