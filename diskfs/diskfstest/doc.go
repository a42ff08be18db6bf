// Package diskfstest is the conformance suite of package diskfs: every numbered
// obligation has at least one test, and the same tests run on the real and on
// the simulated disk.
//
// An implementation calls [Run] with a function that makes a fresh [System].
// Tests that need a crash run where System.Crash is given, and are reported as
// skipped where it is not. Tests of the form "may lose" look for a seed that
// does lose: a simulated disk that keeps more than the contract promises would
// hide bugs.
package diskfstest
