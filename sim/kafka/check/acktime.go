package check

import (
	"slices"
	"time"

	"example.com/lockstep/checker"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/property"
	"example.com/lockstep/sim/world"
)

// CheckAckTime judges runs without faults. An acknowledgement must take about two syncs and
// a few messages, whatever the load (BUGS W1): what arrives during a sync joins the next
// batch, and nothing waits for a tick.
func (c *Circumstances) CheckAckTime() {
	var took []time.Duration
	for i := range c.History.Produces {
		if op := &c.History.Produces[i]; op.Acks == checker.AcksAll && op.Outcome == checker.Acked {
			took = append(took, op.Return.At-op.Call.At)
		}
	}
	const enough = 20
	if len(took) < enough {
		return
	}
	slices.Sort(took)
	if median, bound := took[len(took)/2], ackBound(c.Plan); median > bound {
		c.World.Violated(property.AckTime, "",
			"half of %d acks=all produces took %v or more; the plan's disks and links account "+
				"for %v", len(took), median, bound)
	}
}

// seldomSpikes is the least number of syncs per spike for which spikes do not count in the
// bound. With more spikes, more than half of all produces may meet one. With a spike of 100
// ms in twenty syncs, and some syncs of 14 ms each, three disks stand still most of the
// time.
const seldomSpikes = 200

// ackBound is an upper bound on the median time of an acknowledgement. It is the slowest
// path of a forwarded produce, with a whole sync in front of each of its own syncs, times a
// factor for queues under the plan's limits.
func ackBound(p *plan.Plan) time.Duration {
	hop := p.Network.Latency.Std() + p.Network.Jitter.Std()
	turn := p.Limits.WakeUp.Std() + p.Limits.TurnCost.High.Std() + 8*p.Limits.EventCost.Std()
	mail := p.Limits.MailDelay.High.Std() + turn
	disk := world.DiskOptions(p.Disk).Sync
	sync := disk.Base + disk.Jitter
	if disk.SpikeOneIn > 0 && disk.SpikeOneIn < seldomSpikes {
		sync += disk.Spike
	}
	way := 6*(hop+turn) + 6*mail + 4*sync
	queues := time.Duration(3)
	if p.Workload.Options.Tight.Or(0) != 0 || p.Limits.TurnEvents < 8 || p.Limits.Mailbox < 64 {
		queues = 24
	}
	return queues*way + time.Millisecond
}
