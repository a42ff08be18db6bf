package node

import (
	"fmt"
	"slices"
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/wire"
	"example.com/lockstep/broker/wire/peer"
	"example.com/lockstep/netsim"
)

// peerLink is the control connection with one other node, for Raft, sessions and proposals. The
// node with the higher id dials. Each side gives up a connection that has been silent for too
// long, because something is sent on it all the time (see checkPeers).
type peerLink struct {
	node        kafka.NodeID
	addr        string      // by the metadata, or by the configuration until there is metadata
	configured  string      // by controller.quorum.voters; empty for other nodes
	dials       bool        // this node is the one that dials
	conn        netsim.Conn // nil if there is none
	framer      *wire.Framer
	open        bool // Hello received
	full        bool // the send window is full: messages are dropped
	generation  uint64
	incarnation peer.UUID   // of the other side, while open
	directory   peer.UUID   // of the other side, while open
	birth       *birth      // that the other side holds; nil until it has said so
	backoff     int         // dials in a row that no Hello answered
	opened      env.Instant // when it became open
	told        bool        // the operator was told of this connection: see checkPeers
	heard       env.Instant // when something came last
	applied     appliedLink
	said        env.Instant // when the last message was sent
	redial      *loop.Timer[due]
}

// addPeer makes sure that there is a link to a node. The address may have changed.
func (c *Control) addPeer(now env.Time, node kafka.NodeID, addr string) {
	if node == c.cfg.Node || addr == "" {
		return
	}
	if l := c.peer(node); l != nil {
		l.addr = addr
		return
	}
	l := &peerLink{node: node, addr: addr, dials: c.cfg.Node > node}
	if i := slices.IndexFunc(c.cfg.Voters, func(v Voter) bool { return v.Node == node }); i >= 0 {
		l.configured = c.cfg.Voters[i].Addr
	}
	c.peers = append(c.peers, l)
	if l.dials {
		c.dialPeer(now, l)
	}
}

func (c *Control) peer(node kafka.NodeID) *peerLink {
	for _, l := range c.peers {
		if l.node == node {
			return l
		}
	}
	return nil
}

// target is the address to dial next. After nodes have moved, the metadata have old addresses until
// a majority has met, so every second try goes to the configured one.
func (l *peerLink) target() string {
	if l.configured != "" && l.backoff%2 == 1 {
		return l.configured
	}
	return l.addr
}

func (c *Control) dialPeer(now env.Time, l *peerLink) {
	l.generation++
	l.framer = wire.NewFramer(c.cfg.Limits.PeerFrameBytes)
	l.conn = c.host.Network().Dial(l.target(), c.host.Sink(loop.Control))
	l.heard = now.Mono
	c.peerConns[l.conn.ID()] = l
}

// onPeerNet handles an event of a control connection.
func (c *Control) onPeerNet(now env.Time, ev *netsim.Event) {
	if ev.Kind == netsim.Accepted {
		c.strangers[ev.Conn.ID()] = &stranger{
			conn: ev.Conn, framer: wire.NewFramer(c.cfg.Limits.PeerFrameBytes),
		}
		c.timers.Set(now.Mono.Add(c.cfg.Limits.PeerSilence), due{kind: dueStranger, conn: ev.Conn})
		return
	}
	if st := c.strangers[ev.Conn.ID()]; st != nil {
		c.onStranger(now, st, ev)
		return
	}
	l := c.peerConns[ev.Conn.ID()]
	if l == nil {
		return
	}
	switch ev.Kind {
	case netsim.Connected:
		c.sayHello(l.conn, l.generation)
	case netsim.Received:
		l.conn.Consumed(len(ev.Data))
		l.framer.Feed(ev.Data)
		l.heard = now.Mono // a part of a message is a sign of life, too
		c.readPeer(now, l)
	case netsim.Writable:
		l.full = false
	case netsim.Closed:
		c.tellPeerLost(now, l, fmt.Sprint(ev.Err))
		c.dropPeer(now, l)
	}
}

func (c *Control) readPeer(now env.Time, l *peerLink) {
	conn := l.conn
	for l.conn == conn {
		frame, ok, err := l.framer.Next()
		if !ok && err == nil {
			return
		}
		var message peer.Message
		if err == nil {
			_, message, err = peer.Decode(frame)
		}
		if err != nil {
			c.stats.PeerFramesMalformed++
			c.tellPeerLost(now, l, err.Error())
			c.dropPeer(now, l)
			return
		}
		l.heard = now.Mono
		hello, isHello := message.(*peer.Hello)
		switch {
		case isHello && !l.open && c.acceptable(hello) && hello.Node == l.node:
			c.openPeer(now, l, hello)
		case isHello && !l.open:
			c.tellRefused(conn, hello)
			c.dropPeer(now, l)
		case isHello || !l.open:
			c.dropPeer(now, l)
		default:
			c.onPeerMessage(now, l, message)
		}
	}
}

// stranger is an accepted connection without a Hello yet: its node is not known.
type stranger struct {
	conn    netsim.Conn
	framer  *wire.Framer
	refused bool // it only closes
}

// onStranger handles an event of an accepted connection. With its Hello it becomes the link to
// its node, and an older connection with that node is dropped.
func (c *Control) onStranger(now env.Time, st *stranger, ev *netsim.Event) {
	if ev.Kind == netsim.Closed {
		delete(c.strangers, st.conn.ID())
		return
	}
	if ev.Kind != netsim.Received || st.refused {
		return
	}
	st.conn.Consumed(len(ev.Data))
	st.framer.Feed(ev.Data)
	frame, ok, err := st.framer.Next()
	if !ok && err == nil {
		return
	}
	delete(c.strangers, st.conn.ID())
	var message peer.Message
	if err == nil {
		_, message, err = peer.Decode(frame)
	}
	hello, isHello := message.(*peer.Hello)
	if err != nil || !isHello || !c.acceptable(hello) {
		c.stats.PeerHellosRefused++
		c.tellRefused(st.conn, hello)
		st.conn.Close()
		return
	}
	l := c.peer(hello.Node)
	if l == nil {
		l = &peerLink{node: hello.Node}
		c.peers = append(c.peers, l)
	}
	if l.dials || l.open && l.incarnation == hello.Incarnation && hello.Generation < l.generation {
		st.conn.Close() // this node is the one that dials, or a newer connection is open
		return
	}
	if l.conn != nil {
		c.closePeer(l)
	}
	l.conn, l.framer, l.generation = st.conn, st.framer, hello.Generation
	c.peerConns[l.conn.ID()] = l
	c.sayHello(l.conn, l.generation)
	if c.openPeer(now, l, hello); l.open {
		c.readPeer(now, l)
	}
}

// acceptable reports whether a Hello is from another node of this cluster that speaks a version
// of ours, on a control connection.
func (c *Control) acceptable(h *peer.Hello) bool {
	return c.prepared && h.Kind == peer.ControlConn && h.Cluster == c.cfg.Cluster &&
		h.Node != c.cfg.Node && h.MinVersion <= peer.MaxVersion && h.MaxVersion >= peer.MinVersion
}

func (c *Control) openPeer(now env.Time, l *peerLink, hello *peer.Hello) {
	l.open, l.full, l.backoff, l.heard = true, false, 0, now.Mono
	l.incarnation, l.directory, l.birth = hello.Incarnation, hello.Directory, nil
	id := meta.PeerID{Node: l.node, Directory: l.directory}
	if c.meta != nil && c.meta.Image().WasRemoved(id) {
		mark.Hit(mark.DirectoryRefused)
		c.refusePeer(l, fmt.Sprintf("directory %x of node %d was removed from the cluster",
			l.directory[:4], l.node), true)
		return
	}
	l.opened, l.told = now.Mono, false
	c.tellSeen(l)
	c.tellBirth(l)
}

func (c *Control) sayHello(conn netsim.Conn, generation uint64) {
	head, tail := peer.Encode(c.brokerEpoch(), &peer.Hello{
		MinVersion: peer.MinVersion, MaxVersion: peer.MaxVersion, Cluster: c.cfg.Cluster,
		Node: c.cfg.Node, Directory: c.directory, Incarnation: c.cfg.Incarnation,
		Kind:       peer.ControlConn,
		Generation: generation,
	})
	conn.Send(head, tail)
}

// sendPeer sends a message, or drops it: each sender of control messages repeats what matters.
// It reports whether the message was sent.
func (c *Control) sendPeer(to kafka.NodeID, m peer.Message) bool {
	l := c.peer(to)
	if l == nil || !l.open || l.full {
		c.stats.PeerMessagesDropped++
		return false
	}
	head, tail := peer.Encode(c.brokerEpoch(), m)
	if len(tail) > 0 {
		l.full = l.conn.Send(head, tail)
	} else {
		l.full = l.conn.Send(head)
	}
	l.said = c.now.Mono
	return true
}

// sendTo sends a message of meta. One that is for a directory is not sent to another one.
func (c *Control) sendTo(m meta.Envelope) bool {
	l := c.peer(m.To)
	if l == nil || !c.together(l) ||
		m.Directory != (peer.UUID{}) && m.Directory != l.directory {
		c.stats.PeerMessagesDropped++
		return false
	}
	return c.sendPeer(m.To, m.Message)
}

// together reports whether both sides are born in the same cluster, and this one may take part.
func (c *Control) together(l *peerLink) bool {
	return l.birth != nil && l.birth.born && c.birth.born && l.birth.id == c.birth.id &&
		!c.outdated
}

// dropPeer gives a connection up. If this node is the one that dials, it dials again later.
func (c *Control) dropPeer(now env.Time, l *peerLink) {
	c.closePeer(l)
	if !l.dials {
		return
	}
	pause := min(c.cfg.Limits.RedialMin<<min(l.backoff, 10), c.cfg.Limits.RedialMax)
	l.backoff++
	pause += pause * time.Duration(c.jitter.IntN(512)) / 1024
	c.timers.Cancel(l.redial)
	l.redial = c.timers.Set(now.Mono.Add(pause), due{kind: dueRedial, peer: l})
}

func (c *Control) closePeer(l *peerLink) {
	if l.conn != nil {
		l.conn.Close()
		delete(c.peerConns, l.conn.ID())
	}
	l.conn, l.open, l.full, l.birth, l.applied = nil, false, false, nil, appliedLink{}
}

// checkPeers gives up connections that have been silent for too long, and sends a Keepalive on
// those where this node has sent nothing for a while.
func (c *Control) checkPeers(now env.Time) {
	for _, l := range c.peers {
		if l.open && !l.told {
			// A node that wakes first goes through the connections that came and went
			// while it slept. It tells of those that stay.
			l.told = true
			c.host.Log(event.New(event.PeerConnected, event.Int("peer", l.node)))
		}
		switch {
		case l.conn != nil && now.Mono >= l.heard.Add(c.cfg.Limits.PeerSilence):
			c.stats.PeersSilent++
			mark.Hit(mark.PeerSilent)
			c.tellPeerLost(now, l, "it is silent")
			c.dropPeer(now, l)
		case l.open && now.Mono >= l.said.Add(c.cfg.Limits.PeerSilence/3):
			c.sendPeer(l.node, &peer.Keepalive{})
		}
	}
}

// onPeerMessage gives a message to meta. Until meta has recovered, and from a node that is not
// born in the same cluster, messages are dropped, like those that were sent while this node was
// down.
func (c *Control) onPeerMessage(now env.Time, l *peerLink, m peer.Message) {
	switch m := m.(type) {
	case *peer.Keepalive:
	case *peer.Seen:
		c.onSeen(l, m)
	case *peer.Birth:
		c.onBirth(l, m)
	case *peer.Refusal:
		c.onRefusal(l, m)
	default:
		if c.meta == nil || !c.together(l) {
			c.stats.PeerMessagesDropped++
			return
		}
		if c.onApplied(l, m) {
			return
		}
		c.meta.Step(now.Mono, meta.PeerID{Node: l.node, Directory: l.directory}, m)
	}
}
