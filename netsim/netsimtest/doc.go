// Package netsimtest is the conformance suite of package netsim: every numbered
// obligation has at least one test, and the same tests run on real sockets and
// inside the simulator.
//
// An implementation calls [Run] with a function that makes a fresh [World]. The
// test's own goroutine plays the owning loop: sinks only note what they are
// told, and methods of connections are called from the test alone.
//
// Whether something does not happen is judged after World.Settle. In the
// simulator that is a proof; on sockets it is a good try, and such a test can
// pass wrongly there but never fail wrongly.
//
// [Scheduler] is a minimal event queue for tests of simulated parts.
package netsimtest
