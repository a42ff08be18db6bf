package sim

import (
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/checker"
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

// staleEnd makes a planted reader tell, once, an end that it saw eight answers
// before.
type staleEnd struct {
	seen map[checker.Partition][]checker.Offset
	told bool
}

func (s *staleEnd) distort(c *cluster, e *checker.EndRead) {
	n := int(c.options().PlantedStaleEnd.Or(0))
	if n == 0 || e.Code != 0 || s.told {
		return
	}
	if s.seen == nil {
		s.seen = map[checker.Partition][]checker.Offset{}
	}
	seen := append(s.seen[e.Partition], e.Offset)
	s.seen[e.Partition] = seen
	if len(seen) >= n && seen[len(seen)-8] < e.Offset {
		e.Offset, s.told = seen[len(seen)-8], true
	}
}
