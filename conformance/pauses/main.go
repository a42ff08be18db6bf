// Command pauses measures for how long acknowledgements pause when nodes of a
// dev cluster are frozen, killed or stopped, and checks that nothing
// acknowledged was lost, doubled or reordered.
//
//	lockstep dev --base-port 21092 --dir /tmp/cluster --supervise=false &
//	go run ./conformance/pauses --base-port 21092 --dir /tmp/cluster --freeze 60s
//
// Without --supervise=false, dev kills a node that is frozen for three seconds, and the cases that
// freeze a node fail.
//
// Each case creates three topics. Their partitions cover every role that the
// node that is hit can have for a partition: its leader, its follower, or
// nothing (both replicas are on other nodes). One prober per partition sends
// one record at a time, idempotently, and sends it again until it is
// acknowledged, so that the time between two acknowledgements is the time for
// which the partition took no record. Direct probers look for the leader and
// send to it, with short timeouts, as a good client does. Forwarded probers
// stay on one node that does not lead their partition and is not hit, with long
// timeouts: so their pauses are caused by the cluster only.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"example.com/lockstep/conformance/rawkafka"
)

type options struct {
	host     string
	basePort int
	nodes    int
	dir      string
	freeze   time.Duration
	every    time.Duration
	cases    string
}

func main() {
	var o options
	flag.StringVar(&o.host, "host", "127.0.0.1", "host of the dev cluster")
	flag.IntVar(&o.basePort, "base-port", 21092, "base port of the dev cluster")
	flag.IntVar(&o.nodes, "nodes", 3, "nodes of the dev cluster")
	flag.StringVar(&o.dir, "dir", "", "directory of the dev cluster: its nodes are found by it")
	flag.DurationVar(&o.freeze, "freeze", 10*time.Second, "how long a frozen node stays frozen")
	flag.DurationVar(&o.every, "every", 5*time.Millisecond, "time between records of a partition")
	flag.StringVar(&o.cases, "cases", "",
		"run only the cases with these names, separated by commas")
	flag.Parse()
	if o.dir == "" {
		fmt.Fprintf(os.Stderr, "pauses: wants a running cluster and its directory: lockstep dev "+
			"--base-port %d --dir DIR --supervise=false, and then this program with --dir DIR\n",
			o.basePort)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ok, err := run(ctx, o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "pauses:", err)
	}
	if err != nil || !ok {
		os.Exit(1)
	}
}

// run runs the cases one after another and prints a line for each relation.
func run(ctx context.Context, o options) (ok bool, err error) {
	c := &cluster{options: o}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "case\tnode is\tprober\trecords\tbefore ms\tpause ms\tfrom\taim ms\tback "+
		"ms\tISR full after\tverdict")
	ok = true
	for _, k := range cases(o) {
		if o.cases != "" && !slices.Contains(strings.Split(o.cases, ","), k.name) {
			continue
		}
		rows, err := c.runCase(ctx, k)
		if err != nil {
			out.Flush()
			return false, fmt.Errorf("case %s: %w", k.name, err)
		}
		for _, r := range rows {
			fmt.Fprintln(out, r.line)
			ok = ok && r.ok
		}
		out.Flush()
	}
	return ok, nil
}

// addr is the Kafka address of a node.
func (o *options) addr(node int32) string {
	return fmt.Sprintf("%s:%d", o.host, o.basePort+int(node)-1)
}

// any asks one node after another until one answers.
func (c *cluster) any(ask func(addr string) error) error {
	var err error
	for node := int32(1); node <= int32(c.nodes); node++ {
		if err = ask(c.addr(node)); err == nil {
			return nil
		}
	}
	return err
}

// awaitFullISR waits until every partition of the topics is replicated in full.
func (c *cluster) awaitFullISR(
	ctx context.Context, topics []string, timeout time.Duration,
) (time.Duration, error) {
	began := time.Now()
	for {
		missing := ""
		for _, topic := range topics {
			err := c.any(func(addr string) error {
				m, err := rawkafka.Metadata(addr, topic, time.Second)
				if err != nil {
					return err
				}
				for _, p := range m.Topics[0].Partitions {
					if p.Leader < 0 || len(p.ISR) < len(p.Replicas) {
						missing = fmt.Sprintf("%s-%d: leader %d, ISR %v of %v",
							topic, p.Partition, p.Leader, p.ISR, p.Replicas)
					}
				}
				return nil
			})
			if err != nil {
				missing = err.Error()
			}
		}
		switch {
		case missing == "":
			return time.Since(began), nil
		case time.Since(began) > timeout:
			return 0, fmt.Errorf("not in sync after %v: %s", timeout, missing)
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}
