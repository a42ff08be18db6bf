package drive

import (
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/loop"
)

// voucher is a control loop that knows whether all loops and the disks of its node make progress.
type voucher interface{ Vouches(now env.Time) bool }

// vouchQuestion is answered by the runner of the control loop, between two events.
type vouchQuestion struct{ answer chan bool }

// Vouched asks the control loop whether all loops and disks of the node make progress. A loop that
// does not answer in time does not vouch. It may be called from any goroutine, also during an Ask.
func (n *Node) Vouched(timeout time.Duration) bool {
	q := vouchQuestion{make(chan bool, 1)}
	n.runners[loop.Control].box.put(
		loop.Event{Kind: loop.Mail, From: loop.Outside, Mail: q})
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case vouched := <-q.answer:
		return vouched
	case <-n.stop:
	case <-timer.C:
	}
	return false
}

// vouch answers a question whether the node makes progress.
func (r *runner) vouch(q vouchQuestion, at env.Time) {
	v, ok := r.loop.(voucher)
	q.answer <- !ok || v.Vouches(at)
}
