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

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"example.com/lockstep/broker/kafka"
)

// metadataOptions are the flags of lockstep bench metadata.
type metadataOptions struct {
	bootstrap   string
	prefix      string
	count       int
	together    int
	partitions  int32
	replication int16
	every       time.Duration
	timeout     time.Duration
	json        bool
}

func benchMetadataCommand() *cobra.Command {
	var o metadataOptions
	c := &cobra.Command{
		Use:   "metadata",
		Short: "Measure how long topics take to create, to use for the first time, and to delete",
		Long: `Measure operations on topics against any Kafka-protocol cluster, one at a time.

Each of --count steps creates a topic, produces one record to it with acks=all,
and deletes it. The time of the first record includes the look at the topic's
metadata, and all tries until it is acknowledged. Then --together topics are
created with one request, and deleted with another one. The exit code is 1 if an
operation failed.`,
		Example: `  lockstep bench metadata --count 200`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt)
			defer stop()
			r, err := runBenchMetadata(ctx, o)
			if err != nil {
				return err
			}
			if err := r.write(cmd.OutOrStdout(), o.json); err != nil {
				return err
			}
			if r.Errors > 0 {
				return fmt.Errorf("%d operations failed", r.Errors)
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&o.bootstrap, "bootstrap-servers", "127.0.0.1:9092,127.0.0.1:9093,127.0.0.1:9094",
		"brokers to connect to first, host:port, separated by commas")
	f.StringVar(&o.prefix, "prefix", "lockstep-bench-", "beginning of the names of the topics")
	f.IntVar(&o.count, "count", 100, "number of topics, one after the other")
	f.IntVar(&o.together, "together", 1000, "number of topics in one request (0: none)")
	f.Int32Var(&o.partitions, "partitions", 3, "partitions of each topic")
	f.Int16Var(&o.replication, "replication-factor", 3, "replication factor of each topic")
	f.DurationVar(&o.every, "every", 0, "time from the begin of a step to the next (0: at once)")
	f.DurationVar(&o.timeout, "timeout", 30*time.Second, "timeout of one operation")
	f.BoolVar(&o.json, "json", false, "print the report as JSON")
	return c
}

func (o *metadataOptions) validate() error {
	switch {
	case o.bootstrap == "":
		return errors.New("--bootstrap-servers must name a broker")
	case o.prefix == "":
		return errors.New("--prefix must not be empty")
	case o.count < 1:
		return errors.New("--count must be at least 1")
	case o.together < 0:
		return errors.New("--together must not be negative")
	case o.partitions < 1 || o.replication < 1:
		return errors.New("--partitions and --replication-factor must be at least 1")
	case o.every < 0:
		return errors.New("--every must not be negative")
	case o.timeout < time.Millisecond:
		return errors.New("--timeout must be at least 1ms")
	}
	return nil
}

// metadataReport is the result: the latencies in milliseconds by operation.
type metadataReport struct {
	Steps       int                           `json:"steps"`
	Errors      int                           `json:"errors"`
	FirstErrors []string                      `json:"first_errors,omitempty"`
	Latency     map[string]map[string]float64 `json:"latency_ms"`
	// Together is how long one request for many topics takes.
	Topics   int                `json:"topics_together"`
	Together map[string]float64 `json:"together_ms"`
}

// metadataOps are the operations of a step, in their order.
var metadataOps = []string{"create", "first record", "delete"}

func (r *metadataReport) write(w io.Writer, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d steps, errors %d\n", r.Steps, r.Errors)
	for _, op := range metadataOps {
		fmt.Fprintf(&b, "%-12s ms ", op)
		for _, name := range []string{"mean", "p50", "p90", "p99", "max"} {
			fmt.Fprintf(&b, " %s %.2f", name, r.Latency[op][name])
		}
		b.WriteByte('\n')
	}
	if r.Topics > 0 {
		fmt.Fprintf(&b, "%d topics in one request ms  create %.0f delete %.0f\n", r.Topics,
			r.Together["create"], r.Together["delete"])
	}
	for _, e := range r.FirstErrors {
		fmt.Fprintf(&b, "error        %s\n", e)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// metadataBench is one run of lockstep bench metadata.
type metadataBench struct {
	metadataOptions
	client  *kgo.Client
	admin   *kadm.Client
	report  metadataReport
	latency map[string]*hdrhistogram.Histogram
}

func runBenchMetadata(ctx context.Context, o metadataOptions) (*metadataReport, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(o.bootstrap, ",")...),
		kgo.ClientID("lockstep-bench"))
	if err != nil {
		return nil, fmt.Errorf("make client: %w", err)
	}
	defer client.Close()
	b := &metadataBench{metadataOptions: o, client: client, admin: kadm.NewClient(client),
		latency: map[string]*hdrhistogram.Histogram{}}
	for _, op := range metadataOps {
		b.latency[op] = newHistogram()
	}
	if err := client.Ping(ctx); err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	for i := range o.count {
		began := time.Now()
		b.step(ctx, fmt.Sprintf("%s%d-%d", o.prefix, began.UnixNano(), i))
		if !sleep(ctx, o.every-time.Since(began)) && ctx.Err() != nil {
			return nil, errors.New("interrupted")
		}
	}
	b.createTogether(ctx)
	b.report.Steps, b.report.Latency = o.count, map[string]map[string]float64{}
	for op, h := range b.latency {
		b.report.Latency[op] = latencies(h)
	}
	return &b.report, nil
}

// timed runs an operation within --timeout and counts an error.
func (b *metadataBench) timed(
	ctx context.Context, what string, f func(context.Context) error,
) (took time.Duration, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	began := time.Now()
	if err := f(ctx); err != nil {
		if b.report.Errors++; len(b.report.FirstErrors) < 3 {
			b.report.FirstErrors = append(b.report.FirstErrors, fmt.Sprintf("%s: %v", what, err))
		}
		return 0, false
	}
	return time.Since(began), true
}

// step creates, uses and deletes one topic.
func (b *metadataBench) step(ctx context.Context, topic string) {
	do := func(op string, f func(context.Context) error) bool {
		took, ok := b.timed(ctx, op+" "+topic, f)
		if ok {
			record(b.latency[op], took)
		}
		return ok
	}
	if !do("create", func(ctx context.Context) error {
		_, err := b.admin.CreateTopic(ctx, b.partitions, b.replication, nil, topic)
		return err
	}) {
		return
	}
	do("first record", func(ctx context.Context) error {
		return b.firstRecord(ctx, topic)
	})
	do("delete", func(ctx context.Context) error {
		_, err := b.admin.DeleteTopic(ctx, topic)
		return err
	})
}

// firstRecord finds the leaders of a topic and produces a record. It tries until both succeed, and
// sends the requests itself: a client library would pause between the tries.
func (b *metadataBench) firstRecord(ctx context.Context, topic string) error {
	p := &bench{clients: []*kgo.Client{b.client}}
	p.topic, p.acks, p.timeout = topic, int16(kafka.AcksAll), b.timeout
	w := newWorker(p, 0)
	for {
		err := p.findLeaders(ctx)
		if err == nil {
			err = w.produce(ctx)
		}
		if err == nil || !sleep(ctx, time.Millisecond) {
			return err
		}
	}
}

// createTogether creates many topics with one request, and deletes them with another one.
func (b *metadataBench) createTogether(ctx context.Context) {
	if b.together == 0 {
		return
	}
	b.report.Topics, b.report.Together = b.together, map[string]float64{}
	topics := make([]string, b.together)
	for i := range topics {
		topics[i] = fmt.Sprintf("%s%d-together-%d", b.prefix, time.Now().UnixNano(), i)
	}
	do := func(op string, f func(context.Context) error) {
		if took, ok := b.timed(ctx, op+" together", f); ok {
			b.report.Together[op] = float64(took.Microseconds()) / 1000
		}
	}
	do("create", func(ctx context.Context) error {
		all, err := b.admin.CreateTopics(ctx, b.partitions, b.replication, nil, topics...)
		return errors.Join(err, all.Error())
	})
	do("delete", func(ctx context.Context) error {
		all, err := b.admin.DeleteTopics(ctx, topics...)
		return errors.Join(err, all.Error())
	})
}
