package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/node"
	"example.com/lockstep/cmd/lockstep/admin"
)

func healthyCluster() node.Health {
	h := node.Health{Node: node.NodeHealth{Registered: true, Leased: true}}
	h.Cluster = node.ClusterHealth{Controller: 1, Brokers: 3, Partitions: 9}
	return h
}

func TestTheHealthOfAClusterIsJudged(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*node.Health)
		want  string
		code  int
	}{
		"healthy":   {func(*node.Health) {}, statusHealthy, http.StatusOK},
		"fenced":    {func(h *node.Health) { h.Cluster.Fenced = []int32{2} }, statusDegraded, 200},
		"full":      {func(h *node.Health) { h.Cluster.Full = []int32{2} }, statusDegraded, 200},
		"small ISR": {func(h *node.Health) { h.Cluster.UnderReplicated = 1 }, statusDegraded, 200},
		"offline":   {func(h *node.Health) { h.Cluster.OfflineReplicas = 1 }, statusDegraded, 200},
		"bad files": {func(h *node.Health) { h.Node.NotOnline = 1 }, statusDegraded, 200},
		"no leader": {func(h *node.Health) { h.Cluster.Unled = 1 }, statusUnhealthy, 503},
		"min ISR":   {func(h *node.Health) { h.Cluster.UnderMinISR = 1 }, statusUnhealthy, 503},
		"no quorum": {func(h *node.Health) { h.Cluster.Controller = -1 }, statusUnhealthy, 503},
		"no lease":  {func(h *node.Health) { h.Node.Leased = false }, statusUnhealthy, 503},
		"both": {func(h *node.Health) {
			h.Cluster.Unled, h.Cluster.Full = 1, []int32{3}
		}, statusUnhealthy, 503},
	} {
		t.Run(name, func(t *testing.T) {
			h := healthyCluster()
			c.spoil(&h)
			answer := answerOf(&h)
			require.Equal(t, c.want, answer.Status)
			require.Equal(t, c.want != statusHealthy, len(answer.Problems) > 0)
			require.Equal(t, c.code, get(t, &fakeBroker{cluster: answer}, "/cluster/health").Code)
		})
	}
}

func TestLivenessAndReadinessAreTwoThings(t *testing.T) {
	f := &fakeBroker{reason: "fenced"}
	require.Equal(t, http.StatusOK, get(t, f, "/livez").Code)
	require.Equal(t, http.StatusServiceUnavailable, get(t, f, "/readyz").Code)
	f.hangs = "loop 1 has been in one turn for 2s"
	w := get(t, f, "/livez")
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.Equal(t, f.hangs+"\n", w.Body.String())
}

func TestClusterHealthHasAnExitCodeForEachState(t *testing.T) {
	h := healthyCluster()
	ask := func() (string, error) {
		server := httptest.NewServer(monitorHandler(&fakeBroker{cluster: answerOf(&h)}))
		defer server.Close()
		var out strings.Builder
		err := clusterHealth(&out, strings.TrimPrefix(server.URL, "http://"), false, time.Minute)
		return out.String(), err
	}
	text, err := ask()
	require.NoError(t, err)
	require.Contains(t, text, "status      healthy\ncontroller  1, term 0\n")
	h.Cluster.Fenced = []int32{2}
	_, err = ask()
	require.Equal(t, admin.ExitDegraded, admin.ExitCode(err))
	h.Cluster.Unled = 4
	text, err = ask()
	require.Equal(t, admin.ExitUnhealthy, admin.ExitCode(err))
	require.Contains(t, text, "problem     4 partitions have no leader\n")
	err = clusterHealth(&strings.Builder{}, "127.0.0.1:1", false, time.Minute)
	require.Equal(t, admin.ExitNoAnswer, admin.ExitCode(err))
}
