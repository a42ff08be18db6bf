package shard

import (
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/wire"
	"example.com/lockstep/broker/wire/peer"
	"example.com/lockstep/netsim"
)

// inbound is a data connection that another node dialled. It brings pushes and forwarded
// produces, and takes their answers back.
type inbound struct {
	conn       netsim.Conn
	framer     *wire.Framer
	hello      *peer.Hello // nil until it comes
	dialler    dialler
	generation generation
	outbox
	next   peer.Message      // a decoded message that has not started yet
	epoch  kafka.BrokerEpoch // of the sender, in the message that was decoded last
	owed   int               // bytes taken from the network for which no credit was given back
	full   bool              // the send window is full
	said   env.Instant       // when something was sent last
	parked bool
	closed bool
}

// dialler names the shard of another node that opened a data connection.
type dialler struct {
	node  kafka.NodeID
	shard int32
}

// generation orders the connections of one dialler, within one incarnation of its node.
type generation struct {
	incarnation peer.UUID
	number      uint64
}

// onInbound handles an event of a data connection dialled by another node.
func (s *Shard) onInbound(ev *netsim.Event) {
	if ev.Kind == netsim.Accepted {
		in := &inbound{conn: ev.Conn, framer: wire.NewFramer(s.limits.PeerFrameBytes)}
		s.inbounds[ev.Conn.ID()] = in
		s.inboundList = append(s.inboundList, in)
		return
	}
	in := s.inbounds[ev.Conn.ID()]
	if in == nil {
		return
	}
	switch ev.Kind {
	case netsim.Received:
		in.framer.Feed(ev.Data)
		in.owed += len(ev.Data)
		s.readInbound(in)
	case netsim.Writable:
		in.full = false
		s.readInbound(in)
	case netsim.Closed:
		s.dropInbound(in)
	}
}

// readInbound handles messages until the connection has to wait: for more bytes, for room
// in a mailbox, or for the other side to read.
func (s *Shard) readInbound(in *inbound) {
	for !in.closed {
		if in.full || len(in.unsent) > 0 {
			s.parkInbound(in)
			return
		}
		if in.next == nil {
			frame, ok, err := in.framer.Next()
			if !ok && err == nil {
				break
			}
			if err == nil {
				in.epoch, in.next, err = peer.Decode(frame)
			}
			if err != nil {
				s.stats.PeerFramesMalformed++
				in.conn.Close()
				s.dropInbound(in)
				return
			}
		}
		message := in.next
		in.next = nil
		s.onInboundMessage(in, message)
		s.runRunnable()
	}
	if !in.closed && in.owed > 0 {
		in.conn.Consumed(in.owed)
		in.owed = 0
	}
	s.showProgress(in)
}

// showProgress tells the other side that a part of a message has arrived: a large message may
// take longer than limits.PeerSilence, and has no answer before it is whole.
func (s *Shard) showProgress(in *inbound) {
	if in.closed || in.hello == nil || in.framer.Buffered() == 0 ||
		s.now.Mono < in.said.Add(s.limits.PeerSilence/3) {
		return
	}
	mark.Hit(mark.FrameTakesLong)
	s.sendInbound(in, &peer.Keepalive{})
}

// parkInbound stops reading a connection until resumeInbound.
func (s *Shard) parkInbound(in *inbound) {
	if !in.parked {
		in.parked = true
		s.parkedInbound = append(s.parkedInbound, in)
	}
}

// resumeInbound lets parked connections of other nodes go on.
func (s *Shard) resumeInbound() {
	waiting := s.parkedInbound
	s.parkedInbound = nil
	for _, in := range waiting {
		in.parked = false
		if !in.closed {
			s.readInbound(in)
		}
	}
}

func (s *Shard) onInboundMessage(in *inbound, message peer.Message) {
	if hello, ok := message.(*peer.Hello); ok {
		s.onHello(in, hello)
		return
	}
	if in.hello == nil {
		s.refuseInbound(in)
		return
	}
	switch m := message.(type) {
	case *peer.Push:
		call := PeerCall{
			Via:  Via{Loop: s.id, Conn: uint64(in.conn.ID())},
			From: replicaFrom{Node: in.hello.Node, Epoch: in.epoch},
			Push: m,
		}
		if owner := s.Owner(m.Partition); owner != s.id {
			s.send(&in.outbox, owner, call)
			return
		}
		s.onPush(call)
	case *peer.Forward:
		s.onForward(in, m)
	default:
		s.refuseInbound(in)
	}
}

// onHello accepts a data connection. Older connections of the same dialler are dropped:
// what still arrives on them was sent earlier (PROTOCOL 15).
func (s *Shard) onHello(in *inbound, hello *peer.Hello) {
	if in.hello != nil || hello.Kind != peer.DataConn || s.directory == (peer.UUID{}) ||
		!s.acceptable(hello) {
		s.stats.PeerHellosRefused++
		s.host.Log(HelloRefused(in.conn, hello, s.cfg.Cluster, s.cfg.Node))
		s.refuseInbound(in)
		return
	}
	in.hello = hello
	in.dialler = dialler{hello.Node, hello.Shard}
	in.generation = generation{hello.Incarnation, hello.Generation}
	if newest := s.newest[in.dialler]; newest.incarnation == hello.Incarnation &&
		newest.number > hello.Generation {
		s.refuseInbound(in)
		return
	}
	s.sendInbound(in, &peer.Hello{
		MinVersion: peer.MinVersion, MaxVersion: peer.MaxVersion, Cluster: s.cfg.Cluster,
		Node: s.cfg.Node, Directory: s.directory, Incarnation: s.cfg.Incarnation,
		Kind: peer.DataConn, Generation: hello.Generation,
	})
	// All shards of this node have to know the generation, because each connection of
	// the dialler goes to another shard.
	for other := range loop.ID(s.cfg.Shards) {
		s.announce(other+1, Newer{in.dialler, in.generation})
	}
}

// acceptable reports whether a node of this cluster says the Hello, in a version of ours, on the
// directory that it has registered with by the metadata here (PROTOCOL 4a). Metadata that is too
// old refuses a new directory for a moment; it dials again.
func (s *Shard) acceptable(hello *peer.Hello) bool {
	b := s.image.Broker(hello.Node)
	return hello.Cluster == s.cfg.Cluster && (b == nil || b.Directory == hello.Directory) &&
		hello.MinVersion <= peer.MaxVersion && hello.MaxVersion >= peer.MinVersion
}

// announce tells a shard of this node, perhaps this one, about a generation.
func (s *Shard) announce(to loop.ID, n Newer) {
	if to != s.id {
		s.host.Reply(to, n)
		return
	}
	s.onNewer(n)
}

// onNewer drops the older connections of a dialler, unless the news is old itself.
func (s *Shard) onNewer(n Newer) {
	if newest := s.newest[n.from]; newest.incarnation == n.is.incarnation &&
		newest.number > n.is.number {
		return
	}
	s.newest[n.from] = n.is
	var stale []*inbound
	for _, in := range s.inboundList {
		if in.hello != nil && in.dialler == n.from && in.generation != n.is {
			stale = append(stale, in)
		}
	}
	mark.HitIf(len(stale) > 0, mark.InboundStale)
	for _, in := range stale {
		in.conn.Close()
		s.dropInbound(in)
	}
}

func (s *Shard) refuseInbound(in *inbound) {
	in.conn.Close()
	s.dropInbound(in)
}

func (s *Shard) dropInbound(in *inbound) {
	in.closed, in.unsent = true, nil
	delete(s.inbounds, in.conn.ID())
	for i, other := range s.inboundList {
		if other == in {
			s.inboundList = append(s.inboundList[:i], s.inboundList[i+1:]...)
			break
		}
	}
}

// sendInbound sends an answer on a connection that another node dialled.
func (s *Shard) sendInbound(in *inbound, message peer.Message) {
	if in.closed {
		return
	}
	in.said = s.now.Mono
	head, tail := peer.Encode(s.epoch, message)
	if len(tail) > 0 {
		in.full = in.conn.Send(head, tail) || in.full
	} else {
		in.full = in.conn.Send(head) || in.full
	}
}

// answer sends a message back on the connection by which a push came. Another loop may
// own that connection.
func (s *Shard) answer(via Via, message peer.Message) {
	if via.Loop != s.id {
		s.host.Reply(via.Loop, PeerReturn{Via: via, Message: message})
		return
	}
	if in := s.inbounds[netsim.ConnID(via.Conn)]; in != nil {
		s.sendInbound(in, message)
	}
}
