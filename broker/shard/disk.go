package shard

import (
	"errors"
	"fmt"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/diskfs"
)

// The disk of a shard: all its operations go out here, and their completions come in.

// Owners of a shard's disk operations. Partitions have the owners from ownerParts on.
const (
	ownerShard uint32 = iota
	ownerWAL
	ownerParts
)

// ownedDisk is the loop's disk as one owner sees it. Handles are unique in the whole
// loop, and every operation is timed.
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
	op.Owner, op.Log = d.owner, d.owner == ownerWAL
	if op.Kind != diskfs.Open || d.owner < ownerParts || d.shard.files.admit(op) {
		d.shard.submit(op)
	}
}

func (s *Shard) submit(op diskfs.Op) {
	s.ops.Began(op.Owner, op.Token, s.now.Mono)
	s.host.Disk().Submit(op)
}

// OpClock knows the unfinished disk operations of a loop, to say what the loop waits for.
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

// onDisk hands a completion to its owner.
func (s *Shard) onDisk(c *diskfs.Completion) {
	if errors.Is(c.Err, diskfs.ErrUnavailable) {
		s.host.Log(event.New(event.DiskRefuses, event.Int("shard", s.id), event.Err(c.Err)))
	}
	if op, again := Postponed(c); again && s.recovered {
		mark.Hit(mark.SyncPostponed)
		s.timers.Set(s.now.Mono.Add(s.limits.RefusedPause), due{kind: dueDisk, op: &op})
		return
	}
	s.ops.Ended(c.Owner, c.Token)
	if c.Owner >= ownerParts {
		if next, ok := s.files.ended(c); ok {
			mark.Hit(mark.OpenWaited)
			s.submit(next)
		}
	}
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
			return // the partition is gone, and nothing waits for this any more
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

// onOwnCompletion takes the completions of the shard's own operations: the listing of
// directories with which recovery begins, and syncs that serve many partitions.
func (s *Shard) onOwnCompletion(c *diskfs.Completion) {
	switch c.Kind {
	case diskfs.List:
		s.loadPartitions(c)
	case diskfs.SyncFS:
		if c.Err != nil {
			s.fail(fmt.Errorf("shard %d: sync file system: %w", s.id, c.Err))
			return
		}
		if !s.recovered { // see loadPartitions
			s.recovery.namesDurable = true
			s.loadNext()
			return
		}
		s.fileSystemSynced()
	}
}

// fail stops the node, because it does not know any more what its disk holds.
func (s *Shard) fail(err error) {
	s.stopped = true
	s.host.Stop(err)
}

// onDone takes what has ended in a partition's log. The end of a job that changes the
// partition's files may end its need of the WAL.
func (s *Shard) onDone(p *part, done []partition.Done) {
	for _, d := range done {
		switch d.Kind {
		case partition.Flushed, partition.Cut, partition.Removed:
			s.mayRelease = true
		}
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
