// Package wal is the write-ahead log of one loop. A shard loop shares one
// among all its partitions, so that one fsync commits whatever arrived for any
// of them; the control loop has its own for Raft, so that a full data disk or a
// burst of produce cannot stop elections (PROTOCOL 10).
//
// A [Log] is a state machine without I/O of its own: it submits operations to
// a [Disk] and is fed their completions. It never blocks and reads no clock.
//
// # One turn
//
//	seq, at := log.Append(typ, handle, parts...)  // copied into the open group
//	err := log.Completed(c)                       // each completion of the WAL's owner
//	log.EndTurn(now)                              // seals and submits, if the window allows
//	log.Durable()                                 // wake what waits for a sequence <= this
//	log.NextTimer()                               // the idle mark; otherwise Never
//
// Group commit has no tick: a group is sealed when it can be submitted, so it
// holds what arrived while the previous syncs ran. Groups that have reached
// their size queue behind the window in order.
//
// # What is durable
//
// A group is one WriteSync. Up to Config.InFlight run together and may end in
// any order; [Log.Durable] advances over completed prefixes only (PROTOCOL 9).
// A segment's header is submitted only when everything before the segment is
// durable, and its groups only when the header is: so a valid header proves
// all earlier sequences, and a group without its header proves damage. Both
// cost one sync in a segment's life.
//
// # Recovery
//
// [Log.Recover] begins it; the owner feeds completions and pulls records with
// [Log.NextRecovered], strictly in sequence, until [Log.Phase] is Ready.
// Memory is bounded by Config.ReadBytes, the longest record and the bindings.
// Files are synced before they are read: a record that a killed process left
// in the page cache would otherwise be called durable and then lost with power. And
// they are read past the cache: a sync that failed in an earlier life may have left
// pages there that no later sync makes durable.
//
// Invalid bytes are judged by PROTOCOL 8. The scan goes on over 4 KiB
// boundaries to the end of the segment, and over the later segments:
//   - a valid record of a later sequence, or a later segment's header, makes the
//     missing sequences [Damage];
//   - otherwise the log ends there: a torn tail, or nothing was written.
//
// The unit is the group. A torn one may lose a record and keep another behind
// it; that one is withheld until a later group or segment shows that the hole
// is damage, and then the scan goes back for it.
//
// What is valid behind damage is delivered too; the owner decides who is
// suspect. Damage is reported by every recovery until its segment is recycled,
// so the owner checkpoints and releases once it has repaired it. For that the
// sequences of damage at the end ([Unreadable], [EndLost]) are not given out
// again: the next segment shows the gap, whether or not the sector can be read by
// then. Only a life that writes nothing leaves it to the next one to look.
//
// With InFlight above 1 an honest crash may lose group n and keep n+1; nobody
// can tell that from n acknowledged and rotted a moment before n+1 was. The
// rule calls both damage, and so do we ([BeforeValid]; [BelowDurable] is the
// certain kind). Who cannot afford the false alarm uses InFlight 1, where
// BeforeValid is exact too. The control WAL must: a voter that suspects its own
// log leaves the cluster, and all of them may lose power together.
//
// # Why nothing comes back from beyond a torn tail
//
// A new life never writes into an old segment. Its first group goes to a fresh
// one, whose number is above all that were ever seen and whose header names the
// previous segment (number and id), the offset where its valid part ends, and
// the first sequence of the new one. Later recoveries walk this chain from the
// newest header; they read a segment only up to the end that its successor
// states and accept only sequences below the successor's first. A segment that
// is not on the chain is removed unread. Recycled files keep old bytes, but
// those name another segment number and id.
//
// Where a header could not be read, what came before it is a guess. A recovery
// whose damage may be a failure to read ([Recovery.Doubtful]) therefore removes
// nothing: the next one would take the log to begin behind what was removed, and
// call it whole.
//
// # Handles
//
// A record names its partition by a node-local u32 that [Log.Bind] allots and
// never reuses (PROTOCOL 1). Each segment's header carries all live bindings,
// and a Bind or Unbind record notes changes within it, so that older segments
// can be dropped. During recovery [Log.Bound] answers as of the record that was
// delivered last.
//
// # What the owner owes
//
//   - It gives every completion with the WAL's owner tag to Completed and, on an
//     error, stops the node. A failed log stays failed: it accepts appends into
//     memory and never makes one durable. A failed sync is not retried.
//   - It refuses appends while [Log.Full] (no room for the next segment) or while
//     [Log.Used] is past the budget. Full clears by Release or, after the owner
//     has called [Log.Retry], when there is room. What is left of the current
//     segment is then the reserve for records that cannot be refused.
//   - Release(n) only once everything up to n is durable elsewhere. Records at or
//     below that may be delivered again after a crash: a recycled name is not
//     always durable.
//   - It tells the log of its checkpoints ([Log.Expect]): one that ends before what
//     they cover has lost its end.
//   - It compares Recovery.FirstSeq with what a checkpoint let go: a log that begins
//     later has lost whole files, which is no Damage that the log could see.
//   - Its own records have rising sequences, but not contiguous ones: bindings and
//     marks take sequences too.
//
// # Limits
//
// A payload has at most [MaxRecordBytes] (128 MiB); a record longer than a
// group makes its group longer, one longer than a segment its segment. A group
// has at most 2^24 records, the report at most 1024 ranges of damage. Headers
// grow by 24 bytes per live binding.
//
// # Buffers
//
// Append copies. A recovered Payload is lent until the next call of
// NextRecovered. A slice given to ReadOp belongs to the disk until its
// completion, which goes to the submitter and not to the log.
//
// # For Raft
//
// Record types 1..[MaxType] are the owner's, as are payloads. The control loop
// uses handle 0 and types such as: entry (term, index, data), hard state,
// snapshot begun and installed. An entry at an index that is already there
// replaces it and all later ones, hard state replaces hard state: replay in
// sequence order gives what Raft had saved. Messages that depend on a Ready
// leave when Durable() >= the sequence of its last record. After a snapshot is
// durable in its own file, Release(sequence of the oldest record still needed - 1).
//
// # What it does not do
//
// No compression, no index by partition or offset, no truncation (that is a
// record, PROTOCOL 12), no locks or format file, no budget of its own (Used is
// reported), no repair.
package wal
