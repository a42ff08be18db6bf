package pool

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"example.com/lockstep/sim/world"
)

// Divergence is where two runs of one job, which should have been equal, were
// not.
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
	// record. It may differ earlier than the records: a trace sees what is done with
	// a state.
	State stateDifference
	// SettingA and SettingB say under what the runs ran, if a [DeterminismCheck] compared them.
	SettingA, SettingB string
}

func (d *Divergence) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "two runs of %s seed %d differ:\n  A:  %s%s\n  B:  %s%s\n",
		d.Job.Scenario, d.Job.Seed, d.A, under(d.SettingA), d.B, under(d.SettingB))
	if d.Coverage != "" {
		fmt.Fprintf(&b, "their traces are equal, but not what they reached: %s\n", d.Coverage)
		return b.String()
	}
	if !d.Located {
		b.WriteString("repetitions did not differ in the same interval of records\n")
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
	// locateAttempts is how often a difference is looked for again, with text and
	// states.
	locateAttempts = 8
	// locateIntervals bounds the intervals that are looked at in one attempt.
	locateIntervals = 16
)

// CheckDeterminism runs a job once under each of two campaigns, each time in a
// fresh process, and says where the runs part; nil if they are equal. The
// campaigns may differ in GOMAXPROCS, GOGC or the program.
func CheckDeterminism(job Job, a, b Pool) *Divergence {
	ctx := context.Background()
	ra, rb := a.fresh(ctx, job), b.fresh(ctx, job)
	return compareRuns(job, &ra.Result, &rb.Result, func(job Job) (JobResult, JobResult) {
		return a.fresh(ctx, job), b.fresh(ctx, job)
	})
}

// compareRuns says where two runs of a job part; nil if they are equal. again
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
		// What differs by chance differs elsewhere the next time: the window takes in
		// all places that were seen, as far as it can.
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

// upTo are the turns that ended before a record or, if there is none, the first
// that ended after it.
func upTo(turns []world.TurnState, record uint64) []world.TurnState {
	n := 0
	for n < len(turns) && turns[n].Record <= record {
		n++
	}
	return turns[:min(n+1, len(turns))]
}

// differentCoverage names what only one of two runs reached, or reached more often.
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

// locate finds the first different line of two texts of one window of records.
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
