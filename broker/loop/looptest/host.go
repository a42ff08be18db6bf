package looptest

import (
	"fmt"
	"time"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/diskfs"
	"example.com/lockstep/netsim"
)

// Host hosts one loop for a transcript. Events wait in its mailbox until Turn gives them to the
// loop. What the loop asks for is printed.
type Host struct {
	// Loop is the hosted loop; it is set before the first turn.
	Loop loop.Loop
	// Now is the time that the loop gets.
	Now env.Time
	// Trace collects the effects.
	Trace *Trace
	// Mail is the mail of the loop that Take has not returned yet.
	Mail []Sent
	// FullMailboxes are the loops of the node that accept no requests.
	FullMailboxes map[loop.ID]bool
	// Events is whether lines of the event log are printed.
	Events bool
	// Stopped is the reason why the loop has stopped its node, or nil while it runs.
	Stopped error

	id      loop.ID
	cluster *Cluster
	seed    uint64
	disk    *loopDisk
	network *Network
	mailbox []loop.Event

	timesFrom env.Instant
}

// Sent is mail of the hosted loop.
type Sent struct {
	To   loop.ID
	Mail any
}

// start is the clock's first reading. It is not zero, so that code fails if it takes an instant for
// the time since the start.
const (
	start       = env.Instant(time.Hour)
	startWallMs = 1_700_000_000_000
)

// NewHost returns a host for loop id of a process on the machine's disk. seed names the
// incarnation: hosts with the same seed have the same random streams.
func NewHost(id loop.ID, cluster *Cluster, machine *Disk, seed uint64) *Host {
	h := &Host{
		Now:           env.Time{Mono: start, WallMs: startWallMs},
		Trace:         &Trace{cluster: cluster},
		FullMailboxes: map[loop.ID]bool{},
		id:            id, cluster: cluster, seed: seed,
	}
	cluster.handed = nil
	h.disk = machine.process(h)
	h.network = &Network{host: h}
	return h
}

// Start starts the loop and ends its first turn.
func (h *Host) Start() {
	h.Loop.Start(h.Now)
	h.endTurn()
}

// Post puts an event into the mailbox.
func (h *Host) Post(ev loop.Event) { h.mailbox = append(h.mailbox, ev) }

// PostMail puts mail of another loop into the mailbox.
func (h *Host) PostMail(from loop.ID, mail any) {
	h.Post(loop.Event{Kind: loop.Mail, From: from, Mail: mail})
}

// Turn gives the loop everything that waits in its mailbox, in order, and ends the turn.
func (h *Host) Turn() {
	for len(h.mailbox) > 0 && h.Stopped == nil {
		ev := h.mailbox[0]
		h.mailbox = h.mailbox[1:]
		h.Loop.Step(h.Now, &ev)
	}
	h.endTurn()
}

// endTurn ends a turn, and runs further turns while a timer is due.
func (h *Host) endTurn() {
	const most = 1000
	for range most {
		if h.Stopped != nil {
			return
		}
		h.Loop.EndTurn(h.Now)
		if h.Stopped != nil || h.Loop.NextTimer() > h.Now.Mono && len(h.mailbox) == 0 {
			h.network.notice()
			return
		}
		for len(h.mailbox) > 0 { // the loop has mailed itself
			ev := h.mailbox[0]
			h.mailbox = h.mailbox[1:]
			h.Loop.Step(h.Now, &ev)
		}
	}
	assert.That(false, "looptest: a timer stays due for %d turns", most)
}

// Advance lets time pass. The loop gets a turn at each of its timers, and one at the end.
func (h *Host) Advance(d time.Duration) {
	end := h.Now.Mono.Add(d)
	for h.Stopped == nil && h.Loop.NextTimer() < end {
		h.sleepUntil(max(h.Loop.NextTimer(), h.Now.Mono))
		h.endTurn()
	}
	h.sleepUntil(end)
	h.endTurn()
}

// Freeze lets time pass while the loop gets no turn, as when its process is stopped.
func (h *Host) Freeze(d time.Duration) { h.sleepUntil(h.Now.Mono.Add(d)) }

func (h *Host) sleepUntil(at env.Instant) {
	h.Now.WallMs += (at.Sub(start).Milliseconds()) - h.Now.Mono.Sub(start).Milliseconds()
	h.Now.Mono = at
	h.Trace.passed = at.Sub(h.timesFrom)
}

// Times switches on or off that lines begin with the time since this call.
func (h *Host) Times(on bool) {
	h.timesFrom = h.Now.Mono
	h.Trace.times, h.Trace.passed = on, 0
}

// Take returns the mail since the last call.
func (h *Host) Take() []Sent {
	mail := h.Mail
	h.Mail = nil
	return mail
}

var _ loop.Host = (*Host)(nil)

// Disk implements loop.Host.
func (h *Host) Disk() diskfs.Disk { return h.disk }

// Network implements loop.Host.
func (h *Host) Network() netsim.Network { return h.network }

// Net is the network, for the use of the transcript.
func (h *Host) Net() *Network { return h.network }

// Sink implements loop.Host. Events for other loops of the node are not delivered.
func (h *Host) Sink(id loop.ID) netsim.Sink {
	return func(ev netsim.Event) {
		if id == h.id {
			h.Post(loop.Event{Kind: loop.Net, Net: ev})
		}
	}
}

// Entropy implements loop.Host.
func (h *Host) Entropy(subsystem, purpose string) *env.Rand {
	return env.NewRand(env.Key(h.seed, subsystem, purpose))
}

// TrySend implements loop.Host.
func (h *Host) TrySend(to loop.ID, m any) bool {
	if h.FullMailboxes[to] {
		h.Trace.Addf("%s refuses: %s (its mailbox is full)", loopName(to), h.cluster.Mail(m))
		return false
	}
	h.Reply(to, m)
	return true
}

// Reply implements loop.Host.
func (h *Host) Reply(to loop.ID, m any) {
	if text := h.cluster.Mail(m); text != "" {
		h.Trace.Addf("%s ← %s", loopName(to), text)
	}
	if to == h.id {
		h.PostMail(h.id, m)
		return
	}
	h.Mail = append(h.Mail, Sent{to, m})
}

// Log implements loop.Host.
func (h *Host) Log(e event.Event) {
	assert.That(e.Doubled() == "", "event %s: key %s twice", e, e.Doubled())
	if h.Events {
		h.Trace.Addf("log ← %v %s", e.Name.Level(), e)
	}
}

// LogLevel implements loop.Host.
func (h *Host) LogLevel(least event.Level) {
	if h.Events {
		h.Trace.Addf("log ← from level %v on", least)
	}
}

// Stop implements loop.Host.
func (h *Host) Stop(err error) {
	if h.Stopped == nil {
		h.Stopped = err
		h.Trace.Addf("the node stops: %v", err)
	}
}

func loopName(id loop.ID) string {
	switch id {
	case loop.Control:
		return "control"
	case loop.Outside:
		return "owner"
	default:
		return fmt.Sprintf("shard %d", id)
	}
}
