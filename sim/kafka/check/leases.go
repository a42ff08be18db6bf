package check

import (
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/sim/kafka/history"
	"example.com/lockstep/sim/property"
)

// Leases holds brokers to what package meta promises: while a broker's lease is
// valid, no leadership that its shards act on has been given to another epoch. It
// is looked at after every turn of a shard, when an answer about the end of a log
// could have left.
type Leases struct {
	newest  meta.Index
	epochs  map[kafka.PartitionID]kafka.LeaderEpoch // committed; looked up only
	accused bool
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

// Leading takes a replica that its shard leads, and holds a lease for, at the end
// of a turn.
func (l *Leases) Leading(w Reporter, name string, p *shard.PartState) {
	if epoch := l.epochs[p.ID]; epoch > p.Epoch && !l.accused {
		l.accused = true
		w.Violated(property.LeaseEndsFirst, name,
			"%s leads %s in epoch %d with a valid lease, and epoch %d is committed", name,
			history.PartitionText(p.ID), p.Epoch, epoch)
	}
}
