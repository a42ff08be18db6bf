package node

import (
	"fmt"
	"slices"
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/broker/wait"
	"example.com/lockstep/broker/wire/peer"
	"example.com/lockstep/netsim"
)

// narrator tells the operator what happens to this node and what the metadata says. It remembers
// what it has told. Nothing else depends on it.
//
// Every node tells of brokers and of its own leaderships and ISRs. The controller tells of what
// concerns the cluster. Until this incarnation is registered, images are history, and none is told.
type narrator struct {
	began env.Instant // of this incarnation

	image   *meta.Image // the newest one that was looked at
	started bool        // node started is told
	members []meta.Member
	brokers map[kafka.NodeID]brokerTold
	unled   spell // of partitions without a leader
	below   spell // of partitions below min.insync.replicas

	controller kafka.NodeID // the last one that was known
	term       meta.Term
	leading    bool
	led        env.Instant // when this node became the controller
	unknown    env.Instant // since when no controller is known; Never if one is
	lostQuorum bool        // quorum lost is told

	doubts spell // of not vouching for this node
	full   spell // of the control log
}

// brokerTold is since when a broker is fenced or unfenced, and full or not. 0: since before this
// node looked.
type brokerTold struct{ fence, space env.Instant }

// spell is a number of things that are bad, and since when it is not 0.
type spell struct {
	count int
	since env.Instant
}

// turnsBad reports whether the spell begins with a new count, and turnsGood whether it ends.
func (s *spell) set(now env.Instant, count int) (turnsBad, turnsGood bool) {
	turnsBad, turnsGood = s.count == 0 && count > 0, s.count > 0 && count == 0
	if turnsBad {
		s.since = now
	}
	s.count = count
	return turnsBad, turnsGood
}

func (n *narrator) begin(now env.Instant) {
	n.began, n.unknown = now, now
	n.controller = kafka.NoNode
	n.brokers = map[kafka.NodeID]brokerTold{}
}

// noticePause tells that this loop got no turn although a timer was due: the process was stopped,
// or the machine has no core for it.
func (c *Control) noticePause(now env.Time) {
	if due := c.NextTimer(); due != env.Never && now.Mono >= due.Add(pauseTold) {
		c.host.Log(event.New(event.ProcessPaused, event.Duration("for", now.Mono.Sub(due))))
	}
}

// pauseTold is the shortest pause of the process that an operator hears of.
const pauseTold = time.Second

// narrateTurn tells what has changed by the end of a turn.
func (c *Control) narrateTurn(now env.Time) {
	c.narrateController(now.Mono)
	n := &c.narrator
	bad, good := n.doubts.set(now.Mono, b2i(!c.meta.Healthy()))
	switch {
	case bad:
		c.host.Log(event.New(event.NotVouched, event.Text("waits", c.doubt())))
	case good:
		c.host.Log(event.New(event.VouchedAgain,
			event.Duration("after", now.Mono.Sub(n.doubts.since))))
	}
	if c.wal == nil {
		return
	}
	bad, good = n.full.set(now.Mono, b2i(c.wal.Full()))
	switch {
	case bad:
		c.host.Log(event.New(event.LogFull, event.Text("log", "control")))
	case good:
		c.host.Log(event.New(event.LogRoom, event.Text("log", "control"),
			event.Duration("after", now.Mono.Sub(n.full.since))))
	}
}

// doubt says what this node waits for, so that it cannot vouch for itself.
func (c *Control) doubt() (waits string) {
	c.healthWaits(func(w wait.Wait) {
		if waits == "" {
			waits = w.For
		}
	})
	return waits
}

// narrateController tells of terms: which node is the controller, and that none is known.
func (c *Control) narrateController(now env.Instant) {
	n := &c.narrator
	leader, term, leading := c.meta.Leader(), c.meta.Term(), c.meta.Leading()
	if n.leading && (!leading || term != n.term) {
		cause := "a newer term"
		switch {
		case !c.meta.Healthy():
			cause = "the node does not vouch for itself"
		case leader == kafka.NoNode && term == n.term:
			cause = "no quorum answers"
		}
		n.leading = false
		c.host.Log(event.New(event.ControllerLost, event.Int("term", n.term),
			event.Text("cause", cause), event.Duration("after", now.Sub(n.led))))
	}
	if leader == kafka.NoNode {
		if n.unknown == env.Never {
			n.unknown = now
		}
		if gap := now.Sub(n.unknown); !n.lostQuorum && gap >= c.meta.SessionTimeout() {
			n.lostQuorum = true
			c.host.Log(event.New(event.QuorumLost, event.Int("term", term),
				event.Duration("for", gap)))
		}
		return
	}
	if n.lostQuorum {
		n.lostQuorum = false
		c.host.Log(event.New(event.QuorumRegained, event.Int("controller", leader),
			event.Duration("after", now.Sub(n.unknown))))
	}
	won := leading && !n.leading
	if won || leader != c.cfg.Node && (leader != n.controller || term != n.term) {
		name := event.ControllerChanged
		if won {
			name, n.leading, n.led = event.ControllerWon, true, now
		}
		e := event.New(name, event.Int("controller", leader), event.Int("term", term))
		if n.unknown != env.Never {
			e = e.With(event.Duration("without", now.Sub(n.unknown)))
		}
		c.host.Log(e)
	}
	n.controller, n.term, n.unknown = leader, term, env.Never
}

// narrate tells what an image changes.
func (c *Control) narrate(now env.Time, image *meta.Image, changes *meta.Changes) {
	n := &c.narrator
	c.narrateMembers(image)
	old := n.image
	own := image.Broker(c.cfg.Node)
	if n.image = image; c.epoch == 0 || own == nil {
		return
	}
	if old == nil || old.Broker(c.cfg.Node) == nil || old.Broker(c.cfg.Node).Epoch != own.Epoch {
		c.host.Log(event.New(event.NodeRegistered, event.Int("epoch", c.epoch),
			event.Int("suspects", len(c.suspects)),
			event.Duration("took", now.Mono.Sub(n.began))))
		c.recount(now.Mono, image)
		return
	}
	c.narrateBrokers(now.Mono, old, image)
	if !n.started && !own.Fenced {
		n.started = true
		c.host.Log(event.New(event.NodeStarted, event.Int("epoch", c.epoch),
			event.Duration("took", now.Mono.Sub(n.began))))
	}
	if changes.Full {
		c.host.Log(event.New(event.SnapshotInstalled, event.Int("index", image.Index()),
			event.Int("behind", image.Index()-old.Index())))
		c.recount(now.Mono, image)
		return
	}
	c.narrateConfigs(old, image, changes.Configs)
	c.narratePartitions(now.Mono, old, image, changes)
}

// narrateBrokers tells what has changed for brokers.
func (c *Control) narrateBrokers(now env.Instant, old, image *meta.Image) {
	for _, b := range image.Brokers() {
		was := old.Broker(b.ID)
		if was == b {
			continue
		}
		told := c.narrator.brokers[b.ID]
		say := func(name event.Name, since env.Instant, key string, more ...event.Field) {
			e := event.New(name, append([]event.Field{event.Int("broker", b.ID)}, more...)...)
			if since != 0 {
				e = e.With(event.Duration(key, now.Sub(since)))
			}
			c.host.Log(e)
		}
		if was == nil || was.Epoch != b.Epoch {
			say(event.BrokerRegistered, 0, "", event.Int("epoch", b.Epoch),
				event.Text("address", b.PeerAddr))
			was, told = &meta.Broker{Fenced: true}, brokerTold{now, now}
		}
		switch {
		case b.Fenced && !was.Fenced:
			cause := "its session has ended"
			if b.Draining {
				cause = "it is drained"
			}
			say(event.BrokerFenced, told.fence, "after", event.Text("cause", cause),
				event.Int("leaderships", leads(old, b.ID)))
			told.fence = now
		case !b.Fenced && was.Fenced:
			say(event.BrokerUnfenced, told.fence, "after")
			told.fence = now
		}
		if b.Draining && !was.Draining {
			say(event.BrokerDraining, 0, "", event.Int("leaderships", leads(old, b.ID)))
		}
		switch {
		case b.Full && !was.Full:
			say(event.BrokerFull, 0, "", event.Int("leaderships", leads(old, b.ID)))
			told.space = now
		case !b.Full && was.Full:
			say(event.BrokerRoomy, told.space, "after")
		}
		c.narrator.brokers[b.ID] = told
	}
}

// leads counts the partitions that a broker leads.
func leads(image *meta.Image, id kafka.NodeID) (count int) {
	image.Topics(func(t *meta.Topic) bool {
		for _, p := range t.Partitions {
			count += b2i(p.Leader == id)
		}
		return true
	})
	return count
}

// tellPeerLost tells that the connection with a node ends, if its beginning was told.
func (c *Control) tellPeerLost(now env.Time, l *peerLink, cause string) {
	if l.open && l.told {
		c.host.Log(event.New(event.PeerLost, event.Int("peer", l.node), event.Text("cause", cause),
			event.Duration("after", now.Mono.Sub(l.opened))))
	}
}

// tellRefused tells why a connection is refused. hello is nil if none came. A node that is not
// prepared yet refuses all.
func (c *Control) tellRefused(conn netsim.Conn, hello *peer.Hello) {
	if c.prepared {
		c.host.Log(shard.HelloRefused(conn, hello, c.cfg.Cluster, c.cfg.Node))
	}
}

// narrateMembers tells of another set of voters and learners.
func (c *Control) narrateMembers(image *meta.Image) {
	name := func(m meta.Member) string { return fmt.Sprintf("%d@%x", m.Node, m.Directory[:4]) }
	before, now := c.narrator.members, image.Members()
	c.narrator.members = now
	if len(before) == 0 || slices.EqualFunc(before, now, func(a, b meta.Member) bool {
		return a.PeerID == b.PeerID && a.Voter == b.Voter
	}) {
		return
	}
	var voters, learners []string
	for _, m := range now {
		if m.Voter {
			voters = append(voters, name(m))
		} else {
			learners = append(learners, name(m))
		}
	}
	c.host.Log(event.New(event.VotersChanged, event.Few("voters", voters),
		event.Few("learners", learners)))
}
