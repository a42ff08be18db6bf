package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

type devOptions struct {
	nodes        int
	basePort     int
	dir          string
	fresh        bool
	restart      bool
	supervise    bool
	shards       int
	overrides    []string
	readyTimeout time.Duration
}

func devCommand() *cobra.Command {
	var o devOptions
	c := &cobra.Command{
		Use:   "dev",
		Short: "Run a cluster of real broker processes on this machine",
		Long: `Run a cluster of --nodes real broker processes (lockstep serve) on loopback, until
Ctrl-C, SIGTERM, or SIGHUP (the terminal closes): then all nodes stop cleanly. Data,
configuration files and logs stay in --dir between runs.

Node i (from 1) serves Kafka at port base-port+i-1. The port of its HTTP endpoints is
100 higher, that of its control listener 200 and that of its replication listener 300.
When a record has gone through every leader, dev prints a line "ready".

Kill a node with kill -9 and watch: it is restarted unless --restart=false is set.
Freeze one with kill -STOP: it is killed after four seconds and restarted, unless
--supervise=false is set.
If dev itself is killed, its nodes are killed, too.`,
		Example: `  lockstep dev
  lockstep dev --nodes 5 --fresh --override log.retention.ms=60000
  lockstep dev --nodes 1 --base-port 19092 --dir ./dev-data`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM,
				syscall.SIGHUP)
			defer stop()
			return runDev(ctx, o, cmd.OutOrStdout())
		},
	}
	f := c.Flags()
	f.IntVar(&o.nodes, "nodes", 3, "number of nodes")
	f.IntVar(&o.basePort, "base-port", 9092, "Kafka port of node 1")
	f.StringVar(&o.dir, "dir", defaultDevDir(), "directory for data, configuration and logs")
	f.BoolVar(&o.fresh, "fresh", false,
		"start a new cluster: remove the data of earlier runs from --dir")
	f.BoolVar(&o.restart, "restart", true, "restart nodes that have died")
	f.BoolVar(&o.supervise, "supervise", true,
		"kill and restart nodes that give no sign of life for a second more than "+
			"broker.session.timeout.ms")
	f.IntVar(&o.shards, "shards", 0,
		"shard loops per node; 0 means the number of cores divided by the nodes")
	f.StringArrayVar(&o.overrides, "override", nil,
		"key=value for the configuration of every node; may be given several times")
	f.DurationVar(&o.readyTimeout, "ready-timeout", time.Minute,
		"give up if the cluster is not ready after this time")
	return c
}

func defaultDevDir() string {
	base, err := os.UserCacheDir()
	if err != nil { // no home directory
		base = os.TempDir()
	}
	return filepath.Join(base, "lockstep-dev")
}

// How long nodes have to stop. When all of them stop, no node remains that could take
// over leaderships. So after devStopPatience a second signal tells them not to wait for
// that.
const (
	devStopPatience = 1500 * time.Millisecond
	devStopBound    = 10 * time.Second
)

// runDev runs the cluster until ctx ends or it fails.
func runDev(ctx context.Context, o devOptions, stdout io.Writer) error {
	out := &syncWriter{w: stdout}
	printf := func(format string, args ...any) { fmt.Fprintf(out, format, args...) }
	nodes, err := devNodes(o)
	if err != nil {
		return err
	}
	home, err := openDevDir(o)
	if err != nil {
		return err
	}
	defer home.unlock()
	if err := portsFree(nodes); err != nil {
		return err
	}
	if err := home.writeConfigs(nodes, o); err != nil {
		return err
	}
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	s := newSupervisor(program, o.restart, printf)
	defer s.stop(devStopPatience, devStopBound)
	printf("cluster %s, data and logs in %s\n", home.cluster, home.dir)
	for _, n := range nodes {
		spec, err := home.child(n, o)
		if err != nil {
			return err
		}
		pid, err := s.start(spec)
		if err != nil {
			return err
		}
		printf("node %d  kafka %s  http http://%s  control %s  replication %s  pid %d\n",
			n.id, n.kafka, n.http, n.control, n.replication, pid)
	}
	began := time.Now()
	if err := waitReady(ctx, s, nodes, o.readyTimeout); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	s.settle()
	printf("a record went through all leaders after %v\nbootstrap servers: %s\nready\n",
		time.Since(began).Round(time.Millisecond), bootstrapServers(nodes))
	select {
	case <-ctx.Done():
		printf("stopping\n")
		return nil
	case err := <-s.fatal:
		return err
	}
}

// waitReady waits until the cluster is ready, a node dies, or the time is up.
func waitReady(ctx context.Context, s *supervisor, nodes []devNode, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	ready := make(chan error, 1)
	go func() { ready <- untilReady(ctx, nodes) }()
	select {
	case err := <-ready:
		if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return fmt.Errorf("not ready after %v: %w%s", timeout, err, s.logs())
		}
		return err
	case err := <-s.fatal:
		return err
	}
}

// syncWriter lets several goroutines print whole lines.
type syncWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *syncWriter) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(p)
}
