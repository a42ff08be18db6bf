// Package partition is one replica of one partition's log, on one shard loop. It is a state machine
// that never blocks and reads no clock. It knows neither the WAL nor replication; the shard
// connects them.
//
// # Where a batch is
//
//	Append        tail: in memory, and in the WAL at its Ref
//	Durable       the WAL is durable up to a sequence; DurableEnd moves
//	Evict         tail without bytes: Read returns Missing, the owner reads the WAL
//	              record and gives the batch back with Restore
//	Flush         segments in the directory Dir, which the checkpoint names;
//	              Pinned moves, and the WAL may release the records before it
//	SetStart      below the log start: gone with the next flush
//
// Nothing is on disk before the first flush: until then the WAL has everything. Reads and searches
// look at the tail at once. For segments they start a task; see [Read].
//
// # A turn
//
//	log.CheckProducer(batches)         // leader only; changes nothing
//	batch.Stamp(log.End(), epoch)
//	ref := append to the WAL           // may be refused: no trace is left
//	log.Append(batch, ref)             // log end and producer state move together
//	...
//	log.Durable(seq)                   // from the WAL
//	log.SetWatermark(w)                // from replication
//	log.Completed(c)                   // each completion with Config.Owner; gives Dones
//
// The example shows all of it.
//
// # What the owner must do
//
//  1. Every change is a WAL record first: batches, StartEpoch, Truncate, Reset, and SetStart where
//     it must survive. Sequences start at 1 and rise. The owner calls Durable for a sequence only
//     after it has given all records of the partition up to that sequence.
//  2. The WAL keeps the records at and after Pinned. To move Pinned, the owner calls Flush: when
//     Candidate shows that it is worth it (PROTOCOL 11), or when only Notes pin a WAL that is idle.
//     It restores the Missing batches of Candidate first.
//  3. An error of Completed ends the node: a sync or a rename failed. The Err of a Done does not
//     end it. If a Flush had no room or a write failed, the log is as it was, and the Flush may be
//     repeated. An Err on Loaded or Cut makes the state Failed. If it is ErrDamaged, the owner has
//     to delete the replica and fetch it again; with any other error nothing is known to be lost,
//     and the node has to stop and try again. ErrDamaged on ReadDone or LookedUp changes nothing:
//     the next read of that place ends the same way, so another replica has to serve it.
//  4. The watermark is not above the durable end of this replica.
//  5. After Truncate the owner acknowledges nothing before the record of it is durable.
//
// # Recovery
//
// The owner calls Load. Then it gives every WAL record of the partition, strictly by sequence, to
// Replay, StartEpoch, Truncate, Reset or SetStart. At last it calls EndReplay. Records that the
// checkpoint covers are skipped. If Replay returns ErrGap or EndReplay returns false, records are
// missing: the replica is suspect (PROTOCOL 8). Config.Life identifies the sequence space of the
// WAL. A checkpoint with a different Life covers nothing. That is right only if the old WAL was
// replayed and flushed to its end (PROTOCOL 5).
//
// Load makes the directory's names durable before it reads the checkpoint: a killed process may
// have left the checkpoint's name in the page cache only.
//
// Of the segment files, only the bytes that the checkpoint names are trusted. Load cuts off the
// bytes behind them, and removes files that the checkpoint does not name. Index files that are
// missing or damaged are built again from the log, while reads go on. Bytes from segments are
// served only if their offsets continue and their CRC is right.
//
// # Producer state
//
// The state of a producer is an immutable value. Tables of them are copy-on-write: one for the log
// end, and one or two in the checkpoint. [Log.Truncate] says how the state is computed again. If
// Limits.Producers forces a producer out, the log behaves as if it had never known it: it accepts
// any next sequence.
//
// # Buffers
//
// Append and Restore keep a reference to the batch's buffer, which must not change any more
// (PROTOCOL 32). The batches that Read returns are these buffers, or buffers that were made for
// that read. The bytes that are written to disk are a copy.
//
// # Limits
//
// One job at a time changes the directory. A task has at most [FilesOfTask] files open. It opens
// them in one step, and none while it has others open. So an owner that lets Opens wait for their
// turn, in the order of submission, bounds the files that all its partitions have open. An idle
// partition without a tail holds no buffers, maps or handles. A segment costs about 130 bytes of
// memory.
//
// # What it does not do
//
// No compaction: cleanup.policy=compact keeps everything for now. No waiters, deadlines or quotas:
// the shard has them. No transaction index. No scrub: a segment is verified when it is read. A
// segment does not age if its batches have no timestamps.
package partition
