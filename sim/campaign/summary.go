package campaign

import (
	"cmp"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Summary is the result of a campaign.
type Summary struct {
	Identity Identity `json:"campaign"`
	Stopped  string   `json:"stopped,omitempty"` // why some seeds have not run
	Workers  int      `json:"workers"`

	Runs            int     `json:"runs"`
	Failed          int     `json:"failed"`
	Events          uint64  `json:"events"`
	WallSeconds     float64 `json:"wall_seconds"`
	VirtualHours    float64 `json:"virtual_hours"`
	SeedsPerMinute  float64 `json:"seeds_per_minute"`
	EventsPerSecond float64 `json:"events_per_second"`
	// VirtualPerWall is virtual hours per second of real time.
	VirtualPerWall float64 `json:"virtual_hours_per_wall_second"`

	Failures   []*FailureGroup  `json:"failures"`
	Scenarios  []*ScenarioTally `json:"scenarios"`
	Marks      []MarkTally      `json:"marks"`
	Missed     []string         `json:"marks_never_hit"`
	Features   int              `json:"features"`
	Faults     []Count          `json:"faults"`     // that began, by kind
	Properties []Count          `json:"properties"` // operations and facts judged, by property
	// Excused are losses that recorded damage explains, by property.
	Excused []Count      `json:"excused"`
	Late    []CorpusSeed `json:"late"`   // the last runs that reached something new
	Growth  []Growth     `json:"growth"` // about growthPoints of them
}

// Count is a number of something named.
type Count struct {
	Name string `json:"name"`
	N    int    `json:"n"`
}

const (
	lateRuns     = 20
	growthPoints = 200
)

// summary sums up the runs so far.
func (c *campaign) summary() *Summary {
	t := c.tally
	elapsed := c.elapsed()
	seconds := max(elapsed.Seconds(), 1e-3)
	s := &Summary{
		Identity: c.identity, Stopped: c.stopped, Workers: c.options.Workers.Workers,
		Runs: t.runs, Failed: t.failed, Events: t.events,
		WallSeconds: elapsed.Round(time.Millisecond).Seconds(), VirtualHours: t.virtual.Hours(),
		SeedsPerMinute:  float64(t.runs) / seconds * 60,
		EventsPerSecond: float64(t.events) / seconds,
		VirtualPerWall:  t.virtual.Hours() / seconds,
		Failures:        t.groups, Marks: t.marks, Missed: t.missed(), Features: len(t.features),
		Faults: counts(t.faults), Properties: counts(t.judged), Excused: counts(t.excused),
		Growth: thin(t.growth, growthPoints),
	}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(c.dealt))) {
		if st := t.scenarios[name]; st != nil {
			s.Scenarios = append(s.Scenarios, st)
		}
	}
	for _, seed := range slices.Backward(t.corpus) {
		if len(s.Late) == lateRuns {
			break
		}
		if len(seed.Marks)+len(seed.Features) > 0 {
			s.Late = append(s.Late, seed)
		}
	}
	return s
}

func counts(m map[string]int) (out []Count) {
	for name, n := range m {
		out = append(out, Count{name, n})
	}
	slices.SortFunc(out, func(a, b Count) int { return naturally(a.Name, b.Name) })
	return out
}

// naturally puts P2 before P10.
func naturally(a, b string) int {
	if len(a) != len(b) && a != "" && b != "" && a[0] == 'P' && b[0] == 'P' {
		return cmp.Compare(len(a), len(b))
	}
	return cmp.Compare(a, b)
}

// thin keeps about n points of a curve, the last one included.
func thin(points []Growth, n int) []Growth {
	step := len(points)/n + 1
	var kept []Growth
	for i := (len(points) - 1) % step; i >= 0 && i < len(points); i += step {
		kept = append(kept, points[i])
	}
	return kept
}

func (c *campaign) saveSummary() error {
	for _, g := range c.tally.groups {
		g.Report = c.reportOf(g.Seeds[0])
	}
	s := c.summary()
	page, err := s.page()
	if err != nil {
		return err
	}
	dir := c.journal.dir
	return errors.Join(
		writeFile(filepath.Join(dir, "summary.json"), s),
		replaceFile(filepath.Join(dir, "summary.html"), page))
}

// reportOf is the path of the best file about a failed run, relative to the summary; ""
// if there is none.
func (c *campaign) reportOf(s Seed) string {
	for _, ending := range []string{".html", ".txt"} {
		for _, dir := range append([]string{c.journal.dir}, c.merged...) {
			path := filepath.Join(dir, failureName(s.Scenario, s.Seed)+ending)
			if _, err := os.Stat(path); err != nil {
				continue
			}
			if relative, err := filepath.Rel(c.journal.dir, path); err == nil {
				return filepath.ToSlash(relative)
			}
		}
	}
	return ""
}

func (j *journal) saveCorpus(t *tally) error {
	return writeFile(filepath.Join(j.dir, "corpus.json"), t.corpus)
}
