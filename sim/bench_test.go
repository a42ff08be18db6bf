package sim

import (
	"testing"

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
