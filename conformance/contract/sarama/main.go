// Command sarama asks the contract's cases with IBM's sarama. Arguments: address, prefix of topics.
//
// It is a module of its own, so that the broker does not depend on another client library.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/IBM/sarama"
)

var (
	addr   = os.Args[1]
	prefix = os.Args[2] + "-sarama-"
)

func config() *sarama.Config {
	c := sarama.NewConfig()
	c.Version = sarama.V3_6_0_0
	c.Producer.Return.Successes = true
	c.Producer.Partitioner = sarama.NewManualPartitioner
	c.Producer.Flush.Frequency = 200 * time.Millisecond
	c.Producer.Flush.Bytes = 900_000
	return c
}

func main() {
	admin, err := sarama.NewClusterAdmin([]string{addr}, config())
	if err != nil {
		panic(err)
	}
	create := func(name string, configs map[string]*string) string {
		return text(admin.CreateTopic(prefix+name, &sarama.TopicDetail{
			NumPartitions: 1, ReplicationFactor: 1, ConfigEntries: configs}, false))
	}
	now := time.Now()
	at := func(age time.Duration) *sarama.ProducerMessage {
		return &sarama.ProducerMessage{Value: sarama.StringEncoder("v"), Timestamp: now.Add(-age)}
	}
	compact := "compact"
	create("compacted", map[string]*string{"cleanup.policy": &compact})
	say("a null key in a compacted topic", produce(config(), "compacted", at(0)))
	create("times", nil)
	say("records 3 s, 1 s, 2 s old", produce(config(), "times",
		at(3*time.Second), at(time.Second), at(2*time.Second)))
	client, err := sarama.NewClient([]string{addr}, config())
	if err != nil {
		panic(err)
	}
	offset, err := client.GetOffset(prefix+"times", 0, now.Add(-2500*time.Millisecond).UnixMilli())
	say("the offset 2.5 s ago", fmt.Sprint(offset, " ", text(err)))
	say("a record two hours ahead", produce(config(), "times", at(-2*time.Hour)))
	for _, codec := range []sarama.CompressionCodec{sarama.CompressionNone, sarama.CompressionGZIP,
		sarama.CompressionSnappy, sarama.CompressionLZ4, sarama.CompressionZSTD} {
		create(codec.String(), nil)
		var sent []*sarama.ProducerMessage
		for i := range 200 {
			value := bytes.Repeat(fmt.Appendf(nil, "%d ", i), 2000)
			sent = append(sent, &sarama.ProducerMessage{Value: sarama.ByteEncoder(value)})
		}
		c := config()
		c.Producer.Compression = codec
		outcome, same := produce(c, codec.String(), sent...), "identical"
		got := consume(codec.String(), len(sent), 20*time.Second)
		for i := range sent {
			if i >= len(got) || !bytes.Equal(got[i], sent[i].Value.(sarama.ByteEncoder)) {
				same = "not identical"
			}
		}
		say("200 records, "+codec.String(), outcome+", "+same)
	}
	say("a name that collides", []string{create("a.b", nil), create("a_b", nil)})
}

func say(name string, outcome any) { fmt.Printf("%s\t%v\n", name, outcome) }

func text(err error) string {
	var coded sarama.KError
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &coded):
		return fmt.Sprintf("error %d", int16(coded))
	}
	return err.Error()
}

// produce sends records together, so that they go into one batch, and counts failures.
func produce(c *sarama.Config, name string, records ...*sarama.ProducerMessage) string {
	p, err := sarama.NewAsyncProducer([]string{addr}, c)
	if err != nil {
		return text(err)
	}
	defer p.Close()
	go func() {
		for _, r := range records {
			r.Topic = prefix + name
			p.Input() <- r
		}
	}()
	failed, first := 0, ""
	for range records {
		select {
		case <-p.Successes():
		case e := <-p.Errors():
			if failed++; first == "" {
				first = text(e.Err)
			}
		}
	}
	if failed > 0 {
		return fmt.Sprintf("%d of %d %s", failed, len(records), first)
	}
	return "ok"
}

func consume(name string, n int, patience time.Duration) (values [][]byte) {
	c, err := sarama.NewConsumer([]string{addr}, config())
	if err != nil {
		return nil
	}
	defer c.Close()
	part, err := c.ConsumePartition(prefix+name, 0, 0)
	if err != nil {
		return nil
	}
	defer part.AsyncClose()
	late := time.After(patience)
	for len(values) < n {
		select {
		case m := <-part.Messages():
			values = append(values, m.Value)
		case <-late:
			return values
		}
	}
	return values
}
