package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// benchOptions are the flags of lockstep bench produce.
type benchOptions struct {
	bootstrap     string
	topic         string
	createTopic   bool
	partitions    int32
	replication   int16
	messageCount  int64
	duration      time.Duration
	messageSize   int
	concurrency   int
	acks          int16
	warmup        time.Duration
	minThroughput float64
	connections   int
	timeout       time.Duration
	json          bool
}

func benchCommand() *cobra.Command {
	bench := &cobra.Command{Use: "bench", Short: "Measure a Kafka-protocol cluster"}
	bench.AddCommand(benchProduceCommand(), benchMetadataCommand())
	return bench
}

func benchProduceCommand() *cobra.Command {
	var o benchOptions
	c := &cobra.Command{
		Use: "produce",
		Short: "Measure acknowledged produce requests: one record per request, one request per " +
			"worker at a time",
		Long: `Measure acknowledged produce requests against any Kafka-protocol cluster.

Each of --concurrency workers sends one record in one Produce request to the
leader of a partition, and waits for the acknowledgement before it sends the
next one. The latencies of all workers are reported as percentiles of one HDR
histogram. The exit code is 1 if the throughput is below --min-throughput.`,
		Example: `  lockstep bench produce --acks -1 --replication-factor 3 --partitions 3 \
    --concurrency 64 --message-size 256`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
			defer stop()
			report, err := runBenchProduce(ctx, o, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			if err := report.write(cmd.OutOrStdout(), o.json); err != nil {
				return err
			}
			if report.Throughput < o.minThroughput {
				return fmt.Errorf("throughput %.0f msg/s is below the minimum of %.0f",
					report.Throughput, o.minThroughput)
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&o.bootstrap, "bootstrap-servers", "127.0.0.1:9092,127.0.0.1:9093,127.0.0.1:9094",
		"brokers to connect to first, host:port, separated by commas")
	f.StringVar(&o.topic, "topic", "lockstep-bench", "topic to produce to")
	f.BoolVar(&o.createTopic, "create-topic", true, "create the topic if it does not exist")
	f.Int32Var(&o.partitions, "partitions", 3, "partitions of the topic, if it is created")
	f.Int16Var(&o.replication, "replication-factor", 3,
		"replication factor of the topic, if it is created")
	f.Int64Var(&o.messageCount, "message-count", 0,
		"stop after this many acknowledged messages (0: after --duration)")
	f.DurationVar(&o.duration, "duration", 15*time.Second,
		"how long to measure; ignored with --message-count")
	f.IntVar(&o.messageSize, "message-size", 256, "size of a record's value in bytes")
	f.IntVar(&o.concurrency, "concurrency", 64,
		"number of workers, each with one request in flight")
	f.Int16Var(&o.acks, "acks", -1,
		"acknowledgements to wait for: -1 all in-sync replicas, 1 the leader, 0 none")
	f.DurationVar(&o.warmup, "warmup", 3*time.Second, "how long to run before measuring")
	f.Float64Var(&o.minThroughput, "min-throughput", 0,
		"fail below this number of messages per second")
	f.IntVar(&o.connections, "connections", 1,
		"number of clients that the workers share, each with its own connections")
	f.DurationVar(&o.timeout, "timeout", 30*time.Second, "timeout of one produce request")
	f.BoolVar(&o.json, "json", false, "print the report as JSON")
	return c
}

func (o *benchOptions) validate() error {
	switch {
	case o.bootstrap == "":
		return errors.New("--bootstrap-servers must name a broker")
	case o.topic == "":
		return errors.New("--topic must not be empty")
	case o.createTopic && (o.partitions < 1 || o.replication < 1):
		return errors.New("--partitions and --replication-factor must be at least 1")
	case o.concurrency < 1:
		return errors.New("--concurrency must be at least 1")
	case o.connections < 1 || o.connections > o.concurrency:
		return errors.New("--connections must be between 1 and --concurrency")
	case o.messageSize < 0:
		return errors.New("--message-size must not be negative")
	case o.messageCount < 0:
		return errors.New("--message-count must not be negative")
	case o.acks < -1 || o.acks > 1:
		return errors.New("--acks must be -1, 0 or 1")
	case o.warmup < 0:
		return errors.New("--warmup must not be negative")
	case o.timeout < time.Millisecond:
		return errors.New("--timeout must be at least 1ms")
	case o.messageCount == 0 && o.duration <= 0:
		return errors.New("one of --message-count and --duration must be positive")
	}
	return nil
}

// benchReport is the result; latencies are in milliseconds.
type benchReport struct {
	Messages    int64              `json:"messages"`
	Errors      int64              `json:"errors"`
	Seconds     float64            `json:"seconds"`
	Throughput  float64            `json:"messages_per_second"`
	MegabytesPS float64            `json:"megabytes_per_second"`
	Latency     map[string]float64 `json:"latency_ms"`
	Acks        int16              `json:"acks"`
	Concurrency int                `json:"concurrency"`
	MessageSize int                `json:"message_size"`
	Partitions  int                `json:"partitions"`
	FirstErrors []string           `json:"first_errors,omitempty"`
}

// latencyNames are the percentiles in the order in which they are printed.
var latencyNames = []string{"mean", "p50", "p90", "p95", "p99", "p99.9", "p99.99", "max"}

func (r *benchReport) write(w io.Writer, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d messages of %d bytes in %.2f s, acks=%d, %d workers, %d partitions\n",
		r.Messages, r.MessageSize, r.Seconds, r.Acks, r.Concurrency, r.Partitions)
	fmt.Fprintf(&b, "throughput  %.0f msg/s  %.2f MB/s  errors %d\n",
		r.Throughput, r.MegabytesPS, r.Errors)
	fmt.Fprintf(&b, "latency ms ")
	for _, name := range latencyNames {
		fmt.Fprintf(&b, " %s %.2f", name, r.Latency[name])
	}
	b.WriteByte('\n')
	for _, e := range r.FirstErrors {
		fmt.Fprintf(&b, "error       %s\n", e)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// progress prints a line a second until ctx ends.
func progress(ctx context.Context, w io.Writer, phase func() string, acked func() int64) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	last := acked()
	for second := 1; ; second++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			total := acked()
			fmt.Fprintf(w, "%4ds  %-7s  %8d msg/s  %d total\n", second, phase(), total-last, total)
			last = total
		}
	}
}
