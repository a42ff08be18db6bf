package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"example.com/lockstep/broker/drive"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/node"
)

type serveOptions struct {
	configFile      string
	overrides       []string
	shutdownTimeout time.Duration
	supervise       bool
}

func serveCommand() *cobra.Command {
	var o serveOptions
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run one broker process",
		Long: `Run one broker process: listen, recover its data directory and join the cluster.

The configuration is a file in the form of Kafka's server.properties. Every key
that is listed below as a flag can be set in the file or as a flag; a flag wins.
Kafka's keys of topic defaults (log.retention.ms, compression.type and so on) can be
set in the file or with --override. An unknown key is an error.

SIGTERM or SIGINT stops the broker cleanly: it hands over its leaderships, within
--shutdown-timeout, and exits. After a second signal it does not wait for that.
SIGHUP is ignored.

A process that is frozen, or has a stuck loop or disk, keeps its connections, and its
clients wait. Somebody outside must kill it: a service manager with WatchdogSec (see
lockstep.service), or --supervise where there is none, as in a container.`,
		Example: `  lockstep serve --config server.properties
  lockstep serve --config server.properties --override log.retention.ms=3600000
  lockstep serve --node.id 1 --cluster.id 000102030405060708090a0b0c0d0e0f \
    --log.dirs ./data --controller.quorum.voters 1@127.0.0.1:10092 \
    --listeners PLAINTEXT://127.0.0.1:9092 --http.listener 127.0.0.1:9192`,
		Args: cobra.NoArgs,
	}
	f := c.Flags()
	f.StringVar(&o.configFile, "config", "", "configuration file")
	f.StringArrayVar(&o.overrides, "override", nil,
		"key=value, wins over the file; may be given several times")
	f.DurationVar(&o.shutdownTimeout, "shutdown-timeout", 10*time.Second,
		"how long a clean stop may take to hand over leaderships")
	f.BoolVar(&o.supervise, "supervise", false,
		"run the broker in a child process; kill it when it gives no sign of life for a "+
			"second longer than broker.session.timeout.ms, and start it again when it ends")
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
		if o.supervise {
			return superviseServe(cmd.Context(), config, o.shutdownTimeout, cmd.ErrOrStderr())
		}
		return serve(cmd.Context(), config, o.shutdownTimeout, cmd.ErrOrStderr())
	}
	return c
}

// loadBrokerConfig reads the file and applies overrides and then flags to it.
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

// toldError is an error that the event log has told: the program ends with it in silence.
type toldError struct{ error }

func (e toldError) Unwrap() error { return e.error }

// tellDoubts tells of settings that are legal and probably not meant.
func tellDoubts(c *brokerConfig, log *drive.Log) {
	doubt := func(key string, value int64, cause string, args ...any) {
		log.Write(event.New(event.SettingDoubtful, event.Text("key", key),
			event.Int("value", value), event.Text("cause", fmt.Sprintf(cause, args...))))
	}
	if c.minInSync > c.replicationFactor {
		doubt("min.insync.replicas", c.minInSync, "default.replication.factor is %d: topics "+
			"without a factor of their own would refuse acks=all", c.replicationFactor)
	}
	if n := c.offsetsReplicas(); n > int64(len(c.voters)) {
		doubt(offsetsReplicasKey, n, "there are %d voters: consumer groups do not work with "+
			"fewer brokers than that", len(c.voters))
	}
}

const offsetsReplicasKey = "offsets.topic.replication.factor"

// offsetsReplicas are the replicas of the topic of groups, if this file makes the cluster.
func (c *brokerConfig) offsetsReplicas() int64 {
	value, set := c.clusterOverrides.Get(offsetsReplicasKey)
	if !set {
		value = meta.FindConfigKey(offsetsReplicasKey, false).Default
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return 0 // validated when it was read
	}
	return n
}

// serve runs a broker until a signal or a failure ends it. If another number of shards
// wrote the data directory, up to two incarnations of the node convert it first.
func serve(
	ctx context.Context, c *brokerConfig, shutdownTimeout time.Duration, stderr io.Writer,
) error {
	log := drive.NewLog(stderr, c.eventFormat == "json", c.eventLevel, event.Int("node", c.nodeID))
	tellDoubts(c, log)
	tuneCollector()
	setMemoryLimit(c.memoryLimit, memoryNeed(brokerLimits(c), c.shards))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go returnMemory(ctx)
	// A terminal that closes, or a tool that rotates logs, must not end a broker.
	signal.Ignore(syscall.SIGHUP)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	life, stopLife := newLifeSigns(c.session, log), make(chan struct{})
	go life.run(stopLife)
	defer close(stopLife)

	again := node.Restart{Shards: c.shards}
	for {
		err := serveOnce(ctx, c, again, shutdownTimeout, signals, log, life)
		if !errors.As(err, &again) {
			if err != nil {
				log.Write(event.New(event.NodeFailed, event.Err(err)))
				return toldError{err}
			}
			return nil
		}
		log.Write(event.New(event.NodeRestarting, event.Text("cause", again.Error())))
	}
}

// serveOnce runs one incarnation of the node, with as many shards as again says. It
// returns a node.Restart if the next one must have another number of shards.
func serveOnce(
	ctx context.Context, c *brokerConfig, again node.Restart, shutdownTimeout time.Duration,
	signals <-chan os.Signal, log *drive.Log, life *lifeSigns,
) error {
	log.Write(event.New(event.NodeStarting, event.Int("pid", os.Getpid()),
		event.Text("kafka", c.listener), event.Text("advertised", c.advertised),
		event.Text("control", c.control), event.Text("replication", c.replication),
		event.Int("shards", again.Shards),
		event.Int("memory-limit", debug.SetMemoryLimit(-1)),
		event.Int("descriptors", int(openFilesLimit())),
		event.Int("max-connections", clientConnections(c, again.Shards)),
		event.Text("cluster", c.clusterHex()),
		event.Text("dir", c.dir)))
	b, err := startBroker(c, again, log)
	if err != nil {
		return err
	}
	life.broker.Store(b)
	defer life.broker.Store(nil)
	stopHTTP, err := serveHTTP(c.http, b, log)
	if err != nil {
		b.node.Stop(err)
		_ = b.node.Wait()
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- b.node.Wait() }()
	select {
	case err := <-ended:
		stopHTTP()
		if errors.As(err, &again) {
			b.close() // releases the lock of the directory for the next incarnation
			return err
		}
		return fmt.Errorf("%w: %w", errSelfStopped, err)
	case s := <-signals:
		log.Write(event.New(event.NodeDraining, event.Text("cause", s.String())))
	case <-ctx.Done():
	}
	notifyManager("STOPPING=1")
	drain(b, shutdownTimeout, signals, log)
	stopHTTP()
	life.broker.Store(nil) // what follows has a bound of its own
	b.node.Stop(nil)
	// A node.Restart at this moment is no error: the next start continues the conversion.
	if err := <-ended; err != nil && !errors.As(err, &again) {
		return fmt.Errorf("%w: %w", errSelfStopped, err)
	}
	closeWithin(b, closeTimeout, log)
	log.Write(event.New(event.NodeStopped))
	return nil
}

// drain hands over the leaderships. A timeout or a second signal ends it. If it fails,
// the cluster takes over as after a crash.
func drain(
	b *broker, timeout time.Duration, signals <-chan os.Signal, log *drive.Log,
) {
	drained := make(chan error, 1)
	began := time.Now()
	go func() { drained <- b.drain(timeout) }()
	select {
	case err := <-drained:
		if err != nil {
			log.Write(event.New(event.NodeDrainFailed, event.Err(err)))
			return
		}
		log.Write(event.New(event.NodeDrained, event.Duration("took", time.Since(began))))
	case s := <-signals:
		log.Write(event.New(event.NodeDrainFailed,
			event.Text("error", fmt.Sprintf("a second signal: %v", s))))
	}
}

// closeTimeout bounds the wait for disk operations in flight at the end. No acknowledged
// record depends on them.
const closeTimeout = 2 * time.Second

func closeWithin(b *broker, timeout time.Duration, log *drive.Log) {
	closed := make(chan struct{})
	go func() {
		b.close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(timeout):
		log.Write(event.New(event.CloseSlow, event.Duration("after", timeout)))
	}
}

// collectorPercent lets the heap grow to four times the live data between two garbage
// collections. Each produce request leaves its buffers as garbage, and there is little
// live data. So with Go's default of 100 the collector runs many times a second and takes
// cores from the loops. The cost is memory: a few times the tails of the shards. The memory limit
// bounds it (setMemoryLimit).
const collectorPercent = 300

// tuneCollector applies collectorPercent unless GOGC is set. The Go runtime reads
// GOMEMLIMIT itself.
func tuneCollector() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectorPercent)
	}
}
