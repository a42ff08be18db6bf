package checker

import (
	"fmt"
	"time"
)

// idleWakeUpsPerSecond is what an idle node may do, however many partitions it
// has (PROTOCOL 35).
const idleWakeUpsPerSecond = 10

// idleDiskOpsPerSecond is what an idle node may ask of its disk: nothing changes,
// so that nothing is to be written.
const idleDiskOpsPerSecond = 1

// checkBounds is P12: every queue stays within the bound it promised, and an
// idle node wakes at most ten times a second and leaves its disk alone.
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
		// A stretch that is not whole seconds is rounded up: its edges may cut
		// through a second that had its ten.
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
