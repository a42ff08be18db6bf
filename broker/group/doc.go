// Package group is the coordinator of consumer groups (classic protocol, KAFKA 30-33) as a pure
// state machine. It does no I/O and reads no clock: the shard gives it time and requests, appends
// the records that it asks for, and sends its answers.
//
// # Which groups
//
// A [Coordinator] holds the groups of one partition of __consumer_offsets, in one leader epoch of
// that partition. The leader of the partition is the coordinator of its groups. It makes a
// Coordinator when its epoch begins, gives it every record of the log ([Coordinator.Replay]), and
// calls [Coordinator.Loaded] when it has given all records up to the start of its epoch, and they
// are committed. At the end of the epoch it calls [Coordinator.Resign].
//
// # What is state
//
// Committed state is what the committed records of the log say: committed offsets, and for each
// group its last generation with its members and their assignments. It changes by records alone,
// and by the same code while loading and while serving: two replicas with equal logs have equal
// committed state. Everything else is of this leader only: which requests wait for a rebalance,
// when sessions end, which members have not joined yet.
//
// # Answers and records
//
// An answer that promises something leaves when the record of the promise is committed by the whole
// ISR: the answer to OffsetCommit, to SyncGroup, to the return of a static member, and to what
// deletes. [Coordinator.Take] gives the records to append as an [Append] with a ticket;
// [Coordinator.Appended] tells what became of them. A refused append changes nothing but what it
// answers (see appendError).
//
// The records are those of Apache Kafka 4 (OffsetCommitKey 1, OffsetCommitValue 3 or 4,
// GroupMetadataKey 2, GroupMetadataValue 3 or 4), so that Kafka's tools can read the topic.
package group
