package sim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	// storyLines is how many lines a story has at most.
	storyLines = 20
	// stallLines is how many of them explain a stall at most.
	stallLines = 9
	// storyWidth is how many characters of a line are shown.
	storyWidth = 170
)

// Story tells a failed run in twenty lines at most: the command that replays it,
// the broken property, what led to it in order of time, and where the page about
// it lies ("": there is none). Report says everything.
func (r *Result) Story(page string) (lines []string) {
	for _, l := range r.tale(page) {
		text := l.text
		if l.at >= 0 {
			text = fmt.Sprintf("%12s  %s", l.at.Std().Round(time.Microsecond), text)
		}
		lines = append(lines, clip(text, storyWidth))
	}
	return lines
}

// tale is the story, line by line.
func (r *Result) tale(page string) []toldLine {
	head := func(format string, args ...any) toldLine {
		return toldLine{at: -1, text: fmt.Sprintf(format, args...)}
	}
	lines := []toldLine{head("%s", r.Line()), head("replay: %s", r.replayCommand())}
	if r.Verdict == Pass {
		return lines
	}
	f := &r.Failures[0]
	sentence, _, _ := strings.Cut(f.Detail, "\n")
	if f.Where != "" {
		sentence = f.Where + ": " + sentence
	}
	lines = append(lines, head("broken: %s", f.Property), head("        %s (at %s)", sentence, f.At))
	if r.explains(f) {
		text := r.Stall.Text()[1:]
		n := min(len(r.Stall.Chains[0].Text), stallLines)
		for _, line := range text[:n] {
			lines = append(lines, head("  %s", line))
		}
	}
	var last []toldLine
	if n := len(r.Failures) - 1; n > 0 {
		last = append(last, head("and %d more: %s", n, r.Failures[1].Property))
	}
	if page != "" {
		last = append(last, head("report: %s", page))
	}
	return slices.Concat(lines, r.tell(f, storyLines-len(lines)-len(last)), last)
}

func (r *Result) replayCommand() string {
	if r.Replay != "" {
		return r.Replay
	}
	return fmt.Sprintf("go test ./sim -v -seed=%d -scenario=%s", r.Seed, r.Scenario)
}

func clip(s string, width int) string {
	if runes := []rune(s); len(runes) > width {
		return string(runes[:width-1]) + "…"
	}
	return s
}

// toldLine is a line of a story, or a candidate for one.
type toldLine struct {
	at   Duration // -1: it is about the whole run
	rank int      // what is told rather: the lower
	kind string
	text string
}

// teller collects candidates for a story of one failure.
type teller struct {
	result  *Result
	failure *Failure
	nodes   map[string]bool // concerned by the stall; none: all are
	around  Duration        // when it went wrong
	lines   []toldLine
}

// tell chooses what of the run's milestones and of the failure's evidence led to
// the failure, and orders it by time.
func (r *Result) tell(f *Failure, room int) []toldLine {
	t := teller{result: r, failure: f, nodes: map[string]bool{}, around: f.At}
	for _, e := range f.Evidence {
		t.around = e.At
	}
	if r.explains(f) {
		for _, step := range r.Stall.Chains[0].Steps {
			if node, _, _ := strings.Cut(step.Where, "/"); node != "" {
				t.nodes[node] = true
			}
			if step.Since != nil {
				t.around = *step.Since
			}
		}
	}
	for i, e := range f.Evidence {
		text := strings.TrimPrefix(withoutSpan(e.Text), e.At.String()+" ")
		t.lines = append(t.lines, toldLine{e.At, 10 + i, "evidence", text})
	}
	for i := range r.Milestones {
		t.milestone(&r.Milestones[i])
	}
	for _, s := range r.Stops {
		t.lines = append(t.lines, toldLine{s.At, 15, "stop", fmt.Sprintf("%-10s %s life %d: %s", "stop", s.Node, s.Incarnation, s.Reason)})
	}
	return t.choose(room)
}

// choose keeps what is most interesting.
func (t *teller) choose(room int) []toldLine {
	all := t.lines
	omitted := len(all) - room
	if omitted > 0 {
		// Of equal interest, what is nearest to the failure is told; what came after
		// it explains less.
		distance := func(at Duration) Duration {
			if at > t.around {
				return 4 * (at - t.around)
			}
			return t.around - at
		}
		slices.SortStableFunc(all, func(a, b toldLine) int {
			return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(distance(a.at), distance(b.at)))
		})
		all = all[:max(0, room-1)]
	}
	slices.SortStableFunc(all, func(a, b toldLine) int { return cmp.Compare(a.at, b.at) })
	if omitted > 0 {
		all = append(all, toldLine{at: -1, text: fmt.Sprintf("              and %d more turning points", omitted+1)})
	}
	return all
}

// milestone adds a turning point. Partitions to which the same happens within a
// moment share a line.
func (t *teller) milestone(m *Milestone) {
	rank := t.interest(m)
	if rank == 0 {
		return
	}
	if m.Kind == LeaderBegan && slices.ContainsFunc(t.failure.Evidence, func(e Evidence) bool { return e.At == m.At }) {
		return // the evidence says it
	}
	if m.Kind == LeaderBegan || m.Kind == ISRChanged {
		partition, rest, _ := strings.Cut(m.words(), " ")
		for i := len(t.lines) - 1; i >= 0 && t.lines[i].at+Duration(5*time.Millisecond) >= m.At; i-- {
			l := &t.lines[i]
			if before, ok := strings.CutSuffix(l.text, " "+rest); ok && l.kind == string(m.Kind) {
				l.text, l.rank = before+", "+partition+" "+rest, min(l.rank, rank)
				return
			}
		}
	}
	t.lines = append(t.lines, toldLine{m.At, rank, string(m.Kind), strings.TrimSpace(fmt.Sprintf("%-10s %s", m.Kind, m.words()))})
}

// interest ranks a milestone for the story; 0: it has no part in it.
func (t *teller) interest(m *Milestone) int {
	further := 0 // it befell a node that has no part in the stall
	if len(t.nodes) > 0 && m.Node != "" && !t.nodes[m.Node] {
		further = 12
	}
	switch m.Kind {
	case FaultOn:
		return 20 + further
	case FaultOff:
		return 40 + further
	case NodeFinished:
		return 25 + further
	case NodeBegan:
		if m.At > Duration(time.Second) {
			return 45 + further
		}
	case LeaderBegan, ISRChanged:
		switch {
		case t.failure.Partition == "":
			return 36 + further
		case strings.Contains(m.Key, " "+t.failure.Partition+" "):
			return 30
		}
	case ControllerBegan:
		return 35
	case BrokerFenced:
		return 32 + further
	case BrokerUnfenced:
		if m.At > Duration(2*time.Second) {
			return 50 + further
		}
	case FaultsOver:
		return 42
	}
	return 0
}

// explains reports whether the stall is that of the failure.
func (r *Result) explains(f *Failure) bool {
	return r.Stall != nil && len(r.Stall.Chains) > 0 && r.Stall.Property == f.Property
}

// withoutSpan cuts the instants of call and return off an operation's line.
func withoutSpan(text string) string {
	if _, rest, ok := strings.Cut(text, "] "); ok && strings.HasPrefix(text, "[") {
		return rest
	}
	return text
}
