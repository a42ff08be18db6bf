package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"example.com/lockstep/broker/node"
)

type serveOptions struct {
	configFile      string
	overrides       []string
	shutdownTimeout time.Duration
}

func serveCommand() *cobra.Command {
	var o serveOptions
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run one broker process",
		Long: `Run one broker process: listen, recover its data directory and join the cluster.

The configuration is a file in the form of Kafka's server.properties. Every key
that is listed below as a flag can be set in the file or as a flag; flags win.
The keys of Kafka's topic defaults (log.retention.ms, compression.type and so on)
are taken too, in the file or with --override. An unknown key is an error.

SIGTERM or SIGINT stops the broker cleanly: it hands over its leaderships,
within --shutdown-timeout, and ends. A second signal skips the handing over.`,
		Example: `  lockstep serve --config server.properties
  lockstep serve --config server.properties --override log.retention.ms=3600000
  lockstep serve --node.id 1 --cluster.id 000102030405060708090a0b0c0d0e0f \
    --log.dirs ./data --controller.quorum.voters 1@127.0.0.1:10092 \
    --listeners PLAINTEXT://127.0.0.1:9092 --http.listener 127.0.0.1:9192`,
		Args: cobra.NoArgs,
	}
	f := c.Flags()
	f.StringVar(&o.configFile, "config", "", "properties file")
	f.StringArrayVar(&o.overrides, "override", nil, "key=value; may be given several times")
	f.DurationVar(&o.shutdownTimeout, "shutdown-timeout", 10*time.Second,
		"how long a clean stop may take to hand over leaderships")
	keys := (&brokerConfig{}).keys()
	for _, k := range keys {
		f.String(k.name, k.fallback, k.about)
	}
	f.SortFlags = false
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		var flags []setting
		for _, k := range keys {
			if flag := cmd.Flags().Lookup(k.name); flag.Changed {
				flags = append(flags, setting{k.name, flag.Value.String(), "flag --" + k.name})
			}
		}
		config, err := loadBrokerConfig(o, flags)
		if err != nil {
			return err
		}
		return serve(cmd.Context(), config, o.shutdownTimeout, cmd.ErrOrStderr())
	}
	return c
}

// loadBrokerConfig puts file, overrides and flags together, in that order.
func loadBrokerConfig(o serveOptions, flags []setting) (*brokerConfig, error) {
	var settings []setting
	if o.configFile != "" {
		var err error
		if settings, err = readProperties(o.configFile); err != nil {
			return nil, err
		}
	}
	for _, s := range o.overrides {
		name, value, ok := strings.Cut(s, "=")
		if !ok {
			return nil, fmt.Errorf("--override %s: not of the form key=value", s)
		}
		settings = append(settings,
			setting{strings.TrimSpace(name), strings.TrimSpace(value), "flag --override"})
	}
	return newBrokerConfig(append(settings, flags...))
}

// serve runs a broker until a signal or its own failure ends it. A data directory
// that another number of shards wrote is converted by up to two lives before.
func serve(
	ctx context.Context, c *brokerConfig, shutdownTimeout time.Duration, stderr io.Writer,
) error {
	logger := log.New(stderr, fmt.Sprintf("node %d: ", c.nodeID),
		log.LstdFlags|log.Lmicroseconds|log.LUTC|log.Lmsgprefix)
	tuneCollector()
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)

	again := node.Restart{Shards: c.shards}
	for {
		err := serveLife(ctx, c, again, shutdownTimeout, signals, logger)
		if !errors.As(err, &again) {
			return err
		}
		logger.Printf("starting again: %v", again)
	}
}

// serveLife runs one node on as many loops as again says. It returns a
// node.Restart when the data directory is for another number of them.
func serveLife(
	ctx context.Context, c *brokerConfig, again node.Restart, shutdownTimeout time.Duration,
	signals <-chan os.Signal, logger *log.Logger,
) error {
	b, err := startBroker(c, again, logger)
	if err != nil {
		return err
	}
	stopHTTP, err := serveHTTP(c.http, b, logger)
	if err != nil {
		b.node.Stop(err)
		_ = b.node.Wait()
		return err
	}
	logger.Printf("started: pid %d, Kafka %s (advertised %s), control %s, replication %s, %d "+
		"shards, cluster %s, data in %s",
		os.Getpid(), c.listener, c.advertised, c.control, c.replication, again.Shards,
		c.clusterHex(), c.dir)

	ended := make(chan error, 1)
	go func() { ended <- b.node.Wait() }()
	select {
	case err := <-ended:
		stopHTTP()
		if errors.As(err, &again) {
			b.close() // the lock of the directory is the next life's
			return err
		}
		return fmt.Errorf("%w: %w", errSelfStopped, err)
	case s := <-signals:
		logger.Printf("%v: handing over leaderships", s)
	case <-ctx.Done():
	}
	drainUnlessTold(b, shutdownTimeout, signals, logger)
	stopHTTP()
	b.node.Stop(nil)
	// A conversion that ended just now has done no harm: the next start goes on.
	if err := <-ended; err != nil && !errors.As(err, &again) {
		return fmt.Errorf("%w: %w", errSelfStopped, err)
	}
	closeWithin(b, closeTimeout, logger)
	logger.Print("stopped")
	return nil
}

// drainUnlessTold drains until done, out of time, or told by a second signal
// not to. Failing is no error: the cluster then takes over as after a crash.
func drainUnlessTold(
	b *broker, timeout time.Duration, signals <-chan os.Signal, logger *log.Logger,
) {
	drained := make(chan error, 1)
	began := time.Now()
	go func() { drained <- b.drain(timeout) }()
	select {
	case err := <-drained:
		if err != nil {
			logger.Printf("leaderships not handed over: %v", err)
			return
		}
		logger.Printf("leaderships handed over in %v", time.Since(began).Round(time.Millisecond))
	case s := <-signals:
		logger.Printf("%v: not waiting for leaderships to be handed over", s)
	}
}

// closeTimeout bounds the wait for a disk's operations in flight at the end.
// Nothing acknowledged depends on them.
const closeTimeout = 2 * time.Second

func closeWithin(b *broker, timeout time.Duration, logger *log.Logger) {
	closed := make(chan struct{})
	go func() {
		b.close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(timeout):
		logger.Printf("sockets or disk operations did not end within %v", timeout)
	}
}

// collectorPercent lets the heap grow to four times what is live between
// collections. Each produce request leaves its buffers as garbage while little
// lives, so at Go's 100 the collector runs many times a second on a small heap
// and takes cores from the loops. The memory that this costs is bounded by a few
// times the shards' tails; GOMEMLIMIT caps it where that is too much.
const collectorPercent = 300

// tuneCollector applies collectorPercent unless GOGC is set; GOMEMLIMIT is the
// runtime's own affair.
func tuneCollector() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectorPercent)
	}
}
