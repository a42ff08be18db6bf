// Package limits is the one place for the broker's bounds: queues, windows, deadlines and sizes,
// each with what happens at the bound. The simulator draws small ones, so that every overflow
// policy is exercised.
package limits

import "time"

// Limits are the bounds of one node. All are positive.
type Limits struct {
	// --- client connections ---

	// RequestBytes is the largest Produce frame (socket.request.max.bytes). A larger one closes the
	// connection. A compressed batch may expand to as many bytes. One that would expand to more is
	// refused (MESSAGE_TOO_LARGE).
	RequestBytes int
	// Connections is the number of open connections of clients of the node (max.connections). At
	// the bound the listener accepts no more. Below it already, a shard with more than its share of
	// 15/16 closes the ones that have been idle longest: see ConnShare.
	Connections int
	// ConnectionsPerAddress is the number of those from one address (max.connections.per.ip). A
	// connection beyond it is closed at once.
	ConnectionsPerAddress int
	// ConnShare is the share of one shard in Connections: see [Limits.Share].
	ConnShare int
	// EvictIdle is how long a connection must have been quiet before it may be closed to make room.
	EvictIdle time.Duration
	// ConnIdle is how long nothing may move on a connection before it is closed
	// (connections.max.idle.ms). A connection that waits for the broker is not idle.
	ConnIdle time.Duration
	// ConnPatience is how long a client that the broker waits for may take nothing. Then its
	// connection is closed. The broker waits for the client of a connection that it closes.
	ConnPatience time.Duration
	// ConnRequests is the number of unanswered requests of one connection. At the bound the
	// connection is not read until one is answered.
	ConnRequests int
	// ConnAnswerBytes is the number of bytes of answers of one connection that wait for the answer
	// of an earlier request. At the bound no further request of the connection starts until that
	// answer has left. The answer that reaches the bound is kept whole. Apart from this, a Fetch
	// starts only when the connection's previous Fetch is answered.
	ConnAnswerBytes int
	// InflightBytes is the number of bytes of unanswered Produce requests of one shard
	// (queued.max.request.bytes). At the bound a connection is not read while its next request is a
	// Produce; other requests go on. A forwarded produce counts on the node of its client, and not
	// on the node that it is forwarded to.
	InflightBytes int
	// ScanBytes is how many bytes of records, decompressed, a loop reads in a turn to check what
	// clients produce. What is beyond it is read in the next turns, in steps of as many bytes; the
	// connection starts no further produce until it is read. It is also the largest batch that is
	// read before the topic's max.message.bytes is looked up.
	ScanBytes int
	// UnfinishedBytes is the number of bytes of frames of one shard that have not arrived whole, or
	// that may not start. Of each frame the first ones do not count, up to netsim.RecvWindow. At
	// the bound their connections are not read,
	// except for one, which may go on to the end of its frame. While any of them waits, a
	// connection on which nothing of its frame has come for ConnPatience is closed, and so is one
	// with a frame that has been coming for FrameTime. A frame is buffered in at most twice its
	// bytes.
	UnfinishedBytes int
	// FrameTime is how long a frame may take to arrive while others wait for UnfinishedBytes.
	FrameTime time.Duration
	// AnswerBytes is the number of bytes of answers of one shard that have not left
	// (queued.max.response.bytes): those that are being read, wait for earlier ones, or wait for
	// their client to read. At the bound only Produces start. While a request waits for it, a
	// connection that has answers and on which nothing has left for ConnPatience is closed.
	AnswerBytes int
	// FetchWindow is the size of the answer to the first Fetch of a connection. It doubles with
	// each Fetch that finds all answers before it gone, so that a client that does not read holds
	// little. A single batch that is larger is answered whole.
	FetchWindow int
	// MailboxRequests is the number of requests that wait in a loop's mailbox. At the bound a
	// request is refused, and its connection is parked.
	MailboxRequests int
	// TurnEvents is the number of events that a loop takes in one turn. The others wait for its
	// next turn: the work of a turn, its group commit and its answers stay bounded.
	TurnEvents int

	// --- deadlines ---

	// RequestTimeout bounds requests that have no timeout of their own (request.timeout.ms). A
	// request that reaches it is answered REQUEST_TIMED_OUT.
	RequestTimeout time.Duration
	// RequestTimeoutMax caps the timeouts that requests have.
	RequestTimeoutMax time.Duration
	// LoopSlack is how much longer than a request's own deadline the loop of its connection waits
	// for an answer of another loop or node.
	LoopSlack time.Duration

	// --- partition logs ---

	// TailBytes is the number of bytes of batches that no segment holds yet, over
	// all partitions of a shard; they are kept in memory. Beyond it the shard
	// flushes partitions that have less than FlushBytes to move.
	TailBytes int
	// FlushBytes is how much of a partition's log waits in the WAL before it is written to its
	// segment.
	FlushBytes int
	// FlushesInFlight is the number of partitions that a shard flushes at the same time.
	FlushesInFlight int
	// FlushesTogether is a number of dirty partitions. A shard that must free memory or WAL space
	// and has at least this many flushes FlushesAtOnce of them at the same time. They share syncs
	// of the file system instead of syncing file by file. So do fewer of them while the WAL is at
	// its budget. A start with at least this many partitions makes their names durable by one such
	// sync.
	FlushesTogether int
	// FlushesAtOnce is the number of flushes at the same time that share syncs. No more than
	// FlushesInFlight begin while all together move FlushAtOnceBytes or more.
	FlushesAtOnce    int
	FlushAtOnceBytes int
	// OpenFiles is the number of files that the partitions of one shard have open. At the bound the
	// next flush, read or load waits until a file is closed.
	OpenFiles int
	// LoadsInFlight is the number of partitions that a starting shard reads the checkpoints of at
	// the same time. The others wait.
	LoadsInFlight int
	// ProducerCheck is how often idempotent producers that were idle for producer.id.expiration.ms
	// are looked for (producer.id.expiration.check.interval.ms).
	ProducerCheck time.Duration
	// RetentionCheck is how often a shard looks for records that need not be kept any more
	// (log.retention.check.interval.ms).
	RetentionCheck time.Duration
	// FlushAttempts is the number of flushes of a partition that may fail one after the other, with
	// RefusedPause between them. After that its files count as unwritable, and the replica goes
	// offline if others hold what is committed. A disk without room does not count.
	FlushAttempts int
	// OfflinePause is how often a replica that is offline tries to write a file.
	OfflinePause time.Duration
	// FetchBytes caps one partition's share of a fetch response. The first batch is returned whole,
	// whatever its size.
	FetchBytes int

	// ReadsInFlight is the number of reads of segments that a shard has under way, for fetches
	// and for lookups of offsets. Each opens files and takes a buffer. At the bound further ones
	// wait in order, until their requests end.
	ReadsInFlight int

	// --- coordinators ---

	// LoadBytes is how many bytes of their logs the coordinators of a shard read in a turn, and the
	// size of one read of a segment. A single batch that is larger is read whole. The rest follows
	// in the next turns.
	LoadBytes int
	// LoadReads is the number of reads of segments that a shard has under way for coordinators that
	// read their logs. At the bound the others wait in order.
	LoadReads int
	// CoordinatorAppends is the number of appends of one coordinator that are not committed. At the
	// bound the next one is refused (REQUEST_TIMED_OUT): it is certainly not in the log.
	CoordinatorAppends int
	// GroupsPerPartition is the number of groups of one partition of __consumer_offsets. At the
	// bound no group is created (COORDINATOR_NOT_AVAILABLE).
	GroupsPerPartition int
	// GroupPendingMembers is the number of members of a group that were given an id and have not
	// joined. At the bound no id is given (COORDINATOR_NOT_AVAILABLE).
	GroupPendingMembers int
	// GroupBytes is the number of bytes that the members of the groups of one partition have given
	// as metadata and assignments. At the bound nobody joins (COORDINATOR_NOT_AVAILABLE).
	GroupBytes int
	// GroupRequests is the number of requests about the groups of one partition that wait for their
	// answer. At the bound the next one is answered COORDINATOR_NOT_AVAILABLE.
	GroupRequests int
	// GroupDeletions is the number of records of one batch that deletes offsets. The rest follows
	// in more batches.
	GroupDeletions int
	// GroupJoinTime is how long a new member may wait for its first rebalance to end, as in Kafka.
	// After that it is dropped.
	GroupJoinTime time.Duration

	// --- replication ---

	// AckTimeout is how long an ISR member may stay behind without progress before the leader asks
	// for its removal, while min.insync.replicas others are left. Below that it has LagTimeout.
	AckTimeout time.Duration
	// LagTimeout bounds the age of the oldest record that an ISR member does not have, also if it
	// makes progress (replica.lag.time.max.ms). Beyond it the leader asks for its removal.
	LagTimeout time.Duration
	// WindowBytes is how much a leader sends to one follower of a partition without an
	// acknowledgement. At the bound it waits.
	WindowBytes int
	// GatherTime is how long a push waits for the leader's sync under way, to leave with the next
	// WAL group. After that it leaves alone.
	GatherTime time.Duration
	// CatchUpBytes is the largest push. A single batch that is larger is pushed whole.
	CatchUpBytes int
	// ProbeTimeout is the time after which an unanswered probe is sent again.
	ProbeTimeout time.Duration
	// RefusedPause is how long a leader waits at most after a refusal that is not about the log's
	// content (metadata not applied yet, disk full). A loop waits as long before it looks again for
	// space on its own disk, or repeats a failed flush.
	RefusedPause time.Duration
	// ProposalTimeout is how long a proposal waits for its verdict.
	ProposalTimeout time.Duration
	// WatermarkPause is the time after which a leader tells a follower a watermark that no push has
	// carried.
	WatermarkPause time.Duration

	// --- connections between brokers ---

	// PeerFrameBytes is the largest frame between brokers. A larger one closes
	// the connection.
	PeerFrameBytes int
	// PeerSilence is how long a connection may be silent while an answer is due. After that it is
	// given up and dialled again. The receiver of a large message breaks the silence while parts
	// of it arrive.
	PeerSilence time.Duration
	// RedialMin and RedialMax bound the pause before dialling again. RedialMax is below AckTimeout,
	// so that this pause never gets a follower that comes back removed from the ISR (BUGS L6).
	RedialMin, RedialMax time.Duration
	// HandoverPatience is how long a clean stop goes on without a majority of the voters. After
	// that the node stops with its leaderships.
	HandoverPatience time.Duration
	// Forwards is the number of unanswered produces that one shard has forwarded to one node. At
	// the bound the next one is refused (NOT_LEADER_OR_FOLLOWER): it was not sent, so it was
	// certainly not appended.
	Forwards int

	// --- vouching (PROTOCOL 26) ---

	// VouchAge is the largest age of a shard's last pong and of a record that waits in the control
	// log, and the longest execution of a write of a log. Beyond it the node stops heartbeating.
	VouchAge time.Duration
	// SlowOpAge is the longest execution of any other disk operation but a sync of the file system.
	// Beyond it the node stops heartbeating.
	SlowOpAge time.Duration
	// PingInterval is how often the control loop pings the other loops.
	PingInterval time.Duration
	// TurnGap is a time between a due timer of a loop and its turn. After a longer one the loop
	// assumes that it was not running, and does not count the silence of others against them.
	TurnGap time.Duration
}

// BatchBytesMax is the largest record batch that any setting allows: it is one record of the
// write-ahead log. A larger produce is MESSAGE_TOO_LARGE, whatever max.message.bytes says.
const BatchBytesMax = 128 << 20

// Default returns the bounds of a production node.
func Default() Limits {
	return Limits{
		RequestBytes:          100 << 20,
		Connections:           1<<31 - 1,
		ConnectionsPerAddress: 1<<31 - 1,
		ConnShare:             1<<31 - 1,
		EvictIdle:             time.Second,
		ConnIdle:              10 * time.Minute,
		ConnPatience:          10 * time.Second,

		ConnRequests:    1024,
		ConnAnswerBytes: 1 << 20,
		InflightBytes:   256 << 20,
		ScanBytes:       1 << 20,
		UnfinishedBytes: 64 << 20,
		FrameTime:       time.Minute,
		AnswerBytes:     256 << 20,
		FetchWindow:     1 << 20,
		MailboxRequests: 16384,
		TurnEvents:      1024,

		RequestTimeout:    30 * time.Second,
		RequestTimeoutMax: 15 * time.Minute,
		LoopSlack:         500 * time.Millisecond,

		TailBytes:        128 << 20,
		FlushBytes:       1 << 20,
		FlushesInFlight:  2,
		FlushesTogether:  32,
		FlushesAtOnce:    256,
		FlushAtOnceBytes: 32 << 20,
		OpenFiles:        256,
		LoadsInFlight:    32,
		ProducerCheck:    10 * time.Minute,
		RetentionCheck:   5 * time.Minute,
		FlushAttempts:    5,
		OfflinePause:     time.Second,
		FetchBytes:       16 << 20,
		ReadsInFlight:    64,

		LoadBytes:          256 << 10,
		LoadReads:          8,
		CoordinatorAppends: 4096,

		GroupsPerPartition:  100_000,
		GroupPendingMembers: 1000,
		GroupBytes:          64 << 20,
		GroupRequests:       10_000,
		GroupDeletions:      1000,
		GroupJoinTime:       5 * time.Minute,

		AckTimeout:      time.Second,
		LagTimeout:      10 * time.Second,
		WindowBytes:     8 << 20,
		GatherTime:      5 * time.Millisecond,
		CatchUpBytes:    256 << 10,
		ProbeTimeout:    500 * time.Millisecond,
		RefusedPause:    100 * time.Millisecond,
		ProposalTimeout: 3 * time.Second,
		WatermarkPause:  100 * time.Millisecond,

		PeerFrameBytes: 128 << 20,
		PeerSilence:    1500 * time.Millisecond,
		RedialMin:      20 * time.Millisecond,
		RedialMax:      400 * time.Millisecond,

		HandoverPatience: 500 * time.Millisecond,

		Forwards: 8192,

		VouchAge:     time.Second,
		SlowOpAge:    30 * time.Second,
		PingInterval: 250 * time.Millisecond,
		TurnGap:      300 * time.Millisecond,
	}
}

// Share returns the bounds of each of so many shards: where a bound is the node's, its part of it.
func (l Limits) Share(shards int) Limits {
	l.ConnShare = max(1, l.Connections/16*15/shards)
	l.InflightBytes = max(1, l.InflightBytes/shards)
	l.UnfinishedBytes = max(1, l.UnfinishedBytes/shards)
	l.AnswerBytes = max(1, l.AnswerBytes/shards)
	return l
}
