package recording

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/checker"
	"example.com/lockstep/sim/kafka/history"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/report"
	"example.com/lockstep/sim/world"
)

// WriteReport writes the page about a recorded run to a file. If Porcupine can draw the
// failure, its page is written beside the file. WriteReport also puts the causal chains of
// the failed operations into the result.
func (r *Recording) WriteReport(result *world.Result, file string) error {
	result.Chains = r.chains()
	doc := r.document(result)
	name := strings.TrimSuffix(file, filepath.Ext(file)) + ".porcupine.html"
	if drawn, err := r.visualize(name); err != nil {
		return err
	} else if drawn {
		doc.Porcupine = filepath.Base(name)
	}
	out, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("sim: report: %w", err)
	}
	if err := report.Write(out, doc); err != nil {
		out.Close()
		return fmt.Errorf("sim: report %s: %w", file, err)
	}
	return out.Close()
}

// visualize has Porcupine draw the first violation that it can draw.
func (r *Recording) visualize(file string) (drawn bool, err error) {
	for _, v := range r.Violations {
		switch {
		case v.Property == "P10" && v.Partition != (checker.Partition{}):
			return true, checker.VisualizePartition(r.History, v.Partition, file)
		case v.Property == "P9" && v.Anomaly == checker.NonLinearizable:
			for _, op := range r.operationsOf(v) {
				if op.topic != "" {
					return true, checker.VisualizeTopic(r.History, op.topic, file)
				}
			}
		}
	}
	return false, nil
}

// chains is the causal chains, as text, of the operations that the violations are about.
func (r *Recording) chains() (lines []string) {
	if r.History == nil || len(r.Violations) == 0 {
		return nil
	}
	graph, names := newFlowGraph(r), r.world.Names()
	for _, v := range r.Violations {
		for _, op := range r.operationsOf(v) {
			c := graph.request(op.request)
			lines = append(append(lines, names.Replace(world.WithoutSpan(op.text))),
				graph.lines(&c)...)
		}
	}
	return lines
}

// documentBuilder turns a recording into the data of a page.
type documentBuilder struct {
	r     *Recording
	graph *flowGraph
	doc   *report.Document
	lane  []int // index of the lane on the page, by lane of the recording
	names *strings.Replacer
}

func (r *Recording) document(result *world.Result) *report.Document {
	plan := r.world.Plan()
	b := &documentBuilder{r: r, graph: newFlowGraph(r), names: r.world.Names()}
	b.doc = &report.Document{
		Scenario: result.Scenario, Seed: result.Seed, About: plan.Description, Line: result.Line(),
		Verdict: result.Verdict,
		Virtual: int64(result.Virtual), Healed: -1, Replay: result.ReplayCommand(),
		Plan: plan.String(), Long: result.Report(),
		Labels: r.labels, Slice: int64(r.slice),
	}
	for i := range result.Failures {
		f := &result.Failures[i]
		failure := report.Failure{Property: f.Property, Where: f.Where, At: int64(f.At),
			Sentence: f.Detail}
		for _, line := range f.Evidence {
			failure.Evidence = append(failure.Evidence, line.Text)
		}
		b.doc.Failures = append(b.doc.Failures, failure)
	}
	if result.Stall != nil {
		b.stall(result.Stall)
	}
	if len(result.Failures) > 0 {
		for _, l := range result.Tell(&result.Failures[0], world.SummaryLines) {
			b.doc.Summary = append(b.doc.Summary,
				report.SummaryLine{At: int64(l.At), Kind: l.Kind,
					Text: world.Clip(strings.TrimSpace(l.Text), 2*world.SummaryWidth)})
		}
	}
	for _, at := range r.focus(result) {
		b.doc.Focus = append(b.doc.Focus, int64(at))
	}
	b.lanes()
	b.turns()
	b.flows()
	b.faults()
	b.milestones(result)
	b.partitions()
	b.operations()
	return b.doc
}

func (b *documentBuilder) stall(s *world.Stall) {
	b.doc.Stall = &report.Stall{At: int64(s.At), Overdue: s.Overdue, More: s.More}
	for _, c := range s.Chains {
		chain := report.StallChain{End: c.End, Headline: b.names.Replace(c.Text[0]), Back: c.Back}
		for _, step := range c.Steps {
			since := int64(-1)
			if step.Since != nil {
				since = int64(*step.Since)
			}
			chain.Steps = append(chain.Steps, report.StallStep{
				Where: step.Where, What: b.names.Replace(step.Name),
				About: b.names.Replace(step.About), Since: since, For: b.names.Replace(step.For),
				Note: b.names.Replace(step.Note),
			})
		}
		b.doc.Stall.Chains = append(b.doc.Stall.Chains, chain)
	}
}

func (b *documentBuilder) lanes() {
	r := b.r
	order := make([]int, len(r.lanes))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(x, y int) int {
		a, b := r.lanes[x].key, r.lanes[y].key
		return cmp.Or(cmp.Compare(a.node, b.node), cmp.Compare(a.loop, b.loop))
	})
	b.lane = make([]int, len(r.lanes))
	for place, i := range order {
		l := r.lanes[i]
		b.lane[i] = place
		n := r.world.Nodes()[l.key.node]
		lane := report.Lane{Node: n.Spec().Name, Role: "client", Loop: ""}
		if n.Spec().Loops() > 1 || l.key.loop > 0 || n.Spec().Role == "broker" {
			lane.Role, lane.Loop = "broker", "control"
			if l.key.loop != loop.Control {
				lane.Loop = "shard " + strconv.Itoa(int(l.key.loop))
			}
		}
		for slice, s := range l.busy {
			if s.turns > 0 {
				lane.Busy = append(lane.Busy, int64(slice), int64(s.turns), int64(s.cost))
			}
		}
		b.doc.Lanes = append(b.doc.Lanes, lane)
	}
	from := -1
	for i := 0; i <= len(r.detail); i++ {
		kept := i < len(r.detail) && r.detail[i]
		if kept && from < 0 {
			from = i
		} else if !kept && from >= 0 {
			b.doc.Detail = append(b.doc.Detail,
				[2]int64{int64(from) * int64(r.slice), int64(i) * int64(r.slice)})
			from = -1
		}
	}
}

func (b *documentBuilder) turns() {
	t, last := &b.doc.Turns, env.Instant(0)
	for i := range b.r.turns {
		turn := &b.r.turns[i]
		t.Lane = append(t.Lane, b.lane[turn.lane])
		t.At = append(t.At, int64(turn.at-last))
		t.Cost = append(t.Cost, int64(turn.cost))
		t.Steps = append(t.Steps, int(turn.steps))
		last = turn.at
	}
}

func (b *documentBuilder) flows() {
	out, last := &b.doc.Flows, env.Instant(0)
	for i := range b.r.flows {
		f := &b.r.flows[i]
		arrived, lane := int64(-1), -1
		if f.arrived != env.Never {
			arrived = int64(f.arrived - f.sent)
		}
		if f.toLane != noLane {
			lane = b.lane[f.toLane]
		}
		out.Kind = append(out.Kind, int(f.kind))
		out.Label = append(out.Label, int(f.label))
		out.From = append(out.From, int(f.from))
		out.To = append(out.To, int(f.to))
		out.Sent = append(out.Sent, int64(f.sent-last))
		out.Arrived = append(out.Arrived, arrived)
		out.Lane = append(out.Lane, lane)
		out.Size = append(out.Size, int(f.size))
		last = f.sent
	}
}

func (b *documentBuilder) faults() {
	for _, f := range b.r.FaultSpans {
		b.doc.Faults = append(b.doc.Faults, report.Fault{
			Number: f.Number, Kind: f.Kind, Text: f.Text, Node: f.Node, Peer: f.Peer, Loop: f.Loop,
			From: int64(f.From), To: instantOf(f.To),
		})
	}
}

// instantOf is an instant as the page has it; -1 is never.
func instantOf(at env.Instant) int64 {
	if at == env.Never {
		return -1
	}
	return int64(at)
}

func (b *documentBuilder) milestones(result *world.Result) {
	open := map[string]int{} // the present incarnation of a node, by name; looked up only
	for _, m := range b.r.world.Milestones() {
		text := m.Words()
		b.doc.Marks = append(b.doc.Marks, report.Mark{At: int64(m.At), Kind: string(m.Kind),
			Node: m.Node, Text: b.names.Replace(text)})
		switch m.Kind {
		case plan.FaultsOver:
			b.doc.Healed = int64(m.At)
		case plan.NodeBegan:
			open[m.Node] = len(b.doc.Incarnations)
			b.doc.Incarnations = append(b.doc.Incarnations,
				report.Incarnation{Node: m.Node, From: int64(m.At), To: -1})
		case plan.NodeFinished:
			if i, ok := open[m.Node]; ok {
				b.doc.Incarnations[i].To, b.doc.Incarnations[i].End = int64(m.At), text
			}
		}
	}
}

// maxPoints bounds the points of one curve. A longer curve loses every second point.
const maxPoints = 1500

func (b *documentBuilder) partitions() {
	type curves struct {
		out  *report.Partition
		byID map[kafka.NodeID]int // of out.Replica
		last struct {
			isr    int
			leader kafka.NodeID
			epoch  kafka.LeaderEpoch
		}
	}
	all := map[kafka.PartitionID]*curves{} // looked up only
	var order []*curves
	for i := range b.r.replicas {
		s := &b.r.replicas[i]
		c := all[s.id]
		if c == nil {
			name := b.names.Replace(history.PartitionText(s.id))
			c = &curves{out: &report.Partition{Name: name}, byID: map[kafka.NodeID]int{}}
			c.last.isr, c.last.epoch = -1, -1
			for _, v := range b.r.Violations {
				c.out.Violated = c.out.Violated || v.Partition == history.Partition(s.id)
			}
			all[s.id] = c
			order = append(order, c)
		}
		k, ok := c.byID[s.node]
		if !ok {
			k = len(c.out.Replica)
			c.byID[s.node] = k
			c.out.Replica = append(c.out.Replica, report.Replica{Node: history.BrokerName(s.node)})
			c.out.Replicas = len(c.out.Replica)
		}
		curve := &c.out.Replica[k].Watermark
		*curve = append(*curve, int64(s.at), int64(s.watermark))
		if !s.leading {
			continue
		}
		if len(s.isr) != c.last.isr {
			c.last.isr = len(s.isr)
			c.out.ISR = append(c.out.ISR, int64(s.at), int64(len(s.isr)))
		}
		if s.node != c.last.leader || s.epoch != c.last.epoch {
			c.last.leader, c.last.epoch = s.node, s.epoch
			c.out.Leaders = append(c.out.Leaders, int64(s.at), int64(s.node), int64(s.epoch))
		}
	}
	slices.SortStableFunc(order, func(x, y *curves) int {
		violated := func(c *curves) int {
			if c.out.Violated {
				return 0
			}
			return 1
		}
		return cmp.Or(cmp.Compare(violated(x), violated(y)), cmp.Compare(x.out.Name, y.out.Name))
	})
	for _, c := range order {
		for k := range c.out.Replica {
			c.out.Replica[k].Watermark = thin(c.out.Replica[k].Watermark)
		}
		slices.SortFunc(c.out.Replica, func(x, y report.Replica) int {
			return cmp.Compare(x.Node, y.Node)
		})
		b.doc.Partitions = append(b.doc.Partitions, *c.out)
	}
}

// thin halves a curve until it is short enough. It keeps the first point and the last.
func thin(curve []int64) []int64 {
	for len(curve) > 2*maxPoints {
		n := 0
		for i := 0; i < len(curve); i += 2 {
			if i%4 == 0 || i == len(curve)-2 {
				curve[n], curve[n+1] = curve[i], curve[i+1]
				n += 2
			}
		}
		curve = curve[:n]
	}
	return curve
}

// clientNamer is implemented by subjects with a history that numbers the clients.
type clientNamer interface{ ClientName(number int) string }

// maxOperations is how many operations a page lists.
const maxOperations = 5000

func (b *documentBuilder) operations() {
	h := b.r.History
	if h == nil {
		return
	}
	metadata := slices.ContainsFunc(b.r.Violations,
		func(v *checker.Violation) bool { return v.Property == "P9" || v.Property == "P11" })
	ops := operations(h, metadata)
	clientName := func(int) string { return "" }
	if s, ok := b.r.world.Subject().(clientNamer); ok {
		clientName = s.ClientName
	}
	marked := make([]bool, len(ops))
	rank := make([]int, len(ops)) // if there are too many, those of low rank are listed
	order := make([]int, len(ops))
	for i := range ops {
		op := &ops[i]
		order[i], rank[i] = i, 2
		if b.r.keeps(env.Instant(op.call.At)) {
			rank[i] = 1
		}
		for _, v := range b.r.Violations {
			if op.concerns(h, v) {
				marked[i], rank[i] = true, 0
			}
		}
	}
	slices.SortStableFunc(order, func(x, y int) int { return cmp.Compare(rank[x], rank[y]) })
	if len(order) > maxOperations {
		b.doc.Omitted = len(order) - maxOperations
		order = order[:maxOperations]
	}
	slices.Sort(order)
	for _, i := range order {
		op := &ops[i]
		out := report.Operation{
			Kind: op.kind, Client: clientName(op.client), Partition: op.topic,
			Call: int64(op.call.At), Return: -1,
			Outcome: op.outcome, Marked: marked[i],
			Text: b.names.Replace(world.WithoutSpan(op.text)),
		}
		if op.partition != (checker.Partition{}) {
			out.Partition = b.names.Replace(op.partition.String())
		}
		if op.ret != checker.Never {
			out.Return = int64(op.ret.At)
		}
		b.chain(&out, op)
		b.doc.Operations = append(b.doc.Operations, out)
	}
}

func (b *documentBuilder) chain(out *report.Operation, op *operation) {
	c := b.graph.request(op.request)
	out.Partial = c.partial
	for _, h := range c.hops {
		if h.flow != 0 {
			out.Chain = append(out.Chain, report.Link{Flow: int(h.flow) - 1})
			continue
		}
		link := report.Link{Flow: -1, Lane: b.lane[h.lane], From: int64(h.from),
			To: instantOf(h.to), Text: "a timer"}
		if h.released != 0 {
			link.Text = b.r.labels[b.r.flows[h.released-1].label]
		}
		out.Chain = append(out.Chain, link)
	}
	for _, n := range c.stuck {
		out.Stuck = append(out.Stuck, int(n)-1)
	}
}
