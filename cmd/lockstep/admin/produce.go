package admin

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"
)

// production has the flags of produce.
type production struct {
	connection
	separator   string
	headers     []string
	acks        string
	partition   int32
	compression string
	emptyAsNull bool
}

func produceCommand() *cobra.Command {
	var o production
	c := &cobra.Command{
		Use:   "produce TOPIC",
		Short: "Produce a record for each line of standard input",
		Long: `Produce a record for each line of standard input.

Records with a key go to the partition that the key gives, as with every Kafka client; others go
to any. The command ends with 1 when a record fails. Lines before it may have been produced.
With --json it prints a line for each record that was acknowledged.`,
		Example: `  echo hello | lockstep produce orders
  lockstep produce orders --key-separator : --header source=import < orders.txt
  lockstep produce orders --partition 3 --acks 1 --compression zstd < orders.txt`,
		Args: withUsage(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			opts, err := o.options()
			if err != nil {
				return err
			}
			headers, err := o.recordHeaders()
			if err != nil {
				return err
			}
			return o.with(c, func(s *session) error {
				return o.run(s, args[0], headers)
			}, opts...)
		},
	}
	o.flags(c, usualTimeout)
	f := c.Flags()
	f.BoolVar(&o.json, "json", false, "print a line of JSON for each acknowledged record")
	f.StringVarP(&o.separator, "key-separator", "K", "",
		"what stands between key and value of a line (empty: lines have no keys)")
	f.StringArrayVarP(&o.headers, "header", "H", nil,
		"key=value for every record; may be given several times")
	f.StringVar(&o.acks, "acks", "all", "acknowledgements to wait for: all (-1), 1 or 0")
	f.Int32VarP(&o.partition, "partition", "p", -1, "partition of all records (-1: by the key)")
	f.StringVarP(&o.compression, "compression", "z", "none",
		"none, gzip, snappy, lz4 or zstd")
	f.BoolVarP(&o.emptyAsNull, "empty-as-null", "Z", false,
		"empty values are null: in a compacted topic they delete their keys")
	return c
}

func (o *production) options() ([]kgo.Opt, error) {
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(),
		"snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(),
		"zstd": kgo.ZstdCompression(),
	}
	codec, ok := codecs[o.compression]
	if !ok {
		return nil, fmt.Errorf("--compression %s: want none, gzip, snappy, lz4 or zstd",
			o.compression)
	}
	opts := []kgo.Opt{kgo.ProducerBatchCompression(codec), kgo.RecordDeliveryTimeout(o.timeout)}
	switch o.acks {
	case "all", "-1":
		opts = append(opts, kgo.RequiredAcks(kgo.AllISRAcks()))
	case "1":
		opts = append(opts, kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite())
	case "0":
		opts = append(opts, kgo.RequiredAcks(kgo.NoAck()), kgo.DisableIdempotentWrite())
	default:
		return nil, fmt.Errorf("--acks %s: want all, 1 or 0", o.acks)
	}
	if o.partition >= 0 {
		opts = append(opts, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	}
	return opts, nil
}

func (o *production) recordHeaders() (headers []kgo.RecordHeader, err error) {
	for _, text := range o.headers {
		key, value, ok := strings.Cut(text, "=")
		if !ok {
			return nil, fmt.Errorf("--header %s: want key=value", text)
		}
		headers = append(headers, kgo.RecordHeader{Key: key, Value: []byte(value)})
	}
	return headers, nil
}

// run produces the lines of the input. It stops at the first record that fails.
func (o *production) run(s *session, topic string, headers []kgo.RecordHeader) error {
	topics, err := s.topics(topic)
	if err != nil {
		return err
	}
	if n := len(topics[topic].Partitions); int(o.partition) >= n {
		return fmt.Errorf("topic %s has no partition %d: it has %d, from 0 on", topic,
			o.partition, n)
	}
	ctx, cancel := context.WithCancelCause(s.ctx)
	defer cancel(nil)
	acked := acknowledged{topic: topic, fail: cancel}
	if s.json {
		acked.out = json.NewEncoder(s.out)
	}
	stop := s.watch(acked.progress)
	err = o.lines(s.in, func(number int, r *kgo.Record) {
		r.Topic, r.Partition, r.Headers = topic, max(o.partition, 0), headers
		s.client.Produce(ctx, r, func(r *kgo.Record, err error) { acked.take(number, r, err) })
	}, func() bool { return ctx.Err() != nil })
	// What was read before a bad line is produced; the time of each record is bounded.
	flushed := s.client.Flush(ctx)
	stop()
	fmt.Fprintln(s.progress, acked.progress())
	return errors.Join(acked.err, err, flushedOr(flushed, acked.err, s.ctx))
}

// flushedOr is the error of a flush, unless it only repeats an earlier one.
func flushedOr(flushed, earlier error, interrupted context.Context) error {
	if earlier != nil {
		return nil
	}
	if interrupted.Err() != nil {
		return errors.New("interrupted: records that were not acknowledged may be lost")
	}
	return flushed
}

// lines gives the record of each line to take, with the number of the line, from 1.
func (o *production) lines(in io.Reader, take func(int, *kgo.Record), stopped func() bool) error {
	reader := bufio.NewReader(in)
	for number := 1; !stopped(); number++ {
		line, err := reader.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			return nil
		}
		if err != nil && err != io.EOF {
			return fmt.Errorf("read standard input: %w", err)
		}
		r := &kgo.Record{Value: bytes.TrimSuffix(line, []byte("\n"))}
		if o.separator != "" {
			key, value, ok := bytes.Cut(r.Value, []byte(o.separator))
			if !ok {
				return fmt.Errorf("line %d has no key: there is no %q in it", number, o.separator)
			}
			r.Key, r.Value = key, value
		}
		if o.emptyAsNull && len(r.Value) == 0 {
			r.Value = nil
		}
		take(number, r)
	}
	return nil
}

// acknowledged counts what was acknowledged. The client calls it from its own goroutines.
type acknowledged struct {
	topic string
	fail  context.CancelCauseFunc
	out   *json.Encoder // nil: prints nothing

	mu      sync.Mutex
	records int
	err     error // the first
}

type acknowledgement struct {
	Line      int    `json:"line"`
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
}

func (a *acknowledged) take(line int, r *kgo.Record, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err == nil && a.out != nil {
		err = a.out.Encode(acknowledgement{line, r.Topic, r.Partition, r.Offset})
	}
	if err == nil {
		a.records++
		return
	}
	if a.err == nil && !errors.Is(err, context.Canceled) {
		a.err = problem(fmt.Sprintf("line %d: topic %s", line, a.topic), err, "")
		a.fail(a.err)
	}
}

func (a *acknowledged) progress() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return fmt.Sprintf("%d records acknowledged", a.records)
}

// watch prints a line of progress every five seconds until stop, unless the input is typed.
func (s *session) watch(line func() string) (stop func()) {
	if file, ok := s.in.(*os.File); ok {
		if info, err := file.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			return func() {}
		}
	}
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(5 * time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				fmt.Fprintln(s.progress, line())
			}
		}
	}()
	return func() { close(done); <-ended }
}
