package sim

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/meta"
)

// dumped is a loop with what a state can hold.
type dumped struct {
	number   int
	name     string
	list     []*dumpedPart
	byName   map[string]*dumpedPart
	bytes    []byte
	id       [4]byte
	self     *dumped
	any      any
	callback func()
	host     loop.Host
	empty    *dumpedPart //lint:ignore U1000 a dump leaves it out because it is nil
}

type dumpedPart struct{ x int }

func (*dumped) Start(env.Time)             {}
func (*dumped) Step(env.Time, *loop.Event) {}
func (*dumped) EndTurn(env.Time)           {}
func (*dumped) NextTimer() env.Instant     { return env.Never }

func newDumped() *dumped {
	a, b := &dumpedPart{1}, &dumpedPart{2}
	d := &dumped{
		number: 7, name: "n", list: []*dumpedPart{b, a}, byName: map[string]*dumpedPart{"b": b, "a": a},
		bytes: make([]byte, 100), id: [4]byte{1, 2, 3, 4}, any: *a, callback: func() {}, host: &loopHost{},
	}
	d.self = d
	return d
}

func TestADumpNamesEveryFieldAndNoAddress(t *testing.T) {
	want := []string{
		".number = 7", `.name = "n"`, ".list[0].x = 2", ".list[1].x = 1",
		`.byName["a"] = as .list[1](dumpedPart)`, `.byName["b"] = as .list[0](dumpedPart)`,
		".bytes = 100 bytes, ", ".id = 01020304", ".self = as (dumped)", ".any.x = 1", ".callback = a function",
	}
	got := dumpState(newDumped(), map[*meta.Image]string{})
	require.Len(t, got, len(want), "%q", got)
	for i := range want {
		require.True(t, strings.HasPrefix(got[i], want[i]), "%s, not %s", got[i], want[i])
	}
	for range 10 {
		require.Equal(t, got, dumpState(newDumped(), map[*meta.Image]string{}))
	}
}

func TestADumpFoldsWhatIsLong(t *testing.T) {
	d := &dumped{}
	for i := range 1000 {
		d.list = append(d.list, &dumpedPart{i})
	}
	images := map[*meta.Image]string{}
	before := dumpState(d, images)
	require.Less(t, len(before), 2*dumpShown+20)
	require.Contains(t, before, "len(.list) = 1000")
	d.list[500].x = -1
	after := dumpState(d, images)
	require.Len(t, without(after, before), 1, "a change in the folded part shows")
}

func TestTheFirstDifferentStateIsFound(t *testing.T) {
	a := []TurnState{
		{Record: 10, Where: "b1 loop 1", First: true, Lines: []string{".x = 1", ".y = 1"}},
		{Record: 14, Where: "b1 loop 2", Lines: []string{".z = 1"}},
		{Record: 19, Where: "b1 loop 1", Lines: []string{".x = 2"}},
	}
	require.False(t, firstStateDifference(a, a).found)
	b := append([]TurnState(nil), a...)
	b[1].Lines = []string{".z = 2"}
	d := firstStateDifference(a, b)
	require.Equal(t, stateDifference{found: true, Where: "b1 loop 2", Record: 14, A: []string{".z = 1"}, B: []string{".z = 2"}}, d)
	b[1].Where = "b2 loop 2"
	require.Equal(t, []string{"it is the turn of b2 loop 2"}, firstStateDifference(a, b).B)
}

// Watching states must not change a run, and must say the same in another
// process under another collector.
func TestStatesOfTheBrokerAreStableAndWatchedWithoutATrace(t *testing.T) {
	for _, job := range []Job{{Scenario: "steady", Seed: 5}, {Scenario: "churn", Seed: 2}} {
		plain, err := RunSeed(job.Scenario, job.Seed, Options{})
		require.NoError(t, err)
		job.TextFrom, job.TextUpTo, job.States = 6000, 8000, true
		a := (&Campaign{}).Run([]Job{job}, nil)[0]
		b := (&Campaign{Env: []string{"GOGC=10", "GOMAXPROCS=2"}}).Run([]Job{job}, nil)[0]
		require.Equal(t, plain.Line(), a.Result.Line(), "watching changes nothing")
		require.Equal(t, plain.Line(), b.Result.Line())
		require.NotEmpty(t, a.States)
		if d := firstStateDifference(a.States, b.States); d.found {
			t.Errorf("%s", &d)
		}
		require.Len(t, b.States, len(a.States))
		seen := map[string]bool{}
		for _, s := range a.States {
			seen[s.Where] = true
		}
		require.Greater(t, len(seen), 5, "all loops are watched")
	}
}
