package shard

import (
	"errors"
	"time"

	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/rare"
	"example.com/lockstep/broker/wire"
	"example.com/lockstep/netsim"
)

// clientConn is a connection of a Kafka client. This loop alone reads it, in order.
// Responses leave in the order of the requests (KAFKA 1), so a finished request waits
// until all before it are finished.
type clientConn struct {
	conn   netsim.Conn
	framer *wire.Framer
	// requests are the unanswered ones, in order. An acks=0 produce is among them
	// until it is done.
	requests []*request
	lanes    map[kafka.PartitionID]*lane // looked up only
	outbox
	// next is a parsed request that may not start yet: see mayStart.
	next *parsed
	// fetching: a Fetch is unanswered. The next Fetch waits, so that a client that does
	// not read makes the broker hold one answer, and not as many as it asks for.
	fetching bool
	unread   int  // produces with records that are not read: see Shard.unread
	finished int  // bytes of answers that wait for the answer of an earlier request
	owed     int  // bytes taken from the network for which no credit was given back yet
	full     bool // the send window is full
	parked   bool
	hungry   bool // parked because the budget is spent: counted in Shard.hungry
	ended    bool // the client sends nothing more
	closed   bool

	// active is when something came, was answered, or was seen to leave. idle is the timer that
	// looks at it; unsentSeen are the bytes that had not left then.
	active     env.Instant
	idle       *loop.Timer[due]
	unsentSeen int

	// See budget.go. leftAt is when an answer was last seen to leave, or the first one came;
	// frameBegan when the unfinished frame began to come, or could go on; window is the size of the
	// next answer to a Fetch.
	counted     account
	waitsToFill bool
	leftAt      env.Instant
	frameBegan  env.Instant
	window      int
	reading     int // what counts of the Fetch that is not answered, see Shard.reserve
}

// parsed is a frame with its header taken off.
type parsed struct {
	wire.Request
	bytes int
	// tooNew: it is an ApiVersions above our maximum.
	tooNew bool
}

// onClient handles an event of a Kafka connection.
func (s *Shard) onClient(ev *netsim.Event) {
	if ev.Kind == netsim.Accepted {
		c := &clientConn{
			conn:   ev.Conn,
			framer: wire.NewRequestFramer(s.limits.RequestBytes),
			lanes:  map[kafka.PartitionID]*lane{},
			active: s.now.Mono,
		}
		s.clients[ev.Conn.ID()] = c
		s.stats.ConnectionsAccepted++
		s.watchIdle(c)
		s.makeRoom()
		return
	}
	c := s.clients[ev.Conn.ID()]
	if c == nil {
		s.onClosing(ev)
		return
	}
	c.moved(s.now.Mono)
	switch ev.Kind {
	case netsim.Received:
		if c.framer.Buffered() == 0 {
			c.frameBegan = s.now.Mono
		}
		c.framer.Feed(ev.Data)
		c.owed += len(ev.Data)
		s.readClient(c)
	case netsim.Writable:
		c.full = false
		s.count(c)
		s.readClient(c)
	case netsim.Ended:
		s.onEnded(c)
	case netsim.Closed:
		s.dropClient(c)
	}
}

// readClient starts requests until the connection has to wait: for more bytes, for an
// answer, for the budget, or for room in a mailbox.
func (s *Shard) readClient(c *clientConn) {
	for !c.closed {
		if c.next == nil {
			frame, ok, err := c.framer.Next()
			if err != nil {
				s.refuseClient(c)
				return
			}
			if !ok {
				break
			}
			if c.next = parse(frame); c.next == nil {
				s.refuseClient(c)
				return
			}
		}
		if !s.mayStart(c) {
			s.park(c)
			s.count(c)
			return // no credit is given back, so that TCP holds the client back
		}
		next := c.next
		c.next = nil
		if err := s.startClientRequest(c, next); err != nil {
			s.refuseClient(c)
			return
		}
		s.runRunnable()
	}
	if !c.closed {
		s.giveCredit(c)
	}
	if !c.closed && c.ended && !c.busy() {
		s.closeAfterAnswers(c)
	}
}

// parse takes the header off a frame; nil if the broker does not serve the request.
func parse(frame []byte) *parsed {
	request, err := wire.ParseRequest(frame)
	if err == nil {
		return &parsed{Request: request, bytes: len(frame)}
	}
	var unsupported *wire.UnsupportedVersionError
	if !errors.As(err, &unsupported) || !unsupported.AnswerApiVersions() {
		return nil
	}
	request.Key, request.CorrelationID = unsupported.Key, unsupported.CorrelationID
	return &parsed{Request: request, bytes: len(frame), tooNew: true}
}

// mayStart reports whether the connection's next request may start now.
func (s *Shard) mayStart(c *clientConn) bool {
	if c.full || len(c.unsent) > 0 || len(c.requests) >= s.limits.ConnRequests {
		mark.HitIf(c.full, mark.ClientSendWindowFull)
		mark.HitIf(len(c.requests) >= s.limits.ConnRequests, mark.ClientRequestsFull)
		return false
	}
	if s.rare.Choose(rare.ConnParked) {
		s.timers.Set(s.now.Mono.Add(rarePause), due{kind: dueRetry}) // no other event need come
		return false
	}
	if c.finished >= s.limits.ConnAnswerBytes {
		mark.Hit(mark.AnswersHeld)
		return false
	}
	if c.next.Key == wire.KeyFetch && c.fetching {
		mark.Hit(mark.FetchBehindFetch)
		return false
	}
	if c.next.Key != wire.KeyProduce {
		return s.mayAnswer()
	}
	if c.unread > 0 {
		mark.Hit(mark.ProduceBehindUnread)
		return false
	}
	// One request always fits: a request larger than the budget must not wait forever.
	// And no connection takes what others already wait for: many small requests would
	// starve a large one.
	if c.hungry {
		return false // it goes on with the others: see resumeParked
	}
	fits := s.inflightBytes == 0 || s.inflightBytes+c.next.bytes <= s.limits.InflightBytes
	if fits && s.hungry == 0 {
		return true
	}
	c.hungry = true
	mark.Hit(mark.ProduceBudgetSpent)
	s.hungry++
	return false
}

// rarePause is how long a rare choice parks a connection, and how short it makes a long
// poll.
const rarePause = 2 * time.Millisecond

// park stops reading a connection until resumeParked.
func (s *Shard) park(c *clientConn) {
	if !c.parked {
		c.parked = true
		s.parked = append(s.parked, c)
		s.stats.ConnectionsParked++
	}
}

// resumeParked lets parked connections go on, in the order in which they were parked,
// each as far as it can.
func (s *Shard) resumeParked() {
	waiting := s.parked
	s.parked = nil
	for _, c := range waiting {
		c.hungry = false
	}
	s.hungry = 0
	for _, c := range waiting {
		c.parked = false
		if !c.closed {
			s.readClient(c)
		}
	}
}

// startClientRequest decodes a request and starts it.
func (s *Shard) startClientRequest(c *clientConn, p *parsed) error {
	if p.tooNew {
		s.answerNewerApiVersions(c, p)
		return nil
	}
	handler, err := api.New(p.Request)
	if err != nil {
		return err
	}
	r := &request{conn: c, handler: handler, unregistered: p.Key == wire.KeyAPIVersions}
	if p.Key == wire.KeyProduce {
		r.bytes = p.bytes
		s.inflightBytes += p.bytes
	}
	if h, ok := handler.(api.Addressed); ok {
		h.From(c.conn.RemoteAddr())
	}
	s.stats.Requests++
	r.fetch = p.Key == wire.KeyFetch
	c.fetching = c.fetching || r.fetch
	c.requests = append(c.requests, r)
	s.boundAnswer(c, r)
	s.startRequest(r)
	return nil
}

// answerNewerApiVersions answers an ApiVersions above our maximum in version 0 (KAFKA 2).
func (s *Shard) answerNewerApiVersions(c *clientConn, p *parsed) {
	frame := wire.AppendApiVersionsTooNew(nil, p.CorrelationID)
	c.requests = append(c.requests, &request{conn: c, done: true, frame: [][]byte{frame}})
	c.finished += len(frame)
	s.flushResponses(c)
}

// flushResponses sends the responses that wait for no earlier one.
func (s *Shard) flushResponses(c *clientConn) {
	sent := 0
	for sent < len(c.requests) && c.requests[sent].done {
		r := c.requests[sent]
		c.finished -= r.answerBytes()
		c.fetching = c.fetching && !r.fetch
		if r.closes {
			mark.Hit(mark.FailedWithoutAcks)
			c.requests = c.requests[sent:]
			s.refuseClient(c)
			return
		}
		if len(r.frame) > 0 {
			if c.counted.answers == 0 {
				c.leftAt = s.now.Mono
			}
			c.full = c.conn.Send(r.frame...) || c.full
		}
		c.requests[sent] = nil
		sent++
	}
	c.requests = c.requests[sent:]
	s.count(c)
	if sent > 0 {
		c.moved(s.now.Mono)
	}
	if c.ended && !c.busy() {
		s.park(c) // readClient ends it, unless there is more to read
	}
}

// refuseClient closes a connection that sent what the broker does not serve. The
// answers that are ready still leave. It is counted and not logged: clients must not
// be able to fill a disk.
func (s *Shard) refuseClient(c *clientConn) {
	s.stats.ConnectionsRefused++
	s.closeAfterAnswers(c)
}

func (s *Shard) dropClient(c *clientConn) {
	if c.closed {
		return
	}
	s.charge(c, account{})
	c.closed = true
	s.timers.Cancel(c.idle)
	delete(s.clients, c.conn.ID())
	requests := c.requests
	c.requests, c.next, c.unsent = nil, nil, nil
	s.abandon(requests)
}
