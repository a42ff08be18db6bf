// Package wal is the write-ahead log of one loop. All partitions of a shard loop share one log, so
// that one fsync commits the records of all of them. The control loop has a log of its own for
// Raft. So neither a full data disk nor a burst of produce requests can stop elections (PROTOCOL
// 10).
//
// A [Log] is a state machine without I/O of its own: it submits operations to a [Disk], and its
// owner, the loop, gives it their completions. It never blocks and reads no clock.
//
// # One turn
//
//	seq, at := log.Append(typ, handle, parts...)  // copied into the open group
//	err := log.Completed(c)                       // each completion of the WAL's owner
//	log.EndTurn(now)                              // seals and submits, if the window allows
//	log.Durable()                                 // wake what waits for a sequence <= this
//	log.NextTimer()                               // the idle mark; otherwise Never
//
// Group commit has no tick. A group is sealed when it can be submitted, so it holds the records
// that arrived while the previous syncs ran. Groups that have reached their size wait for the
// window in a queue, in order.
//
// # What is durable
//
// A group is one WriteSync. Up to Config.InFlight of them run together and may end in any order.
// [Log.Durable] advances only over groups that, with all groups before them, are complete (PROTOCOL
// 9). A segment's header is submitted only when everything before the segment is durable, and the
// segment's groups only when the header is durable. So a valid header proves that all earlier
// sequences were durable, and a group without its header proves damage. The price of both is one
// sync for each use of a segment file.
//
// # Recovery
//
// [Log.Recover] starts the recovery. The owner feeds completions and takes the records with
// [Log.NextRecovered], strictly in sequence, until [Log.Phase] is Ready. Config.ReadBytes, the
// longest record and the bindings bound the memory.
//
// A recovery syncs files before it reads them. Without that sync, a record that a killed process
// left in the page cache would be called durable, and then be lost with the power. It reads past
// the page cache: a sync that failed in an earlier incarnation may have left pages there that no
// later sync makes durable.
//
// PROTOCOL 8 says what invalid bytes mean. The scan tries each 4 KiB boundary to the end of the
// segment, and then reads the later segments:
//   - a valid record of a later sequence, or a later segment's header, makes the
//     missing sequences [Damage];
//   - otherwise the log ends there: a torn tail, or nothing was written.
//
// A group counts as a whole. A torn group may lose a record and keep another one behind it. The
// scan withholds that record until a later group or segment shows that the hole is damage. Then it
// goes back for the record.
//
// Valid records behind damage are delivered too; the owner decides which partitions are suspect.
// Every recovery reports damage until its segment is recycled, so the owner writes a checkpoint and
// releases the segment once it has repaired the damage. For this reason the sequences of damage at
// the end ([Unreadable], [EndLost]) are not used again: the next segment shows the gap, whether or
// not the sector can be read by then. An incarnation that writes nothing leaves no such segment,
// and the next one has to look again.
//
// With InFlight above 1 an honest crash may lose group n and keep n+1. Nothing tells that from a
// group n that was acknowledged and rotted a moment before n+1 was acknowledged. PROTOCOL 8 calls
// both damage, and so does this package ([BeforeValid]; [BelowDurable] is the certain kind). A log
// that cannot afford the false alarm uses InFlight 1: then BeforeValid is exact too. The control
// log must use 1: a voter that suspects its own log leaves the cluster, and all voters may lose
// power together.
//
// # Why nothing comes back from beyond a torn tail
//
// A new incarnation never writes into an old segment. Its first group goes to a fresh segment. The
// number of that segment is above all numbers that were ever seen. Its header names the previous
// segment (number and id), the offset where the valid part of that one ends, and the first sequence
// of the new one. Later recoveries walk this chain from the newest header. They read a segment only
// up to the end that its successor states, and accept only sequences below the successor's first. A
// segment that is not on the chain is removed unread. Recycled files keep old bytes, but those name
// another segment number and id.
//
// If a header could not be read, the order of the segments before it is a guess. A recovery with
// damage that may be a failure to read ([Recovery.Doubtful]) therefore removes nothing. Otherwise
// the next recovery would find a log that begins behind the removed files, and call it whole.
//
// # Handles
//
// A record names its partition by a handle, a number of 32 bits that is valid on this node only.
// [Log.Bind] allots it and never uses it again (PROTOCOL 1). Each segment's header carries all live
// bindings, and a Bind or Unbind record notes a change within the segment, so that older segments
// can be dropped. During recovery [Log.Bound] answers as of the record that was delivered last.
//
// # What the owner owes
//
//   - It gives every completion with the WAL's owner tag to Completed and, on an
//     error, stops the node. A failed log stays failed: it accepts appends into
//     memory and never makes one durable. A failed sync is not retried.
//   - It refuses appends while [Log.Full] (no room for the next segment) or while [Log.Used] is
//     past the budget. Full ends after a Release that frees a segment, or after [Log.Retry] if
//     there is room by then. Until then the rest of the current segment is the reserve for records
//     that cannot be refused.
//   - It calls Release(n) only when everything up to n is durable elsewhere. Records at or below n
//     may still be delivered again after a crash: a recycled name is not always durable.
//   - It tells the log of its checkpoints ([Log.Expect]). A log that ends before the last sequence
//     that they cover has lost its end.
//   - It compares Recovery.FirstSeq with the sequence up to which its checkpoints let the log go. A
//     log that begins later has lost whole files. The log itself cannot see that, so it reports no
//     Damage.
//   - It expects rising sequences in its own records, but no contiguous ones: bindings and marks
//     take sequences too.
//
// # Limits
//
// A payload has at most [MaxRecordBytes] (128 MiB). A record that is longer than a group makes its
// group longer; one that is longer than a segment makes its segment longer. A group has at most
// 2^24 records, and the report has at most 1024 ranges of damage. A header grows by 24 bytes for
// each live binding.
//
// # Buffers
//
// Append copies. A recovered Payload is lent until the next call of NextRecovered. A slice given to
// ReadOp belongs to the disk until the completion of the read, which goes to the loop that
// submitted it and not to the log.
//
// # For Raft
//
// Record types 1..[MaxType] and the payloads belong to the owner. The control loop uses handle 0
// and three types: entry (term, index, data), hard state, and snapshot. An entry at an index that
// is already there replaces it and all later entries, and a hard state replaces the hard state
// before it. So a replay in sequence order gives what Raft had saved. Messages that depend on a
// Ready leave when Durable() has reached the sequence of its last record. After a snapshot is
// durable in its own file, the loop calls Release(sequence of the oldest record still needed - 1).
//
// # What it does not do
//
// No compression, no index by partition or offset, no truncation (a truncation is a record,
// PROTOCOL 12), no locks or format file, no budget of its own (Used is reported), no repair.
package wal
