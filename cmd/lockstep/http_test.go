package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/drive"
)

type fakeBroker struct {
	reason, hangs string
	cluster       clusterAnswer
	pending       drive.NodeWaits
}

func (f *fakeBroker) livez() string  { return f.hangs }
func (f *fakeBroker) readyz() string { return f.reason }

func (f *fakeBroker) clusterHealth() (clusterAnswer, error) { return f.cluster, nil }

func (f *fakeBroker) sample() []metric {
	return []metric{
		{"lockstep_loop_turns_total", counter, "1", 3},
		{"lockstep_control_brokers", gauge, "", 0.5},
		{"lockstep_loop_turns_total", counter, "2", 1e9},
	}
}

func (f *fakeBroker) waits() []string { return []string{"loop 0: 0 waits"} }

func (f *fakeBroker) waiting() drive.NodeWaits { return f.pending }

func get(t *testing.T, m monitored, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	monitorHandler(m).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

func TestHealthSaysWhyNot(t *testing.T) {
	f := &fakeBroker{}
	require.Equal(t, http.StatusOK, get(t, f, "/healthz").Code)
	f.reason = "fenced"
	w := get(t, f, "/healthz")
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.Equal(t, "fenced\n", w.Body.String())
}

func TestMetricsAreGroupedByNameWithTheirHelp(t *testing.T) {
	w := get(t, &fakeBroker{}, "/metrics")
	require.Equal(t, http.StatusOK, w.Code)
	require.Contains(t, w.Body.String(),
		`
# HELP lockstep_control_brokers registered brokers in this node's metadata.
# TYPE lockstep_control_brokers gauge
lockstep_control_brokers 0.5
# HELP lockstep_loop_turns_total turns that the loop has taken.
# TYPE lockstep_loop_turns_total counter
lockstep_loop_turns_total{loop="1"} 3
lockstep_loop_turns_total{loop="2"} 1e+09
# HELP process_`)
	require.Contains(t, w.Body.String(), "\nprocess_resident_memory_bytes ")
}

func TestDebugPages(t *testing.T) {
	require.Contains(t, get(t, &fakeBroker{}, "/debug/stacks").Body.String(), "TestDebugPages")
	require.Equal(t, "loop 0: 0 waits\n", get(t, &fakeBroker{}, "/debug/waits").Body.String())
	require.Equal(t, http.StatusOK, get(t, &fakeBroker{}, "/debug/pprof/").Code)
	require.Equal(t, http.StatusNotFound, get(t, &fakeBroker{}, "/nothing").Code)
}

func TestFieldsBecomeMetrics(t *testing.T) {
	type inner struct{ Bytes int64 }
	stats := struct {
		Requests   uint64
		WALBytes   int
		DiskAge    time.Duration
		Fenced     bool
		Commit     uint64
		Window     uint64 `metric:"gauge"`
		Skipped    uint64 `metric:"-"`
		Name       string
		Tail       inner
		unexported uint64
	}{
		Requests: 7, WALBytes: -1, DiskAge: 1500 * time.Millisecond, Fenced: true, Commit: 9,
		Window: 4, Tail: inner{12},
	}
	stats.unexported = 1
	want := []metric{
		{"p_requests_total", counter, "1", 7},
		{"p_wal_bytes", gauge, "1", -1},
		{"p_disk_age_seconds", gauge, "1", 1.5},
		{"p_fenced", gauge, "1", 1},
		{"p_commit", gauge, "1", 9},
		{"p_window", gauge, "1", 4},
		{"p_tail_bytes", gauge, "1", 12},
	}
	require.Equal(t, want, structMetrics("p", "1", stats))
	require.Equal(t, want, structMetrics("p", "1", &stats))
}

func TestSnakeCase(t *testing.T) {
	for from, to := range map[string]string{
		"Requests": "requests", "UnderMinISR": "under_min_isr", "ISRProposals": "isr_proposals",
		"WALUsed": "wal_used", "LeaseUntil": "lease_until", "A": "a",
	} {
		require.Equal(t, to, snakeCase(from))
	}
}
