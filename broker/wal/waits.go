package wal

import (
	"fmt"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/wait"
)

// Waits yields what keeps records of the log from becoming durable. owner is the tag of the log's
// disk operations.
func (l *Log) Waits(owner uint32, yield func(wait.Wait)) {
	w := wait.Wait{Who: wait.Log, Since: wait.Unknown, Until: env.Never}
	switch {
	case l.phase == Recovering:
		w.For, w.On = "its recovery", wait.OfDisk(owner, wait.AnyToken)
	case len(l.inflight) > 0:
		g := l.inflight[0]
		w.About = fmt.Sprintf("group %d..%d in segment %d", g.first, g.last, g.segment.file.number)
		w.For, w.On = "its sync", wait.OfDisk(owner, wait.AnyToken)
	case len(l.queue) == 0 && l.open == nil:
		return
	case l.noSpace:
		w.About = fmt.Sprintf("records from %d on", l.durable+1)
		w.For, w.On = "room on the disk", wait.OfSpace()
	case len(l.pending) > 0:
		w.About = fmt.Sprintf("records from %d on", l.durable+1)
		w.For, w.On = "a segment for them", wait.OfDisk(owner, wait.AnyToken)
	case l.markAt != env.Never:
		w.About = fmt.Sprintf("records from %d on", l.durable+1)
		w.For, w.On = "the time to write them", wait.OfTimer(l.markAt)
	default:
		w.About = fmt.Sprintf("records from %d on", l.durable+1)
		w.For, w.On = "the end of a turn", wait.Of(wait.Turn)
	}
	yield(w)
}
