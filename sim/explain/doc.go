// Package explain finds the event from which on a failing run was certain to fail.
//
// The run is repeated up to an event, and from there on it draws other random numbers.
// Each such run is a possible future of that moment. The share of futures that fail
// with the same fingerprint is low before the cause of the failure and high after it.
// The point of no return is the first event from which on (nearly) all futures fail.
// It is found by bisection between the events that were tried.
//
// The plan is fixed: its faults come as planned. So is what is under way at the fork.
// Everything else is drawn again: how long turns, mail, packets and disks take, what
// clients do, what crashes keep. So a failure that the plan alone causes is certain
// from the beginning.
//
// The share of a few futures is an estimate, and shares may fall again with time. The
// point that is found is the last of the tried ones where the share crosses the line.
// Its two sides are tried again with more futures. If these do not differ, no single
// event decided.
package explain
