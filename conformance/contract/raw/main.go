// Command raw asks a broker what no client library would ask: batches that lie about their records,
// forbidden requests, settings of topics. It prints a line for each case:
//
//	case <TAB> outcome
//
// Arguments: address, prefix of topics. It is run by conformance/contract, against Lockstep and
// against Apache Kafka.
package main

import (
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/batch"
	"example.com/lockstep/conformance/rawkafka"
)

const patience = 20 * time.Second

// asker asks one broker.
type asker struct {
	addr    string
	prefix  string // of topics, which must be new
	conn    *rawkafka.Conn
	created int
}

func main() {
	a := &asker{addr: os.Args[1], prefix: os.Args[2] + "-raw"}
	a.dial()
	a.produceCases()
	a.timeCases()
	a.forbiddenCases()
	a.withoutAcks()
	a.producerIDs()
	a.topicSettings()
}

func (a *asker) dial() {
	conn, err := rawkafka.Dial(a.addr, patience)
	if err != nil {
		log.Fatal(err)
	}
	a.conn = conn
}

// ask sends a request and waits for the answer, on a new connection if the last one was closed.
func (a *asker) ask(req kmsg.Request) kmsg.Response {
	resp, err := a.conn.Ask(req, patience)
	if err != nil {
		a.conn.Close()
		a.dial()
		return nil
	}
	return resp
}

func say(name string, outcome any) { fmt.Printf("%s\t%v\n", name, outcome) }

func codeName(code int16) string {
	if code == 0 {
		return "ok"
	}
	if err := kerr.TypedErrorForCode(code); err != nil {
		return err.Message
	}
	return fmt.Sprint(code)
}

func (a *asker) create(name string, configs ...string) string {
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Version, req.TimeoutMillis = 7, 10000
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = name, 1, 1
	for _, c := range configs {
		key, value, _ := strings.Cut(c, "=")
		t.Configs = append(t.Configs,
			kmsg.CreateTopicsRequestTopicConfig{Name: key, Value: &value})
	}
	req.Topics = append(req.Topics, t)
	resp, ok := a.ask(req).(*kmsg.CreateTopicsResponse)
	if !ok {
		return "closed"
	}
	return codeName(resp.Topics[0].ErrorCode)
}

// topic creates a topic and waits until it can be written to.
func (a *asker) topic(name string, configs ...string) string {
	name = a.prefix + "-" + name
	if code := a.create(name, configs...); code != "ok" {
		log.Fatalf("topic %s: %s", name, code)
	}
	for end := time.Now().Add(patience); time.Now().Before(end); {
		m, err := rawkafka.Metadata(a.addr, name, patience)
		if err == nil && m.Topics[0].Partitions[0].ErrorCode == 0 {
			return name
		}
		time.Sleep(50 * time.Millisecond)
	}
	log.Fatalf("topic %s has no leader", name)
	return ""
}

func (a *asker) produceRequest(version int16, topic string, records []byte) *kmsg.ProduceRequest {
	req := rawkafka.Produce(topic, 0, records, 5*time.Second)
	req.Version, req.Acks = version, 1
	return req
}

// produce sends one batch and prints the answer: the code, and which records are in error.
func (a *asker) produce(name string, version int16, topic string, records []byte) {
	say(name, a.outcome(a.ask(a.produceRequest(version, topic, records))))
}

func (a *asker) outcome(resp kmsg.Response) string {
	produced, ok := resp.(*kmsg.ProduceResponse)
	if !ok {
		return "closed"
	}
	p := produced.Topics[0].Partitions[0]
	text := codeName(p.ErrorCode)
	for _, e := range p.ErrorRecords {
		text += fmt.Sprintf(" record %d", e.RelativeOffset)
	}
	return text
}

// Positions of fields in a batch.
const (
	attributes, lastDelta, maxTimestamp, count = 21, 23, 35, 57
)

func records(ages ...time.Duration) *batch.Builder {
	b := batch.NewBuilder()
	for i, age := range ages {
		b.Add(time.Now().Add(-age).UnixMilli(), []byte("k"), fmt.Appendf(nil, "value %d", i))
	}
	return b
}
