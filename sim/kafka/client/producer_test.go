package client

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/checker"
	"example.com/lockstep/sim/plan"
)

func TestProducersUseAcksAllIfThePlanSaysSo(t *testing.T) {
	var o plan.Options
	asked := func() map[int16]bool {
		acks := map[int16]bool{}
		for n := range uint64(100) {
			l := &Load{Plan: &plan.Plan{Workload: plan.Workload{Options: o}},
				Brokers: []string{"b1"}}
			p := newProducer(&Client{load: l, Name: "producer2",
				rand: env.NewRand(env.Key(n, "producer"))})
			acks[p.acks] = true
		}
		return acks
	}
	require.Len(t, asked(), 3)
	o.AcksAll = plan.Set(1)
	require.Equal(t, map[int16]bool{checker.AcksAll: true}, asked())
}
