package scenario

import (
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/sim/plan"
)

// These values of a [Story] are drawn within bounds. A value with a single choice takes no
// number from the stream of the seed, so a story may fix one more value without changing
// the other draws.

// Span is a duration: "5s", or one drawn from "2s..4s", both ends included.
type Span struct{ Low, High plan.Duration }

// Number is a whole number: 3, one drawn from "1..3", or one of [1, 3].
type Number []numbers

// numbers is a range, both ends included.
type numbers struct{ low, high int64 }

// Choice is a word: kill, or one of [kill, power-off].
type Choice []string

// UnmarshalYAML implements yaml.Unmarshaler.
func (s *Span) UnmarshalYAML(node *yaml.Node) (err error) {
	s.Low, s.High, err = parseRange(node, func(text string) (d plan.Duration, err error) {
		return d, d.UnmarshalText([]byte(text))
	})
	return err
}

func (s Span) draw(r *env.Rand) plan.Duration {
	return plan.Duration(plan.Range(s).Draw(r)).Round()
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (n *Number) UnmarshalYAML(node *yaml.Node) error {
	for _, item := range items(node) {
		low, high, err := parseRange(item, func(text string) (int64, error) {
			return strconv.ParseInt(text, 10, 64)
		})
		if err != nil {
			return err
		}
		*n = append(*n, numbers{low, high})
	}
	return nil
}

func (n Number) given() bool { return len(n) > 0 }

// draw returns 0 if the story gives no number.
func (n Number) draw(r *env.Rand) int64 {
	if len(n) == 0 {
		return 0
	}
	x := n[0]
	if len(n) > 1 {
		x = n[r.IntN(len(n))]
	}
	if x.low == x.high {
		return x.low
	}
	return r.Between(x.low, x.high)
}

// least is the smallest number that may be drawn.
func (n Number) least() int64 {
	var least int64
	for i, x := range n {
		if i == 0 || x.low < least {
			least = x.low
		}
	}
	return least
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (c *Choice) UnmarshalYAML(node *yaml.Node) error {
	for _, item := range items(node) {
		var word string
		if err := item.Decode(&word); err != nil {
			return err
		}
		*c = append(*c, word)
	}
	return nil
}

// draw returns "" if the story gives no word.
func (c Choice) draw(r *env.Rand) string {
	switch len(c) {
	case 0:
		return ""
	case 1:
		return c[0]
	}
	return c[r.IntN(len(c))]
}

// items are the items of a list, or a single value as the only item.
func items(node *yaml.Node) []*yaml.Node {
	if node.Kind == yaml.SequenceNode {
		return node.Content
	}
	return []*yaml.Node{node}
}

// parseRange reads "a" or "a..b".
func parseRange[T ~int64](node *yaml.Node, parse func(string) (T, error)) (low, high T, err error) {
	var text string
	if err := node.Decode(&text); err != nil {
		return 0, 0, err
	}
	from, to, ranged := strings.Cut(text, "..")
	if low, err = parse(from); err != nil {
		return 0, 0, fmt.Errorf("line %d: %w", node.Line, err)
	}
	if !ranged {
		return low, low, nil
	}
	if high, err = parse(to); err == nil && high < low {
		err = fmt.Errorf("%s is empty", text)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("line %d: %w", node.Line, err)
	}
	return low, high, nil
}
