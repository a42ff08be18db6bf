package kafka

import (
	"cmp"
	"fmt"
	"slices"

	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/checker"
	diskvirtual "example.com/lockstep/diskfs/virtual"
	"example.com/lockstep/sim/kafka/client"
	"example.com/lockstep/sim/kafka/history"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/property"
	"example.com/lockstep/sim/world"
)

// Check implements Subject. It collects what every replica holds, and has the history
// judged.
func (c *cluster) Check(w *world.World) {
	h := &c.Rec.History
	h.Slack = client.RequestSlack
	c.facts.seeDamages(w)
	c.collectTopics(w)
	h.Coverage = completeFacts
	h.Coverage.Logs = w.Converged()
	c.collectLogs(w)
	c.collectImages(w)
	if w.Converged() {
		c.circumstances.CheckLeftovers(c.NewestImage())
	}
	c.collectBounds(w)
	h.End = c.Rec.Moment()
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

// completeFacts says which facts of the history are complete: every leadership and every append
// of the brokers, and every log at the end.
var completeFacts = checker.Coverage{Logs: true, Leaders: true, Appends: true}

// judgeNow reports the promises that a fact has broken. The first one ends the run.
func (c *cluster) judgeNow(broken []checker.Violation) {
	for _, v := range broken {
		c.violated(&v, 0)
	}
}

// violated reports a violation that a checker has found, and how many more there are of the
// same property.
func (c *cluster) violated(v *checker.Violation, more int) {
	c.violatedAs(v.Property+": "+checker.Title(v.Property), v, more)
}

func (c *cluster) violatedAs(property string, v *checker.Violation, more int) {
	f := world.Failure{Property: property, Where: v.Anomaly, Symptom: v.Anomaly, Detail: v.Sentence}
	if more > 0 {
		f.Detail += fmt.Sprintf(" (and %d more)", more)
	}
	if v.Partition != (checker.Partition{}) {
		f.Partition = v.Partition.String()
	}
	evidence, _ := checker.ExcerptLines(&c.Rec.History, *v)
	for _, line := range evidence {
		f.Evidence = append(f.Evidence, world.Evidence{At: plan.Duration(line.At.At),
			Text: line.Text})
	}
	if c.recording != nil {
		c.recording.Violation(v)
	}
	c.World.Fail(f)
}

func (c *cluster) report(w *world.World, h *checker.History, r *checker.Result) {
	switch r.Verdict {
	case checker.Unknown:
		if c.Plan.Budget == plan.Unbudgeted {
			return // the missing facts are on disks or nodes that no longer work
		}
		w.Violated(r.Property+property.CanBeJudged, "", "%s", r.Why)
	case checker.Fail:
		v := r.Violations[0]
		c.violated(&v, len(r.Violations)+r.More-1)
	}
}

// requireEvidence fails a run in which too little was acknowledged, or in which a property
// had nothing to judge: a run that judged nothing shows nothing.
func (c *cluster) requireEvidence(w *world.World, report *checker.Report) {
	acked := 0
	for i := range c.Rec.History.Produces {
		if c.Rec.History.Produces[i].Outcome == checker.Acked {
			acked++
		}
	}
	if want := int(c.Options().MinAcks.Or(1)); acked < want {
		w.Violated(property.ShowsSomething, "",
			"%d produces were acknowledged, at least %d were expected", acked, want)
	}
	if c.Options().MinAcks.Or(1) == 0 {
		return // the faults may leave too little of the load to judge
	}
	for _, broken := range []string{"P1", "P2", "P3", "P4", "P5", "P6", "P9", "P10", "P11", "P12"} {
		if report.Of(broken).Verdict == checker.Vacuous {
			w.Violated(property.JudgedOnSomething, broken, "nothing in the history concerns it")
		}
	}
}

// collectTopics lists every topic that the history knows by its id.
func (c *cluster) collectTopics(w *world.World) {
	h := &c.Rec.History
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
		note(history.TopicText(t.ID), t.Name)
	}
	slices.Sort(ids)
	for _, id := range ids {
		h.Topics = append(h.Topics, checker.Topic{ID: id, Deleted: c.Deleted[names[id]],
			Internal: names[id] == client.OffsetsTopic})
	}
}

// collectLogs reads the log of every replica: segments from the disk, the tail from memory.
func (c *cluster) collectLogs(w *world.World) {
	image := c.NewestImage()
	for _, t := range c.topicsOf(image) {
		for i, p := range t.Partitions {
			id := kafka.PartitionID{Topic: t.ID, Partition: int32(i)}
			for _, n := range p.Replicas {
				track := c.facts.replica(n, id)
				if track == nil {
					if w.Converged() {
						w.Violated(property.ReplicasThere, history.PartitionText(id),
							"node %d has none", n)
					}
					continue
				}
				if rotten(w.Node(history.BrokerName(n)), track) {
					continue // the broker may not have read it yet, so it does not know
				}
				c.Rec.History.Logs = append(c.Rec.History.Logs, checker.ReplicaLog{
					At: c.Rec.Moment(), Partition: history.Partition(id), Node: checker.NodeID(n),
					InISR:     p.InISR(n) && (w.Converged() || !track.state.Suspect),
					LogStart:  checker.Offset(track.state.LogStart),
					Watermark: checker.Offset(track.state.Watermark),
					Entries:   c.entries(w, w.Node(history.BrokerName(n)), track),
				})
			}
		}
	}
}

// rotten reports whether a dishonest disk has damaged a segment of the replica.
func rotten(n *world.Node, t *replicaTrack) bool {
	segments := t.state.Log.Segments()
	return slices.ContainsFunc(n.FS().Injected(), func(f diskvirtual.Fault) bool {
		return f.Effect.Dishonest() && slices.ContainsFunc(segments,
			func(s partition.SegmentView) bool {
				return s.Path == f.Path || s.Path == f.ToPath
			})
	})
}

func (c *cluster) entries(w *world.World, n *world.Node, t *replicaTrack) (out []checker.Entry) {
	log := t.state.Log
	take := func(b batch.Batch) {
		sum := world.SumBytes(b)
		it := b.Records(1 << 20)
		for it.Next() {
			if it.Record.Offset < log.Start() {
				continue
			}
			out = append(out, checker.Entry{
				Offset: checker.Offset(it.Record.Offset), Epoch: checker.Epoch(b.LeaderEpoch()),
				Value: history.ValueOf(it.Record.Value), Sum: sum,
			})
		}
	}
	for _, s := range log.Segments() {
		data, ok := n.FS().ReadVisible(s.Path)
		if !ok || int64(len(data)) < s.Bytes {
			w.Violated(property.SegmentsThere, n.Spec().Name,
				"%s has %d bytes, the broker trusts %d", s.Path, len(data), s.Bytes)
			continue
		}
		for rest := data[:s.Bytes]; len(rest) > 0; {
			b, tail, err := batch.Next(rest)
			if err != nil {
				w.Violated(property.SegmentsWhole, n.Spec().Name, "%s: %v", s.Path, err)
				break
			}
			if b.LastOffset() >= log.Start() && b.BaseOffset() < log.Flushed() {
				take(b)
			}
			rest = tail
		}
	}
	log.Tail(take)
	slices.SortStableFunc(out, func(a, b checker.Entry) int {
		return cmp.Compare(a.Offset, b.Offset)
	})
	return out
}

func (c *cluster) collectImages(w *world.World) {
	for _, name := range c.Brokers {
		if s, ok := c.control(name); ok {
			f := c.facts.imageFact(w.Node(name), s.Image)
			f.Final = w.Converged()
			c.Rec.History.Images = append(c.Rec.History.Images, f)
		}
	}
}
