package main

import (
	"math"
	"time"

	"golang.org/x/sys/unix"

	"example.com/lockstep/broker/drive"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/netsim/tcp"
)

// File descriptors. Connections of clients get at most half of what the process may open. The rest
// is for the write-ahead logs, segments, Raft and the other brokers: a node that cannot open those
// would be lost for the cluster, and a client that waits to be accepted is not.

// openFilesLimit is how many descriptors the process may have open (RLIMIT_NOFILE). The Go runtime
// has raised the soft limit to the hard one.
func openFilesLimit() uint64 {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 1024 // what most systems allow at least
	}
	return limit.Cur
}

// connectionShare is how many connections of clients a process with so many descriptors may have.
func connectionShare(descriptors uint64) int {
	return int(max(1, min(descriptors/2, math.MaxInt32)))
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
