package drive

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/wait"
)

func TestExplainFollowsWaitsThroughTheLoops(t *testing.T) {
	at := func(seconds int) env.Instant { return env.Instant(time.Duration(seconds) * time.Second) }
	op := func(who string, since env.Instant, what string, on wait.Target) wait.Wait {
		return wait.Wait{Who: who, Since: since, Until: env.Never, For: what, On: on}
	}
	all := []LoopWaits{
		{
			Loop: 0, At: at(10),
			Waits: []wait.Wait{op("call 1", wait.Unknown, "its command", wait.Of("command 4"))},
		},
		{Loop: 1, At: at(10), Waits: []wait.Wait{
			op("produce 2", at(9), "its partition", wait.OfLoop(2, "append 2")),
			op("produce 1", at(7), "its partition", wait.OfLoop(2, "append 1")),
			op("metadata 3", at(8), "loop 3", wait.OfLoop(3, "call 3")),
		}},
		{Loop: 2, At: at(10), Waits: []wait.Wait{
			op("append 1", wait.Unknown, "an ack", wait.OfPeer(2, "replica of t0/0")),
			op("append 2", wait.Unknown, "an ack", wait.OfPeer(2, "replica of t0/0")),
		}},
		{Loop: 3, Silent: "the end of its turn"},
	}
	require.Equal(t, []string{
		"fault: loop 3",
		"  loop 1 metadata 3 (since 2s ago) waits for loop 3",
		"  loop 3: it does not answer; its turn is at the end of its turn",
		"unknown: loop 0 command 4",
		"  loop 0 call 1 waits for its command",
		"  loop 0 command 4: the loop lists no such thing; it may have ended meanwhile",
		"under way: node 2 (1 more produce for the same)",
		"  loop 1 produce 1 (since 3s ago) waits for its partition",
		"  loop 2 append 1 waits for an ack",
		"  node 2: its /debug/waits may list: replica of t0/0",
	}, Explain(all))
}

func TestExplainNamesLoopsThatWaitForEachOther(t *testing.T) {
	room := func(of int32) wait.Wait {
		return wait.Wait{
			Who: wait.Self, Since: wait.Unknown, Until: env.Never, For: "room",
			On: wait.OfMailbox(of),
		}
	}
	all := []LoopWaits{
		{Loop: 0, Waits: []wait.Wait{room(1)}},
		{Loop: 1, Waits: []wait.Wait{room(0)}},
	}
	require.Equal(t, "cycle: loop 0, loop 1 wait for each other (1 more loop for the same)",
		Explain(all)[0])
}

func TestExplainFollowsWaitsFromNodeToNode(t *testing.T) {
	second := env.Instant(time.Second)
	op := func(who string, since env.Instant, what string, on wait.Target) wait.Wait {
		return wait.Wait{Who: who, Since: since, Until: env.Never, For: what, On: on}
	}
	nodes := []NodeWaits{
		{Node: 1, Loops: []LoopWaits{{At: 100 * second, Waits: []wait.Wait{
			op("produce 1", 97*second, "an ack", wait.OfPeer(2, "replica of t0/0")),
			op("call 2", 98*second, "an answer", wait.OfPeer(3, "proposal 5")),
		}}}},
		{Node: 2, Loops: []LoopWaits{{At: 5 * second}, {At: 5 * second, Waits: []wait.Wait{
			op("replica of t0/0", wait.Unknown, "its sync", wait.OfSpace()),
		}}}},
	}
	require.Equal(t, []string{
		"fault: room on the disk of node 2",
		"  node 1 loop 0 produce 1 (since 3s ago) waits for an ack",
		"  node 2 loop 1 replica of t0/0 waits for its sync",
		"  room on the disk of node 2",
		"fault: node 3",
		"  node 1 loop 0 call 2 (since 2s ago) waits for an answer",
		"  node 3: it has not answered, or was not asked",
	}, ExplainCluster(nodes))
}
