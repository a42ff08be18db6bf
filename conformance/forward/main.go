// Command forward produces through a node that does not lead, and that forwards
// to the leader. It checks that each record is in the log once and in order.
//
//	go run ./conformance/forward --base-port 21092 --records 100000
//
// Ordinary clients connect to leaders; this one never does. It keeps several
// requests in flight on one connection, with and without idempotence. It needs
// a cluster without faults, because it sends nothing twice. Command pauses
// measures forwarded produces under faults.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/conformance/rawkafka"
)

type options struct {
	host     string
	basePort int
	records  int
	batch    int
}

func main() {
	var o options
	flag.StringVar(&o.host, "host", "127.0.0.1", "host of the dev cluster")
	flag.IntVar(&o.basePort, "base-port", 21092, "base port of the dev cluster, of three nodes")
	flag.IntVar(&o.records, "records", 100_000, "records to produce")
	flag.IntVar(&o.batch, "batch", 100, "records of a request")
	flag.Parse()
	for _, v := range []struct {
		name       string
		idempotent bool
		depth      int // requests in flight
	}{
		{"one at a time", false, 1},
		{"50 in flight", false, 50},
		{"idempotent, 5 in flight", true, 5},
	} {
		began := time.Now()
		if err := o.run(v.idempotent, v.depth); err != nil {
			fmt.Fprintf(os.Stderr, "forward: %s: %v\n", v.name, err)
			os.Exit(1)
		}
		fmt.Printf("forwarded %d records, %s: identical, in order (%v)\n",
			o.records, v.name, time.Since(began).Round(time.Millisecond))
	}
}

func (o *options) addr(node int) string { return fmt.Sprintf("%s:%d", o.host, o.basePort+node-1) }

const patience = 20 * time.Second

// run produces to a topic of three partitions that node 2 leads, through node 1.
func (o *options) run(idempotent bool, depth int) error {
	topic := fmt.Sprintf("forward-%d", time.Now().UnixNano())
	replicas := [][]int32{{2, 1, 3}, {2, 3, 1}, {2, 1, 3}}
	if err := rawkafka.CreateTopic(o.addr(1), topic, replicas, "2", patience); err != nil {
		return fmt.Errorf("create topic: %w", err)
	}
	producer, firstOf := rawkafka.NoProducer, func(int) int32 { return -1 }
	if idempotent {
		var err error
		if producer, err = rawkafka.NewProducer(o.addr(1), patience); err != nil {
			return fmt.Errorf("draw producer id: %w", err)
		}
		firstOf = func(round int) int32 { return int32(round * o.batch) }
	}
	conn, err := rawkafka.Dial(o.addr(1), patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	rounds := o.records / o.batch / len(replicas)
	total := rounds * len(replicas)
	offsets := make([]int64, len(replicas))
	for sent, received := 0, 0; received < total; {
		if sent < total && sent-received < depth {
			partition, round := sent%len(replicas), sent/len(replicas)
			var values [][]byte
			for i := range o.batch {
				values = append(values, value(partition, round*o.batch+i))
			}
			b := rawkafka.Batch(producer, firstOf(round), values...)
			if err := conn.Send(rawkafka.Produce(topic, int32(partition), b, patience),
				patience); err != nil {
				return err
			}
			sent++
			continue
		}
		response, err := conn.Receive(patience)
		if err != nil {
			return err
		}
		partition := received % len(replicas)
		answer := response.(*kmsg.ProduceResponse).Topics[0].Partitions[0]
		if err := kerr.ErrorForCode(answer.ErrorCode); err != nil {
			return fmt.Errorf("request %d: %w", received, err)
		}
		if answer.BaseOffset != offsets[partition] {
			return fmt.Errorf("request %d: appended at %d, not at %d",
				received, answer.BaseOffset, offsets[partition])
		}
		offsets[partition] += int64(o.batch)
		received++
	}
	return o.verify(topic, offsets)
}

func value(partition, i int) []byte { return fmt.Appendf(nil, "%d/%d", partition, i) }

// verify consumes the topic and compares it with what was sent.
func (o *options) verify(topic string, ends []int64) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(o.addr(1)+","+o.addr(3), ",")...),
		kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer client.Close()
	next := make([]int64, len(ends))
	left := int64(0)
	for _, end := range ends {
		left += end
	}
	for left > 0 {
		fetches := client.PollFetches(ctx)
		if ctx.Err() != nil {
			return fmt.Errorf("%d records are missing", left)
		}
		for _, r := range fetches.Records() {
			want := value(int(r.Partition), int(next[r.Partition]))
			if r.Offset != next[r.Partition] || string(r.Value) != string(want) {
				return fmt.Errorf("partition %d: %q at offset %d, want %q at %d",
					r.Partition, r.Value, r.Offset, want, next[r.Partition])
			}
			next[r.Partition]++
			left--
		}
	}
	return nil
}
