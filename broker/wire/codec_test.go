package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"testing"

	"example.com/lockstep/broker/alloctest"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/wire/client"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

func versionsOf(key int16) []int16 {
	v, _ := VersionsOf(key)
	var all []int16
	for version := v.Min; version <= v.Max; version++ {
		all = append(all, version)
	}
	return all
}

func TestProduceIsDecodedAsKmsgDoes(t *testing.T) {
	for _, version := range versionsOf(KeyProduce) {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				sent := randomRequest(t, KeyProduce, version).(*kmsg.ProduceRequest)
				body := sent.AppendTo(nil)
				want := &kmsg.ProduceRequest{Version: version}
				require.NoError(t, want.ReadFrom(body))
				got, err := DecodeProduce(version, body)
				require.NoError(t, err)

				require.Equal(t, want.TransactionID, got.TransactionalID)
				require.Equal(t, want.Acks, int16(got.Acks))
				require.Equal(t, want.TimeoutMillis, got.TimeoutMs)
				require.Len(t, got.Topics, len(want.Topics))
				for i, topic := range want.Topics {
					require.Equal(t, topic.Topic, got.Topics[i].Name)
					require.Equal(t, topic.TopicID, [16]byte(got.Topics[i].ID))
					require.Len(t, got.Topics[i].Partitions, len(topic.Partitions))
					for j, p := range topic.Partitions {
						require.Equal(t, p.Partition, got.Topics[i].Partitions[j].Partition)
						require.Equal(t, p.Records, got.Topics[i].Partitions[j].Records)
					}
				}
				for cut := range body {
					_, err := DecodeProduce(version, body[:cut])
					require.ErrorIs(t, err, ErrMalformed, "cut to %d of %d", cut, len(body))
				}
			})
		})
	}
}

func TestProduceRecordsAreNotCopied(t *testing.T) {
	for _, version := range versionsOf(KeyProduce) {
		body := (&kmsg.ProduceRequest{Version: version,
			Acks: -1, Topics: []kmsg.ProduceRequestTopic{{
				Topic: "t", Partitions: []kmsg.ProduceRequestTopicPartition{
					{Partition: 1, Records: []byte("batches")}, {Partition: 2, Records: nil},
					{Partition: 3, Records: []byte{}},
				},
			}}}).AppendTo(nil)
		req, err := DecodeProduce(version, body)
		require.NoError(t, err)
		partitions := req.Topics[0].Partitions
		require.Same(t, &body[bytes.Index(body, []byte("batches"))], &partitions[0].Records[0])
		require.Equal(t, 7, cap(partitions[0].Records))
		require.Nil(t, partitions[1].Records)
		require.NotNil(t, partitions[2].Records)
		require.Empty(t, partitions[2].Records)
	}
}

func TestProduceDoesNotAllocateByCounts(t *testing.T) {
	// No transaction, acks -1, timeout 0.
	body := []byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}
	body = binary.BigEndian.AppendUint32(body, 1<<20)           // topics
	body = append(append(body, 0, 1, 't'), 0, 0x0f, 0xff, 0xff) // partitions
	body = append(body, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff)     // records of 2 GiB
	body = append(body, bytes.Repeat([]byte{0xff}, 1<<20)...)   // room for the counts
	result := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			_, err := DecodeProduce(3, body)
			require.ErrorIs(b, err, ErrMalformed)
		}
	})
	require.Less(t, result.AllocedBytesPerOp(), int64(8<<10))
}

var drawUUID = rapid.Custom(func(t *rapid.T) (id [16]byte) {
	copy(id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "uuid"))
	return id
})

// drawEndpoints draws the endpoints for our types and kmsg's at once.
func drawEndpoints[K any](
	t *rapid.T, has bool, toKmsg func(node int32, host string, port int32, rack *string) K,
) ([]NodeEndpoint, []K) {
	var ours []NodeEndpoint
	var theirs []K
	for range rapid.IntRange(0, 3).Draw(t, "endpoints") {
		e := NodeEndpoint{
			Node: kafka.NodeID(rapid.Int32().Draw(t, "node")),
			Host: rapid.StringN(0, 200, 300).Draw(t, "host"),
			Port: rapid.Int32().Draw(t, "port"),
			Rack: rapid.StringN(0, 5, 20).Draw(t, "rack"),
		}
		ours = append(ours, e)
		if has {
			theirs = append(theirs, toKmsg(int32(e.Node), e.Host, e.Port, nilIfEmpty(e.Rack)))
		}
	}
	return ours, theirs
}

func nilIfEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func drawLeader(t *rapid.T) CurrentLeader {
	return CurrentLeader{
		Known: rapid.Bool().Draw(t, "leader known"),
		Node:  kafka.NodeID(rapid.Int32Range(0, 1<<30).Draw(t, "leader")),
		Epoch: kafka.LeaderEpoch(rapid.Int32().Draw(t, "leader epoch")),
	}
}

// kmsg is the model: it must write the same bytes for the same answer.
func TestProduceResponseIsEncodedAsKmsgDoes(t *testing.T) {
	for _, version := range versionsOf(KeyProduce) {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				ours, theirs := drawProduceResponse(t, version)
				prefix := []byte("before")
				got := AppendProduceResponse(slices.Clone(prefix), version, 99, ours)
				require.Equal(t, AppendResponse(slices.Clone(prefix), 99, theirs), got)
				_, err := client.DecodeResponse(got[len(prefix)+4:],
					&kmsg.ProduceRequest{Version: version})
				require.NoError(t, err)
			})
		})
	}
}

func drawProduceResponse(t *rapid.T, version int16) (*ProduceResponse, *kmsg.ProduceResponse) {
	ours := &ProduceResponse{ThrottleMs: rapid.Int32().Draw(t, "throttle")}
	theirs := &kmsg.ProduceResponse{Version: version, ThrottleMillis: ours.ThrottleMs}
	for range rapid.IntRange(0, 3).Draw(t, "topics") {
		topic := ProduceTopicResponse{
			Name: rapid.StringN(0, 20, 90).Draw(t, "name"), ID: drawUUID.Draw(t, "id"),
		}
		other := kmsg.ProduceResponseTopic{Topic: topic.Name, TopicID: topic.ID}
		for range rapid.IntRange(0, 3).Draw(t, "partitions") {
			p := ProducePartitionResponse{
				Partition:       rapid.Int32().Draw(t, "partition"),
				Code:            kafka.ErrorCode(rapid.Int16().Draw(t, "code")),
				BaseOffset:      kafka.Offset(rapid.Int64().Draw(t, "base")),
				LogAppendTimeMs: rapid.Int64().Draw(t, "time"),
				LogStart:        kafka.Offset(rapid.Int64().Draw(t, "start")),
				Message:         rapid.StringN(0, 200, 300).Draw(t, "message"),
				Leader:          drawLeader(t),
			}
			k := kmsg.NewProduceResponseTopicPartition()
			k.Partition, k.ErrorCode, k.BaseOffset = p.Partition, int16(p.Code), int64(p.BaseOffset)
			k.LogAppendTime, k.LogStartOffset, k.ErrorMessage = p.LogAppendTimeMs,
				int64(p.LogStart), nilIfEmpty(p.Message)
			if p.Leader.Known && version >= 10 {
				k.CurrentLeader.LeaderID, k.CurrentLeader.LeaderEpoch = int32(p.Leader.Node),
					int32(p.Leader.Epoch)
			}
			topic.Partitions = append(topic.Partitions, p)
			other.Partitions = append(other.Partitions, k)
		}
		ours.Topics = append(ours.Topics, topic)
		theirs.Topics = append(theirs.Topics, other)
	}
	ours.Endpoints, theirs.Brokers = drawEndpoints(t, version >= 10,
		func(node int32, host string, port int32, rack *string) kmsg.ProduceResponseBroker {
			return kmsg.ProduceResponseBroker{NodeID: node, Host: host, Port: port, Rack: rack}
		})
	return ours, theirs
}

func TestFetchResponseIsEncodedAsKmsgDoes(t *testing.T) {
	for _, version := range versionsOf(KeyFetch) {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				ours, theirs := drawFetchResponse(t, version)
				pieces := EncodeFetchResponse(version, 99, ours)
				for _, piece := range pieces {
					require.NotEmpty(t, piece)
					require.True(t, len(piece) == cap(piece) || cap(piece) == 100,
						"pieces must not reach into each other")
				}
				got := slices.Concat(pieces...)
				require.Equal(t, AppendResponse(nil, 99, theirs), got)
				_, err := client.DecodeResponse(got[4:], &kmsg.FetchRequest{Version: version})
				require.NoError(t, err)
			})
		})
	}
}

func drawFetchResponse(t *rapid.T, version int16) (*FetchResponse, *kmsg.FetchResponse) {
	ours := &FetchResponse{
		ThrottleMs: rapid.Int32().Draw(t, "throttle"),
		Code:       kafka.ErrorCode(rapid.Int16().Draw(t, "code")),
		SessionID:  rapid.Int32().Draw(t, "session"),
	}
	theirs := &kmsg.FetchResponse{
		Version: version, ThrottleMillis: ours.ThrottleMs, ErrorCode: int16(ours.Code),
		SessionID: ours.SessionID,
	}
	for range rapid.IntRange(0, 3).Draw(t, "topics") {
		topic := FetchTopic{
			Name: rapid.StringN(0, 20, 90).Draw(t, "name"), ID: drawUUID.Draw(t, "id"),
		}
		other := kmsg.FetchResponseTopic{Topic: topic.Name, TopicID: topic.ID}
		for range rapid.IntRange(0, 3).Draw(t, "partitions") {
			p, k := drawFetchPartition(t, version)
			topic.Partitions = append(topic.Partitions, p)
			other.Partitions = append(other.Partitions, k)
		}
		ours.Topics = append(ours.Topics, topic)
		theirs.Topics = append(theirs.Topics, other)
	}
	ours.Endpoints, theirs.Brokers = drawEndpoints(t, version >= 16,
		func(node int32, host string, port int32, rack *string) kmsg.FetchResponseBroker {
			return kmsg.FetchResponseBroker{NodeID: node, Host: host, Port: port, Rack: rack}
		})
	return ours, theirs
}

func drawFetchPartition(
	t *rapid.T, version int16,
) (FetchPartition, kmsg.FetchResponseTopicPartition) {
	p := FetchPartition{
		Partition:            rapid.Int32().Draw(t, "partition"),
		Code:                 kafka.ErrorCode(rapid.Int16().Draw(t, "code")),
		HighWatermark:        kafka.Offset(rapid.Int64().Draw(t, "watermark")),
		LastStableOffset:     kafka.Offset(rapid.Int64().Draw(t, "stable")),
		LogStart:             kafka.Offset(rapid.Int64().Draw(t, "start")),
		PreferredReadReplica: kafka.NodeID(rapid.Int32().Draw(t, "preferred")),
		Leader:               drawLeader(t),
		Diverging: DivergingEpoch{
			Known: rapid.Bool().Draw(t, "diverging"),
			Epoch: kafka.LeaderEpoch(rapid.Int32Range(0, 1<<30).Draw(t, "diverging epoch")),
			End:   kafka.Offset(rapid.Int64().Draw(t, "diverging end")),
		},
	}
	k := kmsg.NewFetchResponseTopicPartition()
	k.Partition, k.ErrorCode, k.HighWatermark = p.Partition, int16(p.Code), int64(p.HighWatermark)
	k.LastStableOffset, k.LogStartOffset = int64(p.LastStableOffset), int64(p.LogStart)
	k.PreferredReadReplica = int32(p.PreferredReadReplica)
	if n := rapid.IntRange(-1, 3).Draw(t, "aborted"); n >= 0 {
		p.Aborted, k.AbortedTransactions = []AbortedTransaction{},
			[]kmsg.FetchResponseTopicPartitionAbortedTransaction{}
		for range n {
			a := AbortedTransaction{
				kafka.ProducerID(rapid.Int64().Draw(t, "producer")),
				kafka.Offset(rapid.Int64().Draw(t, "first")),
			}
			p.Aborted = append(p.Aborted, a)
			k.AbortedTransactions = append(k.AbortedTransactions,
				kmsg.FetchResponseTopicPartitionAbortedTransaction{
					ProducerID: int64(a.Producer), FirstOffset: int64(a.FirstOffset),
				})
		}
	}
	k.RecordBatches = []byte{} // no data is length zero, not null
	for range rapid.IntRange(0, 3).Draw(t, "pieces") {
		piece := make([]byte, rapid.IntRange(0, 100).Draw(t, "piece"), 100)
		for i := range piece {
			piece[i] = byte(i)
		}
		p.Records = append(p.Records, piece)
		k.RecordBatches = append(k.RecordBatches, piece...)
	}
	if p.Diverging.Known && version >= 12 {
		k.DivergingEpoch.Epoch, k.DivergingEpoch.EndOffset = int32(p.Diverging.Epoch),
			int64(p.Diverging.End)
	}
	if p.Leader.Known && version >= 16 {
		k.CurrentLeader.LeaderID, k.CurrentLeader.LeaderEpoch = int32(p.Leader.Node),
			int32(p.Leader.Epoch)
	}
	return p, k
}

func TestFetchPassesRecordsThrough(t *testing.T) {
	one, two, three := []byte("one"), []byte("two"), []byte("three")
	resp := &FetchResponse{Topics: []FetchTopic{{Name: "t", Partitions: []FetchPartition{
		{Partition: 0, Records: [][]byte{one, two}},
		{Partition: 1, Records: [][]byte{three}},
	}}}}
	for _, version := range versionsOf(KeyFetch) {
		pieces := EncodeFetchResponse(version, 1, resp)
		require.Same(t, &one[0], &pieces[1][0])
		require.Same(t, &two[0], &pieces[2][0])
		require.Same(t, &three[0], &pieces[4][0])
	}
}

func TestApiVersionsHeaderIsAlwaysVersion0(t *testing.T) {
	for version := int16(0); version <= 4; version++ {
		resp := kmsg.NewPtrApiVersionsResponse()
		resp.Version = version
		resp.ApiKeys = AdvertisedVersions()
		frame := AppendResponse(nil, 5, resp)
		require.Equal(t, resp.AppendTo(nil), frame[8:],
			"nothing between the correlation id and the message")
		got, err := client.DecodeResponse(frame[4:], &kmsg.ApiVersionsRequest{Version: version})
		require.NoError(t, err)
		require.Equal(t, AdvertisedVersions(), got.(*kmsg.ApiVersionsResponse).ApiKeys)
	}
}

func TestApiVersionsTooNewIsAnsweredInVersion0(t *testing.T) {
	frame := AppendApiVersionsTooNew(nil, 7)
	require.Equal(t, []byte{
		0, 0, 0, 16, // length
		0, 0, 0, 7, // correlation id
		0, 35, // UNSUPPORTED_VERSION
		0, 0, 0, 1, // one key
		0, 18, 0, 0, 0, 4,
	}, frame)
	resp, err := client.DecodeResponse(frame[4:], &kmsg.ApiVersionsRequest{Version: 5})
	require.NoError(t, err)
	require.Equal(t, int16(35), resp.(*kmsg.ApiVersionsResponse).ErrorCode)
}

func TestProduceIsAdvertisedFromZero(t *testing.T) {
	keys := AdvertisedVersions()
	require.Equal(t, kmsg.ApiVersionsResponseApiKey{ApiKey: 0, MinVersion: 0, MaxVersion: 13},
		keys[0])
}

func TestResponsesOfEveryVersionCarryTheRightHeader(t *testing.T) {
	everyVersion(t, func(t *testing.T, v VersionRange, version int16) {
		req := kmsg.RequestForKey(v.Key)
		req.SetVersion(version)
		resp := req.ResponseKind()
		resp.SetVersion(version)
		frame := AppendResponse(nil, 1234, resp)
		require.Equal(t, len(frame)-4, int(binary.BigEndian.Uint32(frame)))
		id, err := client.CorrelationID(frame[4:])
		require.NoError(t, err)
		require.Equal(t, int32(1234), id)
		_, err = client.DecodeResponse(frame[4:], req)
		require.NoError(t, err)
		header := 8
		if version >= v.Flexible && v.Key != KeyAPIVersions {
			header = 9
		}
		require.Equal(t, header+len(resp.AppendTo(nil)), len(frame))
	})
}

func FuzzDecodeProduce(f *testing.F) {
	for _, version := range versionsOf(KeyProduce) {
		f.Add(version, (&kmsg.ProduceRequest{Version: version, Topics: []kmsg.ProduceRequestTopic{{
			Topic: "t",
			Partitions: []kmsg.ProduceRequestTopicPartition{{Partition: 1,
				Records: []byte("batches")}},
		}}}).AppendTo(nil))
	}
	f.Fuzz(func(t *testing.T, version int16, body []byte) {
		if version < 3 || version > 13 {
			return
		}
		var req ProduceRequest
		var err error
		alloctest.Bounded(t, 64*len(body), func() { req, err = DecodeProduce(version, body) })
		if err != nil {
			return
		}
		total := 0
		for _, topic := range req.Topics {
			for _, p := range topic.Partitions {
				total += len(p.Records)
			}
		}
		require.LessOrEqual(t, total, len(body), "records are disjoint pieces of the body")
	})
}

// BenchmarkDecodeProduce is a request of four partitions with 16 KiB each, from
// the frame to records that lie within it.
func BenchmarkDecodeProduce(b *testing.B) {
	produce := &kmsg.ProduceRequest{Version: 9, Topics: []kmsg.ProduceRequestTopic{{Topic: "t"}}}
	for i := range int32(4) {
		produce.Topics[0].Partitions = append(produce.Topics[0].Partitions,
			kmsg.ProduceRequestTopicPartition{Partition: i, Records: make([]byte, 16<<10)})
	}
	frame := client.AppendRequest(nil, 1, "c", produce)[4:]
	b.SetBytes(int64(len(frame)))
	b.ReportAllocs()
	for b.Loop() {
		req, err := ParseRequest(frame)
		if err == nil {
			_, err = DecodeProduce(req.Version, req.Body)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
