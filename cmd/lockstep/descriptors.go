package main

import (
	"math"
	"time"

	"golang.org/x/sys/unix"

	"example.com/lockstep/broker/drive"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/node"
	"example.com/lockstep/broker/wire/peer"
	"example.com/lockstep/netsim/tcp"
)

// openFilesLimit is how many descriptors the process may have open (RLIMIT_NOFILE). The Go runtime
// has raised the soft limit to the hard one.
func openFilesLimit() uint64 {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 1024 // what most systems allow at least
	}
	return limit.Cur
}

// divideDescriptors bounds what a node uses of a limit of descriptors (node.Descriptors): a node
// that cannot open its logs, or reach the other brokers, would be lost for the cluster. A client
// that waits to be accepted is not.
func divideDescriptors(cfg *node.Config, limit uint64) error {
	share, err := cfg.Descriptors(int(min(limit, math.MaxInt32)))
	if err != nil {
		return err
	}
	cfg.Limits.OpenFiles = share.OpenFiles
	cfg.Limits.Connections = min(cfg.Limits.Connections, share.Clients)
	return nil
}

// clientConnections is how many connections of clients a node with so many shards may have; 0 if it
// will not start.
func clientConnections(c *brokerConfig, shards int) int {
	cfg := nodeConfig(c, peer.UUID{})
	cfg.Shards = shards
	if divideDescriptors(&cfg, openFilesLimit()) != nil {
		return 0
	}
	return cfg.Limits.Connections
}

// newNetwork returns a network that writes to the log when accepts fail, and when they work again.
func newNetwork(log *drive.Log) *tcp.Network {
	var since time.Time
	return tcp.New(tcp.WithAcceptReport(
		func(err error) {
			since = time.Now()
			log.Write(event.New(event.AcceptFailing, event.Text("error", err.Error())))
		},
		func(failed int) {
			log.Write(event.New(event.AcceptWorks, event.Int("failed", failed),
				event.Duration("after", time.Since(since))))
		}))
}
