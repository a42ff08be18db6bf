package scenario

import (
	"slices"
	"strconv"
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/sim/plan"
)

const (
	// budgetedPause bounds a pause of acknowledgements (PROTOCOL 25). It is the sum of: 1.5
	// s for an election of the controller with a second round; 2.8 s until the controller
	// may take leaderships away; 1 s until the new leader gives up a second struck broker;
	// the commits of both; and up to 0.5 s between the first fault of a spell and the last.
	// A slow disk is not given up after 1 s: see check.Circumstances.slowInSync.
	budgetedPause = 6 * plan.Second
	// budgetedCreate adds the wait for brokers that are not fenced yet. It is at most 4 s
	// (api.Settings.AppliedByAll).
	budgetedCreate = budgetedPause + 4*plan.Second
)

// spellMenu has faults that strike one broker: its process, its disk, or all its links.
var spellMenu = []plan.MenuItem{
	{Kind: "kill", Weight: 3}, {Kind: "power-off", Weight: 3},
	{Kind: "torn-power-off", Weight: 1, Amount: between(20, 100)},
	{Kind: "crash-loop", Weight: 2, Amount: between(1, 1500)},
	{Kind: "clean-stop", Weight: 2, Amount: between(100, 3000)},
	{Kind: "freeze", Weight: 4}, {Kind: "freeze-loop", Weight: 3},
	{Kind: "hold-completions", Weight: 2}, {Kind: "slow", Weight: 1, Amount: between(2, 50)},
	{Kind: "isolate", Weight: 4}, {Kind: "reset-connections", Weight: 1},
	{Kind: "half-open", Weight: 2, Amount: between(1, 3)}, {Kind: "refuse", Weight: 1},
	{Kind: "disk-stall", Weight: 3}, {Kind: "sync-stall", Weight: 2},
	{Kind: "disk-slow", Weight: 1, Amount: between(2, 30)},
	{Kind: "disk-full", Weight: 2, Amount: between(0, 1<<16)},
	{Kind: "io-errors", Weight: 1, Amount: between(5, 50)}, {Kind: "sync-error", Weight: 1},
	{Kind: "clock-jump", Weight: 1, Amount: between(-10_000_000, 10_000_000)},
}

// oneWayMenu has faults on links. A spell puts one on the links from one broker to all
// others, in one direction or in both.
var oneWayMenu = []plan.MenuItem{
	{Kind: "cut", Weight: 3}, {Kind: "stall-link", Weight: 2},
	{Kind: "flap", Weight: 2, Amount: between(100, 2000)},
	{Kind: "spike-link", Weight: 1, Amount: between(10, 300)}, {Kind: "chop-link", Weight: 1},
}

func drawBudgeted(_ uint64, r *env.Rand) plan.Plan {
	p := drawCluster(r, 3+2*r.IntN(2), 80*time.Second)
	p.Budget = plan.Budgeted
	calm(&p)
	p.Disk.Sync, p.Disk.SyncJitter = min(p.Disk.Sync, 2*plan.Millisecond),
		min(p.Disk.SyncJitter, 4*plan.Millisecond)
	p.Workload.Every = max(p.Workload.Every, 15*plan.Millisecond)
	o := &p.Workload.Options
	o.AckPauseMs, o.CreateMs = plan.Set(int64(budgetedPause/plan.Millisecond)),
		plan.Set(int64(budgetedCreate/plan.Millisecond))
	o.ChurnUs = plan.Set(r.Between(200_000, 1_000_000))
	o.RequestTimeoutMs = plan.Set(min(o.RequestTimeoutMs.Or(0), 2000))
	for i := range p.Nodes {
		if p.Nodes[i].Role == "broker" {
			p.Nodes[i].DriftPpm = r.Between(-20_000, 20_000)
		}
	}
	brokers := p.Brokers()
	for at := drawDuration(r, 8*plan.Second, 10*plan.Second); at < 64*plan.Second; {
		length := drawDuration(r, 500*plan.Millisecond, 8*plan.Second)
		for _, name := range others(r, len(brokers), 1+r.IntN(p.StrikeLimit())) {
			p.Faults = append(p.Faults, drawSpell(r, brokers, name,
				at+drawDuration(r, 0, 500*plan.Millisecond), length)...)
		}
		at += length + 500*plan.Millisecond + plan.SpellPause + drawDuration(r, 0, 3*plan.Second)
	}
	p.Duration = 80 * plan.Second
	p.Expect.Stops = plan.StoppedBy(p.Faults)
	p.RestartAfterStop = drawDuration(r, 10*plan.Millisecond, plan.Second)
	o.MinAcks = plan.Set(0)
	return p
}

// drawSpell strikes one broker.
func drawSpell(r *env.Rand, brokers []plan.NodeSpec, name string, at,
	length plan.Duration) []plan.Fault {
	victim := slices.IndexFunc(brokers, func(n plan.NodeSpec) bool { return n.Name == name })
	if r.Chance(3, 4) {
		f := plan.DrawFaults(r, brokers[victim:victim+1], time.Second, spellMenu, 1)[0]
		f.At, f.For = at, length
		return []plan.Fault{f}
	}
	f := plan.DrawFaults(r, brokers, time.Second, oneWayMenu, 1)[0]
	f.At, f.For = at, length
	sign := []string{">", "-"}[r.IntN(2)]
	var faults []plan.Fault
	for _, target := range everyLink(name+sign+"*", len(brokers)) {
		f.Target = target
		faults = append(faults, f)
	}
	return faults
}

// dishonestMenu breaks what disks promise. It also drives clocks beyond the drift that
// leases allow for.
var dishonestMenu = []plan.MenuItem{
	{Kind: "bit-rot", Weight: 6, Amount: between(1, 64),
		Paths: []string{"shard-1/", "partitions/", "partitions/", "control/", ""}},
	{Kind: "lose-write", Weight: 1, Amount: between(1, 3),
		Paths: []string{"shard-1/", "partitions/"}},
	{Kind: "misdirect-write", Weight: 1, Amount: between(1, 2),
		Paths: []string{"shard-1/", "partitions/"}},
	{Kind: "lose-write", Weight: 1, Amount: between(1, 3)},
	{Kind: "clock-drift", Weight: 2, Amount: between(-400_000, 400_000)},
}

// drawUnbudgeted breaks everything that can break. In two runs of three bit rot is the only
// fault of dishonestMenu: a write that is lost silently excuses many losses, and can hide
// other bugs.
func drawUnbudgeted(_ uint64, r *env.Rand) plan.Plan {
	p := drawFaulty(r, 1)
	p.Budget, p.Liveness = plan.Unbudgeted, 20*plan.Second
	p.Workload.Options.LogSegmentBytes = plan.Set([]int64{0, 16 << 10}[r.IntN(2)])
	menu := slices.Concat(crashMenu, crashMenu, partitionMenu, diskMenu, freezeMenu,
		rarerNetworkMenu, rarerDiskMenu, rarerCrashMenu)
	p = withFaults(r, p, menu, r.IntN(10))
	dishonest := dishonestMenu
	if r.Chance(2, 3) {
		dishonest = dishonestMenu[:1]
	}
	p = withFaults(r, p, dishonest, 1+r.IntN(8))
	p = withFaults(r, p, crashMenu, 1+r.IntN(3))
	p.Expect.Stops = []string{"*"}
	p.RestartAfterStop = drawDuration(r, 10*plan.Millisecond, 2*plan.Second)
	if r.Chance(1, 12) { // one disk drops all writes of a shard for a while
		target, at := "b"+strconv.Itoa(1+r.IntN(len(p.Brokers()))),
			drawDuration(r, plan.Second, p.Duration/2)
		p.Faults = append(p.Faults,
			plan.Fault{At: at, Kind: "lose-write", Target: target, For: 5 * plan.Second,
				Amount: 10_000, Path: "shard-1/"},
			plan.Fault{At: at + drawDuration(r, 2*plan.Second, 5*plan.Second), Kind: "power-off",
				Target: target, For: 500 * plan.Millisecond})
	}
	return p
}

func drawDuration(r *env.Rand, low, high plan.Duration) plan.Duration {
	return plan.Duration(r.Between(int64(low), int64(high))).Round()
}
