// Package meta is the cluster's metadata: one deterministic state machine, replicated by
// Raft, and the duties that belong to it: sessions, leases, fencing, leader election, ISR
// changes, topics, configurations.
//
// The package does no I/O, reads no clock and starts no goroutine. Every call gets the
// time, and the control loop carries out the [Effects] that the package returns. The only
// randomness is the election jitter that the raft library draws from crypto/rand.Reader;
// the simulator replaces that variable. PROTOCOL n is a rule of docs/protocol.md.
//
// # The parts
//
//	Image       all state after one Raft index; immutable, copy-on-write
//	Command     one conditional change; its Verdict is computed by applying it
//	Raft        drives etcd raft; records, files and messages leave it as values
//	controller  on the node that leads Raft: proposals, sessions, leases, fences
//	session     on every node: registration, heartbeats, the lease
//	Node        the facade that the control loop uses
//
// # A turn of the control loop
//
// Call Step for each message that arrived, Persisted and SnapshotSaved for what became
// durable, then Tick, and last Ready. Carry out the effects that Ready returns. The next
// turn is due at NextTimer, at the latest.
//
// # Obligations of the user
//
//  1. Persist batches are appended to one WAL in the order of their tokens. For a batch
//     with Sync, call Persisted(Token) once it and all batches before it are durable, and
//     never earlier: responses to votes and appends leave then. A batch without Sync may
//     become durable at any time.
//  2. WAL records before a batch with Checkpoint, and the files of snapshots of a lower
//     index, may be deleted only when that batch is durable.
//  3. A SnapshotFile is durable with its directory entry before SnapshotSaved is called.
//     Batches that depend on it are held back here.
//  4. After a crash, give Recover all surviving records in their order, and the image of
//     the index that LastSnapshot names. Before the first start, make the records and the
//     image of NewCluster durable, or those of JoinCluster on a directory that is no voter.
//     The cluster id and the voters are the same on all nodes.
//  5. If the control WAL is damaged, or has lost its first records and is not
//     Checkpointed, set WALDamaged: the node takes no part in Raft, and the operator lets
//     it come back on an empty directory, which has another Raft id.
//  6. The incarnation is new at every start, and the data directory is locked while the
//     process runs: a registration proves that the process of the earlier incarnation has
//     ended.
//  7. Give Effects.Image and Changes to every loop, in order. Call Confirm(i) only when
//     every loop acts on the image of index i: leases depend on it.
//  8. LeaseUntil is compared with the time of the turn in which an answer is made, on
//     CLOCK_BOOTTIME. An answer that claims to know the end of a log needs the lease, and
//     leadership by the image that the shard acts on.
//  9. Drain, and ElectLeaders with Resigned, are called only after the shards have stopped
//     answering for the leaderships in question.
//  10. Call SetHealthy(false) when any loop or the disk does not answer in time.
//  11. Call Announce when all logs are recovered: the node registers after that. Files of
//     unknown topics may be deleted once Epoch is not 0 (PROTOCOL 13).
//  12. Stop the process if Superseded.
//  13. Give Step the directory of the node that a message came from, and send an Envelope with
//     a Directory to that directory only. Call PeerDown when a message to a peer was dropped,
//     or its control connection breaks.
//  14. Call SetFull(true) while any shard refuses appends because its disk has no room.
//
// # Promises
//
// A command is proposed at most once. REQUEST_TIMED_OUT says that its fate is unknown. Any
// other code of a command that was not applied says that it was not proposed. The index of
// the images only grows. While the clocks keep the drift bound, a valid lease protects the
// leaderships that the broker has by the image it confirmed: until the broker gives such a
// leadership up, or the lease ends, no other epoch gets it.
//
// # Buffers
//
// Messages given to Step and bytes in Effects are kept, and shared with Raft's log: nothing
// may write to them. Everything reached from an Image is shared.
//
// # Limits
//
// A command has at most 8 MiB. An entry holds 512 KiB of commands, or one larger command. A
// controller queues 8,192 commands or 64 MiB. It returns more with NOT_CONTROLLER, and
// their nodes send them again until their deadlines. All metadata is in memory, and so is
// the log since the last snapshot (64 MiB). bounds.go bounds what the image holds.
//
// # Deliberately absent
//
// Changes of more than one member at a time, rack-aware placement, reassignment of
// replicas, quotas, ACLs and SCRAM. A command that may have been proposed is not proposed
// again, and Raft does not forward proposals.
package meta
