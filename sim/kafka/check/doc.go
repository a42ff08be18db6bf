// Package check holds brokers to what they owe and what package checker cannot see
// in a history alone: what depends on the faults that were on, on time, or on the
// insides of a broker. One property a file; their names are in package property.
//
// # Contract
//
// A check reports to a [Reporter] or, if it needs them, judges [Circumstances].
// Nothing is reported that a fault of the plan excuses.
//
//	pauses.go     a partition with a leader and quorums keeps acknowledging
//	acktime.go    acknowledgements take no longer than disks and links do
//	turns.go      a produce is not overtaken for long
//	forwards.go   a produce is forwarded once
//	creation.go   topics are made and deleted within the bound
//	guards.go     requests end by their own deadline
//	waiters.go    requests that wait for the log are answered when it gets there
//	memory.go     what is remembered of idempotent producers is in the log
//	leases.go     a lease ends before its leadership is given away
//	terms.go      terms rise for elections, elections happen for a reason
//	leftovers.go  a deleted topic leaves nothing on disk
//
// # What it deliberately does not do
//
// It collects nothing: package kafka looks into brokers and says when to check.
package check
