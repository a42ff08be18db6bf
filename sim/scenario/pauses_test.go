package scenario

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/sim/kafka"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/property"
	"example.com/lockstep/sim/world"
)

func TestOnlyASlowDiskOfAReplicaInSyncMayLengthenAPause(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault plan.Fault
		found []string // properties that are broken
	}{
		{"a disk takes 400 ms to sync", plan.Fault{Kind: "disk-slow", Target: "b2", Amount: 800},
			nil},
		{"a node is frozen", plan.Fault{Kind: "freeze", Target: "b2"},
			[]string{property.KeepsAcknowledging}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := effectPlan(env.NewRand(env.Key(1, "effects")))
			c.fault.At, c.fault.For = effectAt, 2*plan.Second
			p.Faults = []plan.Fault{c.fault}
			p.Workload.Options.AckPauseMs, p.Workload.Options.ProduceTimeoutMs = plan.Set(500),
				plan.Set(100)
			w, err := world.New(&p, kafka.New(&p), world.Options{})
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
