package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/drive"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/meta"
)

// required are the keys without defaults, for node 2 of three.
const required = `
node.id=2
cluster.id=000102030405060708090a0b0c0d0e0f
log.dirs=/var/lib/lockstep
controller.quorum.voters=1@a:10092,2@b:10092,3@c:10092
`

func configOf(t *testing.T, text string) (*brokerConfig, error) {
	t.Helper()
	settings, err := parseProperties("file", []byte(text))
	require.NoError(t, err)
	return newBrokerConfig(settings)
}

func TestConfigDefaults(t *testing.T) {
	c, err := configOf(t, required)
	require.NoError(t, err)
	require.Equal(t, int64(2), c.nodeID)
	require.Equal(t, "000102030405060708090a0b0c0d0e0f", c.clusterHex())
	require.Equal(t, []voter{{1, "a:10092"}, {2, "b:10092"}, {3, "c:10092"}}, c.voters)
	require.Equal(t, ":9092", c.listener)
	require.Equal(t, "b:10092", c.control, "the node's own entry of the voters")
	require.Equal(t, ":11092", c.replication)
	require.Empty(t, c.http)
	require.GreaterOrEqual(t, c.shards, 1)
	require.Equal(t, int64(1), c.replicationFactor)
	require.Equal(t, int64(1048588), c.messageMaxBytes)
	require.Equal(t, 3*time.Second, c.session)
	require.True(t, c.autoCreateTopics)
	require.Empty(t, c.clusterOverrides, "only keys that were set are overrides")

	host, err := os.Hostname()
	require.NoError(t, err)
	require.Equal(t, joinAddress(host, 9092), c.advertised)
	require.Equal(t, joinAddress(host, 11092), c.advertisedReplication)
}

func TestConfigAddresses(t *testing.T) {
	c, err := configOf(t, required+`
listeners=PLAINTEXT://0.0.0.0:19092
advertised.listeners=plaintext://broker-2.example:9092
replication.listener=:7000
control.listener=0.0.0.0:10092
http.listener=[::1]:8080
`)
	require.NoError(t, err)
	require.Equal(t, "0.0.0.0:19092", c.listener)
	require.Equal(t, "broker-2.example:9092", c.advertised)
	require.Equal(t, ":7000", c.replication)
	require.Equal(t, "broker-2.example:7000", c.advertisedReplication)
	require.Equal(t, "0.0.0.0:10092", c.control)
	require.Equal(t, "[::1]:8080", c.http)
}

func TestConfigValuesAreCarriedOver(t *testing.T) {
	c, err := configOf(t, required+`
# A comment, and Kafka's other spellings of assignment.
min.insync.replicas: 2
default.replication.factor = 3
num.partitions 6
broker.rack=eu ${HOME}
auto.create.topics.enable=false
replica.lag.time.max.ms=20000
shards=5
log.retention.ms=60000
log.segment.bytes=1048576
`)
	require.NoError(t, err)
	require.Equal(t, int64(2), c.minInSync)
	require.Equal(t, int64(3), c.replicationFactor)
	require.Equal(t, int64(6), c.numPartitions)
	require.Equal(t, "eu ${HOME}", c.rack, "values are not expanded")
	require.False(t, c.autoCreateTopics)
	require.Equal(t, 20*time.Second, c.lagTimeMax)
	require.Equal(t, 5, c.shards)
	require.Equal(t, int64(1048576), c.segmentBytes)
	require.Equal(t, meta.Configs{
		{Name: "log.retention.ms", Value: "60000"},
		{Name: "log.segment.bytes", Value: "1048576"},
		{Name: "min.insync.replicas", Value: "2"},
	}, c.clusterOverrides)
}

func TestBadConfigIsRefusedNamingTheKey(t *testing.T) {
	for _, c := range []struct{ line, says string }{
		{"socket.request.max.bytes=134217729", "not between 1024 and 134217728"},
		{"message.max.bytes=134217729", "not between 0 and 134217728"},
		{"num.partitions=10001", "not between 1 and 10000"},
		{"num.partition=3",
			`more line 1: unknown key "num.partition"; did you mean "num.partitions"?`},
		{"something.else=3", `unknown key "something.else"`},
		{"node.id=0", "node.id=0: not between 1 and"},
		{"node.id=", "node.id is required"},
		{"node.id=x", "node.id=x: not a whole number"},
		{"node.id=4", "controller.quorum.voters has no entry for node.id=4"},
		{"cluster.id=abc", "cluster.id=abc: neither 32 hex digits nor"},
		{"cluster.id=00000000000000000000000000000000", "must not be zero"},
		{"log.dirs=/a,/b", "log.dirs=/a,/b: more than one directory"},
		{"controller.quorum.voters=2", "controller.quorum.voters=2"},
		{"controller.quorum.voters=2@b:1,2@c:1", "is listed twice"},
		{"controller.quorum.voters=2@:10092", "need a host"},
		{"controller.quorum.voters=2@b:0", "port"},
		{"listeners=localhost:9092", "listeners=localhost:9092: not of the form"},
		{"listeners=SSL://localhost:9092", "protocol SSL is not supported"},
		{"listeners=PLAINTEXT://a:1,PLAINTEXT://b:2", "more than one listener"},
		{"listeners=PLAINTEXT://:65000", "replication.listener: port 65000 + 2000 is not a port"},
		{"http.listener=8080", "http.listener=8080: not of the form host:port"},
		{"auto.create.topics.enable=yes", "neither true nor false"},
		{"default.replication.factor=40000", "default.replication.factor=40000"},
		{"log.retention.ms=-7", "log.retention.ms=-7"},
		{"compression.type=zip", "compression.type=zip"},
		{"message.max.bytes=120000000", "message.max.bytes is above socket.request.max.bytes"},
		{"queued.max.request.bytes=4096", "queued.max.request.bytes is below"},
		{"broker.session.timeout.ms=900", "four times broker.heartbeat.interval.ms"},
		{"wal.segment.bytes=1048577", "wal.segment.bytes is not a multiple of 4096"},
		{"wal.budget.bytes=67108864", "wal.budget.bytes is below"},
		{"watchdog.fatal.ms=500", "watchdog.fatal.ms is not above"},
	} {
		settings, err := parseProperties("file", []byte(required))
		require.NoError(t, err)
		more, err := parseProperties("more", []byte(c.line))
		require.NoError(t, err)
		_, err = newBrokerConfig(append(settings, more...))
		require.ErrorContains(t, err, c.says, c.line)
	}
}

func TestAMissingRequiredKeyIsNamed(t *testing.T) {
	for _, k := range (&brokerConfig{}).keys() {
		if !k.required {
			continue
		}
		settings, err := parseProperties("file", []byte(required))
		require.NoError(t, err)
		var rest []setting
		for _, s := range settings {
			if s.name != k.name {
				rest = append(rest, s)
			}
		}
		_, err = newBrokerConfig(rest)
		require.ErrorContains(t, err, k.name+" is required")
	}
}

func TestAllMissingKeysAreNamedTogether(t *testing.T) {
	_, err := newBrokerConfig(nil)
	for _, k := range (&brokerConfig{}).keys() {
		if k.required {
			require.ErrorContains(t, err, k.name+" is required")
		}
	}
}

func TestAKeyThatIsSetTwiceIsRefused(t *testing.T) {
	text := "# a\nnode.id=1\n\nlog.dirs=a\\\n  node.id=5\nnode.id : 2\n"
	_, err := parseProperties("file", []byte(text))
	require.ErrorContains(t, err, "file: node.id is set twice, in lines 2 and 6")
}

func TestKafkasClusterIDsAreAccepted(t *testing.T) {
	id, err := randomUUID()
	require.NoError(t, err)
	require.Len(t, id, uuidChars)
	var cluster [16]byte
	require.NoError(t, setCluster(&cluster).take(id))
	require.NotZero(t, cluster)
	require.NoError(t, setCluster(&cluster).take("MkU3OEVBNTcwNTJENDM2Qg"))
	require.Equal(t, "2E78EA57052D436B", string(cluster[:]))
	require.Error(t, setCluster(&cluster).take("MkU3OEVBNTcwNTJENDM2Q!"))
}

func TestFlagsWinOverOverridesAndTheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "server.properties")
	require.NoError(t, os.WriteFile(file,
		[]byte(required+"num.partitions=2\nmin.insync.replicas=2\nbroker.rack=file\n"), 0o600))
	c, err := loadBrokerConfig(
		serveOptions{
			configFile: file, overrides: []string{"num.partitions=3", "min.insync.replicas=3"},
		},
		[]setting{{"num.partitions", "4", "flag"}})
	require.NoError(t, err)
	require.Equal(t, int64(4), c.numPartitions)
	require.Equal(t, int64(3), c.minInSync)
	require.Equal(t, "file", c.rack)

	_, err = loadBrokerConfig(serveOptions{configFile: file, overrides: []string{"num.partitions"}},
		nil)
	require.ErrorContains(t, err, "not of the form key=value")
	_, err = loadBrokerConfig(serveOptions{configFile: file + ".missing"}, nil)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestDoubtfulSettingsAreToldOf(t *testing.T) {
	told := func(more string) string {
		c, err := configOf(t, strings.Replace(required, ",3@c:10092", "", 1)+more)
		require.NoError(t, err)
		var out strings.Builder
		tellDoubts(c, drive.NewLog(&out, false, event.Info))
		return out.String()
	}
	require.Contains(t, told(""), "consumer groups do not work with fewer brokers")
	require.Empty(t, told("offsets.topic.replication.factor=2"))
	require.Contains(t, told("min.insync.replicas=2"), "would refuse acks=all")
}
