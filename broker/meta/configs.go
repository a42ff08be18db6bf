package meta

import (
	"slices"
	"strconv"
	"strings"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/kafka"
)

// Config is one configuration that was set explicitly.
type Config struct{ Name, Value string }

// Configs are set configurations, sorted by name, each name once. Immutable.
type Configs []Config

// Get returns the value set for name.
func (c Configs) Get(name string) (string, bool) {
	i, ok := c.find(name)
	if !ok {
		return "", false
	}
	return c[i].Value, true
}

func (c Configs) find(name string) (int, bool) {
	return slices.BinarySearchFunc(c, name, func(e Config, name string) int {
		return strings.Compare(e.Name, name)
	})
}

// with returns a copy of c in which name has the value.
func (c Configs) with(name, value string) Configs {
	i, ok := c.find(name)
	next := slices.Clone(c)
	if ok {
		next[i].Value = value
		return next
	}
	return slices.Insert(next, i, Config{name, value})
}

// without returns a copy of c in which name is not set.
func (c Configs) without(name string) Configs {
	i, ok := c.find(name)
	if !ok {
		return c
	}
	return slices.Delete(slices.Clone(c), i, i+1)
}

// ConfigType is the type of a value, numbered as DescribeConfigs answers it.
type ConfigType int8

const (
	ConfigBool   ConfigType = 1
	ConfigString ConfigType = 2
	ConfigInt    ConfigType = 3
	ConfigLong   ConfigType = 5
	ConfigDouble ConfigType = 6
	ConfigList   ConfigType = 7
)

// ConfigKey describes one Kafka configuration that the cluster keeps.
type ConfigKey struct {
	Name string
	// BrokerName is the broker-level key that sets the default of all topics; empty if
	// topics do not have the key.
	BrokerName string
	Type       ConfigType
	Default    string
	Doc        string
	Min, Max   int64    // bounds of numbers
	Without    string   // a number within the bounds that is not allowed; empty for none
	Allowed    []string // strings or list elements that are allowed; nil for any
	Fixed      bool     // only the default is accepted: what another value asks for does not exist
	Topic      bool     // may be set on topics
	Broker     bool     // may be set on brokers, by this name
	// ReadOnly: every broker takes it from its file, and no command changes it.
	ReadOnly bool
	// Own: a broker takes it from its file where no command sets it, and it can be set for one
	// broker. All other keys of brokers have one value in the whole cluster.
	Own bool
}

const maxLong = int64(^uint64(0) >> 1)
const maxInt = int64(1<<31 - 1)

// What keys say that have no effect.
const (
	compressionDoc = "Accepted and ignored: batches are stored as the producer compressed them."
	remoteDoc      = "Accepted and ignored: there is no remote storage."
	throttleDoc    = "Replication is not throttled: only the empty list is accepted."
)

var compressions = []string{"gzip", "lz4", "producer", "snappy", "uncompressed", "zstd"}

// configKeys is sorted by name.
var configKeys = []ConfigKey{
	{Name: "auto.create.topics.enable", Type: ConfigBool, Default: "true", Broker: true,
		ReadOnly: true,
		Doc:      "Whether a request for an unknown topic creates it."},
	{Name: rebalanceKey, Type: ConfigBool, Default: "true", Broker: true,
		Doc: "Whether leaderships come back to the preferred replicas by themselves."},
	{Name: "cleanup.policy", BrokerName: "log.cleanup.policy", Type: ConfigList, Default: "delete",
		Allowed: []string{"compact", "delete"}, Topic: true,
		Doc: "With delete, old records go by retention.ms and retention.bytes. With compact, " +
			"records without a key are refused; no log is compacted yet."},
	{Name: "compression.gzip.level", BrokerName: "compression.gzip.level", Type: ConfigInt,
		Default: "-1", Min: -1, Max: 9, Without: "0", Topic: true, Doc: compressionDoc},
	{Name: "compression.lz4.level", BrokerName: "compression.lz4.level", Type: ConfigInt,
		Default: "9", Min: 1, Max: 17, Topic: true, Doc: compressionDoc},
	{Name: "compression.type", BrokerName: "compression.type", Type: ConfigString,
		Default: "producer", Allowed: compressions, Topic: true,
		Doc: compressionDoc},
	{Name: "compression.zstd.level", BrokerName: "compression.zstd.level", Type: ConfigInt,
		Default: "3", Min: -131072, Max: 22, Topic: true, Doc: compressionDoc},
	{Name: "default.replication.factor", Type: ConfigInt, Default: "1", Min: 1, Max: 32767,
		Broker: true, ReadOnly: true, Doc: "Replicas of a topic that is created without a number."},
	{Name: "delete.retention.ms", BrokerName: "log.cleaner.delete.retention.ms", Type: ConfigLong,
		Default: "86400000", Max: maxLong, Topic: true,
		Doc: "Accepted and ignored: logs are not compacted yet. " +
			"How long compaction keeps deletion markers, in milliseconds."},
	{Name: EventLogLevelKey, Type: ConfigString, Default: "info", Broker: true, Own: true,
		Allowed: []string{"error", "info", "warn"},
		Doc:     "Lines of the event log below this level are not written. It acts at once."},
	{Name: "file.delete.delay.ms", BrokerName: "log.segment.delete.delay.ms", Type: ConfigLong,
		Default: "60000", Max: maxLong, Topic: true,
		Doc: "Accepted and ignored: files are deleted without a delay."},
	{Name: "flush.messages", BrokerName: "log.flush.interval.messages", Type: ConfigLong,
		Default: "9223372036854775807", Min: 1, Max: maxLong, Topic: true,
		Doc: "Accepted and ignored: every acknowledged record is synced."},
	{Name: "flush.ms", BrokerName: "log.flush.interval.ms", Type: ConfigLong,
		Default: "9223372036854775807", Max: maxLong, Topic: true,
		Doc: "Accepted and ignored: every acknowledged record is synced."},
	{Name: "follower.replication.throttled.replicas", Type: ConfigList, Fixed: true, Topic: true,
		Doc: throttleDoc},
	{Name: "group.initial.rebalance.delay.ms", Type: ConfigInt, Default: "3000", Max: maxInt,
		Broker: true,
		Doc:    "How long an empty group waits for more members, in milliseconds."},
	{Name: "group.max.session.timeout.ms", Type: ConfigInt, Default: "1800000", Max: maxInt,
		Broker: true, Doc: "The longest session that a member may ask for, in milliseconds."},
	{Name: "group.max.size", Type: ConfigInt, Default: "2147483647", Min: 1, Max: maxInt,
		Broker: true, Doc: "Members of a group above which no other may join."},
	{Name: "group.min.session.timeout.ms", Type: ConfigInt, Default: "6000", Max: maxInt,
		Broker: true, Doc: "The shortest session that a member may ask for, in milliseconds."},
	{Name: "index.interval.bytes", BrokerName: "log.index.interval.bytes", Type: ConfigInt,
		Default: "4096", Max: maxInt, Topic: true,
		Doc: "Accepted and ignored: the offset index has one entry per 4096 bytes of log."},
	{Name: checkKey, Type: ConfigInt, Default: "10", Min: 1, Max: maxInt, Broker: true,
		Doc: "How often the controller asks leaders to hand over to preferred replicas, in " +
			"seconds; at most 500 leaderships each time."},
	{Name: imbalanceKey, Type: ConfigInt, Default: "0", Max: 100, Broker: true,
		Doc: "How many of 100 partitions that prefer a broker others may lead before it gets " +
			"them back."},
	{Name: "leader.replication.throttled.replicas", Type: ConfigList, Fixed: true, Topic: true,
		Doc: throttleDoc},
	{Name: "local.retention.bytes", BrokerName: "log.local.retention.bytes", Type: ConfigLong,
		Default: "-2", Min: -2, Max: maxLong, Topic: true, Doc: remoteDoc},
	{Name: "local.retention.ms", BrokerName: "log.local.retention.ms", Type: ConfigLong,
		Default: "-2", Min: -2, Max: maxLong, Topic: true, Doc: remoteDoc},
	{Name: "log.retention.hours", Type: ConfigInt, Default: "168", Min: -1, Max: maxInt,
		Broker: true,
		Doc:    "How long records are kept, in hours, where retention.ms is not set."},
	{Name: brokerPartitionsKey, Type: ConfigInt, Default: strconv.Itoa(brokerPartitionsDefault),
		Min: 1, Max: brokerPartitionsMax, Broker: true,
		Doc: "Replicas on one broker above which no partition is created there."},
	{Name: maxLagKey, BrokerName: "log.cleaner.max.compaction.lag.ms",
		Type: ConfigLong, Default: "9223372036854775807", Min: 1, Max: maxLong, Topic: true,
		Doc: "Accepted and ignored: logs are not compacted yet. " +
			"How long a record may stay uncompacted, in milliseconds."},
	{Name: "max.message.bytes", BrokerName: "message.max.bytes", Type: ConfigInt,
		Default: "1048588", Max: maxInt, Topic: true,
		Doc: "The largest record batch that is accepted, in bytes."},
	{Name: clusterPartitionsKey, Type: ConfigInt, Default: strconv.Itoa(clusterPartitionsDefault),
		Min: 1, Max: clusterPartitionsMax, Broker: true,
		Doc: "Partitions of the cluster above which no partition is created."},
	{Name: "message.timestamp.after.max.ms", BrokerName: "log.message.timestamp.after.max.ms",
		Type: ConfigLong, Default: "3600000", Max: maxLong, Topic: true,
		Doc: "How far in the future a record's time may be, in milliseconds."},
	{Name: "message.timestamp.before.max.ms", BrokerName: "log.message.timestamp.before.max.ms",
		Type: ConfigLong, Default: "9223372036854775807", Max: maxLong, Topic: true,
		Doc: "How far in the past a record's time may be, in milliseconds."},
	{Name: "message.timestamp.type", BrokerName: "log.message.timestamp.type", Type: ConfigString,
		Default: "CreateTime", Allowed: []string{"CreateTime", "LogAppendTime"}, Topic: true,
		Doc: "Whether records carry the producer's time or the broker's."},
	{Name: "min.cleanable.dirty.ratio", BrokerName: "log.cleaner.min.cleanable.ratio",
		Type: ConfigDouble, Default: "0.5", Topic: true,
		Doc: "Accepted and ignored: logs are not compacted yet. " +
			"The share of uncompacted bytes at which compaction starts."},
	{Name: minLagKey, BrokerName: "log.cleaner.min.compaction.lag.ms",
		Type: ConfigLong, Default: "0", Max: maxLong, Topic: true,
		Doc: "Accepted and ignored: logs are not compacted yet. " +
			"How long a record stays uncompacted at least, in milliseconds."},
	{Name: minISRKey, BrokerName: minISRKey, Type: ConfigInt, Default: "1", Min: 1, Max: maxInt,
		Topic: true,
		Doc: "With fewer in-sync replicas than this, acks=all is refused and nothing is " +
			"committed."},
	{Name: "num.partitions", Type: ConfigInt, Default: "1", Min: 1,
		Max: RequestPartitionsMax, Broker: true, ReadOnly: true,
		Doc: "Partitions of a topic that is created without a number."},
	{Name: "offset.metadata.max.bytes", Type: ConfigInt, Default: "4096", Max: maxInt,
		Broker: true, Doc: "The longest text beside a committed offset, in bytes."},
	{Name: "offsets.commit.timeout.ms", Type: ConfigInt, Default: "5000", Min: 1, Max: maxInt,
		Broker: true,
		Doc: "How long an answer of a group waits for the replicas, in milliseconds. " +
			"After that it is an error, and what it was about may still be committed."},
	{Name: "offsets.retention.check.interval.ms", Type: ConfigLong, Default: "600000", Min: 1,
		Max: maxLong, Broker: true,
		Doc: "How often offsets to forget are looked for, in milliseconds."},
	{Name: "offsets.retention.minutes", Type: ConfigInt, Default: "10080", Min: 1, Max: maxInt,
		Broker: true, Doc: "How long the offsets of an empty group are kept, in minutes."},
	{Name: "offsets.topic.compression.codec", Type: ConfigInt, Default: "0", Fixed: true,
		Broker: true, Doc: "Records of groups are not compressed: only 0 is accepted."},
	{Name: "offsets.topic.num.partitions", Type: ConfigInt, Default: "50", Min: 1,
		Max: RequestPartitionsMax, Broker: true,
		Doc: "Partitions of __consumer_offsets when it is created."},
	{Name: "offsets.topic.replication.factor", Type: ConfigInt, Default: "3", Min: 1, Max: 32767,
		Broker: true,
		Doc: "Replicas of __consumer_offsets when it is created. " +
			"With fewer brokers it is not created, and groups do not work."},
	{Name: "offsets.topic.segment.bytes", Type: ConfigInt, Default: "104857600", Min: 1 << 20,
		Max: maxInt, Broker: true,
		Doc: "segment.bytes of __consumer_offsets when it is created."},
	{Name: "preallocate", BrokerName: "log.preallocate", Type: ConfigBool, Default: "false",
		Topic: true, Doc: "Accepted and ignored: the write-ahead log always preallocates."},
	{Name: "remote.log.copy.disable", Type: ConfigBool, Default: "false", Topic: true,
		Doc: remoteDoc},
	{Name: "remote.log.delete.on.disable", Type: ConfigBool, Default: "false", Topic: true,
		Doc: remoteDoc},
	{Name: "remote.storage.enable", Type: ConfigBool, Default: "false", Fixed: true, Topic: true,
		Doc: "There is no remote storage: only false is accepted."},
	{Name: "retention.bytes", BrokerName: "log.retention.bytes", Type: ConfigLong, Default: "-1",
		Min: -maxLong - 1, Max: maxLong, Topic: true,
		Doc: "Bytes of a partition above which its oldest segments are deleted; negative for " +
			"no bound."},
	{Name: "retention.ms", BrokerName: "log.retention.ms", Type: ConfigLong, Default: "604800000",
		Min: -1, Max: maxLong, Topic: true,
		Doc: "Age at which segments are deleted, by their largest timestamp, in milliseconds; " +
			"-1 for no bound."},
	{Name: "segment.bytes", BrokerName: "log.segment.bytes", Type: ConfigInt, Default: "1073741824",
		Min: 1 << 20, Max: maxInt, Topic: true,
		Doc: "Size at which a segment is closed. Where it is not set, log.segment.bytes in the " +
			"file of each broker decides."},
	{Name: "segment.index.bytes", BrokerName: "log.index.size.max.bytes", Type: ConfigInt,
		Default: "10485760", Min: 4, Max: maxInt, Topic: true,
		Doc: "Accepted and ignored: an index file grows with its segment."},
	{Name: "segment.jitter.ms", BrokerName: "log.roll.jitter.ms", Type: ConfigLong, Default: "0",
		Max: maxLong, Topic: true,
		Doc: "How much earlier than segment.ms a segment may be closed, in milliseconds."},
	{Name: "segment.ms", BrokerName: "log.roll.ms", Type: ConfigLong, Default: "604800000", Min: 1,
		Max: maxLong, Topic: true,
		Doc: "Span of the timestamps of a segment above which it is closed, in milliseconds."},
	{Name: uncleanKey, BrokerName: uncleanKey, Type: ConfigBool, Default: "false", Topic: true,
		Doc: "Whether a replica that may miss committed records may lead when no other can."},
}

// EventLogLevelKey is the level of the event log: every node reads it from the image.
const EventLogLevelKey = "event.log.level"

// The keys that the state machine itself reads.
const (
	minISRKey  = "min.insync.replicas"
	uncleanKey = "unclean.leader.election.enable"
	minLagKey  = "min.compaction.lag.ms"
	maxLagKey  = "max.compaction.lag.ms"
)

// ConfigKeys is the table of known keys, sorted by name; do not write to it.
func ConfigKeys() []ConfigKey { return configKeys }

// FindConfigKey finds a key by the name it has on topics or on brokers.
func FindConfigKey(name string, onTopic bool) *ConfigKey {
	for i := range configKeys {
		k := &configKeys[i]
		if onTopic && k.Topic && k.Name == name ||
			!onTopic && (k.Broker && k.Name == name || k.BrokerName == name) {
			return k
		}
	}
	return nil
}

func splitList(v string) []string {
	var list []string
	for _, e := range strings.Split(v, ",") {
		if e = strings.TrimSpace(e); e != "" {
			list = append(list, e)
		}
	}
	return list
}

// TopicConfig is the effective value of a topic's configuration: the value set on the
// topic, else the cluster's default, else the built-in default. No setting of a single
// node counts, so that all nodes decide alike.
func (img *Image) TopicConfig(t *Topic, name string) string {
	if v, ok := t.Configs.Get(name); ok {
		return v
	}
	k := FindConfigKey(name, true)
	if k == nil {
		return ""
	}
	if k.BrokerName != "" {
		if v, ok := img.BrokerConfigs("").Get(k.BrokerName); ok {
			return v
		}
	}
	return k.Default
}

// OwnConfig is what commands have set of a key for one broker: for this broker, else for all.
func (img *Image) OwnConfig(id kafka.NodeID, name string) (value string, set bool) {
	if v, ok := img.BrokerConfigs(strconv.Itoa(int(id))).Get(name); ok {
		return v, true
	}
	return img.BrokerConfigs("").Get(name)
}

// ClusterConfig is the effective value of a broker-level key for the cluster.
func (img *Image) ClusterConfig(name string) string {
	if v, ok := img.BrokerConfigs("").Get(name); ok {
		return v
	}
	if k := FindConfigKey(name, false); k != nil {
		return k.Default
	}
	return ""
}

// RetentionMs is retention.ms of the topic, in milliseconds; -1 for no bound. Where neither the
// topic nor the cluster sets it, log.retention.hours does.
func (img *Image) RetentionMs(t *Topic) int64 {
	_, ofTopic := t.Configs.Get("retention.ms")
	_, ofCluster := img.BrokerConfigs("").Get("log.retention.ms")
	if hours, ok := img.BrokerConfigs("").Get("log.retention.hours"); ok && !ofTopic && !ofCluster {
		n, err := strconv.ParseInt(hours, 10, 64)
		assert.NoError(err, "meta: log.retention.hours")
		if n < 0 {
			return -1
		}
		return n * 3_600_000
	}
	n, err := strconv.ParseInt(img.TopicConfig(t, "retention.ms"), 10, 64)
	assert.NoError(err, "meta: retention.ms")
	return n
}

// MinISR is min.insync.replicas of the topic, at least 1. Leaders and the state
// machine must both use this: the ELR is right only if they agree.
func (img *Image) MinISR(t *Topic) int {
	n, err := strconv.Atoi(img.TopicConfig(t, minISRKey))
	if err != nil || n < 1 {
		return 1
	}
	return n
}

func (img *Image) unclean(t *Topic) bool { return img.TopicConfig(t, uncleanKey) == "true" }
