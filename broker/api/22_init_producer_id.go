package api

import (
	"math"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/kafka"
)

// initProducerID serves InitProducerId 0-5 (key 22) for idempotent producers, on any
// broker. The answer is a producer id that was never given before, with epoch 0.
//
// From version 3 on a producer may name its id and epoch (KIP-360). It then gets the same
// id with the next epoch, so that logs can fence what it sent before, or a new id when
// the epochs are used up. The broker does not check the epoch: the producer could have
// raised it by itself, as all clients do, and a log refuses an epoch that is not the
// producer's latest. A producer that asks twice gets the same epoch twice.
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
	case p.req.TransactionalID != nil, id < -1, epoch < -1, (id == -1) != (epoch == -1):
		p.resp.ErrorCode = int16(kafka.InvalidRequest)
	case id >= 0 && epoch < lastEpoch:
		p.resp.ProducerID, p.resp.ProducerEpoch = id, epoch+1
	default:
		// Until the operation resolves, no id was given, and the client should ask again.
		// Kafka gives this answer too when it has no block of ids, and all clients retry
		// it.
		p.resp.ErrorCode = int16(kafka.CoordinatorLoadInProgress)
		return []Op{NextProducerID{}}
	}
	return nil
}

// lastEpoch is the last epoch that is given. As in Kafka, no producer gets the largest
// number.
const lastEpoch = math.MaxInt16 - 1

func (p *initProducerID) Resolve(_ int, result any) {
	// Its errors are about the block of ids. Some of them are final for a client, and
	// would stop a producer that only needs to ask again.
	if r := result.(ProducerIDResult); r.Code == kafka.None {
		p.resp.ErrorCode = int16(kafka.None)
		p.resp.ProducerID, p.resp.ProducerEpoch = int64(r.ID), 0
	}
}

func (p *initProducerID) Answer(Context) [][]byte { return p.frame(p.resp) }
