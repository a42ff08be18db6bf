// Package partition is one replica of one partition's log, on one shard loop: a
// state machine that never blocks, reads no clock and knows neither the WAL nor
// replication. The shard wires them.
//
// # Where a batch lives
//
//	Append        tail: in memory, and in the WAL at its Ref
//	Durable       the WAL is durable up to a sequence; DurableEnd moves
//	Evict         tail without bytes: Read says Missing, the owner reads the WAL
//	              record and gives the batch back with Restore
//	Flush         segments in the directory Dir, vouched for by the checkpoint;
//	              Pinned moves, and the WAL may release what lies before it
//	SetStart      below the log start: gone with the next flush
//
// Nothing is on disk before the first flush: the WAL has it all. Reads and
// searches look at the tail at once and at segments by a task; see [Read].
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
// # What the owner owes
//
//  1. Every change is a WAL record first: batches, StartEpoch, Truncate, Reset, and
//     SetStart where it must survive. Sequences start at 1 and rise; all records
//     of a partition up to a sequence are given before Durable of that sequence.
//  2. The WAL keeps what lies at or after Pinned. To move it: Flush, when Candidate
//     says that it is worth it (PROTOCOL 11), or when Notes pin a WAL that is idle
//     otherwise. Missing batches of Candidate are to be restored before.
//  3. An error of Completed ends the node: a sync or rename failed. The Err of a Done
//     does not: no space or a failed write leaves the log as it was, and a Flush
//     may be repeated; ErrDamaged on Loaded or Cut makes the state Failed, and the
//     replica has to be deleted and fetched again. ErrDamaged on ReadDone or LookedUp
//     changes nothing: the next read of that place ends the same way, and another
//     replica has to serve it.
//  4. The watermark is not above the durable end of this replica.
//  5. After Truncate nothing is acknowledged before its record is durable.
//
// # Recovery
//
// Load, then every WAL record of the partition strictly by sequence through
// Replay, StartEpoch, Truncate, Reset and SetStart, then EndReplay. Records that
// the checkpoint covers are skipped. ErrGap and a false EndReplay mean that
// records are missing: the replica is suspect (PROTOCOL 8). Config.Life names
// the sequence space of the WAL: a checkpoint of another life covers nothing,
// which is right only if the old WAL was replayed and flushed to its end (PROTOCOL 5).
//
// Load makes the directory's names durable before it reads the checkpoint, which a
// killed process may have left in the page cache only.
//
// Of the segment files only the bytes that the checkpoint names are trusted;
// what follows is cut off and files it does not name are removed. Missing or
// damaged index files are built again from the log, without holding up anybody.
// Bytes read from segments are served only if offsets continue and the CRC fits.
//
// # Producer state
//
// An immutable value per producer, in copy-on-write tables: one of the log end,
// one or two in the checkpoint. [Log.Truncate] says how it is computed again.
// State that had to go because of Limits.Producers is as if it never was:
// the next sequence is taken whatever it is.
//
// # Buffers
//
// Append and Restore keep a reference to the batch's buffer, which must not
// change any more (PROTOCOL 32). Batches that Read returns are these buffers, or
// ones made for that read. What is written to disk is a copy.
//
// # Limits
//
// One job at a time changes the directory (four files open at most); each read
// that needs a segment has up to three files open while it runs: the owner bounds
// reads in flight. An idle partition without tail holds no buffers, maps or
// handles; a segment costs about 130 bytes of memory.
//
// # What it does not do
//
// No compaction: cleanup.policy=compact keeps everything, for now. No waiters,
// deadlines or quotas (the shard has them). No transaction index. No scrub: a
// segment is verified where it is read. A segment whose batches have no
// timestamps does not age.
package partition
