package sim

import (
	"fmt"
	"strings"
)

// Divergence is where two runs of one job, which should have been equal, were
// not.
type Divergence struct {
	Job     Job
	A, B    string   // the two result lines
	Record  uint64   // number of the first record that differs; meaningful if Located
	Located bool     // whether a repetition showed the difference again
	Before  []string // the last equal records
	LineA   string   // the first record that differs, in each run
	LineB   string
}

func (d *Divergence) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "two runs of one seed differ:\n  %s\n  %s\n", d.A, d.B)
	if !d.Located {
		b.WriteString("repetitions did not differ in the same interval of records\n")
		return b.String()
	}
	for _, line := range d.Before {
		fmt.Fprintf(&b, "      %s\n", line)
	}
	fmt.Fprintf(&b, "  A:  %s\n  B:  %s\n", d.LineA, d.LineB)
	return b.String()
}

// locateAttempts is how often a difference is looked for again with text: a
// run that differs by chance may differ elsewhere the next time.
const locateAttempts = 6

// CheckDeterminism runs a job once under each of two campaigns, each time in a
// fresh process, and says where the runs part; nil if they are equal. The
// campaigns may differ in GOMAXPROCS, GOGC or the program.
func CheckDeterminism(job Job, a, b Campaign) *Divergence {
	fresh := func(c Campaign, job Job) JobResult {
		c.Workers = 1
		return c.Run([]Job{job}, nil)[0]
	}
	ra, rb := fresh(a, job), fresh(b, job)
	if equalRuns(&ra.Result, &rb.Result) {
		return nil
	}
	d := &Divergence{Job: job, A: ra.Result.Line(), B: rb.Result.Line()}
	for range locateAttempts {
		interval := firstDifferentInterval(ra.Result.Checkpoints, rb.Result.Checkpoints)
		job.TextFrom, job.TextUpTo = interval*checkpointEvery, (interval+1)*checkpointEvery
		ra, rb = fresh(a, job), fresh(b, job)
		if equalRuns(&ra.Result, &rb.Result) {
			continue
		}
		if firstDifferentInterval(ra.Result.Checkpoints, rb.Result.Checkpoints) == interval && d.locate(job.TextFrom, ra.Text, rb.Text) {
			break
		}
	}
	return d
}

// equalRuns compares what must be equal; the line holds the trace hash.
func equalRuns(a, b *Result) bool {
	return a.Line() == b.Line() && a.Records == b.Records
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
