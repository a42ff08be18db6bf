package client

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/wire"
	"example.com/lockstep/broker/wire/client"
	"example.com/lockstep/netsim"
	"example.com/lockstep/sim/kafka/history"
	"example.com/lockstep/sim/property"
	"example.com/lockstep/sim/world"
)

// malformed is a client that sends what no client may send: broken frames, broken requests,
// and batches that contradict themselves.
//
// It records nothing in the history; it only counts its produces for
// check.Circumstances.CheckForwards (Load.Malformed). It judges that the broker answers with an
// error or closes the connection in time. The checkers judge that nothing else happens: if the
// broker stored what was sent, a value would appear that no client produced, and the requests of
// other clients keep their deadlines.
type malformed struct {
	c       *Client
	conn    netsim.Conn // nil: none is open
	addr    string
	attack  attack
	began   env.Instant // of the attack, in world time
	answers int
	framer  *wire.Framer
	timer   *loop.Timer[func(env.Time)]
}

// attack is one thing that a malformed client sends.
type attack struct {
	name  string
	bytes []byte
	// answers is the greatest number of answers; -1: the broker must close without one.
	// silent: it need not do anything.
	answers int
	silent  bool
	// refused checks that an answer is a refusal; nil: any answer will do.
	refused func(frame []byte) error
}

const malformedCorrelation = math.MaxInt32

func (m *malformed) start(now env.Time) { m.later(now) }
func (m *malformed) informed(env.Time)  {}
func (m *malformed) pending() []string  { return nil }
func (m *malformed) later(now env.Time) {
	m.c.after(now, m.c.between(20*time.Millisecond, 300*time.Millisecond), m.begin)
}
func (m *malformed) world() *world.World { return m.c.load.World }
func (m *malformed) over(now env.Time)   { m.end(); m.later(now) }

// end implements rawScript.
func (m *malformed) end() {
	m.c.timers.Cancel(m.timer)
	if m.conn != nil {
		m.conn.Close()
		m.conn = nil
	}
}

func (m *malformed) begin(now env.Time) {
	if m.c.stopped || m.c.load.FaultsOver {
		return
	}
	m.addr, m.attack, m.answers, m.framer = m.c.anyBroker(), m.choose(now), 0, wire.NewFramer(1<<30)
	m.began = m.world().Now()
	m.c.load.Malformed[history.NodeOf(m.addr)] += uint64(len(m.c.load.Topics)) // an upper bound
	m.conn = m.c.host.Network().Dial(m.addr, m.c.host.Sink(loop.Control))
	m.timer = m.c.after(now, dialPatience, m.over)
}

// event implements rawScript.
func (m *malformed) event(now env.Time, ev *netsim.Event) {
	if m.conn == nil || ev.Conn.ID() != m.conn.ID() {
		return
	}
	switch ev.Kind {
	case netsim.Connected:
		m.c.timers.Cancel(m.timer)
		m.conn.Send(m.attack.bytes)
		patience := m.c.load.RequestTimeout + promiseSlack + RequestSlack
		if m.attack.silent {
			patience = m.c.between(100*time.Millisecond, 3*time.Second)
		}
		m.timer = m.c.after(now, patience, m.lost)
	case netsim.Received:
		m.conn.Consumed(len(ev.Data))
		m.framer.Feed(ev.Data)
		m.hear(now)
	case netsim.Closed:
		m.over(now)
	}
}

// hear takes answers. After the last one the malformed client closes.
func (m *malformed) hear(now env.Time) {
	for {
		frame, ok, err := m.framer.Next()
		if err == nil && !ok {
			return
		}
		m.answers++
		switch {
		case err != nil:
			m.world().Violated(property.FramesWellFormed, m.addr, "%v", err)
		case m.answers > m.attack.answers:
			m.world().Violated(property.MalformedRefused, m.addr,
				"%s was answered with %d bytes (answer %d)", m.attack.name, len(frame), m.answers)
		case binary.BigEndian.Uint32(frame) != malformedCorrelation:
			m.world().Violated(property.ResponsesAnswer, m.addr, "%s: correlation id %d",
				m.attack.name, int32(binary.BigEndian.Uint32(frame)))
		case m.attack.refused != nil:
			if err := m.attack.refused(frame); err != nil {
				m.world().Violated(property.MalformedRefused, m.addr, "%s: %v", m.attack.name, err)
			}
		}
		if err != nil || m.answers >= m.attack.answers {
			m.over(now)
			return
		}
	}
}

// lost ends an attack to which the broker did not react in time.
func (m *malformed) lost(now env.Time) {
	cl := m.c.load
	if !m.attack.silent && cl.Insight.Excuse(m.c.Name, history.NodeOf(m.addr), m.began) == "" &&
		cl.Options().Tight.Or(0) == 0 {
		m.world().Violated(property.MalformedAnswered, m.addr,
			"%s was sent at %v, and the broker did not react",
			m.attack.name, time.Duration(m.began))
	}
	m.over(now)
}

// choose draws the next attack.
func (m *malformed) choose(now env.Time) attack {
	r := m.c.rand
	word := func(n uint32, more ...byte) []byte {
		return append(binary.BigEndian.AppendUint32(nil, n), more...)
	}
	junk := make([]byte, r.IntN(200))
	r.Fill(junk)
	frame := m.frame(m.request())
	switch r.IntN(11) {
	case 0:
		return attack{name: "a negative length", bytes: word(math.MaxUint32, junk...), answers: -1}
	case 1:
		return attack{name: "a length of two gigabytes",
			bytes: append(word(math.MaxInt32), frame[4:]...), answers: -1}
	case 2:
		binary.BigEndian.PutUint16(frame[4:], uint16(200+r.IntN(30000)))
		return attack{name: "an unknown key", bytes: frame, answers: -1}
	case 3:
		binary.BigEndian.PutUint16(frame[6:], uint16(100+r.IntN(30000)))
		return attack{name: "an unknown version", bytes: frame, answers: 1}
	case 4:
		cut := frame[:4+8+r.IntN(len(frame)-12)]
		binary.BigEndian.PutUint32(cut, uint32(len(cut)-4))
		return attack{name: "a body that is cut short", bytes: cut, answers: 1}
	case 5:
		torn := append(frame[:14:14], junk...)
		binary.BigEndian.PutUint32(torn, uint32(len(torn)-4))
		return attack{name: "a body of junk", bytes: torn, answers: 1}
	case 6:
		// Metadata 1: header of 10 bytes and an empty client id, then a count.
		req := kmsg.NewPtrMetadataRequest()
		req.Version = 1
		b := client.AppendRequest(nil, malformedCorrelation, "", req)
		binary.BigEndian.PutUint32(b[len(b)-4:], math.MaxInt32-uint32(r.IntN(1000)))
		return attack{name: "two thousand million topics", bytes: b, answers: 1}
	case 7:
		two := m.frame(kmsg.NewPtrApiVersionsRequest())
		return attack{name: "one correlation id twice", bytes: append(two, two...), answers: 2}
	case 8:
		return attack{name: "a part of a frame", bytes: frame[:r.IntN(len(frame))], answers: -1,
			silent: true}
	default:
		return m.badBatch(now)
	}
}

// request is an ordinary request.
func (m *malformed) request() kmsg.Request {
	switch m.c.rand.IntN(4) {
	case 0:
		return m.produce(nil, m.c.load.Topics...)
	case 1:
		req := kmsg.NewPtrFetchRequest()
		req.Version = 11
		return req
	case 2:
		req := kmsg.NewPtrCreateTopicsRequest()
		req.Version, req.TimeoutMillis = 7, 1000
		return req
	}
	req := kmsg.NewPtrMetadataRequest()
	req.Version = 12
	return req
}

func (m *malformed) frame(req kmsg.Request) []byte {
	return client.AppendRequest(nil, malformedCorrelation, m.c.Name, req)
}

func (m *malformed) produce(records []byte, topics ...string) *kmsg.ProduceRequest {
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis = 8, -1, 1000
	for _, name := range topics {
		topic := kmsg.NewProduceRequestTopic()
		topic.Topic = name
		part := kmsg.NewProduceRequestTopicPartition()
		part.Records = records
		topic.Partitions = append(topic.Partitions, part)
		req.Topics = append(req.Topics, topic)
	}
	return req
}

// Positions of the fields of a batch that a malformed client changes.
const (
	batchMagic, batchCRC, batchAttributes, batchLastDelta, batchCount = 16, 17, 21, 23, 57
)

// badBatch is a produce of a batch that contradicts itself, or its topic.
func (m *malformed) badBatch(now env.Time) attack {
	name, b, topics := m.contradiction(now)
	req := m.produce(b, topics...)
	a := attack{name: "a batch with " + name, bytes: m.frame(req), answers: 1,
		refused: func(frame []byte) error { return refusesAll(req, frame) }}
	if m.c.rand.Chance(1, 4) {
		req.Acks = 0
		a = attack{name: a.name + " and acks=0", bytes: m.frame(req), answers: -1}
	}
	return a
}

// refusesAll checks that a produce was refused for every topic.
func refusesAll(req kmsg.Request, frame []byte) error {
	resp, err := client.DecodeResponse(frame, req)
	if err != nil {
		return err
	}
	for _, t := range resp.(*kmsg.ProduceResponse).Topics {
		if p := &t.Partitions[0]; p.ErrorCode == 0 {
			return fmt.Errorf("acknowledged for %s at offset %d", t.Topic, p.BaseOffset)
		}
	}
	return nil
}

// contradiction draws a batch, and the topics that refuse it.
func (m *malformed) contradiction(now env.Time) (name string, b []byte, topics []string) {
	r, topics := m.c.rand, m.c.load.Topics
	builder := batch.NewBuilder()
	value := make([]byte, 8+r.IntN(100))
	binary.BigEndian.PutUint64(value, malformedValue)
	kind := r.IntN(12)
	compacted := slices.DeleteFunc(slices.Clone(topics),
		func(t string) bool { return !Compacted(t) })
	if kind == 11 && len(compacted) > 0 {
		return "a null key", builder.Add(now.WallMs, nil, value).Build(), compacted
	}
	builder.Add(now.WallMs, value[:8], value)
	b = builder.Build()
	switch kind {
	case 0:
		name = "a wrong CRC"
		b[batchCRC+r.IntN(len(b)-batchCRC)] ^= byte(1 + r.IntN(255))
		return name, b, topics
	case 1:
		name = "magic 1"
		b[batchMagic] = 1
	case 2:
		name = "a last offset beyond its records"
		binary.BigEndian.PutUint32(b[batchLastDelta:], 1+uint32(r.IntN(1000)))
	case 3:
		name = "another count of records"
		binary.BigEndian.PutUint32(b[batchCount:], 2+uint32(r.IntN(1000)))
	case 4:
		name = "a control batch"
		b[batchAttributes+1] |= 0x20
	case 5:
		name = "a batch that is cut short"
		b = b[:r.IntN(len(b))]
	case 6:
		name = "junk in place of compressed records"
		b = builder.BuildWith(batch.Codec(1+r.IntN(4)), value)
	case 7:
		name = "more records than there are"
		more := 1 + uint32(r.IntN(1000))
		binary.BigEndian.PutUint32(b[batchLastDelta:], more)
		binary.BigEndian.PutUint32(b[batchCount:], more+1)
	case 8:
		name = "fewer records than there are"
		b = batch.NewBuilder().Add(now.WallMs, value, value).BuildWith(batch.Uncompressed,
			builder.Add(now.WallMs, value, value).Plain())
	case 9:
		name = "a bomb"
		b = builder.BuildWith(batch.Gzip, bomb())
	default:
		const year = 365 * 24 * time.Hour
		name = "a record of the next year"
		b = builder.Add(now.WallMs+year.Milliseconds(), value, value).Build()
	}
	if len(b) > batchAttributes {
		binary.BigEndian.PutUint32(b[batchCRC:],
			crc32.Checksum(b[batchAttributes:], castagnoliTable))
	}
	return name, b, topics
}

// bomb is a few thousand bytes that expand to more than any broker here allows:
// see the limits of simulated brokers (RequestBytes).
var bomb = sync.OnceValue(func() []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	value := make([]byte, 1200<<10)
	binary.BigEndian.PutUint64(value, malformedValue)
	if _, err := w.Write(batch.NewBuilder().Add(0, value[:8], value).Plain()); err != nil {
		panic(err)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
})

// malformedValue is in every batch of a malformed client, and must never be in a log.
const malformedValue = 1 << 62

var castagnoliTable = crc32.MakeTable(crc32.Castagnoli)
