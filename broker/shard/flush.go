package shard

import (
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/broker/rare"
	"example.com/lockstep/broker/wal"
	"example.com/lockstep/diskfs"
)

// Write-behind: batches move from the WAL to the segments of their partition
// when there are enough of them, when the shard's tails take too much memory, or
// when the WAL is half full; then the WAL's old segments are released
// (PROTOCOL 11). A few partitions at a time, so that reads and the WAL get
// their share of the disk.

// flushSome begins the flushes that are due: those of partitions with enough
// to move, then, under pressure, those with the oldest records in the WAL.
func (s *Shard) flushSome() {
	if s.wal.Full() && s.now.Mono >= s.retrySpaceAt {
		s.retrySpaceAt = s.now.Mono.Add(s.limits.RefusedPause)
		s.wal.Retry()
	}
	if s.now.Mono < s.flushAgainAt {
		return
	}
	for !s.toFlush.empty() && s.flushing < s.limits.FlushesInFlight {
		p := s.toFlush.removeFirst()
		if s.canFlush(p, int64(s.limits.FlushBytes)) ||
			s.rare.Choose(rare.FlushEarly) && s.canFlush(p, 1) {
			s.startFlush(p, partition.FlushOptions{})
		}
	}
	if s.tailBytes <= int64(s.limits.TailBytes) && s.wal.Used() <= s.cfg.WAL.BudgetBytes/2 {
		return
	}
	// Many partitions with little each: a sync of the file system serves them all,
	// where syncs of their files would be several for each.
	inFlight, options := s.limits.FlushesInFlight, partition.FlushOptions{}
	if len(s.dirty.parts) >= s.limits.FlushesTogether {
		inFlight, options.ExternalSync = s.limits.FlushesTogether, true
	}
	for i := 0; i < len(s.dirty.parts) && s.flushing < inFlight; i++ {
		if p := s.dirty.parts[i]; s.canFlush(p, 1) {
			s.startFlush(p, options)
		}
	}
}

// grew notes that a partition's part in the WAL has changed.
func (s *Shard) grew(p *part) {
	bytes := p.log.TailBytes()
	s.tailBytes += bytes - p.tailBytes
	p.tailBytes = bytes
	enough := bytes >= int64(s.limits.FlushBytes) || bytes > 0 && s.rare.Choose(rare.FlushEarly)
	if enough && !p.flushing {
		s.toFlush.add(p)
	}
}

// canFlush reports whether a flush would move at least least bytes, or cover
// records other than batches.
func (s *Shard) canFlush(p *part, least int64) bool {
	if p.flushing || p.removing || p.log.State() != partition.Ready {
		return false
	}
	if p.suspect && s.epoch == 0 && !s.converting {
		// The checkpoint would cover the gap that made it a suspect, and nobody knows of it yet.
		return false
	}
	c := p.log.Candidate()
	return c.Bytes >= least || least <= 1 && c.Notes > 0
}

func (s *Shard) startFlush(p *part, options partition.FlushOptions) {
	p.flushing = true
	s.flushing++
	s.stats.Flushes++
	p.log.Flush(options)
	s.onDone(p, p.log.Pending())
}

// flushed ends a flush, and gives back what the WAL needs to keep no more.
func (s *Shard) flushed(p *part, err error) {
	p.flushing = false
	s.flushing--
	s.grew(p)
	if p.removing {
		return
	}
	if err != nil {
		// No space, or overtaken by a truncation: it is tried again, but not at
		// once, since a full disk refuses as fast as it is asked.
		s.stats.FlushesFailed++
		mark.Hit(mark.FlushFailed)
		s.flushAgainAt = s.now.Mono.Add(s.limits.RefusedPause)
		if s.converting { // nobody's ping wakes it
			s.timers.Set(s.flushAgainAt, due{kind: dueRetry})
		}
		return
	}
	if _, pinned := p.log.Pinned(); !pinned {
		s.dirty.remove(p)
	} else {
		s.dirty.moveToEnd(p) // its oldest record is young now
	}
	s.releaseWAL()
}

// releaseWAL releases the WAL up to the oldest record that a recovery would
// need. Before this incarnation is registered the WAL is the only trace of what
// was found damaged in it: a crash must find it again.
func (s *Shard) releaseWAL() {
	if s.epoch == 0 || s.converting {
		return
	}
	oldest := s.wal.Durable() + 1
	for _, p := range s.dirty.parts {
		if ref, pinned := p.log.Pinned(); pinned {
			oldest = min(oldest, wal.Seq(ref.Seq))
		}
	}
	if oldest > 1 {
		s.wal.Release(oldest - 1)
	}
}

// needSync is asked for by flushes that leave the sync to the shard. A sync
// covers what had completed before it was submitted, so those that ask while one
// runs wait for the next.
func (s *Shard) needSync(p *part) {
	s.toSync.add(p)
	if s.syncing.empty() {
		s.syncFileSystem()
	}
}

func (s *Shard) syncFileSystem() {
	for _, p := range s.toSync.take() {
		s.syncing.add(p)
	}
	s.stats.FileSystemSyncs++
	mark.Hit(mark.FlushesTogether)
	s.diskFor(ownerShard).Submit(diskfs.Op{Kind: diskfs.SyncFS})
}

func (s *Shard) fileSystemSynced() {
	for _, p := range s.syncing.take() {
		if !s.toSync.has(p) { // else a later flush of it asked, which this sync does not cover
			s.onDone(p, p.log.Synced())
		}
	}
	// Most have asked again, for the names of their checkpoints.
	if s.syncing.empty() && !s.toSync.empty() {
		s.syncFileSystem()
	}
}
