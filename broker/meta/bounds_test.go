package meta

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/wire/peer"
)

// create makes one topic with automatic placement, one replica for each partition.
func (w *world) create(name string, partitions int32) TopicVerdict {
	return w.apply(topicsOf(partitions, name)).Topics[0]
}

func topicsOf(partitions int32, names ...string) *CreateTopics {
	c := &CreateTopics{DefaultPartitions: 1, DefaultReplication: 1}
	for _, name := range names {
		id := kafka.TopicID{}
		copy(id[:], name)
		c.Topics = append(c.Topics,
			NewTopic{Name: name, ID: id, Partitions: partitions, ReplicationFactor: 1})
	}
	return c
}

func (w *world) limit(key string, value int) {
	v := w.apply(&AlterConfigs{[]ConfigChange{{
		Resource: ConfigResource{Type: BrokerResource},
		Ops:      []ConfigOp{{ConfigSet, key, strconv.Itoa(value)}},
	}}})
	require.Equal(w.t, kafka.None, v.Configs[0].Code, v.Configs[0].Message)
}

// A legal request once asked for 6 billion partitions, was committed, and was applied again
// at each start.
func TestACommandForTooManyPartitionsMakesNone(t *testing.T) {
	w := newWorld(t, 3)
	many := topicsOf(math.MaxInt32, "a", "b", "c")
	require.True(t, many.Excessive())
	for _, c := range []*CreateTopics{
		many, topicsOf(10_001, "a"), topicsOf(5000, "a", "b", "c"),
		{
			DefaultPartitions: 10_001, DefaultReplication: 1,
			Topics: topicsOf(-1, "a").Topics,
		},
		{Topics: []NewTopic{{
			Name: "a", ID: kafka.TopicID{1}, Partitions: -1, ReplicationFactor: -1,
			Assignments: make([][]kafka.NodeID, 10_001),
		}}},
	} {
		before := w.img.placed
		for i, v := range w.apply(c).Topics {
			require.Equal(t, kafka.PolicyViolation, v.Code)
			require.Equal(t, c.Topics[i].Name, v.Name)
			require.Equal(t, ExcessiveMessage, v.Message)
		}
		require.Zero(t, w.img.TopicCount())
		require.Equal(t, before, w.img.placed)
	}
	require.Equal(t, kafka.None, w.create("a", 10_000).Code)
	v := w.apply(&CreatePartitions{[]MorePartitions{{Name: "a", Total: 20_001}}})
	require.Equal(t, kafka.PolicyViolation, v.Topics[0].Code)
	v = w.apply(&CreatePartitions{[]MorePartitions{{Name: "a", Total: 20_000}}})
	require.Equal(t, kafka.None, v.Topics[0].Code)
	require.Len(t, w.img.Topic("a").Partitions, 20_000)
}

func TestTheLimitsOfClusterAndBrokerHoldForEveryCommand(t *testing.T) {
	w := newWorld(t, 3)
	w.limit(clusterPartitionsKey, 100)
	require.Equal(t, kafka.None, w.create("a", 60).Code)
	v := w.create("b", 41)
	require.Equal(t, kafka.PolicyViolation, v.Code)
	require.Contains(t, v.Message, "(max.partitions)")
	require.True(t, w.img.overLimits(topicsOf(41, "b")))
	require.False(t, w.img.overLimits(topicsOf(40, "b")))
	require.False(t, w.img.overLimits(topicsOf(41, "a")), "the name decides that")
	// Both together would be too many: the first one is created.
	both := w.apply(topicsOf(40, "b", "c")).Topics
	require.Equal(t, kafka.None, both[0].Code)
	require.Equal(t, kafka.PolicyViolation, both[1].Code)
	grown := w.apply(&CreatePartitions{[]MorePartitions{{Name: "a", Total: 61}}}).Topics[0]
	require.Equal(t, kafka.PolicyViolation, grown.Code)
	w.apply(&DeleteTopics{[]TopicRef{{Name: "b"}}})
	require.Equal(t, kafka.None, w.create("c", 40).Code)

	w = newWorld(t, 3)
	w.limit(brokerPartitionsKey, 10)
	full := NewTopic{Name: "two", ID: kafka.TopicID{7}, Partitions: -1, ReplicationFactor: -1}
	for range 10 {
		full.Assignments = append(full.Assignments, nodes(2))
	}
	require.Equal(t, kafka.None, w.apply(&CreateTopics{Topics: []NewTopic{full}}).Topics[0].Code)
	v = w.create("spread", 3)
	require.Equal(t, kafka.PolicyViolation, v.Code)
	require.Equal(t, "Broker 2 would have more than 10 replicas (max.broker.partitions).",
		v.Message)
	require.Equal(t, kafka.None, w.create("one", 1).Code)
}

func TestNamesThatCollideAreRefused(t *testing.T) {
	w := newWorld(t, 1)
	require.Equal(t, kafka.None, w.create("a.b_c", 1).Code)
	for _, name := range []string{"a_b_c", "a.b.c", "a_b.c"} {
		v := w.create(name, 1)
		require.Equal(t, kafka.InvalidTopicException, v.Code)
		require.Equal(t, "Topic '"+name+"' collides with existing topic: a.b_c", v.Message)
		require.Equal(t, "a.b_c", w.img.Collides(name))
	}
	require.Equal(t, kafka.TopicAlreadyExists, w.create("a.b_c", 1).Code)
	require.Equal(t, kafka.None, w.create("a-b-c", 1).Code)
	v := w.apply(topicsOf(1, "x.y", "x_y", "x.y")).Topics
	require.Equal(t, []kafka.ErrorCode{kafka.None, kafka.InvalidTopicException,
		kafka.TopicAlreadyExists}, []kafka.ErrorCode{v[0].Code, v[1].Code, v[2].Code})
	w.apply(&DeleteTopics{[]TopicRef{{Name: "a.b_c"}}})
	require.Equal(t, kafka.None, w.create("a_b_c", 1).Code)
}

func TestConfigurationsAreBounded(t *testing.T) {
	w := newWorld(t, 1)
	w.create("t", 1)
	set := func(kind ResourceType, name, key, value string) kafka.ErrorCode {
		return w.apply(&AlterConfigs{[]ConfigChange{{
			Resource: ConfigResource{kind, name}, Ops: []ConfigOp{{ConfigSet, key, value}},
		}}}).Configs[0].Code
	}
	zeros := strings.Repeat("0", configValueMax)
	require.Equal(t, kafka.None, set(TopicResource, "t", "retention.ms", zeros))
	require.Equal(t, kafka.InvalidConfig, set(TopicResource, "t", "retention.ms", zeros+"1"))
	require.Equal(t, kafka.InvalidConfig,
		set(TopicResource, "t", "cleanup.policy", strings.Repeat("delete,", configValueMax)))
	require.Equal(t, kafka.None, set(BrokerResource, "1", EventLogLevelKey, "warn"))
	// Each of these would be an entry of its own, and no broker would look at it.
	for _, alias := range []string{"01", "+1", "001"} {
		require.Equal(t, kafka.InvalidRequest, set(BrokerResource, alias, EventLogLevelKey, "warn"))
	}
	w.img.usage.configBytes += configBytesMax - 2000 // as if other topics had so many
	value := strings.Repeat("0", configValueMax)
	_, v, _ := w.img.Apply(w.index+1, &AlterConfigs{[]ConfigChange{{
		Resource: ConfigResource{TopicResource, "t"},
		Ops: []ConfigOp{
			{ConfigSet, "flush.ms", value}, {ConfigSet, "retention.bytes", value},
		},
	}}})
	require.Equal(t, kafka.PolicyViolation, v.Configs[0].Code)
}

func TestRegistrationsAreBounded(t *testing.T) {
	img := NewImage(peer.UUID{9})
	register := func(node kafka.NodeID, e Endpoints) kafka.ErrorCode {
		next, v, _ := img.Apply(img.Index()+1, &RegisterBroker{
			Node: node, Incarnation: peer.UUID{1}, Endpoints: e,
		})
		img = next
		return v.Code
	}
	long := strings.Repeat("r", brokerTextMax+1)
	require.Equal(t, kafka.PolicyViolation, register(1, Endpoints{Rack: long}))
	require.Equal(t, kafka.PolicyViolation,
		register(1, Endpoints{Features: []Feature{{Name: long}}}))
	require.Equal(t, kafka.PolicyViolation,
		register(1, Endpoints{Features: make([]Feature, brokerFeaturesMax+1)}))
	for node := range kafka.NodeID(brokersMax) {
		require.Equal(t, kafka.None, register(node+1, Endpoints{}))
	}
	require.Equal(t, kafka.PolicyViolation, register(brokersMax+1, Endpoints{}))
	require.Equal(t, kafka.None, register(brokersMax, Endpoints{}))
	_, v, _ := img.Apply(img.Index()+1, &SetFeature{Name: "unknown", Level: 1})
	require.Equal(t, kafka.InvalidUpdateVersion, v.Code)
}

func BenchmarkApplyTheLargestRequest(b *testing.B) {
	w := newWorld(b, 3)
	create := topicsOf(RequestPartitionsMax, "t")
	create.Topics[0].ReplicationFactor = 3
	for b.Loop() {
		next, v, _ := w.img.Apply(w.index+1, create)
		require.Equal(b, kafka.None, v.Topics[0].Code)
		require.Equal(b, 1, next.TopicCount())
	}
}

func BenchmarkDryRunOfTheLargestRequest(b *testing.B) {
	w := newWorld(b, 3)
	for i := range 10 {
		w.create(fmt.Sprint("have-", i), 1000)
	}
	create := topicsOf(RequestPartitionsMax, "t")
	create.Topics[0].ReplicationFactor = 3
	for b.Loop() {
		require.Equal(b, kafka.None, w.img.DryRun(create).Topics[0].Code)
	}
}
