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

// producer is a client that produces to all partitions of the workload, and if the plan
// says so also to topics that come and go. An idempotent producer retries a batch with its
// sequence, in order, until it is acknowledged. A plain one retries what was surely
// refused. If it is reckless it also retries what is in doubt, so that values may then be
// in the log twice.
//
// It records each attempt in History.Produces, and producer ids in History.ProducerIDs. The Judge
// hears of each attempt when it is sent and when it ends. The producer judges itself what brokers
// owe an idempotent one: a retry or a repetition of an acknowledged batch is recognised
// (judgeRefusal, judgeRepeated). The run converges only when its batches for the workload are done.
type producer struct {
	c          *Client
	acks       int16
	idempotent bool
	reckless   bool // a plain producer that retries what is in doubt
	id         int64
	epoch      int16
	window     int    // requests in flight per partition
	misroute   uint64 // in percent: requests sent to a random broker
	timeout    time.Duration
	every      time.Duration
	recordSize int
	only       string            // the only broker that it sends to; "": any
	used       map[[16]byte]bool // identities of topics that come and go that had a lane
	lanes      []*produceLane
	made       int64  // batches since it has its id
	forgotten  bool   // it must take another id: see forgetLane
	repeats    uint64 // of a thousand acknowledged batches, sent again (idempotent)
}

// produceLane is the batches for one partition.
type produceLane struct {
	topic    string
	id       [16]byte
	index    int32
	sequence int32 // of the next record
	queue    []*produceBatch
	inflight int
	route    string // where the requests in flight went
	// after a failure nothing is sent until all requests in flight have ended; then it
	// begins with the oldest batch
	failed   bool
	passing  bool        // the topic is one that comes and goes
	settled  bool        // a batch was acknowledged: the partition knows the producer
	noRoom   bool        // the send window of its connection is full: see hasRoom
	notUntil env.Instant // the pause after a failure
}

type produceBatch struct {
	values   []checker.Value
	sequence int32
	sent     bool
	done     bool // acknowledged or given up; it stays in the queue behind older ones
	attempts int
	again    bool  // a copy of an acknowledged batch
	base     int64 // its base offset in the first answer
}

const (
	laneBatches = 12 // waiting for a partition; no more are made
	// refusedSequences is how often the oldest batch of a lane may be refused as out of
	// order before this breaks a promise.
	refusedSequences = 40
	// roomPatience is how long a lane waits for room before it gives up the connection.
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
	// one producer at least is promised durability
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

// usePassing takes up topics that came since, with their present ids. It uses each id once:
// a broker with old metadata may answer with an old id again, and the sequences of a
// partition must not start again.
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

// abandons reports whether a batch for a topic that comes and goes is given up, since the
// topic may never come back.
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

// tick makes a batch at intervals.
func (p *producer) tick(now env.Time) {
	if p.c.load.FaultsOver || p.c.stopped {
		return
	}
	p.c.after(now, p.c.load.pace(p.every), p.tick)
	if len(p.lanes) == 0 || p.idempotent && p.id < 0 || p.reborn(now) {
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

// reborn gives the producer another id after as many batches as the plan says, as if another
// client had come in its place, and after a loss. It reports whether the producer still waits for
// that.
func (p *producer) reborn(now env.Time) bool {
	batches := p.c.load.Options().ProducerBatches.Or(0)
	if !p.idempotent || !p.forgotten && (batches == 0 || p.made < batches) {
		p.made++
		return false
	}
	for _, l := range p.lanes {
		if len(l.queue) > 0 || l.inflight > 0 {
			return true
		}
	}
	p.made, p.forgotten, p.id, p.epoch = 0, false, -1, -1
	for _, l := range p.lanes {
		l.sequence, l.settled = 0, false
	}
	p.initID(now)
	return true
}

// pump sends the batches of a lane that may be sent.
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

// hasRoom reports whether the connection of the lane takes more. If its send window is
// full, the lane continues when there is room, or on another connection. Nothing else
// limits a producer that wants no answers: brokers might need minutes to read what it sends
// in seconds, and still read after the healing.
func (p *producer) hasRoom(now env.Time, l *produceLane) bool {
	k := p.c.connTo(now, l.route)
	if !k.full {
		return true
	}
	l.noRoom = true
	patience := p.c.after(now, roomPatience, k.drop)
	k.waitForRoom = append(k.waitForRoom, func(now env.Time) {
		p.c.timers.Cancel(patience)
		l.noRoom = false
		if !p.c.stopped {
			p.pump(now, l)
		}
	})
	return false
}

// reach is how many batches from the oldest unresolved one on may be sent. A broker
// remembers five batches of a producer, so nothing may be sent that displaces the oldest
// one there. A broker accepts any first sequence of a producer that it does not know (KAFKA
// 16). So until the first batch is acknowledged only that one is sent: a broker might take
// a second one for the first.
func (p *producer) reach(l *produceLane) int {
	if p.idempotent && !l.settled {
		return 1
	}
	return p.window
}

// later pumps the lane after a pause, with fresh metadata.
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
	entry, deposed := -1, false
	k := p.c.connTo(now, l.route)
	k.call(now, &pendingCall{req: req, timeout: p.timeout, silent: p.acks == checker.AcksNone,
		began: func() {
			entry = len(rec.History.Produces)
			deposed = p.acks == checker.AcksLeader && p.c.load.Insight.DeposedLeader(l.partition())
			rec.History.Produces = append(rec.History.Produces, checker.Produce{
				ID: rec.ID(), Client: p.c.Number, Conn: k.number, Node: k.node, Call: rec.Moment(),
				Return:    checker.Never,
				Partition: l.partition(), Producer: p.recordedID(), ProducerEpoch: max(p.epoch, 0),
				Sequence: b.sequence,
				Values:   b.values, Acks: p.acks, Outcome: checker.Ambiguous, Base: -1,
			})
			p.c.load.Judge.ProduceSent(entry)
		},
		done: func(now env.Time, resp kmsg.Response) {
			l.inflight--
			if p.c.stopped {
				return
			}
			if resp == nil {
				p.ended(now, l, b, entry, false, 0, -1)
				p.c.load.Judge.ProduceEnded(entry)
				return
			}
			part := &resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0]
			p.ended(now, l, b, entry, true, part.ErrorCode, part.BaseOffset)
			p.c.load.Judge.ProduceEnded(entry)
			if deposed && entry >= 0 {
				// The answer may come from a leader that was replaced and does not know it
				// yet. The change of leader then loses the record although it began before
				// the call.
				op := &rec.History.Produces[entry]
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
	size := p.recordSize
	if bytes := int(p.c.load.Options().BatchBytes.Or(0)); bytes > 0 {
		size = bytes / len(b.values)
	}
	for _, v := range b.values {
		value := make([]byte, 8+size)
		binary.BigEndian.PutUint64(value, uint64(v))
		builder.Add(now.WallMs, value[:8], value)
	}
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis = p.c.versions.produce, p.acks,
		int32(p.timeout.Milliseconds())
	if l.passing {
		req.Version = 13 // it names topics by id, which distinguishes topics of the same name
	}
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic, topic.TopicID = l.topic, l.id
	part := kmsg.NewProduceRequestTopicPartition()
	part.Partition, part.Records = l.index, p.sealed(builder)
	topic.Partitions = append(topic.Partitions, part)
	req.Topics = append(req.Topics, topic)
	return req
}

// sealed is the batch. Some producers do not fill in the largest timestamp, or a wrong one: the
// broker replaces it.
func (p *producer) sealed(builder *batch.Builder) []byte {
	b := builder.Build()
	if p.c.Number%2 == 1 {
		b.SetMaxTimestamp([]int64{batch.NoTimestamp, 1}[b.Count()%2])
	}
	return b
}

// ended takes the end of one attempt: an answer, or a lost connection. entry is -1 if the
// request never left.
func (p *producer) ended(now env.Time, l *produceLane, b *produceBatch, entry int, answered bool,
	code int16, base int64) {
	rec := p.c.load.Rec
	outcome := checker.Failed
	if entry >= 0 {
		op := &rec.History.Produces[entry]
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
		p.acks == checker.AcksNone && entry >= 0,
		code == duplicateSequence,
		!p.idempotent && outcome == checker.Ambiguous && !p.reckless:
		l.settled = l.settled || outcome == checker.Acked
		l.resolve(b)
		if p.idempotent && outcome == checker.Acked && p.repeats > 0 && l.inflight > 0 &&
			!l.failed && p.c.rand.Chance(p.repeats, 1000) {
			// At most four other batches are in flight. So it is still among the five that
			// a broker remembers.
			p.send(now, l, &produceBatch{values: b.values, sequence: b.sequence, again: true,
				base: base})
		}
		if outcome == checker.Acked || p.acks == checker.AcksNone {
			p.pump(now, l)
		} else {
			l.failed = true // later finds the leader again
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
		p.forgetLane(l, code)
	}
	l.failed = true
	p.later(now, l)
}

// judgeRepeated judges the answer to an acknowledged batch that is sent again. If it
// reports success it must have the same offset, and it must never say that the batch is out
// of order or a duplicate.
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

// judgeRefusal judges a refusal of a batch of an idempotent producer. The broker must know
// the producer and its epoch. It must not call the oldest batch out of order again and
// again (refusedSequences), whatever happened to earlier attempts.
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

// forgetLane gives up the batches of a lane if the partition does not know the sequences before
// them, since an unclean election has lost those. The producer then takes another id.
func (p *producer) forgetLane(l *produceLane, code int16) {
	const outOfOrder, unknownProducer = 45, 59
	if (code == outOfOrder || code == unknownProducer) &&
		p.c.load.Insight.Unclean(l.partition()) {
		l.queue, p.forgotten = nil, true
	}
}

// resolve marks a batch as done, and removes done batches from the front of the queue. A
// batch that is done before an older one keeps its place, since it counts for the window.
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
