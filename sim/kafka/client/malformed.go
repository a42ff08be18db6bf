package client

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"time"

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

// Malformed is a client that sends what no client may send. The broker must answer
// with an error or close that connection, and nothing else may happen: whatever
// it stored would be a value that nobody produced, and the others' requests have
// their deadlines.
type malformed struct {
	c       *Client
	conn    netsim.Conn // nil: none is open
	addr    string
	attack  attack
	began   env.Instant // in world time
	answers int
	framer  *wire.Framer
	timer   *loop.Timer[func(env.Time)]
}

// attack is one thing that a vandal sends.
type attack struct {
	name  string
	bytes []byte
	// answers is how many answers there may be; -1: the broker must say nothing
	// before it closes. silent: it need not do anything.
	answers int
	silent  bool
	// refused checks that an answer refuses; nil: any answer will do.
	refused func(frame []byte) error
}

const malformedCorrelation = math.MaxInt32

func (v *malformed) start(now env.Time) { v.later(now) }
func (v *malformed) informed(env.Time)  {}
func (v *malformed) pending() []string  { return nil }
func (v *malformed) later(now env.Time) {
	v.c.after(now, v.c.between(20*time.Millisecond, 300*time.Millisecond), v.begin)
}
func (v *malformed) world() *world.World { return v.c.load.World }
func (v *malformed) over(now env.Time)   { v.end(); v.later(now) }

// end implements rawScript.
func (v *malformed) end() {
	v.c.timers.Cancel(v.timer)
	if v.conn != nil {
		v.conn.Close()
		v.conn = nil
	}
}

func (v *malformed) begin(now env.Time) {
	if v.c.stopped || v.c.load.FaultsOver {
		return
	}
	v.addr, v.attack, v.answers, v.framer = v.c.anyBroker(), v.choose(now), 0, wire.NewFramer(1<<30)
	v.began = v.world().Now()
	v.c.load.Malformed[history.NodeOf(v.addr)] += uint64(len(v.c.load.Topics)) // at most
	v.conn = v.c.host.Network().Dial(v.addr, v.c.host.Sink(loop.Control))
	v.timer = v.c.after(now, dialPatience, v.over)
}

// event implements rawScript.
func (v *malformed) event(now env.Time, ev *netsim.Event) {
	if v.conn == nil || ev.Conn.ID() != v.conn.ID() {
		return
	}
	switch ev.Kind {
	case netsim.Connected:
		v.c.timers.Cancel(v.timer)
		v.conn.Send(v.attack.bytes)
		patience := v.c.load.RequestTimeout + promiseSlack + RequestSlack
		if v.attack.silent {
			patience = v.c.between(100*time.Millisecond, 3*time.Second)
		}
		v.timer = v.c.after(now, patience, v.lost)
	case netsim.Received:
		v.conn.Consumed(len(ev.Data))
		v.framer.Feed(ev.Data)
		v.hear(now)
	case netsim.Closed:
		v.over(now)
	}
}

// hear takes answers; after the last one the vandal leaves.
func (v *malformed) hear(now env.Time) {
	for {
		frame, ok, err := v.framer.Next()
		if err == nil && !ok {
			return
		}
		v.answers++
		switch {
		case err != nil:
			v.world().Violated(property.FramesWellFormed, v.addr, "%v", err)
		case v.answers > v.attack.answers:
			v.world().Violated(property.MalformedRefused, v.addr,
				"%s was answered with %d bytes (answer %d)", v.attack.name, len(frame), v.answers)
		case binary.BigEndian.Uint32(frame) != malformedCorrelation:
			v.world().Violated(property.ResponsesAnswer, v.addr, "%s: correlation id %d",
				v.attack.name, int32(binary.BigEndian.Uint32(frame)))
		case v.attack.refused != nil:
			if err := v.attack.refused(frame); err != nil {
				v.world().Violated(property.MalformedRefused, v.addr, "%s: %v", v.attack.name, err)
			}
		}
		if err != nil || v.answers >= v.attack.answers {
			v.over(now)
			return
		}
	}
}

// lost ends an attack to which the broker said nothing in time.
func (v *malformed) lost(now env.Time) {
	cl := v.c.load
	if !v.attack.silent && cl.Insight.Excuse(v.c.Name, history.NodeOf(v.addr), v.began) == "" &&
		cl.Options().Tight.Or(0) == 0 {
		v.world().Violated(property.MalformedAnswered, v.addr,
			"%s was sent at %v, and nothing came of it", v.attack.name, time.Duration(v.began))
	}
	v.over(now)
}

// choose draws what is sent next.
func (v *malformed) choose(now env.Time) attack {
	r := v.c.rand
	word := func(n uint32, more ...byte) []byte {
		return append(binary.BigEndian.AppendUint32(nil,
			n), more...)
	}
	junk := make([]byte, r.IntN(200))
	r.Fill(junk)
	frame := v.frame(v.request())
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
		two := v.frame(kmsg.NewPtrApiVersionsRequest())
		return attack{name: "one correlation id twice", bytes: append(two, two...), answers: 2}
	case 8:
		return attack{name: "a part of a frame", bytes: frame[:r.IntN(len(frame))], answers: -1,
			silent: true}
	default:
		return v.badBatch(now)
	}
}

// request is one of those that clients send.
func (v *malformed) request() kmsg.Request {
	switch v.c.rand.IntN(4) {
	case 0:
		return v.produce(nil)
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

func (v *malformed) frame(req kmsg.Request) []byte {
	return client.AppendRequest(nil, malformedCorrelation, v.c.Name, req)
}

func (v *malformed) produce(records []byte) *kmsg.ProduceRequest {
	req := kmsg.NewPtrProduceRequest()
	req.Version, req.Acks, req.TimeoutMillis = 8, -1, 1000
	for _, name := range v.c.load.Topics {
		topic := kmsg.NewProduceRequestTopic()
		topic.Topic = name
		part := kmsg.NewProduceRequestTopicPartition()
		part.Records = records
		topic.Partitions = append(topic.Partitions, part)
		req.Topics = append(req.Topics, topic)
	}
	return req
}

// Where the fields of a batch are that a vandal lies about.
const (
	batchMagic, batchCRC, batchAttributes, batchLastDelta, batchCount = 16, 17, 21, 23, 57
)

// badBatch is a produce of a batch that lies about itself.
func (v *malformed) badBatch(now env.Time) attack {
	r := v.c.rand
	builder := batch.NewBuilder()
	value := make([]byte, 8+r.IntN(100))
	binary.BigEndian.PutUint64(value, malformedValue)
	builder.Add(now.WallMs, nil, value)
	b := []byte(builder.Build())
	name := ""
	switch r.IntN(6) {
	case 0:
		name = "a wrong CRC"
		b[batchCRC+r.IntN(len(b)-batchCRC)] ^= byte(1 + r.IntN(255))
	case 1:
		name = "magic 1"
		b[batchMagic] = 1
	case 2:
		name = "a last offset beyond its records"
		binary.BigEndian.PutUint32(b[batchLastDelta:], 1+uint32(r.IntN(1000)))
	case 3:
		name = "more records than there are"
		binary.BigEndian.PutUint32(b[batchCount:], 2+uint32(r.IntN(1000)))
	case 4:
		name = "a control batch"
		b[batchAttributes+1] |= 0x20
	case 5:
		name = "a batch that is cut short"
		b = b[:r.IntN(len(b))]
	}
	if name != "a wrong CRC" && len(b) > batchAttributes {
		binary.BigEndian.PutUint32(b[batchCRC:],
			crc32.Checksum(b[batchAttributes:], castagnoliTable))
	}
	req := v.produce(b)
	return attack{name: "a batch with " + name, bytes: v.frame(req), answers: 1,
		refused: func(frame []byte) error {
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
		}}
}

// malformedValue is in every batch of a vandal, and in no batch that may be stored.
const malformedValue = 1 << 62

var castagnoliTable = crc32.MakeTable(crc32.Castagnoli)
