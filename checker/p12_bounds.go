package checker

import (
	"fmt"
	"time"
)

// idleWakeUpsPerSecond is how often an idle node may wake up, with any number
// of partitions (PROTOCOL 35).
const idleWakeUpsPerSecond = 10

// idleDiskOpsPerSecond bounds the disk operations of an idle node: nothing
// changes, so there is nothing to write.
const idleDiskOpsPerSecond = 1

// checkBounds is P12: every queue stays within its declared bound, and an idle
// node wakes at most ten times a second and uses its disk at most once a
// second.
func checkBounds(x *index, out *verdictOf) {
	for _, q := range x.h.Queues {
		out.judged(1)
		if q.Max > q.Bound {
			out.fail(Violation{
				Anomaly: QueueOverflow,
				Sentence: fmt.Sprintf("queue %s of node %d held %d, its bound is %d",
					q.Name, q.Node, q.Max, q.Bound),
			})
		}
	}
	for _, f := range x.h.Idles {
		out.judged(1)
		// An interval that is not whole seconds is rounded up: a part of a
		// second may hold the ten wake-ups of the whole second.
		seconds := int64((f.To - f.From + time.Second - 1) / time.Second)
		if f.WakeUps > idleWakeUpsPerSecond*seconds {
			out.fail(Violation{
				Anomaly: IdleWakeUps,
				Sentence: fmt.Sprintf("idle node %d woke %d times in the %v from %v on",
					f.Node, f.WakeUps, f.To-f.From, f.From),
			})
		}
		if f.DiskOps > idleDiskOpsPerSecond*seconds {
			out.fail(Violation{
				Anomaly: IdleWork,
				Sentence: fmt.Sprintf("idle node %d submitted %d disk operations in the %v from "+
					"%v on", f.Node, f.DiskOps, f.To-f.From, f.From),
			})
		}
	}
}
