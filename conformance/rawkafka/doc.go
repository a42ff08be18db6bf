// Package rawkafka speaks Kafka's protocol to one broker at a time, with
// nothing that a client library adds: no retries, no choice of the leader, no
// batching. The programs of this directory use it to send a certain request to
// a certain node, and to measure when it answers.
//
// It shares no code with the broker: requests and record batches are encoded
// by kmsg. Not for concurrent use.
package rawkafka
