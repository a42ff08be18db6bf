// Package rawkafka speaks Kafka's protocol to one broker at a time, with
// nothing that a client library does of its own accord: no retries, no choice of
// the leader, no batching. The programs of this directory use it to ask a certain
// node a certain thing, and to know when it answered.
//
// It shares no code with the broker: requests and record batches are encoded
// by kmsg. Not for concurrent use.
package rawkafka
