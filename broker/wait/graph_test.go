package wait

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
)

// graphOf builds a graph from lines "a -> b", "a -> b, c", "a ! lost: why",
// "a until 5".
func graphOf(lines ...string) (*Graph, func(id string) int) {
	g := &Graph{}
	vertex := func(id string) int {
		return g.Add(Vertex{
			ID: id, Who: id, Group: strings.TrimRight(id, " 0123456789"), Since: Unknown,
			Until: env.Never, Ends: Unnamed, Note: "nothing is known of it",
		})
	}
	for _, line := range lines {
		if from, to, ok := strings.Cut(line, " -> "); ok {
			for _, t := range strings.Split(to, ", ") {
				g.Edge(vertex(from), vertex(t), t)
			}
			continue
		}
		id, end, _ := strings.Cut(line, " ! ")
		if id, at, ok := strings.Cut(line, " until "); ok {
			g.vertices[vertex(id)].Until = env.Instant(at[0] - '0')
			continue
		}
		v := &g.vertices[vertex(id)]
		name, note, _ := strings.Cut(end, ": ")
		v.Note = note
		v.Ends = map[string]End{"lost": Lost, "fault": Fault, "open": Open}[name]
	}
	return g, vertex
}

func texts(chains []Chain) (out []string) {
	for _, c := range chains {
		out = append(out, c.Text(func(i env.Instant) string {
			return time.Duration(i).String()
		})...)
	}
	return out
}

func TestReduce(t *testing.T) {
	for _, c := range []struct {
		name  string
		graph []string
		roots []string
		want  []string
	}{
		{
			"a cycle is named by its members",
			[]string{"produce 1 -> loop 1", "loop 1 -> loop 2", "loop 2 -> loop 1"},
			[]string{"produce 1"}, []string{
				"cycle: loop 1, loop 2 wait for each other",
				"  produce 1 waits for loop 1",
				"  loop 1 waits for loop 2",
				"  loop 2 waits for loop 1, and so for loop 1 again",
			},
		},
		{
			"a loop can wait for itself",
			[]string{"loop 1 -> loop 1"}, []string{"loop 1"},
			[]string{
				"cycle: loop 1 waits for itself",
				"  loop 1 waits for loop 1, and so for loop 1 again",
			},
		},
		{
			"a chain leads to a fault",
			[]string{"produce 1 -> sync 7", "sync 7 -> fault 3", "fault 3 ! fault: disk-stall b1"},
			[]string{"produce 1"}, []string{
				"fault: fault 3",
				"  produce 1 waits for sync 7",
				"  sync 7 waits for fault 3",
				"  fault 3: disk-stall b1",
			},
		},
		{
			"a wake-up is lost",
			[]string{"register 1 -> proposal 1", "proposal 1 ! lost: node 2 has no such thing"},
			[]string{"register 1"}, []string{
				"lost wake-up: proposal 1",
				"  register 1 waits for proposal 1",
				"  proposal 1: node 2 has no such thing",
			},
		},
		{
			"a wake-up is not lost while a deadline is to come",
			[]string{"fetch 1 -> forward 1", "fetch 1 until 5", "forward 1 ! lost: gone"},
			[]string{"fetch 1"}, []string{
				"until its deadline: forward 1", "  fetch 1 waits for forward 1",
				"  forward 1: gone",
			},
		},
		{
			"a deadline that has passed does not count",
			[]string{"fetch 1 -> forward 1", "fetch 1 until 2", "forward 1 ! lost: gone"},
			[]string{"fetch 1"}, []string{
				"lost wake-up: forward 1",
				"  fetch 1 (its deadline was 2ns and has not ended it) waits for forward 1",
				"  forward 1: gone",
			},
		},
		{
			"of roots with the same end, the one without a deadline is shown",
			[]string{
				"fetch 1 -> forward 1", "fetch 1 until 5", "fetch 2 -> forward 1",
				"forward 1 ! lost: gone",
			}, []string{"fetch 1", "fetch 2"},
			[]string{
				"lost wake-up: forward 1 (1 more fetch for the same)",
				"  fetch 2 waits for forward 1", "  forward 1: gone",
			},
		},
		{
			"roots that share a chain are counted",
			[]string{
				"produce 1 -> sync 7", "produce 2 -> sync 7", "produce 3 -> produce 2",
				"fetch 4 -> sync 7", "sync 7 ! fault: stalled",
			},
			[]string{"produce 1", "produce 2", "fetch 4", "produce 3"},
			[]string{
				"fault: sync 7 (2 more produce, 1 more fetch for the same)",
				"  produce 1 waits for sync 7", "  sync 7: stalled",
			},
		},
		{
			"roots that enter a cycle in different places are counted",
			[]string{"a1 -> loop 1", "b1 -> loop 2", "loop 1 -> loop 2", "loop 2 -> loop 1"},
			[]string{"a1", "b1"}, []string{
				"cycle: loop 1, loop 2 wait for each other (1 more b for the same)",
				"  a1 waits for loop 1", "  loop 1 waits for loop 2",
				"  loop 2 waits for loop 1, and so for loop 1 again",
			},
		},
		{
			"an unknown vertex is called unknown",
			[]string{"produce 1 -> request 9"}, []string{"produce 1"},
			[]string{
				"unknown: request 9", "  produce 1 waits for request 9",
				"  request 9: nothing is known of it",
			},
		},
		{
			"the worst branch is shown",
			[]string{
				"produce 1 -> disk, ack, fault", "disk ! open", "ack -> gone",
				"gone ! lost: never sent", "fault ! fault: cut", "produce 2 -> disk, ack",
			},
			[]string{"produce 2", "produce 1"},
			[]string{
				"fault: fault", "  produce 1 waits for fault", "  fault: cut",
				"lost wake-up: gone", "  produce 2 waits for ack", "  ack waits for gone",
				"  gone: never sent",
			},
		},
		{
			"a cycle is found from a branch that is searched first",
			[]string{"a -> b", "b -> c, d", "c ! open", "d -> a", "e -> c, b"}, []string{"e"},
			[]string{
				"cycle: b, d, a wait for each other",
				"  e waits for b", "  b waits for d", "  d waits for a",
				"  a waits for b, and so for b again",
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, vertex := graphOf(c.graph...)
			var roots []int
			for _, id := range c.roots {
				roots = append(roots, vertex(id))
			}
			require.Equal(t, c.want, texts(g.Reduce(roots, 3)))
		})
	}
}
