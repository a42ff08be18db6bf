package check

import (
	"fmt"
	"slices"
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/limits"
	"example.com/lockstep/broker/wait"
	"example.com/lockstep/checker"
	"example.com/lockstep/sim/kafka/history"
	"example.com/lockstep/sim/property"
	"example.com/lockstep/sim/world"
)

// Pauses follows the acknowledgements of every partition during a run. There are two
// bounds. First, a plan with ack_pause_ms says how long a partition may go without an
// acknowledgement, whatever its faults are. With ack_pause_controller_ms it says how much
// longer if a new controller begins meanwhile: a new controller knows no leases, and waits
// until all of them must have ended (PROTOCOL 24). A replica in sync with a slow disk also
// lengthens this bound (slowInSync). Second, in every run a partition keeps acknowledging
// while no fault reaches its leader, its in-sync quorum and the controller quorum
// (quorumPause).
//
// A pause begins with the first produce that is not acknowledged. A client that tries
// nothing, or that goes to a broker that cannot answer, shows no pause: only a produce that
// failed does. The wait-for graph is taken while such a produce is on its way, since later
// what it waited for cannot be seen. The run goes on, and the verdict comes with the
// others.
type Pauses struct {
	*Circumstances
	limits limits.Limits
	exists func(kafka.PartitionID) bool // a partition, in the newest metadata
	// roots are the roots of the wait-for graph: a produce on its way, and what its
	// partition has not done since a moment.
	roots   func(op *checker.Produce, since env.Instant) []world.Overdue
	bound   time.Duration // 0: none
	change  time.Duration // added to bound once, if controllers began within the pause
	until   time.Duration // the bound holds for produces before that
	tracks  map[checker.Partition]*pauseTrack
	suspect []*pauseTry // on their way, and a bound is exceeded already; in the order of due
	found   []foundPause
	tries   map[int]*pauseTry // on their way, by index into History.Produces; looked up only
}

// pauseTrack is what is known of one partition.
type pauseTrack struct {
	acked time.Duration // the last acknowledgement; -1: none yet
	since time.Duration // the first produce after it; -1: none
	slow  bool          // a replica in sync had a slow disk since then
	// Of the produces since then that went to a broker without a fault: when the first was
	// sent (-1: none was), and how many failed.
	first  time.Duration
	failed int
	done   bool // a pause of it was found
}

// pauseTry is a produce with acks=all on its way.
type pauseTry struct {
	entry int           // index into History.Produces
	acked time.Duration // of the track, when it was sent
	since time.Duration
	slow  bool
	first time.Duration
	sound bool        // the broker that it was sent to had no fault
	due   env.Instant // when the graph must be taken
	stall *world.Stall
}

type foundPause struct {
	where, detail string
	stall         *world.Stall
}

const (
	// quorumPause bounds a pause of a partition that no fault reaches. Other brokers may
	// fail one after the other, and each failure costs a session and an election.
	quorumPause = 12 * time.Second
	// quorumTries is how many produces must have failed by then.
	quorumTries = 3
	// graphDelay is how long a suspicious produce has been on its way when the graph is
	// taken.
	graphDelay = 300 * time.Millisecond
)

// NewPauses follows the pauses of a run. exists says whether the newest metadata has a
// partition; see Pauses for roots.
func NewPauses(c *Circumstances, l limits.Limits, exists func(kafka.PartitionID) bool,
	roots func(*checker.Produce, env.Instant) []world.Overdue) *Pauses {
	o := &c.Plan.Workload.Options
	p := &Pauses{
		Circumstances: c, limits: l, exists: exists, roots: roots,
		tracks: map[checker.Partition]*pauseTrack{}, tries: map[int]*pauseTry{},
		bound:  time.Duration(o.AckPauseMs.Or(0)) * time.Millisecond,
		change: time.Duration(o.AckPauseControllerMs.Or(0)) * time.Millisecond,
		until:  c.Plan.Duration.Std(),
	}
	if slow := o.SlowFromMs.Or(-1); slow >= 0 {
		p.until = min(p.until, time.Duration(slow)*time.Millisecond)
	}
	return p
}

func (p *Pauses) track(partition checker.Partition) *pauseTrack {
	t := p.tracks[partition]
	if t == nil {
		t = &pauseTrack{acked: -1, since: -1, first: -1}
		p.tracks[partition] = t
	}
	return t
}

// allowed is how long a pause that began at that time may last, by the plan's bound and by
// what is known now. slow says that a replica in sync had a slow disk since then.
func (p *Pauses) allowed(since time.Duration, slow bool) time.Duration {
	bound := p.bound
	if terms := p.History.Controllers; len(terms) > 0 && terms[len(terms)-1].At.At > since {
		bound += p.change
	}
	if slow {
		bound += p.limits.LagTimeout - p.limits.AckTimeout
	}
	return bound
}

// Began is told of a produce that has just been sent.
func (p *Pauses) Began(entry int) {
	op := &p.History.Produces[entry]
	if op.Acks != checker.AcksAll || op.Call.At >= p.Plan.Duration.Std() {
		return // only acks=all produces in the phase with faults count
	}
	t := p.track(op.Partition)
	if t.since < 0 {
		t.since = op.Call.At
	}
	t.slow = t.slow || p.bound > 0 && p.slowInSync(op.Partition)
	try := &pauseTry{entry: entry, acked: t.acked, since: t.since, slow: t.slow,
		sound: p.untouched(history.BrokerName(kafka.NodeID(op.Node)), settled(op.Call.At))}
	if t.first < 0 && try.sound {
		t.first = op.Call.At
	}
	try.first = t.first
	if !t.done && p.broken(try) != "" {
		try.due = p.World.Now().Add(graphDelay)
		p.suspect = append(p.suspect, try)
	}
	p.tries[entry] = try
}

// broken describes the bound that a produce exceeds unless it is acknowledged; "" for none.
func (p *Pauses) broken(try *pauseTry) string {
	op := &p.History.Produces[try.entry]
	call := op.Call.At
	if bound := p.allowed(try.since, try.slow); p.bound > 0 && try.acked >= 0 && call < p.until &&
		call-try.since > bound && p.mayServe(op.Partition, op.Node, call) {
		return fmt.Sprintf("no acks=all produce was acknowledged from %v on, of those tried from "+
			"%v on, and one that was tried at %v through a broker without a fault was not "+
			"either; the bound is %v", try.acked, try.since, call, bound)
	}
	if try.acked >= 0 && try.first >= 0 && call-try.first > quorumPause &&
		p.quorumStands(op, try.first) {
		return fmt.Sprintf("no acks=all produce that was tried from %v to %v was acknowledged, "+
			"and no fault was on its leader, on a quorum of its replicas and of all brokers, or "+
			"on their links; the bound is %v", try.first, call, quorumPause)
	}
	return ""
}

// held describes the bound that a produce exceeds because a broker accepted it and held it
// until it failed; "" for none.
func (p *Pauses) held(op *checker.Produce, t *pauseTrack) string {
	end, bound := op.Return.At, p.allowed(t.since, t.slow)
	if p.bound == 0 || t.acked < 0 || t.since < 0 || op.Return == checker.Never || end >= p.until ||
		end-t.since <= bound ||
		!p.mayServe(op.Partition, op.Node, op.Call.At) || !p.mayServe(op.Partition, op.Node, end) {
		return ""
	}
	return fmt.Sprintf("no acks=all produce was acknowledged from %v on, of those tried from %v "+
		"on, and one that a broker without a fault held from %v to %v was not either; the bound "+
		"is %v", t.acked, t.since, op.Call.At, end, bound)
}

// TakeGraphs takes the wait-for graph of each suspicious produce that is due.
func (p *Pauses) TakeGraphs() {
	for len(p.suspect) > 0 && p.suspect[0].due <= p.World.Now() {
		try := p.suspect[0]
		p.suspect = p.suspect[1:]
		try.stall = p.stall(try)
	}
}

// Ended is told that a produce has ended.
func (p *Pauses) Ended(entry int) {
	try := p.tries[entry]
	if try == nil {
		return
	}
	delete(p.tries, entry)
	if i := slices.Index(p.suspect, try); i >= 0 {
		p.suspect = slices.Delete(p.suspect, i, i+1)
	}
	op := &p.History.Produces[try.entry]
	t := p.track(op.Partition)
	if op.Outcome == checker.Acked {
		t.acked, t.since, t.slow, t.first, t.failed = op.Return.At, -1, false, -1, 0
		return
	}
	if try.sound {
		t.failed++
	}
	if !t.done {
		p.judge(try, op, t)
	}
}

// judge decides whether a produce that failed shows a pause.
func (p *Pauses) judge(try *pauseTry, op *checker.Produce, t *pauseTrack) {
	detail := p.broken(try)
	quorum := p.bound == 0 || try.acked < 0 ||
		op.Call.At-try.since <= p.allowed(try.since, try.slow)
	if held := p.held(op, t); held != "" {
		detail, quorum = held, false
	}
	if detail == "" || quorum && t.failed < quorumTries ||
		!p.exists(history.PartitionID(op.Partition)) {
		return
	}
	if try.stall == nil {
		try.stall = p.stall(try)
	}
	t.done = true
	p.found = append(p.found, foundPause{op.Partition.String(), detail, try.stall})
}

// stall is the wait-for graph of a produce and its partition.
func (p *Pauses) stall(try *pauseTry) *world.Stall {
	op := &p.History.Produces[try.entry]
	since := wait.Unknown
	if try.acked >= 0 {
		since = env.Instant(try.acked)
	}
	return p.World.StallOf(property.KeepsAcknowledging, op.Partition.String(), p.roots(op, since))
}

// Report turns what was found into failures of the run.
func (p *Pauses) Report(w *world.World) {
	for _, f := range p.found {
		w.Keep(f.stall)
		w.Violated(property.KeepsAcknowledging, f.where, "%s", f.detail)
	}
}
