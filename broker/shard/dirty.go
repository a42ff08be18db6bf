package shard

import (
	"github.com/tidwall/btree"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/wal"
)

// dirtyParts are the partitions that a recovery would need the WAL for, ordered by the oldest
// record that it would need (partition.Log.Pinned). They may be all partitions of a shard, so
// nothing here looks at all of them.
//
// A record belongs to one partition, so its sequence is a key. Log.Pinned only rises while a
// partition is here, and rises without a word when a log is truncated or a flush ends. So a key may
// be older than the record, and settle moves it. That is little work: a partition moves at most
// once for each time that its oldest record has changed.
type dirtyParts struct {
	bySeq btree.Map[wal.Seq, *part] // part.pinnedAt is its key
}

func (d *dirtyParts) len() int { return d.bySeq.Len() }

// add adds a partition, unless it is there or needs nothing of the WAL.
func (d *dirtyParts) add(p *part) {
	if p.pinnedAt != 0 {
		return
	}
	if ref, pinned := p.log.Pinned(); pinned {
		p.pinnedAt = wal.Seq(ref.Seq)
		_, replaced := d.bySeq.Set(p.pinnedAt, p)
		assert.That(!replaced, "shard: two partitions need the record %d", p.pinnedAt)
	}
}

// remove takes a partition out, if it is there.
func (d *dirtyParts) remove(p *part) {
	if p.pinnedAt != 0 {
		d.bySeq.Delete(p.pinnedAt)
		p.pinnedAt = 0
	}
}

// settle moves a partition to where its oldest record is, or takes it out if it has none.
func (d *dirtyParts) settle(p *part) {
	if ref, pinned := p.log.Pinned(); pinned && wal.Seq(ref.Seq) == p.pinnedAt {
		return
	}
	d.remove(p)
	d.add(p)
}

// oldest is the oldest record that a partition needs; false if none needs any.
func (d *dirtyParts) oldest() (wal.Seq, bool) {
	for {
		seq, p, ok := d.bySeq.Min()
		if !ok {
			return 0, false
		}
		if d.settle(p); p.pinnedAt == seq {
			return seq, true
		}
		assert.That(p.pinnedAt == 0 || p.pinnedAt > seq,
			"shard: the oldest record of %v went from %d back to %d", p.id, seq, p.pinnedAt)
	}
}

// scan visits the partitions, those with the oldest records first, until visit returns false.
// Nobody may join or leave meanwhile.
func (d *dirtyParts) scan(visit func(p *part) bool) {
	d.bySeq.Scan(func(_ wal.Seq, p *part) bool { return visit(p) })
}
