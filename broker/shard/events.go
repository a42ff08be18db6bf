package shard

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/wire/peer"
	"example.com/lockstep/netsim"
)

// What a shard tells the operator: of its log, its disk, and the partitions on it. The control loop
// tells of leaderships and ISRs, which it knows for all shards together.

// narrator remembers what the shard has told. Nothing else depends on it.
type narrator struct {
	began           env.Instant // of the incarnation
	full, spent     bool
	fullAt, spentAt env.Instant
}

// narrateTurn tells where the log has run out of room, and where it has room again.
func (s *Shard) narrateTurn() {
	n := &s.narrator
	if full := s.wal.Full(); full != n.full {
		n.full = full
		s.tellSpell(full, &n.fullAt, event.LogFull, event.LogRoom)
	}
	if spent := s.wal.Used() >= s.cfg.WAL.BudgetBytes; spent != n.spent {
		n.spent = spent
		s.tellSpell(spent, &n.spentAt, event.LogBudgetSpent, event.LogBudgetFree)
	}
}

func (s *Shard) tellSpell(begins bool, since *env.Instant, bad, good event.Name) {
	log := event.Text("log", s.cfg.WAL.Dir)
	if begins {
		*since = s.now.Mono
		s.host.Log(event.New(bad, log, event.Int("used_bytes", s.wal.Used())))
		return
	}
	s.host.Log(event.New(good, log, event.Duration("after", s.now.Mono.Sub(*since))))
}

// narrateRecovery tells what a recovery has found.
func (s *Shard) narrateRecovery() {
	for _, d := range s.wal.Recovery().Damage {
		s.host.Log(event.New(event.LogDamaged, event.Text("log", s.cfg.WAL.Dir),
			event.Int("segment", d.At.Segment), event.Int("byte", d.At.Offset),
			event.Text("cause", fmt.Sprint(d.Reason))))
	}
	var names []string
	for _, id := range s.recovery.suspect {
		if names = append(names, DirName(id)); len(names) > 5 {
			break
		}
	}
	if n := len(s.recovery.suspect); n > 0 {
		s.host.Log(event.New(event.PartitionsSuspect, event.Int("partitions", n),
			event.Few("some", names)))
	}
	s.host.Log(event.New(event.ShardRecovered, event.Int("partitions", len(s.order)),
		event.Int("log_bytes", s.wal.Used()),
		event.Duration("took", s.now.Mono.Sub(s.narrator.began))))
}

// HelloRefused is the event of a connection to a listener for brokers that is refused. hello is nil
// if none came. The subject is the node that the other side claims to be, or its address.
func HelloRefused(
	conn netsim.Conn, hello *peer.Hello, cluster peer.UUID, self kafka.NodeID,
) event.Event {
	from := conn.RemoteAddr()
	if i := strings.LastIndexByte(from, ':'); i >= 0 {
		from = from[:i] // each connection has another port
	}
	if hello == nil {
		return event.New(event.HelloRefused, event.Text("peer", from),
			event.Text("cause", "it does not speak the protocol of brokers"))
	}
	cause := "it asked for another kind of connection"
	switch {
	case hello.Cluster != cluster:
		cause = "it belongs to cluster " + hex.EncodeToString(hello.Cluster[:])
	case hello.MinVersion > peer.MaxVersion || hello.MaxVersion < peer.MinVersion:
		cause = fmt.Sprintf("it speaks versions %d to %d of the protocol, this node %d to %d",
			hello.MinVersion, hello.MaxVersion, peer.MinVersion, peer.MaxVersion)
	case hello.Node == self:
		cause = "it has the id of this node"
	}
	return event.New(event.HelloRefused, event.Int("peer", hello.Node), event.Text("from", from),
		event.Text("cause", cause))
}

// topicPartition is Kafka's name of a partition, or the name of its directory while its topic is
// not known.
func (s *Shard) topicPartition(id kafka.PartitionID) string {
	if t := s.image.TopicByID(id.Topic); t != nil {
		return t.Name + "-" + strconv.Itoa(int(id.Partition))
	}
	return DirName(id)
}
