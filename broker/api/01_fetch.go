package api

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"lockstep/broker/kafka"
	"lockstep/broker/wire"
)

// fetch serves Fetch 4-18 (key 1): a long poll over partitions led here. It
// reads all of them; if together they have less than MinBytes and none has an
// error, it waits until one of them gets more, and reads those that were at
// their end again. Sessions (KIP-227) are declined with id 0, which is always
// legal; so is a fetch by a follower, since ours are pushed to.
type fetch struct {
	header
	req     *kmsg.FetchRequest
	state   fetchState
	code    kafka.ErrorCode
	slots   []fetchSlot
	reading []int // slots of the present operations
	until   int64 // ns of the monotonic clock at which the wait ends
	urgent  bool  // an error or a divergence: answer at once
	bytes   int
	hints   []Leader
}

type fetchState uint8

const (
	fetchBegins fetchState = iota
	fetchReads
	fetchWaits
)

// fetchSlot is one partition of the request.
type fetchSlot struct {
	topic  int // index into the request
	op     Fetch
	answer wire.FetchPartition
	atEnd  bool // nothing found yet
}

func newFetch(h header, req *kmsg.FetchRequest) *fetch { return &fetch{header: h, req: req} }

// Timeout leaves a second for the reads after the wait.
func (f *fetch) Timeout() time.Duration {
	return time.Duration(max(f.req.MaxWaitMillis, 0))*time.Millisecond + 10*time.Second
}

func (f *fetch) Next(c Context, expired bool) []Op {
	switch f.state {
	case fetchBegins:
		f.state = fetchReads
		wait := min(time.Duration(max(f.req.MaxWaitMillis, 0))*time.Millisecond, c.Settings().FetchMaxWait)
		f.until = int64(c.Now().Mono.Add(wait))
		if f.refuses() {
			return nil
		}
		f.plan(c)
		return f.read(c)
	case fetchReads:
		if expired || f.urgent || f.bytes >= int(f.req.MinBytes) || int64(c.Now().Mono) >= f.until {
			return nil
		}
		f.state = fetchWaits
		return f.wait()
	default:
		if expired {
			return nil
		}
		f.state = fetchReads
		return f.read(c)
	}
}

// refuses answers what cannot be served at all.
func (f *fetch) refuses() bool {
	if f.req.SessionID != 0 {
		f.code = kafka.FetchSessionIDNotFound
	}
	return f.code != kafka.None
}

// plan makes a slot of every partition of the request.
func (f *fetch) plan(c Context) {
	for i, topic := range f.req.Topics {
		id, code := kafka.TopicID(topic.TopicID), kafka.None
		if f.version < 13 {
			id, code = topicID(c, topic.Topic)
		} else if c.Image().TopicByID(id) == nil {
			code = kafka.UnknownTopicID
		}
		for _, p := range topic.Partitions {
			slot := fetchSlot{topic: i, answer: wire.FailedFetch(p.Partition, code), atEnd: code == kafka.None}
			f.urgent = f.urgent || code != kafka.None
			slot.op = Fetch{
				Partition:     kafka.PartitionID{Topic: id, Partition: p.Partition},
				CurrentEpoch:  kafka.LeaderEpoch(p.CurrentLeaderEpoch),
				Offset:        kafka.Offset(p.FetchOffset),
				LastEpoch:     kafka.LeaderEpoch(p.LastFetchedEpoch),
				MaxBytes:      int(p.PartitionMaxBytes),
				ReadCommitted: f.req.IsolationLevel == 1,
			}
			if f.version < 9 {
				slot.op.CurrentEpoch = -1
			}
			if f.version < 12 {
				slot.op.LastEpoch = -1
			}
			f.slots = append(f.slots, slot)
		}
	}
}

// read asks for every partition that had nothing so far, within what is left of
// the response's size.
func (f *fetch) read(c Context) []Op {
	left := min(int(f.req.MaxBytes), c.Settings().FetchMaxBytes)
	if f.version < 3 || f.req.MaxBytes <= 0 {
		left = c.Settings().FetchMaxBytes
	}
	left -= f.bytes
	f.reading = f.reading[:0]
	var ops []Op
	for i := range f.slots {
		if !f.slots[i].atEnd {
			continue
		}
		op := f.slots[i].op
		op.MaxBytes = min(op.MaxBytes, left)
		// The first partition with data returns its whole first batch whatever the
		// limits say (KAFKA 22); the others keep to what they were given.
		op.MaxBytes = max(op.MaxBytes, 1)
		if len(ops) > 0 {
			left -= op.MaxBytes
			if left <= 0 && len(ops) > 0 {
				op.MaxBytes = 1
			}
		}
		f.reading = append(f.reading, i)
		ops = append(ops, op)
	}
	return ops
}

// wait waits for any of the partitions that had nothing.
func (f *fetch) wait() []Op {
	f.reading = f.reading[:0]
	var ops []Op
	for i := range f.slots {
		if f.slots[i].atEnd {
			f.reading = append(f.reading, i)
			ops = append(ops, Wait{Partition: f.slots[i].op.Partition, Offset: f.slots[i].op.Offset})
		}
	}
	return ops
}

func (f *fetch) Resolve(i int, result any) {
	r, ok := result.(FetchResult)
	if !ok {
		return // a WaitResult says nothing: read again
	}
	slot := &f.slots[f.reading[i]]
	slot.answer.Code = r.Code
	slot.answer.HighWatermark, slot.answer.LastStableOffset, slot.answer.LogStart = r.Watermark, r.LastStable, r.LogStart
	slot.answer.Records = r.Batches
	if r.DivergingEpoch >= 0 {
		slot.answer.Diverging = wire.DivergingEpoch{Known: true, Epoch: r.DivergingEpoch, End: r.DivergingEnd}
		f.urgent = true
	}
	if r.Code == kafka.NotLeaderOrFollower || r.Code == kafka.FencedLeaderEpoch {
		slot.answer.Leader = hint(r.CurrentLeader)
		f.hints = append(f.hints, r.CurrentLeader)
	}
	f.urgent = f.urgent || r.Code != kafka.None
	slot.atEnd = r.Code == kafka.None && len(r.Batches) == 0
	f.bytes += r.Bytes
}

func (f *fetch) Answer(c Context) [][]byte {
	resp := wire.FetchResponse{Code: f.code, Endpoints: endpoints(c, f.hints)}
	if f.code == kafka.None {
		resp.Topics = make([]wire.FetchTopic, len(f.req.Topics))
		for i, topic := range f.req.Topics {
			resp.Topics[i].Name, resp.Topics[i].ID = topic.Topic, topic.TopicID
		}
		for i := range f.slots {
			t := &resp.Topics[f.slots[i].topic]
			t.Partitions = append(t.Partitions, f.slots[i].answer)
		}
	}
	return wire.EncodeFetchResponse(f.version, f.correlationID, &resp)
}
