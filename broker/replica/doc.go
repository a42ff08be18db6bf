// Package replica holds the two sides of in-sync replication of one partition in one
// leader epoch, as pure state machines: [Leader] decides what to send, where the high
// watermark stands and which ISR change to ask for; [Follower] decides what to do with a
// push. Neither does I/O or reads a clock: the shard does what they decide and tells them
// what happened.
//
// # How a follower joins an epoch
//
// A leader's first message to a follower is a probe, a push without batches. It says: "in
// my log, epoch Prev ends at Base". Prev is the epoch of the leader's last record, and Base
// is its log end. The follower answers
//
//   - with an acknowledgement, if it has epoch Prev itself. It has cut its log to
//     min(its own end of Prev, Base). That is the largest common prefix, since within one
//     epoch one leader wrote; or
//   - with Diverged(its largest epoch below Prev, the end of that epoch), if it does not
//     have epoch Prev. The leader then probes with its own largest epoch at or below that
//     one. Epochs fall with every round, so the exchange ends (KIP-279).
//
// Only a probe cuts a log. It cuts to the largest common prefix, and never an entry of the
// current epoch. To cut to any smaller common offset (say, the durable end that the leader
// last heard of) would lose data: the follower may hold committed records that the old
// leader counted, and may be the only replica left a moment later.
//
// After that the follower is synced: batches follow in order, a gap is answered with
// Diverged and repaired by a new probe, and a repeated push is acknowledged again.
//
// # What the watermark waits for (PROTOCOL 16)
//
// The watermark is the lowest durable end over the applied ISR, and over every addition
// that was proposed and not refused for certain: the controller may have committed the
// addition, and may elect that replica. A removal counts only when it is applied. While
// the applied ISR is smaller than min.insync.replicas the watermark stands still.
package replica
