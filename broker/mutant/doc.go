// Package mutant switches on planted bugs: real bugs that brokers of this kind
// have shipped (BUGS.md), which the simulator must be able to catch.
//
// # How a bug is planted
//
// Each has a name here and one place in the code where it is:
//
//	if mutant.W3 { ... }
//
// In an ordinary build the names are false constants, so that the compiler
// removes what they guard; no production binary contains a planted bug. Built
// with -tags mutants they are variables, all false until [Select] sets one: a
// world with two bugs would say nothing about either.
//
// # Contract
//
// Select is called before any loop exists and never while one runs: loops read
// the variables without any order between them. [Table] says what each bug does
// and which properties must catch it.
//
// # What it deliberately does not do
//
// It reads no environment and knows no scenario; the simulator's runner (sim,
// cmd/lockstep) chooses the bug and the worlds that show it.
package mutant
