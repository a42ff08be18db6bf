// Command groups lets members of consumer groups come and go while the nodes of its own cluster are
// killed, and checks what they have consumed.
//
//	go run ./conformance/groups --lockstep bin/lockstep --base-port 21092 --dir DIR
//
// Members of franz-go share a topic of six partitions, eager in one run and cooperative in another.
// Every two seconds one of them leaves, or vanishes without a word, and another one joins. Every
// six seconds a node is killed (-9), and starts again. Each record must be consumed. Those of a
// member that ends before it has committed are consumed again, and counted. In the end, with all
// members gone, the committed offsets must be the ends of the partitions.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

type options struct {
	lockstep string
	dir      string
	basePort int
	records  int
	limit    time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.lockstep, "lockstep", "bin/lockstep", "the lockstep program")
	flag.StringVar(&o.dir, "dir", "", "empty directory for the cluster")
	flag.IntVar(&o.basePort, "base-port", 21092, "base port of the cluster, of three nodes")
	flag.IntVar(&o.records, "records", 100_000, "records of each run")
	flag.DurationVar(&o.limit, "limit", 4*time.Minute, "time for each run")
	flag.Parse()
	if err := o.run(); err != nil {
		fmt.Fprintln(os.Stderr, "groups:", err)
		os.Exit(1)
	}
}

func (o *options) bootstrap() kgo.Opt {
	var seeds []string
	for i := range 3 {
		seeds = append(seeds, fmt.Sprintf("127.0.0.1:%d", o.basePort+i))
	}
	return kgo.SeedBrokers(seeds...)
}

func (o *options) run() error {
	if o.dir == "" {
		return errors.New("--dir is required")
	}
	stop, err := o.cluster()
	if err != nil {
		return err
	}
	defer stop()
	for _, kind := range []struct {
		name     string
		balancer kgo.GroupBalancer
	}{
		{"eager", kgo.RangeBalancer()}, {"cooperative", kgo.CooperativeStickyBalancer()},
	} {
		r := run{options: o, name: kind.name, balancer: kind.balancer, seen: map[int]int{}}
		if err := r.run(); err != nil {
			return fmt.Errorf("%s: %w", kind.name, err)
		}
	}
	return nil
}

// cluster starts three nodes, which are restarted when they die.
func (o *options) cluster() (stop func(), err error) {
	dev := exec.Command(o.lockstep, "dev", "--dir", o.dir, "--fresh", "--base-port",
		strconv.Itoa(o.basePort), "--override", "group.initial.rebalance.delay.ms=200")
	dev.Stderr = os.Stderr
	out, err := dev.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := dev.Start(); err != nil {
		return nil, err
	}
	stop = func() {
		_ = dev.Process.Signal(syscall.SIGTERM)
		_ = dev.Wait()
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if lines.Text() == "ready" {
			go func() {
				for lines.Scan() { // dev must not wait for a reader
				}
			}()
			return stop, nil
		}
	}
	stop()
	return nil, errors.New("the cluster did not become ready")
}

// kill kills a node.
func (o *options) kill(node int) error {
	config := filepath.Join(o.dir, fmt.Sprintf("node-%d", node), "server.properties")
	processes, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return err
	}
	for _, path := range processes {
		words, err := os.ReadFile(path)
		if err != nil || !strings.Contains(string(words), "serve\x00--config\x00"+config+"\x00") {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			return err
		}
		return syscall.Kill(pid, syscall.SIGKILL)
	}
	return nil // it is being restarted
}

// run is a group that consumes a topic.
type run struct {
	*options
	name     string
	balancer kgo.GroupBalancer

	mu       sync.Mutex
	seen     map[int]int // how often each record was consumed
	problems []string
	joined   int
	refused  int // commits
}

func (r *run) topic() string { return "conformance-groups-" + r.name }

func (r *run) run() error {
	ctx, cancel := context.WithTimeout(context.Background(), r.limit)
	defer cancel()
	client, err := kgo.NewClient(r.bootstrap())
	if err != nil {
		return err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	if _, err := admin.CreateTopic(ctx, 6, 3, nil, r.topic()); err != nil {
		return fmt.Errorf("create topic: %w", err)
	}
	began := time.Now()
	faults, endFaults := context.WithCancel(ctx)
	var work sync.WaitGroup
	work.Go(func() { r.killNodes(faults) })
	work.Go(func() { r.churn(faults) })
	err = r.produce(ctx, client)
	for err == nil && r.missing() > 0 {
		select {
		case <-ctx.Done():
			err = fmt.Errorf("%d records were not consumed in time", r.missing())
		case <-time.After(100 * time.Millisecond):
		}
	}
	endFaults()
	work.Wait()
	if err != nil {
		return err
	}
	if len(r.problems) > 0 {
		return errors.New(strings.Join(r.problems, "; "))
	}
	again := 0
	for _, times := range r.seen {
		again += times - 1
	}
	fmt.Printf("%s: %d records, %d members, %d consumed again, %d commits refused (%v)\n",
		r.name, r.records, r.joined, again, r.refused, time.Since(began).Round(time.Second))
	return r.checkOffsets(admin)
}

func (r *run) missing() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.records - len(r.seen)
}

// produce sends numbered records for as long as the faults should go on.
func (r *run) produce(ctx context.Context, client *kgo.Client) error {
	for i := range r.records {
		record := &kgo.Record{
			Topic: r.topic(), Key: []byte(strconv.Itoa(i % 1000)), Value: []byte(strconv.Itoa(i)),
		}
		client.Produce(ctx, record, func(_ *kgo.Record, err error) {
			if err != nil {
				r.problem("produce: %v", err)
			}
		})
		if i%1000 == 999 { // so that it takes half a minute
			if err := client.Flush(ctx); err != nil {
				return err
			}
			time.Sleep(30 * time.Second * 1000 / time.Duration(r.records))
		}
	}
	return client.Flush(ctx)
}

func (r *run) problem(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.problems = append(r.problems, fmt.Sprintf(format, args...))
}

func (r *run) killNodes(ctx context.Context) {
	for node := 1; ; node = node%3 + 1 {
		select {
		case <-ctx.Done():
			return
		case <-time.After(6 * time.Second):
		}
		if err := r.kill(node); err != nil {
			r.problem("kill: %v", err)
		}
	}
}

// churn keeps three members. One of them goes every two seconds.
func (r *run) churn(ctx context.Context) {
	var members sync.WaitGroup
	defer members.Wait()
	var leave []context.CancelFunc
	for {
		for len(leave) < 3 {
			own, cancel := context.WithCancel(ctx)
			leave = append(leave, cancel)
			r.joined++
			members.Go(func() { r.consume(own) })
		}
		select {
		case <-ctx.Done():
			for _, cancel := range leave {
				cancel()
			}
			return
		case <-time.After(2 * time.Second):
		}
		i := rand.IntN(len(leave))
		leave[i]()
		leave = append(leave[:i], leave[i+1:]...)
	}
}

// consume is the life of a member. At the end it leaves; one in three vanishes without a word.
func (r *run) consume(ctx context.Context) {
	var wires wires
	client, err := kgo.NewClient(r.bootstrap(), kgo.ConsumerGroup(r.topic()),
		kgo.ConsumeTopics(r.topic()), kgo.Balancers(r.balancer),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit(),
		kgo.SessionTimeout(6*time.Second), kgo.HeartbeatInterval(500*time.Millisecond),
		kgo.FetchMaxWait(200*time.Millisecond), kgo.BlockRebalanceOnPoll(),
		kgo.Dialer(wires.dial))
	if err != nil {
		r.problem("%v", err)
		return
	}
	vanishes := rand.IntN(3) == 0
	defer func() {
		client.AllowRebalance()
		if vanishes {
			wires.cut()
			go client.CloseAllowingRebalance() // it cannot tell anybody
			return
		}
		client.CloseAllowingRebalance()
	}()
	for ctx.Err() == nil {
		fetches := client.PollRecords(ctx, 500)
		fetches.EachRecord(func(record *kgo.Record) {
			number, err := strconv.Atoi(string(record.Value))
			if err != nil {
				r.problem("value %q", record.Value)
			}
			r.mu.Lock()
			r.seen[number]++
			r.mu.Unlock()
		})
		if !fetches.Empty() {
			commit, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			if client.CommitRecords(commit, fetches.Records()...) != nil {
				r.mu.Lock()
				r.refused++ // its partitions have gone to another member meanwhile
				r.mu.Unlock()
			}
			cancel()
		}
		client.AllowRebalance()
	}
}

// wires are the connections of a member, which can be cut for good.
type wires struct {
	mu    sync.Mutex
	conns []net.Conn
	gone  bool
}

func (w *wires) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil && w.gone {
		_ = conn.Close()
		err = net.ErrClosed
	}
	if err == nil {
		w.conns = append(w.conns, conn)
	}
	return conn, err
}

func (w *wires) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gone = true
	for _, conn := range w.conns {
		_ = conn.Close()
	}
}

// checkOffsets compares the committed offsets with the ends of the partitions, until they are
// equal. The last node that was killed may still be starting.
func (r *run) checkOffsets(admin *kadm.Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		behind, err := r.behind(ctx, admin)
		if err == nil && behind == 0 {
			fmt.Printf("%s: committed offsets are the ends of all partitions\n", r.name)
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%d partitions are not committed to their ends: %w", behind, err)
		}
		r.finish(ctx)
	}
}

// behind counts the partitions with a committed offset that is not their end.
func (r *run) behind(ctx context.Context, admin *kadm.Client) (n int, err error) {
	ends, err := admin.ListEndOffsets(ctx, r.topic())
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return 0, fmt.Errorf("list offsets: %w", err)
	}
	committed, err := admin.FetchOffsets(ctx, r.topic())
	if err != nil {
		return 0, fmt.Errorf("fetch offsets: %w", err)
	}
	ends.Each(func(end kadm.ListedOffset) {
		if at, ok := committed.Lookup(end.Topic, end.Partition); !ok || at.At != end.Offset {
			n++
		}
	})
	return n, nil
}

// finish lets one more member commit what those that were ended had consumed and not committed.
func (r *run) finish(ctx context.Context) {
	own, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	r.consume(own)
}
