package check_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/limits"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/checker"
	simkafka "example.com/lockstep/sim/kafka"
	"example.com/lockstep/sim/kafka/check"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/scenario"
	"example.com/lockstep/sim/world"
)

// inspected is what the tests need of a cluster.
type inspected interface {
	world.Subject
	History() *checker.History
	NewestImage() *meta.Image
	ClientName(number int) string
}

// pausing returns a cluster after 4 s, with one partition, and a function that adds
// invented produces to its history.
func pausing(t *testing.T, change func(*plan.Plan)) (p *check.Pauses, h *checker.History,
	produce func(at time.Duration, acked bool)) {
	drawn, err := scenario.NewPlan("steady", 2)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(drawn.Nodes), 3)
	drawn.Duration = plan.Duration(time.Minute)
	drawn.Workload.Options.Topics, drawn.Workload.Options.Partitions = plan.Set(1), plan.Set(1)
	change(drawn)
	subject := simkafka.New(drawn).(inspected)
	w, err := world.New(drawn, subject, world.Options{})
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
	c := &check.Circumstances{Plan: drawn, World: w, History: h, Image: subject.NewestImage,
		ClientName: subject.ClientName}
	for _, n := range drawn.Brokers() {
		c.Brokers = append(c.Brokers, n.Name)
	}
	p = check.NewPauses(c, limits.Default(), func(kafka.PartitionID) bool { return true },
		func(*checker.Produce, env.Instant) []world.Overdue {
			return []world.Overdue{{Name: "the produce"}}
		})
	return p, h, func(at time.Duration, acked bool) {
		op := like
		op.Call.At, op.Outcome = at, checker.Ambiguous
		h.Produces = append(h.Produces, op)
		i := len(h.Produces) - 1
		p.Began(i)
		if acked {
			h.Produces[i].Outcome, h.Produces[i].Return.At = checker.Acked, at+time.Millisecond
		}
		p.Ended(i)
	}
}

func TestAPauseWhereQuorumsStandIsFoundWithItsGraph(t *testing.T) {
	p, _, produce := pausing(t, func(*plan.Plan) {})
	produce(5*time.Second, true)
	for at := 6 * time.Second; at <= 6*time.Second+check.QuorumPause; at += time.Second {
		produce(at, false)
	}
	found, _ := p.FoundPauses()
	require.Empty(t, found)
	produce(7*time.Second+check.QuorumPause, false)
	found, stalls := p.FoundPauses()
	require.Len(t, found, 1)
	require.Equal(t, 1, stalls[0].Overdue)
	produce(8*time.Second+check.QuorumPause, false)
	found, _ = p.FoundPauses()
	require.Len(t, found, 1, "a partition is reported once")
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
			p, h, produce := pausing(t, func(p *plan.Plan) {
				p.Workload.Options.AckPauseMs,
					p.Workload.Options.AckPauseControllerMs = plan.Set(2000), plan.Set(3000)
			})
			produce(5*time.Second, true)
			for _, at := range c.terms {
				h.Controllers = append(h.Controllers,
					checker.ControllerFact{At: checker.Moment{At: at}})
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

func TestAPauseWithFewTriesOrUnderFaultsIsNotReported(t *testing.T) {
	for name, change := range map[string]func(*plan.Plan){
		"few tries": func(*plan.Plan) {},
		"a fault on the leader": func(p *plan.Plan) {
			p.Faults = []plan.Fault{{At: 3900 * plan.Millisecond, Kind: "slow", Target: "@leader",
				Amount: 2}}
		},
		"faults on most brokers": func(p *plan.Plan) {
			brokers := p.Brokers()
			for _, n := range brokers[:len(brokers)/2+1] {
				p.Faults = append(p.Faults, plan.Fault{At: 3900 * plan.Millisecond, Kind: "freeze",
					Target: n.Name})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, _, produce := pausing(t, change)
			produce(5*time.Second, true)
			step := time.Second
			if name == "few tries" {
				step = check.QuorumPause + time.Second
			}
			for at := 6 * time.Second; at <= 8*time.Second+check.QuorumPause; at += step {
				produce(at, false)
			}
			found, _ := p.FoundPauses()
			require.Empty(t, found)
		})
	}
}
