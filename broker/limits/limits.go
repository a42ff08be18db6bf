// Package limits is the one place where the broker's bounds stand: queues,
// windows, deadlines and sizes, each with what happens at the bound. The
// simulator draws them small, so that every overflow policy is exercised.
package limits

import "time"

// Limits are the bounds of one node. All are positive.
type Limits struct {
	// --- client connections ---

	// RequestBytes is the largest Produce frame (socket.request.max.bytes).
	// Beyond it the connection is closed.
	RequestBytes int
	// ConnRequests is the number of unanswered requests of one connection.
	// At the bound the connection is not read until one is answered.
	ConnRequests int
	// ConnAnswerBytes is the number of bytes of answers of one connection that wait
	// for the answer of an earlier request. At the bound the connection is not
	// read until that has left; the answer that reaches it is kept whole. And a
	// connection's next Fetch is not begun before the last one is answered.
	ConnAnswerBytes int
	// InflightBytes is the number of bytes of unanswered Produce requests of one
	// shard (queued.max.request.bytes). At the bound connections whose next request is a
	// Produce are not read until bytes are freed; other requests go on. A produce
	// that was forwarded counts where its client is, and not where it went.
	InflightBytes int
	// MailboxRequests is the number of requests waiting in a loop's mailbox. At
	// the bound the connection whose request is refused is parked.
	MailboxRequests int

	// --- deadlines ---

	// RequestTimeout bounds requests that carry no timeout of their own
	// (request.timeout.ms). At its end the definite error REQUEST_TIMED_OUT.
	RequestTimeout time.Duration
	// RequestTimeoutMax caps the timeouts that requests do carry.
	RequestTimeoutMax time.Duration
	// LoopSlack is how much longer than a request's own deadline its
	// connection's loop waits for another loop or node to answer.
	LoopSlack time.Duration

	// --- partition logs ---

	// TailBytes is the number of bytes of batches that no segment holds yet, over
	// all partitions of a shard; they are kept in memory. Beyond it the shard
	// flushes partitions that have less than FlushBytes to move.
	TailBytes int
	// FlushBytes is how much of a partition's log waits in the WAL before it is
	// written to its segment.
	FlushBytes int
	// FlushesInFlight is the number of partitions flushed at the same time.
	FlushesInFlight int
	// FlushesTogether is the number of dirty partitions from which, under
	// pressure, so many are flushed at the same time and share syncs of the file
	// system instead of syncing file by file.
	FlushesTogether int
	// FetchBytes caps one partition's share of a fetch response; the first batch
	// is returned whole whatever its size.
	FetchBytes int

	// --- replication ---

	// AckTimeout is how long an ISR member may stay behind without progress
	// before the leader asks for its removal.
	AckTimeout time.Duration
	// LagTimeout is how long ago the oldest record that the follower does not have
	// may have been appended, with progress or not (replica.lag.time.max.ms).
	LagTimeout time.Duration
	// WindowBytes is what a leader sends one follower of a partition without an
	// acknowledgement. At the bound it waits.
	WindowBytes int
	// GatherTime is how long a push waits for the leader's sync under way, to
	// leave with the next WAL group. At the bound it leaves alone.
	GatherTime time.Duration
	// CatchUpBytes is the largest push read back from disk.
	CatchUpBytes int
	// ProbeTimeout is after how long an unanswered probe is sent again.
	ProbeTimeout time.Duration
	// RefusedPause is how long a leader waits after a follower's refusal that is
	// not about the log's content (metadata not applied yet, disk full), and a
	// loop after a refusal of its own disk.
	RefusedPause time.Duration
	// ProposalTimeout is how long a proposal waits for its verdict.
	ProposalTimeout time.Duration
	// WatermarkPause is how long after the last push a follower learns a
	// watermark that no push carried.
	WatermarkPause time.Duration

	// --- connections between brokers ---

	// PeerFrameBytes is the largest frame between brokers. A larger one closes
	// the connection.
	PeerFrameBytes int
	// PeerSilence is how long a connection on which an answer is due may be
	// silent before it is given up and dialled again.
	PeerSilence time.Duration
	// RedialMin and RedialMax bound the pause before dialling again. RedialMax
	// is below AckTimeout: a follower that comes back is not dropped for our pause (BUGS L6).
	RedialMin, RedialMax time.Duration
	// Forwards is the number of unanswered forwarded produces to one node. At
	// the bound the next one is refused (NOT_LEADER_OR_FOLLOWER): it was not sent,
	// so it was certainly not appended.
	Forwards int

	// --- vouching (PROTOCOL 26) ---

	// VouchAge is the age of a loop's last pong and of its oldest disk operation
	// beyond which the node stops heartbeating.
	VouchAge time.Duration
	// PingInterval is how often the control loop pings the other loops.
	PingInterval time.Duration
	// TurnGap is a pause between a loop's due timer and its turn. After a longer
	// one the loop assumes that it was not running, and does not count the
	// silence of others against them.
	TurnGap time.Duration
}

// Default returns the bounds of a production node.
func Default() Limits {
	return Limits{
		RequestBytes:    100 << 20,
		ConnRequests:    1024,
		ConnAnswerBytes: 1 << 20,
		InflightBytes:   256 << 20,
		MailboxRequests: 16384,

		RequestTimeout:    30 * time.Second,
		RequestTimeoutMax: 15 * time.Minute,
		LoopSlack:         500 * time.Millisecond,

		TailBytes:       128 << 20,
		FlushBytes:      1 << 20,
		FlushesInFlight: 2,
		FlushesTogether: 32,
		FetchBytes:      16 << 20,

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
		Forwards:       8192,

		VouchAge:     time.Second,
		PingInterval: 250 * time.Millisecond,
		TurnGap:      300 * time.Millisecond,
	}
}
