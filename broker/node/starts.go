package node

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/wire/peer"
)

// The starts file is text, one "key=value" a line. It is durable before the node tells anybody of
// the start:
//
//	starts=<decimal>                how often the directory was started
//	incarnation=<32 hex digits>     of each of the last starts, at most meta.StartsKept
//
// An older copy of a directory that is put back does not know the last starts. It is found in three
// places, and each needs only one honest witness:
//
//  1. A peer tells which start of this directory it knows (peer.Seen), before it is asked for a
//     vote or an entry.
//  2. The metadata refuses the registration, so the node neither leads nor follows partitions.
//  3. The node finds a start in its own metadata that the directory does not know.
//
// The node then takes back this start, so that restarts of the copy do not push out what is kept,
// and stops.
//
// What this cannot find: a copy that was made after the last start, or of all nodes at once; and
// what a start did before it was registered.
const startsFile = "starts"

func startsText(s meta.Starts) string {
	var b strings.Builder
	fmt.Fprintf(&b, "starts=%d\n", s.Number)
	for _, incarnation := range s.Recent {
		fmt.Fprintf(&b, "incarnation=%s\n", hex.EncodeToString(incarnation[:]))
	}
	return b.String()
}

func parseStarts(text string) (s meta.Starts, err error) {
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "starts":
			s.Number, err = strconv.ParseUint(value, 10, 64)
		case "incarnation":
			var incarnation peer.UUID
			incarnation, err = parseUUID(value)
			s.Recent = append(s.Recent, incarnation)
		}
		if err != nil {
			return s, fmt.Errorf("starts file: bad %s %q", key, value)
		}
	}
	if len(s.Recent) > meta.StartsKept || uint64(len(s.Recent)) > s.Number {
		return s, errors.New("starts file: more incarnations than starts")
	}
	return s, nil
}

// countStart returns the steps that write down this start.
func (c *Control) countStart() []step {
	return c.readOrWrite(startsFile, func() string {
		c.starts = c.started.Next(c.cfg.Incarnation)
		return startsText(c.starts)
	}, func(s *sequence, text string) (err error) {
		if c.started, err = parseStarts(text); err != nil {
			return err
		}
		c.starts = c.started.Next(c.cfg.Incarnation)
		s.then(c.writeStarts(c.starts)...)
		return nil
	})
}

func (c *Control) writeStarts(s meta.Starts) []step {
	return wholeFile(".", startsFile, c.newHandle(), []byte(startsText(s)))
}

// tellSeen tells a peer which start of its directory this node knows.
func (c *Control) tellSeen(l *peerLink) {
	if !l.open || c.meta == nil {
		return
	}
	id := meta.PeerID{Node: l.node, Directory: l.directory}
	if number, incarnation := c.meta.LastStart(id); number > 0 {
		c.sendPeer(l.node, &peer.Seen{Starts: number, Incarnation: incarnation})
	}
}

func (c *Control) onSeen(l *peerLink, m *peer.Seen) {
	if !c.starts.Know(m.Starts, m.Incarnation) {
		c.stopOutdated(fmt.Sprintf("node %d has", l.node), m.Starts, m.Incarnation)
	}
}

// stopOutdated stops the node, because a witness has seen a start that the directory does not
// know. It takes no part in anything until it has stopped: see together.
func (c *Control) stopOutdated(witness string, number uint64, incarnation peer.UUID) {
	if c.outdated {
		return
	}
	mark.Hit(mark.OutdatedDirectory)
	c.outdated = true
	c.run(&sequence{
		steps: c.writeStarts(c.started),
		end: func(err error) {
			c.host.Stop(errors.Join(fmt.Errorf("node: this directory is an older copy of itself: "+
				"%s seen its start %d as %x, which it does not know, so it has forgotten what it "+
				"promised and acknowledged; put the newest one back, or %s", witness, number,
				incarnation[:4], mustRejoin), err))
		},
	})
}
