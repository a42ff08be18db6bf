package shard

import (
	"lockstep/broker/env"
	"lockstep/broker/partition"
	"lockstep/broker/wal"
	"lockstep/diskfs"
)

// Write-behind: batches move from the WAL to the segments of their partition
// when there are enough of them, when the shard's tails take too much memory, or
// when the WAL is half full; then the WAL's old segments are released
// (PROTOCOL 11). A few partitions at a time, so that reads and the WAL get
// their share of the disk.

// flushSome begins the flushes that are due.
func (s *Shard) flushSome(now env.Time) {
	if s.wal.Full() && now.Mono >= s.retrySpaceAt {
		s.retrySpaceAt = now.Mono.Add(s.limits.RefusedPause)
		s.wal.Retry()
	}
	if len(s.dirty) == 0 || s.flushing >= s.limits.FlushesInFlight {
		return
	}
	pressed := s.tailTotal() > int64(s.limits.TailBytes) || s.wal.Used() > s.cfg.WAL.BudgetBytes/2
	kept := s.dirty[:0]
	for _, p := range s.dirty {
		if s.flushing < s.limits.FlushesInFlight && !p.flushing && s.wantsFlush(p, pressed) {
			s.startFlush(p)
		}
		if p.flushing || s.pins(p) {
			kept = append(kept, p)
		} else {
			p.dirty = false
		}
	}
	clear(s.dirty[len(kept):])
	s.dirty = kept
}

func (s *Shard) pins(p *part) bool {
	_, pinned := p.log.Pinned()
	return pinned
}

func (s *Shard) wantsFlush(p *part, pressed bool) bool {
	if p.removing || p.log.State() != partition.Ready || !pressed && p.log.TailBytes() < int64(s.limits.FlushBytes) {
		return false
	}
	c := p.log.Candidate()
	return c.Bytes >= int64(s.limits.FlushBytes) || pressed && c.Bytes+int64(c.Notes) > 0
}

func (s *Shard) startFlush(p *part) {
	p.flushing = true
	s.flushing++
	s.stats.Flushes++
	p.log.Flush(partition.FlushOptions{})
	s.onDone(s.now, p, p.log.Pending())
}

// flushed ends a flush, and gives back what the WAL needs to keep no more.
func (s *Shard) flushed(now env.Time, p *part, err error) {
	p.flushing = false
	s.flushing--
	if err != nil {
		s.stats.FlushesFailed++
		return // no space, or overtaken by a truncation: it is tried again
	}
	s.releaseWAL()
}

// releaseWAL releases the WAL up to the oldest record that a recovery would
// need.
func (s *Shard) releaseWAL() {
	oldest := s.wal.Durable() + 1
	for _, p := range s.dirty {
		if ref, pinned := p.log.Pinned(); pinned {
			oldest = min(oldest, wal.Seq(ref.Seq))
		}
	}
	if oldest > 1 {
		s.wal.Release(oldest - 1)
	}
}

func (s *Shard) tailTotal() (total int64) {
	for _, p := range s.dirty {
		total += p.log.TailBytes()
	}
	return total
}

// needSync is asked for by flushes that leave the sync to the shard.
func (s *Shard) needSync(p *part) {
	s.syncing = append(s.syncing, p)
	s.diskFor(ownerShard).Submit(diskfs.Op{Kind: diskfs.SyncFS})
}

func (s *Shard) fileSystemSynced(now env.Time) {
	if len(s.syncing) > 0 {
		p := s.syncing[0]
		s.syncing = s.syncing[1:]
		s.onDone(now, p, p.log.Synced())
	}
}
