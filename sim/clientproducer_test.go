package sim

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/checker"
)

func TestProducersAskForAllReplicasWhereThePlanSaysSo(t *testing.T) {
	var o WorkloadOptions
	asked := func() map[int16]bool {
		acks := map[int16]bool{}
		for n := range uint64(100) {
			l := &load{plan: &Plan{Workload: Workload{Options: o}}, brokers: []string{"b1"}}
			p := newProducer(&kafkaClient{load: l, name: "producer2", rand: env.NewRand(env.Key(n, "producer"))})
			acks[p.acks] = true
		}
		return acks
	}
	require.Len(t, asked(), 3)
	o.AcksAll = Set(1)
	require.Equal(t, map[int16]bool{checker.AcksAll: true}, asked())
}
