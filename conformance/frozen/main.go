// Command frozen measures what a client of a cluster notices when the process of a broker is
// frozen. It produces steadily with franz-go and acks=all, freezes one broker (SIGSTOP), and prints
// the longest time without an acknowledgement, the slowest acknowledgement, and the errors. A
// frozen process keeps its connections open, so a request in flight waits until somebody kills the
// process or it wakes. lockstep dev kills it, unless --supervise=false is given.
//
//	lockstep dev --base-port 21092 --dir /tmp/cluster &
//	go run ./conformance/frozen --brokers 127.0.0.1:21092 --pid PID --freeze 20s
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

type options struct {
	brokers    string
	pid        int
	partitions int
	every      time.Duration
	before     time.Duration
	freeze     time.Duration
	after      time.Duration
	aim        time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.brokers, "brokers", "127.0.0.1:21092", "bootstrap servers")
	flag.IntVar(&o.pid, "pid", 0, "process of the broker that is frozen")
	flag.IntVar(&o.partitions, "partitions", 6, "partitions of the topic, with three replicas each")
	flag.DurationVar(&o.every, "every", 5*time.Millisecond, "time between two records")
	flag.DurationVar(&o.before, "before", 5*time.Second, "load before the freeze")
	flag.DurationVar(&o.freeze, "freeze", 20*time.Second, "how long the process stays frozen")
	flag.DurationVar(&o.after, "after", 10*time.Second, "load after it")
	flag.DurationVar(&o.aim, "aim", 4500*time.Millisecond, "the longest acknowledgement allowed")
	flag.Parse()
	t, err := run(context.Background(), o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "frozen:", err)
		os.Exit(1)
	}
	fmt.Printf("records %d, errors %d, slowest acknowledgement %v, longest pause %v\n",
		t.records, t.errors, t.slowest.Round(time.Millisecond), t.pause.Round(time.Millisecond))
	if t.errors > 0 || t.slowest > o.aim {
		os.Exit(1)
	}
}

// tally is what the client has noticed.
type tally struct {
	mu       sync.Mutex
	records  int
	errors   int
	slowest  time.Duration // from the call to the acknowledgement
	pause    time.Duration // of a partition, between two acknowledgements
	lastAcks map[int32]time.Time
}

func (t *tally) acknowledged(r *kgo.Record, sent time.Time, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	t.records++
	t.slowest = max(t.slowest, now.Sub(sent))
	if err != nil {
		t.errors++
		fmt.Fprintln(os.Stderr, "produce:", err)
		return
	}
	if last, ok := t.lastAcks[r.Partition]; ok {
		t.pause = max(t.pause, now.Sub(last))
	}
	t.lastAcks[r.Partition] = now
}

func run(ctx context.Context, o options) (*tally, error) {
	topic := fmt.Sprintf("frozen-%d", time.Now().UnixNano())
	client, err := kgo.NewClient(
		kgo.SeedBrokers(strings.Split(o.brokers, ",")...), kgo.DefaultProduceTopic(topic),
		kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	minInSync := "2"
	if _, err := kadm.NewClient(client).CreateTopic(ctx, int32(o.partitions), 3,
		map[string]*string{"min.insync.replicas": &minInSync}, topic); err != nil {
		return nil, fmt.Errorf("create %s: %w", topic, err)
	}
	t := &tally{lastAcks: map[int32]time.Time{}}
	send := func(during time.Duration) {
		for end := time.Now().Add(during); time.Now().Before(end); time.Sleep(o.every) {
			sent := time.Now()
			client.Produce(ctx, &kgo.Record{Value: make([]byte, 100)},
				func(r *kgo.Record, err error) { t.acknowledged(r, sent, err) })
		}
	}
	send(o.before)
	if o.pid > 0 {
		if err := syscall.Kill(o.pid, syscall.SIGSTOP); err != nil {
			return nil, fmt.Errorf("freeze process %d: %w", o.pid, err)
		}
	}
	send(o.freeze)
	if o.pid > 0 {
		_ = syscall.Kill(o.pid, syscall.SIGCONT) // it may have been killed meanwhile
	}
	send(o.after)
	return t, client.Flush(ctx)
}
