// Package meta is the cluster's metadata: one deterministic state machine,
// replicated by Raft, and the duties that come with it: sessions, leases,
// fencing, leader election, ISR changes, topics, configurations.
//
// Everything is values. Nothing here does I/O, reads a clock or starts a
// goroutine: time comes in with every call, and what is to be done comes out as
// [Effects]. The only randomness is the election jitter that the raft library
// draws from crypto/rand.Reader; the simulator replaces that variable. PROTOCOL n
// is a rule of docs/protocol.md.
//
// # The parts
//
//	Image       all state after one Raft index; immutable, copy-on-write
//	Command     one conditional change; its Verdict is computed by applying it
//	Raft        drives etcd raft: records, files and messages out, by values
//	controller  where Raft leads: proposals, sessions, leases, fences
//	session     everywhere: registration, heartbeats, the lease
//	Node        the facade that the control loop uses
//
// # A turn of the control loop
//
// Call Step for each message that arrived, Persisted and SnapshotSaved for what
// became durable, then Tick and last Ready, whose effects are to be carried
// out. The next turn is due at NextTimer, at the latest.
//
// # Obligations of the user
//
//  1. Persist batches are appended to one WAL in the order of their tokens. For
//     a batch with Sync, call Persisted(Token) once it and all before it are
//     durable, and never earlier: responses to votes and appends leave then.
//     A batch without Sync may become durable whenever it likes.
//  2. Only when a batch with Checkpoint is durable may the WAL records before
//     it go, and the files of snapshots of a lower index.
//  3. A SnapshotFile is durable with its directory entry before SnapshotSaved
//     is called. Batches that depend on it are held back here.
//  4. After a crash, hand Recover all surviving records in their order with the
//     image of the index that LastSnapshot names. Before the first start, make
//     the records and image of NewCluster durable. Its cluster id and voters
//     are the same on all nodes.
//  5. If the control WAL is damaged, or lacks its first records and is not
//     Checkpointed, set WALDamaged: the node takes no part in Raft, and the
//     operator lets it come back under a new id.
//  6. The incarnation is new at every start, and the data directory is locked
//     while a process lives: a registration proves that its predecessor is dead.
//  7. Hand Effects.Image and Changes to every loop, in order. Confirm(i) only
//     when every loop acts on the image of index i: a lease rests on it.
//  8. LeaseUntil is compared with the time of the turn in which an answer is
//     made, on CLOCK_BOOTTIME. An answer that claims to know the end of a log
//     needs the lease, and leadership by the image that the shard acts on.
//  9. Drain, and ElectLeaders with Resigned, are called only after the shards
//     have stopped answering for the leaderships in question.
//  10. SetHealthy(false) when any loop or the disk does not answer in time.
//  11. Announce when all logs are recovered: the node registers after that.
//     Files of unknown topics may be deleted once Epoch is not 0 (PROTOCOL 13).
//  12. Stop the process if Superseded.
//  13. Call PeerDown when a control connection breaks.
//  14. SetFull(true) while any shard refuses appends for lack of space.
//
// # What is promised
//
// A command is proposed at most once; REQUEST_TIMED_OUT says that its fate is
// unknown, any other code of an unapplied command that it was not proposed.
// Images only grow in index. At any time, on any clocks within the drift bound,
// if a broker's lease is valid then no leadership that it has by the image it
// confirmed, and has not given up, has been given to another epoch.
//
// # Buffers
//
// Messages given to Step and bytes in Effects are kept, and shared with Raft's
// log: nobody writes to them. Everything reached from an Image is shared.
//
// # Limits
//
// One command is at most 8 MiB and an entry holds 512 KiB of commands or one
// larger command; 8,192 commands or 64 MiB wait at a controller, and more are
// refused with NOT_CONTROLLER, to be tried again until their deadline. All
// metadata is in memory, and so is the log since the last snapshot (64 MiB).
//
// # Deliberately absent
//
// Learners, joint configurations of more than one voter, rack-aware placement,
// reassignment of replicas, quotas, ACLs and SCRAM. Proposals are not retried
// and not forwarded by Raft.
package meta
