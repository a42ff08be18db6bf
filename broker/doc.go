// Package broker contains the packages of the broker. It has no code of its own.
//
// # The parts, from the outside in
//
//	drive       hosts a node in production: goroutines, sockets, disks, clocks
//	node        the control loop: start, Raft, sessions, vouching; the shards' mail
//	shard       the shard loop: client connections, partitions, replication
//	api         one file for each Kafka API key
//	meta        cluster metadata: image, commands, Raft, controller, leases
//	replica     leader and follower of one partition, as pure state machines
//	partition   one replica's log: tail in memory, segments, checkpoints
//	wal         the write-ahead log of one loop
//	wire        Kafka's framing and codecs; wire/peer: messages between brokers
//	batch       record batches, format version 2
//	kafka       Kafka's nouns as distinct types
//	loop        the contract between a loop and its host
//	limits      every bound, with what happens at it
//
// # The instruments
//
//	assert      assertions that are always on
//	env         time and randomness as data
//	mark        places that a simulation campaign must reach
//	rare        legal but unusual choices, switched on by configuration
//	event       what a node tells its operator: the event log
//	wait        what pending operations wait for
//	alloctest   for tests of decoders: what a function may allocate
//
// A part imports only parts below it, and instruments; cmd/corelint enforces that. Only drive may
// use goroutines, locks, clocks, files or sockets.
package broker
