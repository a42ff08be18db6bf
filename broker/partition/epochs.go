package partition

import (
	"slices"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/kafka"
)

// NoEpoch means that there is no leader epoch, as before the first record.
const NoEpoch kafka.LeaderEpoch = -1

// EpochStart says at which offset a leader epoch begins (KIP-101).
type EpochStart struct {
	Epoch kafka.LeaderEpoch
	Start kafka.Offset
	seq   uint64 // of the WAL record that began it; 0 if a checkpoint did
}

// epochs is the epoch history. Both fields rise strictly. A new epoch replaces one that ended
// without a record, so that a partition that changes leaders without traffic does not grow. So only
// the last entry may be without records.
type epochs []EpochStart

// latest is the newest epoch that began, with or without records.
func (e epochs) latest() kafka.LeaderEpoch {
	if len(e) == 0 {
		return NoEpoch
	}
	return e[len(e)-1].Epoch
}

// begin records that epoch starts at start, the log end. It does nothing if the epoch has started
// before.
func (e *epochs) begin(epoch kafka.LeaderEpoch, start kafka.Offset, seq uint64) {
	if n := len(*e); n > 0 && (*e)[n-1].Epoch != epoch {
		e.truncate(start)
	}
	assert.That(e.latest() <= epoch, "partition: epoch %d at offset %d after epoch %d",
		epoch, start, e.latest())
	if e.latest() < epoch {
		*e = append(*e, EpochStart{epoch, start, seq})
	}
}

// truncate forgets the epochs that begin at or after to.
func (e *epochs) truncate(to kafka.Offset) {
	n := len(*e)
	for n > 0 && (*e)[n-1].Start >= to {
		n--
	}
	*e = (*e)[:n]
}

// dropBelow forgets the epochs that end below start. The epoch that ends at start stays: it is the
// epoch of the record before start. Replicas compare it even when that record is deleted. Without
// it, two empty logs with different starts would seem to have nothing in common.
func (e *epochs) dropBelow(start kafka.Offset) {
	n := 0
	for n+1 < len(*e) && (*e)[n+1].Start < start {
		n++
	}
	if n > 0 {
		*e = slices.Delete(*e, 0, n)
	}
}

// at returns the index of the epoch that holds offset, or -1.
func (e epochs) at(offset kafka.Offset) int {
	i := len(e) - 1
	for i >= 0 && e[i].Start > offset {
		i--
	}
	return i
}

// endFor returns the largest epoch at or below epoch, and where it ends: at the
// start of the next one, or at end. (NoEpoch, start) if there is none.
func (e epochs) endFor(
	epoch kafka.LeaderEpoch, start, end kafka.Offset,
) (kafka.LeaderEpoch, kafka.Offset) {
	for i := len(e) - 1; i >= 0; i-- {
		if i < len(e)-1 && end < start {
			break // below the log start: as if forgotten
		}
		if e[i].Epoch <= epoch {
			return e[i].Epoch, end
		}
		end = e[i].Start
	}
	return NoEpoch, start
}
