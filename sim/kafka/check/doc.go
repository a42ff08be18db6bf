// Package check judges what brokers owe and what package checker cannot judge from a
// history alone: what depends on active faults, on time, or on the inside of a broker. One
// property a file. The names of the properties are in package property.
//
// # Contract
//
// A check reports to a [Reporter]. Checks that depend on the faults of the run are methods
// of [Circumstances]. No check reports what a fault of the plan excuses.
//
//	circumstances.go  faults, leaders and replicas in sync, as checks need them
//	pauses.go         a partition with a leader and quorums keeps acknowledging
//	acktime.go        acknowledgements take no longer than disks and links do
//	turns.go          no produce is overtaken by many others
//	forwards.go       a produce is forwarded once
//	creation.go       topics are created and deleted within the bound
//	guards.go         requests end by their own deadline
//	waiters.go        requests that wait for the log are answered when it gets there
//	memory.go         what a replica remembers of idempotent producers is in its log
//	leases.go         a lease ends before its leadership is given away
//	terms.go          terms rise for elections, and elections have a reason
//	leftovers.go      a deleted topic leaves nothing on disk
//	reporter.go       the interface to which checks report
//
// # What it deliberately does not do
//
// It collects nothing: package kafka looks into brokers and decides when to check.
package check
