package main

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func goodBench() benchOptions {
	return benchOptions{
		bootstrap: "a:1", topic: "t", createTopic: true, partitions: 3, replication: 3,
		duration: time.Second, messageSize: 256, concurrency: 64, acks: -1, connections: 1,
		timeout: time.Second,
	}
}

func TestBenchOptionsAreChecked(t *testing.T) {
	good := goodBench()
	require.NoError(t, good.validate())
	for name, spoil := range map[string]func(*benchOptions){
		"--bootstrap-servers": func(o *benchOptions) { o.bootstrap = "" },
		"--topic":             func(o *benchOptions) { o.topic = "" },
		"--partitions":        func(o *benchOptions) { o.partitions = 0 },
		"--concurrency":       func(o *benchOptions) { o.concurrency = 0 },
		"--connections":       func(o *benchOptions) { o.connections = 65 },
		"--message-size":      func(o *benchOptions) { o.messageSize = -1 },
		"--message-count":     func(o *benchOptions) { o.messageCount = -1 },
		"--acks":              func(o *benchOptions) { o.acks = 2 },
		"--warmup":            func(o *benchOptions) { o.warmup = -1 },
		"--timeout":           func(o *benchOptions) { o.timeout = 0 },
		"--duration":          func(o *benchOptions) { o.duration = 0 },
	} {
		o := goodBench()
		spoil(&o)
		require.ErrorContains(t, o.validate(), name)
	}
	byCount := goodBench()
	byCount.duration, byCount.messageCount = 0, 1
	require.NoError(t, byCount.validate())
}

func TestBenchReportForPeopleAndForPrograms(t *testing.T) {
	r := &benchReport{
		Messages: 30000, Errors: 2, Seconds: 2, Throughput: 15000, MegabytesPS: 3.84, Acks: -1,
		Concurrency: 64, MessageSize: 256, Partitions: 3, FirstErrors: []string{"boom"},
		Latency: map[string]float64{
			"mean": 4, "p50": 3.5, "p90": 5, "p95": 6, "p99": 7.25, "p99.9": 8, "p99.99": 9,
			"max": 10,
		},
	}
	var text bytes.Buffer
	require.NoError(t, r.write(&text, false))
	require.Equal(t, `30000 messages of 256 bytes in 2.00 s, acks=-1, 64 workers, 3 partitions
throughput  15000 msg/s  3.84 MB/s  errors 2
latency ms  mean 4.00 p50 3.50 p90 5.00 p95 6.00 p99 7.25 p99.9 8.00 p99.99 9.00 max 10.00
error       boom
`, text.String())

	var encoded bytes.Buffer
	require.NoError(t, r.write(&encoded, true))
	var decoded benchReport
	require.NoError(t, json.Unmarshal(encoded.Bytes(), &decoded))
	require.Equal(t, *r, decoded)
}

func TestBenchReportsPercentilesOfAllWorkers(t *testing.T) {
	b := &bench{benchOptions: goodBench()}
	b.target.Store(&target{leaders: []int32{1, 2}})
	fast, slow := newWorkerForReport(t, 1000, 99), newWorkerForReport(t, 50_000, 1)
	slow.errors = 3
	r := b.report([]*worker{fast, slow}, 100, 2)
	require.InDelta(t, 50, r.Throughput, 1e-9)
	require.Equal(t, int64(3), r.Errors)
	require.Equal(t, 2, r.Partitions)
	require.InDelta(t, 1, r.Latency["p50"], 0.01)
	require.InDelta(t, 50, r.Latency["max"], 0.1)
}

func newWorkerForReport(t *testing.T, us int64, times int) *worker {
	t.Helper()
	w := &worker{latency: newHistogram()}
	for range times {
		require.NoError(t, w.latency.RecordValue(us))
	}
	return w
}

func TestLeadersOf(t *testing.T) {
	p := func(partition, leader int32) kmsg.MetadataResponseTopicPartition {
		return kmsg.MetadataResponseTopicPartition{Partition: partition, Leader: leader}
	}
	type list = []kmsg.MetadataResponseTopicPartition
	got, err := leadersOf(list{p(1, 3), p(0, 2)})
	require.NoError(t, err)
	require.Equal(t, []int32{2, 3}, got)
	for _, bad := range []list{nil, {p(0, -1)}, {p(1, 1)}, {p(-1, 1)}} {
		_, err := leadersOf(bad)
		require.Error(t, err)
	}
}
