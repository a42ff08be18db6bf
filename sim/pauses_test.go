package sim

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
)

func TestOnlyASlowDiskInSyncProlongsAPause(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault Fault
		found []string // properties that are broken
	}{
		{"a disk takes 400 ms to sync", Fault{Kind: "disk-slow", Target: "b2", Amount: 800}, nil},
		{"a node stands still", Fault{Kind: "freeze", Target: "b2"}, []string{PropertyKeepsAcknowledging}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := effectPlan(env.NewRand(env.Key(1, "effects")))
			c.fault.At, c.fault.For = effectAt, 2*sec
			p.Faults = []Fault{c.fault}
			p.Workload.Options.AckPauseMs, p.Workload.Options.ProduceTimeoutMs = Set(500), Set(100)
			w, err := NewWorld(&p, newCluster(&p), Options{})
			require.NoError(t, err)
			defer w.Close()
			r := w.Run()
			var found []string
			for i := range r.Failures {
				if f := &r.Failures[i]; !slices.Contains(found, f.Property) {
					found = append(found, f.Property)
				}
			}
			require.Equal(t, c.found, found)
		})
	}
}
