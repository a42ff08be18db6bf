package sim

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
)

// Budgeted is the Budget of a plan of which at every moment a quorum core of
// brokers is healthy, with the links among them and to the clients, and clocks
// that keep to their bound. Faults come in spells with pauses between them.
// Liveness is demanded all the time: partitions keep acknowledging, topics are
// made, and before a spell ISRs are full again.
const Budgeted = "budgeted"

// Unbudgeted is the Budget of a plan in which anything may break, also what no
// protocol survives: rot in every copy, writes that never happen, clocks that run
// away. Only safety is demanded, and what is lost must be explained by what
// disks and clocks have done (checker.DamageFact, checker.ClockFact).
const Unbudgeted = "unbudgeted"

const (
	// spellPause is in which ISRs must be full again after a spell: a node that
	// stopped itself is started within a second, its session begins with an election
	// at worst, and it fetches what it missed in some seconds.
	spellPause = 12 * sec
	// budgetedPause bounds a pause of acknowledgements (PROTOCOL 25): an election of
	// the controller, 1.5 s with a second round; then 2.8 s until it may take
	// leaderships; 1 s until the new leader gives a second victim up; the commits of
	// both, and up to half a second between the first fault of a spell and the last.
	// A slow disk is not given up after 1 s: see slowInSync.
	budgetedPause = 6 * sec
	// budgetedCreate adds the wait for brokers that are not fenced yet, which is
	// 4 s at most (api.Settings.AppliedByAll).
	budgetedCreate = budgetedPause + 4*sec
)

// budget is how many brokers of a plan may be struck at the same time.
func (p *Plan) budget() int {
	brokers := 0
	for _, n := range p.Nodes {
		if n.Role == "broker" {
			brokers++
		}
	}
	o := &p.Workload.Options
	return max(0, min((brokers-1)/2, int(o.RF.Or(0)-o.MinISR.Or(0))))
}

// victim is the broker that a fault of a budgeted plan strikes: of a link the
// end that is named first.
func (f *Fault) victim() string {
	if i := strings.IndexAny(f.Target, "/->"); i >= 0 {
		return f.Target[:i]
	}
	return f.Target
}

// byTime are the plan's faults in order of their beginnings.
func (p *Plan) byTime() []Fault {
	faults := slices.Clone(p.Faults)
	slices.SortStableFunc(faults, func(a, b Fault) int { return cmp.Compare(a.At, b.At) })
	return faults
}

// checkBudget reports the first moment at which more is broken than the budget
// allows.
func (p *Plan) checkBudget() error {
	switch p.Budget {
	case "", Unbudgeted:
		return nil
	case Budgeted:
	default:
		return fmt.Errorf("plan: budget %q", p.Budget)
	}
	faults := p.byTime()
	for i := range faults {
		if faults[i].After != "" || strings.HasPrefix(faults[i].Target, "@") {
			return fmt.Errorf("plan: the faults of a budgeted plan have times and names: %s %s", faults[i].Kind, faults[i].Target)
		}
		struck := []string{faults[i].victim()}
		for _, f := range faults[:i] {
			if f.For == 0 || f.At+f.For+spellPause > faults[i].At {
				struck = append(struck, f.victim())
			}
		}
		slices.Sort(struck)
		if n := len(slices.Compact(struck)); n > p.budget() {
			return fmt.Errorf("plan: %d brokers are struck at %s, within %s of each other; the budget is %d", n, faults[i].At, spellPause, p.budget())
		}
	}
	return nil
}

// followBudget demands that the brokers are ready again before each spell.
func (c *cluster) followBudget(w *World) {
	if c.plan.Budget != Budgeted {
		return
	}
	over := Duration(0)
	for _, f := range c.plan.byTime() {
		if over > 0 && f.At >= over+spellPause {
			w.sched.At(env.Instant(f.At)-1, "budget", func() {
				if out := c.unready(); len(out) > 0 {
					w.Violated("between two spells of faults ISRs are full again", "", "%s after the last one: %v", f.At-over, out)
				}
			})
		}
		over = max(over, f.At+f.For)
	}
}

// unready names brokers that are fenced and partitions whose ISR is not full.
func (c *cluster) unready() (out []string) {
	newest := c.newestImage()
	if newest == nil {
		return []string{"no node has metadata"}
	}
	for _, name := range c.brokers {
		if b := newest.Broker(kafka.NodeID(nodeOfAddr(name))); b == nil || b.Fenced {
			out = append(out, name+" is fenced")
		}
	}
	for _, t := range c.topicsOf(newest) {
		for i, p := range t.Partitions {
			if len(p.ISR) < len(p.Replicas) {
				out = append(out, fmt.Sprintf("%s/%d has ISR %v of %v", t.Name, i, p.ISR, p.Replicas))
			}
		}
	}
	return out
}

// spellMenu strikes one broker each: its process, its disk, or all its links.
var spellMenu = []MenuItem{
	{Kind: "kill", Weight: 3}, {Kind: "power-off", Weight: 3}, {Kind: "torn-power-off", Weight: 1, Amount: between(20, 100)},
	{Kind: "crash-loop", Weight: 2, Amount: between(1, 1500)}, {Kind: "clean-stop", Weight: 2, Amount: between(100, 3000)},
	{Kind: "freeze", Weight: 4}, {Kind: "freeze-loop", Weight: 3}, {Kind: "hold-completions", Weight: 2}, {Kind: "slow", Weight: 1, Amount: between(2, 50)},
	{Kind: "isolate", Weight: 4}, {Kind: "reset-connections", Weight: 1}, {Kind: "half-open", Weight: 2, Amount: between(1, 3)}, {Kind: "refuse", Weight: 1},
	{Kind: "disk-stall", Weight: 3}, {Kind: "sync-stall", Weight: 2}, {Kind: "disk-slow", Weight: 1, Amount: between(2, 30)},
	{Kind: "disk-full", Weight: 2, Amount: between(0, 1<<16)}, {Kind: "io-errors", Weight: 1, Amount: between(5, 50)}, {Kind: "sync-error", Weight: 1},
	{Kind: "clock-jump", Weight: 1, Amount: between(-10_000_000, 10_000_000)},
}

// oneWayMenu breaks links of the victim to all others, one way or off and on.
var oneWayMenu = []MenuItem{
	{Kind: "cut", Weight: 3}, {Kind: "stall-link", Weight: 2}, {Kind: "flap", Weight: 2, Amount: between(100, 2000)},
	{Kind: "spike-link", Weight: 1, Amount: between(10, 300)}, {Kind: "chop-link", Weight: 1},
}

func drawBudgeted(_ uint64, r *env.Rand) Plan {
	p := drawCluster(r, 3+2*r.IntN(2), 80*time.Second)
	p.Budget = Budgeted
	p.calm()
	p.Disk.Sync, p.Disk.SyncJitter = min(p.Disk.Sync, 2*msec), min(p.Disk.SyncJitter, 4*msec)
	p.Workload.Every = max(p.Workload.Every, 15*msec)
	o := &p.Workload.Options
	o.AckPauseMs, o.CreateMs = Set(int64(budgetedPause/msec)), Set(int64(budgetedCreate/msec))
	o.ChurnUs = Set(r.Between(200_000, 1_000_000))
	o.RequestTimeoutMs = Set(min(o.RequestTimeoutMs.Or(0), 2000))
	for i := range p.Nodes {
		if p.Nodes[i].Role == "broker" {
			p.Nodes[i].DriftPpm = r.Between(-20_000, 20_000)
		}
	}
	brokers := p.brokerSpecs()
	for at := drawDuration(r, 8*sec, 10*sec); at < 64*sec; {
		length := drawDuration(r, 500*msec, 8*sec)
		for _, name := range others(r, len(brokers), 1+r.IntN(p.budget())) {
			p.Faults = append(p.Faults, drawSpell(r, brokers, name, at+drawDuration(r, 0, 500*msec), length)...)
		}
		at += length + 500*msec + spellPause + drawDuration(r, 0, 3*sec)
	}
	p.Duration = 80 * sec
	p.Expect.Stops = StoppedBy(p.Faults)
	p.RestartAfterStop = drawDuration(r, 10*msec, sec)
	o.MinAcks = Set(0)
	return p
}

// drawSpell strikes one broker.
func drawSpell(r *env.Rand, brokers []NodeSpec, name string, at, length Duration) []Fault {
	victim := slices.IndexFunc(brokers, func(n NodeSpec) bool { return n.Name == name })
	if r.Chance(3, 4) {
		f := DrawFaults(r, brokers[victim:victim+1], time.Second, spellMenu, 1)[0]
		f.At, f.For = at, length
		return []Fault{f}
	}
	f := DrawFaults(r, brokers, time.Second, oneWayMenu, 1)[0]
	f.At, f.For = at, length
	sign := []string{">", "-"}[r.IntN(2)]
	var faults []Fault
	for _, target := range everyLink(name+sign+"*", len(brokers)) {
		f.Target = target
		faults = append(faults, f)
	}
	return faults
}

// dishonestMenu breaks what disks promise, and clocks beyond what leases allow for.
var dishonestMenu = []MenuItem{
	{Kind: "bit-rot", Weight: 6, Amount: between(1, 64), Paths: []string{"shard-1/", "partitions/", "partitions/", "control/", ""}},
	{Kind: "lose-write", Weight: 1, Amount: between(1, 3), Paths: []string{"shard-1/", "partitions/"}},
	{Kind: "misdirect-write", Weight: 1, Amount: between(1, 2), Paths: []string{"shard-1/", "partitions/"}},
	{Kind: "lose-write", Weight: 1, Amount: between(1, 3)},
	{Kind: "clock-drift", Weight: 2, Amount: between(-400_000, 400_000)},
}

// drawUnbudgeted breaks everything that can break, in two runs of three with rot
// only: what is lost without a trace excuses much, and hides what else goes wrong.
func drawUnbudgeted(_ uint64, r *env.Rand) Plan {
	p := drawFaulty(r, 1)
	p.Budget, p.Liveness = Unbudgeted, 20*sec
	p.Workload.Options.LogSegmentBytes = Set([]int64{0, 16 << 10}[r.IntN(2)])
	menu := slices.Concat(crashMenu, crashMenu, partitionMenu, diskMenu, freezeMenu, rarerNetworkMenu, rarerDiskMenu, rarerCrashMenu)
	p = withFaults(r, p, menu, r.IntN(10))
	dishonest := dishonestMenu
	if r.Chance(2, 3) {
		dishonest = dishonestMenu[:1]
	}
	p = withFaults(r, p, dishonest, 1+r.IntN(8))
	p = withFaults(r, p, crashMenu, 1+r.IntN(3))
	p.Expect.Stops = []string{"*"}
	p.RestartAfterStop = drawDuration(r, 10*msec, 2*sec)
	if r.Chance(1, 12) { // one forgets all that it is told for a while
		target, at := "b"+strconv.Itoa(1+r.IntN(len(p.brokerSpecs()))), drawDuration(r, sec, p.Duration/2)
		p.Faults = append(p.Faults,
			Fault{At: at, Kind: "lose-write", Target: target, For: 5 * sec, Amount: 10_000, Path: "shard-1/"},
			Fault{At: at + drawDuration(r, 2*sec, 5*sec), Kind: "power-off", Target: target, For: 500 * msec})
	}
	return p
}

func (p *Plan) brokerSpecs() (specs []NodeSpec) {
	for _, n := range p.Nodes {
		if n.Role == "broker" {
			specs = append(specs, n)
		}
	}
	return specs
}

func drawDuration(r *env.Rand, low, high Duration) Duration {
	return Duration(r.Between(int64(low), int64(high))).Round()
}
