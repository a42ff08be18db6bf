package node

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/wire/peer"
)

// The birth file is text, one "key=value" a line:
//
//	birth.id=<32 hex digits>          random, drawn with the record
//	born=<true|false>                 whether this node takes part in Raft
//	voter=<node>@<32 hex digits>      the directory of each voter of the first configuration
//
// A node takes part in Raft only once the file says born=true. A cluster is born in these steps
// (PROTOCOL 4b). The proposer is the configured voter with the lowest id.
//
//  1. The proposer is connected to every other configured voter, and none of them is born. It
//     writes a record that names the directory of each, and tells them.
//  2. Each voter that the record names, with the directory that it has, writes it and tells the
//     proposer. A voter that holds a record takes another one only from the same directory of
//     the proposer.
//  3. When all voters have told so, the proposer makes its control log, writes born=true, and
//     tells them.
//  4. The others do the same when they hear it from any node that is born with their record.
//
// Before step 3 the proposer may write another record, for instance because a voter's directory
// was emptied. Nobody is born with the earlier one then, because only the proposer says so.
//
// Two clusters cannot both be born from directories that they share. Say that record A is born,
// and a directory d is named by it. d held A when it told so, because it was durable. After that,
// d takes another record only from the directory p that proposed A, and p wrote none after it was
// born. So d holds A for good. A record B that names d needs that d holds B. So B is not born.
// A majority of B's voters therefore shares no directory with a majority of A's.
//
// A crash between the steps repeats them: a record that is not born is sent again whenever a
// connection opens. What the disk loses shows: a node that is named by a record with which others
// are born, and that holds none, has lost what it promised, and stops. A directory that the
// record does not name joins as a learner (join.go).
type birth struct {
	id     peer.UUID // zero: no record
	born   bool
	voters []meta.PeerID
}

const birthFile = "birth"

func (b *birth) text() string {
	var s strings.Builder
	fmt.Fprintf(&s, "birth.id=%s\nborn=%t\n", hex.EncodeToString(b.id[:]), b.born)
	for _, v := range b.voters {
		fmt.Fprintf(&s, "voter=%d@%s\n", v.Node, hex.EncodeToString(v.Directory[:]))
	}
	return s.String()
}

func parseBirth(text string) (b birth, err error) {
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "birth.id":
			b.id, err = parseUUID(value)
		case "born":
			b.born, err = strconv.ParseBool(value)
		case "voter":
			var v meta.PeerID
			node, directory, _ := strings.Cut(value, "@")
			n, bad := strconv.ParseInt(node, 10, 32)
			v.Node = kafka.NodeID(n)
			v.Directory, err = parseUUID(directory)
			err = errors.Join(bad, err)
			b.voters = append(b.voters, v)
		}
		if err != nil {
			return birth{}, fmt.Errorf("birth file: bad %s %q", key, value)
		}
	}
	if b.id == (peer.UUID{}) || len(b.voters) == 0 {
		return birth{}, errors.New("birth file: no id, or no voters")
	}
	return b, nil
}

func parseUUID(text string) (id peer.UUID, err error) {
	b, err := hex.DecodeString(text)
	if err == nil && len(b) != len(id) {
		err = errors.New("not 16 bytes")
	}
	copy(id[:], b)
	return id, err
}

// directory is the directory that the record names for a node, zero if none.
func (b *birth) directory(node kafka.NodeID) peer.UUID {
	for _, v := range b.voters {
		if v.Node == node {
			return v.Directory
		}
	}
	return peer.UUID{}
}

func (b *birth) message() *peer.Birth {
	m := &peer.Birth{ID: b.id, Born: b.born}
	for _, v := range b.voters {
		m.Voters = append(m.Voters, peer.BirthVoter{Node: v.Node, Directory: v.Directory})
	}
	return m
}

func birthOf(m *peer.Birth) *birth {
	b := &birth{id: m.ID, born: m.Born}
	for _, v := range m.Voters {
		b.voters = append(b.voters, meta.PeerID{Node: v.Node, Directory: v.Directory})
	}
	return b
}

func (c *Control) self() meta.PeerID {
	return meta.PeerID{Node: c.cfg.Node, Directory: c.directory}
}

// stepBirth does the next step of the birth that is possible. It is called when anything that it
// depends on has changed: the node's own state, a connection, or what a peer holds.
func (c *Control) stepBirth() {
	if !c.unborn || c.birthBusy || c.learnBirth() {
		return
	}
	switch proposer := c.proposer(); {
	case proposer == c.cfg.Node:
		c.proposeBirth()
	case proposer != kafka.NoNode:
		c.acceptBirth(proposer)
	}
}

// proposer is the lowest of the configured voters, NoNode if this node is none of them.
func (c *Control) proposer() kafka.NodeID {
	lowest, voter := kafka.NoNode, false
	for _, v := range c.cfg.Voters {
		voter = voter || v.Node == c.cfg.Node
		if lowest == kafka.NoNode || v.Node < lowest {
			lowest = v.Node
		}
	}
	if !voter {
		return kafka.NoNode
	}
	return lowest
}

// learnBirth follows a peer that is born, and reports whether there is one.
func (c *Control) learnBirth() bool {
	born := slices.Collect(func(yield func(*peerLink) bool) {
		for _, l := range c.peers {
			if l.open && l.birth != nil && l.birth.born && !yield(l) {
				return
			}
		}
	})
	if slices.ContainsFunc(born, func(l *peerLink) bool { return l.birth.id == c.birth.id }) {
		c.beBorn()
		return true
	}
	for _, l := range born {
		switch named := slices.Contains(l.birth.voters, c.self()); {
		case c.birth.id != (peer.UUID{}):
			mark.Hit(mark.BirthRefused)
			c.refused(l.node, fmt.Sprintf("it belongs to the cluster born as %x, and this "+
				"directory waits for another birth, %x; if it holds nothing, empty it, and it "+
				"joins as a new one", l.birth.id[:4], c.birth.id[:4]))
		case named:
			c.host.Stop(fmt.Errorf("node: the cluster was born with this directory, which has "+
				"lost the record of it; %s", mustRejoin))
		default:
			mark.Hit(mark.Joining)
			c.host.Log(event.New(event.ClusterJoined,
				event.Text("directory", hex.EncodeToString(c.directory[:])),
				event.Int("peer", l.node)))
			c.takeBirth(birth{id: l.birth.id, voters: l.birth.voters}, c.beBorn)
			return true
		}
	}
	return len(born) > 0
}

// proposeBirth is the proposer's part: it writes a record when all voters are there, and is born
// when all of them hold it.
func (c *Control) proposeBirth() {
	record := birth{voters: []meta.PeerID{c.self()}}
	held, same := true, c.birth.directory(c.cfg.Node) == c.directory
	for _, v := range c.cfg.Voters {
		if v.Node == c.cfg.Node {
			continue
		}
		l := c.peer(v.Node)
		if l == nil || !l.open || l.birth == nil {
			return
		}
		if l.birth.id != (peer.UUID{}) && l.birth.directory(c.cfg.Node) != c.directory {
			mark.Hit(mark.BirthRefused)
			c.refused(v.Node, fmt.Sprintf("it waits for a birth that another directory of node %d "+
				"proposed; if the directory of node %d holds nothing, empty it",
				c.cfg.Node, v.Node))
			return
		}
		held = held && l.birth.id == c.birth.id
		same = same && c.birth.directory(v.Node) == l.directory
		record.voters = append(record.voters, meta.PeerID{Node: v.Node, Directory: l.directory})
	}
	switch {
	case same && (held || len(record.voters) == 1):
		c.beBorn()
	case !same:
		mark.HitIf(c.birth.id != (peer.UUID{}), mark.BirthProposedAgain)
		c.birthIDs.Fill(record.id[:])
		slices.SortFunc(record.voters, func(a, b meta.PeerID) int { return int(a.Node - b.Node) })
		c.takeBirth(record, c.stepBirth)
	}
}

// acceptBirth takes the record that the proposer holds, if it names this directory.
func (c *Control) acceptBirth(proposer kafka.NodeID) {
	l := c.peer(proposer)
	if l == nil || !l.open || l.birth == nil || l.birth.id == (peer.UUID{}) ||
		l.birth.id == c.birth.id || l.birth.directory(c.cfg.Node) != c.directory {
		return
	}
	if len(l.birth.voters) != len(c.cfg.Voters) || slices.ContainsFunc(c.cfg.Voters,
		func(v Voter) bool { return l.birth.directory(v.Node) == (peer.UUID{}) }) {
		c.refused(proposer, "it has other controller.quorum.voters than this node")
		return
	}
	if c.birth.id != (peer.UUID{}) && c.birth.directory(proposer) != l.directory {
		mark.Hit(mark.BirthRefused)
		c.refused(proposer, fmt.Sprintf("this directory waits for a birth that another directory "+
			"of node %d proposed; if it holds nothing, empty it", proposer))
		return
	}
	c.takeBirth(birth{id: l.birth.id, voters: l.birth.voters}, c.stepBirth)
}

// takeBirth makes a record durable, tells the other nodes, and goes on.
func (c *Control) takeBirth(b birth, then func()) {
	c.birthBusy = true
	c.run(&sequence{
		steps: wholeFile(".", birthFile, c.newHandle(), []byte(b.text())),
		end: func(err error) {
			if err != nil {
				c.host.Stop(fmt.Errorf("node: write birth record: %w", err))
				return
			}
			c.birth, c.birthBusy = b, false
			for _, l := range c.peers {
				c.tellBirth(l)
			}
			then()
		},
	})
}

// tellBirth tells a peer what record this node holds.
func (c *Control) tellBirth(l *peerLink) {
	if l.open {
		c.sendPeer(l.node, c.birth.message())
	}
}

// beBorn makes the control log and then writes that this node is born. After that the node takes
// part in Raft. A log that is there already was made before a crash.
func (c *Control) beBorn() {
	c.birthBusy = true
	index, found, err := meta.LastSnapshot(c.replayed)
	if err != nil {
		c.host.Stop(fmt.Errorf("node: recover metadata: %w", err))
		return
	}
	born := c.birth
	born.born = true
	if found && !meta.NeverStarted(c.replayed) {
		c.takeBirth(born, func() {
			c.unborn = false
			c.loadSnapshot(index)
		})
		return
	}
	c.bootstrap(func(recovered meta.Recovered) {
		c.takeBirth(born, func() {
			mark.Hit(mark.Born)
			c.host.Log(event.New(event.ClusterBorn,
				event.Text("birth", hex.EncodeToString(born.id[:]))))
			c.unborn = false
			c.startMeta(recovered)
		})
	})
}

// onBirth takes what a peer holds.
func (c *Control) onBirth(l *peerLink, m *peer.Birth) {
	l.birth = birthOf(m)
	if l.birth.born && c.birth.born && l.birth.id != c.birth.id {
		mark.Hit(mark.BirthRefused)
		c.refusePeer(l, fmt.Sprintf("node %d belongs to the cluster born as %x, node %d to the "+
			"one born as %x: they have the same cluster id, and are two clusters", c.cfg.Node,
			c.birth.id[:4], l.node, l.birth.id[:4]), false)
		return
	}
	c.stepBirth()
}

// refusePeer gives up a connection, and says why on both sides.
func (c *Control) refusePeer(l *peerLink, why string, removed bool) {
	c.refused(l.node, why)
	c.sendPeer(l.node, &peer.Refusal{Message: why, Removed: removed})
	c.stats.PeerHellosRefused++
	// The connection is a stranger's again, until the refusal has left.
	conn := l.conn
	delete(c.peerConns, conn.ID())
	c.strangers[conn.ID()] = &stranger{conn: conn, refused: true}
	c.timers.Set(c.now.Mono.Add(c.cfg.Limits.PeerSilence), due{kind: dueStranger, conn: conn})
	conn.CloseAfterSend()
	l.conn = nil
	c.dropPeer(c.now, l)
}
