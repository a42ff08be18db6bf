package node

import (
	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/limits"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/broker/rare"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/broker/wal"
	"example.com/lockstep/broker/wire/peer"
)

// Config is everything that a node is started with.
type Config struct {
	Node        kafka.NodeID
	Cluster     peer.UUID
	Incarnation peer.UUID // new at every start
	Shards      int       // shard loops, at least 1
	// ConvertTo is 0 unless this incarnation converts the data directory to another number
	// of shards: see Restart. Then it is that number, and Shards the one that wrote the
	// directory.
	ConvertTo int

	// Voters are the nodes of the first Raft configuration with their control addresses. All
	// of them have the same list. A node that is not in it joins a cluster that is born, and its
	// id is higher than theirs, because the node with the higher id dials.
	Voters []Voter

	// AutoJoin: on an empty directory, the node asks for the vote of its lost directory itself
	// (controller.quorum.auto.join.enable).
	AutoJoin bool

	// Listen are the addresses to bind, "host:port". Advertised are the addresses that clients
	// and other nodes use.
	Listen     Addresses
	Advertised Addresses
	Rack       string

	Limits     limits.Limits
	Settings   api.Settings
	Timing     meta.Timing
	Raft       meta.RaftConfig
	Defaults   meta.Configs // broker-level configuration, sorted by name
	ControlWAL wal.Config   // Dir is set by New
	ShardWAL   wal.Config   // Dir is set by New
	Log        partition.Limits
	// Rare are the rare choices that are on: none in production.
	Rare rare.Settings
}

// Voter is a node of the first Raft configuration.
type Voter struct {
	Node kafka.NodeID
	Addr string // control address
}

// Addresses are a node's three endpoints.
type Addresses struct {
	Kafka   string // clients
	Control string // Raft, sessions, proposals
	Data    string // replication and forwarded produces
}

// New builds the loops of a node: the control loop first, then shard 1 and so on. hosts[i] is
// the host of loop i.
func New(cfg Config, hosts []loop.Host) []loop.Loop {
	assert.That(len(hosts) == cfg.Shards+1, "node: %d hosts for %d shards", len(hosts), cfg.Shards)
	loops := []loop.Loop{newControl(cfg, hosts[0])}
	for i := 1; i <= cfg.Shards; i++ {
		walConfig := cfg.ShardWAL
		walConfig.Dir = shardDir(i)
		loops = append(loops, shard.New(shard.Config{
			ID: loop.ID(i), Shards: cfg.Shards, Node: cfg.Node, Cluster: cfg.Cluster,
			Incarnation: cfg.Incarnation, Limits: cfg.Limits.Share(cfg.Shards),
			Settings: cfg.Settings, WAL: walConfig, Log: cfg.Log, PartitionsDir: partitionsDir,
			Coordinators: []shard.Coordinators{shard.Groups(cfg.Limits)}, Rare: cfg.Rare,
		}, hosts[i]))
	}
	return loops
}
