package shard

import "example.com/lockstep/broker/api"

// awaitedEpochs is a request that waits for leader epochs to change.
type awaitedEpochs struct {
	origin Origin
	op     api.NewEpochs
}

// awaitEpochs runs a NewEpochs. It ends with its request at the latest.
func (s *Shard) awaitEpochs(r *request, i int32, op api.NewEpochs) {
	r.ops[i].at = s.id
	s.awaited = append(s.awaited, awaitedEpochs{s.origin(r, i), op})
	s.answerAwaited()
}

// answerAwaited resolves what the image of this shard now answers.
func (s *Shard) answerAwaited() {
	waiting := s.awaited
	s.awaited = nil
	for _, a := range waiting {
		switch {
		case s.requests[a.origin.Request] == nil:
		case s.epochsMoved(a.op):
			s.resolve(a.origin, api.NewEpochsResult{})
		default:
			s.awaited = append(s.awaited, a)
		}
	}
}

func (s *Shard) epochsMoved(op api.NewEpochs) bool {
	for _, e := range op.Elections {
		if p := s.image.Partition(e.ID); p != nil && p.LeaderEpoch == e.LeaderEpoch {
			return false
		}
	}
	return true
}
