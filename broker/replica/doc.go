// Package replica holds the two sides of in-sync replication of one partition
// in one leader epoch, as pure state machines: [Leader] decides what to send,
// where the high watermark stands and which ISR change to ask for; [Follower]
// decides what to do with a push. Neither does I/O, reads a log or a clock: the
// shard does what they say and tells them what happened.
//
// # How a follower joins an epoch
//
// A leader's first message to a follower is a probe, a push without batches,
// that says: "in my log, epoch Prev ends at Base", with Prev the epoch of the
// leader's last record and Base its log end. The follower answers
//
//   - with an acknowledgement, if it has epoch Prev itself: it has cut its log to
//     min(its own end of Prev, Base), which is the largest common prefix, since
//     within one epoch one leader wrote; or
//   - with Diverged(its largest epoch below Prev, the end of that epoch), if it
//     does not; the leader then probes with its own largest epoch at or below
//     that one. Epochs fall with every round, so the exchange ends (KIP-279).
//
// Only a probe cuts a log, only below the largest common prefix, and never an
// entry of the current epoch. Cutting at any smaller common offset (say, the
// durable end the leader last heard of) would lose data: the follower may hold
// committed records that the old leader counted, and be the only survivor
// a moment later.
//
// After that the follower is synced: batches follow in order, a gap is answered
// with Diverged and healed by a new probe, a repetition is acknowledged again.
//
// # What the watermark waits for (PROTOCOL 16)
//
// min(durable end) over the applied ISR and over every addition that was
// proposed and not definitely refused: the controller may have committed it,
// and may elect that replica. A shrink counts only once applied. While the
// applied ISR is smaller than min.insync.replicas the watermark stands.
package replica
