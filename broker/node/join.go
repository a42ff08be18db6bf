package node

import (
	"encoding/hex"
	"errors"
	"fmt"

	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/wire/peer"
)

// A directory that the birth record does not name joins the cluster (PROTOCOL 4c): it asks the
// controller until it is a learner, which gets the log and registers as a broker. It has no vote
// until an operator replaces a voter by it, or it asks for the vote itself (Config.AutoJoin).
//
// A directory that was removed never comes back. Its node stops when it applies the removal, or
// when another node tells it.

// errRemoved is why a node stops after the removal of its directory.
var errRemoved = errors.New("node: this directory was removed from the cluster, another one has " +
	"taken its place; to use the node again, give it an empty directory")

// askToJoin asks for what this directory still lacks.
func (c *Control) askToJoin() {
	if c.meta == nil {
		return
	}
	m := c.meta.Image().Member(c.self())
	if m != nil && (m.Voter || m.Promote) {
		return
	}
	if m != nil && !c.cfg.AutoJoin {
		if !c.learner {
			c.learner = true
			c.host.Log(event.New(event.NoVote,
				event.Text("directory", hex.EncodeToString(c.directory[:]))))
		}
		return
	}
	for _, l := range c.peers {
		if l.open && c.together(l) {
			c.sendPeer(l.node, &peer.Join{
				Node: c.cfg.Node, Directory: c.directory, Auto: c.cfg.AutoJoin,
			})
		}
	}
}

// onRefusal takes the reason why a peer does not talk to this node.
func (c *Control) onRefusal(l *peerLink, m *peer.Refusal) {
	if m.Removed {
		c.host.Stop(fmt.Errorf("%w (said node %d)", errRemoved, l.node))
		return
	}
	c.refused(l.node, m.Message)
}

// refused tells the operator why this node and a peer do not talk.
func (c *Control) refused(node kafka.NodeID, why string) {
	c.host.Log(event.New(event.PeerRefused, event.Int("peer", node), event.Text("cause", why)))
}
