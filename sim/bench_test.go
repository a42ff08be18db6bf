package sim

import (
	"testing"

	"example.com/lockstep/broker/env"

	"github.com/stretchr/testify/require"
)

// BenchmarkToy reports the events per second of a whole world: hosts, network,
// disks and trace.
func BenchmarkToy(b *testing.B) {
	events := uint64(0)
	for b.Loop() {
		r, err := RunSeed("toy-calm", 1, Options{})
		require.NoError(b, err)
		require.Equal(b, Pass, r.Verdict)
		events += r.Events
	}
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkKafka is the same for a world of brokers, clients, faults and checkers.
func BenchmarkKafka(b *testing.B) {
	events := uint64(0)
	for b.Loop() {
		r, err := RunSeed("mix", 1, Options{})
		require.NoError(b, err)
		require.Equal(b, Pass, r.Verdict)
		events += r.Events
	}
	b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkScheduler is the bare heap: one event schedules the next, among
// thousands that wait.
func BenchmarkScheduler(b *testing.B) {
	var s Scheduler
	var fn func()
	fn = func() { s.At(s.Now()+1000, "bench", fn) }
	for i := range 4096 {
		s.At(env.Instant(i%1000), "bench", fn)
	}
	ran := s.Ran()
	for b.Loop() {
		s.Run(s.Now()+1000, ^uint64(0))
	}
	b.ReportMetric(float64(s.Ran()-ran)/b.Elapsed().Seconds(), "events/s")
}
