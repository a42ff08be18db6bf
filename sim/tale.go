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

// tell chooses what of the run's milestones and of the failure's evidence led to
// the failure, and orders it by time.
func (r *Result) tell(f *Failure, room int) []toldLine {
	var all []toldLine
	for i, e := range f.Evidence {
		text := strings.TrimPrefix(withoutSpan(e.Text), e.At.String()+" ")
		all = append(all, toldLine{Duration(e.At.At), 10 + i, "evidence", text})
	}
	for i := range r.Milestones {
		m := &r.Milestones[i]
		if rank := f.interest(m); rank > 0 {
			all = append(all, toldLine{m.At, rank, string(m.Kind), strings.TrimSpace(fmt.Sprintf("%-10s %s", m.Kind, m.words()))})
		}
	}
	for _, s := range r.Stops {
		all = append(all, toldLine{s.At, 15, "stop", fmt.Sprintf("%-10s %s life %d: %s", "stop", s.Node, s.Incarnation, s.Reason)})
	}
	omitted := len(all) - room
	if omitted > 0 {
		// Of equal interest, what happened shortly before the failure is told.
		slices.SortStableFunc(all, func(a, b toldLine) int { return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(b.at, a.at)) })
		all = all[:max(0, room-1)]
	}
	slices.SortStableFunc(all, func(a, b toldLine) int { return cmp.Compare(a.at, b.at) })
	if omitted > 0 {
		all = append(all, toldLine{at: -1, text: fmt.Sprintf("              and %d more turning points", omitted+1)})
	}
	return all
}

// interest ranks a milestone for the story of a failure; 0: it has no part in it.
func (f *Failure) interest(m *Milestone) int {
	about := f.Partition == "" || strings.Contains(m.Key, " "+f.Partition+" ")
	switch m.Kind {
	case FaultOn:
		return 20
	case FaultOff:
		return 40
	case NodeFinished:
		return 25
	case NodeBegan:
		if m.At > Duration(time.Second) {
			return 45
		}
	case LeaderBegan, ISRChanged:
		if about {
			return 30
		}
	case ControllerBegan:
		return 35
	case BrokerFenced:
		return 32
	case BrokerUnfenced:
		if m.At > Duration(2*time.Second) {
			return 50
		}
	case FaultsOver:
		return 42
	}
	return 0
}
