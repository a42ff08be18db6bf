// Package api serves Kafka's API keys: one file per key, named by its number.
//
// A [Handler] is the life of one request. It holds no broker state: it turns the
// request into operations ([Op]) that the shard runs where their state lives
// (this shard, another shard, the control loop, another node), takes their
// results, and encodes the answer. The shard owns ordering, deadlines and
// routing; a handler never sees them.
//
// # Contract
//
// Results may come in any order, and at the deadline some never come: an answer
// then says so with an error, never with code 0. Where the fate of a change is
// not known the code is REQUEST_TIMED_OUT, or for a topic that Metadata wanted to
// create LEADER_NOT_AVAILABLE, which clients retry. What a client can say is
// answered with a definite code; only what does not decode is an error of [New],
// and closes the connection.
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
// A request's frame bounds what a handler holds. A fetch reads no more at a time
// than its response may carry, one batch beyond it at most per partition.
//
// # Not here
//
// Which keys and versions exist is package wire's table, with what is
// deliberately absent. Answers about metadata are this broker's image: nothing
// here asks for a [Barrier]. There are no throttling (times are 0), no
// authorizer (authorized operations keep their default) and no transactions.
package api
