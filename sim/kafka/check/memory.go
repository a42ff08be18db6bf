package check

import (
	"time"

	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/sim/kafka/history"
	"example.com/lockstep/sim/property"
)

// produced is a batch of an idempotent producer.
type produced struct {
	producer kafka.ProducerID
	first    int32 // its first sequence number
}

// Memory compares what a replica remembers of idempotent producers with the part of its log
// that is in memory. A batch that was truncated and is still remembered would be answered
// as a duplicate. A batch that is remembered twice displaces an older one (P6). The check
// runs where this can go wrong, after truncations and recoveries, and where it matters,
// when a replica begins to lead.
func Memory(w Reporter, name string, p *shard.PartState) {
	log := map[kafka.Offset]produced{}
	p.Log.Tail(func(b batch.Batch) {
		if b != nil {
			log[b.BaseOffset()] = produced{b.ProducerID(), b.BaseSequence()}
		}
	})
	last := map[kafka.ProducerID]kafka.Offset{}
	p.Log.Remembered(func(id kafka.ProducerID, first int32, base kafka.Offset) {
		if base >= p.Log.Flushed() && log[base] != (produced{id, first}) {
			w.Violated(property.RemembersOwnLog, name,
				"%s is remembered to have sequence %d of producer %d at offset %d; its log, "+
					"which ends at %d, has none there",
				history.PartitionText(p.ID), first, id, base, p.End)
		}
		if before, ok := last[id]; ok && base <= before {
			w.Violated(property.RemembersOnce, name,
				"for producer %d in %s the batch at offset %d is remembered after the one at %d",
				id, history.PartitionText(p.ID), base, before)
		}
		last[id] = base
	})
}

// Forgetting checks that a replica forgets idempotent producers: those that were idle for longer
// than idle, and two checks more, and those beyond bound, in memory and in its checkpoint.
func Forgetting(w Reporter, name string, p *shard.PartState, idle, check time.Duration, bound int) {
	if n := max(p.Log.Producers(), p.Log.CheckpointProducers()); n > bound {
		w.Violated(property.ForgetsProducers, name, "%s remembers %d producers, %d are allowed",
			history.PartitionText(p.ID), n, bound)
	}
	if longest := p.Log.LongestIdle(); longest > idle+2*check {
		w.Violated(property.ForgetsProducers, name,
			"%s remembers a producer that has been idle for %v, %v are allowed",
			history.PartitionText(p.ID), longest, idle)
	}
}
