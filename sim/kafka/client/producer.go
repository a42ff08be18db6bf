package client

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/checker"
	"example.com/lockstep/sim/kafka/history"
	"example.com/lockstep/sim/property"
)

// producer is a client that produces. An idempotent one retries a batch under
// its sequence, in order, until it is acknowledged. A plain one retries what was
// refused for certain, and what is in doubt if it is a reckless one, so that
// values may then be there twice.
type producer struct {
	c          *Client
	acks       int16
	idempotent bool
	reckless   bool // a plain producer that repeats what is in doubt
	id         int64
	epoch      int16
	window     int    // requests in flight per partition
	misroute   uint64 // of a hundred: sent to a node that does not lead
	timeout    time.Duration
	every      time.Duration
	recordSize int
	only       string            // the one broker that it knows; "": all of them
	used       map[[16]byte]bool // topics that come and go and were taken up
	lanes      []*produceLane
	repeats    uint64 // of a thousand acknowledged batches: sent again (idempotent)
}

// produceLane is the way to one partition.
type produceLane struct {
	topic    string
	id       [16]byte
	index    int32
	sequence int32 // of the next record
	queue    []*produceBatch
	inflight int
	route    string // where the requests in flight went
	// nothing is sent before all that is in flight has ended: then from the oldest on
	failed   bool
	passing  bool        // the topic is one that comes and goes
	settled  bool        // a batch was acknowledged: the partition knows the producer
	noRoom   bool        // its connection is full: see hasRoom
	notUntil env.Instant // after a failure
}

type produceBatch struct {
	values   []checker.Value
	sequence int32
	sent     bool
	done     bool // acknowledged or given up, behind one that is not
	attempts int
	again    bool  // a copy of an acknowledged batch
	base     int64 // of which this was the answer
}

const (
	laneBatches = 12 // waiting per partition; at the bound nothing new is made
	// refusedSequences is how often the oldest batch of a lane may be refused as
	// out of order before that is a broken promise.
	refusedSequences = 40
	// roomPatience is how long a lane waits for room before it gives the connection up.
	roomPatience = 20 * time.Second
)

func newProducer(c *Client) *producer {
	w := &c.load.Plan.Workload
	p := &producer{c: c, id: -1, epoch: -1, used: map[[16]byte]bool{}}
	p.idempotent = c.rand.Chance(1, 2)
	p.acks = checker.AcksAll
	if !p.idempotent && c.rand.Chance(2, 5) {
		p.acks = int16(c.rand.IntN(2))
	}
	// one of them at least promises something
	if c.Name == "producer1" || c.load.Options().AcksAll.Or(0) != 0 {
		p.acks = checker.AcksAll
	}
	p.reckless = c.rand.Chance(1, 2)
	p.window = 1 + c.rand.IntN(5)
	p.misroute = uint64(c.load.Options().Misroute.Or(int64([]uint64{0, 5, 30,
		100}[c.rand.IntN(4)])))
	p.timeout = c.between(400*time.Millisecond, 2*time.Second)
	if ms := c.load.Options().ProduceTimeoutMs.Or(0); ms > 0 {
		p.timeout = time.Duration(ms) * time.Millisecond
	}
	p.every = time.Duration(c.rand.Between(int64(w.Every)/2, int64(w.Every)*2))
	p.recordSize = []int{0, 20, 200, 2000}[c.rand.IntN(4)]
	p.repeats = uint64(c.load.Options().Repeats.Or(0))
	if c.load.Options().OneAddress.Or(0) != 0 {
		p.only = c.anyBroker()
	}
	return p
}

func (p *producer) start(now env.Time) {
	if p.idempotent {
		p.initID(now)
	}
	p.tick(now)
}

// initID asks for a producer id until there is one.
func (p *producer) initID(now env.Time) {
	req := kmsg.NewPtrInitProducerIDRequest()
	req.Version, req.TransactionTimeoutMillis = 4, 1000
	var call checker.Moment
	rec := p.c.load.Rec
	p.c.connTo(now, p.c.anyBroker()).call(now,
		&pendingCall{req: req, timeout: p.c.load.RequestTimeout,
			began: func() { call = rec.Moment() },
			done: func(now env.Time, resp kmsg.Response) {
				if p.c.stopped {
					return
				}
				if r, ok := resp.(*kmsg.InitProducerIDResponse); ok && r.ErrorCode == 0 {
					p.id, p.epoch = r.ProducerID, r.ProducerEpoch
					rec.History.ProducerIDs = append(rec.History.ProducerIDs, checker.InitProducer{
						ID: rec.ID(), Client: p.c.Number, Call: call, Return: rec.Moment(),
						Producer: p.id, Epoch: p.epoch,
					})
					return
				}
				p.c.after(now, p.c.between(20*time.Millisecond, 200*time.Millisecond), p.initID)
			}})
}

func (p *producer) informed(now env.Time) {
	for _, name := range p.c.load.Topics {
		t := p.c.topics[name]
		if t == nil || len(p.lanes) > 0 && p.hasTopic(name) {
			continue
		}
		for i := range t.leaders {
			p.lanes = append(p.lanes, &produceLane{topic: name, id: t.id, index: int32(i)})
		}
	}
	if p.c.load.Options().ProduceToChurn.Or(0) != 0 {
		p.usePassing()
	}
	for _, l := range p.lanes {
		p.pump(now, l)
	}
}

// usePassing takes up topics that have come since, with their present identity. Each
// identity is used once: a broker that lags may answer an old one again, and sequences
// must not begin anew.
func (p *producer) usePassing() {
	for _, name := range ChurnTopics {
		t := p.c.topics[name]
		if t == nil || p.used[t.id] {
			continue
		}
		p.used[t.id] = true
		p.lanes = slices.DeleteFunc(p.lanes, func(l *produceLane) bool { return l.topic == name })
		for i := range t.leaders {
			p.lanes = append(p.lanes, &produceLane{topic: name, id: t.id, index: int32(i),
				passing: true})
		}
	}
}

// abandons reports whether a batch for a topic that comes and goes is given up:
// the topic may be gone for good.
func (l *produceLane) abandons(b *produceBatch, code int16) bool {
	const unknownTopic, unknownTopicID, patience = 3, 100, 8
	return l.passing && (code == unknownTopic || code == unknownTopicID || b.attempts >= patience)
}

func (p *producer) hasTopic(name string) bool {
	for _, l := range p.lanes {
		if l.topic == name {
			return true
		}
	}
	return false
}

// tick makes a batch now and then.
func (p *producer) tick(now env.Time) {
	if p.c.load.FaultsOver || p.c.stopped {
		return
	}
	p.c.after(now, p.c.load.pace(p.every), p.tick)
	if len(p.lanes) == 0 || p.idempotent && p.id < 0 {
		return
	}
	l := p.lanes[p.c.rand.IntN(len(p.lanes))]
	if len(l.queue) >= laneBatches {
		return
	}
	b := &produceBatch{sequence: l.sequence}
	for range 1 + p.c.rand.IntN(4) {
		b.values = append(b.values, p.c.load.Rec.NewValue())
	}
	l.sequence += int32(len(b.values))
	l.queue = append(l.queue, b)
	p.pump(now, l)
}

// pump sends what may be sent.
func (p *producer) pump(now env.Time, l *produceLane) {
	if now.Mono < l.notUntil || l.noRoom || l.failed && l.inflight > 0 {
		return
	}
	if l.failed {
		l.failed = false
		if p.idempotent {
			for _, b := range l.queue {
				b.sent = false
			}
		}
	}
	if l.inflight == 0 {
		addr, ok := p.c.leader(l.topic, l.index)
		if p.c.rand.Chance(p.misroute, 100) {
			addr, ok = p.c.anyBroker(), true
		}
		if p.only != "" {
			addr, ok = p.only, true
		}
		if !ok {
			p.later(now, l)
			return
		}
		l.route = addr
	}
	for _, b := range append([]*produceBatch(nil), l.queue[:min(len(l.queue), p.reach(l))]...) {
		if l.failed || l.noRoom {
			return
		}
		if !b.sent && !b.done && p.hasRoom(now, l) {
			p.send(now, l, b)
		}
	}
}

// hasRoom reports whether the lane's connection takes more. If its send window is
// full, the lane goes on when there is room, or on another connection. A producer
// that wants no answers is held by nothing else: what it has sent within seconds
// might take brokers minutes to read, long after the run was healed.
func (p *producer) hasRoom(now env.Time, l *produceLane) bool {
	k := p.c.connTo(now, l.route)
	if !k.full {
		return true
	}
	l.noRoom = true
	patience := p.c.after(now, roomPatience, k.drop)
	k.forRoom = append(k.forRoom, func(now env.Time) {
		p.c.timers.Cancel(patience)
		l.noRoom = false
		if !p.c.stopped {
			p.pump(now, l)
		}
	})
	return false
}

// reach is how many batches from the oldest unresolved one on may be sent. A
// broker remembers five per producer, so that nothing may be sent that would push
// the oldest out of its memory. And it takes any first sequence of a producer that
// it does not know (KAFKA 16): until the first batch is acknowledged, a second one
// might be taken for the first.
func (p *producer) reach(l *produceLane) int {
	if p.idempotent && !l.settled {
		return 1
	}
	return p.window
}

// later tries again after a pause, with fresh metadata.
func (p *producer) later(now env.Time, l *produceLane) {
	pause := p.c.between(20*time.Millisecond, 120*time.Millisecond)
	l.notUntil = now.Mono.Add(pause)
	p.c.refresh(now)
	p.c.after(now, pause, func(now env.Time) { p.pump(now, l) })
}

func (p *producer) send(now env.Time, l *produceLane, b *produceBatch) {
	b.sent = true
	b.attempts++
	l.inflight++
	rec := p.c.load.Rec
	req := p.request(now, l, b)
	record, deposed := -1, false
	k := p.c.connTo(now, l.route)
	k.call(now, &pendingCall{req: req, timeout: p.timeout, silent: p.acks == checker.AcksNone,
		began: func() {
			record = len(rec.History.Produces)
			deposed = p.acks == checker.AcksLeader && p.c.load.Insight.DeposedLeader(l.partition())
			rec.History.Produces = append(rec.History.Produces, checker.Produce{
				ID: rec.ID(), Client: p.c.Number, Conn: k.number, Node: k.node, Call: rec.Moment(),
				Return:    checker.Never,
				Partition: l.partition(), Producer: p.recordedID(), ProducerEpoch: max(p.epoch, 0),
				Sequence: b.sequence,
				Values:   b.values, Acks: p.acks, Outcome: checker.Ambiguous, Base: -1,
			})
			p.c.load.Judge.ProduceSent(record)
		},
		done: func(now env.Time, resp kmsg.Response) {
			l.inflight--
			if p.c.stopped {
				return
			}
			if resp == nil {
				p.ended(now, l, b, record, false, 0, -1)
				p.c.load.Judge.ProduceEnded(record)
				return
			}
			part := &resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0]
			p.ended(now, l, b, record, true, part.ErrorCode, part.BaseOffset)
			p.c.load.Judge.ProduceEnded(record)
			if deposed && record >= 0 {
				// A leader that does not know yet that it was replaced may have answered:
				// a leader change has lost the record, though it began before the call.
				op := &rec.History.Produces[record]
				if op.Outcome == checker.Acked {
					op.Outcome, op.Code, op.Base = checker.Ambiguous, 0, -1
				}
			}
		}})
}

func (p *producer) recordedID() int64 {
	if p.idempotent {
		return p.id
	}
	return checker.NoProducer
}

func (l *produceLane) partition() checker.Partition {
	return checker.Partition{Topic: history.TopicText(l.id), Index: l.index}
}

func (p *producer) request(now env.Time, l *produceLane, b *produceBatch) *kmsg.ProduceRequest {
	builder := batch.NewBuilder()
	if p.idempotent {
		builder.Producer(kafka.ProducerID(p.id), kafka.ProducerEpoch(p.epoch), b.sequence)
	}
	for _, v := range b.values {
		value := make([]byte, 8+p.recordSize)
		binary.BigEndian.PutUint64(value, uint64(v))
		builder.Add(now.WallMs, nil, value)
	}
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis = p.c.versions.produce, p.acks,
		int32(p.timeout.Milliseconds())
	if l.passing {
		req.Version = 13 // which names topics by id: one of the same name is another topic
	}
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic, topic.TopicID = l.topic, l.id
	part := kmsg.NewProduceRequestTopicPartition()
	part.Partition, part.Records = l.index, builder.Build()
	topic.Partitions = append(topic.Partitions, part)
	req.Topics = append(req.Topics, topic)
	return req
}

// ended takes the end of one attempt: an answer, or a lost connection. record
// is -1 if the request never left.
func (p *producer) ended(now env.Time, l *produceLane, b *produceBatch, record int, answered bool,
	code int16, base int64) {
	rec := p.c.load.Rec
	outcome := checker.Failed
	if record >= 0 {
		op := &rec.History.Produces[record]
		outcome = checker.Classify(answered, code)
		op.Outcome, op.Code = outcome, code
		if answered {
			op.Return = rec.Moment()
		}
		if outcome == checker.Acked {
			op.Base = checker.Offset(base)
		}
		p.c.load.Judge.Produced(op)
	}
	if b.again {
		p.judgeRepeated(l, b, outcome, code, base)
		p.pump(now, l)
		return
	}
	const duplicateSequence = 46
	switch {
	case outcome == checker.Acked,
		p.acks == checker.AcksNone && record >= 0,
		code == duplicateSequence,
		!p.idempotent && outcome == checker.Ambiguous && !p.reckless:
		l.settled = l.settled || outcome == checker.Acked
		l.resolve(b)
		if p.idempotent && outcome == checker.Acked && p.repeats > 0 && l.inflight > 0 &&
			!l.failed && p.c.rand.Chance(p.repeats, 1000) {
			// Among the requests that are under way: they keep it among the five
			// batches that a broker remembers.
			p.send(now, l, &produceBatch{values: b.values, sequence: b.sequence, again: true,
				base: base})
		}
		if outcome == checker.Acked || p.acks == checker.AcksNone {
			p.pump(now, l)
		} else {
			l.failed = true // and another way is looked for
			p.later(now, l)
		}
		return
	}
	if l.abandons(b, code) {
		p.lanes = slices.DeleteFunc(p.lanes, func(other *produceLane) bool { return other == l })
		l.queue, l.failed = nil, true
		return
	}
	b.sent = false
	if p.idempotent {
		p.judgeRefusal(l, b, code)
	}
	l.failed = true
	p.later(now, l)
}

// judgeRepeated: what was acknowledged and is sent again is answered with the
// same offset, if it is answered with success, and is never out of order.
func (p *producer) judgeRepeated(l *produceLane, b *produceBatch, outcome checker.Outcome,
	code int16, base int64) {
	const outOfOrder, duplicateSequence = 45, 46
	if outcome == checker.Acked && base != b.base || code == outOfOrder ||
		code == duplicateSequence {
		p.c.load.Judge.ViolatedIn(l.partition(), property.RepeatRecognised, p.c.Name,
			"%s/%d sequence %d was acknowledged at %d, then answered with code %d, offset %d",
			l.topic, l.index, b.sequence, b.base, code, base)
	}
}

// judgeRefusal: the oldest batch of an idempotent producer is never out of
// order, whatever happened to its earlier attempts.
func (p *producer) judgeRefusal(l *produceLane, b *produceBatch, code int16) {
	const outOfOrder, unknownProducer, invalidEpoch = 45, 59, 47
	oldest := len(l.queue) > 0 && l.queue[0] == b
	switch {
	case code == unknownProducer, code == invalidEpoch, code == outOfOrder && oldest &&
		b.attempts > refusedSequences:
		p.c.load.Judge.ViolatedIn(l.partition(), property.RetryRecognised, p.c.Name,
			"%s/%d sequence %d refused with code %d at attempt %d", l.topic, l.index, b.sequence,
			code, b.attempts)
	}
}

// resolve takes out what is done from the oldest on: a batch that is done
// before an older one keeps its place, as it counts for the window.
func (l *produceLane) resolve(b *produceBatch) {
	b.done = true
	for len(l.queue) > 0 && l.queue[0].done {
		l.queue = l.queue[1:]
	}
}

func (p *producer) pending() []string {
	var out []string
	for _, l := range p.lanes {
		if len(l.queue) > 0 && !l.passing {
			out = append(out, fmt.Sprintf("%s: %d batches for %s, oldest of %d attempts", p.c.Name,
				len(l.queue), l.topic+"/"+strconv.Itoa(int(l.index)), l.queue[0].attempts))
		}
	}
	return out
}
