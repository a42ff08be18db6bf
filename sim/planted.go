package sim

import (
	"time"

	"example.com/lockstep/broker/env"
)

// plantedScenarios are worlds of the real broker that must fail although nothing
// is wrong with it: a client tells what it did not see. They test verdicts and
// reports.
var plantedScenarios = []Scenario{
	{Name: "planted-stale-end", About: "planted: a reader tells an end of the log that it saw long before", Draw: drawPlantedStaleEnd, New: newCluster, Planted: true},
}

func drawPlantedStaleEnd(_ uint64, r *env.Rand) Plan {
	p := drawCluster(r, 3, 6*time.Second)
	p.Limits.Mailbox, p.Limits.HiccupEvery = 64, 0
	p.Workload.Every = 20 * msec
	o := &p.Workload.Options
	o.Topics, o.Partitions, o.Tight, o.MinAcks = Set(1), Set(2), Set(0), Set(0)
	o.PlantedStaleEnd = Set(12)
	p.Faults = []Fault{{At: p.Duration / 3, Kind: "freeze", Target: "@leader", For: 2 * sec}}
	return p
}
