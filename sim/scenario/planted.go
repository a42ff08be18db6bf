package scenario

import (
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/sim/kafka"
	"example.com/lockstep/sim/plan"
)

// plantedScenarios run the real broker and must fail although it has no bug: a client
// reports what it did not see. They test verdicts and reports.
var plantedScenarios = []Scenario{
	{Name: "planted-stale-end", About: "planted: a reader reports an end of the log that it saw " +
		"long before", Draw: drawPlantedStaleEnd, New: kafka.New, Planted: true},
}

func drawPlantedStaleEnd(_ uint64, r *env.Rand) plan.Plan {
	p := drawCluster(r, 3, 6*time.Second)
	p.Limits.Mailbox, p.Limits.HiccupEvery = 64, 0
	p.Workload.Every = 20 * plan.Millisecond
	o := &p.Workload.Options
	o.Topics, o.Partitions, o.Tight, o.MinAcks = plan.Set(1), plan.Set(2), plan.Set(0), plan.Set(0)
	o.PlantedStaleEnd = plan.Set(12)
	p.Faults = []plan.Fault{{At: p.Duration / 3, Kind: "freeze", Target: "@leader",
		For: 2 * plan.Second}}
	return p
}
