package kafka_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/checker"
	"example.com/lockstep/sim/kafka"
	"example.com/lockstep/sim/scenario"
	"example.com/lockstep/sim/world"
)

// Brokers list whatever a request waits for. Without a bug each chain ends at a fault, at
// something under way, or at a deadline. If a broker waits somewhere and does not list it,
// this test sees a lost wake-up.
func TestBrokersListWhatRequestsWaitFor(t *testing.T) {
	const old = 700 * time.Millisecond
	explained := 0
	for i, name := range []string{"mix", "partition", "freeze", "crash", "mix", "partition",
		"freeze", "crash"} {
		plan, err := scenario.NewPlan(name, uint64(i+2)/4+4)
		require.NoError(t, err)
		c := kafka.New(plan)
		w, err := world.New(plan, c, world.Options{})
		require.NoError(t, err)
		for at := env.Instant(time.Second); at < env.Instant(plan.Duration); at =
			at.Add(50 * time.Millisecond) {
			require.True(t, w.Advance(at))
			var overdue []world.Overdue
			h := c.(interface{ History() *checker.History }).History()
			for i := range h.Requests {
				r := &h.Requests[i]
				if r.Return == checker.Never && r.Name != "Fetch" &&
					time.Duration(at)-r.Call.At > old {
					overdue = append(overdue, kafka.RequestOverdue(c, r)...)
				}
			}
			if len(overdue) == 0 {
				continue
			}
			s := w.StallOf("requests end", "", overdue)
			for _, chain := range s.Chains {
				require.NotContains(t, []string{"cycle", "lost wake-up", "unknown"}, chain.End,
					"%s seed %d\n%s", plan.Scenario, plan.Seed, s)
			}
			explained += s.Overdue
		}
		w.Close()
	}
	require.Greater(t, explained, 100)
}
