// Package netsimtest is the conformance suite of package netsim: every numbered
// obligation has at least one test, and the same tests run on real sockets and
// inside the simulator.
//
// An implementation calls [Run] with a function that makes a fresh [World]. The
// test's own goroutine plays the owning loop: sinks only note what they are
// told, and only the test calls methods of connections.
//
// That something does not happen is checked after World.Settle. In the
// simulator that is a proof. On sockets it is not: such a test can pass there
// although the event comes later, but it never fails without cause.
//
// [Scheduler] is a minimal event queue for tests of simulated parts.
package netsimtest
