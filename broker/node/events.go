package node

import (
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/meta"
)

// narrator tells the operator what the metadata says, as this node applies it. It knows what it has
// told, and nothing else depends on it.
type narrator struct {
	began   env.Instant // of this incarnation
	started bool        // node started is told
}

// narrate tells what an image changes.
func (c *Control) narrate(now env.Time, image *meta.Image) {
	n := &c.narrator
	own := image.Broker(c.cfg.Node)
	if !n.started && c.epoch != 0 && own != nil && own.Epoch == c.epoch && !own.Fenced {
		n.started = true
		c.host.Log(event.New(event.NodeStarted, event.Int("epoch", c.epoch),
			event.Duration("took", now.Mono.Sub(n.began))))
	}
}
