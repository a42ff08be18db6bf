// Package toy is the simulator's own test subject: a small replicated set of (client, sequence)
// pairs. It uses disk, network, mail and timers as the broker does. Because it runs in package
// world, that package cannot depend on Kafka.
//
// # Contract
//
// Every node keeps its own log per shard, pushes it to all other nodes, and acknowledges a pair
// when all nodes have it on disk. Under faults it must lose nothing that it acknowledged. Each of
// its planted bugs ([Bug]) must be caught by the property that it breaks: a test that never failed
// proves nothing.
//
//	toy.go     the plans, the planted bugs, the judgement
//	control.go the loop that takes the requests of clients and mails them to shards
//	shard.go   the loop that keeps and pushes logs; disk.go: its file
//	client.go  the client, which adds one pair after another; frame.go: the frames
//
// # What it deliberately does not do
//
// It has no leader, removes nothing and never compacts its file.
package toy
