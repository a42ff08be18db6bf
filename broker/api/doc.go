// Package api serves Kafka's API keys: one file per key, named by its number.
//
// A [Handler] is the life of one request. It holds no broker state: it turns the
// request into operations ([Op]) that the shard runs where their state lives
// (this shard, another shard, the control loop, another node), takes their
// results, and encodes the answer. The shard owns ordering, deadlines and
// routing; a handler never sees them.
package api
