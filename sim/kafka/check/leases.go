package check

import (
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/sim/kafka/history"
	"example.com/lockstep/sim/property"
)

// Leases checks what package meta promises: while the lease of a broker is valid, no
// leadership that its shards act on has been given to another epoch. The check runs after
// every turn of a shard, since an answer about the end of a log could leave then.
type Leases struct {
	newest   meta.Index
	epochs   map[kafka.PartitionID]kafka.LeaderEpoch // committed; looked up only
	reported bool
}

// Committed takes the epochs of an image that a node has applied.
func (l *Leases) Committed(image *meta.Image) {
	if image.Index() <= l.newest {
		return
	}
	l.newest = image.Index()
	if l.epochs == nil {
		l.epochs = map[kafka.PartitionID]kafka.LeaderEpoch{}
	}
	image.Topics(func(t *meta.Topic) bool {
		for i, p := range t.Partitions {
			l.epochs[kafka.PartitionID{Topic: t.ID, Partition: int32(i)}] = p.LeaderEpoch
		}
		return true
	})
}

// Leading takes a replica at the end of a turn of its shard. The shard leads it and holds a
// valid lease.
func (l *Leases) Leading(w Reporter, name string, p *shard.PartState) {
	if epoch := l.epochs[p.ID]; epoch > p.Epoch && !l.reported {
		l.reported = true
		w.Violated(property.LeaseEndsFirst, name,
			"%s leads %s in epoch %d with a valid lease, and epoch %d is committed", name,
			history.PartitionText(p.ID), p.Epoch, epoch)
	}
}
