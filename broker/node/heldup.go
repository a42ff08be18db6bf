package node

import (
	"fmt"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/mutant"
	"example.com/lockstep/broker/wait"
)

// heldUp is planted bug L2: while Raft's records are on their way to the disk,
// the control loop does nothing but wait for it. Events queue up.
type heldUp struct{ events []loop.Event }

// mustWait reports whether the loop is held up.
func (c *Control) mustWait() bool { return mutant.L2 && len(c.unsynced) > 0 }

// keep queues an event that comes while the loop is held up.
func (h *heldUp) keep(ev *loop.Event) { h.events = append(h.events, *ev) }

// resume handles what has queued up, as far as the loop is free to.
func (c *Control) resume(now env.Time) {
	for len(c.heldUp.events) > 0 && !c.mustWait() {
		ev := c.heldUp.events[0]
		c.heldUp.events = c.heldUp.events[1:]
		c.handle(now, &ev)
	}
}

// waits lists the loop as a whole, which does nothing else while it is held up.
func (h *heldUp) waits(c *Control, yield func(wait.Wait)) {
	if !c.mustWait() {
		return
	}
	yield(wait.Wait{
		Who: wait.Self, About: fmt.Sprintf("%d events held up", len(h.events)), Since: c.unsynced[0].since, Until: env.Never,
		For: "its Raft records to be on disk", On: wait.Of(wait.Persist),
	})
}
