package main

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/drive"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/wait"
	"example.com/lockstep/cmd/lockstep/admin"
)

// why runs lockstep why for nodes that serve these waits.
func why(t *testing.T, more []string, nodes ...drive.NodeWaits) (string, error) {
	t.Helper()
	addrs := more
	for _, n := range nodes {
		server := httptest.NewServer(monitorHandler(&fakeBroker{pending: n}))
		defer server.Close()
		addrs = append(addrs, strings.TrimPrefix(server.URL, "http://"))
	}
	var out strings.Builder
	c := whyCommand()
	c.SilenceErrors, c.SilenceUsage = true, true
	c.SetArgs([]string{"--http", strings.Join(addrs, ",")})
	c.SetOut(&out)
	c.SetErr(&out)
	err := c.Execute()
	return out.String(), err
}

func TestWhyFollowsWaitsFromNodeToNode(t *testing.T) {
	second := env.Instant(1e9)
	text, err := why(t, nil,
		drive.NodeWaits{Node: 2, Loops: []drive.LoopWaits{{At: second, Waits: []wait.Wait{
			{Who: "replica of t0/0", Since: wait.Unknown, Until: env.Never, For: "room",
				On: wait.OfSpace()},
		}}}},
		drive.NodeWaits{Node: 1, Loops: []drive.LoopWaits{{At: 9 * second, Waits: []wait.Wait{
			{Who: "produce 1", Since: 7 * second, Until: env.Never, For: "an ack",
				On: wait.OfPeer(2, "replica of t0/0")},
		}}}})
	require.NoError(t, err)
	require.Equal(t, `fault: room on the disk of node 2
  node 1 loop 0 produce 1 (since 2s ago) waits for an ack
  node 2 loop 0 replica of t0/0 waits for room
  room on the disk of node 2
`, text)
}

func TestWhySaysWhichNodesHaveNotAnswered(t *testing.T) {
	text, err := why(t, []string{"127.0.0.1:1"}, drive.NodeWaits{Node: 1})
	require.NoError(t, err)
	require.Contains(t, text, "no answer: Get \"http://127.0.0.1:1/")
	require.Contains(t, text, "nothing is pending\n")
	_, err = why(t, []string{"127.0.0.1:1"})
	require.Equal(t, admin.ExitNoAnswer, admin.ExitCode(err))
}
