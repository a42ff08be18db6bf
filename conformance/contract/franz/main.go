// Command franz asks the contract's cases with franz-go. Arguments: address, prefix of topics.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

var (
	addr   = os.Args[1]
	prefix = os.Args[2] + "-franz-"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	admin := kadm.NewClient(client())
	create := func(name string, configs map[string]*string) string {
		r, err := admin.CreateTopic(ctx, 1, 1, configs, prefix+name)
		return text(errors.Join(err, r.Err))
	}
	now := time.Now()
	at := func(age time.Duration) *kgo.Record {
		return &kgo.Record{Value: []byte("v"), Timestamp: now.Add(-age)}
	}

	create("compacted", map[string]*string{"cleanup.policy": kadm.StringPtr("compact")})
	say("a null key in a compacted topic", produce(ctx, client(), "compacted", at(0)))
	create("times", nil)
	say("records 3 s, 1 s, 2 s old", produce(ctx, client(), "times",
		at(3*time.Second), at(time.Second), at(2*time.Second)))
	after, err := admin.ListOffsetsAfterMilli(ctx, now.Add(-2500*time.Millisecond).UnixMilli(),
		prefix+"times")
	say("the offset 2.5 s ago", offset(after, err))
	largest, err := admin.ListMaxTimestampOffsets(ctx, prefix+"times")
	say("the offset of the largest time", offset(largest, err))
	say("a record two hours ahead", produce(ctx, client(), "times", at(-2*time.Hour)))

	for name, codec := range codecs() {
		create(name, nil)
		var sent []*kgo.Record
		for i := range 200 {
			value := bytes.Repeat(fmt.Appendf(nil, "%d ", i), 2000)
			sent = append(sent, &kgo.Record{Value: value})
		}
		outcome := produce(ctx, client(kgo.ProducerBatchCompression(codec)), name, sent...)
		same := "identical"
		for i, value := range consume(ctx, name, len(sent), 20*time.Second) {
			if !bytes.Equal(value, sent[i].Value) {
				same = "not identical"
			}
		}
		say("200 records, "+name, outcome+", "+same)
	}

	create("again", nil)
	silent := client(kgo.RequiredAcks(kgo.NoAck()), kgo.DisableIdempotentWrite(),
		kgo.UnknownTopicRetries(-1))
	produce(ctx, silent, "again", at(0))
	admin.DeleteTopic(ctx, prefix+"again")
	for create("again", nil) != "ok" {
		time.Sleep(100 * time.Millisecond)
	}
	arrived := "lost"
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end) && arrived == "lost"; {
		produce(ctx, silent, "again", at(0))
		if len(consume(ctx, "again", 1, time.Second)) > 0 {
			arrived = "arrive"
		}
	}
	say("acks=0 to a topic that was created again: later records", arrived)
	say("a name that collides", []string{create("a.b", nil), create("a_b", nil)})
}

func codecs() map[string]kgo.CompressionCodec {
	return map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(),
		"snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(),
		"zstd": kgo.ZstdCompression(),
	}
}

func client(more ...kgo.Opt) *kgo.Client {
	opts := append([]kgo.Opt{kgo.SeedBrokers(addr), kgo.ProducerLinger(200 * time.Millisecond),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.RecordDeliveryTimeout(10 * time.Second)}, more...)
	c, err := kgo.NewClient(opts...)
	if err != nil {
		panic(err)
	}
	return c
}

func say(name string, outcome any) { fmt.Printf("%s\t%v\n", name, outcome) }

func text(err error) string {
	var coded *kerr.Error
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &coded):
		return coded.Message
	}
	return err.Error()
}

func produce(ctx context.Context, c *kgo.Client, name string, records ...*kgo.Record) string {
	for _, r := range records {
		r.Topic = prefix + name
	}
	failed, first := 0, ""
	for _, result := range c.ProduceSync(ctx, records...) {
		if result.Err != nil {
			if failed++; first == "" {
				first = text(result.Err)
			}
		}
	}
	if failed > 0 {
		return fmt.Sprintf("%d of %d %s", failed, len(records), first)
	}
	return "ok"
}

func consume(ctx context.Context, name string, n int, patience time.Duration) (values [][]byte) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c := client(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{
		prefix + name: {0: kgo.NewOffset().At(0)}}))
	defer c.Close()
	for len(values) < n && ctx.Err() == nil {
		c.PollFetches(ctx).EachRecord(func(r *kgo.Record) { values = append(values, r.Value) })
	}
	return values
}

func offset(offsets kadm.ListedOffsets, err error) string {
	o, _ := offsets.Lookup(prefix+"times", 0)
	if err = errors.Join(err, o.Err); err != nil {
		return text(err)
	}
	return fmt.Sprint(o.Offset)
}
