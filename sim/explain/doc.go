// Package explain finds where a failing run became certain to fail.
//
// A run is replayed up to an event and then given other random numbers: a future
// that the moment could have had. The share of futures that fail with the same
// fingerprint, at event after event, says what the failure was made of: low
// before what caused it, high behind it. The point of no return is the first
// event from which on (nearly) all futures fail, found by bisection between the
// points that were looked at.
//
// What is fixed is the plan (its faults come as they are planned) and what is
// under way at the fork. What is drawn again is everything else: how long turns,
// mail, packets and disks take, what clients do, what crashes keep. So a failure
// that the plan alone brings about is certain from the beginning.
//
// A share of few futures is an estimate, and shares need not grow with time; the
// point found is where they cross the line for the last time among those looked
// at. Its two sides are looked at again with more futures: where these do not
// differ either, no single event decided.
package explain
