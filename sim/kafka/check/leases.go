package check

import (
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/sim/kafka/history"
	"example.com/lockstep/sim/property"
)

// Leases checks what package meta promises: while the lease of a broker is valid, no
// leadership that its shards act on has been given to another broker, or to another
// incarnation. A new epoch of the same leader gives nothing away. The check runs after every
// turn of a shard, since an answer about the end of a log could leave then. A leader that has
// resigned claims nothing, so its leadership may be given away.
type Leases struct {
	newest   meta.Index
	reigns   map[kafka.PartitionID]reign // committed; looked up only
	reported bool
}

// reign is a row of leader epochs in which one incarnation leads a partition.
type reign struct {
	leader      kafka.NodeID
	incarnation kafka.BrokerEpoch
	from, to    kafka.LeaderEpoch
}

// Committed takes the epochs of an image that a node has applied.
func (l *Leases) Committed(image *meta.Image) {
	if image.Index() <= l.newest {
		return
	}
	l.newest = image.Index()
	if l.reigns == nil {
		l.reigns = map[kafka.PartitionID]reign{}
	}
	image.Topics(func(t *meta.Topic) bool {
		for i, p := range t.Partitions {
			id := kafka.PartitionID{Topic: t.ID, Partition: int32(i)}
			next := reign{leader: p.Leader, from: p.LeaderEpoch, to: p.LeaderEpoch}
			if b := image.Broker(p.Leader); b != nil {
				next.incarnation = b.Epoch
			}
			// An epoch that nobody was seen to apply may have been another leader's.
			old, ok := l.reigns[id]
			if ok && old.leader == next.leader && old.incarnation == next.incarnation &&
				next.to <= old.to+1 {
				next.from = old.from
			}
			l.reigns[id] = next
		}
		return true
	})
}

// Leading takes a replica at the end of a turn of its shard. The shard leads it and holds a
// valid lease.
func (l *Leases) Leading(w Reporter, name string, p *shard.PartState) {
	if r := l.reigns[p.ID]; r.from > p.Epoch && !l.reported {
		l.reported = true
		w.Violated(property.LeaseEndsFirst, name,
			"%s leads %s in epoch %d with a valid lease, and epoch %d is committed", name,
			history.PartitionText(p.ID), p.Epoch, r.to)
	}
}
