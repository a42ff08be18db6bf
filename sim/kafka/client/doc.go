// Package client is simulated Kafka clients: loops on machines of their own that
// speak wire bytes.
//
// # Contract
//
// A [Client] knows the brokers' addresses, keeps metadata fresh and connections
// alive; what it asks is up to its script, by the role of its machine. What it asks
// and hears enters the history. All clients of a run share a [Load]; they tell a
// [Judge] at once what may break a promise, and ask an [Insight] for what they must
// know so that they neither accuse nor wait for what nobody promised.
//
//	load.go       what clients share, and the two interfaces to the cluster
//	client.go     a client: metadata, routing, timers; conn.go: its connections
//	waits.go      what its requests wait for
//	producer.go consumer.go reader.go admin.go  scripts of honest clients
//	slowreader.go asks for much and does not read for seconds
//	malformed.go  sends what no client may send
//
// # What it deliberately does not do
//
// It is no client library: it does not batch by size, compress, or balance groups.
package client
