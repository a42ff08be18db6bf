package scenario

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/mutants"
	"example.com/lockstep/sim/plan"
)

// Every seed of every story draws a plan that can run, and each kind of fault in a story
// exists.
func TestStoriesDrawPlansThatCanRun(t *testing.T) {
	stories, err := Stories()
	require.NoError(t, err)
	require.NotEmpty(t, stories)
	for _, s := range stories {
		for seed := range uint64(20) {
			plan, err := NewPlan(s.Name, seed)
			require.NoError(t, err)
			require.NoError(t, plan.Validate(), s.Name)
		}
		for _, trouble := range s.Faults {
			for _, step := range trouble.steps() {
				for _, s := range append(step.OneOf, step) {
					for _, kind := range s.Kind {
						require.NotNil(t, plan.FindFaultKind(kind), kind)
					}
				}
			}
		}
	}
}

// A story lists the planted bugs that it shows, and the table of planted bugs lists the
// story.
func TestStoriesAndPlantedBugsNameEachOther(t *testing.T) {
	stories, err := Stories()
	require.NoError(t, err)
	shown := map[string][]string{}
	for _, s := range stories {
		shown[s.Name] = s.Shows
		for _, bug := range s.Shows {
			m, ok := mutants.Find(bug)
			require.True(t, ok, "%s shows %s, which is not planted", s.Name, bug)
			require.Contains(t, m.Scenarios, s.Name, bug)
		}
	}
	for _, m := range mutants.Table() {
		for _, scenario := range m.Scenarios {
			if shows, story := shown[scenario]; story {
				require.Contains(t, shows, m.ID, scenario)
			}
		}
	}
}

func TestMistakesInAStoryAreRefused(t *testing.T) {
	const good = "name: x\ndescription: d\nnodes: 3..5\nduration: 9s\n"
	parse := func(text string) error {
		var s Story
		if err := decodeStrictly([]byte(text), &s); err != nil {
			return err
		}
		return s.validate("x")
	}
	require.NoError(t, parse(good+"faults: [{at: 1s..2s, kind: kill, target: b1}]\n"))
	for _, bad := range []string{
		"duratoin: 3s\n",
		"hardware: soft\n",
		"faults: [{at: 2s..1s, kind: kill, target: b1}]\n",
		"faults: [{at: soon, kind: kill, target: b1}]\n",
		"faults: [{at: 1s, target: b1}]\n",
		"faults: [{at: 1s, kind: kill}]\n",
		"faults: [{at: 1s, every: 1s, kind: kill, target: b1}]\n",
		"faults: [{at: 1s, pick: [a, b, c, d], kind: kill, target: '{a}'}]\n",
		"faults: [{at: 1s, kind: kill, target: b1, steps: [{kind: kill, target: b1}]}]\n",
		"workload: {producers: many}\n",
	} {
		require.Error(t, parse(good+bad), bad)
	}
	require.Error(t, parse("name: y\ndescription: d\nnodes: 3\nduration: 9s\n"),
		"the file has another name")
}

// The faults of a trouble are its rounds times its steps, with picks and stars replaced.
func TestATroubleDrawsTheFaultsOfAllItsRounds(t *testing.T) {
	var trouble Trouble
	require.NoError(t, decodeStrictly([]byte(`
at: 4s
every: 5s
until: 14s
pick: [a]
steps:
  - {kind: kill, target: b2, for: 1s}
  - {after: 500ms, kind: cut, target: "{a}-*", for: 2s}
  - {then: 100ms, kind: [freeze, slow], target: b3, amount: 2..9}
`), &trouble))
	faults := trouble.draw(env.NewRand(1, 2), 3)
	require.Len(t, faults, 2*(1+2+1), "two rounds; the star is two links")
	require.Equal(t, plan.Fault{At: 4 * plan.Second, Kind: "kill", Target: "b2", For: plan.Second},
		faults[0])
	require.Equal(t, 4500*plan.Millisecond, faults[1].At)
	require.Equal(t, 6600*plan.Millisecond, faults[3].At, "100 ms after the end of the step before")
	require.Contains(t, []string{"freeze", "slow"}, faults[3].Kind)
	require.GreaterOrEqual(t, faults[3].Amount, int64(2))
	require.Equal(t, 9*plan.Second, faults[4].At)
}

func TestRegressionsNameScenariosAndReasons(t *testing.T) {
	regressions, err := Regressions()
	require.NoError(t, err)
	for _, r := range regressions {
		require.NotEmpty(t, r.Why, r.Name)
		name := r.Scenario
		if r.Plan != nil {
			name = r.Plan.Scenario
		} else {
			require.NotEmpty(t, r.Seeds, r.Name)
		}
		_, err := Find(name)
		require.NoError(t, err, r.Name)
	}
}
