// Package node assembles a broker: one control loop and S shard loops, on hosts that
// broker/drive or the simulator provides.
//
// # Where to look
//
//	node.go       configuration, and New, which makes the loops
//	control.go    the control loop: its state, its events, its turn
//	boot.go       the start: lock, identity, recovery of the control log
//	birth.go      the birth record: when a node may take part in Raft
//	join.go       a new directory joins; one that was removed is refused
//	layout.go     the layout file, and the conversion to another number of shards
//	durable.go    Raft's records in the control log, snapshots as files
//	sequence.go   a chain of disk operations, one after the other
//	peers.go      control connections to the other nodes
//	shards.go     mail to the shards, pings and pongs, vouching, registration
//	drain.go      a clean stop
//	calls.go      operations that shards ask for: proposals, barriers, producer ids
//	waits.go      what is pending, for /debug/waits
//	state.go stats.go  what checkers and metrics see
//
// # Contract
//
// The owner of a node gives each loop its host, starts the loops, and starts the node again
// when it stops with [Restart]. A node stops itself by loop.Host.Stop when it cannot trust
// its disk any more, and the host stops it when an assertion fails.
//
// # What it deliberately does not do
//
// It decides nothing about the cluster: package meta does, and this package carries out what
// meta asks for. It does not touch the data of partitions: shards do.
package node
