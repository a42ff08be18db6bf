package shard

import (
	"fmt"
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/diskfs"
)

// Owners of a shard's disk operations. Partitions follow from ownerParts on.
const (
	ownerShard uint32 = iota
	ownerWAL
	ownerParts
)

// ownedDisk is the loop's disk as one of its parts sees it: handles are unique
// over the whole loop, and every operation is timed.
type ownedDisk struct {
	shard *Shard
	owner uint32
}

func (s *Shard) diskFor(owner uint32) ownedDisk { return ownedDisk{s, owner} }

// NewHandle returns a handle that the loop has not used yet.
func (d ownedDisk) NewHandle() diskfs.Handle {
	d.shard.handles++
	return d.shard.handles
}

// Submit tags and submits an operation.
func (d ownedDisk) Submit(op diskfs.Op) {
	op.Owner = d.owner
	d.shard.ops.Began(op.Owner, op.Token, d.shard.now.Mono)
	d.shard.host.Disk().Submit(op)
}

// OpClock knows the age of a loop's oldest unfinished disk operation, which a
// heartbeat has to vouch for (PROTOCOL 26).
type OpClock struct{ ops []timedOp }

type timedOp struct {
	owner uint32
	token uint64
	began env.Instant
}

// Began notes a submitted operation.
func (c *OpClock) Began(owner uint32, token uint64, now env.Instant) {
	c.ops = append(c.ops, timedOp{owner, token, now})
}

// Ended notes a completion.
func (c *OpClock) Ended(owner uint32, token uint64) {
	for i, op := range c.ops {
		if op.owner == owner && op.token == token {
			c.ops = append(c.ops[:i], c.ops[i+1:]...)
			return
		}
	}
}

// Oldest is the age of the oldest unfinished operation, 0 if there is none.
func (c *OpClock) Oldest(now env.Instant) time.Duration {
	if len(c.ops) == 0 {
		return 0
	}
	return now.Sub(c.ops[0].began)
}

// onDisk hands a completion to the part of the loop that waits for it.
func (s *Shard) onDisk(c *diskfs.Completion) {
	s.ops.Ended(c.Owner, c.Token)
	switch {
	case c.Owner == ownerWAL:
		if err := s.wal.Completed(*c); err != nil {
			s.fail(fmt.Errorf("shard %d: %w", s.id, err))
			return
		}
		if !s.recovered {
			s.replay()
		}
		s.onDurable()
	case c.Owner == ownerShard:
		s.onOwnCompletion(c)
	default:
		p := s.byOwner[c.Owner]
		if p == nil {
			return // it is gone, and nothing waits for this any more
		}
		done, err := p.log.Completed(*c)
		if err != nil {
			s.fail(fmt.Errorf("shard %d: %w", s.id, err))
			return
		}
		s.onDone(p, done)
		s.dropOwner(p)
	}
}

// onOwnCompletion takes the completions of the shard's own operations: the
// listing that recovery begins with, and syncs for many flushes at once.
func (s *Shard) onOwnCompletion(c *diskfs.Completion) {
	switch c.Kind {
	case diskfs.List:
		s.loadPartitions(c)
	case diskfs.SyncFS:
		if c.Err != nil {
			s.fail(fmt.Errorf("shard %d: sync file system: %w", s.id, c.Err))
			return
		}
		s.fileSystemSynced()
	}
}

// fail stops the node: what its disk holds is not known any more.
func (s *Shard) fail(err error) {
	s.stopped = true
	s.host.Stop(err)
}

// onDone takes what ended in a partition.
func (s *Shard) onDone(p *part, done []partition.Done) {
	for _, d := range done {
		switch d.Kind {
		case partition.Loaded:
			s.partitionLoaded(p, d.Err)
		case partition.ReadDone, partition.LookedUp:
			s.onRead(p, d)
		case partition.Flushed:
			s.flushed(p, d.Err)
		case partition.Cut:
			s.cutEnded(p, d.Err)
		case partition.NeedSync:
			s.needSync(p)
		case partition.Removed:
			s.removed(p, d.Err)
		}
	}
}
