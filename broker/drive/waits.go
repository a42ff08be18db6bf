package drive

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/wait"
)

// LoopWaits is what is pending in one loop, and what it waits for.
type LoopWaits struct {
	Loop loop.ID
	// Silent says what the present turn of the loop is at, if the loop did not answer in time:
	// it is stuck, or very busy. "" if it answered.
	Silent string
	At     env.Instant // when it answered
	Waits  []wait.Wait
}

// waitsQuestion is answered by the runner of a loop, between two events.
type waitsQuestion struct{ answer chan LoopWaits }

// Waits asks every loop what is pending in it, and waits for the answers.
func (n *Node) Waits(timeout time.Duration) []LoopWaits {
	questions := make([]waitsQuestion, len(n.runners))
	for i, r := range n.runners {
		questions[i].answer = make(chan LoopWaits, 1)
		r.box.put(loop.Event{Kind: loop.Mail, From: loop.Outside, Mail: questions[i]})
	}
	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	all := make([]LoopWaits, len(n.runners))
	late := false
	for i, r := range n.runners {
		if !late {
			select {
			case all[i] = <-questions[i].answer:
				continue
			case <-n.stop:
			case <-deadline.C:
			}
			late = true // answers that have come by now are still taken
		}
		select {
		case all[i] = <-questions[i].answer:
		default:
			all[i] = LoopWaits{Loop: r.id, Silent: r.present.String()}
		}
	}
	return all
}

// takesQuestion answers a question to the runner itself; false for other events.
func (r *runner) takesQuestion(ev *loop.Event, at env.Time) bool {
	if q, ok := ev.Mail.(vouchQuestion); ok {
		r.vouch(q, at)
		return true
	}
	q, ok := ev.Mail.(waitsQuestion)
	if !ok {
		return false
	}
	answer := LoopWaits{Loop: r.id, At: at.Mono}
	if w, ok := r.loop.(wait.Waiter); ok {
		w.Waits(func(x wait.Wait) { answer.Waits = append(answer.Waits, x) })
	}
	q.answer <- answer
	return true
}

// waitsShown is how many operations of a loop are printed.
const waitsShown = 200

// Text prints what is pending in a loop: the longest wait first.
func (l *LoopWaits) Text() []string {
	if l.Silent != "" {
		return []string{fmt.Sprintf("loop %d does not answer; its turn is at %s", l.Loop, l.Silent)}
	}
	lines := []string{fmt.Sprintf("loop %d: %d waits", l.Loop, len(l.Waits))}
	waits := slices.Clone(l.Waits)
	slices.SortStableFunc(waits, func(a, b wait.Wait) int {
		return cmp.Compare(l.age(&b), l.age(&a))
	})
	for i := range waits[:min(waitsShown, len(waits))] {
		lines = append(lines, "  "+l.line(&waits[i]))
	}
	if more := len(waits) - waitsShown; more > 0 {
		lines = append(lines, fmt.Sprintf("  and %d more", more))
	}
	return lines
}

// age is how long an operation has waited; 0 if it does not say.
func (l *LoopWaits) age(w *wait.Wait) time.Duration {
	if w.Since == wait.Unknown {
		return 0
	}
	return l.At.Sub(w.Since)
}

// line prints one wait.
func (l *LoopWaits) line(w *wait.Wait) string {
	who := w.Who
	if who == wait.Self {
		who = "the loop"
	}
	notes := w.About
	add := func(s string) {
		if notes != "" {
			notes += ", "
		}
		notes += s
	}
	if age := l.age(w); age > 0 {
		add("for " + age.Round(time.Millisecond).String())
	}
	if w.Until != env.Never {
		if left := w.Until.Sub(l.At); left > 0 {
			add("until in " + left.Round(time.Millisecond).String())
		} else {
			add("its deadline was " + (-left).Round(time.Millisecond).String() + " ago")
		}
	}
	if notes != "" {
		notes = " (" + notes + ")"
	}
	return who + notes + " waits for " + w.For + target(&w.On)
}

// target names the operation that has to end the wait, where For does not name it.
func target(t *wait.Target) string {
	switch t.Kind {
	case wait.OnOp:
		return ": " + t.Op
	case wait.OnLoop:
		return fmt.Sprintf(": %s of loop %d", t.Op, t.Loop)
	case wait.OnPeer:
		if t.Op != "" {
			return fmt.Sprintf(": %s on node %d", t.Op, t.Node)
		}
	case wait.OnDisk:
		if t.Token != wait.AnyToken {
			return fmt.Sprintf(": disk operation %d.%d", t.Owner, t.Token)
		}
	}
	return ""
}
