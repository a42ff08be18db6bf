package api

import (
	"math"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/kafka"
)

// initProducerID serves InitProducerId 0-5 (key 22) for idempotent producers,
// on any broker: a producer id never given before, with epoch 0.
//
// From version 3 on a producer may name its id and epoch (KIP-360) and gets the
// same id with the next epoch, which lets the logs fence what it sent before; a
// new id when the epochs are used up. Nothing is looked up: the producer could
// have bumped its epoch by itself, as all clients do, and an epoch that is not
// its latest is refused by the log. Asking twice gives the same epoch twice.
//
// A transactional id is refused for good: see noTransactions.
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
		// Until it resolves: no id was given, ask again. Kafka answers this too when
		// it has no block of ids, and all clients retry it.
		p.resp.ErrorCode = int16(kafka.CoordinatorLoadInProgress)
		return []Op{NextProducerID{}}
	}
	return nil
}

// lastEpoch is the last epoch that is given: as in Kafka, the largest number is
// never a producer's.
const lastEpoch = math.MaxInt16 - 1

func (p *initProducerID) Resolve(_ int, result any) {
	// Its errors are about the block of ids, and final ones would stop a producer
	// that only needs to ask again.
	if r := result.(ProducerIDResult); r.Code == kafka.None {
		p.resp.ErrorCode = int16(kafka.None)
		p.resp.ProducerID, p.resp.ProducerEpoch = int64(r.ID), 0
	}
}

func (p *initProducerID) Answer(Context) [][]byte { return p.frame(p.resp) }
