package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/wait"
	"example.com/lockstep/checker"
)

// pauses follows the acknowledgements of every partition while a run goes on.
// There are two bounds. A plan with ack_pause_ms names how long a partition may go
// without one, whatever its faults are, and with ack_pause_controller_ms how much
// longer if a controller's term began meanwhile: it knows of no lease, and waits
// for all of them anew (PROTOCOL 24). A replica in sync with a slow disk may make
// it longer, too (slowInSync). And in every run a partition whose leader,
// in-sync quorum and controller quorum are out of reach of all faults keeps
// acknowledging (quorumPause).
//
// A pause begins with the first produce that is not acknowledged. Clients that try
// nothing, or go to brokers that cannot answer, make none: it takes a produce that
// failed. The wait-for graph is taken while such a produce is on its way, so that
// what it waits for is still to be seen. The run goes on, and the verdict comes with
// the others.
type pauses struct {
	cluster *cluster
	bound   time.Duration // 0: none
	change  time.Duration // on top of bound, once, for controllers that began within the pause
	until   time.Duration // the bound holds for what is produced before that
	tracks  map[checker.Partition]*pauseTrack
	suspect []*pauseTry // on their way, and behind a pause already; in order of due
	found   []foundPause
}

// pauseTrack is one partition.
type pauseTrack struct {
	acked time.Duration // the last acknowledgement; -1: none yet
	since time.Duration // the first produce after it; -1: none
	slow  bool          // a replica in sync had a slow disk since
	// Of the produces since that went to a broker without a fault: when the first was
	// sent (-1: none was), and how many failed.
	first  time.Duration
	failed int
	done   bool // it was reported
}

// pauseTry is a produce with acks=all on its way.
type pauseTry struct {
	record int           // index into History.Produces
	acked  time.Duration // of the track, when it was sent
	since  time.Duration
	slow   bool
	first  time.Duration
	sound  bool        // the broker that it was sent to had no fault
	due    env.Instant // when the graph is to be taken
	stall  *Stall
}

type foundPause struct {
	where, detail string
	stall         *Stall
}

const (
	pauseProperty = "a partition with a leader and quorums keeps acknowledging"
	// quorumPause bounds a pause of a partition that no fault touches: others may
	// fail one after the other, and each costs a session and an election.
	quorumPause = 12 * time.Second
	// quorumTries is how many produces must have failed by then.
	quorumTries = 3
	// pauseLook is how long a suspicious produce is on its way when the graph is taken.
	pauseLook = 300 * time.Millisecond
)

func (c *cluster) followPauses() {
	p := &c.pauses
	p.cluster, p.tracks = c, map[checker.Partition]*pauseTrack{}
	p.bound = time.Duration(c.options().AckPauseMs.Or(0)) * time.Millisecond
	p.change = time.Duration(c.options().AckPauseControllerMs.Or(0)) * time.Millisecond
	p.until = c.plan.Duration.Std()
	if slow := c.options().SlowFromMs.Or(-1); slow >= 0 {
		p.until = min(p.until, time.Duration(slow)*time.Millisecond)
	}
}

func (p *pauses) track(partition checker.Partition) *pauseTrack {
	t := p.tracks[partition]
	if t == nil {
		t = &pauseTrack{acked: -1, since: -1, first: -1}
		p.tracks[partition] = t
	}
	return t
}

// allowed is how long a pause that began at that time may last, by the plan's bound
// and by what is known now. slow says that a replica in sync had a slow disk since.
func (p *pauses) allowed(since time.Duration, slow bool) time.Duration {
	bound := p.bound
	if terms := p.cluster.rec.h.Controllers; len(terms) > 0 && terms[len(terms)-1].At.At > since {
		bound += p.change
	}
	if slow {
		l := p.cluster.limits()
		bound += l.LagTimeout - l.AckTimeout
	}
	return bound
}

// slowInSync reports whether a replica in sync has a slow disk. Bounds count on a
// leader to give up after AckTimeout whom it waits for. But one that gets on, however
// slowly, stays for LagTimeout: if its disk takes less than what is produced, every
// acknowledgement waits for what lies before it in its log, and comes when the
// client has given up.
func (c *cluster) slowInSync(id checker.Partition) bool {
	var slow []string
	for i := range c.world.past {
		if f := &c.world.past[i]; f.Kind == "disk-slow" && f.To > c.world.Now() {
			slow = append(slow, f.Node)
		}
	}
	if len(slow) == 0 {
		return false
	}
	image := c.newestImage()
	if image == nil {
		return false
	}
	p := image.Partition(partitionOf(id))
	return p != nil && slices.ContainsFunc(p.ISR, func(n kafka.NodeID) bool { return slices.Contains(slow, brokerName(n)) })
}

// began takes a produce that has just been sent. It returns nil for one that shows
// nothing.
func (p *pauses) began(record int) *pauseTry {
	op := &p.cluster.rec.h.Produces[record]
	if op.Acks != checker.AcksAll || op.Call.At >= p.cluster.plan.Duration.Std() {
		return nil
	}
	t := p.track(op.Partition)
	if t.since < 0 {
		t.since = op.Call.At
	}
	t.slow = t.slow || p.bound > 0 && p.cluster.slowInSync(op.Partition)
	try := &pauseTry{record: record, acked: t.acked, since: t.since, slow: t.slow, sound: p.cluster.untouched(brokerName(kafka.NodeID(op.Node)), settled(op.Call.At))}
	if t.first < 0 && try.sound {
		t.first = op.Call.At
	}
	try.first = t.first
	if !t.done && p.broken(try) != "" {
		try.due = p.cluster.world.Now().Add(pauseLook)
		p.suspect = append(p.suspect, try)
	}
	return try
}

// broken says which bound a produce breaks unless it is acknowledged; "" for none.
func (p *pauses) broken(try *pauseTry) string {
	op := &p.cluster.rec.h.Produces[try.record]
	call := op.Call.At
	if bound := p.allowed(try.since, try.slow); p.bound > 0 && try.acked >= 0 && call < p.until && call-try.since > bound && p.cluster.mayServe(op.Partition, op.Node, call) {
		return fmt.Sprintf("no acks=all produce was acknowledged from %v on, of those tried from %v on, and one that was tried at %v by way of a broker without a fault was not either; the bound is %v", try.acked, try.since, call, bound)
	}
	if try.acked >= 0 && try.first >= 0 && call-try.first > quorumPause && p.cluster.quorumStands(op, try.first) {
		return fmt.Sprintf("no acks=all produce that was tried from %v to %v was acknowledged, and no fault was on its leader, on a quorum of its replicas and of all brokers, or on their links; the bound is %v", try.first, call, quorumPause)
	}
	return ""
}

// held says which bound a produce breaks that a broker took, and held until it
// failed; "" for none.
func (p *pauses) held(op *checker.Produce, t *pauseTrack) string {
	end, bound := op.Return.At, p.allowed(t.since, t.slow)
	if p.bound == 0 || t.acked < 0 || t.since < 0 || op.Return == checker.Never || end >= p.until || end-t.since <= bound ||
		!p.cluster.mayServe(op.Partition, op.Node, op.Call.At) || !p.cluster.mayServe(op.Partition, op.Node, end) {
		return ""
	}
	return fmt.Sprintf("no acks=all produce was acknowledged from %v on, of those tried from %v on, and one that a broker without a fault held from %v to %v was not either; the bound is %v", t.acked, t.since, op.Call.At, end, bound)
}

// look takes the graph for the suspicious produces that are due.
func (p *pauses) look() {
	for len(p.suspect) > 0 && p.suspect[0].due <= p.cluster.world.Now() {
		try := p.suspect[0]
		p.suspect = p.suspect[1:]
		try.stall = p.stall(try)
	}
}

// ended takes the end of a produce.
func (p *pauses) ended(try *pauseTry) {
	if try == nil {
		return
	}
	if i := slices.Index(p.suspect, try); i >= 0 {
		p.suspect = slices.Delete(p.suspect, i, i+1)
	}
	op := &p.cluster.rec.h.Produces[try.record]
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

// judge looks whether a produce that failed shows a pause.
func (p *pauses) judge(try *pauseTry, op *checker.Produce, t *pauseTrack) {
	detail := p.broken(try)
	quorum := p.bound == 0 || try.acked < 0 || op.Call.At-try.since <= p.allowed(try.since, try.slow)
	if held := p.held(op, t); held != "" {
		detail, quorum = held, false
	}
	if detail == "" || quorum && t.failed < quorumTries || !p.cluster.facts.exists(partitionOf(op.Partition)) {
		return
	}
	if try.stall == nil {
		try.stall = p.stall(try)
	}
	t.done = true
	p.found = append(p.found, foundPause{op.Partition.String(), detail, try.stall})
}

// stall is why a produce, and its partition, get no further.
func (p *pauses) stall(try *pauseTry) *Stall {
	c := p.cluster
	op := &c.rec.h.Produces[try.record]
	roots := c.produceOverdue(op)
	since := wait.Unknown
	if try.acked >= 0 {
		since = env.Instant(try.acked)
	}
	if image := c.newestImage(); image != nil {
		id := partitionOf(op.Partition)
		if t := image.TopicByID(id.Topic); t != nil && int(id.Partition) < len(t.Partitions) {
			o := Overdue{Name: fmt.Sprintf("%s/%d to acknowledge", t.Name, id.Partition), Group: "partitions", Since: since}
			o.At = c.leaderPlaces(t.Partitions[id.Partition], fmt.Sprintf("%s/%d", t.Name, id.Partition), wait.Watermark)
			roots = append(roots, o)
		}
	}
	return c.world.StallOf(pauseProperty, op.Partition.String(), roots)
}

// report turns what was found into failures of the run.
func (p *pauses) report(w *World) {
	for _, f := range p.found {
		w.stalls = append(w.stalls, f.stall)
		w.Violated(pauseProperty, f.where, "%s", f.detail)
	}
}

// quorumStands reports whether a produce, and all before it from a moment on, had
// everything that an acknowledgement takes out of reach of faults: its leaders and
// enough replicas, the broker that it was sent to, and a majority of all brokers.
// Faults that ended shortly before count.
func (c *cluster) quorumStands(op *checker.Produce, from time.Duration) bool {
	since := settled(from)
	stands := func(name string) bool { return c.untouched(name, since) }
	whole := 0
	for _, name := range c.brokers {
		if stands(name) {
			whole++
		}
	}
	if whole <= len(c.brokers)/2 || !stands(brokerName(kafka.NodeID(op.Node))) || !stands(c.ClientName(op.Client)) {
		return false
	}
	image := c.newestImage()
	if image == nil || !c.ledSoundly(op.Partition, since, stands) {
		return false
	}
	p := image.Partition(partitionOf(op.Partition))
	if p == nil {
		return false
	}
	sound := 0
	for _, r := range p.Replicas {
		if stands(brokerName(r)) {
			sound++
		}
	}
	return sound >= min(int(c.options().MinISR.Or(1)), len(p.Replicas))
}

// settled is the moment since which no fault may have been on what counts as sound
// at another moment.
func settled(at time.Duration) env.Instant { return env.Instant(max(0, at-2*time.Second)) }

// ledSoundly reports whether everybody who led a partition since a moment stands.
func (c *cluster) ledSoundly(p checker.Partition, since env.Instant, stands func(string) bool) bool {
	last := checker.NodeID(-1)
	for i := range c.rec.h.Leaders {
		f := &c.rec.h.Leaders[i]
		if f.Partition != p {
			continue
		}
		if env.Instant(f.At.At) >= since && last >= 0 && !stands(brokerName(kafka.NodeID(last))) {
			return false
		}
		last = f.Node
	}
	return last >= 0 && stands(brokerName(kafka.NodeID(last)))
}

// untouched reports whether a machine has run without a fault since a moment.
func (c *cluster) untouched(name string, since env.Instant) bool {
	n := c.world.Node(name)
	if n == nil || !n.Up() || len(n.past) > 0 && n.past[len(n.past)-1].ended >= since {
		return false
	}
	for i := range c.world.past {
		f := &c.world.past[i]
		if (f.Node == name || f.Peer == name) && (f.To >= since || lingers(f.Kind)) {
			return false
		}
	}
	return true
}

// lingers reports whether a kind of fault may strike, or be felt, after its end.
func lingers(kind string) bool {
	switch kind {
	case "lose-write", "misdirect-write", "bit-rot", "no-space", "disk-full", "clock-drift":
		return true
	}
	return strings.HasSuffix(kind, "error") || strings.HasSuffix(kind, "errors")
}

// ClientName is the machine of a client of the history.
func (c *cluster) ClientName(number int) string {
	for _, k := range c.clients {
		if k.number == number {
			return k.name
		}
	}
	return ""
}
