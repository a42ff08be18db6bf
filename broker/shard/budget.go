package shard

import (
	"cmp"
	"slices"
	"time"

	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/netsim"
)

// What the shard holds in memory for its clients, over all connections: bytes of frames that have
// not arrived whole or that may not start, and bytes of answers that have not left. Produces that
// are not answered have a budget of their own (Shard.inflightBytes).

// account is what one connection holds, as counted in Shard.holding.
type account struct{ unfinished, answers int }

// holds counts what the connection holds now.
func (c *clientConn) holds() account {
	a := account{answers: c.finished + c.reading + c.conn.Unsent()}
	a.unfinished = max(0, c.unstarted()-c.owed)
	return a
}

// unstarted is the number of bytes that have come of requests that have not started.
func (c *clientConn) unstarted() int {
	if c.next != nil {
		return c.framer.Buffered() + c.next.bytes
	}
	return c.framer.Buffered()
}

// giveCredit lets more of the connection come. Bytes of requests that have started get their credit
// back at once. Those of an unfinished frame stay in the window, which bounds them, until half of
// it is taken. From then on the frame counts in the budget.
func (s *Shard) giveCredit(c *clientConn) {
	give := c.owed
	if kept := c.unstarted(); kept < netsim.RecvWindow/2 {
		c.waitsToFill = false
		give -= min(give, kept)
	} else if !s.mayFill(c) {
		s.park(c)
		give -= min(give, kept)
	} else if c.waitsToFill {
		c.waitsToFill = false
		c.moved(s.now.Mono)
		c.frameBegan = s.now.Mono
	}
	if give > 0 {
		c.owed -= give
		c.conn.Consumed(give)
	}
	s.count(c)
}

// count brings the connection's part of Shard.holding up to date.
func (s *Shard) count(c *clientConn) {
	if c.closed {
		return
	}
	now := c.holds()
	if now.answers < c.counted.answers {
		c.leftAt = s.now.Mono
	}
	s.charge(c, now)
}

func (s *Shard) charge(c *clientConn, now account) {
	s.holding.unfinished += now.unfinished - c.counted.unfinished
	s.holding.answers += now.answers - c.counted.answers
	c.counted = now
	assert.That(s.holding.unfinished >= 0 && s.holding.answers >= 0, "shard: held bytes below zero")
}

// mayFill reports whether more of the connection's unfinished frame may come. When the budget is
// spent, one frame goes on, so that frames become complete whatever the others do.
func (s *Shard) mayFill(c *clientConn) bool {
	if s.holding.unfinished+c.owed <= s.limits.UnfinishedBytes {
		return true
	}
	if f := s.filling; f == nil || f.closed || f.counted.unfinished == 0 {
		s.filling = c
	}
	if s.filling == c {
		return true
	}
	mark.Hit(mark.UnfinishedFull)
	c.waitsToFill = true
	s.wantRoom()
	return false
}

// mayAnswer reports whether another answer may be made.
func (s *Shard) mayAnswer() bool {
	if s.holding.answers < s.limits.AnswerBytes {
		return true
	}
	mark.Hit(mark.AnswersFull)
	s.answerWaits = true
	s.wantRoom()
	return false
}

// boundAnswer bounds the answer to a Fetch, and counts it until it is made.
func (s *Shard) boundAnswer(c *clientConn, r *request) {
	h, ok := r.handler.(api.Bounded)
	if !ok {
		return
	}
	if c.conn.Unsent() == 0 {
		c.window = min(2*c.window, s.cfg.Settings.FetchMaxBytes)
	} else {
		c.window = s.limits.FetchWindow
	}
	c.window = max(c.window, s.limits.FetchWindow)
	r.room = min(c.window, max(s.limits.FetchWindow, (s.limits.AnswerBytes-s.holding.answers)/4))
	h.Bound(r.room)
}

// reserve counts the bytes that a request is reading, or has read before it waits.
func (s *Shard) reserve(r *request) {
	if r.room == 0 || r.conn == nil {
		return
	}
	r.conn.reading = r.room
	if r.waitEnd.Live() {
		r.conn.reading = min(r.taken, r.room)
	}
	s.count(r.conn)
}

// roomPause is how often the shard looks for room while something waits for it.
const roomPause = 100 * time.Millisecond

// wantRoom sets a timer for freeRoom.
func (s *Shard) wantRoom() {
	if !s.roomTimer.Live() {
		s.roomTimer = s.timers.Set(s.now.Mono.Add(roomPause), due{kind: dueRoom})
	}
}

// freeRoom looks at what has left, and closes connections that hold what others wait for and on
// which nothing moves.
func (s *Shard) freeRoom() {
	waiting, filling := s.answerWaits, false
	s.answerWaits = false
	var clients []*clientConn
	for _, c := range s.clients { //corelint:ordered sorted below
		s.count(c)
		filling = filling || c.waitsToFill // it may hold nothing that counts
		if c.counted != (account{}) {
			clients = append(clients, c)
		}
	}
	slices.SortFunc(clients, func(a, b *clientConn) int {
		return cmp.Compare(a.conn.ID(), b.conn.ID())
	})
	for _, c := range clients {
		since := s.now.Mono.Add(-s.limits.ConnPatience)
		switch {
		case filling && c.holdsUnfinished() &&
			(c.active <= since || c.frameBegan.Add(s.limits.FrameTime) <= s.now.Mono):
			mark.Hit(mark.UnfinishedClosed)
			s.closeHolder(c, "frame is not finished", c.counted.unfinished)
		case waiting && c.conn.Unsent() > 0 && c.leftAt <= since:
			mark.Hit(mark.UnreadClosed)
			s.closeHolder(c, "answers are not read", c.counted.answers)
		}
	}
}

// holdsUnfinished reports whether the connection holds a part of a frame, and may
// get the rest.
func (c *clientConn) holdsUnfinished() bool {
	return c.counted.unfinished > 0 && c.next == nil && !c.waitsToFill
}

// closeHolder closes a connection at once.
func (s *Shard) closeHolder(c *clientConn, why string, bytes int) {
	s.stats.ConnectionsGivenUp++
	s.host.Log(event.New(event.ConnectionGivenUp, event.Text("cause", why),
		event.Text("client", c.conn.RemoteAddr()), event.Int("bytes", bytes)))
	c.conn.Close()
	s.dropClient(c)
}

// Held returns the bytes that the shard counts as held for clients (of unfinished frames, and of
// answers), and how many of them belong to no connection: 0, or there is a leak.
func (s *Shard) Held() (unfinished, answers, leaked int) {
	var sum account
	for _, c := range s.clients { //corelint:ordered a sum has no order
		sum.unfinished += c.counted.unfinished
		sum.answers += c.counted.answers
	}
	return s.holding.unfinished, s.holding.answers,
		s.holding.unfinished - sum.unfinished + s.holding.answers - sum.answers
}
