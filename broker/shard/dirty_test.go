package shard

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/broker/wal"
	"example.com/lockstep/diskfs"
)

// noDisk is for logs that write nothing.
type noDisk struct{}

func (noDisk) Submit(diskfs.Op)         {}
func (noDisk) NewHandle() diskfs.Handle { return 1 }

// emptyLog replaces the log of a partition, as a restart does. The WAL need not keep anything.
func emptyLog(p *part) {
	p.log = partition.New(partition.Config{Limits: &partition.Limits{}}, noDisk{})
	p.log.Create()
	p.epoch = 0
}

// needs gives the log of a partition a record.
func needs(p *part, seq wal.Seq) {
	p.epoch++
	p.log.StartEpoch(p.epoch, partition.Ref{Segment: 1, Seq: uint64(seq)})
}

// The oldest record is the one that a look at every partition finds, also where logs have changed
// without a word.
func TestTheOldestRecordIsThatOfAllDirtyPartitions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var d dirtyParts
		var seq wal.Seq
		parts := make([]*part, 6)
		for i := range parts {
			parts[i] = &part{id: kafka.PartitionID{Partition: int32(i)}}
			emptyLog(parts[i])
		}
		some := rapid.SampledFrom(parts)
		t.Repeat(map[string]func(*rapid.T){
			"record": func(t *rapid.T) {
				p := some.Draw(t, "part")
				seq++
				needs(p, seq)
				d.add(p)
			},
			"flush": func(t *rapid.T) {
				p := some.Draw(t, "part")
				emptyLog(p)
				d.settle(p)
			},
			"lose everything without a word": func(t *rapid.T) { emptyLog(some.Draw(t, "part")) },
			"forget": func(t *rapid.T) {
				p := some.Draw(t, "part")
				emptyLog(p)
				d.remove(p)
			},
			"": func(t *rapid.T) {
				var want wal.Seq
				for _, p := range parts {
					if ref, ok := p.log.Pinned(); ok && (want == 0 || wal.Seq(ref.Seq) < want) {
						want = wal.Seq(ref.Seq)
					}
				}
				have, ok := d.oldest()
				require.Equal(t, want != 0, ok)
				require.Equal(t, want, have)
				var last wal.Seq
				d.scan(func(p *part) bool {
					require.Greater(t, p.pinnedAt, last, "not in order")
					last = p.pinnedAt
					return true
				})
			},
		})
	})
}

// BenchmarkOldestRecord ends the flush of the oldest of many dirty partitions, gives it a new
// record, and asks what the WAL must keep.
func BenchmarkOldestRecord(b *testing.B) {
	const many = 20_000
	var d dirtyParts
	var seq wal.Seq
	dirty := func(p *part) {
		seq++
		needs(p, seq)
		d.add(p)
	}
	parts := make([]*part, many)
	for i := range parts {
		parts[i] = &part{id: kafka.PartitionID{Partition: int32(i)}}
		emptyLog(parts[i])
		dirty(parts[i])
	}
	for i := 0; b.Loop(); i++ {
		p := parts[i%many]
		emptyLog(p)
		d.settle(p)
		dirty(p)
		d.oldest()
	}
}
