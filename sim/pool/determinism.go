package pool

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"example.com/lockstep/sim/world"
)

// Divergence says where two runs of one job differ that should have been equal.
type Divergence struct {
	Job     Job
	A, B    string // the two result lines
	Record  uint64 // number of the first record that differs; meaningful if Located
	Located bool   // whether a repetition showed the difference again
	// Coverage names what was reached by one run only, if the traces are equal.
	Coverage string
	Before   []string // the last equal records
	LineA    string   // the first record that differs, in each run
	LineB    string
	// State is the first state that differs, in a repetition that located the
	// record. States may differ before records do: a trace shows only what a loop
	// does with its state.
	State stateDifference
	// SettingA and SettingB name the settings of the runs, if a [DeterminismCheck]
	// compared them.
	SettingA, SettingB string
}

func (d *Divergence) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "two runs of %s seed %d differ:\n  A:  %s%s\n  B:  %s%s\n",
		d.Job.Scenario, d.Job.Seed, d.A, under(d.SettingA), d.B, under(d.SettingB))
	if d.Coverage != "" {
		fmt.Fprintf(&b, "their traces are equal, but they reached different things: %s\n",
			d.Coverage)
		return b.String()
	}
	if !d.Located {
		b.WriteString("when both were run again, they did not differ in the same interval of " +
			"records\n")
		return b.String()
	}
	fmt.Fprintf(&b, "the first record that differs is #%d:\n", d.Record)
	for _, line := range d.Before {
		fmt.Fprintf(&b, "      %s\n", line)
	}
	fmt.Fprintf(&b, "  A:  %s\n  B:  %s\n", d.LineA, d.LineB)
	b.WriteString(d.State.String())
	return b.String()
}

func under(setting string) string {
	if setting == "" {
		return ""
	}
	return " (" + setting + ")"
}

const (
	// locateAttempts is how often both runs are repeated, with text and states, to
	// locate a difference.
	locateAttempts = 8
	// locateIntervals bounds the intervals that one attempt covers.
	locateIntervals = 16
)

// CheckDeterminism runs a job once in each of two pools, each time in a fresh
// process, and says where the runs differ; nil if they are equal. The pools may
// differ in GOMAXPROCS, GOGC or the program.
func CheckDeterminism(job Job, a, b Pool) *Divergence {
	ctx := context.Background()
	ra, rb := a.fresh(ctx, job), b.fresh(ctx, job)
	return compareRuns(job, &ra.Result, &rb.Result, func(job Job) (JobResult, JobResult) {
		return a.fresh(ctx, job), b.fresh(ctx, job)
	})
}

// compareRuns says where two runs of a job differ; nil if they are equal. again
// repeats both.
func compareRuns(job Job, a, b *world.Result, again func(Job) (JobResult, JobResult)) *Divergence {
	if a.Equal(b) {
		return nil
	}
	d := &Divergence{Job: job, A: a.Line(), B: b.Line()}
	if d.A == d.B && a.Records == b.Records {
		d.Coverage = differentCoverage(&a.Coverage, &b.Coverage)
		return d
	}
	interval := firstDifferentInterval(a.Checkpoints, b.Checkpoints)
	low, high := interval, interval
	for range locateAttempts {
		// What differs by chance differs elsewhere the next time. So the window
		// covers all intervals seen so far, up to its bound.
		low, high = min(low, interval), max(high, interval)
		low = max(low, high-min(high, locateIntervals))
		from := low - min(low, 1)
		job.TextFrom, job.TextUpTo, job.States = from*world.CheckpointEvery,
			(high+1)*world.CheckpointEvery, true
		ra, rb := again(job)
		if ra.Result.Equal(&rb.Result) {
			continue
		}
		interval = firstDifferentInterval(ra.Result.Checkpoints, rb.Result.Checkpoints)
		if interval >= from && d.locate(job.TextFrom, ra.Text, rb.Text) {
			d.A, d.B = ra.Result.Line(), rb.Result.Line()
			d.State = firstStateDifference(upTo(ra.States, d.Record), upTo(rb.States, d.Record))
			break
		}
	}
	return d
}

// upTo returns the turns that ended before a record, and the turn that wrote it.
func upTo(turns []world.TurnState, record uint64) []world.TurnState {
	n := 0
	for n < len(turns) && turns[n].Record <= record {
		n++
	}
	return turns[:min(n+1, len(turns))]
}

// differentCoverage names what the two runs did not reach equally often.
func differentCoverage(a, b *world.Coverage) string {
	var names []string
	for name := range maps.Keys(a.Marks) {
		if a.Marks[name] != b.Marks[name] {
			names = append(names, fmt.Sprintf("%s (%d and %d times)", name, a.Marks[name],
				b.Marks[name]))
		}
	}
	for name := range maps.Keys(b.Marks) {
		if a.Marks[name] == 0 {
			names = append(names, fmt.Sprintf("%s (0 and %d times)", name, b.Marks[name]))
		}
	}
	slices.Sort(names)
	if len(names) == 0 {
		names = []string{"features, faults or judgements"}
	}
	return strings.Join(names, ", ")
}

// firstDifferentInterval is the number of the first interval between
// checkpoints in which two traces differ.
func firstDifferentInterval(a, b []string) uint64 {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return uint64(i)
		}
	}
	return uint64(min(len(a), len(b)))
}

// locate finds the first line that differs in two texts of one window of records.
func (d *Divergence) locate(from uint64, a, b []string) bool {
	line := func(text []string, i int) string {
		if i < len(text) {
			return text[i]
		}
		return "(the run has ended)"
	}
	for i := range max(len(a), len(b)) {
		if la, lb := line(a, i), line(b, i); la != lb {
			d.Located, d.Record, d.LineA, d.LineB = true, from+uint64(i), la, lb
			d.Before = a[max(0, i-10):min(i, len(a))]
			return true
		}
	}
	return false
}
