package campaign

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"example.com/lockstep/broker/mark"
	"example.com/lockstep/sim/pool"
	"example.com/lockstep/sim/world"
)

// Options say what to run and when to stop.
type Options struct {
	Scenarios   string // "all", or names with commas
	Seeds       Seeds
	Shard       Shard
	Workers     pool.Pool
	Budget      time.Duration // start no run after this real time; 0: run all seeds
	MaxFailures int           // start no run after this many have failed; 0: no bound
	Dir         string        // "": write no files
	Verbose     bool          // print the line of every run
	Full        bool          // print everything about a failure, not only its summary
	Marks       MarksDemand
	// Save, if set, is called for each failed run of a campaign with a directory, and
	// may write further files there. The paths of the run's files begin with base. The
	// summary links to base.html if it exists, else to base.txt.
	Save func(base string, r *world.Result) error
}

// MarksDemand says whether a campaign fails because of a mark that was never hit.
type MarksDemand string

const (
	MarksAuto MarksDemand = "auto" // if all scenarios were dealt and EnoughRuns have run
	MarksAll  MarksDemand = "all"
	MarksNone MarksDemand = "none"
)

// EnoughRuns is how many runs of all scenarios are enough to hit every mark.
const EnoughRuns = 5000

// ErrInterrupted says that a campaign was told to stop. The runs that have ended are
// kept.
var ErrInterrupted = errors.New("interrupted")

const (
	progressEvery = 10 * time.Second
	summaryEvery  = time.Minute
)

// Run runs a campaign and prints what happens to w. It returns an error if the campaign
// failed, or could not be run.
func Run(ctx context.Context, o Options, w io.Writer) (err error) {
	if err := o.Validate(); err != nil {
		return err
	}
	c := &campaign{options: o, out: w, tally: newTally(), began: time.Now()}
	c.progressAt, c.summaryAt = c.began, c.began
	if c.dealt, err = Deal(o.Scenarios); err != nil {
		return err
	}
	c.seeds = o.Seeds
	if o.Shard.Of > 1 {
		c.seeds = o.Shard.Part(o.Seeds)
	}
	if err := c.open(); err != nil {
		return err
	}
	c.run(ctx)
	return c.finish(ctx.Err() != nil)
}

// Validate reports the first option that is wrong.
func (o *Options) Validate() error {
	switch {
	case o.Seeds.Endless() && o.Budget == 0:
		return errors.New("seeds without end need --budget")
	case o.Seeds.Endless() && o.Shard.Of > 1:
		return errors.New("--shard needs seeds with an end")
	case o.Workers.Workers < 1:
		return errors.New("--workers must be at least 1")
	case o.Budget < 0 || o.MaxFailures < 0:
		return errors.New("--budget and --max-failures must not be negative")
	case o.Marks != "" && o.Marks != MarksAuto && o.Marks != MarksAll && o.Marks != MarksNone:
		return fmt.Errorf("--marks %s: want auto, all or none", o.Marks)
	}
	_, err := Deal(o.Scenarios)
	return err
}

// campaign is a campaign in progress.
type campaign struct {
	options  Options
	out      io.Writer
	dealt    []string
	seeds    Seeds
	identity Identity
	journal  *journal
	merged   []string // directories of the campaigns that were merged into this one
	tally    *tally
	began    time.Time
	earlier  time.Duration // campaign time of earlier sessions
	failed   int           // runs that failed in this session
	problem  error         // the directory could not be written: it ends the campaign
	stopped  string        // why no more runs were started; "": all seeds are done

	progressAt, summaryAt time.Time
	lateAt                int // number of runs at the last progress line
	lateFeatures          int // number of features known then
}

// open begins or continues the campaign's directory.
func (c *campaign) open() error {
	build, err := ThisBuild()
	if err != nil {
		return err
	}
	c.identity = Identity{
		Format: formatVersion, Build: build, Scenarios: c.dealt,
		Seeds: c.options.Seeds, Shard: c.options.Shard, Marks: mark.All(),
	}
	if c.options.Dir == "" {
		return nil
	}
	j, runs, err := openJournal(c.options.Dir, c.identity)
	if err != nil {
		return err
	}
	c.journal = j
	for i := range runs {
		c.tally.add(&runs[i])
	}
	c.earlier = c.tally.elapsed
	if len(runs) > 0 {
		fmt.Fprintf(c.out, "continuing: %d runs are done, %d of them failed\n", len(runs),
			c.tally.failed)
	}
	c.lateAt, c.lateFeatures = c.tally.runs, len(c.tally.features)
	return nil
}

func (c *campaign) elapsed() time.Duration { return c.earlier + time.Since(c.began) }

// run runs the seeds that are not done, until none is left or a bound is reached.
func (c *campaign) run(ctx context.Context) {
	begun := map[uint64]time.Time{} // by seed
	seed, ended := c.seeds.First, c.seeds.Count() == 0
	next := func() (pool.Job, bool) {
		for !ended && c.tally.done[seed] {
			ended = seed == c.seeds.Last
			seed++
		}
		switch o := &c.options; {
		case ended:
			return pool.Job{}, false
		case c.problem != nil:
			c.stopped = "the directory cannot be written"
		case o.Budget > 0 && time.Since(c.began) >= o.Budget:
			c.stopped = "the budget is spent"
		case o.MaxFailures > 0 && c.failed >= o.MaxFailures:
			c.stopped = fmt.Sprintf("%d runs failed", c.failed)
		}
		if c.stopped != "" {
			return pool.Job{}, false
		}
		job := pool.Job{Scenario: c.dealt[seed%uint64(len(c.dealt))], Seed: seed}
		ended = seed == c.seeds.Last
		seed++
		begun[job.Seed] = time.Now()
		return job, true
	}
	c.options.Workers.Stream(ctx, next, func(job pool.Job, r pool.JobResult) {
		wall := time.Since(begun[job.Seed])
		delete(begun, job.Seed)
		c.take(&r.Result, wall)
	})
}

// take takes the result of a run.
func (c *campaign) take(r *world.Result, wall time.Duration) {
	run := newEntry(r, c.elapsed(), wall)
	c.tally.add(&run)
	problem := c.journal.add(&run)
	if run.Failure != nil {
		c.failed++
		problem = errors.Join(problem, c.printFailure(r, run.Failure))
	} else if c.options.Verbose {
		fmt.Fprintln(c.out, r.Line())
	}
	now := time.Now()
	if now.Sub(c.progressAt) >= progressEvery {
		c.progressAt = now
		fmt.Fprintln(c.out, c.progress())
	}
	if now.Sub(c.summaryAt) >= summaryEvery {
		c.summaryAt = now
		problem = errors.Join(problem, c.save())
	}
	if c.problem == nil {
		c.problem = problem
	}
}

// printFailure prints a failed run and writes its files. A run with a fingerprint that
// has been printed before gets one line.
func (c *campaign) printFailure(r *world.Result, f *Failure) error {
	replay := ReplayCommand(r.Scenario, r.Seed)
	group := c.tally.groupOf(f.Fingerprint)
	if group.Runs > 1 && !c.options.Verbose {
		fmt.Fprintf(c.out, "FAILED %s seed %d, the %s with: %s\nreplay: %s\n", r.Scenario, r.Seed,
			ordinal(group.Runs), f.Fingerprint, replay)
	} else {
		text := r.Report()
		if !c.options.Full {
			text = strings.Join(r.Summary(""), "\n")
		}
		fmt.Fprintf(c.out, "FAILED %s seed %d\n%s\nreplay: %s\n", r.Scenario, r.Seed, text, replay)
	}
	if c.journal == nil {
		return nil
	}
	err := c.journal.saveFailure(r)
	if c.options.Save != nil {
		err = errors.Join(err, c.options.Save(filepath.Join(c.journal.dir,
			failureName(r.Scenario, r.Seed)), r))
	}
	return err
}

func ordinal(n int) string {
	switch {
	case n%10 == 1 && n%100 != 11:
		return strconv.Itoa(n) + "st"
	case n%10 == 2 && n%100 != 12:
		return strconv.Itoa(n) + "nd"
	case n%10 == 3 && n%100 != 13:
		return strconv.Itoa(n) + "rd"
	}
	return strconv.Itoa(n) + "th"
}

// progress is the line that is printed now and then.
func (c *campaign) progress() string {
	t := c.tally
	of := ""
	if !c.options.Seeds.Endless() {
		of = fmt.Sprintf("/%d", c.seeds.Count())
	}
	s := c.summary()
	line := fmt.Sprintf("%d%s runs, %d failed, %.0f seeds/min, %.0f events/s, %.1f virtual "+
		"hours, marks %d/%d, features %d (%d in the last %d runs)",
		t.runs, of, t.failed, s.SeedsPerMinute, s.EventsPerSecond, s.VirtualHours,
		t.marksHit(), len(t.marks), len(t.features), len(t.features)-c.lateFeatures,
		t.runs-c.lateAt)
	c.lateAt, c.lateFeatures = t.runs, len(t.features)
	return line
}

// demandsMarks reports whether a missed mark fails the campaign.
func (c *campaign) demandsMarks() bool {
	switch c.options.Marks {
	case MarksAll:
		return true
	case MarksNone:
		return false
	}
	return c.options.Scenarios == "all" && c.tally.runs >= EnoughRuns
}

// finish writes the files and prints the result of the campaign. It returns an error if
// the campaign failed.
func (c *campaign) finish(interrupted bool) error {
	t := c.tally
	if interrupted {
		c.stopped = "interrupted"
	}
	err := errors.Join(c.problem, c.save(), c.journal.close())
	fmt.Fprintln(c.out, c.progress())
	if c.stopped != "" {
		fmt.Fprintf(c.out, "stopped early: %s\n", c.stopped)
	}
	for _, g := range t.groups {
		fmt.Fprintf(c.out, "%d runs: %s\n  %s\n", g.Runs, g.Fingerprint, g.Replay)
	}
	missed := t.missed()
	if len(missed) > 0 && t.runs > 0 && (c.options.Scenarios == "all" ||
		c.options.Marks == MarksAll) {
		fmt.Fprintf(c.out, "%d marks were never hit:\n  %s\n", len(missed),
			strings.Join(missed, "\n  "))
	}
	if c.journal != nil {
		fmt.Fprintf(c.out, "summary: %s/summary.html\n", c.options.Dir)
	}
	if interrupted {
		err = errors.Join(err, ErrInterrupted)
	}
	if t.failed > 0 {
		err = errors.Join(err, fmt.Errorf("%d of %d runs failed; different fingerprints: %d",
			t.failed, t.runs, len(t.groups)))
	}
	if len(missed) > 0 && c.demandsMarks() && !interrupted {
		err = errors.Join(err, fmt.Errorf("%d of %d marks were never hit", len(missed),
			len(t.marks)))
	}
	return err
}

// save writes corpus and summary.
func (c *campaign) save() error {
	if c.journal == nil {
		return nil
	}
	return errors.Join(c.journal.saveCorpus(c.tally), c.saveSummary())
}
