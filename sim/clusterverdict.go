package sim

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/checker"
	diskvirtual "example.com/lockstep/diskfs/virtual"
)

// Check implements Subject: it lets the healed cluster idle, collects what every
// replica holds, and has the history judged.
func (c *cluster) Check(w *World) {
	if !c.idle(w) {
		return
	}
	h := &c.rec.h
	h.Slack = requestSlack
	c.facts.seeDamages(w)
	c.collectTopics(w)
	h.Coverage = recorded
	h.Coverage.Logs = w.converged
	c.collectLogs(w)
	c.collectImages(w)
	if w.converged {
		c.checkLeftovers(w, c.newestImage())
	}
	c.collectBounds(w)
	h.End = c.rec.moment()
	report := checker.Run(h)
	for _, r := range report.Results {
		w.coverage.judged[r.Property] += r.Judged
		if r.Excused > 0 {
			w.coverage.excused[r.Property] += r.Excused
		}
		c.report(w, h, &r)
	}
	if w.converged {
		c.checkProgress(w)
	}
	c.requireEvidence(w, &report)
}

// recorded: every leadership and every append of the brokers is seen, and every
// log at the end.
var recorded = checker.Coverage{Logs: true, Leaders: true, Appends: true}

// judge ends the run if an event has broken a promise.
func (c *cluster) judge(broken []checker.Violation) {
	for _, v := range broken {
		c.violated(&v, 0)
	}
}

// violatedIn reports what nobody may see in a partition that has lost nothing.
func (c *cluster) violatedIn(p checker.Partition, property, where, format string, args ...any) {
	if !c.watch.Explains(p) {
		c.world.Violated(property, where, format, args...)
	}
}

// violated reports a violation that a checker has found, and how many more of
// its property there are.
func (c *cluster) violated(v *checker.Violation, more int) {
	c.violatedAs(v.Property+": "+checker.Title(v.Property), v, more)
}

func (c *cluster) violatedAs(property string, v *checker.Violation, more int) {
	f := Failure{Property: property, Where: v.Anomaly, Symptom: v.Anomaly, Detail: v.Sentence}
	if more > 0 {
		f.Detail += fmt.Sprintf(" (and %d more)", more)
	}
	if v.Partition != (checker.Partition{}) {
		f.Partition = v.Partition.String()
	}
	f.Evidence, _ = checker.ExcerptLines(&c.rec.h, *v)
	if c.tape != nil {
		c.tape.Violation(v)
	}
	c.world.fail(f)
}

func (c *cluster) report(w *World, h *checker.History, r *checker.Result) {
	switch r.Verdict {
	case checker.Unknown:
		if c.plan.Budget == Unbudgeted {
			return // a disk or a node that can't be asked any more knows the rest
		}
		w.Violated(r.Property+" can be judged", "", "%s", r.Why)
	case checker.Fail:
		v := r.Violations[0]
		c.violated(&v, len(r.Violations)+r.More-1)
	}
}

// requireEvidence: a run that judged nothing has shown nothing.
func (c *cluster) requireEvidence(w *World, report *checker.Report) {
	acked := 0
	for i := range c.rec.h.Produces {
		if c.rec.h.Produces[i].Outcome == checker.Acked {
			acked++
		}
	}
	if want := int(c.options().MinAcks.Or(1)); acked < want {
		w.Violated("the run shows something", "", "%d produces were acknowledged, at least %d were expected", acked, want)
	}
	if c.options().MinAcks.Or(1) == 0 {
		return // so little may be left of the load that nothing is to be judged
	}
	for _, property := range []string{"P1", "P2", "P3", "P4", "P5", "P6", "P9", "P10", "P11", "P12"} {
		if report.Of(property).Verdict == checker.Vacuous {
			w.Violated("every property is judged on something", property, "nothing in the history concerns it")
		}
	}
}

// idle stops the clients, lets what they left behind end, and counts the timers'
// wake-ups of each broker (P12).
func (c *cluster) idle(w *World) bool {
	for _, k := range c.clients {
		n := w.Node(k.name)
		n.guard(n.loops[0], func() { k.stop(n.clock.time(w.Now())) })
	}
	settle, stretch := 4*time.Second, 3*time.Second
	if !w.advance(w.Now().Add(settle)) || !c.writtenBehind(w) {
		return false
	}
	if !w.converged {
		return true // what does not come to an end does not rest
	}
	from := w.Now()
	before, disk := make([]uint64, len(c.brokers)), c.diskOps(w)
	for i, name := range c.brokers {
		before[i] = w.Node(name).TimerTurns()
	}
	if !w.advance(from.Add(stretch)) {
		return false
	}
	for i, name := range c.brokers {
		if wakeUps := w.Node(name).TimerTurns() - before[i]; wakeUps > idleWakeUps*uint64(stretch/time.Second) {
			w.explain("P12: "+checker.Title("P12"), name, func() []Overdue { return timersOf(w.Node(name)) })
		}
		c.rec.h.Idles = append(c.rec.h.Idles, checker.IdleFact{
			Node: nodeOfAddr(name), From: time.Duration(from), To: time.Duration(w.Now()), WakeUps: int64(w.Node(name).TimerTurns() - before[i]),
			DiskOps: int64(w.Node(name).did[DiskSubmitted] - disk[i]),
		})
	}
	return true
}

// idleWakeUps is what P12 allows in a second.
const idleWakeUps = 10

// writtenBehind lets brokers end what they do behind the load, such as moving
// batches to segments. How long that takes is for the disk and the plan's limits
// to say: a flush waits for two syncs and moves half a segment, so that megabytes
// take a minute in segments of 16 KiB. They may take it as long as ever less is
// left to move, which ends by itself. A disk that is not left alone without that
// is judged by what follows.
func (c *cluster) writtenBehind(w *World) bool {
	const patience, step = 30, time.Second
	least := c.tailBytes(w)
	for vain := 0; vain < patience; vain++ {
		before := c.diskOps(w)
		if !w.advance(w.Now().Add(step)) {
			return false
		}
		if slices.Equal(before, c.diskOps(w)) {
			return true
		}
		if left := c.tailBytes(w); left < least { // than ever: what comes and goes is no progress
			least, vain = left, -1
		}
	}
	return true
}

// tailBytes are the bytes of all replicas that are not in segments.
func (c *cluster) tailBytes(w *World) (bytes int64) {
	for _, name := range c.brokers {
		for _, l := range w.Node(name).loops {
			if s, ok := l.loop.(*shard.Shard); ok {
				bytes += s.Stats().TailBytes
			}
		}
	}
	return bytes
}

// diskOps are the operations that each broker has submitted.
func (c *cluster) diskOps(w *World) (ops []uint64) {
	for _, name := range c.brokers {
		ops = append(ops, w.Node(name).did[DiskSubmitted])
	}
	return ops
}

// collectTopics lists every topic that the history knows by id.
func (c *cluster) collectTopics(w *World) {
	h := &c.rec.h
	names := map[string]string{}
	var ids []string
	note := func(id, name string) {
		if _, ok := names[id]; !ok && id != "" {
			names[id] = name
			ids = append(ids, id)
		}
	}
	for i := range h.MetadataSeen {
		note(h.MetadataSeen[i].TopicID, h.MetadataSeen[i].Topic)
	}
	for i := range h.Admins {
		note(h.Admins[i].TopicID, h.Admins[i].Topic)
	}
	for _, t := range c.topicsOf(c.newestImage()) {
		note(topicIDText(t.ID), t.Name)
	}
	slices.Sort(ids)
	for _, id := range ids {
		h.Topics = append(h.Topics, checker.Topic{ID: id, Deleted: c.deleted[names[id]]})
	}
}

// collectLogs reads the log of every replica: segments from the disk, the tail
// from memory.
func (c *cluster) collectLogs(w *World) {
	image := c.newestImage()
	for _, t := range c.topicsOf(image) {
		for i, p := range t.Partitions {
			id := kafka.PartitionID{Topic: t.ID, Partition: int32(i)}
			for _, n := range p.Replicas {
				track := c.facts.replica(n, id)
				if track == nil {
					if w.converged {
						w.Violated("every replica is there at the end", partitionText(id), "node %d has none", n)
					}
					continue
				}
				if rotten(w.Node(brokerName(n)), track) {
					continue // nobody may have read it yet, so nobody knows
				}
				c.rec.h.Logs = append(c.rec.h.Logs, checker.ReplicaLog{
					At: c.rec.moment(), Partition: checkerPartition(id), Node: checker.NodeID(n), InISR: p.InISR(n) && (w.converged || !track.state.Suspect),
					LogStart: checker.Offset(track.state.LogStart), Watermark: checker.Offset(track.state.Watermark),
					Entries: c.entries(w, w.Node(brokerName(n)), track),
				})
			}
		}
	}
}

func brokerName(id kafka.NodeID) string { return fmt.Sprintf("b%d", id) }

// rotten reports whether the disk has damaged a segment of the replica on its own.
func rotten(n *Node, t *replicaTrack) bool {
	segments := t.state.Log.Segments()
	return slices.ContainsFunc(n.FS().Injected(), func(f diskvirtual.Fault) bool {
		return f.Effect.Dishonest() && slices.ContainsFunc(segments, func(s partition.SegmentView) bool {
			return s.Path == f.Path || s.Path == f.ToPath
		})
	})
}

func (c *cluster) entries(w *World, n *Node, t *replicaTrack) (out []checker.Entry) {
	log := t.state.Log
	take := func(b batch.Batch) {
		sum := sumBytes(b)
		it := b.Records(1 << 20)
		for it.Next() {
			out = append(out, checker.Entry{
				Offset: checker.Offset(it.Record.Offset), Epoch: checker.Epoch(b.LeaderEpoch()), Value: valueOf(it.Record.Value), Sum: sum,
			})
		}
	}
	for _, s := range log.Segments() {
		data, ok := n.FS().ReadVisible(s.Path)
		if !ok || int64(len(data)) < s.Bytes {
			w.Violated("segments are on disk", n.spec.Name, "%s has %d bytes, trusted are %d", s.Path, len(data), s.Bytes)
			continue
		}
		for rest := data[:s.Bytes]; len(rest) > 0; {
			b, tail, err := batch.Next(rest)
			if err != nil {
				w.Violated("segments hold whole batches", n.spec.Name, "%s: %v", s.Path, err)
				break
			}
			if b.BaseOffset() >= log.Start() && b.BaseOffset() < log.Flushed() {
				take(b)
			}
			rest = tail
		}
	}
	log.Tail(take)
	slices.SortStableFunc(out, func(a, b checker.Entry) int { return cmp.Compare(a.Offset, b.Offset) })
	return out
}

func (c *cluster) collectImages(w *World) {
	for _, name := range c.brokers {
		if s, ok := c.control(name); ok {
			f := c.facts.imageFact(w.Node(name), s.Image)
			f.Final = w.converged
			c.rec.h.Images = append(c.rec.h.Images, f)
		}
	}
}

// partitionOf is the inverse of checkerPartition.
func partitionOf(p checker.Partition) (id kafka.PartitionID) {
	raw, err := hex.DecodeString(p.Topic)
	if err != nil || len(raw) != len(id.Topic) {
		panic("sim: topic " + p.Topic + " is no id")
	}
	copy(id.Topic[:], raw)
	id.Partition = p.Index
	return id
}

var (
	_ Subject      = (*cluster)(nil)
	_ TurnObserver = (*cluster)(nil)
	_ loop.Loop    = (*kafkaClient)(nil)
)
