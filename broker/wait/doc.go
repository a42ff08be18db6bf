// Package wait describes what pending operations wait for, and finds out why one of them does not
// end.
//
// # Purpose
//
// Every place of a loop where something can wait lists it as a [Wait]: what waits, since when, and
// what it waits for. A request does no work for this on its way: the list is made from the state on
// demand. In production an operator (/debug/waits) or the watchdog asks for it. In simulation the
// stall report does. It adds what only the simulated world knows: which faults are on, which nodes
// are down, what is under way.
//
// # The graph
//
// [Graph] has operations, loops, disks, links, nodes and faults as vertices, and an edge for each
// "waits for". [Graph.Reduce] follows the edges from the operations that should have ended, and
// keeps one chain for each reason: a cycle, a fault, or a dead end. At a dead end nothing is under
// way that could end the wait (a lost wake-up).
//
// # Contract
//
// Listing changes nothing. The name of an operation is unique within its loop while the operation
// lasts. Where one node waits for another, both use the same name for the operation; functions of
// this package make the names. An operation that waits for several things is listed once for each,
// and needs all of them.
//
// # What it deliberately does not do
//
// It knows no loop, host or fault. It does not decide how long is too long.
package wait
