package sim

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/limits"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/checker"
)

// inspected is what the tests want of a cluster.
type inspected interface {
	Subject
	History() *checker.History
	NewestImage() *meta.Image
	ClientName(number int) string
}

// pausing is a cluster some seconds old with one partition, in which produces are
// made up.
func pausing(t *testing.T, change func(*Plan)) (p *pauses, h *checker.History, produce func(at time.Duration, acked bool)) {
	plan, err := DrawPlan("steady", 2)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(plan.Nodes), 3)
	plan.Duration = Duration(time.Minute)
	plan.Workload.Options.Topics, plan.Workload.Options.Partitions = Set(1), Set(1)
	change(plan)
	subject := newCluster(plan).(inspected)
	w, err := NewWorld(plan, subject, Options{})
	require.NoError(t, err)
	t.Cleanup(w.Close)
	require.True(t, w.Advance(env.Instant(4*time.Second)))
	h = subject.History()
	var real *checker.Produce
	for i := range h.Produces {
		if op := &h.Produces[i]; op.Acks == checker.AcksAll && op.Outcome == checker.Acked {
			real = op
		}
	}
	require.NotNil(t, real)
	like := *real
	c := &circumstances{plan: plan, world: w, history: h, image: subject.NewestImage, clientName: subject.ClientName}
	for _, n := range plan.brokerSpecs() {
		c.brokers = append(c.brokers, n.Name)
	}
	p = newPauses(c, limits.Default(), func(kafka.PartitionID) bool { return true }, func(*checker.Produce, env.Instant) []Overdue {
		return []Overdue{{Name: "the produce"}}
	})
	return p, h, func(at time.Duration, acked bool) {
		op := like
		op.Call.At, op.Outcome = at, checker.Ambiguous
		h.Produces = append(h.Produces, op)
		i := len(h.Produces) - 1
		p.began(i)
		if acked {
			h.Produces[i].Outcome, h.Produces[i].Return.At = checker.Acked, at+time.Millisecond
		}
		p.ended(i)
	}
}

func TestAPauseWhereQuorumsStandIsFoundWithItsGraph(t *testing.T) {
	p, _, produce := pausing(t, func(*Plan) {})
	produce(5*time.Second, true)
	for at := 6 * time.Second; at <= 6*time.Second+QuorumPause; at += time.Second {
		produce(at, false)
	}
	found, _ := p.FoundPauses()
	require.Empty(t, found)
	produce(7*time.Second+QuorumPause, false)
	found, stalls := p.FoundPauses()
	require.Len(t, found, 1)
	require.Equal(t, 1, stalls[0].Overdue)
	produce(8*time.Second+QuorumPause, false)
	found, _ = p.FoundPauses()
	require.Len(t, found, 1, "once a partition")
}

func TestAControllerThatBeginsWithinAPauseAddsToItsBoundOnce(t *testing.T) {
	for name, c := range map[string]struct {
		terms []time.Duration // when controllers began
		bound time.Duration
	}{
		"none":              {nil, 2 * time.Second},
		"before the pause":  {[]time.Duration{4500 * time.Millisecond}, 2 * time.Second},
		"within the pause":  {[]time.Duration{6 * time.Second}, 5 * time.Second},
		"two in that pause": {[]time.Duration{6 * time.Second, 7 * time.Second}, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			p, h, produce := pausing(t, func(p *Plan) {
				p.Workload.Options.AckPauseMs, p.Workload.Options.AckPauseControllerMs = Set(2000), Set(3000)
			})
			produce(5*time.Second, true)
			for _, at := range c.terms {
				h.Controllers = append(h.Controllers, checker.ControllerFact{At: checker.Moment{At: at}})
			}
			acked := 5*time.Second + time.Millisecond
			produce(acked, false)
			produce(acked+c.bound, false)
			found, _ := p.FoundPauses()
			require.Empty(t, found)
			produce(acked+c.bound+1, false)
			found, _ = p.FoundPauses()
			require.Len(t, found, 1)
			require.Contains(t, found[0], "the bound is "+c.bound.String())
		})
	}
}

func TestAPauseIsNoneWithoutTriesOrUnderFaults(t *testing.T) {
	for name, change := range map[string]func(*Plan){
		"few tries": func(*Plan) {},
		"a fault on the leader": func(p *Plan) {
			p.Faults = []Fault{{At: 3900 * msec, Kind: "slow", Target: "@leader", Amount: 2}}
		},
		"faults on most brokers": func(p *Plan) {
			brokers := p.brokerSpecs()
			for _, n := range brokers[:len(brokers)/2+1] {
				p.Faults = append(p.Faults, Fault{At: 3900 * msec, Kind: "freeze", Target: n.Name})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, _, produce := pausing(t, change)
			produce(5*time.Second, true)
			step := time.Second
			if name == "few tries" {
				step = QuorumPause + time.Second
			}
			for at := 6 * time.Second; at <= 8*time.Second+QuorumPause; at += step {
				produce(at, false)
			}
			found, _ := p.FoundPauses()
			require.Empty(t, found)
		})
	}
}
