package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// limit bounds each wait.
const limit = 60 * time.Second

const (
	topic      = "wiped"
	partitions = 3
)

// cluster is three processes, and a fourth that may join them.
type cluster struct {
	options
	ctx   context.Context
	dir   string
	nodes map[int]*process
	acked map[string]bool // values of acknowledged records
	next  int
}

// process is one node. log is what it has printed over all starts.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
	log   *os.File
	from  int64 // where the log of the present start begins
}

func newCluster(ctx context.Context, o options, dir string) (*cluster, error) {
	c := &cluster{options: o, ctx: ctx, dir: dir, nodes: map[int]*process{},
		acked: map[string]bool{}}
	for node := 1; node <= 4; node++ {
		home := filepath.Join(dir, fmt.Sprintf("node-%d", node))
		if err := os.MkdirAll(home, 0o750); err != nil {
			return nil, err
		}
		if err := os.WriteFile(filepath.Join(home, "server.properties"),
			[]byte(c.properties(node)), 0o600); err != nil {
			return nil, err
		}
		log, err := os.Create(filepath.Join(home, "log"))
		if err != nil {
			return nil, err
		}
		c.nodes[node] = &process{log: log}
	}
	return c, nil
}

func (c *cluster) port(node, shift int) string {
	return fmt.Sprintf("127.0.0.1:%d", c.basePort+10*shift+node)
}

func (c *cluster) properties(node int) string {
	var voters []string
	for v := 1; v <= 3; v++ {
		voters = append(voters, fmt.Sprintf("%d@%s", v, c.port(v, 1)))
	}
	return fmt.Sprintf("node.id=%d\ncluster.id=%032x\nlog.dirs=%s\ncontroller.quorum.voters=%s\n"+
		"listeners=PLAINTEXT://%s\ncontrol.listener=%s\nreplication.listener=%s\nshards=1\n"+
		"wal.segment.bytes=1048576\nwal.budget.bytes=16777216\n",
		node, 0xc1, c.data(node), strings.Join(voters, ","), c.port(node, 0), c.port(node, 1),
		c.port(node, 2))
}

func (c *cluster) data(node int) string {
	return filepath.Join(c.dir, fmt.Sprintf("node-%d", node), "data")
}

func (c *cluster) away(node int) string { return c.data(node) + ".away" }

func (c *cluster) start(node int) {
	p := c.nodes[node]
	p.from, _ = p.log.Seek(0, 2)
	p.cmd = exec.Command(c.lockstep, "serve", "--config",
		filepath.Join(c.dir, fmt.Sprintf("node-%d", node), "server.properties"))
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.ended = make(chan struct{})
	if err := p.cmd.Start(); err != nil {
		panic(err)
	}
	go func(cmd *exec.Cmd, ended chan struct{}) {
		_ = cmd.Wait() // how it ended is in its log
		close(ended)
	}(p.cmd, p.ended)
}

func (c *cluster) kill(node int) {
	p := c.nodes[node]
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGKILL) // it may have ended by itself
	<-p.ended
	p.cmd = nil
}

func (c *cluster) killAll() {
	for node := 1; node <= 4; node++ {
		c.kill(node)
	}
}

func (c *cluster) stopAll() {
	c.killAll()
	for _, p := range c.nodes {
		p.log.Close()
	}
}

// pause lets a node get ahead of the next one.
func (c *cluster) pause() { time.Sleep(500 * time.Millisecond) }

func (c *cluster) moveAway(node int) error { return os.Rename(c.data(node), c.away(node)) }

func (c *cluster) swapWithAway(node int) error { return c.exchange(c.data(node), c.away(node)) }

func (c *cluster) swap(a, b int) error { return c.exchange(c.data(a), c.data(b)) }

func (c *cluster) exchange(a, b string) error {
	other := a + ".other"
	return errors.Join(os.Rename(a, other), os.Rename(b, a), os.Rename(other, b))
}

// awaitLine waits for a line of the event log of the node's present start.
func (c *cluster) awaitLine(node int, text string) error {
	p := c.nodes[node]
	return c.await(fmt.Sprintf("node %d prints %q", node, text), func() bool {
		data, err := os.ReadFile(p.log.Name())
		return err == nil && strings.Contains(string(data[p.from:]), text)
	})
}

// awaitEnd waits until a process has ended by itself.
func (c *cluster) awaitEnd(node int) error {
	p := c.nodes[node]
	select {
	case <-p.ended:
		p.cmd = nil
		return nil
	case <-time.After(limit):
		return fmt.Errorf("node %d does not end", node)
	}
}

func (c *cluster) await(what string, ok func() bool) error {
	for began := time.Now(); !ok(); time.Sleep(100 * time.Millisecond) {
		if time.Since(began) > limit {
			return fmt.Errorf("not within %v: %s", limit, what)
		}
		if c.ctx.Err() != nil {
			return c.ctx.Err()
		}
	}
	return nil
}

func (c *cluster) client(opts ...kgo.Opt) (*kgo.Client, error) {
	var seeds []string
	for node := 1; node <= 4; node++ {
		seeds = append(seeds, c.port(node, 0))
	}
	return kgo.NewClient(append(opts, kgo.SeedBrokers(seeds...),
		kgo.DialTimeout(time.Second), kgo.MetadataMinAge(100*time.Millisecond),
		kgo.RecordDeliveryTimeout(limit))...)
}

// prepare creates the topic when all nodes are there.
func (c *cluster) prepare() error {
	client, err := c.client()
	if err != nil {
		return err
	}
	defer client.Close()
	var last error
	err = c.await("the topic is created", func() bool {
		req := kmsg.NewPtrCreateTopicsRequest()
		t := kmsg.NewCreateTopicsRequestTopic()
		t.Topic, t.NumPartitions, t.ReplicationFactor = topic, partitions, 3
		config := kmsg.NewCreateTopicsRequestTopicConfig()
		config.Name, config.Value = "min.insync.replicas", kmsg.StringPtr("2")
		t.Configs = append(t.Configs, config)
		req.Topics = append(req.Topics, t)
		ctx, cancel := context.WithTimeout(c.ctx, 5*time.Second)
		defer cancel()
		var resp *kmsg.CreateTopicsResponse
		if resp, last = req.RequestWith(ctx, client); last != nil {
			return false
		}
		last = kerr.ErrorForCode(resp.Topics[0].ErrorCode)
		return last == nil || errors.Is(last, kerr.TopicAlreadyExists)
	})
	if err != nil {
		return errors.Join(err, last)
	}
	return c.awaitInSync()
}

// awaitInSync waits until all replicas of the topic are in sync.
func (c *cluster) awaitInSync() error {
	client, err := c.client()
	if err != nil {
		return err
	}
	defer client.Close()
	return c.await("all replicas are in sync", func() bool {
		req := kmsg.NewPtrMetadataRequest()
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(topic)
		req.Topics = append(req.Topics, t)
		ctx, cancel := context.WithTimeout(c.ctx, 5*time.Second)
		defer cancel()
		resp, err := req.RequestWith(ctx, client)
		if err != nil || len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != partitions {
			return false
		}
		for _, p := range resp.Topics[0].Partitions {
			if len(p.ISR) != 3 {
				return false
			}
		}
		return true
	})
}

// produce acknowledges n records, in any partition.
func (c *cluster) produce(n int) error {
	client, err := c.client(kgo.DefaultProduceTopic(topic))
	if err != nil {
		return err
	}
	defer client.Close()
	for range n {
		c.next++
		value := fmt.Sprintf("record %d", c.next)
		ctx, cancel := context.WithTimeout(c.ctx, limit)
		err := client.ProduceSync(ctx, kgo.StringRecord(value)).FirstErr()
		cancel()
		if err != nil {
			return fmt.Errorf("%s: %w", value, err)
		}
		c.acked[value] = true
	}
	return nil
}

// whileProducing acknowledges records until do has ended, and then some.
func (c *cluster) whileProducing(do func() error) error {
	var wg sync.WaitGroup
	var done error
	ended := make(chan struct{})
	wg.Go(func() {
		done = do()
		close(ended)
	})
	var err error
	for more := true; more && err == nil; {
		select {
		case <-ended:
			more = false
		default:
		}
		err = c.produce(20)
	}
	wg.Wait()
	return errors.Join(done, err)
}

// replaceNode runs the operator's command.
func (c *cluster) replaceNode(lost, with int) error {
	ctx, cancel := context.WithTimeout(c.ctx, limit)
	defer cancel()
	out, err := exec.CommandContext(ctx, c.lockstep, "cluster", "replace-node", "--bootstrap",
		c.port(1, 0)+","+c.port(2, 0)+","+c.port(3, 0), "--node", fmt.Sprint(lost),
		"--with", fmt.Sprint(with)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("replace-node: %w: %s", err, out)
	}
	return nil
}

// verify reads the topic and looks for every acknowledged record.
func (c *cluster) verify() error {
	client, err := c.client(kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer client.Close()
	missing := len(c.acked)
	seen := map[string]bool{}
	err = c.await("all acknowledged records are read", func() bool {
		ctx, cancel := context.WithTimeout(c.ctx, 5*time.Second)
		defer cancel()
		client.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			if value := string(r.Value); c.acked[value] && !seen[value] {
				seen[value] = true
				missing--
			}
		})
		return missing == 0
	})
	if err != nil {
		return fmt.Errorf("LOST %d of %d acknowledged records: %w", missing, len(c.acked), err)
	}
	return nil
}
