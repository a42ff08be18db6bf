package explain

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/sim"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/pool"
	"example.com/lockstep/sim/world"
)

// TestMain makes the test binary a worker when it is started as one.
func TestMain(m *testing.M) {
	pool.ServeIfWorker()
	os.Exit(m.Run())
}

// lostToss is a plan in which a coin is tossed and lost: see the scenario toy-coin.
func lostToss(t *testing.T) *plan.Plan {
	for seed := range uint64(40) {
		p, err := sim.NewPlan("toy-coin", seed)
		require.NoError(t, err)
		p.Duration, p.Workload.Every = plan.Duration(900*time.Millisecond),
			plan.Duration(10*time.Millisecond)
		if r, err := sim.RunPlan(p, world.Options{}); err == nil && r.Verdict == world.Fail {
			return p
		}
	}
	t.Fatal("no seed loses the toss")
	return nil
}

var workers = pool.Pool{Workers: 2, Timeout: time.Minute}

func TestThePointOfNoReturnIsTheToss(t *testing.T) {
	plan := lostToss(t)
	e, err := Explain(context.Background(), plan, Options{Workers: workers, Futures: 6, Points: 3})
	require.NoError(t, err)
	require.NotNil(t, e.Before)
	require.True(t, e.Exact)
	require.Equal(t, e.From.Futures, e.From.Fail, "after the toss all fail")
	require.Less(t, e.Before.Fail*2, e.Before.Futures, "before it about one in four fails")
	toss := -1
	for i, line := range e.Records {
		if strings.HasSuffix(line, "the coin is tossed") {
			require.Negative(t, toss)
			toss = i
			number := uint64(0)
			_, err := fmt.Sscanf(line, "#%d", &number)
			require.NoError(t, err)
			require.GreaterOrEqual(t, number, e.Before.Records)
			require.Less(t, number, e.From.Records)
		}
	}
	require.GreaterOrEqual(t, toss, 0, "%s", e)
	require.Contains(t, e.String(), "the point of no return is event")
	require.NotEmpty(t, e.Milestones)
}

func TestOneEventCanBeTried(t *testing.T) {
	plan := lostToss(t)
	at := uint64(50)
	e, err := Explain(context.Background(), plan, Options{Workers: workers, Futures: 4, At: &at})
	require.NoError(t, err)
	require.Len(t, e.Points, 1)
	require.Less(t, e.Points[0].Fail, 4)
	require.Nil(t, e.From)
	require.NotEmpty(t, e.Records)

	at = 1 << 40
	_, err = Explain(context.Background(), plan, Options{Workers: workers, Futures: 4, At: &at})
	require.ErrorContains(t, err, "is over before event")
}

func TestAFailureThatThePlanCausesIsCertainFromTheBeginning(t *testing.T) {
	p, err := sim.NewPlan("toy-panic", 1)
	require.NoError(t, err)
	p.Faults, p.Workload.Every = nil, plan.Duration(time.Millisecond)
	e, err := Explain(context.Background(), p, Options{Workers: workers, Futures: 4, Points: 2})
	require.NoError(t, err)
	require.Nil(t, e.Before)
	require.Contains(t, e.String(), "certain from the beginning")
}

func TestARunThatPassesIsNotExplained(t *testing.T) {
	plan, err := sim.NewPlan("toy", 1)
	require.NoError(t, err)
	_, err = Explain(context.Background(), plan, Options{Workers: workers})
	require.ErrorIs(t, err, ErrPasses)
}

func TestTheLastEventIsNotTried(t *testing.T) {
	e := &explaining{options: Options{Points: 10}, base: world.Result{Events: 90},
		milestones: []world.Milestone{
			{Event: 0, Key: "start b1 incarnation 1"}, {Event: 40, Key: "controller b1 term 2"},
			{Event: 40, Key: "unfenced b1"},
			{Event: 90, Key: "leader t0/0 b1 epoch 0"},
			{Event: 90, Kind: plan.PropertyViolated, Key: "failure P5"},
		}}
	require.Equal(t, []uint64{0, 40}, e.choose())
}
