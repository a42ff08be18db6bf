package api

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/alloctest"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/wire"
	"example.com/lockstep/broker/wire/client"
)

// The largest requests that a client can send, each made of as many of the smallest elements as
// fit into its frame. A loop serves a request without a break, so what one costs must be far
// below the bound of the watchdog. What is counted is work and not time: operations of
// partitions, bytes of the answer, bytes allocated.
//
// The broker leads the partitions of topic "t".
var worstRequests = []struct {
	name    string
	request func() kmsg.Request
	ops     int // at most
	answer  int // bytes, at most
	allocs  int // bytes, at most
}{
	{"Fetch that repeats a partition", func() kmsg.Request {
		return fetchOf(4, func(int) int32 { return 0 })
	}, 1, 1 << 10, 24 << 20},
	{"Fetch that repeats a topic", func() kmsg.Request {
		req := kmsg.NewPtrFetchRequest()
		req.Version, req.MaxWaitMillis = 12, 0
		for range 24_000 {
			topic := kmsg.NewFetchRequestTopic()
			topic.Topic = "t"
			topic.Partitions = append(topic.Partitions, kmsg.NewFetchRequestTopicPartition())
			req.Topics = append(req.Topics, topic)
		}
		return req
	}, 1, 1 << 10, 24 << 20},
	{"Fetch of partitions that do not exist", func() kmsg.Request {
		return fetchOf(4, func(i int) int32 { return int32(i) })
	}, 65_000, 4 << 20, 200 << 20},
	{"ListOffsets that repeats a partition", func() kmsg.Request {
		return listOffsetsOf(func(int) int32 { return 0 })
	}, 0, 4 << 20, 40 << 20},
	{"ListOffsets of partitions that do not exist", func() kmsg.Request {
		return listOffsetsOf(func(i int) int32 { return int32(i) })
	}, 87_000, 4 << 20, 60 << 20},
	{"Metadata of nothing", func() kmsg.Request {
		return metadataOf(9, 500_000, func(int) string { return "" })
	}, 0, 1 << 10, 180 << 20},
	{"Metadata that repeats a topic", func() kmsg.Request {
		return metadataOf(9, 340_000, func(int) string { return "t" })
	}, 0, 8 << 10, 140 << 20},
	{"Metadata of topics that do not exist", func() kmsg.Request {
		return metadataOf(9, 125_000, func(i int) string { return strconv.Itoa(i) })
	}, 1, 3 << 20, 200 << 20},
	{"FindCoordinator of groups without names", func() kmsg.Request {
		req := kmsg.NewPtrFindCoordinatorRequest()
		req.Version, req.CoordinatorKeys = 6, make([]string, groupsMax)
		return req
	}, 0, 1 << 20, 10 << 20},
	{"CreateTopics without names", func() kmsg.Request {
		req := kmsg.NewPtrCreateTopicsRequest()
		req.Version = 7
		req.Topics = make([]kmsg.CreateTopicsRequestTopic, 100_000)
		return req
	}, 0, 1 << 10, 60 << 20},
	{"DeleteTopics without names", func() kmsg.Request {
		req := kmsg.NewPtrDeleteTopicsRequest()
		req.Version, req.TopicNames = 5, make([]string, 1_000_000)
		return req
	}, 0, 1 << 10, 240 << 20},
	{"DeleteTopics of topics that do not exist", func() kmsg.Request {
		req := kmsg.NewPtrDeleteTopicsRequest()
		req.Version = 5
		for i := range 125_000 {
			req.TopicNames = append(req.TopicNames, strconv.Itoa(i))
		}
		return req
	}, 1, 4 << 20, 120 << 20},
	{"OffsetForLeaderEpoch that repeats a partition", func() kmsg.Request {
		req := kmsg.NewPtrOffsetForLeaderEpochRequest()
		req.Version = 3
		topic := kmsg.NewOffsetForLeaderEpochRequestTopic()
		topic.Topic = "t"
		topic.Partitions = make([]kmsg.OffsetForLeaderEpochRequestTopicPartition, 87_000)
		req.Topics = append(req.Topics, topic)
		return req
	}, 87_000, 4 << 20, 60 << 20},
	{"DeleteRecords that repeats a partition", func() kmsg.Request {
		return deleteRecordsOf(func(int) int32 { return 0 })
	}, 1, 1 << 10, 60 << 20},
	{"DeleteRecords of partitions that do not exist", func() kmsg.Request {
		return deleteRecordsOf(func(i int) int32 { return int32(i) })
	}, 87_000, 4 << 20, 60 << 20},
	{"DescribeConfigs that repeats a broker", func() kmsg.Request {
		return describeConfigsOf(kmsg.ConfigResourceTypeBroker, "1")
	}, 0, 64 << 10, 80 << 20},
	{"DescribeConfigs that repeats a topic", func() kmsg.Request {
		return describeConfigsOf(kmsg.ConfigResourceTypeTopic, "t")
	}, 0, 64 << 10, 80 << 20},
	{"Produce that repeats a partition", func() kmsg.Request {
		req := kmsg.NewPtrProduceRequest()
		req.Version, req.Acks = 9, -1
		topic := kmsg.NewProduceRequestTopic()
		topic.Topic = "t"
		topic.Partitions = make([]kmsg.ProduceRequestTopicPartition, 65_000)
		req.Topics = append(req.Topics, topic)
		return req
	}, 0, 8 << 20, 80 << 20},
}

func fetchOf(version int16, partition func(i int) int32) kmsg.Request {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.MaxWaitMillis = version, 0
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic = "t"
	for i := range 65_000 {
		part := kmsg.NewFetchRequestTopicPartition()
		part.Partition = partition(i)
		topic.Partitions = append(topic.Partitions, part)
	}
	req.Topics = append(req.Topics, topic)
	return req
}

func listOffsetsOf(partition func(i int) int32) kmsg.Request {
	req := kmsg.NewPtrListOffsetsRequest()
	req.Version = 1
	topic := kmsg.NewListOffsetsRequestTopic()
	topic.Topic = "t"
	for i := range 87_000 {
		part := kmsg.NewListOffsetsRequestTopicPartition()
		part.Partition = partition(i)
		topic.Partitions = append(topic.Partitions, part)
	}
	req.Topics = append(req.Topics, topic)
	return req
}

func metadataOf(version int16, n int, name func(i int) string) kmsg.Request {
	req := kmsg.NewPtrMetadataRequest()
	req.Version, req.AllowAutoTopicCreation = version, true
	req.Topics = make([]kmsg.MetadataRequestTopic, n)
	for i := range req.Topics {
		req.Topics[i].Topic = kmsg.StringPtr(name(i))
	}
	return req
}

func describeConfigsOf(kind kmsg.ConfigResourceType, name string) kmsg.Request {
	req := kmsg.NewPtrDescribeConfigsRequest()
	req.Version, req.IncludeDocumentation, req.IncludeSynonyms = 4, true, true
	req.Resources = make([]kmsg.DescribeConfigsRequestResource, 200_000)
	for i := range req.Resources {
		req.Resources[i].ResourceType, req.Resources[i].ResourceName = kind, name
	}
	return req
}

func deleteRecordsOf(partition func(i int) int32) kmsg.Request {
	req := kmsg.NewPtrDeleteRecordsRequest()
	topic := kmsg.NewDeleteRecordsRequestTopic()
	topic.Topic = "t"
	for i := range 87_000 {
		topic.Partitions = append(topic.Partitions,
			kmsg.DeleteRecordsRequestTopicPartition{Partition: partition(i), Offset: 1})
	}
	req.Topics = append(req.Topics, topic)
	return req
}

func TestTheLargestRequestsCostABoundedAmountOfWork(t *testing.T) {
	for _, worst := range worstRequests {
		t.Run(worst.name, func(t *testing.T) {
			c := newFetchWorld(3)
			frame := client.AppendRequest(nil, correlation, "test", worst.request())
			require.LessOrEqual(t, len(frame), wire.MaxOtherFrame+4)
			var ops, answer int
			alloctest.Bounded(t, worst.allocs, func() { ops, answer = workOf(t, c, frame) })
			require.LessOrEqual(t, ops, worst.ops, "operations")
			require.LessOrEqual(t, answer, worst.answer, "bytes of the answer")
		})
	}
}

// workOf serves a request. Every operation of a partition resolves at once.
func workOf(t *testing.T, c Context, frame []byte) (ops, answer int) {
	parsed, err := wire.ParseRequest(frame[4:])
	require.NoError(t, err)
	h, err := New(parsed)
	require.NoError(t, err)
	for {
		round := h.Next(c, false)
		if len(round) == 0 {
			break
		}
		ops += len(round)
		for i, op := range round {
			switch op := op.(type) {
			case Fetch:
				h.Resolve(i, FetchResult{Code: kafka.NotLeaderOrFollower, DivergingEpoch: -1})
			case Offsets:
				h.Resolve(i, OffsetsResult{})
			case DeleteRecords:
				h.Resolve(i, DeleteRecordsResult{})
			case EpochEnd:
				h.Resolve(i, EpochEndResult{})
			case Propose:
				h.Resolve(i, ProposeResult{Code: kafka.RequestTimedOut})
			case Coordinate:
				h.Resolve(i, coordinated(op.Request, kafka.None))
			default:
				t.Fatalf("no result for %T", op)
			}
		}
	}
	for _, part := range h.Answer(c) {
		answer += len(part)
	}
	return ops, answer
}

func TestARequestOfTooManyGroupsIsMalformed(t *testing.T) {
	find := kmsg.NewPtrFindCoordinatorRequest()
	find.Version, find.CoordinatorKeys = 6, make([]string, groupsMax+1)
	fetch := kmsg.NewPtrOffsetFetchRequest()
	fetch.Version, fetch.Groups = 8, make([]kmsg.OffsetFetchRequestGroup, groupsMax+1)
	describe := kmsg.NewPtrDescribeGroupsRequest()
	describe.Groups = make([]string, groupsMax+1)
	remove := kmsg.NewPtrDeleteGroupsRequest()
	remove.Groups = make([]string, groupsMax+1)
	for _, req := range []kmsg.Request{find, fetch, describe, remove} {
		_, err := New(parse(t, req))
		require.ErrorIs(t, err, wire.ErrMalformed)
	}
}

func TestAProduceOfTooManyPartitionsIsMalformed(t *testing.T) {
	req := kmsg.NewPtrProduceRequest()
	req.Version = 9
	topic := kmsg.NewProduceRequestTopic()
	topic.Partitions = make([]kmsg.ProduceRequestTopicPartition, 1<<16)
	req.Topics = append(req.Topics, topic)
	_, err := New(parse(t, req))
	require.ErrorIs(t, err, wire.ErrMalformed)
	req.Topics = make([]kmsg.ProduceRequestTopic, 1<<16+1)
	_, err = New(parse(t, req))
	require.ErrorIs(t, err, wire.ErrMalformed)
}
