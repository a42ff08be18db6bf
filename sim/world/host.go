package world

import (
	"strconv"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/diskfs"
	"example.com/lockstep/netsim"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/property"
)

// loopHost hosts one loop for one incarnation of its node. It does in the simulator what
// broker/drive does with a goroutine and a mailbox. Events arrive in the inbox at times that the
// network, the disk and the mail schedule. Turns take them out.
type loopHost struct {
	node *Node
	id   loop.ID
	loop loop.Loop
	name string

	inbox    inbox
	requests int // mailed requests that the loop has not taken yet; at most Limits.Mailbox
	replies  int // replies likewise; at most replyBound
	out      []*mailPair
	disk     *diskPort
	net      *netPort

	dead      bool
	panicked  bool        // the state of the loop may be inconsistent: an observer must not see it
	frozen    int         // number of faults that hold the loop
	turnAt    env.Instant // world time of the turn that is scheduled; Never if there is none
	busyUntil env.Instant // world time before which no turn begins
	lastTurn  env.Instant // world time of the last turn
	timer     env.Instant // the loop's NextTimer, on the node's clock
	rand      *env.Rand   // draws the costs and sizes of turns
	limiter   event.Limiter
	current   loop.Event // the event that is lent to the loop in Step
	turnFn    func()
}

func newLoopHost(n *Node, id loop.ID) *loopHost {
	w := n.world
	l := &loopHost{
		node: n, id: id, name: n.spec.Name,
		turnAt: env.Never, timer: env.Never,
		rand: w.streams.Loop(n.spec.Name, n.incarnation, int32(id), "sim", "turns"),
	}
	l.turnFn = l.turn
	l.disk = newDiskPort(l)
	l.net = &netPort{loop: l}
	l.out = make([]*mailPair, len(n.loops))
	return l
}

// start is the loop's first turn.
func (l *loopHost) start() {
	recorder, at := l.node.world.recorder, l.node.world.sched.Now()
	l.lastTurn = at
	if recorder != nil {
		recorder.TurnBegins(l.ref())
		recorder.StepBegins(0, 0)
	}
	l.node.guard(l, func() { l.loop.Start(l.node.clock.time(at)) })
	if recorder != nil {
		recorder.TurnEnds(0, 0)
	}
	l.endTurn(0)
}

// turn is one turn: it takes some of the waiting events, then ends the turn. All of it happens at
// one instant. The cost of the turn is the time before which the next one cannot begin.
func (l *loopHost) turn() {
	world := l.node.world
	at := world.sched.Now()
	if at != l.turnAt || l.dead {
		return // the turn was moved to an earlier time, or the process is dead
	}
	l.turnAt = env.Never
	if l.stuck() {
		return // thawing arms the loop again
	}
	now := l.node.clock.time(at)
	waiting := l.inbox.len()
	held := l.blocked()
	if waiting == 0 && l.timer > now.Mono && !held {
		l.arm() // the loop has put its timer off since the turn was scheduled
		return
	}
	draw := l.rand.Uint64()
	take := turnSize(draw, waiting, world.plan.Limits.TurnEvents)
	if held {
		take = 0 // the loop goes on with what blocked it, and takes nothing before that ends
	}
	l.lastTurn = at
	l.node.turns++
	if take == 0 {
		l.node.timerTurns++
	}
	l.trace(record{what: TurnBegun, id: uint64(take), size: int64(waiting)})
	if world.recorder != nil {
		world.recorder.TurnBegins(l.ref())
	}
	l.step(now, take)
	if world.observer != nil && l.loop != nil && !l.panicked {
		world.observer.TurnEnded(l.node, l.id, l.loop)
	}
	l.busyUntil = at + turnCost(draw, take, world.plan.Limits, l.node.slow)
	if world.recorder != nil {
		world.recorder.TurnEnds(l.busyUntil-at, take)
	}
	l.endTurn(take)
	world.states.turn(l, world.trace.count)
}

// step gives events to the loop. It is guarded like Node.guard, but without a closure, because this
// is the hot path.
func (l *loopHost) step(now env.Time, take int) {
	world := l.node.world
	world.entropy.current = l.node.entropy
	defer func() {
		world.entropy.current = world.idleEntropy
		l.current = loop.Event{}
		if cause := recover(); cause != nil {
			l.node.panicked(l, cause)
		}
	}()
	for range take {
		entry := l.inbox.pop()
		l.given(entry)
		l.current = entry.event
		if world.recorder != nil {
			world.recorder.StepBegins(entry.event.Kind, entry.flow)
		}
		if entry.event.Kind == loop.Mail && world.observer != nil {
			world.observer.BeforeMail(l.node, l.id, l.loop, entry.event.Mail)
		}
		l.loop.Step(now, &l.current)
		if l.dead {
			return // the loop stopped its node
		}
		if l.blocked() {
			break // the other events stay in the inbox
		}
	}
	if world.recorder != nil {
		world.recorder.StepBegins(0, 0)
	}
	l.loop.EndTurn(now)
}

func (l *loopHost) endTurn(events int) {
	if l.dead {
		return
	}
	if !l.limiter.Idle() {
		for _, e := range l.limiter.Due(l.node.clock.mono(l.node.world.sched.Now())) {
			l.node.world.told(l, e, true)
		}
	}
	l.timer = l.loop.NextTimer()
	l.trace(record{what: TurnEnded, id: uint64(l.timer), size: int64(events)})
	l.arm()
}

// stuck reports whether faults keep the loop from taking turns.
func (l *loopHost) stuck() bool { return l.frozen > 0 || l.node.frozen > 0 }

// blocker is implemented by loops with a planted bug that blocks (BUGS L3). No other loop may
// block: on a goroutine it would be a send on a full channel. WaitsForRoom names the loop that has
// no room in its mailbox. Until there is room, the host gives the blocked loop neither events nor
// turns, and what arrives for it stays in its own inbox.
type blocker interface {
	WaitsForRoom() (in loop.ID, waits bool)
}

// blocked reports whether the loop waits for room in another loop's mailbox.
func (l *loopHost) blocked() bool {
	_, waits := l.waitsForRoom()
	return waits
}

func (l *loopHost) waitsForRoom() (in *loopHost, waits bool) {
	if b, ok := l.loop.(blocker); ok {
		if id, waits := b.WaitsForRoom(); waits {
			return l.node.loops[id], true
		}
	}
	return nil, false
}

// wakeBlocked schedules turns of the loops that wait for room in this loop's mailbox.
func (l *loopHost) wakeBlocked() {
	for _, other := range l.node.loops {
		if in, waits := other.waitsForRoom(); waits && in == l {
			other.arm()
		}
	}
}

// arm schedules the next turn if it is due earlier than the one that is scheduled. The later one
// stays in the scheduler and does nothing when its time comes. That costs one event, which is
// cheaper than removing events from the scheduler.
func (l *loopHost) arm() {
	if l.dead || l.stuck() {
		return
	}
	world := l.node.world
	at := env.Never
	if in, waits := l.waitsForRoom(); waits {
		if in.requests < world.plan.Limits.Mailbox {
			at = max(world.sched.Now()+world.plan.Limits.WakeUp.Instant(), l.busyUntil)
		}
	} else if l.inbox.len() > 0 {
		at = max(world.sched.Now()+world.plan.Limits.WakeUp.Instant(), l.busyUntil)
	} else if l.timer != env.Never {
		at = max(l.node.clock.world(l.timer), l.busyUntil, world.sched.Now()+1)
	}
	if at < l.turnAt {
		l.turnAt = at
		world.sched.At(at, "turn", l.turnFn)
	}
}

// deliver puts an event into the inbox.
func (l *loopHost) deliver(e inboxEntry) {
	if l.dead {
		return
	}
	l.inbox.push(e)
	if l.turnAt == env.Never || l.inbox.len() == 1 {
		l.arm()
	}
}

// turnSize draws how many of the waiting events a turn takes: mostly all, so that batches form as
// in production, else only the first few.
func turnSize(draw uint64, waiting, bound int) int {
	if waiting == 0 {
		return 0
	}
	take := waiting
	if draw&3 == 0 {
		take = 1 + int((draw>>2&0xffff)*uint64(waiting)>>16)
	}
	return min(take, bound)
}

// turnCost draws how long a turn keeps the loop busy. The work of a slow node takes longer, but its
// hiccups do not: a hiccup times the factor would last for seconds after the fault. It would freeze
// the loop while the run is judged as if the node were healthy.
func turnCost(draw uint64, events int, limits plan.Limits, slow int64) env.Instant {
	base, spread := int64(limits.TurnCost.Low), int64(limits.TurnCost.High-limits.TurnCost.Low)
	cost := base + int64((draw>>18&0xffff)*uint64(spread)>>16) +
		int64(events)*int64(limits.EventCost)
	cost *= max(slow, 1)
	if limits.HiccupEvery > 0 && draw>>34%uint64(limits.HiccupEvery) == 0 {
		cost += int64(limits.Hiccup)
	}
	return env.Instant(max(cost, 1))
}

// Disk implements loop.Host.
func (l *loopHost) Disk() diskfs.Disk { return l.disk }

// Network implements loop.Host.
func (l *loopHost) Network() netsim.Network { return l.net }

// Sink implements loop.Host.
func (l *loopHost) Sink(id loop.ID) netsim.Sink {
	to := l.node.loops[id]
	return func(ev netsim.Event) {
		if c, ok := ev.Conn.(*conn); ok {
			c.loop = to // an accepted connection belongs to the loop it is delivered to
		}
		e := inboxEntry{event: loop.Event{Kind: loop.Net, Net: ev}}
		if r := l.node.world.recorder; r != nil {
			if c, ok := ev.Conn.(*conn); ok {
				e.flow = r.Received(c.raw.ID(), c.peerID(), &ev)
			}
		}
		to.deliver(e)
	}
}

// Entropy implements loop.Host.
func (l *loopHost) Entropy(subsystem, purpose string) *env.Rand {
	return l.node.world.streams.Loop(l.name, l.node.incarnation, int32(l.id), subsystem, purpose)
}

// Log implements loop.Host. The limiter is the one of production, so that a run writes as many
// lines as a process would.
func (l *loopHost) Log(e event.Event) {
	if l.dead {
		return
	}
	assert.That(e.Doubled() == "", "event %s: key %s twice", e, e.Doubled())
	now := l.node.clock.mono(l.node.world.sched.Now())
	written := l.limiter.Take(now, e)
	l.node.world.told(l, e, written)
}

// LogLevel implements loop.Host. A run judges the lines of all levels.
func (l *loopHost) LogLevel(event.Level) {}

// Stop implements loop.Host.
func (l *loopHost) Stop(err error) {
	if !l.dead {
		l.node.stop(err)
	}
}

// where names the loop in reports.
func (l *loopHost) where() string { return l.name + " loop " + strconv.Itoa(int(l.id)) }

// trace adds a record of this loop.
func (l *loopHost) trace(r record) {
	w := l.node.world
	r.at, r.node, r.incarnation, r.loop = w.sched.Now(), l.node.index, l.node.incarnation,
		int32(l.id)
	l.node.did[r.what]++
	w.trace.add(r)
}

// given adds a trace record of an event, at the moment at which the loop gets it.
func (l *loopHost) given(e inboxEntry) {
	switch e.event.Kind {
	case loop.Net:
		ev := &e.event.Net
		l.trace(record{
			what: NetAccepted + What(ev.Kind-netsim.Accepted), id: uint64(ev.Conn.ID()),
			size: int64(len(ev.Data)), content: SumBytes(ev.Data) ^ errorClass(ev.Err),
		})
	case loop.Disk:
		l.trace(diskRecord(&e.event.Disk))
	case loop.Mail:
		if e.request {
			l.requests--
			l.wakeBlocked()
		} else {
			l.replies--
		}
		content, name := l.node.world.mail.sum(e.event.Mail)
		if content != e.sum {
			l.node.world.Fail(Failure{
				Property: property.MailImmutable, Where: l.where(),
				Detail: "a " + name + " changed between TrySend or Reply and its delivery",
			})
		}
		l.trace(record{what: MailReceived, id: uint64(e.event.From), content: content,
			detail: name})
	}
}

func diskRecord(c *diskfs.Completion) record {
	var h Hasher
	h.Word(uint64(c.Kind)<<32 | uint64(c.Owner))
	h.Word(c.Token)
	h.Word(errorClass(c.Err))
	h.Word(uint64(c.N))
	h.Word(uint64(c.Size))
	if c.Kind == diskfs.Read {
		h.Bytes(c.Data[:c.N])
	}
	for _, e := range c.Entries {
		h.String(e.Name)
		h.Word(uint64(e.Size))
	}
	return record{what: DiskDone, id: uint64(c.Handle), size: int64(c.N), content: h.Sum()}
}

// inbox is a queue of events. It needs no bound: mail is bounded where it is sent, the network by
// receive credit, the disk by the operations that are under way.
type inbox struct {
	entries []inboxEntry
	head    int
	peak    int
}

type inboxEntry struct {
	event   loop.Event
	request bool   // mail that counts against the bound of the mailbox
	flow    Flow   // the first flow that the event brings
	sum     uint64 // mail: its hash when it was sent
}

func (b *inbox) len() int { return len(b.entries) - b.head }

func (b *inbox) push(e inboxEntry) {
	if b.head > 0 && len(b.entries) == cap(b.entries) {
		n := copy(b.entries, b.entries[b.head:])
		clear(b.entries[n:])
		b.entries, b.head = b.entries[:n], 0
	}
	b.entries = append(b.entries, e)
	b.peak = max(b.peak, b.len())
}

func (b *inbox) pop() inboxEntry {
	e := b.entries[b.head]
	b.entries[b.head] = inboxEntry{}
	b.head++
	if b.head == len(b.entries) {
		b.entries, b.head = b.entries[:0], 0
	}
	return e
}
