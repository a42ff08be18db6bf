// Package shard is the shard loop: it holds the partitions that hash to it, its
// share of the client connections, and its own data connections to the other nodes.
// It connects packages that do not know each other: wal, partition, replica, api and
// wire.
//
// # Where to look
//
//	shard.go      the loop: its state, its events
//	turn.go       the end of a turn: timers, what waited for room, flushes, the
//	              WAL's group, pushes
//	mail.go       the mail between the loops of a node
//	list.go       the lists of partitions that events fill and turns empty
//
//	conn.go       client connections: frames in, responses in order, parking
//	request.go    a request while it runs: operations, results, its deadline
//	route.go      where an operation goes; the lanes that keep produces in order
//	call.go       an operation on its partition's shard, and the way back of its result
//	produce.go    a produce: checks, append, answer
//	append.go     records in the WAL, from append to durable, on leaders and followers
//	fetch.go      a fetch and a long poll; what the lease gates
//	read.go       reads that go to disk
//	offsets.go    offsets by time, ends of epochs
//	coordinator.go coordinator_load.go  state that follows the leadership of a partition
//	groups.go     consumer groups as such state
//
//	partition.go  one replica and its state; where it lives, its names on disk
//	role.go       metadata applied; leaderships begun and ended
//	isr.go        ISR changes: proposals and their verdicts
//	replicate.go  a leader's pushes, and the acknowledgements of followers
//	follow.go     a follower: pushes taken, acknowledgements sent
//
//	link.go       data connections dialled here
//	inbound.go    data connections that other nodes dialled
//	forward.go    produces sent to the node that leads, and those that came here
//	outbox.go     mail that a full mailbox refused
//
//	disk.go       the shard's disk: owners, the age of operations, completions
//	files.go      how many files partitions have open; syncs that could not begin
//	flush.go      write-behind from the WAL to segments
//	recovery.go   the start of a shard: checkpoints, then the WAL
//	remove.go     files that are deleted: of partitions that are gone, or damaged
//	convert.go    everything moved out of the WAL, for another number of shards
//
//	waits.go waits_partition.go  what is pending, for /debug/waits
//	state.go stats.go            what the simulator and metrics see
//
// # A request
//
// It goes through the files in one direction, and its answer comes back the same way:
// conn, request, route, call, produce (or fetch, offsets), append; then, when the log
// is durable or the followers have acknowledged, produce, call, request, conn.
//
// # Buffers
//
// A frame belongs to the request that it holds. The batches of a produce are stamped
// before they are first handed on, and are immutable from then on: the WAL copies
// them, the partition's log and pushes to followers share them.
//
// # Limits
//
// All bounds are in package limits. When a bound is reached, the connection that asks
// for more is parked: it is not read until there is room.
//
// # What it does not do
//
// It decides nothing about the cluster: roles come from applied metadata only. It
// does not evict batches that no segment holds yet (see DECISIONS). It does not change
// the number of shards: before such a change, an incarnation that does nothing else
// moves everything to segments (convert.go).
package shard
