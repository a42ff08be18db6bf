package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/kafka"
)

// bench is one run of lockstep bench produce.
type bench struct {
	benchOptions
	clients []*kgo.Client
	target  atomic.Pointer[target]
	refresh sync.Mutex

	acked     atomic.Int64
	measuring atomic.Bool
	deadline  atomic.Int64 // stop at this many acknowledged messages; 0: stop by time
}

// target is the topic as the cluster's metadata describes it.
type target struct {
	id      [16]byte
	leaders []int32 // by partition
}

// runBenchProduce connects, creates the topic, warms up and measures.
func runBenchProduce(ctx context.Context, o benchOptions, log io.Writer) (*benchReport, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	b := &bench{benchOptions: o}
	defer func() {
		for _, c := range b.clients {
			c.Close()
		}
	}()
	for range o.connections {
		c, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(o.bootstrap, ",")...),
			kgo.ClientID("lockstep-bench"))
		if err != nil {
			return nil, fmt.Errorf("make client: %w", err)
		}
		b.clients = append(b.clients, c)
	}
	if err := b.prepareTopic(ctx, log); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go progress(ctx, log, b.phase, b.acked.Load)

	workers := make([]*worker, o.concurrency)
	var running sync.WaitGroup
	for i := range workers {
		workers[i] = newWorker(b, i)
		running.Go(func() { workers[i].run(ctx) })
	}
	if !sleep(ctx, o.warmup) {
		return nil, errors.New("interrupted while warming up")
	}
	began, before := time.Now(), b.acked.Load()
	if o.messageCount > 0 {
		b.deadline.Store(before + o.messageCount)
		b.measuring.Store(true)
		running.Wait()
	} else {
		b.measuring.Store(true)
		sleep(ctx, o.duration)
		b.measuring.Store(false)
	}
	seconds := time.Since(began).Seconds()
	messages := b.acked.Load() - before
	cancel()
	running.Wait()
	return b.report(workers, messages, seconds), nil
}

func (b *bench) phase() string {
	if b.measuring.Load() {
		return "measure"
	}
	return "warm up"
}

// prepareTopic creates the topic, if --create-topic is set, and waits until every
// partition has a leader.
func (b *bench) prepareTopic(ctx context.Context, log io.Writer) error {
	admin := kadm.NewClient(b.clients[0])
	if b.createTopic {
		began := time.Now()
		_, err := admin.CreateTopic(ctx, b.partitions, b.replication, nil, b.topic)
		switch {
		case err == nil:
			fmt.Fprintf(log, "created topic %s in %v\n",
				b.topic, time.Since(began).Round(time.Millisecond))
		case !errors.Is(err, kerr.TopicAlreadyExists):
			return fmt.Errorf("create topic %s: %w", b.topic, err)
		}
	}
	for deadline := time.Now().Add(b.timeout); ; {
		err := b.findLeaders(ctx)
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) || !sleep(ctx, 50*time.Millisecond) {
			return err
		}
	}
}

// findLeaders reads the topic's metadata.
func (b *bench) findLeaders(ctx context.Context) error {
	req := kmsg.NewPtrMetadataRequest()
	topic := kmsg.NewMetadataRequestTopic()
	topic.Topic = &b.topic
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(ctx, b.clients[0])
	if err != nil {
		return fmt.Errorf("metadata of topic %s: %w", b.topic, err)
	}
	if len(resp.Topics) != 1 {
		return fmt.Errorf("metadata of topic %s: the response has %d topics",
			b.topic, len(resp.Topics))
	}
	if err := kerr.ErrorForCode(resp.Topics[0].ErrorCode); err != nil {
		return fmt.Errorf("metadata of topic %s: %w", b.topic, err)
	}
	leaders, err := leadersOf(resp.Topics[0].Partitions)
	if err != nil {
		return fmt.Errorf("metadata of topic %s: %w", b.topic, err)
	}
	b.target.Store(&target{id: resp.Topics[0].TopicID, leaders: leaders})
	return nil
}

// leadersOf lists the leaders by partition; every partition must have one.
func leadersOf(partitions []kmsg.MetadataResponseTopicPartition) ([]int32, error) {
	if len(partitions) == 0 {
		return nil, errors.New("no partitions")
	}
	leaders := make([]int32, len(partitions))
	for _, p := range partitions {
		if p.Partition < 0 || int(p.Partition) >= len(leaders) {
			return nil, fmt.Errorf("partition %d of %d", p.Partition, len(leaders))
		}
		if p.Leader < 0 {
			return nil, fmt.Errorf("partition %d has no leader", p.Partition)
		}
		leaders[p.Partition] = p.Leader
	}
	return leaders, nil
}

func (b *bench) report(workers []*worker, messages int64, seconds float64) *benchReport {
	all := newHistogram()
	r := &benchReport{
		Messages: messages, Seconds: seconds, Throughput: float64(messages) / seconds,
		MegabytesPS: float64(messages) * float64(b.messageSize) / seconds / 1e6,
		Acks:        b.acks, Concurrency: b.concurrency, MessageSize: b.messageSize,
		Partitions: len(b.target.Load().leaders),
	}
	for _, w := range workers {
		all.Merge(w.latency)
		r.Errors += w.errors
		if w.firstError != nil && len(r.FirstErrors) < 3 {
			r.FirstErrors = append(r.FirstErrors, w.firstError.Error())
		}
	}
	r.Latency = latencies(all)
	return r
}

// latencies returns the percentiles of a histogram in milliseconds, by the names of latencyNames.
func latencies(h *hdrhistogram.Histogram) map[string]float64 {
	ms := func(us int64) float64 { return float64(us) / 1000 }
	return map[string]float64{
		"mean": h.Mean() / 1000, "max": ms(h.Max()),
		"p50": ms(h.ValueAtQuantile(50)), "p90": ms(h.ValueAtQuantile(90)),
		"p95": ms(h.ValueAtQuantile(95)), "p99": ms(h.ValueAtQuantile(99)),
		"p99.9": ms(h.ValueAtQuantile(99.9)), "p99.99": ms(h.ValueAtQuantile(99.99)),
	}
}

// newHistogram counts microseconds from 1 us to 2 minutes with three digits.
func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, int64(2*time.Minute/time.Microsecond), 3)
}

// record counts a latency. One above two minutes, the end of the range, counts as two minutes.
func record(h *hdrhistogram.Histogram, d time.Duration) {
	_ = h.RecordValue(min(d.Microseconds(), h.HighestTrackableValue()))
}

// worker sends one request at a time.
type worker struct {
	bench      *bench
	id         int
	client     *kgo.Client
	value      []byte
	sent       int
	latency    *hdrhistogram.Histogram
	errors     int64
	firstError error
}

func newWorker(b *bench, id int) *worker {
	return &worker{
		bench: b, id: id, client: b.clients[id%len(b.clients)],
		value: make([]byte, b.messageSize), latency: newHistogram(),
	}
}

// run produces until the context or the run's message count ends it.
func (w *worker) run(ctx context.Context) {
	for ctx.Err() == nil {
		if stop := w.bench.deadline.Load(); stop > 0 && w.bench.acked.Load() >= stop {
			return
		}
		began := time.Now()
		err := w.produce(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			w.failed(ctx, err)
			continue
		}
		if w.bench.measuring.Load() {
			record(w.latency, time.Since(began))
		}
		w.bench.acked.Add(1)
	}
}

// produce sends one record and waits for its acknowledgement.
func (w *worker) produce(ctx context.Context) error {
	target := w.bench.target.Load()
	partition := (w.id + w.sent) % len(target.leaders)
	w.sent++
	if len(w.value) >= 8 {
		binary.BigEndian.PutUint64(w.value, uint64(w.sent))
	}
	req := kmsg.NewPtrProduceRequest()
	req.Acks = w.bench.acks
	req.TimeoutMillis = int32(w.bench.timeout.Milliseconds())
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic, topic.TopicID = w.bench.topic, target.id
	part := kmsg.NewProduceRequestTopicPartition()
	part.Partition = int32(partition)
	part.Records = batch.NewBuilder().Add(time.Now().UnixMilli(), nil, w.value).Build()
	topic.Partitions = append(topic.Partitions, part)
	req.Topics = append(req.Topics, topic)
	resp, err := w.client.Broker(int(target.leaders[partition])).Request(ctx, req)
	if err != nil {
		return err
	}
	if w.bench.acks == int16(kafka.AcksNone) {
		return nil
	}
	answer := resp.(*kmsg.ProduceResponse)
	if len(answer.Topics) != 1 || len(answer.Topics[0].Partitions) != 1 {
		return errors.New("the produce response is not about the one partition of the request")
	}
	return kerr.ErrorForCode(answer.Topics[0].Partitions[0].ErrorCode)
}

// failed counts an error and finds the leaders again.
func (w *worker) failed(ctx context.Context, err error) {
	// Errors while warming up, such as leaders that move, do not count.
	if w.bench.measuring.Load() {
		w.errors++
		if w.firstError == nil {
			w.firstError = err
		}
	}
	if w.bench.refresh.TryLock() {
		defer w.bench.refresh.Unlock()
		// If this also fails, the next produce fails and this is tried again.
		_ = w.bench.findLeaders(ctx)
	}
	sleep(ctx, 20*time.Millisecond)
}

// sleep waits for d. It returns false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
