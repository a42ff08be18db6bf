package shard

import (
	"slices"

	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/netsim"
)

// How connections of clients end: idle ones, those of clients that have ended their side, and
// those that the shard closes and that still have answers to send.

// busy reports whether the broker owes the client something.
func (c *clientConn) busy() bool { return len(c.requests) > 0 }

// moved notes that the connection is in use.
func (c *clientConn) moved(now env.Instant) { c.active = now }

// watchIdle sets the timer that looks whether the connection is idle.
func (s *Shard) watchIdle(c *clientConn) {
	c.idle = s.timers.Set(c.active.Add(s.limits.ConnIdle), due{kind: dueIdle, client: c})
}

// checkIdle closes a connection on which nothing has moved for ConnIdle: nothing came, and of its
// answers nothing left. A connection that waits for the broker is not idle.
func (s *Shard) checkIdle(c *clientConn) {
	if unsent := c.conn.Unsent(); c.busy() || unsent != c.unsentSeen {
		c.unsentSeen = unsent
		c.moved(s.now.Mono)
	}
	if c.active.Add(s.limits.ConnIdle) > s.now.Mono {
		s.watchIdle(c)
		return
	}
	mark.Hit(mark.ConnIdle)
	s.stats.ConnectionsIdle++
	c.conn.Close()
	s.dropClient(c)
}

// makeRoom closes the connections that have been idle longest while the shard has more than its
// share. A connection is idle for this when it waits for nothing and has been quiet for EvictIdle.
// When none is idle, all stay, and the shard looks again later: at the bound of the node the
// listener accepts no more, so that no accept would make it look.
func (s *Shard) makeRoom() {
	for len(s.clients) > s.limits.ConnShare {
		c := s.longestIdle()
		if c == nil {
			if !s.makeRoomTimer.Live() {
				s.makeRoomTimer = s.timers.Set(s.now.Mono.Add(s.limits.EvictIdle),
					due{kind: dueMakeRoom})
			}
			return
		}
		mark.Hit(mark.ConnEvicted)
		s.stats.ConnectionsEvicted++
		s.host.Log(event.New(event.ConnectionEvicted, event.Int("shard", s.id),
			event.Int("connections", len(s.clients)), event.Text("client", c.conn.RemoteAddr()),
			event.Duration("idle", s.now.Mono.Sub(c.active))))
		c.conn.Close()
		s.dropClient(c)
	}
}

// OwesRoom reports whether the shard has to close a connection for what others wait for: an idle
// one while there are more than its share, or one with a frame that does not come while others wait
// for its bytes.
func (s *Shard) OwesRoom(now env.Instant) bool {
	crowded, filling := len(s.clients) > s.limits.ConnShare, false
	for _, c := range s.clients { //corelint:ordered one of any is enough
		filling = filling || c.waitsToFill
	}
	for _, c := range s.clients { //corelint:ordered one of any is enough
		if crowded && !c.busy() && c.active.Add(s.limits.EvictIdle) <= now ||
			filling && c.holdsUnfinished() && c.active.Add(s.limits.ConnPatience) <= now {
			return true
		}
	}
	return false
}

func (s *Shard) longestIdle() (longest *clientConn) {
	for _, c := range s.clients { //corelint:ordered the least of a total order is taken
		idle := !c.busy() && c.active.Add(s.limits.EvictIdle) <= s.now.Mono
		if idle && (longest == nil || c.active < longest.active ||
			c.active == longest.active && c.conn.ID() < longest.conn.ID()) {
			longest = c
		}
	}
	return longest
}

// onEnded notes that the client sends nothing more. It still gets the answers that it is owed. A
// long poll ends at once: the client may be gone altogether.
func (s *Shard) onEnded(c *clientConn) {
	mark.Hit(mark.ClientEnded)
	c.ended = true
	for _, r := range append([]*request(nil), c.requests...) {
		s.cutPoll(r)
	}
	s.readClient(c)
}

// cutPoll ends the long poll of a request if its client sends nothing more.
func (s *Shard) cutPoll(r *request) {
	if r.conn == nil || !r.conn.ended || r.done || !r.polls() {
		return
	}
	s.cancelOps(r)
	r.pending = 0
	s.advance(r, true)
}

// polls reports whether the request waits for what others do.
func (r *request) polls() bool {
	return r.waitEnd.Live() || slices.ContainsFunc(r.ops, func(running runningOp) bool {
		op, ok := running.op.(api.Coordinate)
		return ok && op.Polls && !running.resolved
	})
}

// closing is a connection that is closed once its answers have left.
type closing struct {
	conn   netsim.Conn
	unsent int // bytes, when the timer was set
	timer  *loop.Timer[due]
}

// closeAfterAnswers ends a connection. The answers that are ready still leave, as long as the
// client takes them.
func (s *Shard) closeAfterAnswers(c *clientConn) {
	c.conn.CloseAfterSend()
	s.dropClient(c)
	k := &closing{conn: c.conn, unsent: c.conn.Unsent()}
	s.closings[c.conn.ID()] = k
	s.watchClosing(k)
}

func (s *Shard) watchClosing(k *closing) {
	k.timer = s.timers.Set(s.now.Mono.Add(s.limits.ConnPatience), due{kind: dueClosing, closing: k})
}

// checkClosing gives a closing connection up if nothing has left for ConnPatience.
func (s *Shard) checkClosing(k *closing) {
	if unsent := k.conn.Unsent(); unsent < k.unsent {
		k.unsent = unsent
		s.watchClosing(k)
		return
	}
	mark.Hit(mark.ClosingGivenUp)
	delete(s.closings, k.conn.ID())
	k.conn.Close()
}

// onClosing handles an event of a closing connection; only Closed comes.
func (s *Shard) onClosing(ev *netsim.Event) {
	if k := s.closings[ev.Conn.ID()]; k != nil && ev.Kind == netsim.Closed {
		s.timers.Cancel(k.timer)
		delete(s.closings, ev.Conn.ID())
	}
}
