// Package alloctest bounds what a function allocates, for tests of decoders: a
// length on the wire must not decide how much memory is taken before the bytes
// have arrived.
package alloctest

import (
	"runtime/metrics"
	"testing"
)

// slack is what the runtime may count late, a span of every size, and what a
// fuzzing process allocates beside.
const slack = 4 << 20

// Bounded runs f and fails the test if it allocated clearly more than limit bytes
// in all. Small allocations are counted with a delay, so the bound is coarse: it
// finds the buffer that is too large, not the second copy. Nothing else may run
// in the process meanwhile.
func Bounded(t testing.TB, limit int, f func()) {
	t.Helper()
	before := allocated()
	f()
	if n := allocated() - before; n > uint64(limit+slack) {
		t.Fatalf("%d bytes were allocated, at most %d are allowed", n, limit)
	}
}

func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
