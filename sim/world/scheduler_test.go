package world

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"example.com/lockstep/broker/env"
)

func TestSchedulerRunsInOrderOfTimeThenScheduling(t *testing.T) {
	type item struct {
		at  env.Instant
		seq int
	}
	rapid.Check(t, func(t *rapid.T) {
		var s Scheduler
		var want, got []item
		n := rapid.IntRange(0, 200).Draw(t, "n")
		for i := range n {
			it := item{env.Instant(rapid.IntRange(0, 20).Draw(t, "at")), i}
			want = append(want, it)
			s.At(it.at, "", func() { got = append(got, it); require.Equal(t, it.at, s.Now()) })
		}
		slices.SortStableFunc(want, func(a, b item) int { return int(a.at - b.at) })
		require.Equal(t, Reached, s.Run(100, ^uint64(0)))
		require.Equal(t, want, got)
		require.Equal(t, uint64(n), s.Ran())
		require.Equal(t, env.Instant(100), s.Now())
	})
}

func TestSchedulerTreatsThePastAsNow(t *testing.T) {
	var s Scheduler
	var got []string
	s.At(10, "", func() {
		s.At(10, "", func() { got = append(got, "second") })
		s.At(3, "", func() { got = append(got, "third") })
		got = append(got, "first")
	})
	s.Run(10, 100)
	require.Equal(t, []string{"first", "second", "third"}, got)
	s.At(env.Never, "", func() {})
	require.Zero(t, s.Len())
}

func TestSchedulerStopsAtItsBounds(t *testing.T) {
	var s Scheduler
	ran := 0
	for i := range 10 {
		s.At(env.Instant(i), "e", func() { ran++ })
	}
	require.Equal(t, Reached, s.Run(3, 100))
	require.Equal(t, 4, ran)
	require.Equal(t, Exhausted, s.Run(100, 6))
	require.Equal(t, 6, ran)
	require.Equal(t, env.Instant(5), s.Now(), "time stands at the last event that ran")
	s.At(5, "halt", s.Halt)
	require.Equal(t, Halted, s.Run(100, 100))
	require.Equal(t, 6, ran)
	require.Equal(t, Reached, s.Run(100, 100))
	require.Equal(t, 10, ran)
}

// BenchmarkScheduler measures only the heap: one event schedules the next, while thousands wait.
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
