package wire

import (
	"encoding/binary"
	"fmt"

	"example.com/lockstep/broker/kafka"
)

// ProduceRequest is Produce 3-13 (key 0).
type ProduceRequest struct {
	TransactionalID *string
	Acks            kafka.Acks
	TimeoutMs       int32
	Topics          []ProduceTopic
}

// ProduceTopic names a topic by Name up to version 12, by ID from 13 on.
type ProduceTopic struct {
	Name       string
	ID         kafka.TopicID
	Partitions []ProducePartition
}

// ProducePartition carries record batches as they arrived. Records is a sub-slice of the
// frame; nil if it was null.
type ProducePartition struct {
	Partition int32
	Records   []byte
}

// maxProduceItems bounds the topics and partitions of one Produce. A partition takes six bytes on
// the wire and a few hundred in memory, so that a frame of 100 MiB could name 17 million of them.
// The largest requests of other keys (see [MaxOtherFrame]) name about as many as this.
const maxProduceItems = 1 << 16

// DecodeProduce decodes the body of a Produce request without copying records. Its
// allocations are bounded by the bytes that remain, not by counts on the wire. Bytes
// after the message are ignored. The error wraps [ErrMalformed]; there is one, too, if the request
// has more than 65,536 topics and partitions.
//
//	transactional id nullable string | acks i16 | timeout ms i32 | topics:
//	  name string (3-12), id uuid (13) | partitions: index i32 | records nullable bytes
func DecodeProduce(version int16, body []byte) (ProduceRequest, error) {
	r := reader{src: body, flexible: version >= Versions[byKey[KeyProduce]-1].Flexible}
	var req ProduceRequest
	if id, ok := r.nullableString(); ok {
		s := string(id)
		req.TransactionalID = &s
	}
	req.Acks = kafka.Acks(r.int16())
	req.TimeoutMs = r.int32()
	// Capacities are bounded guesses, so that a hostile count cannot raise them. append
	// does the rest.
	nTopics, items := r.arrayLen(), maxProduceItems
	req.Topics = make([]ProduceTopic, 0, min(nTopics, 16))
	for ; nTopics > 0 && !r.bad; nTopics-- {
		req.Topics = append(req.Topics, decodeProduceTopic(&r, version, &items))
	}
	if r.flexible {
		r.skipTags()
	}
	if r.bad {
		return ProduceRequest{}, fmt.Errorf("%w: body of Produce %d", ErrMalformed, version)
	}
	return req, nil
}

// decodeProduceTopic lowers items, the number of topics and partitions that may still come.
func decodeProduceTopic(r *reader, version int16, items *int) (topic ProduceTopic) {
	if version >= 13 {
		copy(topic.ID[:], r.span(len(topic.ID)))
	} else if name, ok := r.nullableString(); ok {
		topic.Name = string(name)
	} else {
		r.fail()
	}
	n := r.arrayLen()
	if *items -= 1 + max(n, 0); *items < 0 {
		r.fail()
	}
	topic.Partitions = make([]ProducePartition, 0, min(n, 64))
	for ; n > 0 && !r.bad; n-- {
		p := ProducePartition{Partition: r.int32(), Records: r.nullableBytes()}
		if r.flexible {
			r.skipTags()
		}
		topic.Partitions = append(topic.Partitions, p)
	}
	if r.flexible {
		r.skipTags()
	}
	return topic
}

// NodeEndpoint is the address of a leader that an answer names (KIP-951).
type NodeEndpoint struct {
	Node kafka.NodeID
	Host string
	Port int32
	Rack string // "" is sent as null
}

// CurrentLeader is the tagged field of that name. It is sent only if Known is set: the
// zero value means absent.
type CurrentLeader struct {
	Known bool
	Node  kafka.NodeID // kafka.NoNode if there is none
	Epoch kafka.LeaderEpoch
}

// ProduceResponse is Produce 3-13.
type ProduceResponse struct {
	Topics     []ProduceTopicResponse
	ThrottleMs int32
	Endpoints  []NodeEndpoint // from version 10 on, of the leaders named
}

// ProduceTopicResponse names the topic as the request did.
type ProduceTopicResponse struct {
	Name       string
	ID         kafka.TopicID
	Partitions []ProducePartitionResponse
}

// ProducePartitionResponse is the answer for one partition. By Kafka's convention, an
// error has -1 in all three numbers; see [FailedProduce].
type ProducePartitionResponse struct {
	Partition       int32
	Code            kafka.ErrorCode
	BaseOffset      kafka.Offset
	LogAppendTimeMs int64         // -1 unless the topic stamps on append
	LogStart        kafka.Offset  // from version 5 on
	Errors          []RecordError // from version 8 on (KIP-467)
	Message         string        // from version 8 on; "" is sent as null
	Leader          CurrentLeader
}

// RecordError says what is wrong with one record of a refused batch.
type RecordError struct {
	Index   int32 // in the batch
	Message string
}

// FailedProduce is the answer for a partition if its batch was not appended.
func FailedProduce(partition int32, code kafka.ErrorCode, message string) ProducePartitionResponse {
	return ProducePartitionResponse{
		Partition: partition, Code: code, Message: message,
		BaseOffset: -1, LogAppendTimeMs: -1, LogStart: -1,
	}
}

// AppendProduceResponse appends the whole frame of a Produce answer.
func AppendProduceResponse(
	dst []byte, version int16, correlationID int32, resp *ProduceResponse,
) []byte {
	start := len(dst)
	w := beginResponse(dst, Versions[byKey[KeyProduce]-1].Flexible, version, correlationID)
	w.arrayLen(len(resp.Topics))
	for i := range resp.Topics {
		topic := &resp.Topics[i]
		if version >= 13 {
			w.dst = append(w.dst, topic.ID[:]...)
		} else {
			w.string(topic.Name)
		}
		w.arrayLen(len(topic.Partitions))
		for j := range topic.Partitions {
			appendProducePartition(&w, version, &topic.Partitions[j])
		}
		w.noTags()
	}
	w.int32(resp.ThrottleMs)
	if w.flexible {
		w.endpoints(version >= 10, resp.Endpoints)
	}
	binary.BigEndian.PutUint32(w.dst[start:], uint32(len(w.dst)-start-frameHeaderSize))
	return w.dst
}

func appendProducePartition(w *writer, version int16, p *ProducePartitionResponse) {
	w.int32(p.Partition)
	w.int16(int16(p.Code))
	w.int64(int64(p.BaseOffset))
	w.int64(p.LogAppendTimeMs)
	if version >= 5 {
		w.int64(int64(p.LogStart))
	}
	if version >= 8 {
		w.arrayLen(len(p.Errors))
		for _, e := range p.Errors {
			w.int32(e.Index)
			w.nullIfEmpty(e.Message)
			w.noTags()
		}
		w.nullIfEmpty(p.Message)
	}
	if !w.flexible {
		return
	}
	if version < 10 || !p.Leader.Known {
		w.noTags()
		return
	}
	w.uvarint(1)
	w.leader(0, p.Leader)
}
