package world

import (
	"fmt"
	"runtime/debug"
	"time"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/netsim"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/property"
)

// Incarnation is one run of a node's process, as a [NodeFactory] needs it.
type Incarnation struct {
	Spec   plan.NodeSpec
	Number int32 // 1 for the first incarnation
	// Again is the reason with which the incarnation before asked for a restart (see Restarter);
	// nil if it did not.
	Again error
	Hosts []loop.Host // one per loop; Hosts[loop.Control] is the control loop's
	World *World
}

// Entropy is a random stream of this incarnation that belongs to none of its loops.
func (i *Incarnation) Entropy(subsystem, purpose string) *env.Rand {
	return i.World.streams.Loop(i.Spec.Name, i.Number, -1, subsystem, purpose)
}

// NodeFactory builds the loops of one incarnation of a node, one per host, in order. It keeps
// nothing between two incarnations: only what is on the node's disk survives.
type NodeFactory func(Incarnation) []loop.Loop

// Node is one machine of a world: a clock, a disk, a host on the network, and at most one running
// process.
type Node struct {
	world   *World
	spec    plan.NodeSpec
	index   int32
	factory NodeFactory
	clock   clock
	machine machine
	net     netsim.Network

	incarnation int32
	up          bool
	lost        bool // the machine lost power: the next start is a boot
	loops       []*loopHost
	entropy     *env.Rand // crypto/rand.Reader reads from it in this node's turns
	conns       map[netsim.ConnID]*conn
	lastStop    error
	began       env.Instant // when the current or last incarnation began
	past        []pastIncarnation
	again       error // the reason with which the last incarnation asked for a restart

	// drained is called when the process says that it has handed its leaderships over; nil: it was
	// not asked to.
	drained    func()
	tear       uint64 // percent of unsynced sectors that the next loss of power tears; 0: as drawn
	frozen     int    // number of faults that hold the whole node
	slow       int64  // factor on the cost of turns; 0 means 1
	turns      uint64
	did        [Noted + 1]uint64 // number of trace records of all loops, by kind
	timerTurns uint64            // number of the turns that took no event
}

// Spec is what the plan says of the node.
func (n *Node) Spec() plan.NodeSpec { return n.spec }

// Up reports whether the node has a process (it may be frozen).
func (n *Node) Up() bool { return n.up }

// Incarnation is the number of the current or last incarnation.
func (n *Node) Incarnation() int32 { return n.incarnation }

// Turns counts the turns of all loops in all incarnations.
func (n *Node) Turns() uint64 { return n.turns }

// TimerTurns counts the turns that took no event: a timer was due.
func (n *Node) TimerTurns() uint64 { return n.timerTurns }

// incarnationName names the current or last incarnation in milestones.
func (n *Node) incarnationName() string {
	return fmt.Sprintf("%s incarnation %d", n.spec.Name, n.incarnation)
}

// LastStop is why the last incarnation stopped itself; nil if it did not.
func (n *Node) LastStop() error { return n.lastStop }

// Loops are the loops of the current or last incarnation, for checkers that look inside.
func (n *Node) Loops() []loop.Loop {
	var loops []loop.Loop
	for _, l := range n.loops {
		loops = append(loops, l.loop)
	}
	return loops
}

// Loop is a loop of the current or last incarnation; nil if it has no such loop.
func (n *Node) Loop(id loop.ID) loop.Loop {
	if int(id) >= len(n.loops) {
		return nil
	}
	return n.loops[id].loop
}

// Index is the node's place in the plan.
func (n *Node) Index() int { return int(n.index) }

// Where names a loop in reports.
func (n *Node) Where(id loop.ID) string { return n.loops[id].where() }

// Time is what the node's clocks show now.
func (n *Node) Time() env.Time { return n.clock.time(n.world.Now()) }

// MonoAt is what the monotonic clock shows at a time of the world.
func (n *Node) MonoAt(at env.Instant) env.Instant { return n.clock.mono(at) }

// DriftPpm is how fast the clock runs, in parts per million.
func (n *Node) DriftPpm() int64 { return n.clock.driftPpm }

// Did counts what the loops of all incarnations did or were given of one kind.
func (n *Node) Did(what What) uint64 { return n.did[what] }

// MostRead is the largest number of bytes that a loop of the current incarnation was reading at one
// time in counted reads (see ReadCounter).
func (n *Node) MostRead(id loop.ID) int64 { return n.loops[id].disk.reads.most }

// Hindered reports whether a fault stops or slows a loop.
func (n *Node) Hindered(id loop.ID) bool { return n.loops[id].stuck() || n.slow > 1 }

// EndedSince reports whether an incarnation of the node has ended since a moment.
func (n *Node) EndedSince(since env.Instant) bool {
	return len(n.past) > 0 && n.past[len(n.past)-1].ended >= since
}

// Enter runs code of a loop between two of its turns, guarded as a turn is.
func (n *Node) Enter(id loop.ID, run func(now env.Time)) {
	n.guard(n.loops[id], func() { run(n.Time()) })
}

// Start begins a new incarnation. It does nothing if the node is up.
func (n *Node) Start() {
	if n.up {
		return
	}
	w := n.world
	n.incarnation++
	n.began = w.sched.Now()
	n.up, n.lastStop, n.drained = true, nil, nil
	n.conns = make(map[netsim.ConnID]*conn)
	if n.lost {
		n.lost = false
		n.clock.reboot(w.sched.Now(), bootOrigin(w.streams.Loop(n.spec.Name, n.incarnation, -1,
			"sim", "boot")))
	}
	n.entropy = w.streams.Loop(n.spec.Name, n.incarnation, -1, "crypto", "rand")
	w.Note(n, NodeStarted, 0, "")
	w.Milestone(plan.NodeBegan, n.spec.Name, n.incarnationName(), "")

	n.world.hardware.boot(n)
	spec, again := n.spec, n.again
	if n.again = nil; again != nil {
		spec.Shards, _ = n.restarts(again)
	}
	if s, ok := w.subject.(FileLimiter); ok {
		n.machine.fs.LimitFiles(s.FileLimit(spec))
	}
	hosts := make([]loop.Host, spec.Loops())
	n.loops = make([]*loopHost, len(hosts))
	for i := range hosts {
		n.loops[i] = newLoopHost(n, loop.ID(i))
		hosts[i] = n.loops[i]
	}
	n.guard(nil, func() {
		loops := n.factory(Incarnation{spec, n.incarnation, again, hosts, w})
		assert.That(len(loops) == len(hosts), "sim: the factory made %d loops for %d hosts",
			len(loops), len(hosts))
		for i, l := range n.loops {
			l.loop = loops[i]
		}
	})
	for _, l := range n.loops {
		if n.up {
			l.start()
		}
	}
}

// Ending says how an incarnation ends.
type Ending uint8

const (
	// Killed: the process is gone and the machine stays. The kernel closes the sockets and keeps
	// what was written.
	Killed Ending = iota
	// PowerLost: the machine is off. Its peers are not told, unsynced sectors and names are kept or
	// lost at random, and the monotonic clock starts again.
	PowerLost
	// Stopped: the process stopped itself (a fail-stop, or for a restart).
	Stopped
)

func (e Ending) String() string {
	return [...]string{Killed: "killed", PowerLost: "lost power", Stopped: "stopped"}[e]
}

// End ends the current incarnation. It does nothing if the node is down.
func (n *Node) End(how Ending) {
	if !n.up {
		return
	}
	n.up = false
	n.lost = how == PowerLost
	for _, l := range n.loops {
		l.dead = true
	}
	n.world.Note(n, NodeEnded, uint64(how), "")
	n.past = append(n.past, pastIncarnation{number: n.incarnation, ended: n.world.Now(), how: how,
		fault: n.world.killer(n)})
	reason := ""
	if n.lastStop != nil {
		reason = n.lastStop.Error()
	}
	n.world.Milestone(plan.NodeFinished, n.spec.Name, n.incarnationName()+" "+how.String(), reason)
	n.world.hardware.end(n, how)
}

// stop ends the incarnation because one of its loops asked for it: for a restart, or as a
// fail-stop. The plan says whether the run may contain a fail-stop.
func (n *Node) stop(err error) {
	if !n.up {
		return
	}
	n.lastStop = err
	if _, again := n.restarts(err); again {
		n.End(Stopped)
		n.again = err
		n.world.After(restartPause, "restart", n.Start)
		return
	}
	n.world.stops = append(n.world.stops, StopRecord{
		At: plan.Duration(n.world.sched.Now()), Node: n.spec.Name, Incarnation: n.incarnation,
		Reason: err.Error(),
	})
	n.End(Stopped)
	if after := n.world.plan.RestartAfterStop; after > 0 {
		n.world.After(after.Std(), "restart after stop", n.Start)
	}
}

func (n *Node) restarts(reason error) (shards int, again bool) {
	if s, ok := n.world.subject.(Restarter); ok {
		return s.Restarts(reason)
	}
	return 0, false
}

// restartPause is how long a node that asks for a restart is down.
const restartPause = time.Millisecond

// guard runs code of the node. Meanwhile crypto/rand.Reader reads from the node's stream, and a
// panic becomes a failure of the run.
func (n *Node) guard(l *loopHost, run func()) {
	w := n.world
	w.entropy.current = n.entropy
	defer func() {
		w.entropy.current = w.idleEntropy
		if cause := recover(); cause != nil {
			n.panicked(l, cause)
		}
	}()
	run()
}

func (n *Node) panicked(l *loopHost, cause any) {
	if l != nil {
		l.panicked = true
	}
	broken, where := property.NoPanic, n.spec.Name
	if failure, ok := cause.(assert.Failure); ok {
		if f, ok := n.world.subject.(Forgiver); ok && f.Forgives() {
			n.stop(failure)
			return
		}
		broken = property.AssertionsHold
	}
	if l != nil {
		where = l.where()
	}
	n.world.Fail(Failure{Property: broken, Where: where, Detail: fmt.Sprint(cause),
		Symptom: fmt.Sprint(cause), Stack: string(debug.Stack())})
	n.End(Stopped)
}

// Freeze holds every loop of the node: none takes a turn. Sockets stay open, and the kernel goes on
// buffering. Freezes nest.
func (n *Node) Freeze() { n.frozen++ }

// Thaw undoes one Freeze.
func (n *Node) Thaw() {
	n.frozen--
	n.rearm()
}

// FreezeLoop holds one loop of the current incarnation; the others run on.
func (n *Node) FreezeLoop(id loop.ID) {
	if int(id) < len(n.loops) {
		n.loops[id].frozen++
	}
}

// ThawLoop undoes one FreezeLoop of the same incarnation.
func (n *Node) ThawLoop(id loop.ID) {
	if int(id) < len(n.loops) && n.loops[id].frozen > 0 {
		n.loops[id].frozen--
		n.loops[id].arm()
	}
}

// HoldCompletions holds back what the disk of a loop completes.
func (n *Node) HoldCompletions(id loop.ID) {
	if int(id) < len(n.loops) {
		n.loops[id].disk.held++
	}
}

// ReleaseCompletions undoes one HoldCompletions of the same incarnation.
func (n *Node) ReleaseCompletions(id loop.ID) {
	if int(id) < len(n.loops) {
		n.loops[id].disk.release()
	}
}

// Slow multiplies the cost of turns; 1 is normal speed.
func (n *Node) Slow(factor int64) { n.slow = factor }

// SetDrift makes the node's clock run ppm parts per million fast (or slow).
func (n *Node) SetDrift(ppm int64) {
	n.clock.setDrift(n.world.sched.Now(), ppm)
	n.rearm()
}

// JumpWall moves the node's wall clock.
func (n *Node) JumpWall(ms int64) { n.clock.jumpWall(ms) }

func (n *Node) rearm() {
	for _, l := range n.loops {
		l.arm()
	}
}
