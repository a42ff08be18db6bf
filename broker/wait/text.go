package wait

import (
	"fmt"
	"strings"

	"example.com/lockstep/broker/env"
)

// Text is the chain as lines for people. The first line says what it ends with and how many other
// roots end there; then comes a line for each step. at formats an instant.
func (c *Chain) Text(at func(env.Instant) string) []string {
	lines := []string{c.headline()}
	for i, s := range c.Steps {
		line := "  " + s.text(at)
		switch {
		case i+1 < len(c.Steps):
			line += " waits for " + s.For
		case c.End == Cycle:
			line += " waits for " + s.For + ", and so for " + c.Steps[c.Back].name() + " again"
		case s.Note != "":
			line += ": " + s.Note
		}
		lines = append(lines, line)
	}
	return lines
}

// headline names the end, and counts the other roots.
func (c *Chain) headline() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", c.End, c.Culprit())
	more := ""
	for _, n := range c.Alike {
		more += fmt.Sprintf(", %d more %s", n.N, n.Group)
	}
	if more != "" {
		b.WriteString(" (" + more[2:] + " for the same)")
	}
	return b.String()
}

// Culprit is what the chain ends with: the members of a cycle, or the last step.
func (c *Chain) Culprit() string {
	if c.End != Cycle {
		return c.Steps[len(c.Steps)-1].name()
	}
	members := c.Steps[c.Back:]
	names := make([]string, len(members))
	for i, s := range members {
		names[i] = s.name()
	}
	if len(names) == 1 {
		return names[0] + " waits for itself"
	}
	return strings.Join(names, ", ") + " wait for each other"
}

func (v *Vertex) name() string {
	switch {
	case v.Where == "":
		return v.Who
	case v.Who == Self:
		return v.Where
	}
	return v.Where + " " + v.Who
}

func (s *Step) text(at func(env.Instant) string) string {
	var notes []string
	if s.About != "" {
		notes = append(notes, s.About)
	}
	if s.Since != Unknown {
		notes = append(notes, "since "+at(s.Since))
	}
	if s.Late {
		notes = append(notes, "its deadline was "+at(s.Until)+" and has not ended it")
	}
	if len(notes) == 0 {
		return s.name()
	}
	return s.name() + " (" + strings.Join(notes, ", ") + ")"
}
