// Command partitions shows what a cluster of three does with many partitions. It starts three
// broker processes with few descriptors, creates the partitions, kills all three under load and
// starts them again, and leaves one away until it needs a snapshot of the metadata.
//
//	go run ./conformance/partitions --lockstep bin/lockstep --base-port 21092
//
// It prints how long each step took, and what a node needs. It fails if a partition has no
// leader or lacks a replica at the end of a step, or if an acknowledged record is missing.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/conformance/rawkafka"
)

type options struct {
	lockstep    string
	dir         string
	basePort    int
	partitions  int
	descriptors int
	metadata    int
	wal         int
	patience    time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.lockstep, "lockstep", "bin/lockstep", "the program")
	flag.StringVar(&o.dir, "dir", "", "directory of the nodes; absent: a temporary one")
	flag.IntVar(&o.basePort, "base-port", 21092, "Kafka port of the first node")
	flag.IntVar(&o.partitions, "partitions", 20000, "partitions, each with three replicas")
	flag.IntVar(&o.descriptors, "descriptors", 1024, "open files of each node (ulimit -n)")
	flag.IntVar(&o.metadata, "metadata-mib", 80, "metadata commands while a node is away, in MiB")
	flag.IntVar(&o.wal, "wal-mib", 1024, "write-ahead log of a shard, in MiB (wal.budget.bytes): "+
		"with 4, every partition is written to files of its own all the time")
	flag.DurationVar(&o.patience, "patience", 5*time.Minute, "how long a step may take")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "partitions:", err)
		os.Exit(1)
	}
}

// perRequest is how many partitions one request creates: as many as a broker allows.
const perRequest = 10_000

func run(ctx context.Context, o options) (err error) {
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "partitions-"); err != nil {
			return err
		}
		defer os.RemoveAll(o.dir)
	}
	c, err := newCluster(o)
	if err != nil {
		return err
	}
	defer c.close()
	if err := c.start(1, 2, 3); err != nil {
		return err
	}
	load, err := c.beginLoad(ctx)
	if err != nil {
		return err
	}
	defer load.client.Close()
	for _, step := range []func(context.Context) error{
		c.create, load.touchAll, c.killAll, c.leaveOneAway, load.verify,
	} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("%w\nlogs: %s", err, c.tail())
		}
	}
	return nil
}

// create creates the partitions, a request for each ten thousand.
func (c *cluster) create(ctx context.Context) error {
	for made := 0; made < c.partitions; made += perRequest {
		n := min(perRequest, c.partitions-made)
		name := fmt.Sprint("many-", made/perRequest)
		began := time.Now()
		answers, err := c.admin.CreateTopics(ctx, int32(n), 3, nil, name)
		if err == nil {
			err = answers[name].Err
		}
		if err != nil {
			return fmt.Errorf("create %d partitions: %w", n, err)
		}
		c.report("create %d partitions", time.Since(began), n)
	}
	return c.awaitAll(ctx, "all are led and in sync")
}

// killAll kills all nodes at once, and starts them again.
func (c *cluster) killAll(ctx context.Context) error {
	c.kill(1, 2, 3)
	if err := c.start(1, 2, 3); err != nil {
		return err
	}
	return c.awaitAll(ctx, "killed (-9, all three): all are led and in sync")
}

// leaveOneAway kills a node, lets the others compact the entries that it lacks, and starts it.
func (c *cluster) leaveOneAway(ctx context.Context) error {
	c.kill(3)
	if err := c.fillMetadata(ctx); err != nil {
		return err
	}
	if err := c.start(3); err != nil {
		return err
	}
	if err := c.awaitAll(ctx, "away for a snapshot's worth of log: all are in sync"); err != nil {
		return err
	}
	if n, err := c.metric(3, "lockstep_control_snapshots_saved_total"); err != nil || n == 0 {
		return fmt.Errorf("node 3 caught up without a snapshot: %w", err)
	}
	return nil
}

// fillMetadata creates and deletes topics with settings as long as they may be.
func (c *cluster) fillMetadata(ctx context.Context) error {
	long := longSettings()
	began := time.Now()
	for done, round := 0, 0; done < c.metadata<<20; round++ {
		var names []string
		for i := range 60 {
			names = append(names, fmt.Sprintf("long-%d-%d", round, i))
		}
		answers, err := c.admin.CreateTopics(ctx, 1, 1, long, names...)
		if err == nil {
			err = answers.Error()
		}
		if err == nil {
			_, err = c.admin.DeleteTopics(ctx, names...)
		}
		if err != nil {
			return fmt.Errorf("create and delete topics: %w", err)
		}
		done += len(names) * settingsBytes
	}
	c.report("%d MiB of metadata commands", time.Since(began), c.metadata)
	return nil
}

// awaitAll waits until every partition has a leader and all replicas.
func (c *cluster) awaitAll(ctx context.Context, what string) error {
	began := time.Now()
	for {
		missing, err := c.missing()
		if err != nil {
			missing = err.Error()
		}
		if missing == "" {
			break
		}
		if time.Since(began) > c.patience {
			return fmt.Errorf("%s: not within %v: %s", what, c.patience, missing)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
	c.report("%s", time.Since(began), what)
	c.reportNodes()
	for id := 1; id <= 3; id++ {
		if n, err := c.metric(id, "lockstep_shard_suspects_total"); err != nil || n > 0 {
			return fmt.Errorf("node %d has %d suspect replicas: %w", id, n, err)
		}
	}
	return nil
}

// missing says what a partition lacks by the metadata of any node; "" if none lacks anything.
func (c *cluster) missing() (string, error) {
	for id := 1; id <= 3; id++ {
		conn, err := rawkafka.Dial(c.address(id), 5*time.Second)
		if err != nil {
			return "", err
		}
		request := kmsg.NewPtrMetadataRequest()
		request.Version = 9
		answer, err := conn.Ask(request, 20*time.Second)
		conn.Close()
		if err != nil {
			return "", err
		}
		if lacks := c.lacks(answer.(*kmsg.MetadataResponse)); lacks != "" {
			return fmt.Sprintf("node %d: %s", id, lacks), nil
		}
	}
	return "", nil
}

func (c *cluster) lacks(m *kmsg.MetadataResponse) string {
	if len(m.Brokers) < 3 {
		return fmt.Sprintf("%d brokers", len(m.Brokers))
	}
	last, count, lacking := "", 0, 0
	for _, t := range m.Topics {
		for _, p := range t.Partitions {
			count++
			if p.Leader < 0 || len(p.ISR) < len(p.Replicas) {
				lacking++
				last = fmt.Sprintf("%s-%d: leader %d, ISR %v of %v", *t.Topic, p.Partition,
					p.Leader, p.ISR, p.Replicas)
			}
		}
	}
	switch {
	case count < c.partitions:
		return fmt.Sprintf("%d partitions", count)
	case lacking > 0:
		return fmt.Sprintf("%d of %d partitions, the last %s", lacking, count, last)
	}
	return ""
}
