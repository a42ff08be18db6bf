// Package client is simulated Kafka clients: loops on their own machines that speak the
// bytes of the Kafka protocol.
//
// # Contract
//
// A [Client] knows the addresses of the brokers, keeps metadata fresh and connections open.
// The role of its machine decides its script, and the script decides what it asks. What
// clients ask and hear enters the history. All clients of a run share a [Load]. They tell a
// [Judge] at once what may break a promise. They ask an [Insight] what they must know of
// the brokers, so that they neither report nor wait for what no broker promised.
//
//	load.go        what clients share, and the interfaces to the cluster
//	client.go      a client: metadata, routing, timers
//	conn.go        its connections and requests
//	waits.go       what its requests wait for
//	producer.go    produces, and retries
//	consumer.go    reads all partitions with long polls
//	reader.go      asks where logs end
//	admin.go       creates and deletes topics
//	slowreader.go  asks for much and does not read for seconds
//	greedy.go      makes a broker hold much: connections, frames, answers
//	malformed.go   sends what no client may send
//
// # What it deliberately does not do
//
// It is no client library: it does not batch by size, compress, or balance groups.
package client
