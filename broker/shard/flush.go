package shard

import (
	"errors"

	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/broker/rare"
	"example.com/lockstep/diskfs"
)

// Write-behind: batches move from the WAL to the segments of their partition when there
// are enough of them, when the tails of all partitions take too much memory, or when the
// WAL is half full. Then the old segments of the WAL are released (PROTOCOL 11). Only a
// few partitions are flushed at a time, so that reads and the WAL get their share of the
// disk.

// flushSome begins the flushes that are due: those of partitions with enough to move, and
// when memory or the WAL is short, those of the partitions with the oldest records.
func (s *Shard) flushSome() {
	if s.wal.Full() && s.now.Mono >= s.retrySpaceAt {
		s.retrySpaceAt = s.now.Mono.Add(s.limits.RefusedPause)
		s.wal.Retry()
	}
	if s.now.Mono < s.flushAgainAt {
		return
	}
	s.tryOffline()
	for !s.toFlush.empty() && s.flushing < s.limits.FlushesInFlight {
		p := s.toFlush.removeFirst()
		if s.canFlush(p, int64(s.limits.FlushBytes)) ||
			s.canFlush(p, 0) || s.rare.Choose(rare.FlushEarly) && s.canFlush(p, 1) {
			s.startFlush(p, partition.FlushOptions{})
		}
	}
	if s.tailBytes <= int64(s.limits.TailBytes) && s.wal.Used() <= s.cfg.WAL.BudgetBytes/2 {
		return
	}
	due, options := s.flushesDue(s.dirty.len())
	var some []*part // a flush may end at once, and then it leaves s.dirty
	s.dirty.scan(func(p *part) bool {
		if len(some) < due && s.canFlush(p, 1) {
			some = append(some, p)
		}
		return len(some) < due
	})
	for _, p := range some {
		s.startFlush(p, options)
	}
}

// flushesDue is how many flushes may begin now of so many partitions that wait for one, and how
// they become durable. Many partitions have little each. One sync of the file system serves all of
// them, while the files of each partition would need several syncs. At the budget the syncs are
// shared by a few partitions too: nothing is appended, so the disk has nothing better to do, and
// clients wait for the records of all of them.
//
// A flush waits for two syncs, and for the end of two others that began too early for it. So a sync
// serves about a quarter of the flushes under way, and there should be many of them.
func (s *Shard) flushesDue(waiting int) (due int, options partition.FlushOptions) {
	most := s.limits.FlushesInFlight
	if waiting >= s.limits.FlushesTogether || s.atBudget() {
		most, options.ExternalSync = s.limits.FlushesAtOnce, true
	}
	if s.flushingBytes >= int64(s.limits.FlushAtOnceBytes) {
		most = s.limits.FlushesInFlight // these hold copies of what they write
	}
	return max(most-s.flushing, 0), options
}

// grew notes that the bytes of a partition that no segment holds have changed.
func (s *Shard) grew(p *part) {
	bytes := p.log.TailBytes()
	s.tailBytes += bytes - p.tailBytes
	p.tailBytes = bytes
	enough := bytes >= int64(s.limits.FlushBytes) || p.log.Surplus() ||
		bytes > 0 && s.rare.Choose(rare.FlushEarly)
	if enough && !p.flushing {
		s.toFlush.add(p)
	}
}

// canFlush reports whether a flush is allowed now and would move at least least bytes. For
// one byte, records other than batches are enough. For none, it would have to remove something
// that lies below the log start.
func (s *Shard) canFlush(p *part, least int64) bool {
	if p.flushing || p.removing || p.log.State() != partition.Ready ||
		p.availability > unwritable || s.now.Mono < p.flushAgainAt {
		return false
	}
	if p.suspect && s.epoch == 0 && !s.converting {
		// A checkpoint would hide the gap that made it a suspect, and the metadata does not
		// know of the gap yet.
		return false
	}
	c := p.log.Candidate()
	if least == 0 {
		return c.Surplus
	}
	return c.Bytes >= least || least == 1 && c.Notes > 0
}

func (s *Shard) startFlush(p *part, options partition.FlushOptions) {
	p.flushing, p.flushingBytes = true, min(p.tailBytes, int64(s.limits.FlushBytes))
	s.flushing++
	s.flushingBytes += p.flushingBytes
	s.stats.Flushes++
	p.log.Flush(options)
	s.onDone(p, p.log.Pending())
}

// flushed ends a flush, and releases what the WAL need not keep any more.
func (s *Shard) flushed(p *part, err error) {
	s.flushing--
	s.flushingBytes -= p.flushingBytes
	p.flushing, p.flushingBytes = false, 0
	s.grew(p)
	switch {
	case p.removing || p.availability == leaving:
		return
	case errors.Is(err, partition.ErrOvertaken):
		return // a truncation came between; nothing has failed
	case err != nil:
		s.flushFailed(p, err)
		return
	}
	s.writable(p)
	s.dirty.settle(p)
	s.flushedAt = s.now.Mono
}

// releaseWAL releases the WAL up to the oldest record that a recovery would need. It runs
// at the end of each turn in which such a record may have gone, whatever the reason:
// mayRelease says so. A reason that did not say so would leave a full log full for good,
// since the log takes no appends then, and without appends there is no flush.
//
// It releases nothing before this incarnation is registered: until then the WAL holds the
// only trace of damage that was found in it, and after a crash the next incarnation must
// find it again.
func (s *Shard) releaseWAL() {
	if !s.mayRelease || s.epoch == 0 || s.converting {
		return
	}
	s.mayRelease = false
	oldest := s.wal.Durable() + 1
	if needed, ok := s.dirty.oldest(); ok {
		oldest = min(oldest, needed)
	}
	if oldest > 1 {
		s.wal.Release(oldest - 1)
	}
}

// needSync is called for a flush that leaves the sync to the shard. A sync covers what was
// complete when it was submitted, so a flush that asks while one is under way waits for
// the next one.
func (s *Shard) needSync(p *part) {
	s.toSync.add(p)
	if s.syncing.empty() {
		s.syncFileSystem()
	}
}

// syncFileSystem begins a sync for all flushes that wait for one.
func (s *Shard) syncFileSystem() {
	for _, p := range s.toSync.take() {
		s.syncing.add(p)
	}
	s.stats.FileSystemSyncs++
	mark.Hit(mark.FlushesTogether)
	s.diskFor(ownerShard).Submit(diskfs.Op{Kind: diskfs.SyncFS})
}

// fileSystemSynced lets the flushes that waited for the sync go on.
func (s *Shard) fileSystemSynced() {
	for _, p := range s.syncing.take() {
		// A partition that has asked again since waits for the next sync: this one does not
		// cover what it asks for.
		if !s.toSync.has(p) {
			s.onDone(p, p.log.Synced())
		}
	}
	// Most of them have asked again meanwhile, for the names of their checkpoints.
	if s.syncing.empty() && !s.toSync.empty() {
		s.syncFileSystem()
	}
}
