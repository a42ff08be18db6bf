// Package node puts a broker together: one control loop and S shard loops, on
// hosts that broker/drive or the simulator provides.
//
// # Where to look
//
//	node.go       configuration, and New, which makes the loops
//	control.go    the control loop: its events, its turn, mail from outside
//	boot.go       the start: lock, identity, recovery of the control log
//	layout.go     the layout file, and what happens when the number of shards changes
//	durable.go    Raft's records in the control log, snapshots as files
//	sequence.go   a chain of disk operations, one after the other
//	peers.go      control connections to the other nodes
//	shards.go     mail to the shards, pings and pongs, vouching for the node
//	drain.go      a clean stop
//	calls.go      operations that shards ask for: proposals, barriers, producer ids
//	waits.go      what is pending, for /debug/waits
//	state.go stats.go  what checkers and metrics see
//
// # Contract
//
// The owner gives each loop its host, starts the loops, and starts the node again
// when it stops with [Restart]. A node stops itself by loop.Host.Stop when its disk
// cannot be trusted any more or an assertion fails.
//
// # What it deliberately does not do
//
// It decides nothing about the cluster by itself: package meta does, and this
// package carries out what meta asks for. It does not touch the data of
// partitions: shards do.
package node
