package world

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/lockstep/sim/plan"
)

const (
	// SummaryLines is how many lines a summary has at most.
	SummaryLines = 20
	// stallLines is how many of them explain a stall at most.
	stallLines = 9
	// SummaryWidth is how many characters a line has at most.
	SummaryWidth = 170
)

// Summary describes a failed run in at most twenty lines: the command that replays it, the broken
// property, what led to it in order of time, and the path of the page about it ("": there is none).
// Report prints everything.
func (r *Result) Summary(page string) (lines []string) {
	for _, l := range r.summary(page) {
		text := l.Text
		if l.At >= 0 {
			text = fmt.Sprintf("%12s  %s", l.At.Std().Round(time.Microsecond), text)
		}
		lines = append(lines, Clip(text, SummaryWidth))
	}
	return lines
}

// summary is the summary before its lines are formatted.
func (r *Result) summary(page string) []SummaryLine {
	head := func(format string, args ...any) SummaryLine {
		return SummaryLine{At: -1, Text: fmt.Sprintf(format, args...)}
	}
	lines := []SummaryLine{head("%s", r.Line()), head("replay: %s", r.ReplayCommand())}
	if r.Verdict == Pass {
		return lines
	}
	f := &r.Failures[0]
	sentence, _, _ := strings.Cut(f.Detail, "\n")
	if f.Where != "" {
		sentence = f.Where + ": " + sentence
	}
	lines = append(lines, head("broken: %s", f.Property),
		head("        %s (at %s)", sentence, f.At))
	if r.explains(f) {
		text := r.Stall.Text()[1:]
		n := min(len(r.Stall.Chains[0].Text), stallLines)
		for _, line := range text[:n] {
			lines = append(lines, head("  %s", line))
		}
	}
	var last []SummaryLine
	if n := len(r.Failures) - 1; n > 0 {
		last = append(last, head("and %d more: %s", n, r.Failures[1].Property))
	}
	if page != "" {
		last = append(last, head("report: %s", page))
	}
	return slices.Concat(lines, r.Tell(f, SummaryLines-len(lines)-len(last)), last)
}

// ReplayCommand is the command that repeats the run.
func (r *Result) ReplayCommand() string {
	if r.Replay != "" {
		return r.Replay
	}
	return fmt.Sprintf("go test ./sim -v -seed=%d -scenario=%s", r.Seed, r.Scenario)
}

// Clip cuts a text to a width in characters, and marks the cut.
func Clip(s string, width int) string {
	if runes := []rune(s); len(runes) > width {
		return string(runes[:width-1]) + "…"
	}
	return s
}

// SummaryLine is a line of a summary, or a candidate for one.
type SummaryLine struct {
	At   plan.Duration // -1: it is about the whole run
	rank int           // lines with a lower rank are preferred
	Kind string
	Text string
}

// chooser collects candidates for the summary of one failure, and chooses among them.
type chooser struct {
	result  *Result
	failure *Failure
	nodes   map[string]bool // that the stall is about; empty: all
	around  plan.Duration   // when the run went wrong
	lines   []SummaryLine
}

// Tell chooses the milestones of the run and the evidence of the failure that led to the failure,
// at most room lines, and orders them by time.
func (r *Result) Tell(f *Failure, room int) []SummaryLine {
	c := chooser{result: r, failure: f, nodes: map[string]bool{}, around: f.At}
	for _, e := range f.Evidence {
		c.around = e.At
	}
	if r.explains(f) {
		for _, step := range r.Stall.Chains[0].Steps {
			if node, _, _ := strings.Cut(step.Where, "/"); node != "" {
				c.nodes[node] = true
			}
			if step.Since != nil {
				c.around = *step.Since
			}
		}
	}
	for i, e := range f.Evidence {
		text := strings.TrimPrefix(WithoutSpan(e.Text), e.At.String()+" ")
		c.lines = append(c.lines, SummaryLine{e.At, 10 + i, "evidence", text})
	}
	for i := range r.Milestones {
		c.milestone(&r.Milestones[i])
	}
	for _, s := range r.Stops {
		c.lines = append(c.lines, SummaryLine{s.At, 15, "stop",
			fmt.Sprintf("%-10s %s incarnation %d: %s", "stop", s.Node, s.Incarnation, s.Reason)})
	}
	return c.choose(room)
}

// choose keeps the most interesting lines.
func (c *chooser) choose(room int) []SummaryLine {
	all := c.lines
	omitted := len(all) - room
	if omitted > 0 {
		// Of lines with the same rank, those nearest to the failure are kept. What came after the
		// failure explains less, so it counts as farther away.
		distance := func(at plan.Duration) plan.Duration {
			if at > c.around {
				return 4 * (at - c.around)
			}
			return c.around - at
		}
		slices.SortStableFunc(all, func(a, b SummaryLine) int {
			return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(distance(a.At), distance(b.At)))
		})
		all = all[:max(0, room-1)]
	}
	slices.SortStableFunc(all, func(a, b SummaryLine) int { return cmp.Compare(a.At, b.At) })
	if omitted > 0 {
		all = append(all, SummaryLine{At: -1,
			Text: fmt.Sprintf("              and %d more turning points", omitted+1)})
	}
	return all
}

// milestone adds a milestone. Partitions to which the same happens at almost the same time share a
// line.
func (c *chooser) milestone(m *Milestone) {
	rank := c.interest(m)
	if rank == 0 {
		return
	}
	if m.Kind == plan.LeaderBegan && slices.ContainsFunc(c.failure.Evidence,
		func(e Evidence) bool { return e.At == m.At }) {
		return // the evidence says it
	}
	if m.Kind == plan.LeaderBegan || m.Kind == plan.ISRChanged {
		partition, rest, _ := strings.Cut(m.Words(), " ")
		for i := len(c.lines) - 1; i >= 0 &&
			c.lines[i].At+plan.Duration(5*time.Millisecond) >= m.At; i-- {
			l := &c.lines[i]
			if before, ok := strings.CutSuffix(l.Text, " "+rest); ok && l.Kind == string(m.Kind) {
				l.Text, l.rank = before+", "+partition+" "+rest, min(l.rank, rank)
				return
			}
		}
	}
	c.lines = append(c.lines, SummaryLine{m.At, rank, string(m.Kind),
		strings.TrimSpace(fmt.Sprintf("%-10s %s", m.Kind, m.Words()))})
}

// interest is the rank of a milestone in the summary; 0: it is left out.
func (c *chooser) interest(m *Milestone) int {
	further := 0 // added for a node that has no part in the stall
	if len(c.nodes) > 0 && m.Node != "" && !c.nodes[m.Node] {
		further = 12
	}
	switch m.Kind {
	case plan.FaultOn:
		return 20 + further
	case plan.FaultOff:
		return 40 + further
	case plan.NodeFinished:
		return 25 + further
	case plan.NodeBegan:
		if m.At > plan.Duration(time.Second) {
			return 45 + further
		}
	case plan.LeaderBegan, plan.ISRChanged:
		switch {
		case c.failure.Partition == "":
			return 36 + further
		case strings.Contains(m.Key, " "+c.failure.Partition+" "):
			return 30
		}
	case plan.ControllerBegan:
		return 35
	case plan.BrokerFenced:
		return 32 + further
	case plan.BrokerUnfenced:
		if m.At > plan.Duration(2*time.Second) {
			return 50 + further
		}
	case plan.FaultsOver:
		return 42
	}
	return 0
}

// explains reports whether the result's stall explains this failure.
func (r *Result) explains(f *Failure) bool {
	return r.Stall != nil && len(r.Stall.Chains) > 0 && r.Stall.Property == f.Property
}

// WithoutSpan removes the instants of call and return from an operation's line.
func WithoutSpan(text string) string {
	if _, rest, ok := strings.Cut(text, "] "); ok && strings.HasPrefix(text, "[") {
		return rest
	}
	return text
}
