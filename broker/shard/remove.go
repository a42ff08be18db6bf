package shard

import (
	"fmt"
	"slices"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/partition"
)

// retireUnknown ends the roles of partitions that the metadata does not have,
// and removes them once that metadata is known to be recent enough.
func (s *Shard) retireUnknown() {
	for _, p := range slices.Clone(s.order) {
		reg := s.image.Partition(p.id)
		if reg != nil && reg.Replica(s.cfg.Node) {
			continue
		}
		s.becomeIdle(p)
		if s.caughtUp && !p.removing {
			p.removing = true
			s.stats.PartitionsRemoved++
			mark.Hit(mark.PartitionRemoved)
			s.deleteFiles(p)
		}
	}
}

// rebuild begins a partition anew whose files are damaged, to be fetched from its
// leader: the files go first. Until this incarnation is registered they are the only
// trace of the damage. Had they gone before and the node died, its next life would
// take an empty log for all there ever was; from the registration on the metadata
// keeps a suspect out of ISR and ELR.
//
// Where nobody leads, this replica may be the last one (meta.Partition.LastKnown).
// Its files stay, and a later life may find them readable.
func (s *Shard) rebuild(p *part, reg *registration) {
	if reg.Leader != kafka.NoNode {
		s.deleteFiles(p)
	}
}

// deleteFiles begins to delete a partition's files; removed ends it.
func (s *Shard) deleteFiles(p *part) {
	if p.log.State() != partition.Deleting {
		p.log.Delete()
		s.onDone(p, p.log.Pending())
	}
}

// removed ends the removal of a partition.
func (s *Shard) removed(p *part, err error) {
	if err != nil {
		s.fail(fmt.Errorf("shard %d: remove partition %s: %w", s.id, DirName(p.id), err))
		return
	}
	if s.converting {
		return
	}
	if p.rebuilding && !p.removing {
		mark.Hit(mark.PartitionRebuilt)
		p.rebuilding = false
		s.restart(p)
		s.applyPartition(s.image.TopicByID(p.id.Topic), p.id)
		return
	}
	s.wal.Unbind(p.handle)
	s.forget(p)
}

// restart begins a partition's log anew.
func (s *Shard) restart(p *part) {
	p.log = partition.New(s.logConfig(p.id, p.owner), s.diskFor(p.owner))
	p.log.Create()
}

// forget drops the state of a partition that is gone from the disk.
func (s *Shard) forget(p *part) {
	s.tailBytes -= p.tailBytes
	delete(s.parts, p.id)
	s.dropOwner(p)
	s.order = slices.DeleteFunc(s.order, func(q *part) bool { return q == p })
	s.dirty.remove(p)
	s.toFlush.remove(p)
}

// dropOwner lets go of a partition that was forgotten, once its last operation,
// such as a read for a client, has ended.
func (s *Shard) dropOwner(p *part) {
	if s.parts[p.id] != p && !p.log.Waiting() {
		delete(s.byOwner, p.owner)
	}
}
