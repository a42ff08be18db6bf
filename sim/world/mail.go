package world

import (
	"reflect"
	"strconv"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/loop"
)

// replyBound is how many answers may wait for one loop. Senders bound their
// outstanding requests, so reaching it means that one does not.
const replyBound = 1 << 16

// mailPair carries the mail of one loop to another loop of the same node, in
// order, with small delays.
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
		return true // nothing takes effect any more
	}
	receiver := l.node.loops[to]
	content, name := l.node.world.mail.sum(m)
	if receiver.requests >= l.node.world.plan.Limits.Mailbox {
		l.trace(record{what: MailRefused, id: uint64(to), content: content, detail: name})
		l.recordMail(receiver, name, true)
		return false
	}
	receiver.requests++
	l.trace(record{what: MailSent, id: uint64(to), content: content, detail: name})
	l.pair(receiver).send(inboxEntry{event: loop.Event{Kind: loop.Mail, From: l.id, Mail: m},
		request: true, sum: content, flow: l.recordMail(receiver, name, false)})
	return true
}

// recordMail tells the recorder of mail, if there is one.
func (l *loopHost) recordMail(to *loopHost, label string, refused bool) (flow Flow) {
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
		sum: content, flow: l.recordMail(receiver, name, false)})
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

// TraceAppender is implemented by mail with content that should enter the trace
// hash: it appends a canonical encoding to b, like encoding.BinaryAppender. Mail
// without it enters by its type alone.
type TraceAppender interface {
	AppendTrace(b []byte) []byte
}

// Labelled is implemented by mail that enters the trace under another name than
// that of its type, so that the type can move. All values of a type have one label.
type Labelled interface {
	TraceLabel() string
}

// Ask mails a request to a loop of the present incarnation, from outside of the
// node.
func (n *Node) Ask(id loop.ID, m any) {
	l := n.loops[id]
	content, _ := n.world.mail.sum(m)
	l.replies++
	l.deliver(inboxEntry{event: loop.Event{Kind: loop.Mail, From: loop.Outside, Mail: m},
		sum: content})
}

// mailSums hashes mail. Types are known by name; looking the name up once per
// type keeps reflection off the hot path.
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
