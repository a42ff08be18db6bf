package api

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/wire"
)

func produceRequest(version int16) *kmsg.ProduceRequest {
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis = version, -1, 1500
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic, topic.TopicID = "t", idOf("t")
	for i := range int32(3) {
		p := kmsg.NewProduceRequestTopicPartition()
		p.Partition, p.Records = i, batch.NewBuilder().Add(int64(i), nil, []byte("v")).Build()
		topic.Partitions = append(topic.Partitions, p)
	}
	other := kmsg.NewProduceRequestTopic()
	other.Topic, other.TopicID = "none", [16]byte{9}
	other.Partitions = topic.Partitions[:1]
	req.Topics = []kmsg.ProduceRequestTopic{topic, other}
	return req
}

func TestProduceAnswersEveryFieldInEveryVersion(t *testing.T) {
	for version := int16(3); version <= 13; version++ {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			w := newFetchWorld(3)
			req := produceRequest(version)
			resp := serve(t, w, req, func(op Op) any {
				p := op.(Produce)
				require.Equal(t, idOf("t"), p.Partition.Topic)
				require.Equal(t, kafka.AcksAll, p.Acks)
				require.Equal(t, req.Topics[0].Partitions[p.Partition.Partition].Records, p.Batches)
				switch p.Partition.Partition {
				case 0:
					return ProduceResult{
						Base: 7, AppendTimeMs: 1234, LogStart: 5,
						CurrentLeader: Leader{Node: kafka.NoNode, Epoch: -1},
					}
				case 1:
					return ProduceResult{Code: kafka.NotLeaderOrFollower, Message: "moved",
						Base: -1, AppendTimeMs: -1, LogStart: -1,
						CurrentLeader: Leader{Node: 2, Epoch: 4}}
				}
				return never{}
			}).(*kmsg.ProduceResponse)

			want := func(part int32, code kafka.ErrorCode,
				base, appended, start int64) kmsg.ProduceResponseTopicPartition {
				p := kmsg.NewProduceResponseTopicPartition()
				p.Partition, p.ErrorCode, p.BaseOffset, p.LogAppendTime = part, int16(code),
					base, appended
				if version >= 5 {
					p.LogStartOffset = start
				}
				return p
			}
			moved, unknown := want(1, kafka.NotLeaderOrFollower, -1, -1, -1),
				kafka.UnknownTopicOrPartition
			if version >= 8 {
				moved.ErrorMessage = kmsg.StringPtr("moved")
			}
			if version >= 10 {
				moved.CurrentLeader.LeaderID, moved.CurrentLeader.LeaderEpoch = 2, 4
				require.Equal(t,
					[]kmsg.ProduceResponseBroker{{NodeID: 2, Host: "host-2", Port: 9092,
						Rack: kmsg.StringPtr("rack-2")}}, resp.Brokers)
			} else {
				require.Empty(t, resp.Brokers)
			}
			require.Len(t, resp.Topics, 2)
			if version >= 13 {
				unknown = kafka.UnknownTopicID
				require.EqualValues(t, idOf("t"), resp.Topics[0].TopicID)
				require.Equal(t, [16]byte{9}, resp.Topics[1].TopicID)
			} else {
				require.Equal(t, "t", resp.Topics[0].Topic)
				require.Equal(t, "none", resp.Topics[1].Topic)
			}
			require.Zero(t, resp.ThrottleMillis)
			require.Equal(t, []kmsg.ProduceResponseTopicPartition{
				want(0, kafka.None, 7, 1234, 5), moved, want(2, kafka.RequestTimedOut, -1, -1, -1),
			}, resp.Topics[0].Partitions)
			require.Equal(t, []kmsg.ProduceResponseTopicPartition{want(0, unknown, -1, -1, -1)},
				resp.Topics[1].Partitions)
		})
	}
}

func TestProduceIsRefusedBeforeTheLog(t *testing.T) {
	for _, c := range []struct {
		acks int16
		txn  *string
		code kafka.ErrorCode
	}{
		{2, nil, kafka.InvalidRequiredAcks},
		{-2, nil, kafka.InvalidRequiredAcks},
		{-1, kmsg.StringPtr("tx"), kafka.TransactionalIDAuthorizationFailed},
	} {
		w := newFetchWorld(3)
		req := produceRequest(12)
		req.Acks, req.TransactionID = c.acks, c.txn
		resp := serve(t, w, req, func(op Op) any {
			t.Fatalf("%T", op)
			return nil
		}).(*kmsg.ProduceResponse)
		for _, topic := range resp.Topics {
			for _, p := range topic.Partitions {
				require.EqualValues(t, c.code, p.ErrorCode)
				require.EqualValues(t, -1, p.BaseOffset)
			}
		}
	}
}

// What can be refused without the partition's log, by what the request says of a batch.
func TestProduceOfForbiddenBatchesIsRefused(t *testing.T) {
	zstd := []byte(batch.NewBuilder().Add(1, nil, nil).BuildWith(batch.Zstd, []byte{1}))
	inTransaction := batch.NewBuilder().Producer(1, 0, 0).Add(1, nil, nil)
	inTransaction.Transactional = true
	for _, c := range []struct {
		name    string
		version int16
		topic   string
		records []byte
		code    kafka.ErrorCode // of partition 0
		others  kafka.ErrorCode
	}{
		{"zstd before version 7", 6, "t", zstd, kafka.UnsupportedCompressionType, kafka.None},
		{"zstd since version 7", 7, "t", zstd, kafka.None, kafka.None},
		{"a transactional batch", 12, "t", inTransaction.Build(),
			kafka.TransactionalIDAuthorizationFailed, kafka.TransactionalIDAuthorizationFailed},
		{"an internal topic", 12, "__consumer_offsets", zstd,
			kafka.InvalidTopicException, kafka.InvalidTopicException},
		{"an internal topic by its id", 13, "__transaction_state", zstd,
			kafka.InvalidTopicException, kafka.InvalidTopicException},
	} {
		w := newFetchWorld(3)
		if c.topic != "t" {
			w.topic(c.topic, nil, []kafka.NodeID{1})
		}
		req := produceRequest(c.version)
		req.Topics = req.Topics[:1]
		req.Topics[0].Topic, req.Topics[0].TopicID = c.topic, idOf(c.topic)
		req.Topics[0].Partitions[0].Records = c.records
		resp := serve(t, w, req, func(Op) any { return ProduceResult{} }).(*kmsg.ProduceResponse)
		require.EqualValues(t, c.code, resp.Topics[0].Partitions[0].ErrorCode, c.name)
		require.EqualValues(t, c.others, resp.Topics[0].Partitions[1].ErrorCode, c.name)
	}
}

func TestProduceNamesRecordsInErrorSinceVersion8(t *testing.T) {
	for version := int16(3); version <= 13; version++ {
		resp := serve(t, newFetchWorld(3), produceRequest(version), func(Op) any {
			return ProduceResult{Code: kafka.InvalidRecord, Message: "no",
				Errors: []wire.RecordError{
					{Index: 0, Message: "no key"}, {Index: 7, Message: "none either"}}}
		}).(*kmsg.ProduceResponse)
		p := resp.Topics[0].Partitions[2]
		if version < 8 {
			require.Empty(t, p.ErrorRecords)
			continue
		}
		require.Len(t, p.ErrorRecords, 2)
		require.EqualValues(t, 7, p.ErrorRecords[1].RelativeOffset)
		require.Equal(t, "none either", *p.ErrorRecords[1].ErrorMessage)
	}
}

func TestProduceWithoutAcksHasNoResponse(t *testing.T) {
	req := produceRequest(12)
	req.Acks = 0
	asked := 0
	resp := serve(t, newFetchWorld(3), req, func(op Op) any {
		require.Equal(t, kafka.AcksNone, op.(Produce).Acks)
		asked++
		return ProduceResult{Code: kafka.InvalidRecord}
	})
	require.Nil(t, resp)
	require.Equal(t, 3, asked)
}

func TestTimeoutsAreThoseOfTheRequest(t *testing.T) {
	create, remove := kmsg.NewPtrCreateTopicsRequest(), kmsg.NewPtrDeleteTopicsRequest()
	create.Version, create.TimeoutMillis = 7, 700
	remove.Version, remove.TimeoutMillis = 6, -1
	fetch := fetchRequest(12)
	for _, c := range []struct {
		req  kmsg.Request
		want time.Duration
	}{
		{produceRequest(3), 1500 * time.Millisecond},
		{create, 700 * time.Millisecond},
		{remove, time.Millisecond},
		{fetch, 10*time.Second + 500*time.Millisecond},
		{&kmsg.MetadataRequest{Version: 12}, 0},
	} {
		h, err := New(parse(t, c.req))
		require.NoError(t, err)
		require.Equal(t, c.want, h.Timeout(), "%T", c.req)
	}
}

func TestARepeatedPartitionIsNotAppended(t *testing.T) {
	for _, version := range []int16{3, 12, 13} {
		w := newFetchWorld(3)
		req := produceRequest(version)
		again := req.Topics[0]
		again.Partitions = again.Partitions[1:2]
		req.Topics = append(req.Topics[:1], again)
		resp := serve(t, w, req, func(op Op) any {
			require.NotEqual(t, int32(1), op.(Produce).Partition.Partition)
			return ProduceResult{Base: 7, CurrentLeader: Leader{Node: kafka.NoNode, Epoch: -1}}
		}).(*kmsg.ProduceResponse)
		code := int16(kafka.InvalidRequest)
		require.Zero(t, resp.Topics[0].Partitions[0].ErrorCode)
		require.Equal(t, code, resp.Topics[0].Partitions[1].ErrorCode)
		require.Zero(t, resp.Topics[0].Partitions[2].ErrorCode)
		require.Equal(t, code, resp.Topics[1].Partitions[0].ErrorCode)
	}
}
