package shard

import (
	"errors"
	"slices"

	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/diskfs"
)

// A replica with files that cannot be written goes offline, as Kafka calls it. Its records can
// never leave the WAL. The WAL would reach its budget, and no partition of the shard could
// append any more. The way out, in order:
//
//	unwritable   its flush has failed FlushAttempts times. The shard asks the controller to
//	             take the replica offline (meta.TakeOffline), and goes on in its role until
//	             the verdict. A flush that succeeds ends it
//	leaving      the command is applied: other replicas hold what is committed. The replica
//	             has no role, and its files are deleted. The WAL need not keep its records
//	empty        its log is empty. A checkpoint is written now and then
//	online       a checkpoint was written: its leader fills the log again
//
// A replica that holds committed records which an unclean election has lost goes the same way,
// from leaving on: see strays.
//
// The last replica that holds what is committed never leaves. Its records stay in the WAL,
// and the node is treated like one with a full disk once the WAL is at its budget.
//
// # Why the epoch has to grow
//
// The command begins a new leader epoch, also where the leader stays. The leader forgets
// what the replica had acknowledged, and no ISR that it proposed before can be applied.
// Otherwise it could add the replica to the ISR again, for acknowledgements of records that
// are being deleted. From its first request on, the replica takes no push of a newer epoch.

// availability says how far a replica is on its way offline and back.
type availability uint8

const (
	online availability = iota
	unwritable
	leaving
	empty
)

// setAvailability keeps count of the replicas that are not online.
func (s *Shard) setAvailability(p *part, a availability) {
	if p.availability != online {
		s.notOnline--
	}
	if p.availability = a; a != online {
		s.notOnline++
	}
}

// flushFailed decides what follows from a failed flush. A disk without room is everybody's,
// and space may return. Any other error is the partition's own.
func (s *Shard) flushFailed(p *part, err error) {
	s.stats.FlushesFailed++
	mark.Hit(mark.FlushFailed)
	s.host.Log(event.New(event.FlushFailed, event.Text("log", s.cfg.WAL.Dir),
		event.Text("partition", s.topicPartition(p.id)), event.Err(err)))
	again := s.now.Mono.Add(s.limits.RefusedPause)
	if s.converting { // no pings come that would start a turn
		s.timers.Set(again, due{kind: dueRetry})
	}
	if errors.Is(err, diskfs.ErrNoSpace) {
		s.flushAgainAt = again
		return
	}
	p.flushAgainAt = again
	s.timers.Set(again, due{kind: dueFlush, part: p})
	// An error that is not about the files themselves may pass, and then all is well.
	if !errors.Is(err, diskfs.ErrIO) && !errors.Is(err, diskfs.ErrNotExist) {
		return
	}
	if p.flushFailures++; p.flushFailures >= s.limits.FlushAttempts && !s.converting {
		s.foundUnwritable(p, err)
	}
}

// foundUnwritable begins, or goes on, to take a replica offline.
func (s *Shard) foundUnwritable(p *part, err error) {
	if p.availability == online {
		mark.Hit(mark.ReplicaUnwritable)
		s.setAvailability(p, unwritable)
		p.lastEpoch, p.unwritableSince = p.epoch, s.now.Mono
		s.host.Log(event.New(event.ReplicaUnwritable,
			event.Text("partition", s.topicPartition(p.id)), event.Err(err),
			event.Int("attempts", p.flushFailures)))
	}
	if p.availability == unwritable {
		s.askOffline(p)
	}
}

// askOffline asks the controller to take the replica offline, unless it asked a moment ago
// or no other replica could do without this one.
func (s *Shard) askOffline(p *part) {
	reg := s.image.Partition(p.id)
	if p.role == idle || reg == nil || s.now.Mono < p.askAgainAt || !reg.CanSpare(s.cfg.Node) {
		return
	}
	p.askAgainAt = s.now.Mono.Add(s.limits.ProposalTimeout)
	s.nextProposal++
	op := s.nextProposal
	s.offlineAsked[op] = p.id
	call := Call{
		Origin: Origin{Loop: s.id, Request: op, Op: originOffline},
		Op: api.Propose{Command: &meta.TakeOffline{
			Node: s.cfg.Node, Epoch: s.epoch,
			Partitions: []meta.Election{{ID: p.id, LeaderEpoch: p.epoch}},
		}},
		Deadline: p.askAgainAt,
	}
	if !s.host.TrySend(loop.Control, call) {
		delete(s.offlineAsked, op)
	}
}

// originOffline marks, in Origin.Op, a request to take a replica offline.
const originOffline = -2

// onOfflineVerdict takes the verdict on a request to take a replica offline. The image that
// it stands in was applied before. If the replica can be written again meanwhile, it stays,
// and joins the ISR as any replica does.
func (s *Shard) onOfflineVerdict(op uint64, result api.ProposeResult) {
	p := s.parts[s.offlineAsked[op]]
	delete(s.offlineAsked, op)
	if p == nil || p.availability != unwritable || result.Code != kafka.None ||
		len(result.Verdict.Partitions) == 0 ||
		result.Verdict.Partitions[0].Code != kafka.None {
		return
	}
	mark.Hit(mark.ReplicaLeaves)
	s.leave(p)
	s.stats.ReplicasOffline++
	s.host.Log(event.New(event.ReplicaOffline, event.Text("partition", s.topicPartition(p.id)),
		event.Int("epoch", p.epoch)))
}

// leave ends the role of a replica that is out of ISR and ELR, and begins to empty it.
func (s *Shard) leave(p *part) {
	s.setAvailability(p, leaving)
	p.flushAgainAt = 0
	s.becomeIdle(p)
	s.offline.add(p)
}

// strays reports whether a cut would remove committed records that an unclean election has
// lost. Only the metadata can say so; any other cut below the watermark is a bug, and
// partition.Log.Truncate asserts that. A push is looked at only in the epoch of the applied
// metadata (refusal), so an unclean election up to that epoch is known here.
func (s *Shard) strays(p *part, cut kafka.Offset) bool {
	return cut < p.log.Watermark() && s.image.Partition(p.id).
		Strays(s.cfg.Node, p.log.EpochBefore(p.log.End()))
}

// dropStray empties a replica that strays, the same way as one that cannot be written. A cut
// would leave checkpoints, in files and perhaps on their way to the disk, with a watermark above
// the log end. The replica has acknowledged nothing in this leader epoch: an acknowledgement
// comes after the comparison of the logs, which is what found the cut.
func (s *Shard) dropStray(p *part, cut kafka.Offset) {
	mark.Hit(mark.StrayEmptied)
	s.stats.StraysEmptied++
	p.unwritableSince = s.now.Mono
	s.host.Log(event.New(event.CommittedRecordsDropped,
		event.Text("partition", s.topicPartition(p.id)), event.Int("epoch", p.epoch),
		event.Int("from", cut), event.Int("to", p.log.End()),
		event.Int("watermark", p.log.Watermark())))
	s.leave(p)
	s.timers.Set(s.now.Mono, due{kind: dueRetry})
}

// refusesEpoch reports whether a replica that may lose its files must not follow in the
// epoch.
func (p *part) refusesEpoch(epoch kafka.LeaderEpoch) bool {
	return p.availability != online && epoch > p.lastEpoch
}

// emptyOffline deletes the files of a replica that has left, once nothing uses them. If the
// disk refuses that too, it is tried again.
func (s *Shard) emptyOffline(p *part) {
	if p.availability == leaving && !p.removing && len(p.reads) == 0 && !p.log.Busy() &&
		s.now.Mono >= p.flushAgainAt {
		s.tryOfflineAgain(p)
		p.log.Delete()
		s.onDone(p, p.log.Pending())
	}
}

// emptied gives a replica that has left an empty log, and a new handle. The first checkpoint
// of the new log covers the new binding, and so everything of the old one: a recovery must
// not take the records of the old log for those of the new one.
func (s *Shard) emptied(p *part) {
	s.wal.Unbind(p.handle)
	p.handle = s.wal.Bind(walID(p.id))
	p.boundAt = s.wal.Next() - 1
	s.restart(p)
	s.dirty.remove(p)
	s.toFlush.remove(p)
	s.grew(p)
	s.setAvailability(p, empty)
	p.truncation = 0
	s.tryOfflineAgain(p)
}

// tryOfflineAgain makes a turn go on with a replica that is offline, after a pause.
func (s *Shard) tryOfflineAgain(p *part) {
	p.flushAgainAt = s.now.Mono.Add(s.limits.OfflinePause)
	s.timers.Set(p.flushAgainAt, due{kind: dueRetry})
}

// tryOffline goes on with the replicas that are offline: it deletes their files, or tries to
// write a checkpoint.
func (s *Shard) tryOffline() {
	for _, p := range slices.Clone(s.offline.parts) {
		s.emptyOffline(p)
		if p.availability == empty && !p.flushing && !p.removing &&
			s.now.Mono >= p.flushAgainAt && p.boundAt <= s.wal.Durable() {
			p.log.Durable(uint64(s.wal.Durable()))
			s.startFlush(p, partition.FlushOptions{})
		}
	}
}

// writable ends the failures of a partition's flushes, after one that succeeded.
func (s *Shard) writable(p *part) {
	p.flushFailures, p.flushAgainAt = 0, 0
	if p.availability == online {
		return
	}
	s.host.Log(event.New(event.ReplicaOnline, event.Text("partition", s.topicPartition(p.id)),
		event.Duration("after", s.now.Mono.Sub(p.unwritableSince))))
	emptied := p.availability == empty
	s.setAvailability(p, online)
	if emptied {
		mark.Hit(mark.ReplicaBackOnline)
		s.offline.remove(p)
		s.applyPartition(s.image.TopicByID(p.id.Topic), p.id)
	}
}

// followRoom notes since when the log takes no appends.
func (s *Shard) followRoom() {
	switch {
	case s.mayAppend():
		s.noRoomSince = env.Never
	case s.noRoomSince == env.Never:
		s.noRoomSince = s.now.Mono
	}
}

// full reports whether the node should not lead: its disk has no room, or the WAL has been
// at its budget for long and no flush succeeds, whatever the reason is. While flushes succeed,
// the budget is backpressure and ends: nothing is appended, so there is less and less to flush.
// To move leaderships then would make it worse, since each move is a record of each replica.
func (s *Shard) full() bool {
	return s.wal.Full() || s.noRoomSince != env.Never &&
		s.now.Mono >= max(s.noRoomSince, s.flushedAt).Add(s.limits.VouchAge)
}
