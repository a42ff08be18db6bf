package shard

import (
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/broker/replica"
	"example.com/lockstep/broker/wal"
)

// part is one replica of a partition, with everything that belongs to it. It lives on
// one shard.
type part struct {
	id     kafka.PartitionID
	handle uint32 // of its name in the WAL; 0 until bound
	log    *partition.Log
	topic  topicSettings

	// role, leader and follower follow the applied registration. In a role,
	// exactly one of leader and follower is set; its epoch is the registration's.
	role     role
	epoch    kafka.LeaderEpoch
	leader   *replica.Leader
	follower *replica.Follower
	replicas []replica.Member

	// produces wait for the watermark or the durable end, in the order of arrival.
	produces []waitingProduce
	fetches  []waitingFetch
	// deletions wait for the log start.
	deletions []waitingDeletion
	reads     []pendingRead

	// --- leading ---
	handover   handover
	leadsSince env.Instant      // when it began to lead in the epoch
	told       []told           // for each follower
	tell       *loop.Timer[due] // calls tellNews
	wake       *loop.Timer[due] // when the leader has to be looked at again
	// coordination is there if the topic has coordinators.
	coordination *coordination

	// --- following ---
	ackVia          Via          // the connection of the leader's last push
	acked           kafka.Offset // the durable end that was acknowledged last
	ackDue          bool         // acknowledge even if nothing is new
	ackedStart      kafka.Offset // the log start that was acknowledged last
	leaderWatermark kafka.Offset // the highest that a push of this epoch has named
	leaderStart     kafka.Offset // likewise: the log start to move to
	truncation      wal.Seq      // no acknowledgement before this record is durable

	owner         uint32     // of its disk operations
	in            membership // the shard's lists that it is in
	pinnedAt      wal.Seq    // its key in Shard.dirty; 0: it is not there
	flushing      bool
	flushingBytes int64 // as counted in Shard.flushingBytes
	tailBytes     int64 // as counted in Shard.tailBytes
	removing      bool  // its files are being deleted, and then it is forgotten
	rebuilding    bool  // its files are damaged; once they are gone its log starts empty

	// flushFailures are the flushes that have failed one after the other, for another reason
	// than a full disk. No flush begins before flushAgainAt.
	flushFailures int
	flushAgainAt  env.Instant
	availability  availability // see offline.go
	expiredAt     env.Instant  // when time passed last in its log: see expire.go

	// --- not online ---
	unwritableSince env.Instant
	lastEpoch       kafka.LeaderEpoch // it follows in no newer one
	askAgainAt      env.Instant       // no request to the controller before then
	boundAt         wal.Seq           // empty: of the record that binds its new handle

	start kafka.Offset // the log start as seeStart has seen it

	suspect bool // acknowledged records may be missing (PROTOCOL 8)
}

// topicSettings are the topic configurations that appends obey.
type topicSettings struct {
	minInSync       int
	maxMessageBytes int
	records         recordRules
	coordinators    *Coordinators // nil for most topics
	deletes         bool          // cleanup.policy has delete
	retention       partition.Retention
	roll            partition.Roll
}

// Owner returns the shard that a partition lives on: a hash of its identity, never
// stored or sent (PROTOCOL 5).
func (s *Shard) Owner(id kafka.PartitionID) loop.ID { return Place(id, s.cfg.Shards) }

// Place returns the shard, 1..shards, of a partition: FNV-1a of its identity.
func Place(id kafka.PartitionID, shards int) loop.ID {
	h := uint64(14695981039346656037)
	for _, b := range id.Topic {
		h = (h ^ uint64(b)) * 1099511628211
	}
	for shift := 0; shift < 32; shift += 8 {
		h = (h ^ uint64(byte(uint32(id.Partition)>>shift))) * 1099511628211
	}
	h ^= h >> 32
	return loop.ID(h%uint64(shards)) + 1
}

// DirName is the name of a partition's directory:
// "<topic id, 32 hex digits>-<partition>".
func DirName(id kafka.PartitionID) string {
	return id.Topic.String() + "-" + strconv.Itoa(int(id.Partition))
}

// ParseDir is the inverse of DirName; false if no partition has that name.
func ParseDir(name string) (id kafka.PartitionID, ok bool) {
	topic, number, found := strings.Cut(name, "-")
	n, err := strconv.ParseInt(number, 10, 32)
	raw, hexErr := hex.DecodeString(topic)
	if !found || err != nil || hexErr != nil || len(raw) != len(id.Topic) || n < 0 {
		return id, false
	}
	copy(id.Topic[:], raw)
	id.Partition = int32(n)
	return id, DirName(id) == name
}

// walID is a partition's name in the WAL: topic id, then partition.
func walID(id kafka.PartitionID) (out wal.ID) {
	copy(out[:], id.Topic[:])
	binary.BigEndian.PutUint32(out[16:], uint32(id.Partition))
	return out
}

// partitionID is the inverse of walID.
func partitionID(id wal.ID) (out kafka.PartitionID) {
	copy(out.Topic[:], id[:16])
	out.Partition = int32(binary.BigEndian.Uint32(id[16:]))
	return out
}

// addPart makes the state of a partition that this shard does not hold yet.
func (s *Shard) addPart(id kafka.PartitionID) *part {
	assert.That(s.parts[id] == nil, "shard: partition %v added twice", id)
	s.owners++
	p := &part{id: id, owner: s.owners, expiredAt: s.now.Mono}
	p.log = partition.New(s.logConfig(id, p.owner), s.diskFor(p.owner))
	s.byOwner[p.owner] = p
	s.parts[id] = p
	i, _ := slices.BinarySearchFunc(s.order, p, func(a, b *part) int {
		return comparePartitions(a.id, b.id)
	})
	s.order = slices.Insert(s.order, i, p)
	return p
}

func (s *Shard) logConfig(id kafka.PartitionID, owner uint32) partition.Config {
	return partition.Config{
		Dir: s.cfg.PartitionsDir + "/" + DirName(id), Owner: owner, Life: s.recovery.life,
		Limits: &s.cfg.Log, Rare: s.rare,
	}
}

func comparePartitions(a, b kafka.PartitionID) int {
	if c := slices.Compare(a.Topic[:], b.Topic[:]); c != 0 {
		return c
	}
	return int(a.Partition) - int(b.Partition)
}
