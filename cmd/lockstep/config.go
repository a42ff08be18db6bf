package main

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/magiconair/properties"

	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/limits"
	"example.com/lockstep/broker/meta"
)

// brokerConfig is the configuration of one broker process, as its keys say it.
// nodeConfig turns it into the configuration of package node.
type brokerConfig struct {
	nodeID  int64
	cluster [16]byte
	dir     string
	rack    string

	// Addresses are "host:port". An address to listen on may have no host, which
	// means all interfaces. An advertised address always has one.
	listener              string
	advertised            string
	control               string // listen; voters hold the advertised one
	replication           string
	advertisedReplication string
	http                  string // "" for none
	voters                []voter
	autoJoin              bool
	shards                int

	numPartitions     int64
	replicationFactor int64
	minInSync         int64
	autoCreateTopics  bool
	deleteTopics      bool
	messageMaxBytes   int64
	fetchMaxBytes     int64

	segmentBytes    int64
	walSegmentBytes int64
	walBudgetBytes  int64

	requestMaxBytes int64
	queuedMaxBytes  int64
	connRequests    int64

	queuedResponseBytes int64
	memoryLimit         int64
	maxConnections      int64
	maxConnectionsPerIP int64
	connIdle            time.Duration
	producerIdle        time.Duration
	producerCheck       time.Duration
	retentionCheck      time.Duration

	requestTimeout   time.Duration
	lagTimeMax       time.Duration
	heartbeat        time.Duration
	session          time.Duration
	watchdogWarn     time.Duration
	watchdogFatal    time.Duration
	eventFormat      string      // "text" or "json"
	eventLevel       event.Level // of the least important lines
	described        []api.FileKey
	clusterOverrides meta.Configs // keys of topic defaults that were set, sorted by name
}

// voter is one entry of controller.quorum.voters.
type voter struct {
	node int64
	addr string
}

// configKey is a key of the configuration file.
type configKey struct {
	name     string
	fallback string
	required bool
	about    string
	set      setter
}

// keys binds the known keys to the fields of c. A key with the name of a Kafka key has
// its meaning. The keys of topic defaults are in package meta.
func (c *brokerConfig) keys() []configKey {
	l := limits.Default()
	return []configKey{
		{name: "node.id", required: true, about: "this broker's id, from 1",
			set: setInt(&c.nodeID, 1, 1<<31-1)},
		{name: "cluster.id", required: true,
			about: "the cluster's id, the same on all nodes: 32 hex digits, or what " +
				"lockstep random-uuid prints",
			set: setCluster(&c.cluster)},
		{name: "log.dirs", required: true,
			about: "the data directory (exactly one); created if it is missing",
			set:   setDir(&c.dir)},
		{name: "controller.quorum.voters", required: true,
			about: "control listeners of the voters, id@host:port separated by commas; the same " +
				"on all nodes. A new cluster is born with these", set: setVoters(&c.voters)},
		{name: "controller.quorum.auto.join.enable", fallback: "false",
			about: "whether this node, on an empty directory, takes the vote of the one that it " +
				"has lost", set: setBool(&c.autoJoin)},
		{name: "broker.rack", about: "rack of this broker", set: setString(&c.rack)},

		{name: "listeners", fallback: "PLAINTEXT://:9092",
			about: "address for clients; exactly one, PLAINTEXT",
			set:   setListener(&c.listener)},
		{name: "advertised.listeners",
			about: "address that clients connect to (default: listeners, with this host's name " +
				"if it has no host)", set: setListener(&c.advertised)},
		{name: "control.listener",
			about: "host:port for Raft and sessions (default: this node's entry in " +
				"controller.quorum.voters)", set: setAddress(&c.control)},
		{name: "replication.listener",
			about: "host:port for replication (default: listeners, with its port + 2000)",
			set:   setAddress(&c.replication)},
		{name: "advertised.replication.listener",
			about: "address that other brokers connect to (default: replication.listener, with " +
				"the host of advertised.listeners if it has none)",
			set: setAddress(&c.advertisedReplication)},
		{name: "http.listener",
			about: "host:port for health, /metrics and /debug (default: none)",
			set:   setAddress(&c.http)},
		{name: "shards", fallback: "0",
			about: "number of shard loops; 0 means one less than the number of cores",
			set:   setShards(&c.shards)},

		{name: "num.partitions", fallback: "1",
			about: "number of partitions of a new topic, if the request does not say it",
			set:   setInt(&c.numPartitions, 1, meta.RequestPartitionsMax)},
		{name: "default.replication.factor", fallback: "1",
			about: "number of replicas of a new topic, if the request does not say it",
			set:   setInt(&c.replicationFactor, 1, 32767)},
		{name: "min.insync.replicas", fallback: "1",
			about: "acks=all is refused with fewer in-sync replicas than this",
			set:   setInt(&c.minInSync, 1, 1<<31-1)},
		{name: "auto.create.topics.enable", fallback: "true",
			about: "whether a request for an unknown topic creates it",
			set:   setBool(&c.autoCreateTopics)},
		{name: "delete.topic.enable", fallback: "true", about: "whether topics can be deleted",
			set: setBool(&c.deleteTopics)},
		{name: "message.max.bytes", fallback: "1048588", about: "largest record batch",
			set: setInt(&c.messageMaxBytes, 0, limits.BatchBytesMax)},
		{name: "fetch.max.bytes", fallback: "57671680", about: "largest fetch response",
			set: setInt(&c.fetchMaxBytes, 1024, 1<<31-1)},
		{name: "log.segment.bytes", fallback: "268435456",
			about: "size of a partition's segment files",
			set:   setInt(&c.segmentBytes, 1<<20, 1<<31-1)},
		{name: "wal.segment.bytes", fallback: "67108864",
			about: "size of a shard's write-ahead segments, a multiple of 4096",
			set:   setInt(&c.walSegmentBytes, 1<<20, 1<<30)},
		{name: "wal.budget.bytes", fallback: "1073741824",
			about: "bytes of write-ahead log that a shard may use before it refuses appends",
			set:   setInt(&c.walBudgetBytes, 4<<20, 1<<40)},

		{name: "socket.request.max.bytes", fallback: fmt.Sprint(l.RequestBytes),
			about: "largest request", set: setInt(&c.requestMaxBytes, 1024, limits.BatchBytesMax)},
		{name: "queued.max.request.bytes", fallback: fmt.Sprint(l.InflightBytes),
			about: "bytes of unanswered produce requests of a node; above it, no more are read",
			set:   setInt(&c.queuedMaxBytes, 1024, 1<<40)},
		{name: "queued.max.response.bytes", fallback: fmt.Sprint(l.AnswerBytes),
			about: "bytes of answers of a node that have not left; above it, only produces start",
			set:   setInt(&c.queuedResponseBytes, 1<<20, 1<<40)},
		{name: "memory.limit.bytes", fallback: "0",
			about: "memory of the process above which it collects garbage harder; 0 means a " +
				"limit made of the other bounds", set: setInt(&c.memoryLimit, 0, 1<<50)},
		{name: "max.connections", fallback: "2147483647",
			about: "open connections of clients; at most what the limit of open files leaves",
			set:   setInt(&c.maxConnections, 1, 1<<31-1)},
		{name: "max.connections.per.ip", fallback: "2147483647",
			about: "open connections from one address",
			set:   setInt(&c.maxConnectionsPerIP, 1, 1<<31-1)},
		{name: "connections.max.idle.ms", fallback: ms(l.ConnIdle),
			about: "a connection on which nothing moves for this time is closed",
			set:   setMs(&c.connIdle, 100*time.Millisecond)},
		{name: "producer.id.expiration.ms", fallback: "86400000",
			about: "an idempotent producer that appends nothing for this time is forgotten",
			set:   setMs(&c.producerIdle, time.Millisecond)},
		{name: "producer.id.expiration.check.interval.ms", fallback: ms(l.ProducerCheck),
			about: "how often producers to forget are looked for",
			set:   setMs(&c.producerCheck, time.Millisecond)},
		{name: "log.retention.check.interval.ms", fallback: ms(l.RetentionCheck),
			about: "how often records that need not be kept any more are looked for",
			set:   setMs(&c.retentionCheck, time.Millisecond)},
		{name: "connection.max.requests", fallback: fmt.Sprint(l.ConnRequests),
			about: "unanswered requests of a connection; at this number, no more are read",
			set:   setInt(&c.connRequests, 1, 1<<20)},
		{name: "request.timeout.ms", fallback: ms(l.RequestTimeout),
			about: "time limit of requests that do not name one",
			set:   setMs(&c.requestTimeout, 10*time.Millisecond)},
		{name: "replica.lag.time.max.ms", fallback: ms(l.LagTimeout),
			about: "how long an in-sync replica may lag",
			set:   setMs(&c.lagTimeMax, 100*time.Millisecond)},
		{name: "broker.heartbeat.interval.ms", fallback: "250",
			about: "interval of session heartbeats, the same on all nodes",
			set:   setMs(&c.heartbeat, 10*time.Millisecond)},
		{name: "broker.session.timeout.ms", fallback: "3000",
			about: "a broker without a heartbeat for this time is fenced; the same on all nodes",
			set:   setMs(&c.session, 200*time.Millisecond)},
		{name: "watchdog.warn.ms", fallback: "1000",
			about: "a turn of a loop that takes longer is reported with all stacks",
			set:   setMs(&c.watchdogWarn, time.Millisecond)},
		{name: "watchdog.fatal.ms", fallback: "15000",
			about: "a turn of a loop that takes longer ends the process",
			set:   setMs(&c.watchdogFatal, 10*time.Millisecond)},
		{name: "event.log.format", fallback: "text",
			about: "form of the lines on standard error: text (key=value) or json",
			set:   setOneOf(&c.eventFormat, "text", "json")},
		{name: "event.log.level", fallback: "info",
			about: "lines of lower levels are not written: info, warn or error",
			set:   setLevel(&c.eventLevel)},
	}
}

func ms(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }

// setting is a key with its value, and the place where it was set.
type setting struct{ name, value, source string }

// readProperties reads a file in the form of Kafka's server.properties. It does not
// expand ${...} in values.
func readProperties(path string) ([]setting, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("config file: %w", err)
	}
	return parseProperties(path, data)
}

func parseProperties(source string, data []byte) ([]setting, error) {
	loader := properties.Loader{Encoding: properties.UTF8, DisableExpansion: true}
	p, err := loader.LoadBytes(data)
	if err != nil {
		return nil, fmt.Errorf("config file %s: %w", source, err)
	}
	lines := keyLines(data)
	var list []setting
	for _, name := range p.Keys() {
		at := source
		switch places := lines[name]; {
		case len(places) > 1:
			return nil, fmt.Errorf("%s: %s is set twice, in lines %d and %d", source, name,
				places[0], places[1])
		case len(places) == 1:
			at = fmt.Sprintf("%s line %d", source, places[0])
		}
		value, _ := p.Get(name)
		list = append(list, setting{name, strings.TrimSpace(value), at})
	}
	return list, nil
}

// keyLines finds the lines, from 1, in which keys are set. It does not find keys that contain
// escapes: none of ours does.
func keyLines(data []byte) map[string][]int {
	lines := map[string][]int{}
	continued := false
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		text := strings.TrimSpace(line)
		isValue := continued
		slashes := len(text) - len(strings.TrimRight(text, "\\"))
		continued = slashes%2 == 1
		if isValue || text == "" || text[0] == '#' || text[0] == '!' {
			continued = continued && isValue
			continue
		}
		if end := strings.IndexAny(text, "=: \t"); end > 0 {
			text = text[:end]
		}
		lines[text] = append(lines[text], number)
	}
	return lines
}

// newBrokerConfig applies settings in order, so that the last one of a key wins. It fills
// in defaults and checks the result.
func newBrokerConfig(settings []setting) (*brokerConfig, error) {
	c := &brokerConfig{}
	keys := c.keys()
	given := map[string]setting{}
	for _, s := range settings {
		known := slices.ContainsFunc(keys, func(k configKey) bool { return k.name == s.name })
		if !known && meta.FindConfigKey(s.name, false) == nil {
			return nil, fmt.Errorf("%s: unknown key %q%s", s.source, s.name,
				didYouMean(s.name, keys))
		}
		given[s.name] = s
	}
	var missing []error
	for _, k := range keys {
		if k.required && given[k.name].value == "" {
			missing = append(missing, fmt.Errorf("%s is required: %s", k.name, k.about))
		}
	}
	if len(missing) > 0 {
		return nil, errors.Join(missing...)
	}
	for _, k := range keys {
		s, ok := given[k.name]
		c.describe(k, s)
		switch {
		case !ok && k.fallback == "":
			continue
		case !ok:
			s = setting{k.name, k.fallback, "default"}
		}
		if err := k.set.take(s.value); err != nil {
			return nil, fmt.Errorf("%s: %s=%s: %w", s.source, k.name, s.value, err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		s, k := given[name], meta.FindConfigKey(name, false)
		if k == nil || k.ReadOnly || k.Own {
			continue
		}
		if problem := k.Validate(s.value); problem != "" {
			return nil, fmt.Errorf("%s: %s=%s: %s", s.source, name, s.value, problem)
		}
		c.clusterOverrides = append(c.clusterOverrides, meta.Config{Name: name, Value: s.value})
	}
	if err := c.complete(); err != nil {
		return nil, err
	}
	return c, c.check()
}

// describe notes a key for DescribeConfigs.
func (c *brokerConfig) describe(k configKey, given setting) {
	value := given.value
	if given.name == "" {
		value = k.fallback
	}
	c.described = append(c.described, api.FileKey{
		Name: k.name, Value: value, Default: k.fallback, Doc: k.about, Type: k.set.kind,
	})
}

// didYouMean names the known key that is most like an unknown one; "" if none is.
func didYouMean(name string, keys []configKey) string {
	known := make([]string, 0, len(keys))
	for _, k := range keys {
		known = append(known, k.name)
	}
	for _, k := range meta.ConfigKeys() {
		switch {
		case k.BrokerName != "":
			known = append(known, k.BrokerName)
		case k.Broker:
			known = append(known, k.Name)
		}
	}
	best, distance := "", max(2, len(name)/4)+1
	for _, k := range known {
		if d := editDistance(name, k); d < distance {
			best, distance = k, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// editDistance is the number of characters to insert, remove or replace to make b of a.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			next := diagonal
			if a[i] != b[j] {
				next = min(diagonal, row[j], row[j+1]) + 1
			}
			diagonal, row[j+1] = row[j+1], next
		}
	}
	return row[len(b)]
}

// complete fills in defaults that follow from other keys.
func (c *brokerConfig) complete() error {
	own := slices.IndexFunc(c.voters, func(v voter) bool { return v.node == c.nodeID })
	highest := slices.MaxFunc(c.voters,
		func(a, b voter) int { return cmp.Compare(a.node, b.node) })
	switch {
	case own < 0 && c.nodeID < highest.node:
		return fmt.Errorf("controller.quorum.voters has no entry for node.id=%d; a node that "+
			"joins a cluster needs a higher id than its voters", c.nodeID)
	case own < 0 && c.control == "":
		return fmt.Errorf("controller.quorum.voters has no entry for node.id=%d; a node that "+
			"joins a cluster needs control.listener", c.nodeID)
	case own < 0 && wildcard(hostOf(c.control)):
		return errors.New("control.listener: other nodes need a host to connect to")
	case c.control == "":
		c.control = c.voters[own].addr
	}
	if c.advertised == "" {
		c.advertised = c.listener
	}
	var err error
	if c.advertised, err = withHost(c.advertised, hostName); err != nil {
		return fmt.Errorf("advertised.listeners: %w", err)
	}
	if c.replication == "" {
		if c.replication, err = shiftPort(c.listener, 2000); err != nil {
			return fmt.Errorf("replication.listener: %w", err)
		}
	}
	if c.advertisedReplication == "" {
		c.advertisedReplication = c.replication
	}
	advertisedHost := func() (string, error) { return hostOf(c.advertised), nil }
	if c.advertisedReplication, err = withHost(c.advertisedReplication,
		advertisedHost); err != nil {
		return fmt.Errorf("advertised.replication.listener: %w", err)
	}
	return nil
}

// check checks the conditions between keys.
func (c *brokerConfig) check() error {
	switch {
	case c.messageMaxBytes > c.requestMaxBytes:
		return errors.New("message.max.bytes is above socket.request.max.bytes")
	case c.queuedMaxBytes < c.requestMaxBytes:
		return errors.New("queued.max.request.bytes is below socket.request.max.bytes: the " +
			"largest request would wait forever")
	case c.session < 4*c.heartbeat:
		return errors.New("broker.session.timeout.ms is below four times " +
			"broker.heartbeat.interval.ms")
	case c.walSegmentBytes%4096 != 0:
		return errors.New("wal.segment.bytes is not a multiple of 4096")
	case c.walBudgetBytes < 4*c.walSegmentBytes:
		return errors.New("wal.budget.bytes is below four times wal.segment.bytes")
	case c.watchdogFatal <= c.watchdogWarn:
		return errors.New("watchdog.fatal.ms is not above watchdog.warn.ms")
	}
	return nil
}

// defaultShards leaves one core to the control loop, the network and the disk
// (PROTOCOL 35).
func defaultShards() int { return max(1, runtime.GOMAXPROCS(0)-1) }

func hostName() (string, error) {
	name, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("no host is given, and this host's name is unknown: %w", err)
	}
	return name, nil
}

func (c *brokerConfig) clusterHex() string { return hex.EncodeToString(c.cluster[:]) }
