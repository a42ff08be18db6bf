package wire

import (
	"encoding/binary"

	"example.com/lockstep/broker/kafka"
)

// FetchResponse is Fetch 4-18 (key 1). Requests are decoded by [Request.Decode]; the
// answer is encoded here, so that records are not copied.
type FetchResponse struct {
	ThrottleMs int32
	Code       kafka.ErrorCode // from version 7 on
	SessionID  int32           // from version 7 on; 0 declines a session
	Topics     []FetchTopic
	Endpoints  []NodeEndpoint // from version 16 on, of the leaders named
}

// FetchTopic names a topic by Name up to version 12, by ID from 13 on.
type FetchTopic struct {
	Name       string
	ID         kafka.TopicID
	Partitions []FetchPartition
}

// FetchPartition is the answer for one partition. Without data, watermarks are -1 by
// Kafka's convention; see [FailedFetch].
type FetchPartition struct {
	Partition        int32
	Code             kafka.ErrorCode
	HighWatermark    kafka.Offset
	LastStableOffset kafka.Offset
	LogStart         kafka.Offset // from version 5 on
	// Aborted lists aborted transactions for read_committed; nil is sent as null.
	Aborted []AbortedTransaction
	// PreferredReadReplica is -1 for none; from version 11 on.
	PreferredReadReplica kafka.NodeID
	// Records are whole batches in order, in the pieces in which they were read. No
	// records are sent as length zero, never as null (KAFKA 23).
	Records [][]byte

	Diverging DivergingEpoch // from version 12 on
	Leader    CurrentLeader  // from version 16 on
}

// AbortedTransaction is one aborted transaction in the range fetched.
type AbortedTransaction struct {
	Producer    kafka.ProducerID
	FirstOffset kafka.Offset
}

// DivergingEpoch tells a consumer where its log and the leader's begin to differ. The
// zero value means absent.
type DivergingEpoch struct {
	Known bool
	Epoch kafka.LeaderEpoch
	End   kafka.Offset
}

// FailedFetch is the answer for a partition that has an error and no data.
func FailedFetch(partition int32, code kafka.ErrorCode) FetchPartition {
	return FetchPartition{
		Partition: partition, Code: code, PreferredReadReplica: kafka.NoNode,
		HighWatermark: -1, LastStableOffset: -1, LogStart: -1,
	}
}

// RecordBytes is the number of bytes of Records.
func (p *FetchPartition) RecordBytes() (n int) {
	for _, piece := range p.Records {
		n += len(piece)
	}
	return n
}

// Tags of a partition of Fetch. Tag 2, the snapshot id, is for replicas that fetch a
// snapshot of KRaft's log, which does not exist here.
const (
	tagDivergingEpoch = 0
	tagCurrentLeader  = 1
)

// EncodeFetchResponse returns the whole frame of a Fetch answer as slices to be sent in
// order. Record pieces are returned as they are. Everything between them lies in one new
// buffer.
func EncodeFetchResponse(version int16, correlationID int32, resp *FetchResponse) [][]byte {
	dst, pieces := sizeFetchResponse(resp)
	e := fetchEncoder{
		writer:  beginResponse(dst, Versions[byKey[KeyFetch]-1].Flexible, version, correlationID),
		version: version,
		out:     make([][]byte, 0, 2*pieces+1),
	}
	e.int32(resp.ThrottleMs)
	if version >= 7 {
		e.int16(int16(resp.Code))
		e.int32(resp.SessionID)
	}
	e.arrayLen(len(resp.Topics))
	for i := range resp.Topics {
		topic := &resp.Topics[i]
		if version >= 13 {
			e.dst = append(e.dst, topic.ID[:]...)
		} else {
			e.string(topic.Name)
		}
		e.arrayLen(len(topic.Partitions))
		for j := range topic.Partitions {
			e.partition(&topic.Partitions[j])
		}
		e.noTags()
	}
	if e.flexible {
		e.endpoints(version >= 16, resp.Endpoints)
	}
	return e.finish()
}

// sizeFetchResponse returns a buffer that is large enough in the usual case,
// and the number of record pieces.
func sizeFetchResponse(resp *FetchResponse) (dst []byte, pieces int) {
	const topicBytes, partitionBytes = 32, 80
	size := 64
	for i := range resp.Topics {
		topic := &resp.Topics[i]
		size += topicBytes + len(topic.Name) + partitionBytes*len(topic.Partitions)
		for j := range topic.Partitions {
			size += 17 * len(topic.Partitions[j].Aborted)
			pieces += len(topic.Partitions[j].Records)
		}
	}
	return make([]byte, 0, size), pieces
}

// fetchEncoder collects the pieces of a frame. While it writes, out holds the record
// pieces and, between them, nil in place of bytes of the buffer. Those bytes end at the
// next offset in cuts. They cannot be sliced yet, because the buffer may still move.
type fetchEncoder struct {
	writer
	version int16
	out     [][]byte
	cuts    []int
	records int // bytes of record pieces
}

func (e *fetchEncoder) partition(p *FetchPartition) {
	e.int32(p.Partition)
	e.int16(int16(p.Code))
	e.int64(int64(p.HighWatermark))
	e.int64(int64(p.LastStableOffset))
	if e.version >= 5 {
		e.int64(int64(p.LogStart))
	}
	if p.Aborted == nil {
		e.nullArray()
	} else {
		e.arrayLen(len(p.Aborted))
	}
	for _, a := range p.Aborted {
		e.int64(int64(a.Producer))
		e.int64(int64(a.FirstOffset))
		e.noTags()
	}
	if e.version >= 11 {
		e.int32(int32(p.PreferredReadReplica))
	}
	e.bytesLen(p.RecordBytes())
	e.pass(p.Records)
	if e.flexible {
		e.tags(p)
	}
}

func (e *fetchEncoder) tags(p *FetchPartition) {
	leader := p.Leader.Known && e.version >= 16
	count := uint32(0)
	if p.Diverging.Known {
		count++
	}
	if leader {
		count++
	}
	e.uvarint(count)
	if p.Diverging.Known {
		e.uvarint(tagDivergingEpoch)
		e.uvarint(4 + 8 + 1)
		e.int32(int32(p.Diverging.Epoch))
		e.int64(int64(p.Diverging.End))
		e.noTags()
	}
	if leader {
		e.leader(tagCurrentLeader, p.Leader)
	}
}

// pass puts record pieces behind what was written so far.
func (e *fetchEncoder) pass(pieces [][]byte) {
	for _, piece := range pieces {
		if len(piece) == 0 {
			continue
		}
		if n := len(e.cuts); n == 0 || e.cuts[n-1] != len(e.dst) {
			e.out = append(e.out, nil)
			e.cuts = append(e.cuts, len(e.dst))
		}
		e.out = append(e.out, piece)
		e.records += len(piece)
	}
}

// finish cuts the buffer and sets the frame's length.
func (e *fetchEncoder) finish() [][]byte {
	e.out = append(e.out, nil)
	e.cuts = append(e.cuts, len(e.dst))
	binary.BigEndian.PutUint32(e.dst, uint32(len(e.dst)+e.records-frameHeaderSize))
	from, next := 0, 0
	for i := range e.out {
		if e.out[i] == nil {
			e.out[i] = e.dst[from:e.cuts[next]:e.cuts[next]]
			from, next = e.cuts[next], next+1
		}
	}
	if last := len(e.out) - 1; len(e.out[last]) == 0 {
		e.out = e.out[:last] // up to version 11 a frame may end with records
	}
	return e.out
}
