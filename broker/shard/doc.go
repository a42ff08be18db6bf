// Package shard is the shard loop: it holds the partitions that hash to it,
// its share of the client connections, and its own data connections to the
// other nodes. It wires what does not know each other: wal, partition, replica,
// api and wire.
//
// # Where to look
//
//	shard.go      the loop: events, turns, timers
//	conn.go       client connections: frames in, responses in order, parking
//	request.go    a request while it runs: operations, results, its deadline
//	produce.go    the way of a produce through its partition, in order
//	forward.go    produces for partitions that another node leads; lanes
//	fetch.go      reads, long polls, offsets, epochs; what the lease gates
//	partition.go  roles: metadata applied, leaderships begun and ended, ISR changes
//	replicate.go  pushes and acknowledgements, on both sides
//	link.go       data connections dialled here
//	inbound.go    data connections that other nodes dialled
//	flush.go      write-behind from the WAL to segments
//	recovery.go   the start of a shard; partitions that come and go on disk
//	disk.go       completions; what has become durable
//
// # Buffers
//
// A frame belongs to the request that was cut from it. The batches of a produce
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
// does not evict batches that no segment has yet (see DECISIONS), and keeps the
// number of shards that its data directory was written with.
package shard
