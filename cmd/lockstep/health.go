package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/node"
)

// The health of a node and of the cluster, as monitors and load balancers ask for it.

// livez says which loop hangs; "" if none does. A fenced node is alive, and so is one with a full
// disk: a restart would help neither.
func (b *broker) livez() string {
	if id, busy := b.node.Longest(); busy >= b.warn {
		return fmt.Sprintf("loop %d has been in one turn for %v", id, busy.Round(time.Millisecond))
	}
	return ""
}

// readyz says why the node should get no clients; "" if it should.
func (b *broker) readyz() string {
	if b.draining.Load() {
		return "shutting down" // a drain holds the node's only place for questions
	}
	h, err := ask[node.Health](b, loop.Control, node.HealthRequest{}, askTimeout)
	if err != nil {
		return fmt.Sprintf("control loop: %v", err)
	}
	return strings.Join(h.Node.Problems(), "; ")
}

// clusterHealth is what this node knows of the cluster.
func (b *broker) clusterHealth() (clusterAnswer, error) {
	if b.draining.Load() {
		return clusterAnswer{}, fmt.Errorf("shutting down")
	}
	h, err := ask[node.Health](b, loop.Control, node.HealthRequest{}, askTimeout)
	if err != nil {
		return clusterAnswer{}, fmt.Errorf("control loop: %w", err)
	}
	return answerOf(&h), nil
}

// The states of a cluster, by rising severity.
const (
	statusHealthy   = "healthy"
	statusDegraded  = "degraded"  // everything is served, with less redundancy than configured
	statusUnhealthy = "unhealthy" // something is not served
)

// clusterAnswer is the JSON of /cluster/health.
type clusterAnswer struct {
	Status   string   `json:"status"`
	Problems []string `json:"problems"`
	node.ClusterHealth
}

// answerOf judges what a node knows.
func answerOf(h *node.Health) clusterAnswer {
	a := clusterAnswer{Status: statusHealthy, Problems: []string{}, ClusterHealth: h.Cluster}
	for _, p := range []struct {
		is     bool
		status string
		text   string
	}{
		{h.Cluster.Controller < 0 || !h.Node.Leased && !h.Node.Draining, statusUnhealthy,
			"this node hears of no controller with a quorum: the rest may be old"},
		{h.Cluster.Unled > 0, statusUnhealthy,
			fmt.Sprintf("%d partitions have no leader", h.Cluster.Unled)},
		{h.Cluster.UnderMinISR > 0, statusUnhealthy,
			fmt.Sprintf("%d partitions are under min.insync.replicas", h.Cluster.UnderMinISR)},
		{h.Cluster.UnderReplicated > 0, statusDegraded,
			fmt.Sprintf("%d partitions are under-replicated", h.Cluster.UnderReplicated)},
		{h.Cluster.OfflineReplicas > 0, statusDegraded,
			fmt.Sprintf("%d replicas are offline", h.Cluster.OfflineReplicas)},
		{h.Node.NotOnline > 0, statusDegraded,
			fmt.Sprintf("this node cannot write the files of %d replicas", h.Node.NotOnline)},
		{len(h.Cluster.Fenced) > 0, statusDegraded, fmt.Sprintf("fenced: %v", h.Cluster.Fenced)},
		{len(h.Cluster.Full) > 0, statusDegraded, fmt.Sprintf("disk full: %v", h.Cluster.Full)},
	} {
		if p.is {
			a.Problems = append(a.Problems, p.text)
			if a.Status != statusUnhealthy {
				a.Status = p.status
			}
		}
	}
	return a
}

// handleHealth adds the endpoints. /healthz is /readyz, for monitors that know only that name.
func handleHealth(mux *http.ServeMux, m monitored) {
	for path, problem := range map[string]func() string{
		"/livez": m.livez, "/readyz": m.readyz, "/healthz": m.readyz,
	} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			reason := problem()
			if reason != "" {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			fmt.Fprintln(w, cmp.Or(reason, "ok"))
		})
	}
	mux.HandleFunc("GET /cluster/health", func(w http.ResponseWriter, _ *http.Request) {
		answer, err := m.clusterHealth()
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if answer.Status == statusUnhealthy {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		out := json.NewEncoder(w)
		out.SetIndent("", "  ")
		_ = out.Encode(answer)
	})
}
