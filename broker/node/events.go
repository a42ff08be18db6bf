package node

import (
	"fmt"
	"slices"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/meta"
)

// narrator tells the operator what the metadata says, as this node applies it. It knows what it has
// told, and nothing else depends on it.
type narrator struct {
	began   env.Instant // of this incarnation
	started bool        // node started is told
	members []meta.Member
}

// narrate tells what an image changes.
func (c *Control) narrate(now env.Time, image *meta.Image) {
	n := &c.narrator
	c.narrateMembers(image)
	own := image.Broker(c.cfg.Node)
	if !n.started && c.epoch != 0 && own != nil && own.Epoch == c.epoch && !own.Fenced {
		n.started = true
		c.host.Log(event.New(event.NodeStarted, event.Int("epoch", c.epoch),
			event.Duration("took", now.Mono.Sub(n.began))))
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
