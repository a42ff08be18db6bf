package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/drive"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/limits"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/node"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/broker/wait"
	"example.com/lockstep/broker/wal"
	"example.com/lockstep/broker/wire/peer"
	"example.com/lockstep/diskfs"
	"example.com/lockstep/diskfs/osfs"
	"example.com/lockstep/netsim/tcp"
)

// nodeConfig is the configuration in the form of package node. incarnation must be new at
// every start.
func nodeConfig(c *brokerConfig, incarnation peer.UUID) node.Config {
	var voters []node.Voter
	for _, v := range c.voters {
		voters = append(voters, node.Voter{Node: kafka.NodeID(v.node), Addr: v.addr})
	}
	log := partition.DefaultLimits()
	log.SegmentBytes, log.ProducerIdle = c.segmentBytes, c.producerIdle
	shardWAL := wal.DefaultConfig("")
	shardWAL.SegmentBytes, shardWAL.BudgetBytes = c.walSegmentBytes, c.walBudgetBytes
	timing := sessionTiming(c.heartbeat, c.session)
	return node.Config{
		Node: kafka.NodeID(c.nodeID), Cluster: c.cluster, Incarnation: incarnation,
		Shards: c.shards, Voters: voters, AutoJoin: c.autoJoin, Rack: c.rack,
		Listen: node.Addresses{Kafka: c.listener, Control: c.control, Data: c.replication},
		Advertised: node.Addresses{
			Kafka: c.advertised, Control: c.ownVoter(), Data: c.advertisedReplication,
		},
		Limits: brokerLimits(c),
		Settings: api.Settings{
			AutoCreateTopics: c.autoCreateTopics, DeleteTopics: c.deleteTopics,
			NumPartitions: int32(c.numPartitions), ReplicationFactor: int16(c.replicationFactor),
			MinInSync: int(c.minInSync), MaxMessageBytes: int(c.messageMaxBytes),
			FetchMaxBytes: int(c.fetchMaxBytes), File: c.described,
			EventLogLevel: strings.ToLower(c.eventLevel.String()),
			FetchMaxWait:  fetchMaxWait,
			// By then a broker that does not apply is fenced, and no longer waited for.
			AppliedByAll: timing.Session + time.Second,
		},
		Timing:     timing,
		Defaults:   c.clusterOverrides,
		ControlWAL: controlWAL(),
		ShardWAL:   shardWAL,
		Log:        log,
	}
}

// fetchMaxWait bounds long polls: a consumer that asks for a longer one gets an empty
// answer by then and asks again.
const fetchMaxWait = 30 * time.Second

func (c *brokerConfig) ownVoter() string {
	for _, v := range c.voters {
		if v.node == c.nodeID {
			return v.addr
		}
	}
	return c.control
}

func brokerLimits(c *brokerConfig) limits.Limits {
	l := limits.Default()
	l.RequestBytes = int(c.requestMaxBytes)
	l.InflightBytes = int(c.queuedMaxBytes)
	l.ConnRequests = int(c.connRequests)
	l.UnfinishedBytes = l.InflightBytes / 4
	l.AnswerBytes = int(c.queuedResponseBytes)
	l.Connections = int(c.maxConnections)
	l.ConnectionsPerAddress = int(c.maxConnectionsPerIP)
	l.ConnIdle = c.connIdle
	l.ProducerCheck = c.producerCheck
	l.RetentionCheck = c.retentionCheck
	l.RequestTimeout = c.requestTimeout
	l.LagTimeout = c.lagTimeMax
	l.AckTimeout = min(l.AckTimeout, l.LagTimeout)
	l.RedialMax = min(l.RedialMax, l.AckTimeout/2)
	l.RedialMin = min(l.RedialMin, l.RedialMax)
	// A forwarded request travels to another broker with a header of the peer protocol.
	l.PeerFrameBytes = max(l.PeerFrameBytes, l.RequestBytes+1<<20)
	return l
}

// controlWAL is small, so that it keeps its reserve when the disk is full. It writes one
// group at a time: only then can recovery always tell a torn tail from damage (package
// wal). A voter that suspects damage leaves the cluster.
func controlWAL() wal.Config {
	c := wal.DefaultConfig("")
	c.SegmentBytes = 16 << 20
	c.BudgetBytes = 256 << 20
	c.InFlight = 1
	return c
}

// sessionTiming derives takeover time W and lease Λ from the session (PROTOCOL 25).
// Sessions of three seconds and more have the standard lease. Shorter sessions have a
// shorter lease, so that W >= Λ(1+ρ)/(1-ρ) and session >= W still hold.
func sessionTiming(heartbeat, session time.Duration) meta.Timing {
	const driftPercent = 5
	takeover := min(2800*time.Millisecond, session*14/15)
	lease := min(2500*time.Millisecond, takeover*(100-driftPercent)/(100+driftPercent))
	return meta.Timing{
		Heartbeat: heartbeat, Session: session, DriftPercent: driftPercent,
		Takeover: takeover, Lease: lease.Truncate(time.Millisecond),
	}
}

// broker is a running node with its network and disks.
type broker struct {
	id       kafka.NodeID
	node     *drive.Node
	network  *tcp.Network
	disks    []*osfs.Disk
	shards   int
	warn     time.Duration // a turn that takes longer hangs
	draining atomic.Bool
}

// startBroker starts a node with as many shards as again says. It returns before the
// node has joined the cluster.
func startBroker(c *brokerConfig, again node.Restart, log *drive.Log) (*broker, error) {
	if err := os.MkdirAll(c.dir, 0o750); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	var incarnation peer.UUID
	if _, err := rand.Read(incarnation[:]); err != nil {
		return nil, fmt.Errorf("draw incarnation: %w", err)
	}
	cfg := nodeConfig(c, incarnation)
	cfg.Shards, cfg.ConvertTo = again.Shards, again.ConvertTo
	if err := divideDescriptors(&cfg, openFilesLimit()); err != nil {
		return nil, err
	}
	b := &broker{id: cfg.Node, network: newNetwork(log), shards: cfg.Shards, warn: c.watchdogWarn}
	var err error
	b.node, err = drive.Start(drive.Config{
		Loops:   cfg.Shards + 1,
		Network: b.network,
		Disk: func(sink diskfs.Sink) (diskfs.Disk, error) {
			d, err := osfs.New(c.dir, sink, osfs.Options{Now: drive.BootTime})
			if err != nil {
				return nil, err
			}
			b.disks = append(b.disks, d)
			return d, nil
		},
		MailboxRequests: cfg.Limits.MailboxRequests,
		TurnEvents:      cfg.Limits.TurnEvents,
		TurnWarn:        c.watchdogWarn,
		TurnFatal:       c.watchdogFatal,
		Log:             log,
		Exit:            os.Exit,
	}, func(hosts []loop.Host) []loop.Loop { return node.New(cfg, hosts) })
	if err != nil {
		b.network.Close()
		return nil, err
	}
	return b, nil
}

// drain asks the node to hand over its leaderships and waits until it has.
func (b *broker) drain(timeout time.Duration) error {
	b.draining.Store(true)
	_, err := ask[node.Drained](b, loop.Control, node.Drain{}, timeout)
	return err
}

// close releases sockets, files and the lock of the data directory, after the node has
// stopped. It waits for disk operations in flight.
func (b *broker) close() {
	b.network.Close()
	for _, d := range b.disks {
		_ = d.Close() // always nil
	}
}

// joined reports whether the node is registered and not fenced. A service manager's start ends with
// that, also if the disk is full or no replica is in sync yet: see readyz.
func (b *broker) joined() bool {
	s, err := ask[node.Stats](b, loop.Control, node.StatsRequest{}, askTimeout)
	return err == nil && s.Registered && !s.Fenced
}

// sample reads the statistics of all loops. Those of a loop that does not answer are
// missing, and its metric lockstep_loop_answers is 0.
func (b *broker) sample() []metric {
	var out []metric
	depths, turns := b.node.Depths(), b.node.Turns()
	for i := range depths {
		name := strconv.Itoa(i)
		out = append(out,
			metric{"lockstep_loop_mailbox_depth", gauge, name, float64(depths[i])},
			metric{"lockstep_loop_turns_total", counter, name, float64(turns[i])})
		// drive.Node answers one question at a time, and a drain is one.
		if b.draining.Load() {
			continue
		}
		var stats any
		var err error
		if loop.ID(i) == loop.Control {
			stats, err = ask[node.Stats](b, loop.Control, node.StatsRequest{}, askTimeout)
		} else {
			stats, err = ask[shard.Stats](b, loop.ID(i), shard.StatsRequest{}, askTimeout)
		}
		answers := 0.0
		if err == nil {
			answers = 1
			prefix, label := "lockstep_shard", name
			if loop.ID(i) == loop.Control {
				prefix, label = "lockstep_control", ""
			}
			out = append(out, structMetrics(prefix, label, stats)...)
		}
		out = append(out, metric{"lockstep_loop_answers", gauge, name, answers})
	}
	return out
}

// waits lists what is pending in the loops: first the chains, then every wait.
func (b *broker) waits() (lines []string) {
	all := b.node.Waits(askTimeout)
	if idle(all) {
		return nil
	}
	lines = append(drive.Explain(all), "")
	for _, l := range all {
		lines = append(lines, l.Text()...)
	}
	return lines
}

// waiting is waits for lockstep why, which follows the chains through several nodes.
func (b *broker) waiting() drive.NodeWaits {
	return drive.NodeWaits{Node: b.id, Loops: b.node.Waits(askTimeout)}
}

// idle reports whether nothing is pending but what is pending in every healthy node: a node that
// does not lead Raft waits for the next entry.
func idle(all []drive.LoopWaits) bool {
	for _, l := range all {
		if l.Silent != "" || slices.ContainsFunc(l.Waits, func(w wait.Wait) bool {
			return w.Who != wait.Applying
		}) {
			return false
		}
	}
	return true
}

// askTimeout is how long a loop has to answer a question about itself.
const askTimeout = time.Second

// ask mails a question to a loop and waits for an answer of type T. An answer of another
// type belongs to an earlier question that was given up. ask then sends its question
// again, so a loop must be able to receive it twice.
func ask[T any](b *broker, to loop.ID, question any, timeout time.Duration) (T, error) {
	var zero T
	deadline := time.Now().Add(timeout)
	for {
		left := time.Until(deadline)
		if left <= 0 {
			return zero, drive.ErrNoAnswer
		}
		answer, err := b.node.Ask(to, question, left)
		if err != nil {
			return zero, err
		}
		if t, ok := answer.(T); ok {
			return t, nil
		}
	}
}

var errSelfStopped = errors.New("the node stopped itself")
