package shard

import (
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/wire"
	"example.com/lockstep/broker/wire/peer"
	"example.com/lockstep/netsim"
)

// link is this shard's data connection to one other node. It carries the pushes of the
// partitions that are led here and the produces that are forwarded from here, and their
// answers come back on it. It is dialled again forever. A connection with an overdue
// answer is given up, because the network may never report that a peer has vanished.
type link struct {
	node       kafka.NodeID
	addr       string
	conn       netsim.Conn // nil between dials
	framer     *wire.Framer
	open       bool // Hello received: may be sent to
	full       bool // the send window is full: pushes wait for Writable
	generation uint64
	backoff    int // dials in a row that no Hello answered
	timer      *loop.Timer[due]
	// awaitedSince is when something was sent that needs an answer, or when an answer
	// came after that; env.Never while no answer is awaited.
	awaitedSince env.Instant
	// forwards are the produces that were sent or wait to be sent, in the order of ids.
	forwards []*forwarding
	held     []*peer.Forward // not sent yet: the link is not open
}

// link returns the link to a node. If there is none, it makes and dials one.
func (s *Shard) link(node kafka.NodeID) *link {
	for _, l := range s.links {
		if l.node == node {
			return l
		}
	}
	l := &link{node: node, awaitedSince: env.Never}
	s.links = append(s.links, l)
	s.dial(l)
	return l
}

// openLink returns the link to a node if messages can be sent on it, else nil.
func (s *Shard) openLink(node kafka.NodeID) *link {
	for _, l := range s.links {
		if l.node == node && l.open {
			return l
		}
	}
	return nil
}

// dial opens a new connection, or waits if the address of the node is not known yet.
func (s *Shard) dial(l *link) {
	l.addr = ""
	if broker := s.image.Broker(l.node); broker != nil {
		l.addr = broker.DataAddr
	}
	if l.addr == "" {
		s.redialLater(l)
		return
	}
	l.framer = wire.NewFramer(s.limits.PeerFrameBytes)
	l.generation++
	l.conn = s.host.Network().Dial(l.addr, s.host.Sink(s.id))
	s.linkConns[l.conn.ID()] = l
	l.timer = s.timers.Set(s.now.Mono.Add(s.limits.PeerSilence), due{kind: dueLink, link: l})
}

// redialLater waits before the next dial: twice as long after each failure, up to a bound
// below the acknowledgement timeout (BUGS L6).
func (s *Shard) redialLater(l *link) {
	pause := min(s.limits.RedialMin<<min(l.backoff, 10), s.limits.RedialMax)
	l.backoff++
	// Up to half as long again, so that shards do not dial at the same time.
	pause += pause * time.Duration(s.jitter.IntN(512)) / 1024
	s.timers.Cancel(l.timer)
	l.timer = s.timers.Set(s.now.Mono.Add(pause), due{kind: dueRedial, link: l})
}

// onLink handles an event of a connection dialled here.
func (s *Shard) onLink(l *link, ev *netsim.Event) {
	switch ev.Kind {
	case netsim.Connected:
		l.send(s, &peer.Hello{
			MinVersion: peer.MinVersion, MaxVersion: peer.MaxVersion, Cluster: s.cfg.Cluster,
			Node: s.cfg.Node, Directory: s.directory, Incarnation: s.cfg.Incarnation,
			Kind: peer.DataConn, Generation: l.generation, Shard: int32(s.id),
		})
	case netsim.Received:
		l.framer.Feed(ev.Data)
		l.conn.Consumed(len(ev.Data))
		for l.conn != nil {
			frame, ok, err := l.framer.Next()
			if err != nil {
				s.dropLink(l)
				return
			}
			if !ok {
				return
			}
			epoch, message, err := peer.Decode(frame)
			if err != nil {
				s.stats.PeerFramesMalformed++
				s.dropLink(l)
				return
			}
			s.onLinkMessage(l, epoch, message)
		}
	case netsim.Writable:
		l.full = false
		s.pushAll(l.node)
	case netsim.Closed:
		s.dropLink(l)
	}
}

// onLinkMessage handles an answer from the node at the other end.
func (s *Shard) onLinkMessage(l *link, epoch kafka.BrokerEpoch, message peer.Message) {
	if l.awaitedSince != env.Never {
		l.awaitedSince = s.now.Mono
	}
	switch m := message.(type) {
	case *peer.Hello:
		if m.Node != l.node || !s.acceptable(m) {
			s.stats.PeerHellosRefused++
			s.dropLink(l)
			return
		}
		l.open, l.backoff = true, 0
		s.timers.Cancel(l.timer)
		for _, f := range l.held {
			l.send(s, f)
			l.awaits(s)
		}
		l.held = nil
		s.connected(l.node)
	case *peer.PushAck:
		s.onPushAck(l.node, m)
	case *peer.PushReject:
		s.onPushReject(l.node, m)
	case *peer.ForwardReply:
		s.onForwardReply(l, m)
	case *peer.Keepalive: // a part of a large message has arrived: see showProgress
	default:
		s.stats.PeerFramesMalformed++
		s.dropLink(l)
	}
}

// send sends one message on the connection.
func (l *link) send(s *Shard, message peer.Message) {
	head, tail := peer.Encode(s.epoch, message)
	if len(tail) > 0 {
		l.full = l.conn.Send(head, tail) || l.full
	} else {
		l.full = l.conn.Send(head) || l.full
	}
}

// awaits notes that an answer must come within limits.PeerSilence.
func (l *link) awaits(s *Shard) {
	if l.awaitedSince == env.Never {
		l.awaitedSince = s.now.Mono
	}
	if !l.timer.Live() {
		l.timer = s.timers.Set(s.now.Mono.Add(s.limits.PeerSilence), dueOf(l))
	}
}

// checkLink gives up a connection that does not answer.
func (s *Shard) checkLink(l *link) {
	if l.conn == nil {
		return
	}
	if l.open {
		if len(l.forwards) == 0 && !s.awaitsAck(l.node) {
			l.awaitedSince = env.Never
			return
		}
		if silentAt := l.awaitedSince.Add(s.limits.PeerSilence); s.now.Mono < silentAt {
			l.timer = s.timers.Set(silentAt, dueOf(l))
			return
		}
	}
	s.stats.LinksSilent++
	mark.Hit(mark.LinkSilent)
	s.dropLink(l)
}

// dueOf is what the timer of an open link is for.
func dueOf(l *link) due { return due{kind: dueLink, link: l} }

// dropLink gives up the connection. Produces that were forwarded on it may or may not
// have been appended: the answer is REQUEST_TIMED_OUT, never NOT_LEADER (BUGS F4).
func (s *Shard) dropLink(l *link) {
	if l.conn != nil {
		l.conn.Close()
		delete(s.linkConns, l.conn.ID())
		l.conn = nil
	}
	wasOpen := l.open
	l.open, l.full, l.awaitedSince = false, false, env.Never
	if wasOpen {
		lost := l.forwards
		mark.HitIf(len(lost) > 0, mark.ForwardLost)
		l.forwards, l.held = nil, nil
		for _, f := range lost {
			s.resolve(f.origin, timedOut())
		}
		s.disconnected(l.node)
	}
	s.redialLater(l)
}
