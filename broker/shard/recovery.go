package shard

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/broker/wal"
	"example.com/lockstep/diskfs"
)

// A shard's recovery, in order: list the partitions' directories, load the checkpoints of
// those that live here, stream the WAL through their logs, and report what was found.
// Until then the shard has no role for any partition, and metadata that arrives waits.

// recovery is how far a shard's recovery has come.
type recovery struct {
	life    uint64 // names the sequence space of the WAL: checkpoints compare it
	loading int    // checkpoints that are being read: at most limits.LoadsInFlight
	toLoad  []*part
	listed  bool
	// namesDurable: all names were synced at once, before the first load.
	namesDurable bool
	// replayed: the WAL has been streamed through the logs.
	replayed bool
	suspect  []kafka.PartitionID
	// nameless counts records with a handle that nothing has bound to a partition.
	// damaged says that the WAL reported damage, which may have hit bindings as well as
	// records.
	nameless int
	damaged  bool
}

// beginRecovery lists the directories of partitions.
func (s *Shard) beginRecovery(m Begin) {
	s.directory = m.Directory
	s.recovery.life = m.Life
	s.converting = m.Convert
	s.diskFor(ownerShard).Submit(diskfs.Op{Kind: diskfs.List, Path: s.cfg.PartitionsDir})
}

// loadPartitions begins to load the checkpoints of the partitions that live on this shard. Names
// that a killed process has left must be durable before anything is built on them. One sync of the
// file system does so for many partitions; a sync of each directory would be a flush of the disk's
// cache for each, also where nothing is unwritten.
func (s *Shard) loadPartitions(c *diskfs.Completion) {
	if c.Err != nil {
		s.fail(fmt.Errorf("shard %d: list partitions: %w", s.id, c.Err))
		return
	}
	s.recovery.listed = true
	for _, e := range c.Entries {
		id, ok := ParseDir(e.Name)
		if ok && e.Dir && s.Owner(id) == s.id {
			s.recovery.toLoad = append(s.recovery.toLoad, s.addPart(id))
		}
	}
	if len(s.recovery.toLoad) >= s.limits.FlushesTogether {
		mark.Hit(mark.NamesTogether)
		s.diskFor(ownerShard).Submit(diskfs.Op{Kind: diskfs.SyncFS})
		return
	}
	s.loadNext()
}

// loadNext begins the next loads. When all have ended, it goes on with the WAL.
func (s *Shard) loadNext() {
	r := &s.recovery
	for len(r.toLoad) > 0 && r.loading < s.limits.LoadsInFlight {
		p := r.toLoad[0]
		r.toLoad = r.toLoad[1:]
		r.loading++
		p.log.Load(r.namesDurable)
	}
	if r.loading == 0 && r.listed && s.wal.Phase() == wal.Idle {
		s.recoverWAL()
	}
}

// recoverWAL begins to read the WAL. It must reach at least as far as the checkpoints do.
func (s *Shard) recoverWAL() {
	for _, p := range s.order {
		s.wal.Expect(wal.Seq(p.log.CoveredThrough()))
	}
	s.wal.Recover()
}

// partitionLoaded counts the checkpoints that have been read. If bytes that the checkpoint
// trusts are missing, rotten or cannot be read from the medium, the partition is a suspect and
// must not count for the ISR. Its files stay for now: see rebuild. A load that failed for
// another reason has found nothing out about the partition: the start ends with it, and a later
// one can succeed.
func (s *Shard) partitionLoaded(p *part, err error) {
	switch {
	case errors.Is(err, partition.ErrDamaged):
		s.damaged(p, err)
	case err != nil:
		s.fail(fmt.Errorf("shard %d: load partition %s: %w", s.id, DirName(p.id), err))
		return
	}
	s.recovery.loading--
	s.loadNext()
}

// damaged notes that the files of a partition cannot be trusted.
func (s *Shard) damaged(p *part, err error) {
	s.host.Log(event.New(event.PartitionDamaged, event.Text("partition", DirName(p.id)),
		event.Err(err)))
	s.stats.PartitionsDamaged++
	p.rebuilding = true
	s.suspect(p)
}

// suspect notes that acknowledged records of a partition may be missing (PROTOCOL 8).
func (s *Shard) suspect(p *part) {
	if !p.suspect {
		mark.Hit(mark.PartitionSuspect)
		p.suspect = true
		s.recovery.suspect = append(s.recovery.suspect, p.id)
	}
}

// replay streams the WAL's records through the logs.
func (s *Shard) replay() {
	for {
		r, ok := s.wal.NextRecovered()
		if !ok {
			break
		}
		s.replayRecord(r)
	}
	if s.wal.Phase() == wal.Ready && !s.recovery.replayed {
		s.endReplay()
	}
}

// replayRecord applies one record. If a record does not continue the log of its partition,
// the partition becomes a suspect, and what follows for it is skipped: a log must not have
// a hole.
func (s *Shard) replayRecord(r wal.Record) {
	walID, bound := s.wal.Bound(r.Handle)
	if !bound {
		s.recovery.nameless++
		return
	}
	id := partitionID(walID)
	p := s.parts[id]
	if p == nil {
		p = s.addPart(id)
		p.log.Create()
	}
	if p.log.Covered(uint64(r.Seq)) {
		return // its handle may be one that the partition had before
	}
	if p.handle != 0 && p.handle != r.Handle && !p.rebuilding {
		mark.Hit(mark.PartitionCameBack)
		s.restart(p) // a new handle: the partition was removed before, and came back
	}
	p.handle = r.Handle
	if p.suspect {
		return
	}
	ref := partition.Ref{Segment: r.At.Segment, Offset: r.At.Offset, Seq: uint64(r.Seq)}
	if err := s.replayInto(p, r, ref); err != nil {
		s.stats.ReplayGaps++
		s.suspect(p)
	}
	s.dirty.add(p)
}

// errReplay says that records are missing between the log and the next record.
var errReplay = errors.New("shard: record does not continue the log")

// replayInto applies a record to the log of its partition.
func (s *Shard) replayInto(p *part, r wal.Record, ref partition.Ref) error {
	switch r.Type {
	case recordBatches:
		set := slices.Clone(r.Payload) // the WAL only lends it, and the log keeps it
		offset := ref.Offset
		for len(set) > 0 {
			b, rest, err := batch.Next(set)
			if err != nil {
				return err
			}
			if b.BaseOffset() != p.log.End() {
				return fmt.Errorf("%w: batch at %d, log end %d",
					errReplay, b.BaseOffset(), p.log.End())
			}
			p.log.Append(b, partition.Ref{Segment: ref.Segment, Offset: offset, Seq: ref.Seq})
			offset += int64(b.Size())
			set = rest
		}
	case recordTruncate:
		to := kafka.Offset(binary.BigEndian.Uint64(r.Payload))
		if to > p.log.End() {
			return fmt.Errorf("%w: truncation to %d, log end %d", errReplay, to, p.log.End())
		}
		p.log.Truncate(to, ref)
	case recordEpochStart:
		epoch := kafka.LeaderEpoch(binary.BigEndian.Uint32(r.Payload))
		start := kafka.Offset(binary.BigEndian.Uint64(r.Payload[4:]))
		if start != p.log.End() {
			return fmt.Errorf("%w: epoch %d at %d, log end %d",
				errReplay, epoch, start, p.log.End())
		}
		p.log.StartEpoch(epoch, ref)
	case recordLogStart:
		to := kafka.Offset(binary.BigEndian.Uint64(r.Payload))
		if to > p.log.End() {
			return fmt.Errorf("%w: log start %d, log end %d", errReplay, to, p.log.End())
		}
		p.log.SetStart(to, ref)
	case recordBeginning:
		beginning, err := partition.DecodeBeginning(slices.Clone(r.Payload))
		if err != nil {
			return err
		}
		p.log.Reset(beginning, ref)
	}
	return nil
}

// endReplay decides for each partition whether it is whole, or a suspect, or gone.
func (s *Shard) endReplay() {
	s.recovery.replayed = true
	// Damage means that acknowledged records are gone, and any partition may have lost
	// some. So every partition becomes a suspect.
	s.recovery.damaged = len(s.wal.Recovery().Damage) > 0
	assert.That(s.recovery.nameless == 0 || s.recovery.damaged,
		"shard: %d records of unknown handles in a whole log", s.recovery.nameless)
	handles := map[wal.ID]uint32{} // looked up only
	s.wal.Bindings(func(handle uint32, id wal.ID) bool {
		handles[id] = handle
		return true
	})
	for _, p := range slices.Clone(s.order) {
		if _, bound := s.wal.Bound(p.handle); p.handle != 0 && !bound {
			s.forget(p) // it was removed: its files went first, then its handle
			continue
		}
		if p.log.State() == partition.Replaying && !p.log.EndReplay() {
			s.suspect(p)
		}
		p.log.Durable(uint64(s.wal.Durable()))
		if s.recovery.damaged {
			s.suspect(p)
		}
		if p.handle == 0 {
			p.handle = handles[walID(p.id)]
		}
		if p.handle == 0 && !s.converting {
			p.handle = s.wal.Bind(walID(p.id))
		}
		s.onDone(p, p.log.Pending())
		s.grew(p)
	}
	s.endRecovery()
}

// endRecovery reports what was found, and takes over the metadata that came meanwhile. It
// waits for truncations into segments: if one finds its segments rotten, the partition is a
// suspect, and the registration must say so. Were that found later, it would stop the node,
// in this incarnation and in all that follow.
func (s *Shard) endRecovery() {
	cutting := func(p *part) bool { return p.log.State() == partition.Ready && p.log.CutPending() }
	if s.recovered || !s.recovery.replayed || slices.ContainsFunc(s.order, cutting) {
		return
	}
	s.recovered = true
	s.expireAt = s.now.Mono.Add(s.limits.ProducerCheck)
	s.retainAt = s.now.Mono.Add(s.limits.RetentionCheck)
	s.stats.Suspects = uint64(len(s.recovery.suspect))
	s.narrateRecovery()
	s.host.Reply(loop.Control,
		Recovered{Suspects: s.recovery.suspect, Whole: s.whole(), Unnamed: s.recovery.damaged})
	if s.converting {
		return // Convert comes next, and then nothing more
	}
	unapplied := s.unapplied
	s.unapplied = nil
	if len(unapplied) > 0 {
		s.applyChanges(meta.Changes{Full: true})
	}
	s.confirm()
}

// cutEnded takes the end of a truncation into the segments. If it has failed, the log takes
// no more appends. So the node stops, and its next incarnation tries again. A recovery that
// finds the segments rotten notes the damage, and the partition is rebuilt. A conversion
// also calls it damage if the medium reports an error, since it does not try again.
func (s *Shard) cutEnded(p *part, err error) {
	switch {
	case err == nil:
	case !s.recovered && (errors.Is(err, partition.ErrDamaged) ||
		s.converting && errors.Is(err, diskfs.ErrIO)):
		s.damaged(p, err)
	default:
		s.fail(fmt.Errorf("shard %d: truncate partition %s: %w", s.id, DirName(p.id), err))
		return
	}
	s.endRecovery()
}

// whole returns the partitions that miss nothing.
func (s *Shard) whole() (ids []kafka.PartitionID) {
	for _, p := range s.order {
		if !p.suspect {
			ids = append(ids, p.id)
		}
	}
	return ids
}
