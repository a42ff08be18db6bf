// Package api serves Kafka's API keys: one file per key, named by its number.
//
// A [Handler] serves one request. It holds no state of the broker. It turns the request
// into operations ([Op]) that the shard runs where their state is (this shard, another
// shard, the control loop, another node), takes their results, and encodes the answer.
// The shard owns ordering, deadlines and routing; a handler never sees them.
//
// # Contract
//
// Results may come in any order, and some may be missing at the deadline. What is then
// not known is answered with an error, never with code 0. If the fate of a change is not
// known, the code is REQUEST_TIMED_OUT. For a topic that Metadata wanted to create it is
// LEADER_NOT_AVAILABLE, which clients retry. Every request that decodes gets an answer.
// One that does not decode is an error of [New], and closes the connection.
//
// # Buffers
//
// Produce's batches are slices of the request's frame and go to the operation,
// which owns them. Fetch's batches come from the log, are never written to and
// are passed to the network as they are. Values of the image are shared with all
// loops; handlers only read them.
//
// # Limits
//
// A request's frame bounds what a handler holds. At one time, a fetch reads no more than
// its response may carry, and at most one batch more for each partition.
//
// # Not here
//
// Package wire has the table of keys and versions, and says what is deliberately absent.
// Answers about metadata come from this broker's image: no handler asks for a [Barrier].
// There is no throttling (times are 0), no authorizer (authorized operations keep their
// default), and there are no transactions.
package api
