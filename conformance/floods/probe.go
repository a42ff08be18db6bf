package main

import (
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"golang.org/x/sys/unix"

	"example.com/lockstep/conformance/rawkafka"
)

// probe is what a well-behaved producer and consumer of one node have seen.
type probe struct {
	produced, fetched, errors int
	worst                     time.Duration // the longest request
}

type probes struct {
	stopped chan struct{}
	running sync.WaitGroup
	seen    []probe
}

func startProbes(o *options) *probes {
	p := &probes{stopped: make(chan struct{}), seen: make([]probe, o.nodes)}
	for node := 1; node <= o.nodes; node++ {
		p.running.Go(func() { p.seen[node-1] = p.probe(o, node) })
	}
	return p
}

func (p *probes) stop() []probe {
	close(p.stopped)
	p.running.Wait()
	return p.seen
}

// probe produces and fetches in turn, and connects again after an error.
func (p *probes) probe(o *options, node int) (seen probe) {
	var c *rawkafka.Conn
	defer func() {
		if c != nil {
			c.Close()
		}
	}()
	for {
		select {
		case <-p.stopped:
			return seen
		case <-time.After(50 * time.Millisecond):
		}
		began := time.Now()
		var err error
		if c == nil {
			c, err = rawkafka.Dial(o.addr(node), patient)
		}
		if err == nil {
			err = produce(c, node, rawkafka.Batch(rawkafka.NoProducer, -1, []byte("probe")))
		}
		if err == nil {
			seen.produced++
			err = fetch(c, node)
		}
		if err == nil {
			seen.fetched++
		}
		seen.worst = max(seen.worst, time.Since(began))
		if err != nil {
			seen.errors++
			if c != nil {
				c.Close()
			}
			c = nil
		}
	}
}

func produce(c *rawkafka.Conn, node int, batch []byte) error {
	resp, err := c.Ask(rawkafka.Produce(topic, int32(node-1), batch, patient), patient)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode)
}

func fetch(c *rawkafka.Conn, node int) error {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.MaxWaitMillis, req.MinBytes, req.MaxBytes = 11, 500, 1, 1<<16
	t := kmsg.NewFetchRequestTopic()
	t.Topic = topic
	part := kmsg.NewFetchRequestTopicPartition()
	part.Partition, part.FetchOffset, part.PartitionMaxBytes = int32(node-1), dataBatches, 1<<16
	part.CurrentLeaderEpoch = -1
	t.Partitions = append(t.Partitions, part)
	req.Topics = append(req.Topics, t)
	resp, err := c.Ask(req, patient)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.(*kmsg.FetchResponse).Topics[0].Partitions[0].ErrorCode)
}

// isClosed reports whether the peer of a socket has reset it or closed its side. Bytes that wait to
// be read stay.
func isClosed(fd int) bool {
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
	n, err := unix.Poll(poll, 0)
	return err == nil && n > 0
}
