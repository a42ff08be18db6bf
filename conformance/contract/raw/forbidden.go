package main

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/batch"
	"example.com/lockstep/conformance/rawkafka"
)

// forbiddenCases: what the request alone forbids.
func (a *asker) forbiddenCases() {
	t := a.topic("forbidden")
	b := records(0)
	for version := int16(3); version <= 8; version++ {
		a.produce(fmt.Sprintf("zstd in Produce %d", version), version, t,
			b.BuildWith(batch.Zstd, pack(batch.Zstd, b.Plain())))
	}
	transactional := batch.NewBuilder().Producer(1000, 0, 0)
	transactional.Transactional = true
	a.produce("a transactional batch without a transactional id", 9, t,
		transactional.Add(time.Now().UnixMilli(), []byte("k"), nil).Build())
	for _, internal := range []string{"__consumer_offsets", "__transaction_state"} {
		a.create(internal)
		if _, err := rawkafka.Metadata(a.addr, internal, patience); err != nil {
			time.Sleep(time.Second)
		}
		a.produce("a write to "+internal, 9, internal, records(0).Build())
	}
	a.produce("an unknown topic", 9, a.prefix+"-none", records(0).Build())
	request := a.produceRequest(9, t, records(0).Build())
	request.Acks = 7
	say("acks 7", a.outcome(a.ask(request)))
}

// withoutAcks: acks=0 that fails closes the connection, behind the answers that are owed.
func (a *asker) withoutAcks() {
	t := a.topic("acks0")
	for _, c := range []struct {
		name, topic string
		records     []byte
	}{
		{"sound", t, records(0).Build()},
		{"an unknown topic", a.prefix + "-none", records(0).Build()},
		{"junk", t, records(0).BuildWith(batch.Gzip, []byte("junk"))},
	} {
		conn, err := rawkafka.Dial(a.addr, patience)
		if err != nil {
			say("acks=0, "+c.name, err)
			continue
		}
		first := a.produceRequest(9, t, records(0).Build())
		silent := a.produceRequest(9, c.topic, c.records)
		silent.Acks = 0
		conn.Send(first, patience)
		conn.Send(silent, patience)
		answer := "answered"
		if _, err := conn.Receive(patience); err != nil {
			answer = "not answered"
		}
		say("acks=0, "+c.name+": the request before", answer)
		conn.Forget() // no answer comes to the request without acks
		fate := "open"
		if _, err := conn.Ask(a.produceRequest(9, t, records(0).Build()), patience); err != nil {
			fate = "closed"
		}
		say("acks=0, "+c.name+": the connection", fate)
		conn.Close()
	}
}

// producerIDs: InitProducerId without a transactional id.
func (a *asker) producerIDs() {
	for _, c := range []struct {
		id    int64
		epoch int16
	}{{-1, -1}, {16, 1}, {1 << 40, 7}, {16, 32766}, {16, -1}, {-1, 1}, {-2, -2}} {
		req := kmsg.NewPtrInitProducerIDRequest()
		req.Version, req.TransactionTimeoutMillis = 4, 1000
		req.ProducerID, req.ProducerEpoch = c.id, c.epoch
		text := "closed"
		if resp := a.untilLoaded(req); resp != nil {
			text = codeName(resp.ErrorCode)
			if resp.ErrorCode == 0 {
				text = fmt.Sprintf("fresh=%v epoch=%d",
					resp.ProducerID != c.id && resp.ProducerID < 1<<40, resp.ProducerEpoch)
			}
		}
		say(fmt.Sprintf("InitProducerId with %d/%d", c.id, c.epoch), text)
	}
}

// untilLoaded asks until the broker has a block of ids; nil if the connection was closed.
func (a *asker) untilLoaded(req *kmsg.InitProducerIDRequest) *kmsg.InitProducerIDResponse {
	const loading = 14
	for {
		resp, ok := a.ask(req).(*kmsg.InitProducerIDResponse)
		if !ok || resp.ErrorCode != loading {
			return resp
		}
		time.Sleep(100 * time.Millisecond)
	}
}
