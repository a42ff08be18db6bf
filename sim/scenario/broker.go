package scenario

import (
	"slices"
	"strconv"
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/rare"
	"example.com/lockstep/sim/kafka"
	"example.com/lockstep/sim/plan"
)

// brokerScenarios run the real broker. Each draws its whole plan from the seed.
var brokerScenarios = []Scenario{
	{Name: "mix", About: "everything that goes wrong, at once", Draw: drawMix, New: kafka.New,
		Share: 6},
	{Name: "mix-1",
		About: "mix as it was first drawn, to replay the seeds with which it showed bugs",
		Draw:  drawFirstMix, New: kafka.New},
	{Name: "steady", About: "a cluster and its clients, without faults",
		Draw: withGroups(drawSteady), New: kafka.New},
	{Name: "crash", About: "processes are killed and machines lose power",
		Draw: withGroups(drawCrash), New: kafka.New, Share: 3},
	{Name: "partition", About: "links fail one way, both ways, and on and off",
		Draw: withGroups(drawPartition), New: kafka.New, Share: 3},
	{Name: "disk", About: "disks fail, fill up, stall and slow down",
		Draw: withGroups(drawDiskTrouble), New: kafka.New, Share: 3},
	{Name: "freeze", About: "nodes, single loops and completions stand still",
		Draw: withGroups(drawFreeze), New: kafka.New, Share: 3},
	{Name: "clock", About: "clocks are skewed, drift within the bound, and jump",
		Draw: withGroups(drawClock), New: kafka.New, Share: 2},
	{Name: "churn", About: "topics come and go while brokers restart",
		Draw: withGroups(drawChurn), New: kafka.New, Share: 3},
	{Name: "clients", About: "clients disconnect, repeat requests, do not read, and send what no " +
		"client may send", Draw: withGroups(drawClients), New: kafka.New, Share: 2},
	{Name: "rare", About: "the brokers make choices that are legal but rare, and processes die",
		Draw: withGroups(drawRareChoices), New: kafka.New, Share: 2},
	{Name: "budgeted", About: "faults strike a minority at a time, and the rest must go on",
		Draw: withGroups(drawBudgeted), New: kafka.New, Share: 3},
	{Name: "unbudgeted", About: "anything breaks, even what no protocol survives, and that must " +
		"explain every loss", Draw: drawUnbudgeted, New: kafka.New, Share: 3},
	{Name: "frozen-node", About: "a node stops executing with its connections open, and wakes up " +
		"much later", Draw: drawFrozenNode, New: kafka.New},
}

// drawCluster draws brokers, clients and their load, without faults.
func drawCluster(r *env.Rand, brokers int, duration time.Duration) plan.Plan {
	p := plan.Plan{
		Duration: plan.Duration(duration), Liveness: plan.Duration(60 * time.Second),
		MaxEvents: 30_000_000,
		Limits:    plan.DrawLimits(r), Network: drawClusterNetwork(r), Disk: drawClusterDisk(r),
	}
	for i := range brokers {
		p.Nodes = append(p.Nodes, plan.NodeSpec{
			Name: "b" + strconv.Itoa(i+1), Role: "broker", Shards: 1 + r.IntN(3),
			StartAt:  plan.Duration(r.Between(0, int64(200*time.Millisecond))).Round(),
			DriftPpm: r.Between(-1000, 1000), WallSkewMs: r.Between(-100_000, 100_000),
		})
	}
	client := func(role string, n int) {
		for i := range n {
			p.Nodes = append(p.Nodes, plan.NodeSpec{Name: role + strconv.Itoa(i+1), Role: role,
				StartAt: plan.Duration(r.Between(0, int64(time.Second))).Round()})
		}
	}
	client("producer", 1+r.IntN(3))
	client("consumer", 1+r.IntN(2))
	client("reader", 1)
	client("admin", 1)
	rf := min(brokers, 3)
	minISR := 1
	if rf > 1 {
		minISR = 1 + r.IntN(2)
	}
	p.Workload = plan.Workload{
		Kind: "kafka", Clients: len(p.Nodes) - brokers,
		Every: plan.Duration(r.Between(4, 60)) * plan.Duration(time.Millisecond),
		Options: plan.Options{
			Topics: plan.Set(1 + int64(r.IntN(2))), Partitions: plan.Set(1 + int64(r.IntN(3))),
			RF: plan.Set(int64(rf)), MinISR: plan.Set(int64(minISR)),
			Tight: plan.Set(int64(r.IntN(2))), RequestTimeoutMs: plan.Set(r.Between(500, 3000)),
			WALSegmentBytes:  plan.Set(64 << (10 + r.IntN(6))),
			RaftCompactBytes: plan.Set(4 << (10 + 2*r.IntN(6))),
			LogSegmentBytes:  plan.Set([]int64{0, 16 << 10, 256 << 10}[r.IntN(3)]),
		},
	}
	return p
}

// withGroups adds members of groups to one plan in four. The rest of a plan stays as it is.
func withGroups(draw func(uint64, *env.Rand) plan.Plan) func(uint64, *env.Rand) plan.Plan {
	return func(seed uint64, r *env.Rand) plan.Plan {
		p := draw(seed, r)
		if !r.Chance(1, 4) {
			return p
		}
		for i := range 1 + r.IntN(4) {
			p.Nodes = append(p.Nodes, plan.NodeSpec{Name: "member" + strconv.Itoa(i+1),
				Role:    "member",
				StartAt: plan.Duration(r.Between(0, int64(4*time.Second))).Round()})
			p.Workload.Clients++
		}
		o := &p.Workload.Options
		o.Groups, o.OffsetsPartitions = plan.Set(r.Between(1, 2)), plan.Set(r.Between(1, 3))
		return p
	}
}

// drawClusterNetwork draws a network in which the timing of PROTOCOL 25 can be kept: that
// of a rack or a region, not of a continent.
func drawClusterNetwork(r *env.Rand) plan.Network {
	n := plan.DrawNetwork(r)
	n.Latency = min(n.Latency, plan.Duration(2*time.Millisecond))
	n.Jitter = min(n.Jitter, plan.Duration(10*time.Millisecond))
	return n
}

func drawClusterDisk(r *env.Rand) plan.Disk {
	d := plan.DrawDisk(r)
	d.Spike = min(d.Spike, plan.Duration(200*time.Millisecond))
	return d
}

func drawSteady(seed uint64, r *env.Rand) plan.Plan {
	return drawCluster(r, 1+r.IntN(5), time.Duration(r.Between(4, 12))*time.Second)
}

// withFaults adds faults of a menu to the brokers. Most begin after the cluster has had
// time to form. Some begin earlier, since a crash during the formation may show a bug too.
func withFaults(r *env.Rand, p plan.Plan, menu []plan.MenuItem, count int) plan.Plan {
	brokers := 0
	for _, n := range p.Nodes {
		if n.Role == "broker" {
			brokers++
		}
	}
	p.Faults = append(p.Faults, plan.DrawFaults(r, p.Nodes[:brokers], p.Duration.Std(), menu,
		count)...)
	p.Expect.Stops = plan.StoppedBy(p.Faults)
	p.RestartAfterStop = plan.Duration(r.Between(10, 3000)) * plan.Duration(time.Millisecond)
	// The faults may begin before much is acknowledged.
	p.Workload.Options.MinAcks = plan.Set(0)
	return p
}

func drawFaulty(r *env.Rand, least int) plan.Plan {
	return drawCluster(r, least+r.IntN(6-least), time.Duration(r.Between(6, 25))*time.Second)
}

var (
	crashMenu = []plan.MenuItem{{Kind: "kill", Weight: 3}, {Kind: "power-off", Weight: 4}}

	partitionMenu = []plan.MenuItem{
		{Kind: "cut", Weight: 6}, {Kind: "isolate", Weight: 2}, {Kind: "stall-link", Weight: 2},
		{Kind: "slow-link", Weight: 1, Amount: between(2, 200)}, {Kind: "refuse", Weight: 1},
		{Kind: "reset-connections", Weight: 1},
	}

	diskMenu = []plan.MenuItem{
		{Kind: "disk-stall", Weight: 3}, {Kind: "sync-stall", Weight: 2},
		{Kind: "disk-slow", Weight: 2, Amount: between(2, 200)},
		{Kind: "disk-full", Weight: 2, Amount: between(0, 1<<20)},
		{Kind: "sync-error", Weight: 2, Amount: between(1, 2)},
		{Kind: "write-error", Weight: 2, Amount: between(1, 2)},
		{Kind: "read-error", Weight: 1, Amount: between(1, 2)},
	}

	freezeMenu = []plan.MenuItem{
		{Kind: "freeze", Weight: 3}, {Kind: "freeze-loop", Weight: 4},
		{Kind: "hold-completions", Weight: 2},
		{Kind: "slow", Weight: 1, Amount: between(2, 100)},
	}

	// The bound is ρ = 5 % (PROTOCOL 25).
	clockMenu = []plan.MenuItem{
		{Kind: "clock-drift", Weight: 3, Amount: between(-45_000, 45_000)},
		{Kind: "clock-jump", Weight: 2, Amount: between(-10_000_000, 10_000_000)},
	}
)

// These kinds of faults came after the menus above had shown bugs. Another weight in those
// menus would change the runs of the seeds that are kept.
var (
	rarerNetworkMenu = []plan.MenuItem{
		{Kind: "flap", Weight: 3, Amount: between(10, 2000)},
		{Kind: "half-open", Weight: 3, Amount: between(1, 4)}, {Kind: "sever", Weight: 3},
		{Kind: "spike-link", Weight: 2, Amount: between(2, 400)},
		{Kind: "limit-link", Weight: 1, Amount: between(10_000, 4_000_000)},
		{Kind: "chop-link", Weight: 1},
	}
	rarerDiskMenu = []plan.MenuItem{
		{Kind: "no-space", Weight: 2, Paths: []string{"control/", "shard-1/", "partitions/"}},
		{Kind: "io-errors", Weight: 2, Amount: between(1, 40)},
	}
	rarerCrashMenu = []plan.MenuItem{
		{Kind: "torn-power-off", Weight: 2, Amount: between(20, 100)},
		{Kind: "crash-loop", Weight: 3, Amount: between(1, 1500)},
		{Kind: "clean-stop", Weight: 2, Amount: between(100, 8000)},
		{Kind: "rolling-restart", Weight: 2, Amount: between(0, 4000)},
		{Kind: "rack-power-off", Weight: 2, Amount: between(0, 2000)},
	}
)

func between(low, high int64) func(*env.Rand) int64 {
	return func(r *env.Rand) int64 { return r.Between(low, high) }
}

func drawCrash(seed uint64, r *env.Rand) plan.Plan {
	p := drawFaulty(r, 1)
	return withFaults(r, p, crashMenu, 1+r.IntN(6))
}

func drawPartition(seed uint64, r *env.Rand) plan.Plan {
	p := drawFaulty(r, 2)
	p = withFaults(r, p, partitionMenu, 1+r.IntN(6))
	if r.Chance(1, 3) { // a link that fails again and again
		f := p.Faults[0]
		f.Kind, f.Target, f.Amount = "cut", "b1-b2", 0
		if r.Chance(1, 2) {
			f.Target = "b1>b2"
		}
		period := plan.Duration(r.Between(20, 2000)) * plan.Duration(time.Millisecond)
		for i := range plan.Duration(8) {
			f.At, f.For = plan.Duration(2*time.Second)+i*period, period/2
			p.Faults = append(p.Faults, f)
		}
	}
	return p
}

func drawDiskTrouble(seed uint64, r *env.Rand) plan.Plan {
	return withFaults(r, drawFaulty(r, 1), diskMenu, 1+r.IntN(4))
}

func drawFreeze(seed uint64, r *env.Rand) plan.Plan {
	return withFaults(r, drawFaulty(r, 2), freezeMenu, 1+r.IntN(5))
}

func drawClock(seed uint64, r *env.Rand) plan.Plan {
	p := drawFaulty(r, 2)
	for i := range p.Nodes {
		if p.Nodes[i].Role == "broker" {
			p.Nodes[i].DriftPpm = r.Between(-45_000, 45_000)
		}
	}
	p = withFaults(r, p, clockMenu, 1+r.IntN(5))
	// Clocks alone break nothing: other faults must make leases matter.
	return withFaults(r, p, append(append([]plan.MenuItem(nil), freezeMenu...),
		plan.MenuItem{Kind: "isolate", Weight: 3}), 1+r.IntN(2))
}

func drawChurn(seed uint64, r *env.Rand) plan.Plan {
	p := drawFaulty(r, 1)
	p.Workload.Options.ChurnUs = plan.Set(r.Between(20_000, 400_000))
	p = withFaults(r, p, crashMenu, r.IntN(4))
	return withAlterations(seed, p)
}

// drawMix adds the newer faults to the first mix. It draws them from their own stream.
func drawMix(seed uint64, r *env.Rand) plan.Plan {
	p := drawFirstMix(seed, r)
	more := env.NewRand(env.Key(seed, "plan", "mix", "more"))
	menu := slices.Concat(rarerNetworkMenu, rarerDiskMenu, rarerCrashMenu)
	p = withFaults(more, p, menu, more.IntN(4))
	if more.Chance(1, 3) {
		p = withBadClients(more, p)
	}
	p.Rare = drawRare(more)
	p = withFewFiles(env.NewRand(env.Key(seed, "plan", "mix", "files")), p)
	return withDeletions(seed, withAlterations(seed, p))
}

// withDeletions lets records go in one run of four: old ones, those beyond a size, and those that a
// client deletes.
func withDeletions(seed uint64, p plan.Plan) plan.Plan {
	if r := env.NewRand(env.Key(seed, "plan", "deletions")); r.Chance(1, 4) {
		o := &p.Workload.Options
		o.RetentionMs = plan.Set([]int64{0, 2000, 10_000}[r.IntN(3)])
		o.RetentionBytes = plan.Set([]int64{0, 8 << 10, 128 << 10}[r.IntN(3)])
		o.SegmentMs = plan.Set([]int64{0, 1000}[r.IntN(2)])
		o.DeleteRecordsUs = plan.Set([]int64{0, 50_000, 500_000}[r.IntN(3)])
	}
	return p
}

// withAlterations lets configurations change in one run of three. With tight limits they change
// seldom: each change is a mail to every loop, and a mailbox may hold two.
func withAlterations(seed uint64, p plan.Plan) plan.Plan {
	if r := env.NewRand(env.Key(seed, "plan", "alterations")); r.Chance(1, 3) {
		least := int64(50_000)
		if p.Workload.Options.Tight.Or(0) > 0 {
			least = 500_000
		}
		p.Workload.Options.AlterUs = plan.Set(r.Between(least, 1_000_000))
	}
	return p
}

// refusalMenu has what passes with time or by an operator's hand. It says nothing about the disk.
var refusalMenu = []plan.MenuItem{
	{Kind: "no-descriptors", Weight: 3},
	{Kind: "no-permission", Weight: 1, Paths: []string{"control/", "shard-1/", "partitions/", ""}},
}

// withFewFiles lets the partitions of one run in three have few files open, and takes descriptors
// and permissions away for a while in one of three.
func withFewFiles(r *env.Rand, p plan.Plan) plan.Plan {
	if r.Chance(1, 3) {
		p.Workload.Options.OpenFiles = plan.Set(4 + int64(r.IntN(12)))
	}
	if r.Chance(1, 3) {
		p = withFaults(r, p, refusalMenu, 1+r.IntN(2))
	}
	return p
}

// drawRare switches on about a quarter of the rare choices, in two runs of three.
func drawRare(r *env.Rand) rare.Settings {
	if r.Chance(1, 3) {
		return nil
	}
	on := rare.Settings{}
	for _, name := range rare.All() {
		if odds := uint64(1) << r.IntN(8); r.Chance(1, 4) {
			on[name] = 4 * odds
		}
	}
	return on
}

// withBadClients adds malformed and greedy clients and slow readers. Other clients may disconnect,
// repeat batches, and meet faults.
func withBadClients(r *env.Rand, p plan.Plan) plan.Plan {
	o := &p.Workload.Options
	o.Vanish, o.Repeats = plan.Set([]int64{0, 1, 20}[r.IntN(3)]),
		plan.Set([]int64{0, 50, 500}[r.IntN(3)])
	for _, role := range []string{"malformed", "slowreader", "greedy"} {
		for i := range r.IntN(3) {
			p.Nodes = append(p.Nodes, plan.NodeSpec{Name: role + strconv.Itoa(i+1), Role: role,
				StartAt: plan.Duration(r.Between(0, int64(3*time.Second))).Round()})
			p.Workload.Clients++
		}
	}
	var clients []plan.NodeSpec
	for _, n := range p.Nodes {
		if n.Role != "broker" {
			clients = append(clients, n)
		}
	}
	// There are no links between clients, and the disk of a client is never used.
	menu := []plan.MenuItem{
		{Kind: "half-open", Weight: 3, Amount: between(1, 2)}, {Kind: "isolate", Weight: 2},
		{Kind: "freeze", Weight: 2}, {Kind: "reset-connections", Weight: 1},
	}
	p.Faults = append(p.Faults, plan.DrawFaults(r, clients, p.Duration.Std(), menu, r.IntN(4))...)
	return p
}

// drawRareChoices switches all rare choices on, some of them with high odds.
func drawRareChoices(_ uint64, r *env.Rand) plan.Plan {
	p := withFaults(r, drawFaulty(r, 1), crashMenu, r.IntN(3))
	p.Rare = rare.Settings{}
	for _, name := range rare.All() {
		p.Rare[name] = uint64(r.Between(3, 100))
	}
	return p
}

// drawClients has bad clients, and few other faults.
func drawClients(_ uint64, r *env.Rand) plan.Plan {
	p := withBadClients(r, drawFaulty(r, 1))
	p.Workload.Options.Repeats = plan.Set(r.Between(20, 500))
	if r.Chance(1, 2) {
		return withFaults(r, p, slices.Concat(crashMenu, partitionMenu), 1+r.IntN(2))
	}
	return withFaults(r, p, crashMenu, 0)
}

func drawFirstMix(seed uint64, _ *env.Rand) plan.Plan {
	r := env.NewRand(env.Key(seed, "plan", "mix"))
	p := drawFaulty(r, 1)
	if r.Chance(1, 3) {
		p.Workload.Options.ChurnUs = plan.Set(r.Between(20_000, 1_000_000))
	}
	var menu []plan.MenuItem
	for _, m := range [][]plan.MenuItem{crashMenu, partitionMenu, diskMenu, freezeMenu, clockMenu} {
		menu = append(menu, m...)
	}
	return withFaults(r, p, menu, r.IntN(10))
}

// drawFrozenNode is the incident for which the simulator was built: three nodes, acks=all
// load, and one node stops executing while its connections stay open. Seed 3 freezes b1 for
// the full 3 h 40 min.
func drawFrozenNode(seed uint64, r *env.Rand) plan.Plan {
	p := drawCluster(r, 3, time.Minute)
	const begin = 8 * time.Second
	length := time.Duration(r.Between(10, 600)) * time.Second
	if seed == 3 {
		length = 3*time.Hour + 40*time.Minute
	}
	p.Duration, p.MaxEvents = plan.Duration(begin+length+10*time.Second), 200_000_000
	target := []string{"b1", "@leader", "@controller"}[r.IntN(3)]
	if seed == 3 {
		target = "b1"
	}
	p.Faults = []plan.Fault{{At: plan.Duration(begin), Kind: "freeze", Target: target,
		For: plan.Duration(length)}}
	o := &p.Workload.Options
	o.MinISR, o.Partitions = plan.Set(2), plan.Set(3)
	// In the frozen hours the load is small, except while the others must take over and
	// shortly before the end.
	o.SlowFromMs, o.SlowUntilMs = plan.Set(int64((begin+15*time.Second)/time.Millisecond)),
		plan.Set(int64((begin+length-5*time.Second)/time.Millisecond))
	o.SlowEveryMs = plan.Set(1000 + int64(length/time.Second)*2)
	o.AckPauseMs = plan.Set(8000)
	if o.Tight.Or(0) != 0 && p.Workload.Every < pushRound(&p) {
		// A window of 4 KiB holds one or two batches, so a round moves no more. A producer
		// that does not wait for replicas then gets ahead without bound: no acks=all
		// produce is answered in time, and a node that comes back needs more than a minute
		// to catch up.
		o.AcksAll = plan.Set(1)
	}
	return p
}

// pushRound is about how long a push takes until it is acknowledged: there and back, with a
// sync between.
func pushRound(p *plan.Plan) plan.Duration {
	round := 2*p.Network.Latency + p.Network.Jitter + p.Disk.Sync + p.Disk.SyncJitter/2
	if p.Disk.SpikeOneIn > 0 {
		round += p.Disk.Spike / plan.Duration(p.Disk.SpikeOneIn)
	}
	return round
}
