package campaign

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/mark"
	"example.com/lockstep/sim/pool"
	"example.com/lockstep/sim/world"
)

// TestMain makes the test binary a worker when it is started as one.
func TestMain(m *testing.M) {
	pool.ServeIfWorker()
	os.Exit(m.Run())
}

func options(t *testing.T, scenarios, seeds, dir string) Options {
	s, err := ParseSeeds(seeds)
	require.NoError(t, err)
	return Options{Scenarios: scenarios, Seeds: s, Workers: pool.Pool{Workers: 1}, Dir: dir,
		MaxFailures: 10}
}

// run runs a campaign and returns what it printed.
func run(t *testing.T, o Options) (string, error) {
	var out bytes.Buffer
	err := Run(context.Background(), o, &out)
	return out.String(), err
}

func entries(t *testing.T, dir string) (out []Entry) {
	text, err := os.ReadFile(filepath.Join(dir, journalFile))
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		var e Entry
		require.NoError(t, json.Unmarshal([]byte(line), &e), line)
		out = append(out, e)
	}
	return out
}

func summaryOf(t *testing.T, dir string) (s Summary) {
	text, err := os.ReadFile(filepath.Join(dir, "summary.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &s))
	return s
}

func TestACampaignDealsSeedsAndSumsUpWhatTheyReached(t *testing.T) {
	dir := t.TempDir()
	out, err := run(t, options(t, "toy,crash", "4-9", dir))
	require.NoError(t, err, out)
	require.Contains(t, out, "6/6 runs, 0 failed")
	done := map[uint64]string{}
	for _, e := range entries(t, dir) {
		done[e.Seed] = e.Scenario
		require.Len(t, e.Trace, 16)
		require.Len(t, e.Marks, len(mark.All()))
	}
	require.Equal(t, map[uint64]string{4: "toy", 5: "crash", 6: "toy", 7: "crash", 8: "toy",
		9: "crash"}, done)

	s := summaryOf(t, dir)
	require.Equal(t, 6, s.Runs)
	require.Positive(t, s.EventsPerSecond)
	require.Positive(t, s.SeedsPerMinute)
	require.Positive(t, s.VirtualPerWall)
	require.Positive(t, s.Features)
	require.NotEmpty(t, s.Faults)
	require.Equal(t, "P1", s.Properties[0].Name)
	require.Positive(t, s.Properties[0].N)
	require.NotEmpty(t, s.Missed, "six runs do not reach everything")
	require.Len(t, s.Marks, len(mark.All()))

	var corpus []CorpusSeed
	text, err := os.ReadFile(filepath.Join(dir, "corpus.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &corpus))
	require.NotEmpty(t, corpus)
	require.NotEmpty(t, corpus[0].Marks)
}

func TestACampaignIsContinuedWhereItStopped(t *testing.T) {
	whole, parts := t.TempDir(), t.TempDir()
	_, err := run(t, options(t, "crash", "1-5", whole))
	require.NoError(t, err)

	o := options(t, "crash", "1-5", parts)
	o.Budget = time.Nanosecond // one run per session at most
	for range 2 {
		_, err = run(t, o)
		require.NoError(t, err)
	}
	require.Empty(t, entries(t, parts), "a budget that is spent starts nothing")

	first := options(t, "crash", "1-5", parts)
	ctx, cancel := context.WithCancel(context.Background())
	first.Save, first.Verbose = nil, true
	err = Run(ctx, first, writer(func(p []byte) {
		if strings.HasPrefix(string(p), "seed=2 ") {
			cancel() // as Ctrl-C does, after the second run
		}
	}))
	require.ErrorIs(t, err, ErrInterrupted)
	require.Len(t, entries(t, parts), 2)

	// The campaign was killed while it wrote a line.
	journal := filepath.Join(parts, journalFile)
	text, err := os.ReadFile(journal)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(journal, append(text, `{"at_ms":1,"scen`...), 0o644))

	out, err := run(t, options(t, "crash", "1-5", parts))
	require.NoError(t, err)
	require.Contains(t, out, "continuing: 2 runs are done")
	require.Contains(t, out, "5/5 runs")
	a, b := summaryOf(t, whole), summaryOf(t, parts)
	require.Equal(t, a.Marks, b.Marks, "what was reached does not depend on the interruptions")
	require.Equal(t, a.Features, b.Features)
	require.Equal(t, a.Events, b.Events)
	require.Equal(t, a.Growth, b.Growth)
	for i, e := range entries(t, whole) {
		require.Equal(t, e.Trace, entries(t, parts)[i].Trace)
	}

	out, err = run(t, options(t, "crash", "1-5", parts))
	require.NoError(t, err)
	require.Contains(t, out, "continuing: 5 runs are done")
	require.Len(t, entries(t, parts), 5, "no seed is left to run")
}

type writer func(p []byte)

func (w writer) Write(p []byte) (int, error) { w(p); return len(p), nil }

func TestAnotherCampaignsDirectoryIsRefused(t *testing.T) {
	dir := t.TempDir()
	_, err := run(t, options(t, "toy", "1-2", dir))
	require.NoError(t, err)

	_, err = run(t, options(t, "toy", "1-3", dir))
	require.ErrorContains(t, err, "holds another campaign: its seeds are 1-2 of shard")
	_, err = run(t, options(t, "crash", "1-2", dir))
	require.ErrorContains(t, err, "holds another campaign: its scenarios are different")
	o := options(t, "toy", "1-2", dir)
	o.Shard = Shard{1, 2}
	_, err = run(t, o)
	require.ErrorContains(t, err, "holds another campaign")

	path := filepath.Join(dir, identityFile)
	var id Identity
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &id))
	id.Build.Program, id.Build.Revision = strings.Repeat("0", 64), "abc"
	require.NoError(t, writeFile(path, id))
	_, err = run(t, options(t, "toy", "1-2", dir))
	require.ErrorContains(t, err, "it ran abc")
	require.ErrorContains(t, err, "name another directory")

	require.NoError(t, os.Remove(path))
	_, err = run(t, options(t, "toy", "1-2", dir))
	require.ErrorContains(t, err, "not a campaign's directory")

	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	_, err = run(t, options(t, "toy", "1-2", file))
	require.ErrorContains(t, err, "--out")
}

func TestADirectoryHasOneCampaignAtATime(t *testing.T) {
	dir := t.TempDir()
	id := Identity{Format: formatVersion}
	j, _, err := openJournal(dir, id)
	require.NoError(t, err)
	_, _, err = openJournal(dir, id)
	require.ErrorContains(t, err, "another campaign is running there")
	require.NoError(t, j.close())
	j, _, err = openJournal(dir, id)
	require.NoError(t, err)
	require.NoError(t, j.close())
}

func TestADamagedJournalIsNotIgnored(t *testing.T) {
	dir := t.TempDir()
	_, err := run(t, options(t, "toy", "1-2", dir))
	require.NoError(t, err)
	path := filepath.Join(dir, journalFile)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	text[0] = '#'
	require.NoError(t, os.WriteFile(path, text, 0o644))
	_, err = run(t, options(t, "toy", "1-2", dir))
	require.ErrorContains(t, err, "journal.jsonl, line 1")
}

func TestFailuresAreGroupedAndLeaveTheirFiles(t *testing.T) {
	dir := t.TempDir()
	o := options(t, "toy-stamp-late", "1-3", dir)
	saved := 0
	o.Save = func(base string, r *world.Result) error {
		saved++
		return os.WriteFile(base+".html", []byte(r.Line()), 0o644)
	}
	out, err := run(t, o)
	require.ErrorContains(t, err, "3 of 3 runs failed; different fingerprints: 1")
	require.Contains(t, out, "FAILED toy-stamp-late seed 1\n")
	require.Contains(t, out, "replay: lockstep sim --scenario toy-stamp-late --seeds 1 --verbose\n")
	require.Contains(t, out, "FAILED toy-stamp-late seed 2, the 2nd with: ")
	require.Equal(t, 3, saved)
	s := summaryOf(t, dir)
	require.Len(t, s.Failures, 1)
	require.Equal(t, 3, s.Failures[0].Runs)
	require.Equal(t, "toy-stamp-late-1.html", s.Failures[0].Report)
	require.Len(t, s.Failures[0].Seeds, 3)
	report, err := os.ReadFile(filepath.Join(dir, "toy-stamp-late-1.txt"))
	require.NoError(t, err)
	require.Contains(t, string(report), "broken: ")
	require.FileExists(t, filepath.Join(dir, "toy-stamp-late-3.json"))

	o = options(t, "toy-stamp-late", "1-9", "")
	o.MaxFailures = 2
	out, err = run(t, o)
	require.ErrorContains(t, err, "2 of 2 runs failed")
	require.Contains(t, out, "stopped early: 2 runs failed")
}

func TestAMarkThatIsNeverHitFailsACampaignThatDemandsAll(t *testing.T) {
	o := options(t, "toy", "1", "")
	o.Marks = MarksAll
	out, err := run(t, o)
	demanded := slices.DeleteFunc(mark.All(),
		func(name string) bool { return !mark.Demanded(name) })
	require.ErrorContains(t, err, fmt.Sprintf("%d of %d marks were never hit", len(demanded),
		len(mark.All())))
	require.Contains(t, out, "wal: a torn tail is cut")

	o.Marks = MarksAuto
	_, err = run(t, o)
	require.NoError(t, err, "one seed of one scenario need not hit any mark")

	c := &campaign{options: Options{Scenarios: "all", Marks: MarksAuto}, tally: newTally()}
	require.False(t, c.demandsMarks())
	c.tally.runs = EnoughRuns
	require.True(t, c.demandsMarks())
	c.options.Marks = MarksNone
	require.False(t, c.demandsMarks())
}

func TestShardsOfACampaignRunEachSeedOnce(t *testing.T) {
	done := map[uint64]int{}
	for i := range uint64(3) {
		dir := t.TempDir()
		o := options(t, "toy", "1-7", dir)
		o.Shard = Shard{i, 3}
		_, err := run(t, o)
		require.NoError(t, err)
		for _, e := range entries(t, dir) {
			done[e.Seed]++
		}
	}
	require.Equal(t, map[uint64]int{1: 1, 2: 1, 3: 1, 4: 1, 5: 1, 6: 1, 7: 1}, done)

	o := options(t, "toy", "1-2", "")
	o.Shard = Shard{4, 5}
	out, err := run(t, o)
	require.NoError(t, err)
	require.Contains(t, out, "0/0 runs", "a part may be empty")
}

func TestOptionsThatCannotBeRunAreRefused(t *testing.T) {
	for want, change := range map[string]func(o *Options){
		"need --budget": func(o *Options) { o.Seeds, _ = ParseSeeds("1-") },
		"--shard needs seeds": func(o *Options) {
			o.Seeds, _ = ParseSeeds("1-")
			o.Budget = 1
			o.Shard = Shard{0, 2}
		},
		"--workers must be":       func(o *Options) { o.Workers.Workers = 0 },
		"must not be negative":    func(o *Options) { o.MaxFailures = -1 },
		"--marks some: want":      func(o *Options) { o.Marks = "some" },
		"no scenario \"no such\"": func(o *Options) { o.Scenarios = "no such" },
		"there are: mix":          func(o *Options) { o.Scenarios = "" },
		"toy is named twice":      func(o *Options) { o.Scenarios = "toy,toy" },
	} {
		o := options(t, "toy", "1", "")
		change(&o)
		_, err := run(t, o)
		require.ErrorContains(t, err, want)
	}
}

func TestThePageStandsAlone(t *testing.T) {
	dir := t.TempDir()
	_, err := run(t, options(t, "toy-stamp-late,crash", "1-4", dir))
	require.Error(t, err)
	page, err := os.ReadFile(filepath.Join(dir, "summary.html"))
	require.NoError(t, err)
	text := string(page)
	for _, want := range []string{"seeds per minute", "virtual hours per wall second", "<polyline",
		"toy-stamp-late-2.txt", "wal: a torn tail is cut", "P10", "power-off"} {
		require.Contains(t, text, want)
	}
	require.NotContains(t, text, "http", "the page refers to nothing outside the directory")
	require.NotContains(t, text, "<no value>")
}

func TestGrowthIsThinnedToItsEnd(t *testing.T) {
	var points []Growth
	for i := range 1001 {
		points = append(points, Growth{Run: i})
	}
	kept := thin(points, 200)
	require.LessOrEqual(t, len(kept), 201)
	require.Equal(t, 1000, kept[len(kept)-1].Run)
	require.Empty(t, thin(nil, 200))
}

func TestShardsAreMergedIntoOneSummary(t *testing.T) {
	whole := t.TempDir()
	_, err := run(t, options(t, "toy-stamp-late,crash", "1-6", whole))
	require.Error(t, err)
	var parts []string
	for i := range uint64(2) {
		o := options(t, "toy-stamp-late,crash", "1-6", filepath.Join(t.TempDir(), "part"))
		o.Shard = Shard{i, 2}
		_, err := run(t, o)
		require.Error(t, err)
		parts = append(parts, o.Dir)
	}
	var out bytes.Buffer
	dir := filepath.Join(t.TempDir(), "all")
	err = Merge(dir, parts, MarksNone, &out)
	require.ErrorContains(t, err, "3 of 6 runs failed")
	a, b := summaryOf(t, whole), summaryOf(t, dir)
	require.Equal(t, a.Runs, b.Runs)
	require.Equal(t, a.Features, b.Features)
	require.Equal(t, a.Missed, b.Missed)
	require.Equal(t, a.Events, b.Events)
	require.Len(t, b.Failures, 1)
	require.FileExists(t, filepath.Join(dir, b.Failures[0].Report),
		"the summary links to a shard's report")

	err = Merge(dir, parts[:1], MarksAll, &out)
	require.ErrorContains(t, err, "marks were never hit")
	require.Contains(t, out.String(), "stopped early: 3 seeds were not run")
	require.ErrorContains(t, Merge(dir, []string{parts[0], parts[0]}, MarksNone, &out),
		"are both shard 0/2")
	require.ErrorContains(t, Merge(dir, []string{parts[0], whole}, MarksNone, &out),
		"was run twice")
	require.ErrorContains(t, Merge(dir, []string{t.TempDir()}, MarksNone, &out),
		"not a campaign's directory")
	require.Error(t, Merge(dir, nil, MarksNone, &out))
	other := t.TempDir()
	_, err = run(t, options(t, "crash", "1", other))
	require.NoError(t, err)
	require.ErrorContains(t, Merge(dir, []string{parts[0], other}, MarksNone, &out),
		"does not belong to the others")
}
