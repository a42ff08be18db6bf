// Package mutants plants bugs: real bugs that brokers of this kind have
// shipped, and that the simulator must be able to catch. The broker's own code
// contains nothing of them. Each bug is a file here, ID.yaml. It says what the
// bug does, how it must be caught, and which texts of the source tree are
// replaced by what.
//
// # A bug's file
//
//	does: records count as durable before their sync   # what the broker does wrong
//	caught: [P1, "every assertion holds | assertion failed: wal:"]
//	scenarios: [quick-restart]                         # that show the bug
//	bias: power is lost under load                     # why they show it
//	seeds: 60                                          # of each scenario it may survive
//	tests: [broker/drive TestATurn]                    # instead of caught, scenarios and seeds
//	twice: true                                        # only if two runs must differ
//	edits:
//	  - file: broker/wal/log.go
//	    in: (*Log).submit        # optional; also F for a function, T for a type, T.M
//	    find: |
//	      if len(l.inflight) > 0 {
//	    plant: |
//	      if !mutant.W3 && len(l.inflight) > 0 {
//	    imports: [fmt]           # optional: what plant needs, if the file lacks it
//	adds:                        # optional: files that the source tree does not have
//	  broker/node/heldup.go: |
//	    package node
//	    ...
//
// Find is text that occurs exactly once in the file, or in the function, method
// or type that In names. A text that ends with a line end (a YAML block, "|")
// stands for whole lines, any other for a part of a line. Indentation, and the
// number of blanks between two words, are not compared. Plant replaces that
// text. It refers to the bug's switch as mutant.ID. While the switch is false,
// Plant must do what the replaced text did.
//
// # Contract
//
// [Plan] makes all edits of all bugs; [Plant] writes them as an overlay for go
// build, so that one build holds all bugs and the source tree stays as it is.
// Each bug has a switch, a variable in a package that only the overlay has. The
// environment variable [Variable] names the one bug that is switched on when
// the program begins; a run with two bugs would say nothing about either.
// [Built] is true in such a program.
//
// If the text of an edit no longer occurs, or occurs twice, that is an error,
// which names the bug, the file and the text. A change of the code must change
// the edits of that code, too. The edits of two bugs must not overlap.
//
// Tests are for bugs that no run shows: those in code that the simulator replaces, such as
// package drive, and those that need counts beyond a run. Each test must fail with the bug
// and pass without.
//
// # What it deliberately does not do
//
// It runs nothing: package sim hunts the bugs, cmd/lockstep builds the programs. It
// does not check that planted code compiles, only that it parses; the build does.
package mutants
