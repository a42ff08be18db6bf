package toy

import (
	"fmt"
	"strconv"
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/property"
	"example.com/lockstep/sim/world"
)

// Bug is a planted bug, switched on by the plan's workload options.
type Bug int64

const (
	NoBug      Bug = iota
	MapRange       // pushes go to peers in the order of a Go map: not deterministic
	EarlyAck       // a replica acknowledges before its disk does
	StampLate      // a frame is changed after it was sent
	LostWakeup     // after a connection is lost, the peer is never dialled again
	Panic          // an assertion fails on the hundredth request
	// Coin: the fiftieth request of n1 tosses a coin. If the toss is lost, the hundredth request
	// fails an assertion.
	Coin
	Stop        // a loop stops its node on the hundredth request
	RewriteDisk // a group is changed while the disk owns it
)

// Draw returns the function that draws plans with a planted bug.
func Draw(bug Bug) func(seed uint64, r *env.Rand) plan.Plan {
	return func(seed uint64, r *env.Rand) plan.Plan {
		duration := time.Duration(r.Between(2, 20)) * time.Second
		p := plan.Plan{
			Duration: plan.Duration(duration), Liveness: plan.Duration(30 * time.Second),
			MaxEvents: 20_000_000,
			Limits:    plan.DrawLimits(r), Network: plan.DrawNetwork(r), Disk: plan.DrawDisk(r),
		}
		shards, brokers := 1+r.IntN(3), 2+r.IntN(3)
		for i := range brokers {
			p.Nodes = append(p.Nodes, plan.NodeSpec{
				Name: "n" + strconv.Itoa(i+1), Role: "toy", Shards: shards,
				StartAt:    plan.Duration(r.Between(0, int64(50*time.Millisecond))),
				DriftPpm:   r.Between(-50_000, 50_000),
				WallSkewMs: r.Between(-100_000, 100_000),
			})
		}
		clients := 1 + r.IntN(6)
		for i := range clients {
			p.Nodes = append(p.Nodes, plan.NodeSpec{Name: "c" + strconv.Itoa(i+1),
				Role: "toy-client"})
		}
		p.Workload = plan.Workload{
			Kind: "toy", Clients: clients,
			Every:   plan.Duration(r.Between(1, 40)) * plan.Millisecond,
			Options: plan.Options{Bug: plan.Set(int64(bug))},
		}
		p.Faults = plan.DrawFaults(r, p.Nodes[:brokers], duration, toyMenu, r.IntN(12))
		p.Expect.Stops = plan.StoppedBy(p.Faults)
		if r.Chance(2, 3) {
			p.RestartAfterStop = plan.Duration(r.Between(10, 3000)) * plan.Millisecond
		}
		return p
	}
}

// DrawCalm draws plans without faults and with clients that never wait. They measure the speed of
// the simulator.
func DrawCalm(seed uint64, r *env.Rand) plan.Plan {
	p := Draw(NoBug)(seed, r)
	p.Faults, p.Workload.Every, p.Network, p.Disk = nil, 0, plan.Network{}, plan.Disk{}
	p.Limits.Mailbox, p.Limits.TurnEvents, p.Limits.HiccupEvery = 1024, 1024, 0
	return p
}

// DrawCoin draws calm plans in which only the coin can do harm. One of four seeds loses the toss.
func DrawCoin(seed uint64, r *env.Rand) plan.Plan {
	p := DrawCalm(seed, r)
	p.Duration, p.Workload.Every = plan.Duration(4*time.Second), plan.Duration(5*time.Millisecond)
	p.Workload.Options.Bug = plan.Set(int64(Coin))
	return p
}

var toyMenu = []plan.MenuItem{
	{Kind: "freeze", Weight: 3},
	{Kind: "freeze-loop", Weight: 3},
	{Kind: "hold-completions", Weight: 3},
	{Kind: "slow", Weight: 1, Amount: func(r *env.Rand) int64 { return r.Between(2, 200) }},
	{Kind: "kill", Weight: 3},
	{Kind: "power-off", Weight: 4},
	{Kind: "cut", Weight: 4},
	{Kind: "isolate", Weight: 2},
	{Kind: "stall-link", Weight: 2},
	{Kind: "slow-link", Weight: 1, Amount: func(r *env.Rand) int64 { return r.Between(2, 1000) }},
	{Kind: "refuse", Weight: 1},
	{Kind: "reset-connections", Weight: 1},
	{Kind: "disk-stall", Weight: 2},
	{Kind: "sync-stall", Weight: 1},
	{Kind: "disk-slow", Weight: 1, Amount: func(r *env.Rand) int64 { return r.Between(2, 500) }},
	{Kind: "disk-full", Weight: 1, Amount: func(r *env.Rand) int64 { return r.Between(0, 1<<16) }},
	{Kind: "sync-error", Weight: 1},
	{Kind: "write-error", Weight: 1},
	{Kind: "clock-drift", Weight: 1, Amount: func(r *env.Rand) int64 {
		return r.Between(-200_000, 200_000)
	}},
	{Kind: "clock-jump", Weight: 1, Amount: func(r *env.Rand) int64 {
		return r.Between(-1e7, 1e7)
	}},
}

// toyPair is one element of the set.
type toyPair struct{ client, seq uint64 }

// toySubject judges a run of the toy. It knows which pairs were acknowledged.
type toySubject struct {
	plan    *plan.Plan
	brokers []string
	clients []*toyClient
	acked   []toyPair
	healed  bool
	world   *world.World
}

// New is the subject of a plan.
func New(plan *plan.Plan) world.Subject {
	s := &toySubject{plan: plan}
	for _, n := range plan.Nodes {
		if n.Role == "toy" {
			s.brokers = append(s.brokers, n.Name)
		}
	}
	return s
}

// Factory implements Subject.
func (s *toySubject) Factory(role string) world.NodeFactory {
	bug := Bug(s.plan.Workload.Options.Bug.Or(0))
	if role == "toy-client" {
		return func(i world.Incarnation) []loop.Loop {
			s.world = i.World
			c := newToyClient(s, i.Hosts[0], uint64(len(s.clients))+1)
			s.clients = append(s.clients, c)
			return []loop.Loop{c}
		}
	}
	return func(i world.Incarnation) []loop.Loop {
		loops := []loop.Loop{newToyControl(i, bug)}
		for id := 1; id < len(i.Hosts); id++ {
			loops = append(loops, newToyShard(i, loop.ID(id), s.brokers, bug))
		}
		return loops
	}
}

// OutsideOfLoops implements Outside.
func (*toySubject) OutsideOfLoops() {}

// Healed implements Subject.
func (s *toySubject) Healed(*world.World) { s.healed = true }

// Resolve implements Subject.
func (s *toySubject) Resolve(*world.World, string) (string, bool) { return "", false }

// Pending implements Subject. It waits until every client has its last answer and every replica has
// every log.
func (s *toySubject) Pending(w *world.World) []string {
	var waits []string
	for _, c := range s.clients {
		if c.waiting {
			waits = append(waits, fmt.Sprintf("client %d for the answer to %d", c.number, c.seq))
		}
	}
	for _, shard := range s.shards(w) {
		for _, other := range shard.peers {
			if have := shard.toPeer[other].acked; have < uint64(len(shard.own().pairs)) {
				waits = append(waits, fmt.Sprintf("%s/%d for %s to acknowledge: %d of %d",
					shard.name, shard.id, other, have, len(shard.own().pairs)))
			}
		}
	}
	return waits
}

func (s *toySubject) shards(w *world.World) []*toyShard {
	var shards []*toyShard
	for _, name := range s.brokers {
		for _, l := range w.Node(name).Loops() {
			if shard, ok := l.(*toyShard); ok {
				shards = append(shards, shard)
			}
		}
	}
	return shards
}

// acknowledged is called with every pair when its client gets the answer.
func (s *toySubject) acknowledged(pair toyPair) {
	s.acked = append(s.acked, pair)
	for _, shard := range s.shards(s.world) {
		s.mustHold(s.world, shard, pair)
	}
}

// Check implements Subject.
func (s *toySubject) Check(w *world.World) {
	for _, shard := range s.shards(w) {
		for _, pair := range s.acked {
			s.mustHold(w, shard, pair)
		}
	}
}

// mustHold checks that a replica has a pair, also if its node is down. A replica that recovers is
// not checked: it does not know yet what it has.
func (s *toySubject) mustHold(w *world.World, shard *toyShard, pair toyPair) {
	if shardOf(pair.client, w.Node(shard.name).Spec().Shards) == shard.id && shard.ready &&
		!shard.held[pair] {
		w.Violated(property.ToyDurable, fmt.Sprintf("%s/%d", shard.name, shard.id), "no pair %v",
			pair)
	}
}

func shardOf(client uint64, shards int) loop.ID { return loop.ID(1 + client%uint64(shards)) }
