package api

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/kafka"
)

// fakeLog is a partition: its batches from offset 0 on, all committed.
type fakeLog struct {
	batches []batch.Batch
	end     kafka.Offset
	failure FetchResult // answered instead, if it has an error or a divergence
	reads   int
}

// add appends a batch of one record with a value of so many bytes.
func (l *fakeLog) add(value int) int {
	b := batch.NewBuilder().Add(1000, nil, make([]byte, value)).Build()
	b.Stamp(l.end, 1)
	l.end = b.NextOffset()
	l.batches = append(l.batches, b)
	return b.Size()
}

// fetch does what the op says: the first batch whole, the others within MaxBytes.
func (l *fakeLog) fetch(op Fetch) FetchResult {
	l.reads++
	if l.failure.Code != kafka.None || l.failure.DivergingEpoch > 0 {
		return l.failure
	}
	r := FetchResult{Watermark: l.end, LastStable: l.end, LogStart: 0, DivergingEpoch: -1}
	for _, b := range l.batches {
		if b.LastOffset() < op.Offset {
			continue
		}
		if op.MaxBytes <= 0 || r.Bytes > 0 && r.Bytes+b.Size() > op.MaxBytes {
			break
		}
		r.Batches = append(r.Batches, b)
		r.Bytes += b.Size()
	}
	return r
}

// fetchWorld is a broker that leads partitions 0.. of topic "t".
type fetchWorld struct {
	*fakeContext
	logs    []*fakeLog
	waits   [][]Wait // of each time the handler waited
	onWait  func(turn int)
	waiting bool
}

func newFetchWorld(partitions int) *fetchWorld {
	w := &fetchWorld{fakeContext: newContext()}
	w.broker(1, true)
	w.broker(2, true)
	var replicas [][]kafka.NodeID
	for range partitions {
		replicas = append(replicas, []kafka.NodeID{1})
		w.logs = append(w.logs, &fakeLog{})
	}
	w.topic("t", nil, replicas...)
	return w
}

func (w *fetchWorld) run(op Op) any {
	switch op := op.(type) {
	case Fetch:
		w.waiting = false
		return w.logs[op.Partition.Partition].fetch(op)
	case Wait:
		if !w.waiting {
			w.waiting = true
			w.waits = append(w.waits, nil)
			w.onWait(len(w.waits))
		}
		last := len(w.waits) - 1
		w.waits[last] = append(w.waits[last], op)
		return WaitResult{}
	}
	return nil
}

func (w *fetchWorld) until(mono time.Duration) { w.now.Mono = w.now.Mono.Add(mono) }

func fetchRequest(version int16, partitions ...kmsg.FetchRequestTopicPartition) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.MaxWaitMillis, req.MinBytes, req.MaxBytes = version, 500, 1, 1<<20
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic, topic.TopicID = "t", idOf("t")
	for i := range partitions {
		partitions[i].CurrentLeaderEpoch, partitions[i].LastFetchedEpoch = -1, -1
	}
	topic.Partitions = partitions
	req.Topics = append(req.Topics, topic)
	return req
}

func fetchPartition(number int32, offset int64, maxBytes int32) kmsg.FetchRequestTopicPartition {
	p := kmsg.NewFetchRequestTopicPartition()
	p.Partition, p.FetchOffset, p.PartitionMaxBytes = number, offset, maxBytes
	return p
}

func TestFetchAnswersEveryFieldInEveryVersion(t *testing.T) {
	for version := int16(4); version <= 18; version++ {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			w := newFetchWorld(3)
			w.logs[0].add(10)
			w.logs[0].add(20)
			w.logs[1].failure = FetchResult{Code: kafka.NotLeaderOrFollower, Watermark: -1,
				LastStable: -1, LogStart: -1, DivergingEpoch: -1,
				CurrentLeader: Leader{Node: 2, Epoch: 4}}
			w.logs[2].failure = FetchResult{
				Watermark: 9, LastStable: 8, LogStart: 7, DivergingEpoch: 3, DivergingEnd: 5,
			}
			req := fetchRequest(version, fetchPartition(0, 1, 1<<20), fetchPartition(1, 0, 1<<20),
				fetchPartition(2, 0, 1<<20))
			req.IsolationLevel = readCommitted
			other := kmsg.NewFetchRequestTopic()
			other.Topic, other.TopicID = "none", [16]byte{9}
			other.Partitions = []kmsg.FetchRequestTopicPartition{fetchPartition(0, 0, 1)}
			req.Topics = append(req.Topics, other)
			resp := serve(t, w, req, w.run).(*kmsg.FetchResponse)

			require.Zero(t, resp.ThrottleMillis)
			require.Zero(t, resp.ErrorCode)
			require.Zero(t, resp.SessionID)
			require.Len(t, resp.Topics, 2)
			unknown := kafka.UnknownTopicOrPartition
			if version < 13 {
				require.Equal(t, "t", resp.Topics[0].Topic)
				require.Equal(t, "none", resp.Topics[1].Topic)
			} else {
				unknown = kafka.UnknownTopicID
				require.EqualValues(t, idOf("t"), resp.Topics[0].TopicID)
				require.Equal(t, [16]byte{9}, resp.Topics[1].TopicID)
			}
			want := func(part int32, code kafka.ErrorCode,
				watermark, stable, start int64) kmsg.FetchResponseTopicPartition {
				p := kmsg.NewFetchResponseTopicPartition()
				p.Partition, p.ErrorCode, p.HighWatermark, p.LastStableOffset, p.LogStartOffset =
					part, int16(code), watermark, stable, start
				p.RecordBatches = []byte{}
				if version < 5 {
					p.LogStartOffset = -1
				}
				return p
			}
			found := want(0, kafka.None, 2, 2, 0)
			found.AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{}
			found.RecordBatches = w.logs[0].batches[1]
			moved := want(1, kafka.NotLeaderOrFollower, -1, -1, -1)
			diverged := want(2, kafka.None, 9, 8, 7)
			if version >= 12 {
				diverged.DivergingEpoch.Epoch, diverged.DivergingEpoch.EndOffset = 3, 5
			}
			if version >= 16 {
				moved.CurrentLeader.LeaderID, moved.CurrentLeader.LeaderEpoch = 2, 4
				require.Equal(t,
					[]kmsg.FetchResponseBroker{{NodeID: 2, Host: "host-2", Port: 9092,
						Rack: kmsg.StringPtr("rack-2")}}, resp.Brokers)
			} else {
				require.Empty(t, resp.Brokers)
			}
			require.Equal(t, []kmsg.FetchResponseTopicPartition{found, moved, diverged},
				resp.Topics[0].Partitions)
			require.Equal(t, []kmsg.FetchResponseTopicPartition{want(0, unknown, -1, -1, -1)},
				resp.Topics[1].Partitions)
		})
	}
}

func TestFetchPassesEpochsOnlyWhereTheVersionHasThem(t *testing.T) {
	for version := int16(4); version <= 18; version++ {
		w := newFetchWorld(1)
		req := fetchRequest(version, fetchPartition(0, 3, 100))
		req.MinBytes = 0
		partition := &req.Topics[0].Partitions[0]
		partition.CurrentLeaderEpoch, partition.LastFetchedEpoch = 6, 5
		var got Fetch
		serve(t, w, req, func(op Op) any {
			got = op.(Fetch)
			return w.run(op)
		})
		want := Fetch{
			Partition: kafka.PartitionID{Topic: idOf("t")}, CurrentEpoch: -1, Offset: 3,
			LastEpoch: -1, MaxBytes: 100,
		}
		if version >= 9 {
			want.CurrentEpoch = 6
		}
		if version >= 12 {
			want.LastEpoch = 5
		}
		require.Equal(t, want, got)
	}
}

// kafkaShares applies KAFKA 22 to one partition after the other. It returns how many
// batches each of them adds to the response.
func kafkaShares(
	logs []*fakeLog, request []kmsg.FetchRequestTopicPartition, maxBytes int,
) (counts []int) {
	room, bytes := maxBytes, 0
	for _, p := range request {
		share, count := min(int(p.PartitionMaxBytes), room), 0
		for _, b := range logs[p.Partition].batches {
			if b.LastOffset() < kafka.Offset(p.FetchOffset) {
				continue
			}
			if bytes > 0 && b.Size() > share {
				break
			}
			bytes, room, share, count = bytes+b.Size(), room-b.Size(), share-b.Size(), count+1
		}
		counts = append(counts, count)
	}
	return counts
}

func TestFetchSharesTheResponseInTheOrderOfTheRequest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newFetchWorld(rapid.IntRange(1, 8).Draw(t, "partitions"))
		w.onWait = func(int) { w.until(time.Second) }
		var parts []kmsg.FetchRequestTopicPartition
		for i, log := range w.logs {
			for range rapid.IntRange(0, 4).Draw(t, "batches") {
				log.add(rapid.SampledFrom([]int{0, 1, 50, 300, 5000}).Draw(t, "value"))
			}
			offset := rapid.Int64Range(0, int64(log.end)).Draw(t, "offset")
			parts = append(parts, fetchPartition(int32(i), offset,
				rapid.SampledFrom([]int32{-5, 0, 1, 200, 1000, 1 << 20, 1<<31 - 1}).Draw(t,
					"share")))
		}
		parts = rapid.Permutation(parts).Draw(t, "order")
		req := fetchRequest(12, parts...)
		req.MaxBytes = rapid.SampledFrom([]int32{
			-1,
			0,
			1,
			100,
			400,
			2000,
			1 << 20,
			1<<31 - 1,
		}).Draw(t, "max bytes")
		req.MinBytes = rapid.SampledFrom([]int32{-1, 0, 1, 1000, 1 << 20}).Draw(t, "min bytes")
		w.settings.FetchMaxBytes = rapid.SampledFrom([]int{300, 50 << 20}).Draw(t,
			"fetch.max.bytes")
		limit := max(0, min(int(req.MaxBytes), w.settings.FetchMaxBytes))

		h, err := New(parse(t, req))
		require.NoError(t, err)
		for turn := 0; ; turn++ {
			require.Less(t, turn, 50)
			ops := h.Next(w, false)
			if len(ops) == 0 {
				break
			}
			asked := 0
			for i, op := range slices.Backward(ops) {
				if f, ok := op.(Fetch); ok {
					asked += f.MaxBytes
					h.Resolve(i, w.run(op))
				} else {
					w.run(op)
				}
			}
			require.True(t, asked <= limit || len(ops) == 1,
				"%d reads ask for %d bytes, %d are allowed", len(ops), asked, limit)
		}
		resp := decode(t, req, h.Answer(w)).(*kmsg.FetchResponse)
		for i, count := range kafkaShares(w.logs, parts, limit) {
			got, log := resp.Topics[0].Partitions[i], w.logs[parts[i].Partition]
			var want []byte
			for _, b := range log.batches[parts[i].FetchOffset:][:count] {
				want = append(want, b...)
			}
			require.Equal(t, string(want), string(got.RecordBatches),
				"partition %d of the request", i)
			require.Zero(t, got.ErrorCode)
			require.Equal(t, int64(log.end), got.HighWatermark, "also without room for records")
		}
	})
}

func TestFetchWaitsForMinBytesAndReadsOnWhereItEnded(t *testing.T) {
	w := newFetchWorld(2)
	first := w.logs[0].add(10)
	req := fetchRequest(12, fetchPartition(0, 0, 1<<20), fetchPartition(1, 0, 1<<20))
	req.MinBytes = int32(3 * first)
	w.onWait = func(turn int) {
		switch turn {
		case 1:
			w.logs[1].add(10)
		case 2:
			w.logs[0].add(10)
		}
	}
	resp := serve(t, w, req, w.run).(*kmsg.FetchResponse)
	until := newContext().now.Mono.Add(500 * time.Millisecond)
	zero, one := kafka.PartitionID{Topic: idOf("t")},
		kafka.PartitionID{Topic: idOf("t"), Partition: 1}
	require.Equal(t, [][]Wait{
		{{zero, 1, until}, {one, 0, until}},
		{{zero, 1, until}, {one, 1, until}},
	}, w.waits)
	require.Equal(t, slices.Concat(w.logs[0].batches[0], w.logs[0].batches[1]),
		batch.Batch(resp.Topics[0].Partitions[0].RecordBatches))
	require.EqualValues(t, w.logs[1].batches[0], resp.Topics[0].Partitions[1].RecordBatches)
	require.EqualValues(t, 2, resp.Topics[0].Partitions[0].HighWatermark)
}

func TestFetchEndsItsWaitInTime(t *testing.T) {
	for _, c := range []struct {
		waitMs int32
		ends   time.Duration
	}{{500, 500 * time.Millisecond}, {1 << 30, 30 * time.Second}, {0, 0}, {-1, 0}} {
		w := newFetchWorld(1)
		w.onWait = func(turn int) {
			require.Equal(t, 1, turn)
			w.now.Mono = newContext().now.Mono.Add(c.ends)
		}
		req := fetchRequest(12, fetchPartition(0, 0, 100))
		req.MaxWaitMillis = c.waitMs
		resp := serve(t, w, req, w.run).(*kmsg.FetchResponse)
		require.Zero(t, resp.Topics[0].Partitions[0].ErrorCode)
		require.NotNil(t, resp.Topics[0].Partitions[0].RecordBatches,
			"length zero, not null (KAFKA 23)")
		require.Equal(t, 1, w.logs[0].reads)
		if c.ends == 0 {
			require.Empty(t, w.waits)
		} else {
			require.Equal(t, newContext().now.Mono.Add(c.ends), w.waits[0][0].Until)
		}
	}
}

func TestFetchDoesNotWaitWhileUnreadDataIsThere(t *testing.T) {
	// Partition 0 alone has enough bytes for the minimum, but they do not fit into its
	// share.
	w := newFetchWorld(2)
	w.logs[0].add(700)
	w.logs[0].add(700)
	req := fetchRequest(12, fetchPartition(0, 0, 1000), fetchPartition(1, 0, 1000))
	req.MinBytes = 1000
	resp := serve(t, w, req, w.run).(*kmsg.FetchResponse)
	require.Empty(t, w.waits)
	require.EqualValues(t, w.logs[0].batches[0], resp.Topics[0].Partitions[0].RecordBatches)
}

func TestFetchAnswersAnErrorAtOnce(t *testing.T) {
	w := newFetchWorld(2)
	w.logs[1].failure = FetchResult{
		Code: kafka.OffsetOutOfRange, Watermark: 7, LastStable: 7, LogStart: 3, DivergingEpoch: -1,
	}
	resp := serve(t, w, fetchRequest(12, fetchPartition(0, 0, 100), fetchPartition(1, 0, 100)),
		w.run).(*kmsg.FetchResponse)
	require.Empty(t, w.waits)
	require.Zero(t, resp.Topics[0].Partitions[0].ErrorCode)
	got := resp.Topics[0].Partitions[1]
	require.EqualValues(t, kafka.OffsetOutOfRange, got.ErrorCode)
	require.Equal(t, []int64{7, 7, 3},
		[]int64{got.HighWatermark, got.LastStableOffset, got.LogStartOffset})
}

func TestFetchKeepsWhatItReadBeforeTheLeaderMoved(t *testing.T) {
	w := newFetchWorld(1)
	w.logs[0].add(10)
	w.onWait = func(int) {
		w.logs[0].failure = FetchResult{Code: kafka.NotLeaderOrFollower, DivergingEpoch: -1}
	}
	req := fetchRequest(12, fetchPartition(0, 0, 1000))
	req.MinBytes = 1000
	resp := serve(t, w, req, w.run).(*kmsg.FetchResponse)
	require.Len(t, w.waits, 1)
	require.Zero(t, resp.Topics[0].Partitions[0].ErrorCode)
	require.EqualValues(t, w.logs[0].batches[0], resp.Topics[0].Partitions[0].RecordBatches)
}

func TestFetchThatNeverResolvesIsAnError(t *testing.T) {
	w := newFetchWorld(2)
	w.logs[0].add(10)
	resp := serve(t, w, fetchRequest(12, fetchPartition(0, 0, 100), fetchPartition(1, 0, 100)),
		func(op Op) any {
			if op.(Fetch).Partition.Partition == 1 {
				return never{}
			}
			return w.run(op)
		}).(*kmsg.FetchResponse)
	require.Zero(t, resp.Topics[0].Partitions[0].ErrorCode)
	require.EqualValues(t, w.logs[0].batches[0], resp.Topics[0].Partitions[0].RecordBatches)
	require.EqualValues(t, kafka.KafkaStorageError, resp.Topics[0].Partitions[1].ErrorCode)
	require.EqualValues(t, -1, resp.Topics[0].Partitions[1].HighWatermark)
}

func TestFetchDeclinesSessions(t *testing.T) {
	for _, c := range []struct {
		id, epoch int32
		code      kafka.ErrorCode
	}{
		{0, 0, kafka.None}, {0, -1, kafka.None}, {5, -1, kafka.None}, {5, 0, kafka.None},
		{5, 1, kafka.FetchSessionIDNotFound}, {0, 1, kafka.FetchSessionIDNotFound},
		{5, -2, kafka.FetchSessionIDNotFound},
	} {
		w := newFetchWorld(1)
		w.logs[0].add(1)
		req := fetchRequest(12, fetchPartition(0, 0, 100))
		req.SessionID, req.SessionEpoch = c.id, c.epoch
		resp := serve(t, w, req, w.run).(*kmsg.FetchResponse)
		require.EqualValues(t, c.code, resp.ErrorCode, "%+v", c)
		require.Zero(t, resp.SessionID)
		require.Equal(t, c.code == kafka.None, len(resp.Topics) == 1)
	}
}

func TestFetchByAFollowerIsRefused(t *testing.T) {
	for _, version := range []int16{4, 14, 15, 18} {
		w := newFetchWorld(1)
		req := fetchRequest(version, fetchPartition(0, 0, 100))
		if req.ReplicaID = 2; version >= 15 {
			req.ReplicaID, req.ReplicaState.ID = -1, 2
		}
		resp := serve(t, w, req, w.run).(*kmsg.FetchResponse)
		require.EqualValues(t, kafka.InvalidRequest, resp.Topics[0].Partitions[0].ErrorCode)
		require.Zero(t, w.logs[0].reads)
	}
}

func TestFetchOfNothingIsAnsweredAtOnce(t *testing.T) {
	w := newFetchWorld(1)
	req := fetchRequest(12)
	resp := serve(t, w, req, w.run).(*kmsg.FetchResponse)
	require.Empty(t, resp.Topics)
	req.Topics = nil
	require.Empty(t, serve(t, w, req, w.run).(*kmsg.FetchResponse).Topics)
}

func TestNoHintNamesTheBrokerThatGivesIt(t *testing.T) {
	w := newFetchWorld(2)
	for i, leader := range []Leader{{Node: 1, Epoch: 4}, {Node: kafka.NoNode, Epoch: 5}} {
		w.logs[i].failure = FetchResult{
			Code: kafka.NotLeaderOrFollower, DivergingEpoch: -1, CurrentLeader: leader,
		}
	}
	resp := serve(t, w, fetchRequest(16, fetchPartition(0, 0, 100), fetchPartition(1, 0, 100)),
		w.run).(*kmsg.FetchResponse)
	require.Empty(t, resp.Brokers)
	for _, p := range resp.Topics[0].Partitions {
		require.Equal(t, kmsg.NewFetchResponseTopicPartitionCurrentLeader(), p.CurrentLeader)
	}
}

// Kafka's brokers make a map of the request: a later mention replaces what an earlier one asks,
// and not its place.
func TestARepeatedPartitionIsFetchedOnce(t *testing.T) {
	for _, version := range []int16{4, 12, 13} {
		w := newFetchWorld(2)
		for range 3 {
			w.logs[0].add(10)
			w.logs[1].add(10)
		}
		req := fetchRequest(version, fetchPartition(0, 0, 100), fetchPartition(1, 0, 100),
			fetchPartition(0, 1, 100))
		again := req.Topics[0]
		again.Partitions = []kmsg.FetchRequestTopicPartition{fetchPartition(0, 2, 100)}
		again.Partitions[0].CurrentLeaderEpoch, again.Partitions[0].LastFetchedEpoch = -1, -1
		req.Topics = append(req.Topics, again)
		resp := serve(t, w, req, w.run).(*kmsg.FetchResponse)
		require.Len(t, resp.Topics, 1)
		require.Len(t, resp.Topics[0].Partitions, 2)
		first := resp.Topics[0].Partitions[0]
		require.Zero(t, first.Partition)
		require.Equal(t, kafka.Offset(2), batch.Batch(first.RecordBatches).BaseOffset())
		require.Equal(t, 1, w.logs[0].reads)
	}
}
