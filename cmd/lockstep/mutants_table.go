package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"example.com/lockstep/docs"
	"example.com/lockstep/sim/pool"
)

// caughtBy says which property caught a bug, and in which run.
func caughtBy(run pool.MutantRun) string {
	if !run.Caught {
		return "SURVIVED"
	}
	if len(run.Mutant.Tests) > 0 {
		return "test " + strings.Join(run.Mutant.Tests, ", test ")
	}
	by := fmt.Sprintf("%s (%s seed %d)", run.Failure.Property, run.Scenario, run.Seed)
	if strings.HasPrefix(run.Failure.Detail, "assertion") {
		by += ": " + run.Failure.Detail // one property stands for all assertions
	}
	return by
}

// legend explains the letters of the bugs' ids. Its wording is that of docs/bugs.md.
func legend() string {
	var b strings.Builder
	b.WriteString("The letter of a bug says what kind it is:\n\n")
	for _, l := range docs.Letters() {
		fmt.Fprintf(&b, "- [%s: %s](docs/bugs.md#%s).\n  %s\n",
			l.Letter, l.Title, l.Anchor, l.Means)
	}
	return b.String()
}

func printMutant(w io.Writer, run pool.MutantRun) {
	fmt.Fprintf(w, "%-4s %6d %10s %7.1fs  %s\n",
		run.Mutant.ID, run.Seeds, run.Virtual.Round(time.Second), run.Wall.Seconds(), caughtBy(run))
	for _, r := range run.Strange {
		f := r.Failures[0]
		fmt.Fprintf(w, "     unexpected: %s seed %d: %s: %.200s\n",
			r.Scenario, r.Seed, f.Property, f.Detail)
	}
	for _, r := range run.Alarms {
		what, report := replayCommand(r), r.Report()
		if len(run.Mutant.Tests) > 0 {
			what, report = "test "+r.Failures[0].Property, r.Failures[0].Detail
		}
		fmt.Fprintf(w, "     FALSE ALARM: without the bug, %s\n%s\n", what, report)
	}
}

// mutantsMarkdown is the table for MUTANTS.md.
func mutantsMarkdown(runs []pool.MutantRun, took time.Duration) []byte {
	survived, alarms := verdictOfMutants(runs)
	control := "all pass"
	if alarms > 0 {
		control = fmt.Sprintf("should pass, and %d FAIL", alarms)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, `# Planted bugs

`+"`make mutants`"+` writes this page. It plants, one by one, bugs that brokers of this kind
have shipped (package mutants). For each bug, seeds of the scenarios that should show it
run until a run breaks a property that the bug should break. The same seeds without the bug
%s. Bugs in code that the simulator does not run are shown by tests.
%d of %d were caught. That took %.0f s, with the runs without the bugs.

%s
| bug | what the broker does wrong | seeds | virtual | wall | caught by |
|---|---|---:|---:|---:|---|
`, control, len(runs)-len(survived), len(runs), took.Seconds(), legend())
	cell := strings.NewReplacer("|", "\\|", "\n", " ")
	for _, run := range runs {
		fmt.Fprintf(&b, "| %s | %s | %d | %s | %.1f s | %s |\n",
			run.Mutant.ID, cell.Replace(run.Mutant.Does), run.Seeds, run.Virtual.Round(time.Second),
			run.Wall.Seconds(), cell.Replace(caughtBy(run)))
	}
	return b.Bytes()
}
