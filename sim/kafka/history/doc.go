// Package history writes down what clients and the observer of a cluster see, for
// package checker, and says how machines, topics and partitions are called there.
//
// # Contract
//
// The moments of a [Recorder] are totally ordered, since one thread runs the world;
// its ids and the values of test records are unique within a run. Brokers are the
// machines b1, b2, …; a topic is its id in hex, since names come again.
//
// # What it deliberately does not do
//
// It judges nothing, and it does not know who records.
package history
