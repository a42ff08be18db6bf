package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// load produces records, and knows which were acknowledged.
type load struct {
	cluster *cluster
	client  *kgo.Client
	stop    func()

	mu     sync.Mutex
	acked  map[string]bool // "topic/partition/value"
	failed int
}

// loadTopic has a record every few milliseconds, all the time.
const (
	loadTopic      = "load"
	loadPartitions = 12
	loadEvery      = 5 * time.Millisecond
)

func (c *cluster) seeds() []string { return []string{c.address(1), c.address(2), c.address(3)} }

// beginLoad creates the topic of the load and produces to it until stop.
func (c *cluster) beginLoad(ctx context.Context) (*load, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(c.seeds()...), kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.RecordDeliveryTimeout(5*time.Minute),
		kgo.MaxBufferedRecords(1<<20), kgo.MetadataMinAge(time.Second))
	if err != nil {
		return nil, err
	}
	l := &load{cluster: c, client: client, acked: map[string]bool{}}
	minISR := "2"
	for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		answers, err := c.admin.CreateTopics(ctx, loadPartitions, 3,
			map[string]*string{"min.insync.replicas": &minISR}, loadTopic)
		if err == nil {
			err = answers[loadTopic].Err
		}
		if err == nil {
			break
		}
		if time.Since(began) > c.patience {
			return nil, fmt.Errorf("create the topic of the load: %w", err)
		}
	}
	ctx, l.stop = context.WithCancel(ctx)
	go func() {
		for n := 0; ctx.Err() == nil; n++ {
			l.produce(loadTopic, int32(n%loadPartitions), n)
			time.Sleep(loadEvery)
		}
	}()
	return l, nil
}

func (l *load) produce(topic string, partition int32, n int) {
	value := strconv.Itoa(n)
	l.client.Produce(context.Background(),
		&kgo.Record{Topic: topic, Partition: partition, Value: []byte(value)},
		func(r *kgo.Record, err error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			if err != nil {
				l.failed++
				return
			}
			l.acked[key(r)] = true
		})
}

func key(r *kgo.Record) string { return fmt.Sprintf("%s/%d/%s", r.Topic, r.Partition, r.Value) }

// touchAll writes a record to every partition.
func (l *load) touchAll(ctx context.Context) error {
	began := time.Now()
	for n := range l.cluster.partitions {
		topic := fmt.Sprint("many-", n/perRequest)
		l.produce(topic, int32(n%perRequest), n)
	}
	for {
		l.mu.Lock()
		have := 0
		for k := range l.acked {
			if strings.HasPrefix(k, "many-") {
				have++
			}
		}
		l.mu.Unlock()
		if have == l.cluster.partitions {
			break
		}
		if time.Since(began) > l.cluster.patience {
			return fmt.Errorf("%d of %d partitions took a record", have, l.cluster.partitions)
		}
		time.Sleep(200 * time.Millisecond)
	}
	l.cluster.report("a record in every partition", time.Since(began))
	l.cluster.reportNodes()
	return nil
}

// verify ends the load and reads everything that was acknowledged.
func (l *load) verify(ctx context.Context) error {
	l.stop()
	if err := l.client.Flush(ctx); err != nil {
		return err
	}
	began := time.Now()
	topics := []string{loadTopic}
	for made := 0; made < l.cluster.partitions; made += perRequest {
		topics = append(topics, fmt.Sprint("many-", made/perRequest))
	}
	reader, err := kgo.NewClient(kgo.SeedBrokers(l.cluster.seeds()...),
		kgo.ConsumeTopics(topics...), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer reader.Close()
	ctx, cancel := context.WithTimeout(ctx, l.cluster.patience)
	defer cancel()
	left := len(l.acked)
	for left > 0 {
		fetches := reader.PollFetches(ctx)
		if ctx.Err() != nil {
			return errors.Join(fmt.Errorf("%d of %d acknowledged records are missing", left,
				len(l.acked)), ctx.Err())
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if l.acked[key(r)] {
				l.acked[key(r)] = false
				left--
			}
		})
	}
	l.cluster.report("all %d acknowledged records are there; %d were not acknowledged",
		time.Since(began), len(l.acked), l.failed)
	return nil
}

// settingsBytes is about the size of the settings of a topic that longSettings has.
const settingsBytes = 10_000

// longSettings are settings with zeros before the number.
func longSettings() map[string]*string {
	long := strings.Repeat("0", 990) + "86400000"
	settings := map[string]*string{}
	for _, key := range []string{
		"delete.retention.ms", "file.delete.delay.ms", "flush.messages", "flush.ms",
		"max.compaction.lag.ms", "message.timestamp.before.max.ms", "min.compaction.lag.ms",
		"retention.bytes", "retention.ms", "segment.ms",
	} {
		settings[key] = &long
	}
	return settings
}
