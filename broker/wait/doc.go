// Package wait says what pending operations wait for, and finds out why one of
// them does not end.
//
// # Purpose
//
// Every place of a loop where something can wait lists it as a [Wait]: what
// waits, since when, and on whom. Nothing is kept for that on the way of a
// request: the list is made from the state that exists, when somebody asks. In
// production that is an operator (/debug/waits) or the watchdog; in simulation
// the stall report, which adds what only the world knows: which faults are on,
// who is dead, what is under way.
//
// # The graph
//
// [Graph] holds operations, loops, disks, links, nodes and faults as vertices, and
// an edge for each "waits for". [Graph.Reduce] follows the edges from the
// operations that should have ended, and keeps one chain for each reason: a
// cycle, a fault, or a dead end at which nothing is under way that could bring what
// is waited for (a lost wake-up).
//
// # Contract
//
// Listing changes nothing. Names ([Wait.Who]) are unique within a loop while the
// operation lasts. Where one node waits for another, both use the same name for
// what is asked: the names are built by the functions of this package. An
// operation that waits for several things is listed once for each, and needs all of them.
//
// # What it deliberately does not do
//
// It knows no loop, host or fault; it does not judge how long is too long.
package wait
