package world

import (
	"reflect"
	"strconv"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/loop"
)

// replyBound is how many replies may wait for one loop. Loops bound their outstanding requests, so
// a loop that reaches this bound has a bug.
const replyBound = 1 << 16

// mailPair carries mail from one loop to another loop of the same node, in order, with small
// delays.
type mailPair struct {
	from, to *loopHost
	queue    []inboxEntry
	head     int
	last     env.Instant // arrival of the newest mail: nothing overtakes it
	rand     *env.Rand
	arrive   func()
}

// TrySend implements loop.Host.
func (l *loopHost) TrySend(to loop.ID, m any) bool {
	if l.dead {
		return true // a dead process has no effects
	}
	receiver := l.node.loops[to]
	content, name := l.node.world.mail.sum(m)
	if receiver.requests >= l.node.world.plan.Limits.Mailbox {
		l.trace(record{what: MailRefused, id: uint64(to), content: content, detail: name})
		l.tellRecorder(receiver, name, true)
		return false
	}
	receiver.requests++
	l.trace(record{what: MailSent, id: uint64(to), content: content, detail: name})
	l.pair(receiver).send(inboxEntry{event: loop.Event{Kind: loop.Mail, From: l.id, Mail: m},
		request: true, sum: content, flow: l.tellRecorder(receiver, name, false)})
	return true
}

// tellRecorder tells the recorder, if there is one, about mail.
func (l *loopHost) tellRecorder(to *loopHost, label string, refused bool) (flow Flow) {
	if r := l.node.world.recorder; r != nil {
		flow = r.Mailed(to.ref(), label, refused)
	}
	return flow
}

// Reply implements loop.Host.
func (l *loopHost) Reply(to loop.ID, m any) {
	if l.dead {
		return
	}
	if to == loop.Outside {
		if s, ok := l.node.world.subject.(Correspondent); ok && s.Replied(l.node, l.id, m) {
			l.node.leaveSoon()
		}
		return
	}
	receiver := l.node.loops[to]
	receiver.replies++
	assert.That(receiver.replies <= replyBound, "sim: %d replies wait for loop %d",
		receiver.replies, to)
	content, name := l.node.world.mail.sum(m)
	l.trace(record{what: MailSent, id: uint64(to), size: 1, content: content, detail: name})
	l.pair(receiver).send(inboxEntry{event: loop.Event{Kind: loop.Mail, From: l.id, Mail: m},
		sum: content, flow: l.tellRecorder(receiver, name, false)})
}

func (l *loopHost) pair(to *loopHost) *mailPair {
	if p := l.out[to.id]; p != nil {
		return p
	}
	p := &mailPair{from: l, to: to, rand: l.Entropy("sim", "mail to "+strconv.Itoa(int(to.id)))}
	p.arrive = p.deliverFirst
	l.out[to.id] = p
	return p
}

func (p *mailPair) send(e inboxEntry) {
	world := p.from.node.world
	at := world.sched.Now() + env.Instant(world.plan.Limits.MailDelay.Draw(p.rand))
	p.last = max(p.last, at)
	p.queue = append(p.queue, e)
	world.sched.At(p.last, "mail", p.arrive)
}

func (p *mailPair) deliverFirst() {
	e := p.queue[p.head]
	p.queue[p.head] = inboxEntry{}
	if p.head++; p.head == len(p.queue) {
		p.queue, p.head = p.queue[:0], 0
	}
	if r := p.to.node.world.recorder; r != nil {
		r.Arrived(e.flow)
	}
	p.to.deliver(e)
}

// TraceAppender is implemented by mail with content that should enter the trace hash. AppendTrace
// appends a canonical encoding to b, like encoding.BinaryAppender. Other mail enters only by its
// type.
type TraceAppender interface {
	AppendTrace(b []byte) []byte
}

// Labelled is implemented by mail that enters the trace by a label instead of the name of its type,
// so that the type can move. All values of a type have the same label.
type Labelled interface {
	TraceLabel() string
}

// Ask mails a request to a loop of the current incarnation, from outside the node.
func (n *Node) Ask(id loop.ID, m any) {
	l := n.loops[id]
	content, _ := n.world.mail.sum(m)
	l.replies++
	l.deliver(inboxEntry{event: loop.Event{Kind: loop.Mail, From: loop.Outside, Mail: m},
		sum: content})
}

// mailSums hashes mail. The name of each type is looked up only once, to keep reflection out of the
// hot path.
type mailSums struct {
	names   map[reflect.Type]mailName
	scratch []byte
}

type mailName struct {
	text string
	sum  uint64
}

func (s *mailSums) sum(m any) (content uint64, name string) {
	t := reflect.TypeOf(m)
	n, ok := s.names[t]
	if !ok {
		n.text = t.String()
		if l, ok := m.(Labelled); ok {
			n.text = l.TraceLabel()
		}
		var h Hasher
		h.String(n.text)
		n.sum = h.Sum()
		s.names[t] = n
	}
	if a, ok := m.(TraceAppender); ok {
		s.scratch = a.AppendTrace(s.scratch[:0])
		return n.sum ^ SumBytes(s.scratch), n.text
	}
	return n.sum, n.text
}
