// Package shard is the shard loop: it holds the partitions that hash to it,
// its share of the client connections, and its own data connections to the
// other nodes. It wires what does not know each other: wal, partition, replica,
// api and wire.
//
// # Where to look
//
//	shard.go      the loop: its state, its events
//	turn.go       the end of a turn: timers, what waited for room, flushes, the
//	              log's group, pushes
//	list.go       the lists of partitions that events fill and turns empty
//
//	conn.go       client connections: frames in, responses in order, parking
//	request.go    a request while it runs: operations, results, its deadline
//	route.go      where an operation goes; the lanes that keep produces in order
//	call.go       an operation on its partition's shard, and its result's way back
//	produce.go    a produce: checks, append, answer
//	append.go     from append to durable, on leaders and followers alike
//	fetch.go      a fetch and a long poll; what the lease gates
//	read.go       reads that go to disk
//	offsets.go    offsets by time, ends of epochs
//
//	role.go       metadata applied; leaderships begun and ended
//	isr.go        ISR changes asked for
//	partition.go  one replica, and everything that hangs on it
//	replicate.go  a leader's pushes, and the acknowledgements of followers
//	follow.go     a follower: pushes taken, acknowledgements sent
//	link.go       data connections dialled here
//	inbound.go    data connections that other nodes dialled
//	forward.go    produces sent to the node that leads, and those that came here
//	outbox.go     mail that a full mailbox refused
//	flush.go      write-behind from the WAL to segments
//	recovery.go   the start of a shard: checkpoints, then the WAL
//	remove.go     files that are deleted: of partitions that are gone, or damaged
//	convert.go    the end of a number of shards
//	disk.go       completions of disk operations
//
// # A request
//
// It crosses the files in one direction and its answer comes back the same way:
// conn, request, route, call, produce (or fetch, offsets), append; then, when the log
// is durable or the followers have acknowledged, produce, call, request, conn.
//
// # Buffers
//
// A frame belongs to the request that it holds. The batches of a produce
// are stamped before their first hand-off and are immutable from then on: the
// WAL copies them, the partition's log and pushes to followers share them.
//
// # Limits
//
// All bounds are in package limits. At one, the connection that asks for more is
// parked: it is not read until there is room.
//
// # What it does not do
//
// It decides nothing about the cluster: roles come from applied metadata only. It
// does not evict batches that no segment has yet (see DECISIONS). It does not change
// the number of shards: for that, it moves everything to segments in an incarnation
// that does nothing else (convert.go).
package shard
