package rare

// The points, by package.
const (
	WALSealEarly Point = iota
	WALRollEarly
	WALMarkSoon
	WALSmallReads

	LogRollEarly
	LogFlushLittle

	PushOneBatch
	PushEarly
	PushRefused
	ProbeAgain
	MailRefused
	ConnParked
	ProduceRefused
	FlushEarly
	WaitShort

	ControlSyncEarly
	ProducerIDsSkipped

	RaftTickEarly
	RaftSnapshotEarly

	FetchSmall

	points
)

var names = [points]string{
	WALSealEarly: "wal-seal-early", // a group is sealed after a record, though more would fit
	// A new segment begins, though more would fit into the old one.
	WALRollEarly:  "wal-roll-early",
	WALMarkSoon:   "wal-mark-soon",   // the mark is written at once when the log is idle
	WALSmallReads: "wal-small-reads", // a recovery reads a sector at a time

	LogRollEarly:   "log-roll-early",   // the same for a segment of a partition
	LogFlushLittle: "log-flush-little", // a flush moves one record

	PushOneBatch: "push-one-batch", // a push carries one batch
	PushEarly:    "push-early",     // a push does not wait for the WAL group of its batches
	PushRefused:  "push-refused",   // a follower refuses a push as if it could not take data now
	ProbeAgain:   "probe-again",    // a leader compares logs again with a follower that it knows
	// A request to another loop is refused as if its mailbox were full.
	MailRefused: "mail-refused",
	ConnParked:  "conn-parked", // a client's connection is not read for a while
	// A leader refuses a produce as if it did not know that it leads.
	ProduceRefused: "produce-refused",
	FlushEarly:     "flush-early", // a partition is flushed with little to move
	WaitShort:      "wait-short",  // a long poll looks again before anything has come

	ControlSyncEarly:   "control-sync-early",   // Raft records that need no sync are synced
	ProducerIDsSkipped: "producer-ids-skipped", // the rest of a block of producer ids is given up

	RaftTickEarly:     "raft-tick-early",     // Raft's clock ticks twice
	RaftSnapshotEarly: "raft-snapshot-early", // a snapshot is made long before the log is long

	FetchSmall: "fetch-small", // a fetch is answered with one batch
}
