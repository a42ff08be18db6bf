package kafka

import (
	"errors"
	"strconv"
	"time"

	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/limits"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/node"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/broker/wal"
	"example.com/lockstep/broker/wire/peer"
	"example.com/lockstep/sim/kafka/check"
	"example.com/lockstep/sim/kafka/history"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/world"
)

// simCluster is the cluster id of every world.
var simCluster = peer.UUID{'s', 'i', 'm'}

// retentionCheck is how often brokers look for old records if the plan bounds them.
const retentionCheck = 500 * time.Millisecond

// What the brokers have with the option ProducerIdleMs.
const (
	producerCheck = time.Second // between two looks for idle producers
	producersKept = 64          // in a partition
)

// nodeConfig is the configuration of one incarnation of a broker: the defaults of
// production where the plan does not say otherwise.
func (c *cluster) nodeConfig(i world.Incarnation) node.Config {
	name := i.Spec.Name
	var again node.Restart
	errors.As(i.Again, &again) // if it is none, the zero value converts nothing
	cfg := node.Config{
		Node: kafka.NodeID(history.NodeOf(name)), Cluster: simCluster, Shards: i.Spec.Shards,
		ConvertTo: again.ConvertTo,
		Listen: node.Addresses{Kafka: history.KafkaAddr(name), Control: name + ":9093",
			Data: name + ":9094"},
		Limits: c.limits(),
		Settings: api.Settings{
			DeleteTopics: true, NumPartitions: 1, ReplicationFactor: 1, MinInSync: 1,
			EventLogLevel:   "info",
			MaxMessageBytes: 1 << 20, FetchMaxBytes: 50 << 20, FetchMaxWait: 30 * time.Second,
			AppliedByAll: 4 * time.Second,
		},
		Raft: meta.RaftConfig{CompactBytes: uint64(c.Options().RaftCompactBytes.Or(64 << 20)),
			RetainBytes: uint64(c.Options().RaftCompactBytes.Or(64<<20)) / 4},
		ControlWAL: c.walConfig(1),
		ShardWAL:   c.walConfig(int(c.Options().WALInFlight.Or(1))),
		Log:        partition.DefaultLimits(),
		Rare:       c.Plan.Rare,
		AutoJoin:   c.Options().AutoJoin.Or(0) == 1,
		Defaults: meta.Configs{{
			Name:  "leader.imbalance.check.interval.seconds",
			Value: strconv.FormatInt(c.Options().BalanceS.Or(300), 10),
		}},
	}
	cfg.Advertised = cfg.Listen
	i.Entropy("sim", "incarnation").Fill(cfg.Incarnation[:])
	for _, b := range c.Brokers {
		cfg.Voters = append(cfg.Voters, node.Voter{Node: kafka.NodeID(history.NodeOf(b)),
			Addr: b + ":9093"})
	}
	if ms := c.Options().ProducerIdleMs.Or(0); ms > 0 {
		cfg.Log.ProducerIdle = time.Duration(ms) * time.Millisecond
		cfg.Log.Producers = producersKept
	}
	if bytes := c.Options().LogSegmentBytes.Or(0); bytes > 0 {
		cfg.Log.SegmentBytes, cfg.Log.IndexBytes, cfg.Log.ReadBytes = bytes, 512, 4096
		cfg.Log.FlushBytes = int(bytes / 2)
	}
	return cfg
}

func (c *cluster) walConfig(inFlight int) wal.Config {
	w := wal.DefaultConfig("")
	w.InFlight = inFlight
	w.SegmentBytes = c.Options().WALSegmentBytes.Or(4 << 20)
	w.BudgetBytes = 16 * w.SegmentBytes
	w.GroupBytes = int(min(int64(w.GroupBytes), w.SegmentBytes/4))
	// A recovery must read a segment in several pieces.
	w.ReadBytes = int(min(int64(w.ReadBytes), w.SegmentBytes/8))
	return w
}

// FileLimit implements world.FileLimiter. The disk refuses what the broker promises never to do.
func (c *cluster) FileLimit(spec plan.NodeSpec) (dir string, files int) {
	if spec.Role != "broker" {
		return "", 0
	}
	return check.PartitionsDir + "/", int(c.Options().OpenFiles.Or(0)) * spec.Shards
}

// Restarts implements Restarter.
func (c *cluster) Restarts(reason error) (shards int, again bool) {
	var restart node.Restart
	again = errors.As(reason, &restart)
	return restart.Shards, again
}

// limits are those of production. Where the plan wants tight limits, they are so small that
// every overflow policy is used.
func (c *cluster) limits() limits.Limits {
	l := limits.Default()
	l.RequestTimeout = c.RequestTimeout
	l.MailboxRequests = c.Plan.Limits.Mailbox
	// Small enough for a bomb (client.malformed), and for batches that are read in steps.
	l.RequestBytes, l.ScanBytes = max(256<<10, 4*int(c.Options().BatchBytes.Or(0))), 2<<10
	if c.Options().ProducerIdleMs.Or(0) > 0 {
		l.ProducerCheck = producerCheck
	}
	if c.Options().RetentionMs.Or(0) > 0 || c.Options().RetentionBytes.Or(0) > 0 {
		l.RetentionCheck = retentionCheck
	}
	if files := c.Options().OpenFiles.Or(0); files > 0 {
		l.OpenFiles, l.LoadsInFlight = int(files), int(files)
	}
	if c.Options().Tight.Or(0) == 0 {
		return l
	}
	// Larger than what a connection may hold of a frame that no budget counts.
	l.RequestBytes = 1 << 20
	l.UnfinishedBytes, l.FrameTime = 64<<10, 5*time.Second
	l.AnswerBytes, l.FetchWindow = 512<<10, 16<<10
	l.Connections, l.ConnectionsPerAddress = 64, 32
	l.EvictIdle, l.ConnIdle, l.ConnPatience = 100*time.Millisecond, 3*time.Second, 2*time.Second
	l.ConnRequests = 3
	l.ConnAnswerBytes = 1 << 10
	l.InflightBytes = 8 << 10
	l.TailBytes = 32 << 10
	l.FlushBytes = 4 << 10
	l.FlushesInFlight = 1
	l.FlushesTogether, l.FlushesAtOnce, l.FlushAtOnceBytes = 2, 3, 8<<10
	l.LoadsInFlight = 2
	l.FetchBytes = 8 << 10
	l.ReadsInFlight = 1
	l.LoadBytes, l.LoadReads, l.CoordinatorAppends = 1<<10, 1, 4
	l.WindowBytes = 4 << 10
	l.CatchUpBytes = 4 << 10
	l.Forwards = 4
	return l
}
