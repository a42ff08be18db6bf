package scenario

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/checker"
	diskvirtual "example.com/lockstep/diskfs/virtual"
	"example.com/lockstep/sim/kafka"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/world"
)

// effects says, for each kind of fault, how to inject it into a small cluster (target,
// amount, path) and what must show that it took effect: a change in the subsystem that it
// breaks, not only another trace.
var effects = map[string]struct {
	target string
	amount int64
	path   string
	with   string // another kind at the same target, if the effect shows only with it
	then   string // the kind of a fault that mends what is left
	shows  func(faulty, calm *world.World) bool
}{
	"freeze":           {target: "b1", shows: fewerTurns("b1")},
	"freeze-loop":      {target: "b1/1", shows: fewerTurns("b1")},
	"hold-completions": {target: "b1/1", shows: fewerTurns("b1")},
	"slow":             {target: "b1", amount: 5000, shows: fewerTurns("b1")},
	"kill":             {target: "b1", shows: incarnations("b1", 2)},
	"power-off":        {target: "b1", shows: rebooted("b1")},
	"torn-power-off":   {target: "b1", amount: 100, shows: rebooted("b1")},
	"crash-loop":       {target: "b1", amount: 50, shows: incarnations("b1", 4)},
	"clean-stop":       {target: "b1", amount: 900, shows: incarnations("b1", 2)},
	"rolling-restart":  {target: "broker", amount: 100, shows: incarnations("b2", 2)},
	"rack-power-off":   {target: "broker", amount: 100, shows: rebooted("b3")},
	"reshard": {target: "b1", amount: 3, shows: func(f, _ *world.World) bool {
		return len(f.Node("b1").Loops()) == 4
	}},
	"clock-drift": {target: "b1", amount: 200_000, shows: func(f, c *world.World) bool {
		return shown(f, "b1") > shown(c, "b1")+50*time.Millisecond
	}},
	"clock-jump": {target: "b1", amount: 1e7, shows: func(f, c *world.World) bool {
		return wallZero(f, "b1") != wallZero(c, "b1")
	}},

	"lose-directory":    {target: "b1", shows: remounted("b1", 1)},
	"unmount":           {target: "b1", shows: remounted("b1", 2)},
	"restore-directory": {target: "b1", then: "lose-directory", shows: remounted("b1", 2)},
	"swap-directories":  {target: "b1-b2", shows: remounted("b2", 4)},

	"cut": {target: "b1-b2",
		shows: netCount(func(w *world.World) uint64 { return w.Fabric().Stats().Blocks })},
	"isolate": {target: "b1",
		shows: netCount(func(w *world.World) uint64 { return w.Fabric().Stats().Held })},
	"flap": {target: "b1-b2", amount: 50,
		shows: func(f, _ *world.World) bool { return f.Fabric().Stats().Blocks > 10 }},
	"stall-link": {target: "b1-b2",
		shows: netCount(func(w *world.World) uint64 { return w.Fabric().Stats().Stalls })},
	"slow-link":  {target: "b1-b2", amount: 50, shows: slowerAcks},
	"limit-link": {target: "b1-b2", amount: 2000, shows: slowerAcks},
	"spike-link": {target: "b1-b2", amount: 200, shows: slowerAcks},
	"chop-link": {target: "b1-b2",
		shows: netCount(func(w *world.World) uint64 { return w.Fabric().Stats().OneByte })},
	"half-open": {target: "b1", amount: 1,
		shows: netCount(func(w *world.World) uint64 { return w.Fabric().Stats().HalfOpened })},
	"sever": {target: "b1-b2",
		shows: netCount(func(w *world.World) uint64 { return w.Fabric().Stats().Severed })},
	"refuse": {target: "b1", with: "reset-connections",
		shows: netCount(func(w *world.World) uint64 { return w.Fabric().Stats().Refused })},
	"reset-connections": {target: "b1",
		shows: netCount(func(w *world.World) uint64 { return w.Fabric().Stats().Resets })},

	"disk-stall":      {target: "b1", shows: diskEffect(diskvirtual.Stalled)},
	"sync-stall":      {target: "b1", shows: diskEffect(diskvirtual.Stalled)},
	"disk-slow":       {target: "b1", amount: 500, shows: slowerAcks},
	"disk-full":       {target: "b1", shows: diskEffect(diskvirtual.NoSpace)},
	"no-space":        {target: "b1", path: "partitions/", shows: diskEffect(diskvirtual.NoSpace)},
	"io-errors":       {target: "b1", amount: 30, shows: diskEffect(diskvirtual.FailIO)},
	"sync-error":      {target: "b1", shows: diskEffect(diskvirtual.FailIO)},
	"write-error":     {target: "b1", shows: diskEffect(diskvirtual.FailIO)},
	"read-error":      {target: "b1", with: "kill", shows: diskEffect(diskvirtual.FailIO)},
	"lose-write":      {target: "b1", shows: diskEffect(diskvirtual.LoseWrite)},
	"misdirect-write": {target: "b1", shows: diskEffect(diskvirtual.MisdirectWrite)},
	"no-descriptors":  {target: "b1", with: "kill", shows: diskEffect(diskvirtual.Refuse)},
	"no-permission": {target: "b1", path: "partitions/", with: "kill",
		shows: diskEffect(diskvirtual.Refuse)},
	"bit-rot": {target: "b1", amount: 8, path: "shard-1/",
		shows: diskEffect(diskvirtual.BitRot)},
}

func fewerTurns(name string) func(f, c *world.World) bool {
	return func(f, c *world.World) bool { return f.Node(name).Turns() < c.Node(name).Turns()*9/10 }
}

func incarnations(name string, least int32) func(f, c *world.World) bool {
	return func(f, c *world.World) bool {
		return f.Node(name).Incarnation() >= least && c.Node(name).Incarnation() == 1
	}
}

func rebooted(name string) func(f, c *world.World) bool {
	return func(f, c *world.World) bool {
		return incarnations(name, 2)(f, c) && f.Fabric().Stats().PowerLosses > 0 &&
			shown(f, name) != shown(c, name)
	}
}

// shown is how far the clock of a node is ahead of the world.
func shown(w *world.World, name string) time.Duration {
	return w.Node(name).Time().Mono.Sub(w.Now())
}

// wallZero is about what the wall clock showed when the machine booted.
func wallZero(w *world.World, name string) int64 {
	now := w.Node(name).Time()
	return now.WallMs - int64(now.Mono)/int64(time.Millisecond)
}

func netCount(count func(w *world.World) uint64) func(f, c *world.World) bool {
	return func(f, c *world.World) bool { return count(f) > count(c) }
}

func diskEffect(effect diskvirtual.Effect) func(f, c *world.World) bool {
	struck := func(w *world.World) (n int) {
		for _, fault := range w.Node("b1").FS().Injected() {
			if fault.Effect == effect {
				n++
			}
		}
		return n
	}
	return func(f, c *world.World) bool { return struck(f) > 0 && struck(c) == 0 }
}

// slowerAcks reports whether acks=all produces take more than twice as long during the
// fault.
func slowerAcks(f, c *world.World) bool {
	took := func(w *world.World) (total time.Duration) {
		h := w.Subject().(interface{ History() *checker.History }).History()
		n := 0
		for i := range h.Produces {
			p := &h.Produces[i]
			if p.Call.At >= effectAt.Std() && p.Call.At < (effectAt+effectFor).Std() &&
				p.Return.At < time.Minute {
				total += p.Return.At - p.Call.At
				n++
			}
		}
		return total / time.Duration(max(n, 1))
	}
	return took(f) > 2*took(c)
}

const effectAt, effectFor = 3 * plan.Second, plan.Second

// effectPlan is a small cluster with load on all of its leaders.
func effectPlan(r *env.Rand) plan.Plan {
	p := drawCluster(r, 3, 6*time.Second)
	calm(&p)
	for i := range p.Nodes {
		p.Nodes[i].DriftPpm = 0
		if p.Nodes[i].Role == "broker" {
			p.Nodes[i].Shards = 1
		}
	}
	p.Network, p.Disk = plan.Network{Latency: plan.Millisecond / 10, Jitter: plan.Millisecond / 10},
		plan.Disk{Sync: plan.Millisecond / 2}
	p.Workload.Every = 5 * plan.Millisecond
	o := &p.Workload.Options
	o.Partitions, o.MinISR, o.MinAcks, o.LogSegmentBytes = plan.Set(3), plan.Set(1), plan.Set(0),
		plan.Set(16<<10)
	p.Expect.Stops = []string{"*"}
	p.RestartAfterStop = 200 * plan.Millisecond
	p.Version, p.Scenario, p.Seed = plan.Version, "steady", 1
	return p
}

func runEffect(t *testing.T, faults ...plan.Fault) (*world.World, world.Result) {
	t.Helper()
	p := effectPlan(env.NewRand(env.Key(1, "effects")))
	p.Faults = faults
	w, err := world.New(&p, kafka.New(&p), world.Options{})
	require.NoError(t, err)
	defer w.Close()
	return w, w.Run()
}

func TestEveryKindOfFaultHasAnEffect(t *testing.T) {
	calm, before := runEffect(t)
	require.Equal(t, world.Pass, before.Verdict, "%s", before.Report())
	for _, kind := range plan.FaultKinds() {
		e, ok := effects[kind.Name]
		require.True(t, ok, "%s: effects must say what shows that it took effect", kind.Name)
		f := plan.Fault{At: effectAt, Kind: kind.Name, Target: e.target, For: effectFor,
			Amount: e.amount, Path: e.path}
		faults := []plan.Fault{f}
		if e.with != "" {
			faults = append(faults, plan.Fault{At: effectAt, Kind: e.with, Target: e.target,
				For: effectFor / 4})
		}
		if e.then != "" {
			faults = append(faults, plan.Fault{At: effectAt + effectFor + plan.Second,
				Kind: e.then, Target: e.target})
		}
		faulty, after := runEffect(t, faults...)
		require.NotEqual(t, before.Trace, after.Trace, kind.Name)
		if !e.shows(faulty, calm) {
			t.Errorf("%s has no effect on what it should break", kind.Name)
		}
		if after.Verdict != world.Pass {
			t.Errorf("%s: %s", kind.Name, after.Report())
		}
	}
}

func remounted(node string, times int) func(f, c *world.World) bool {
	return func(f, _ *world.World) bool { return f.Node(node).FS().Mounted() == times }
}
