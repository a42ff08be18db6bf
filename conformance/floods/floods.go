package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/wire/client"
	"example.com/lockstep/conformance/rawkafka"
)

const (
	topic   = "floods"
	patient = 30 * time.Second
	// dataBatches of dataBytes are in each partition, for clients that do not read.
	dataBatches, dataBytes = 64, 900 << 10
)

// prepare makes a topic with one partition led by each node, and fills it.
func prepare(o *options) error {
	var replicas [][]int32
	for leader := range o.nodes {
		var nodes []int32
		for i := range o.nodes {
			nodes = append(nodes, int32((leader+i)%o.nodes+1))
		}
		replicas = append(replicas, nodes)
	}
	if err := rawkafka.CreateTopic(o.addr(1), topic, replicas, "2", patient); err != nil {
		return fmt.Errorf("create topic: %w", err)
	}
	for node := 1; node <= o.nodes; node++ {
		c, err := rawkafka.Dial(o.addr(node), patient)
		if err != nil {
			return err
		}
		for range dataBatches {
			batch := rawkafka.Batch(rawkafka.NoProducer, -1, make([]byte, dataBytes))
			if err := produce(c, node, batch); err != nil {
				return fmt.Errorf("fill the partition of node %d: %w", node, err)
			}
		}
		c.Close()
	}
	return nil
}

// flood is a number of connections that are kept until stop.
type flood struct {
	mu      sync.Mutex
	conns   []net.Conn
	stopped chan struct{}
	running sync.WaitGroup
}

func startFloods(o *options) *flood {
	f := &flood{stopped: make(chan struct{})}
	for node := 1; node <= o.nodes; node++ {
		for range o.idle {
			f.keep(o.addr(node), func(net.Conn) {})
		}
		for range o.readers {
			f.keep(o.addr(node), askMuch)
		}
		for range o.frames {
			f.keep(o.addr(node), func(c net.Conn) { leaveFrame(c, o.frameBytes) })
		}
	}
	return f
}

// keep keeps one connection open, and opens it again when the broker closes it.
func (f *flood) keep(addr string, use func(net.Conn)) {
	f.running.Go(func() {
		for {
			c, err := net.DialTimeout("tcp", addr, patient)
			if err == nil {
				if f.add(c) {
					use(c)
					awaitEnd(c)
				}
				c.Close()
			}
			select {
			case <-f.stopped:
				return
			case <-time.After(time.Second):
			}
		}
	})
}

// add notes a connection for stop; false if it has been called.
func (f *flood) add(c net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.conns = append(f.conns, c)
	select {
	case <-f.stopped:
		return false
	default:
		return true
	}
}

// awaitEnd returns when the connection is closed, and reads nothing: a peek would take answers.
func awaitEnd(c net.Conn) {
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		return
	}
	for range 600 {
		closed := false
		if raw.Control(func(fd uintptr) { closed = isClosed(int(fd)) }) != nil || closed {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func (f *flood) stop() {
	f.mu.Lock()
	close(f.stopped)
	for _, c := range f.conns {
		c.Close()
	}
	f.mu.Unlock()
	f.running.Wait()
}

// askMuch asks for all data several times, and does not read.
func askMuch(c net.Conn) {
	for i := range int32(16) {
		req := kmsg.NewPtrFetchRequest()
		req.Version, req.MaxWaitMillis, req.MinBytes, req.MaxBytes = 11, 500, 1, 1<<30
		t := kmsg.NewFetchRequestTopic()
		t.Topic = topic
		for p := range int32(16) {
			part := kmsg.NewFetchRequestTopicPartition()
			part.Partition, part.PartitionMaxBytes, part.CurrentLeaderEpoch = p, 1<<30, -1
			t.Partitions = append(t.Partitions, part)
		}
		req.Topics = append(req.Topics, t)
		if _, err := c.Write(client.AppendRequest(nil, i, "floods", req)); err != nil {
			return
		}
	}
}

var zeros = make([]byte, 1<<20)

// leaveFrame announces a Produce of size bytes and sends all of it but the end.
func leaveFrame(c net.Conn, size int) {
	header := binary.BigEndian.AppendUint32(nil, uint32(size))
	header = append(header, 0, 0, 0, 9) // Produce 9
	if _, err := c.Write(header); err != nil {
		return
	}
	for left := size - len(zeros); left > 0; left -= len(zeros) {
		if _, err := c.Write(zeros[:min(left, len(zeros))]); err != nil {
			return
		}
	}
}
