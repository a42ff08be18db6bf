package world

import (
	"fmt"
	"io"
	"reflect"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/property"
)

// World is one run in progress: a scheduler, machines, a network, faults and the subject under
// test. A process holds at most one open world at a time (see takeEntropy), and one goroutine
// drives it.
type World struct {
	plan     *plan.Plan
	sched    Scheduler
	trace    Trace
	streams  Streams
	subject  Subject
	observer TurnObserver // the subject, if it is one
	recorder Recorder     // nil: the run has none

	hardware hardware
	nodes    []*Node
	byName   map[string]*Node
	mail     mailSums

	entropy     *entropyReader
	idleEntropy *env.Rand // what crypto/rand.Reader gives between turns
	release     func()

	// Faults.
	active   []*activeFault
	past     []FaultSpan
	striking *strike                  // the fault that is beginning; nil if none is
	depth    map[string]int           // nested faults, by kind and victim; looked up only
	broken   map[nodePair]env.Instant // when a connection between two nodes broke last; likewise
	anchors  []*anchored
	healed   bool
	// converged: the liveness phase ended with nothing pending. If it is false at the end, the run
	// has failed, or its plan does not demand liveness.
	converged bool
	fork      *Fork      // nil: the run does not fork
	forked    *ForkPoint // nil: it has not forked yet

	// What the run leaves.
	timeline milestones
	coverage coverage
	states   *stateLog // nil: the states of loops are not wanted
	failures []Failure
	stalls   []*Stall // at most one for each property
	stops    []StopRecord
	eventLog []Logged
	lastTold Logged
	lines    int          // of the event log, with those that are not kept
	hearLine func(Logged) // see Options.EventLog
	scratch  []byte
}

// Options may differ between two runs of one plan. All of them but Fork leave the trace hash as it
// is.
type Options struct {
	Text     io.Writer // where trace lines go; nil: nowhere
	TextFrom uint64    // first record printed
	TextUpTo uint64    // first record not printed; 0: all
	// TurnStates, if set, is called with what each turn changed in its loop's state, in the window
	// of records from TextFrom to TextUpTo. That is very slow.
	TurnStates func(TurnState)
	// Recorder, if set, is told what happens in the run.
	Recorder Recorder
	// Milestones, if set, is called with each milestone as it comes.
	Milestones func(Milestone)
	// EventLog, if set, is called with each line of the event logs of nodes as it is written.
	EventLog func(Logged)
	// Fork, if set, makes this a different run from one event on.
	Fork *Fork
}

const (
	// stateEvery is the number of events between two hashes of all loops' state.
	stateEvery = 1 << 14
	// livenessStep is how often the liveness phase asks whether it is done.
	livenessStep = 50 * time.Millisecond
	// maxFailures is how many failures are kept: the later ones follow from the first few.
	maxFailures = 8
)

// New builds the machines of the plan. Nothing runs yet. The caller must call Close at the end.
func New(plan *plan.Plan, subject Subject, o Options) (*World, error) {
	if err := plan.Validate(); err != nil {
		return nil, err
	}
	w := &World{
		plan: plan, subject: subject,
		streams: Streams{seed: plan.Seed},
		byName:  make(map[string]*Node),
		depth:   make(map[string]int),
		broken:  make(map[nodePair]env.Instant),
		mail:    mailSums{names: make(map[reflect.Type]mailName)},
	}
	w.trace.text, w.trace.from, w.trace.upTo = o.Text, o.TextFrom, o.TextUpTo
	if w.trace.upTo == 0 {
		w.trace.upTo = ^uint64(0)
	}
	if w.fork = o.Fork; w.fork != nil {
		w.streams.fork = &forkStreams{}
	}
	w.idleEntropy = w.streams.Open("world", "idle entropy")
	w.entropy, w.release = takeEntropy(w.idleEntropy)
	w.timeline.hear, w.hearLine = o.Milestones, o.EventLog
	if w.recorder = o.Recorder; w.recorder != nil {
		w.recorder.Begins(w)
	}
	w.observer, _ = subject.(TurnObserver)
	w.coverage.init()
	if o.TurnStates != nil {
		namer, _ := subject.(StateNamer)
		w.states = newStateLog(w.trace.from, w.trace.upTo, namer, o.TurnStates)
	}
	w.hardware.init(w)
	for i, spec := range plan.Nodes {
		n := &Node{world: w, spec: spec, index: int32(i), factory: subject.Factory(spec.Role)}
		boot := w.streams.Open("node", spec.Name, "first boot")
		n.clock = clock{
			baseMono: bootOrigin(boot), driftPpm: spec.DriftPpm,
			wallZero: wallEpochMs + spec.WallSkewMs,
		}
		n.clock.wallZero -= int64(n.clock.baseMono) / int64(time.Millisecond)
		w.nodes = append(w.nodes, n)
		w.byName[spec.Name] = n
		w.trace.names = append(w.trace.names, spec.Name)
		w.hardware.build(n)
		w.sched.At(env.Instant(spec.StartAt), "start node", n.Start)
	}
	for i := range plan.Faults {
		w.scheduleFault(i)
	}
	return w, nil
}

// wallEpochMs is the wall time at which worlds begin (2024-01-01T00:00:00Z).
const wallEpochMs = 1_704_067_200_000

// bootOrigin draws what a machine's monotonic clock shows at boot. So no code can rely on the
// clocks of two machines, or of two boots, being close.
func bootOrigin(r *env.Rand) env.Instant {
	return env.Instant(r.Between(int64(time.Second), int64(1000*time.Hour)))
}

// Close allows another world in this process. It may be called more than once.
func (w *World) Close() {
	if w.release != nil {
		w.release()
		w.release = nil
	}
}

// Run runs the safety phase, heals, runs the liveness phase, lets the world rest and judges.
func (w *World) Run() Result {
	if w.Advance(env.Instant(w.plan.Duration)) {
		w.heal()
		w.converge()
	}
	w.hashStates()
	if len(w.failures) == 0 && w.rest() {
		w.subject.Check(w)
	}
	w.judgeStops()
	if w.recorder != nil {
		w.recorder.Ends(w)
	}
	return w.result()
}

// Advance runs the world up to an instant, and hashes states on the way. It returns false if the
// run is over, because something broke or because the bound of events was reached. It is exported
// for tests that look into a run; a subject does not call it.
func (w *World) Advance(until env.Instant) bool {
	for {
		if w.forkDue() {
			w.forkNow()
		}
		limit := min((w.sched.Ran()/stateEvery+1)*stateEvery, w.plan.MaxEvents)
		if w.fork != nil && w.forked == nil {
			limit = min(limit, w.fork.Event)
		}
		switch w.runEvents(until, limit) {
		case Halted:
			return false
		case Reached:
			return true
		}
		if w.sched.Ran() >= w.plan.MaxEvents {
			w.Explain(property.EventBound, "", w.overdue)
			w.Violated(property.EventBound, "", "%d events by %s; next: %v", w.sched.Ran(),
				time.Duration(w.Now()), w.sched.Upcoming(8))
			return false
		}
		if w.sched.Ran()%stateEvery == 0 {
			w.hashStates()
		}
	}
}

// runEvents runs the scheduler. A panic that reaches it comes from outside all loops, for example
// from the virtual network, which asserts that a buffer did not change on its way.
func (w *World) runEvents(until env.Instant, limit uint64) (reason StopReason) {
	defer func() {
		if cause := recover(); cause != nil {
			w.Fail(Failure{Property: property.MachinesHold, Detail: fmt.Sprint(cause),
				Symptom: fmt.Sprint(cause), Stack: string(debug.Stack())})
			reason = Halted
		}
	}()
	return w.sched.Run(until, limit)
}

// heal ends every fault and starts every dead node.
func (w *World) heal() {
	w.healed = true
	w.endFaults()
	w.hardware.heal()
	for _, n := range w.nodes {
		n.Start()
	}
	w.Note(nil, Noted, 0, "healed")
	w.Milestone(plan.FaultsOver, "", "", "")
	w.hashStates()
	w.subject.Healed(w)
}

// converge is the liveness phase. Nothing is broken any more, so everything pending must end within
// the plan's bound. An unbudgeted plan may have broken too much for that.
func (w *World) converge() {
	deadline := w.Now() + env.Instant(w.plan.Liveness)
	for w.Now() < deadline {
		if !w.Advance(min(w.Now().Add(livenessStep), deadline)) {
			return
		}
		if len(w.subject.Pending(w)) == 0 {
			w.converged = true
			return
		}
	}
	if w.plan.Budget == plan.Unbudgeted {
		return
	}
	stall := w.Explain(property.Converges, w.plan.Liveness.String(), w.overdue)
	pending := w.subject.Pending(w)
	w.Fail(Failure{Property: property.Converges, Where: w.plan.Liveness.String(),
		Detail: fmt.Sprintf("pending: %v", pending), Symptom: stall.symptom(pending[0])})
}

const (
	settleTime = 4 * time.Second // after the load's end, before Settled is asked first
	settleStep = time.Second     // between two such questions
	restTime   = 3 * time.Second // between RestBegins and RestEnds
)

// rest is the phase without load. It returns false if something broke.
func (w *World) rest() bool {
	s, ok := w.subject.(Rester)
	if !ok {
		return true
	}
	s.StopLoad(w)
	if !w.Advance(w.Now().Add(settleTime)) {
		return false
	}
	for !s.Settled(w) {
		if !w.Advance(w.Now().Add(settleStep)) {
			return false
		}
	}
	if !w.converged {
		return true
	}
	s.RestBegins(w)
	if !w.Advance(w.Now().Add(restTime)) {
		return false
	}
	s.RestEnds(w)
	return true
}

// judgeStops compares the fail-stops with those that the plan allows.
func (w *World) judgeStops() {
	for _, s := range w.stops {
		if !slices.Contains(w.plan.Expect.Stops, "*") &&
			!slices.Contains(w.plan.Expect.Stops, s.Node) {
			w.Milestone(plan.PropertyViolated, s.Node, property.StopsHaveCauses, s.Reason)
			w.failures = append(w.failures, Failure{
				Property: property.StopsHaveCauses, Where: s.Node, At: s.At, Detail: s.Reason,
				Symptom: s.Reason,
			})
		}
	}
}

func (w *World) result() Result {
	names := w.Names()
	for i := range w.failures {
		w.failures[i].name(names)
	}
	r := Result{
		Seed: w.plan.Seed, Scenario: w.plan.Scenario,
		Events: w.sched.Ran(), Virtual: plan.Duration(w.Now()),
		Trace: hex64(w.trace.Sum()), Records: w.trace.count,
		Verdict: Pass, Failures: w.failures, Stops: w.stops, Coverage: w.reached(),
		Forked: w.forked,
	}
	for _, c := range w.trace.checkpoints {
		r.Checkpoints = append(r.Checkpoints, hex64(c))
	}
	if len(r.Failures) > 0 {
		r.Verdict, r.Fingerprint = Fail, r.fingerprint()
		r.Recent = w.trace.Recent(40)
		r.Plan = w.plan.String()
		r.Milestones = w.timeline.list()
		r.EventLog = w.lastLogged()
		r.Stall = w.stallOfFailures()
	}
	return r
}

func hex64(v uint64) string {
	s := strconv.FormatUint(v, 16)
	return "0000000000000000"[len(s):] + s
}

// StateAppender is implemented by loops with state that should enter the trace hash. AppendState
// appends a canonical encoding of it to b. It must not change the state, and must walk maps in
// sorted order.
type StateAppender interface {
	AppendState(b []byte) []byte
}

func (w *World) hashStates() {
	for _, n := range w.nodes {
		if !n.up {
			continue
		}
		for _, l := range n.loops {
			if s, ok := l.loop.(StateAppender); ok {
				w.scratch = s.AppendState(w.scratch[:0])
				l.trace(record{what: StateHashed, size: int64(len(w.scratch)),
					content: SumBytes(w.scratch)})
			}
		}
	}
}

// Violated reports a broken property, like Fail.
func (w *World) Violated(property, where, format string, args ...any) {
	w.Fail(Failure{Property: property, Where: where, Detail: fmt.Sprintf(format, args...)})
}

// Fail reports a failure. The run ends with the current event.
func (w *World) Fail(f Failure) {
	f.At = plan.Duration(w.sched.Now())
	w.Milestone(plan.PropertyViolated, "", f.Property, f.Where)
	if len(w.failures) < maxFailures {
		w.failures = append(w.failures, f)
	}
	w.sched.Halt()
}

// Note adds a trace record of something that happened to a node, or to the world if n is nil.
func (w *World) Note(n *Node, what What, id uint64, detail string) {
	var h Hasher
	h.String(detail)
	r := record{at: w.sched.Now(), node: -1, what: what, id: id, content: h.Sum(), detail: detail}
	if n != nil {
		r.node, r.incarnation = n.index, n.incarnation
	}
	w.trace.add(r)
}

// After schedules something that belongs to no node.
func (w *World) After(d time.Duration, what string, fn func()) {
	w.sched.At(w.sched.Now().Add(d), what, fn)
}

// At schedules something at an instant of the world.
func (w *World) At(at env.Instant, what string, fn func()) { w.sched.At(at, what, fn) }

// Plan is the plan that the world runs.
func (w *World) Plan() *plan.Plan { return w.plan }

// Subject is what the world runs and judges.
func (w *World) Subject() Subject { return w.subject }

// Recorder is what follows the run; nil if nothing does.
func (w *World) Recorder() Recorder { return w.recorder }

// Nodes are the machines, in the plan's order.
func (w *World) Nodes() []*Node { return w.nodes }

// Node finds a machine by name; nil if there is none.
func (w *World) Node(name string) *Node { return w.byName[name] }

// Now is the world's own time. No node sees it.
func (w *World) Now() env.Instant { return w.sched.Now() }

// Random opens a random stream of the world, for the scripts of clients and for checkers.
func (w *World) Random(parts ...string) *env.Rand { return w.streams.Open(parts...) }

// Failures are the failures so far.
func (w *World) Failures() []Failure { return w.failures }

// Converged reports whether the liveness phase ended with nothing pending.
func (w *World) Converged() bool { return w.converged }
