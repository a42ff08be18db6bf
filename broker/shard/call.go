package shard

import (
	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/assert"
)

// An operation comes to the shard of its partition by runCall, from this shard or by
// mail from another one, and its result goes back by reply.

// runCall runs an operation on a partition that lives here. Its result leaves by reply,
// in this event or in a later one.
func (s *Shard) runCall(call PartitionCall) {
	switch op := call.Op.(type) {
	case api.Produce:
		s.produce(call, op)
	case api.Fetch:
		s.fetch(call, op)
	case api.Wait:
		s.wait(call, op)
	case api.Offsets:
		s.offsets(call, op)
	case api.EpochEnd:
		s.epochEnd(call, op)
	case api.Coordinate:
		s.coordinate(call, op)
	case api.DeleteRecords:
		s.deleteRecords(call, op)
	default:
		assert.That(false, "shard: %T is no operation of a partition", op)
	}
}

// reply returns a result to the loop that runs the request.
func (s *Shard) reply(origin Origin, result any) {
	if origin.Loop == s.id {
		s.resolve(origin, result)
		return
	}
	s.host.Reply(origin.Loop, Return{Origin: origin, Result: result})
}
