package api

import (
	"math"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/rare"
	"example.com/lockstep/broker/wire"
)

// fetch serves Fetch 4-18 (key 1): a long poll over partitions that this node leads. It
// reads all of them. If together they have less than MinBytes and none has an error, it
// waits until one of them gets more, and then continues each of them where it ended.
//
// Sessions (KIP-227) are declined with id 0, which is always legal, so that an
// incremental fetch finds no session. Fetches by followers are refused: leaders push to
// their followers, and no other follower can be in the ISR.
//
// Partitions are read at the same time, each on its shard, but the size of the response
// is shared in the order of the request. The first batch, of the first partition that has
// any, is returned whole, whatever its size. Every other batch must fit into what is left
// (KAFKA 22). The reads of one round together ask for no more than that. A batch that
// does not fit in the end is left for the next fetch.
//
// A partition that the request names more than once is read and answered once, where it is
// named first and as it is named last. So do Kafka's brokers, which make a map of the request.
type fetch struct {
	header
	req   *kmsg.FetchRequest
	state fetchState
	code  kafka.ErrorCode
	self  kafka.NodeID
	slots []fetchSlot
	next  int         // the first slot that this pass has not read
	asked []fetchRead // the operations of this round
	until env.Instant // the end of the wait
	// room is how many bytes of the response's size are left; below 0 after a large first
	// batch.
	room  int
	bytes int
	// unread is how many bytes the partitions that were not read to their ends may still
	// have, at most their limits. Those bytes are there, so the fetch does not wait for
	// more.
	unread int
	min    int
	urgent bool // an error or a divergence: answer at once
	hints  []wire.CurrentLeader
	bound  int // of room, beside those of the request and of the broker
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
	answer wire.FetchPartition
	// op is what to read next: Offset and MaxBytes move on as batches come.
	op Fetch
	// due: must be read in this pass. read: was read at least once. grows: was read to
	// its end, and the answer has room for more.
	due, read, grows bool
}

// fetchRead is one Fetch operation. Results wait for the whole round, because
// they share the response in the order of the request.
type fetchRead struct {
	slot     int
	resolved bool
	result   FetchResult
}

func newFetch(h header, req *kmsg.FetchRequest) *fetch {
	return &fetch{header: h, req: req, bound: math.MaxInt}
}

// Bound implements Bounded.
func (f *fetch) Bound(bytes int) { f.bound = bytes }

func (f *fetch) maxWait() time.Duration {
	return time.Duration(max(f.req.MaxWaitMillis, 0)) * time.Millisecond
}

// Timeout leaves time for the reads before and after the wait.
func (f *fetch) Timeout() time.Duration { return f.maxWait() + 10*time.Second }

func (f *fetch) Next(c Context, expired bool) []Op {
	f.settle()
	if expired {
		return nil
	}
	switch f.state {
	case fetchBegins:
		f.begin(c)
	case fetchWaits:
		if c.Now().Mono >= f.until {
			return nil // more data would have ended the wait earlier
		}
		f.next = 0
		for i := range f.slots {
			f.slots[i].due = f.slots[i].grows
		}
	}
	f.state = fetchReads
	if ops := f.readRound(); len(ops) > 0 {
		return ops
	}
	if f.urgent || f.bytes+f.unread >= f.min || c.Now().Mono >= f.until {
		return nil
	}
	f.state = fetchWaits
	return f.wait()
}

// begin makes a slot of every partition of the request.
func (f *fetch) begin(c Context) {
	f.self = c.Node()
	f.until = c.Now().Mono.Add(min(f.maxWait(), c.Settings().FetchMaxWait))
	f.room = max(0, min(int(f.req.MaxBytes), c.Settings().FetchMaxBytes, f.bound))
	if c.Rare().Choose(rare.FetchSmall) {
		f.room = min(f.room, 1)
	}
	f.min = min(int(f.req.MinBytes), f.room)
	if f.req.SessionEpoch > 0 || f.req.SessionEpoch < -1 {
		// Epochs 0 and -1 are full fetches, even if they begin or end a session.
		f.code, f.urgent = kafka.FetchSessionIDNotFound, true
		return
	}
	merged := map[namedPartition]int{} // the slot of each partition
	for i := range f.req.Topics {
		topic := &f.req.Topics[i]
		id, code := f.resolveTopic(c, topic)
		for j := range topic.Partitions {
			slot := f.newSlot(i, id, code, &topic.Partitions[j])
			key := namedPartition{topic.Topic, topic.TopicID, slot.answer.Partition}
			if first, repeated := merged[key]; repeated {
				slot.topic = f.slots[first].topic
				f.slots[first] = slot
				continue
			}
			merged[key] = len(f.slots)
			f.slots = append(f.slots, slot)
		}
		f.urgent = f.urgent || code != kafka.None && len(topic.Partitions) > 0
		topic.Partitions = nil // a long poll would keep them
	}
}

func (f *fetch) resolveTopic(
	c Context, topic *kmsg.FetchRequestTopic,
) (kafka.TopicID, kafka.ErrorCode) {
	if f.req.ReplicaID >= 0 || f.req.ReplicaState.ID >= 0 {
		return kafka.TopicID{}, kafka.InvalidRequest
	}
	if f.version < 13 {
		return topicID(c, topic.Topic)
	}
	if c.Image().TopicByID(topic.TopicID) == nil {
		return topic.TopicID, kafka.UnknownTopicID
	}
	return topic.TopicID, kafka.None
}

func (f *fetch) newSlot(
	topic int, id kafka.TopicID, code kafka.ErrorCode, p *kmsg.FetchRequestTopicPartition,
) fetchSlot {
	slot := fetchSlot{
		topic: topic, answer: wire.FailedFetch(p.Partition, code),
		due: code == kafka.None, read: code != kafka.None,
		op: Fetch{
			Partition:     kafka.PartitionID{Topic: id, Partition: p.Partition},
			CurrentEpoch:  -1,
			Offset:        kafka.Offset(p.FetchOffset),
			LastEpoch:     -1,
			MaxBytes:      int(p.PartitionMaxBytes),
			ReadCommitted: f.req.IsolationLevel == readCommitted,
		},
	}
	if f.version >= 9 {
		slot.op.CurrentEpoch = kafka.LeaderEpoch(p.CurrentLeaderEpoch)
	}
	if f.version >= 12 {
		slot.op.LastEpoch = kafka.LeaderEpoch(p.LastFetchedEpoch)
	}
	return slot
}

// readCommitted is the isolation level of that name.
const readCommitted = 1

// readRound asks as many of the due partitions as the response has room for if each of
// them fills its share. When there is no room left, it asks all the others at once, and
// only for their watermarks.
func (f *fetch) readRound() []Op {
	var ops []Op
	reserved := 0
	for ; f.next < len(f.slots); f.next++ {
		slot := &f.slots[f.next]
		if !slot.due {
			continue
		}
		op := slot.op
		op.MaxBytes = f.share(slot)
		if reserved > 0 && op.MaxBytes > f.room-reserved {
			break
		}
		reserved += op.MaxBytes
		slot.due = false
		f.asked = append(f.asked, fetchRead{slot: f.next})
		ops = append(ops, op)
	}
	return ops
}

// share is the most that a slot may add to the response. It is at least 1 while the
// response is empty: the first batch then comes whole.
func (f *fetch) share(slot *fetchSlot) int {
	least := 0
	if f.bytes == 0 {
		least = 1
	}
	return max(least, min(slot.op.MaxBytes, f.room))
}

// wait waits for any of the partitions that were read to their ends.
func (f *fetch) wait() []Op {
	var ops []Op
	for i := range f.slots {
		if slot := &f.slots[i]; slot.grows {
			offset := max(slot.op.Offset, slot.answer.HighWatermark)
			ops = append(ops, Wait{Partition: slot.op.Partition, Offset: offset, Until: f.until})
		}
	}
	return ops
}

func (f *fetch) Resolve(i int, result any) {
	if r, ok := result.(FetchResult); ok { // a WaitResult is empty: read again
		f.asked[i].resolved, f.asked[i].result = true, r
	}
}

// settle takes the results of a round, in the order of the request.
func (f *fetch) settle() {
	for i := range f.asked {
		if r := &f.asked[i]; r.resolved {
			f.take(&f.slots[r.slot], &r.result)
		}
	}
	clear(f.asked) // so that the batches without room can be freed
	f.asked = f.asked[:0]
}

func (f *fetch) take(slot *fetchSlot, r *FetchResult) {
	answer := &slot.answer
	slot.read, slot.grows = true, false
	f.urgent = f.urgent || r.Code != kafka.None || r.DivergingEpoch >= 0
	if (r.Code != kafka.None || r.DivergingEpoch >= 0) && len(answer.Records) > 0 {
		return // what was read before is committed and stays; the next fetch gets the error
	}
	answer.Code = r.Code
	answer.HighWatermark, answer.LastStableOffset, answer.LogStart = r.Watermark, r.LastStable,
		r.LogStart
	switch {
	case r.Code == kafka.NotLeaderOrFollower || r.Code == kafka.FencedLeaderEpoch:
		answer.Leader = hint(f.self, r.CurrentLeader)
		f.hints = append(f.hints, answer.Leader)
	case r.Code != kafka.None:
	case r.DivergingEpoch >= 0:
		answer.Diverging = wire.DivergingEpoch{
			Known: true, Epoch: r.DivergingEpoch, End: r.DivergingEnd,
		}
	default:
		f.takeBatches(slot, r)
	}
}

// takeBatches takes what fits.
func (f *fetch) takeBatches(slot *fetchSlot, r *FetchResult) {
	end := r.Watermark
	if slot.op.ReadCommitted {
		end = r.LastStable
		slot.answer.Aborted = []wire.AbortedTransaction{} // an empty list, not null
	}
	for _, b := range r.Batches {
		if f.bytes > 0 && len(b) > f.share(slot) {
			break
		}
		slot.answer.Records = append(slot.answer.Records, b)
		f.bytes += len(b)
		f.room -= len(b)
		slot.op.MaxBytes -= len(b)
		slot.op.Offset = batch.Batch(b).NextOffset()
		slot.op.LastEpoch = -1 // it is committed: the consumer's log agrees with this one
	}
	if slot.op.Offset >= end {
		slot.grows = slot.op.MaxBytes > 0
	} else {
		f.unread += max(slot.op.MaxBytes, 0)
	}
}

func (f *fetch) Answer(c Context) [][]byte {
	resp := wire.FetchResponse{Code: f.code, Endpoints: endpoints(c, f.hints)}
	if f.code == kafka.None {
		for i := range f.slots {
			slot := &f.slots[i]
			if i == 0 || slot.topic != f.slots[i-1].topic {
				topic := &f.req.Topics[slot.topic]
				resp.Topics = append(resp.Topics, wire.FetchTopic{
					Name: topic.Topic, ID: topic.TopicID,
				})
			}
			if !slot.read {
				// Clients do not handle REQUEST_TIMED_OUT here (the Java consumer treats
				// it as a bug). After this code they look for a leader and ask again.
				slot.answer.Code = kafka.KafkaStorageError
			}
			t := &resp.Topics[len(resp.Topics)-1]
			t.Partitions = append(t.Partitions, slot.answer)
		}
	}
	return wire.EncodeFetchResponse(f.version, f.correlationID, &resp)
}
