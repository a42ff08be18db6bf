package sim_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/sim"
	"example.com/lockstep/sim/world"
)

// BenchmarkToy reports how many events per second a whole world runs: hosts, network, disks
// and trace.
func BenchmarkToy(b *testing.B) {
	events := uint64(0)
	for b.Loop() {
		r, err := sim.RunSeed("toy-calm", 1, world.Options{})
		require.NoError(b, err)
		require.Equal(b, world.Pass, r.Verdict)
		events += r.Events
	}
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkKafka reports the same for a world with brokers, clients, faults and checkers.
func BenchmarkKafka(b *testing.B) {
	events := uint64(0)
	for b.Loop() {
		r, err := sim.RunSeed("mix", 1, world.Options{})
		require.NoError(b, err)
		require.Equal(b, world.Pass, r.Verdict)
		events += r.Events
	}
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
}
