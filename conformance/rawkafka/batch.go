package rawkafka

import (
	"encoding/binary"
	"hash/crc32"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Producer is a producer id and epoch; NoProducer is none.
type Producer struct {
	ID    int64
	Epoch int16
}

// NoProducer sends without idempotence.
var NoProducer = Producer{ID: -1, Epoch: -1}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Batch encodes a record batch, version 2, uncompressed. first is the sequence
// of its first record; -1 without idempotence.
func Batch(p Producer, first int32, values ...[]byte) []byte {
	now := time.Now().UnixMilli()
	b := kmsg.RecordBatch{
		PartitionLeaderEpoch: -1, Magic: 2,
		LastOffsetDelta: int32(len(values) - 1), FirstTimestamp: now, MaxTimestamp: now,
		ProducerID: p.ID, ProducerEpoch: p.Epoch, FirstSequence: first,
		NumRecords: int32(len(values)),
	}
	for i, value := range values {
		r := kmsg.Record{OffsetDelta: int32(i), Value: value}
		body := r.AppendTo(nil)
		r.Length = int32(len(body) - 1) // the length zero took one byte
		b.Records = r.AppendTo(b.Records)
	}
	const beforeLength, beforeCRC, covered = 8, 17, 21
	encoded := b.AppendTo(nil)
	binary.BigEndian.PutUint32(encoded[beforeLength:], uint32(len(encoded)-12))
	binary.BigEndian.PutUint32(encoded[beforeCRC:], crc32.Checksum(encoded[covered:], castagnoli))
	return encoded
}

// Produce is a request for one partition, acks=all.
func Produce(
	topic string, partition int32, batch []byte, timeout time.Duration,
) *kmsg.ProduceRequest {
	r := kmsg.NewPtrProduceRequest()
	r.Version, r.Acks, r.TimeoutMillis = 9, -1, int32(timeout.Milliseconds())
	p := kmsg.NewProduceRequestTopicPartition()
	p.Partition, p.Records = partition, batch
	t := kmsg.NewProduceRequestTopic()
	t.Topic, t.Partitions = topic, append(t.Partitions, p)
	r.Topics = append(r.Topics, t)
	return r
}
