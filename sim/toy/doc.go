// Package toy is the simulator's own test subject: a small replicated set of
// (client, sequence) pairs that uses disk, network, mail and timers as the broker
// does. That it runs in package world shows that the world knows nothing of Kafka.
//
// # Contract
//
// Every node keeps a log of its own per shard, pushes it to all others, and
// acknowledges a pair when all have it on disk. Under faults it must lose nothing
// that it acknowledged. Each of its planted bugs ([Bug]) must be caught by the
// property that it breaks: a tester that never failed is not trusted.
//
//	toy.go     the plans, the planted bugs, the judgement
//	control.go the loop that takes clients' requests and mails them to shards
//	shard.go   the loop that keeps and pushes logs; disk.go: its file
//	client.go  adds one pair after another; frame.go: what travels
//
// # What it deliberately does not do
//
// It has no leader, removes nothing and never compacts its file.
package toy
