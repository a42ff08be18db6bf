package shard

import (
	"fmt"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/broker/replica"
	"example.com/lockstep/broker/wait"
)

// What waits in a partition: appends wait for the watermark, the watermark for the disks of the
// in-sync replicas, other replicas for their way into the set, and reads for the disk.

// partitionName is the name of the topic and the index, or the name of the directory if the
// metadata does not have the topic.
func (s *Shard) partitionName(id kafka.PartitionID) string {
	if t := s.image.TopicByID(id.Topic); t != nil {
		return fmt.Sprintf("%s/%d", t.Name, id.Partition)
	}
	return DirName(id)
}

// partitionWaits lists what waits in a partition, in whatever role.
func (s *Shard) partitionWaits(p *part, yield func(wait.Wait)) {
	name := s.partitionName(p.id)
	disk, onDisk := s.diskWait(p)
	for i := range p.reads {
		if r := &p.reads[i]; r.forClient() {
			yield(wait.Wait{
				Who: operation("read", r.origin), About: name, Since: wait.Unknown,
				Until: env.Never, For: disk, On: onDisk,
			})
		}
	}
	switch {
	case p.flushing:
		s.flushWaits(p, name, yield)
	case p.log.State() == partition.Deleting:
		yield(wait.Wait{
			Who: removal(name), Since: wait.Unknown, Until: env.Never,
			For: disk, On: onDisk,
		})
	}
	s.refusalWaits(p, name, yield)
	switch p.role {
	case leading:
		s.leaderWaits(p, name, yield)
	case following:
		s.followerWaits(p, name, yield)
	}
}

func (s *Shard) flushWaits(p *part, name string, yield func(wait.Wait)) {
	w := wait.Wait{
		Who: flushOf(name), Since: wait.Unknown, Until: env.Never,
	}
	w.For, w.On = s.diskWait(p)
	if s.syncing.has(p) || s.toSync.has(p) {
		w.For, w.On = "a sync of the file system", wait.OfDisk(ownerShard, wait.AnyToken)
	}
	yield(w)
}

// leaderWaits lists the appends and long polls of a leader, and what its watermark waits for.
func (s *Shard) leaderWaits(p *part, name string, yield func(wait.Wait)) {
	for i := range p.produces {
		w := &p.produces[i]
		out := wait.Wait{
			Who:   operation("append", w.origin),
			About: fmt.Sprintf("to %s up to offset %d", name, w.until),
			Since: wait.Unknown, Until: env.Never, For: "the log of this node",
			On: wait.Of(wait.Log),
		}
		if w.timer.Live() {
			out.Until = w.timer.At()
		}
		reached := p.log.DurableEnd()
		if w.all {
			reached = p.leader.Watermark()
			out.For, out.On = "the watermark", wait.Of(wait.Watermark(name))
		}
		if w.until <= reached {
			out.For, out.On = noticed(reached)
		}
		yield(out)
	}
	for _, f := range p.fetches {
		out := wait.Wait{
			Who:   operation("long poll", f.origin),
			About: fmt.Sprintf("of %s at offset %d", name, f.offset), Since: wait.Unknown,
			Until: env.Never, For: "a client to produce", On: wait.OfClient(),
		}
		if reached := p.leader.Watermark(); f.offset < reached {
			out.For, out.On = noticed(reached)
		}
		yield(out)
	}
	s.deletionWaits(p, name, yield)
	s.watermarkWaits(p, name, yield)
	s.coordinationWaits(p, name, yield)
}

// deletionWaits lists the DeleteRecords of a leader: the slowest live replica holds them up.
func (s *Shard) deletionWaits(p *part, name string, yield func(wait.Wait)) {
	for _, d := range p.deletions {
		out := wait.Wait{
			Who:   operation("deletion", d.origin),
			About: fmt.Sprintf("in %s below offset %d", name, d.offset),
			Since: wait.Unknown, Until: d.timer.At(),
			For: "the log of this node", On: wait.Of(wait.Log),
		}
		if node, behind := p.leader.BehindStart(d.offset); behind {
			out.For = fmt.Sprintf("the log start of node %d", node)
			out.On = wait.Of(followerOf(name, node))
		}
		yield(out)
	}
}

// followerOf names a follower on its leader.
func followerOf(name string, node kafka.NodeID) string {
	return fmt.Sprintf("node %d as follower of %s", node, name)
}

// noticed is what an operation waits for when its offset has been reached. Only the wake-up can
// be missing then.
func noticed(reached kafka.Offset) (string, wait.Target) {
	return fmt.Sprintf("a wake-up: offset %d is reached", reached), wait.Of(wait.WakeUp)
}

// watermarkWaits lists what a leader waits for: to commit all of its log, and to have all
// replicas in sync.
func (s *Shard) watermarkWaits(p *part, name string, yield func(wait.Wait)) {
	w := wait.Wait{
		Who: wait.Watermark(name), About: fmt.Sprintf("at %d of %d in epoch %d",
			p.leader.Watermark(), p.log.End(), p.epoch),
		Since: wait.Unknown, Until: env.Never,
	}
	if !s.mayAppend() { // it takes no records that could move it
		w.For, w.On = "room in the log", wait.Of(wait.Room)
		yield(w)
	}
	if p.leader.Watermark() < p.log.End() {
		if p.log.DurableEnd() < p.log.End() {
			w.For, w.On = "the log of this node", wait.Of(wait.Log)
			yield(w)
		}
		if !p.leader.EnoughReplicas() {
			w.For, w.On = "enough replicas in sync", wait.Of(wait.InSync(name))
			yield(w)
		}
	}
	p.leader.Laggards(func(f replica.Laggard) {
		follower := followerOf(name, f.Node)
		if f.Counts {
			w.For, w.On = fmt.Sprintf("an ack of node %d at epoch %d", f.Node, p.epoch),
				wait.Of(follower)
			yield(w)
		}
		if !f.InISR {
			yield(wait.Wait{
				Who: wait.InSync(name), About: fmt.Sprintf("in epoch %d", p.epoch),
				Since: wait.Unknown, Until: env.Never, For: fmt.Sprintf("node %d", f.Node),
				On: wait.Of(follower),
			})
		}
		out := wait.Wait{
			Who: follower, About: fmt.Sprintf("has %d of %d", f.Durable, f.End),
			Since: wait.Unknown, Until: env.Never,
		}
		if f.Since != env.Never {
			out.Since = f.Since
		}
		out.For, out.On = s.followerTarget(p, name, &f)
		yield(out)
		if f.Probing && f.RetryAt > s.now.Mono { // it has refused
			out.For, out.On = fmt.Sprintf("node %d to be registered", f.Node),
				wait.OfPeerIfAny(f.Node, wait.Registration)
			yield(out)
			out.For, out.On = fmt.Sprintf("node %d to take its pushes", f.Node),
				wait.OfPeerIfAny(f.Node, wait.Refusal(name))
			yield(out)
		}
	})
}

// followerTarget says what comes next for a follower that misses records or is not in sync.
func (s *Shard) followerTarget(p *part, name string, f *replica.Laggard) (string, wait.Target) {
	link := s.openLink(f.Node)
	switch {
	case link == nil || !f.Connected:
		return "a connection", wait.Of(linkName(f.Node))
	case link.full && (f.Probing || f.InFlight == 0):
		return "room in the connection", wait.OfPeer(f.Node, "")
	case f.Probing && f.RetryAt > s.now.Mono:
		return "the time to probe again", wait.OfTimer(f.RetryAt)
	case f.Probing && s.toPush.has(p):
		return "the next push", wait.Of(wait.Log)
	case f.Probing:
		return "a probe", wait.Of("probe of " + name)
	case f.Probed:
		return "an answer to a probe", wait.OfPeer(f.Node, wait.Replica(name))
	case f.InFlight > 0:
		return fmt.Sprintf("an ack at epoch %d", p.epoch), wait.OfPeer(f.Node, wait.Replica(name))
	case f.Durable < f.End && p.reading(f.Node):
		what, on := s.diskWait(p)
		return "batches from the disk: " + what, on
	case f.Durable < f.End && s.toPush.has(p):
		return "the next push", wait.Of(wait.Log)
	case f.Durable < f.End:
		return "a push", wait.Of("push of " + name)
	}
	// It has everything. Next, the leader proposes to add it to the set.
	if op := s.oldestProposal(p.id); op != 0 {
		return "a verdict on an in-sync set", wait.OfLoop(int32(loop.Control),
			CallName(Origin{Loop: s.id, Request: op, Op: originISR}))
	}
	if p.wake.Live() {
		return "the next proposal of an in-sync set", wait.OfTimer(p.wake.At())
	}
	return "a proposal of an in-sync set", wait.Of("proposal of the in-sync set of " + name)
}

// oldestProposal is the oldest proposal for a partition that has no verdict; 0 if there is none.
func (s *Shard) oldestProposal(id kafka.PartitionID) (oldest uint64) {
	for op, proposed := range s.proposals { //corelint:ordered a minimum
		if proposed.id == id && (oldest == 0 || op < oldest) {
			oldest = op
		}
	}
	return oldest
}

// followerWaits lists what a follower waits for before it can acknowledge its whole log.
func (s *Shard) followerWaits(p *part, name string, yield func(wait.Wait)) {
	w := wait.Wait{
		Who: wait.Replica(name),
		About: fmt.Sprintf("durable up to %d of %d, acknowledged %d, epoch %d",
			p.log.DurableEnd(), p.log.End(), p.acked, p.epoch),
		Since: wait.Unknown, Until: env.Never,
	}
	if p.log.DurableEnd() < p.log.End() || p.truncation > s.wal.Durable() {
		w.For, w.On = "the log of this node", wait.Of(wait.Log)
		yield(w)
	}
}

// refusalWaits says why this replica refuses pushes, if it does: see refusal.
func (s *Shard) refusalWaits(p *part, name string, yield func(wait.Wait)) {
	w := wait.Wait{Who: wait.Refusal(name), Since: wait.Unknown, Until: env.Never}
	switch {
	case p.removing || p.rebuilding && p.log.State() == partition.Deleting:
		w.For, w.On = "its files to be deleted", wait.Of(removal(name))
	case p.availability == leaving:
		w.For, w.On = "its files to be deleted", wait.OfTimer(p.flushAgainAt)
	case p.availability == empty && !p.flushing:
		w.For, w.On = "its files to be writable", wait.OfTimer(p.flushAgainAt)
	case p.availability == empty:
		w.For, w.On = "its files to be writable", wait.Of(flushOf(name))
	case p.role == following && p.refusesEpoch(p.epoch):
		w.For, w.On = "a verdict on its way offline", wait.OfTimer(p.askAgainAt)
	case p.role == following && !s.mayAppend():
		w.For, w.On = "room in the log", wait.Of(wait.Room)
	default:
		return
	}
	yield(w)
}

// removal names the deletion of a partition's files.
func removal(name string) string { return "removal of " + name }

// roomWaits says what has to make room in a log that takes no appends: the disk, or the
// flushes of the partitions that need the oldest records.
func (s *Shard) roomWaits(yield func(wait.Wait)) {
	if !s.recovered || s.mayAppend() {
		return
	}
	w := wait.Wait{
		Who: wait.Room, Since: wait.Unknown, Until: env.Never,
		About: fmt.Sprintf("%d of %d bytes", s.wal.Used(), s.cfg.WAL.BudgetBytes),
	}
	if s.wal.Full() {
		w.For, w.On = "room on the disk", wait.OfSpace()
		yield(w)
		return
	}
	// If no partition needs any record, only the release is missing.
	w.For, w.On = "the release of what no partition needs", wait.Of(wait.Turn)
	if s.dirty.len() == 0 {
		yield(w)
	}
	var flushing *part // one of those that have a turn
	s.dirty.scan(func(p *part) bool {
		if p.flushing {
			flushing = p
		}
		return flushing == nil
	})
	s.dirty.scan(func(p *part) bool {
		name := s.partitionName(p.id)
		w.For, w.On = "a flush of "+name, wait.Of(flushOf(name))
		if p.log.State() == partition.Deleting {
			w.On = wait.Of(removal(name))
		}
		yield(w)
		s.unbegunWaits(p, name, flushing, yield)
		return true
	})
}

// unbegunWaits says why the flush of a partition that keeps records in the log has not begun. It
// says nothing of one that could have begun in the last turn.
func (s *Shard) unbegunWaits(p *part, name string, flushing *part, yield func(wait.Wait)) {
	if p.flushing || p.log.State() == partition.Deleting {
		return
	}
	w := wait.Wait{Who: flushOf(name), Since: wait.Unknown, Until: env.Never}
	switch again := max(s.flushAgainAt, p.flushAgainAt); {
	case again > s.now.Mono:
		w.For, w.On = "the time to try again", wait.OfTimer(again)
	case s.canFlush(p, 1) && flushing != nil:
		w.For = "the flush of " + s.partitionName(flushing.id) + " before it"
		w.On = wait.Of(flushOf(s.partitionName(flushing.id)))
	case !s.canFlush(p, 1) && s.wal.Durable()+1 < s.wal.Next():
		w.For, w.On = "the log of this node", wait.Of(wait.Log)
	default:
		return
	}
	yield(w)
}

// flushOf names the flush of a partition.
func flushOf(name string) string { return "flush of " + name }
