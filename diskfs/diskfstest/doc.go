// Package diskfstest is the conformance suite of package diskfs: every numbered
// obligation has at least one test, and the same tests run on the real and on
// the simulated disk.
//
// An implementation calls [Run] with a function that makes a fresh [System].
// What only a crash can show is tested where System.Crash is given and skipped,
// visibly, where it is not. Tests of the form "may lose" look for a seed that
// does lose: a simulated disk that is kinder than the contract would hide bugs.
package diskfstest
