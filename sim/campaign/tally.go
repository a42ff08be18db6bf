package campaign

import (
	"slices"
	"strconv"
	"time"

	"example.com/lockstep/broker/mark"
)

// tally sums up the runs, in the order of the journal.
type tally struct {
	runs      int
	failed    int
	events    uint64
	virtual   time.Duration
	elapsed   time.Duration // campaign time of the last run
	done      map[uint64]bool
	scenarios map[string]*ScenarioTally
	marks     []MarkTally // in the order of mark.All
	features  map[string]bool
	faults    map[string]int
	judged    map[string]int
	excused   map[string]int
	groups    []*FailureGroup // in the order of their first run
	corpus    []CorpusSeed
	growth    []Growth
}

// ScenarioTally sums up the runs of one scenario.
type ScenarioTally struct {
	Scenario string  `json:"scenario"`
	Runs     int     `json:"runs"`
	Failed   int     `json:"failed"`
	Events   uint64  `json:"events"`
	Virtual  float64 `json:"virtual_hours"`
	Wall     float64 `json:"wall_seconds"` // summed over the workers
}

// MarkTally says how often a mark was hit.
type MarkTally struct {
	Mark     string `json:"mark"`
	Runs     int    `json:"runs"`   // that hit it
	Visits   uint64 `json:"visits"` // in all runs
	Scenario string `json:"first_scenario,omitempty"`
	Seed     uint64 `json:"first_seed,omitempty"`
}

// FailureGroup sums up the failed runs with one fingerprint.
type FailureGroup struct {
	Fingerprint string `json:"fingerprint"`
	Property    string `json:"property"`
	Where       string `json:"where,omitempty"`
	Detail      string `json:"detail,omitempty"`
	Runs        int    `json:"runs"`
	Seeds       []Seed `json:"seeds"`            // the first ones
	Replay      string `json:"replay"`           // command that runs the first again
	Report      string `json:"report,omitempty"` // file beside the summary
}

// Seed names a run.
type Seed struct {
	Scenario string `json:"scenario"`
	Seed     uint64 `json:"seed"`
}

// CorpusSeed is a run that reached something new, or failed.
type CorpusSeed struct {
	Seed
	Run      int      `json:"run"` // its number in the campaign, from 1 on
	Marks    []string `json:"new_marks,omitempty"`
	Features []string `json:"new_features,omitempty"`
	Failure  string   `json:"failure,omitempty"` // fingerprint
}

// Growth says what was known after a run that reached something new.
type Growth struct {
	Run      int `json:"run"`
	Marks    int `json:"marks"`
	Features int `json:"features"`
}

func newTally() *tally {
	t := &tally{
		done: map[uint64]bool{}, scenarios: map[string]*ScenarioTally{},
		features: map[string]bool{}, faults: map[string]int{}, judged: map[string]int{},
		excused: map[string]int{},
	}
	for _, name := range mark.All() {
		t.marks = append(t.marks, MarkTally{Mark: name})
	}
	return t
}

// add adds a run. It removes known features from the run's list of new ones, so that
// the journal holds each feature once.
func (t *tally) add(run *Entry) {
	t.runs++
	t.done[run.Seed] = true
	t.events += run.Events
	virtual := time.Duration(run.VirtualMs) * time.Millisecond
	t.virtual += virtual
	t.elapsed = max(t.elapsed, time.Duration(run.AtMs)*time.Millisecond)
	s := t.scenarios[run.Scenario]
	if s == nil {
		s = &ScenarioTally{Scenario: run.Scenario}
		t.scenarios[run.Scenario] = s
	}
	s.Runs++
	s.Events += run.Events
	s.Virtual += virtual.Hours()
	s.Wall += float64(run.WallMs) / 1000
	for kind, n := range run.Faults {
		t.faults[kind] += n
	}
	for property, n := range run.Judged {
		t.judged[property] += n
	}
	for property, n := range run.Excused {
		t.excused[property] += n
	}
	found := CorpusSeed{Seed: Seed{run.Scenario, run.Seed}, Run: t.runs}
	for i, n := range run.Marks[:min(len(run.Marks), len(t.marks))] {
		if n == 0 {
			continue
		}
		m := &t.marks[i]
		if m.Runs++; m.Runs == 1 {
			m.Scenario, m.Seed = run.Scenario, run.Seed
			found.Marks = append(found.Marks, m.Mark)
		}
		m.Visits += n
	}
	run.NewFeatures = slices.DeleteFunc(slices.Clone(run.NewFeatures),
		func(f string) bool { return t.features[f] })
	for _, f := range run.NewFeatures {
		t.features[f] = true
	}
	found.Features = run.NewFeatures
	if len(found.Marks)+len(found.Features) > 0 {
		t.growth = append(t.growth, Growth{t.runs, t.marksHit(), len(t.features)})
	}
	if run.Failure != nil {
		t.failed++
		s.Failed++
		found.Failure = run.Failure.Fingerprint
		t.group(run)
	}
	if len(found.Marks)+len(found.Features) > 0 || found.Failure != "" {
		t.corpus = append(t.corpus, found)
	}
}

// seedsPerGroup bounds the seeds that are listed for one fingerprint.
const seedsPerGroup = 20

func (t *tally) group(run *Entry) {
	g := t.groupOf(run.Failure.Fingerprint)
	if g == nil {
		g = &FailureGroup{
			Fingerprint: run.Failure.Fingerprint, Property: run.Failure.Property,
			Where:  run.Failure.Where,
			Detail: run.Failure.Detail, Replay: ReplayCommand(run.Scenario, run.Seed),
		}
		t.groups = append(t.groups, g)
	}
	g.Runs++
	if len(g.Seeds) < seedsPerGroup {
		g.Seeds = append(g.Seeds, Seed{run.Scenario, run.Seed})
	}
}

// groupOf finds the failures with a fingerprint; nil if there are none.
func (t *tally) groupOf(fingerprint string) *FailureGroup {
	for _, g := range t.groups {
		if g.Fingerprint == fingerprint {
			return g
		}
	}
	return nil
}

func (t *tally) marksHit() (n int) {
	for i := range t.marks {
		if t.marks[i].Runs > 0 {
			n++
		}
	}
	return n
}

// missed are the marks that no run has hit, without those that no campaign is required
// to hit.
func (t *tally) missed() (names []string) {
	for i := range t.marks {
		if t.marks[i].Runs == 0 && mark.Demanded(t.marks[i].Mark) {
			names = append(names, t.marks[i].Mark)
		}
	}
	return names
}

// ReplayCommand is the command that runs one seed again.
func ReplayCommand(scenario string, seed uint64) string {
	return "lockstep sim --scenario " + scenario + " --seeds " +
		strconv.FormatUint(seed, 10) + " --verbose"
}
