package sim

import (
	"cmp"
	"fmt"
	"slices"

	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/checker"
	diskvirtual "example.com/lockstep/diskfs/virtual"
)

// Check implements Subject: it collects what every replica holds, and has the
// history judged.
func (c *cluster) Check(w *World) {
	h := &c.rec.h
	h.Slack = requestSlack
	c.facts.seeDamages(w)
	c.collectTopics(w)
	h.Coverage = recorded
	h.Coverage.Logs = w.Converged()
	c.collectLogs(w)
	c.collectImages(w)
	if w.Converged() {
		c.circumstances.checkLeftovers(c.NewestImage())
	}
	c.collectBounds(w)
	h.End = c.rec.moment()
	report := checker.Run(h)
	for _, r := range report.Results {
		w.Judged(r.Property, r.Judged, r.Excused)
		c.report(w, h, &r)
	}
	if w.Converged() {
		c.checkProgress(w)
	}
	c.requireEvidence(w, &report)
}

// recorded: every leadership and every append of the brokers is seen, and every
// log at the end.
var recorded = checker.Coverage{Logs: true, Leaders: true, Appends: true}

// judgeNow ends the run if an event has broken a promise.
func (c *cluster) judgeNow(broken []checker.Violation) {
	for _, v := range broken {
		c.violated(&v, 0)
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
	evidence, _ := checker.ExcerptLines(&c.rec.h, *v)
	for _, line := range evidence {
		f.Evidence = append(f.Evidence, Evidence{Duration(line.At.At), line.Text})
	}
	if c.tape != nil {
		c.tape.Violation(v)
	}
	c.world.Fail(f)
}

func (c *cluster) report(w *World, h *checker.History, r *checker.Result) {
	switch r.Verdict {
	case checker.Unknown:
		if c.plan.Budget == Unbudgeted {
			return // a disk or a node that can't be asked any more knows the rest
		}
		w.Violated(r.Property+PropertyCanBeJudged, "", "%s", r.Why)
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
		w.Violated(PropertyShowsSomething, "", "%d produces were acknowledged, at least %d were expected", acked, want)
	}
	if c.options().MinAcks.Or(1) == 0 {
		return // so little may be left of the load that nothing is to be judged
	}
	for _, property := range []string{"P1", "P2", "P3", "P4", "P5", "P6", "P9", "P10", "P11", "P12"} {
		if report.Of(property).Verdict == checker.Vacuous {
			w.Violated(PropertyJudgedOnSomething, property, "nothing in the history concerns it")
		}
	}
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
	for _, t := range c.topicsOf(c.NewestImage()) {
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
	image := c.NewestImage()
	for _, t := range c.topicsOf(image) {
		for i, p := range t.Partitions {
			id := kafka.PartitionID{Topic: t.ID, Partition: int32(i)}
			for _, n := range p.Replicas {
				track := c.facts.replica(n, id)
				if track == nil {
					if w.Converged() {
						w.Violated(PropertyReplicasThere, partitionText(id), "node %d has none", n)
					}
					continue
				}
				if rotten(w.Node(brokerName(n)), track) {
					continue // nobody may have read it yet, so nobody knows
				}
				c.rec.h.Logs = append(c.rec.h.Logs, checker.ReplicaLog{
					At: c.rec.moment(), Partition: checkerPartition(id), Node: checker.NodeID(n), InISR: p.InISR(n) && (w.Converged() || !track.state.Suspect),
					LogStart: checker.Offset(track.state.LogStart), Watermark: checker.Offset(track.state.Watermark),
					Entries: c.entries(w, w.Node(brokerName(n)), track),
				})
			}
		}
	}
}

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
			w.Violated(PropertySegmentsThere, n.Spec().Name, "%s has %d bytes, trusted are %d", s.Path, len(data), s.Bytes)
			continue
		}
		for rest := data[:s.Bytes]; len(rest) > 0; {
			b, tail, err := batch.Next(rest)
			if err != nil {
				w.Violated(PropertySegmentsWhole, n.Spec().Name, "%s: %v", s.Path, err)
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
			f.Final = w.Converged()
			c.rec.h.Images = append(c.rec.h.Images, f)
		}
	}
}
