package shard

import (
	"errors"
	"fmt"
	"slices"

	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/diskfs"
)

// Files that are deleted. A partition that this node has no replica of any more is removed:
// its files go, then its name in the WAL, then its state. A damaged one is rebuilt: its
// files go, and its log starts empty.

// retireUnknown ends the roles of replicas that the metadata does not have on this node. It
// removes them once that metadata is known to be recent enough.
func (s *Shard) retireUnknown() {
	var names []string
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
			names = append(names, DirName(p.id))
			s.deleteFiles(p)
		}
	}
	if len(names) > 0 {
		s.host.Log(event.New(event.PartitionsRemoved, event.Int("partitions", len(names)),
			event.Few("some", names)))
	}
}

// rebuild replaces a partition with damaged files by an empty log, which its leader then
// fills: the files go first. It runs only once this incarnation is registered, because the
// files are the only trace of the damage until then. If they went earlier and the node died,
// its next incarnation would take the empty log for a complete one. From the registration on,
// the metadata keeps a suspect out of ISR and ELR.
//
// While no node leads, this replica may be the last one (meta.Partition.LastKnown). Its files
// stay, and a later incarnation may be able to read them.
func (s *Shard) rebuild(p *part, reg *registration) {
	if reg.Leader != kafka.NoNode {
		s.deleteFiles(p)
	}
}

// Removing counts the partitions that are being removed because this node has no replica of them
// any more.
func (s *Shard) Removing() (n int) {
	for _, p := range s.order {
		if p.removing {
			n++
		}
	}
	return n
}

// deleteFiles begins to delete a partition's files; removed is called at the end.
func (s *Shard) deleteFiles(p *part) {
	if p.log.State() != partition.Deleting {
		p.log.Delete()
		s.onDone(p, p.log.Pending())
	}
}

// removed goes on when the files of a partition are gone: it is rebuilt or forgotten.
func (s *Shard) removed(p *part, err error) {
	if err != nil && p.availability == leaving && !p.removing {
		return // see emptyOffline
	}
	if errors.Is(err, diskfs.ErrUnavailable) {
		s.timers.Set(s.now.Mono.Add(s.limits.RefusedPause), due{kind: dueRemove, part: p})
		return
	}
	if err != nil {
		s.fail(fmt.Errorf("shard %d: remove partition %s: %w", s.id, DirName(p.id), err))
		return
	}
	if s.converting {
		return
	}
	if p.rebuilding && !p.removing {
		mark.Hit(mark.PartitionRebuilt)
		name := event.Text("partition", s.topicPartition(p.id))
		s.host.Log(event.New(event.PartitionRebuilt, name))
		p.rebuilding = false
		s.restart(p)
		s.applyPartition(s.image.TopicByID(p.id.Topic), p.id)
		return
	}
	if p.availability == leaving && !p.removing {
		s.emptied(p)
		return
	}
	s.wal.Unbind(p.handle)
	s.forget(p)
}

// restart replaces a partition's log by an empty one. A Close of the old log may be under way: no
// task waits for it. The new log counts its tokens from 1 again, so it gets an owner of its own.
// Otherwise it would take that Close for the end of one of its operations. Nothing else of the old
// log is under way: it has removed its files, and has no reader.
func (s *Shard) restart(p *part) {
	delete(s.byOwner, p.owner)
	s.owners++
	p.owner = s.owners
	s.byOwner[p.owner] = p
	p.log = partition.New(s.logConfig(p.id, p.owner), s.diskFor(p.owner))
	p.log.Create()
	p.start = 0
}

// forget drops the state of a partition that has no files any more.
func (s *Shard) forget(p *part) {
	s.setAvailability(p, online)
	s.tailBytes -= p.tailBytes
	delete(s.parts, p.id)
	s.dropOwner(p)
	s.order = slices.DeleteFunc(s.order, func(q *part) bool { return q == p })
	s.dirty.remove(p)
	s.toFlush.remove(p)
	s.offline.remove(p)
	s.toServe.remove(p)
}

// dropOwner drops the disk owner of a forgotten partition once its last operation has ended,
// for example a read for a client.
func (s *Shard) dropOwner(p *part) {
	if s.parts[p.id] != p && !p.log.Waiting() {
		delete(s.byOwner, p.owner)
	}
}
