package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	limit     = 60 * time.Second        // of each wait
	poll      = 20 * time.Millisecond   // between two looks at what is awaited
	elections = 1500 * time.Millisecond // two nodes that are a majority elect within it
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
		log, err := os.Create(filepath.Join(home, "log"))
		if err != nil {
			return nil, err
		}
		c.nodes[node] = &process{log: log}
	}
	return c, c.setID(1)
}

// setID gives the cluster an id before its first start.
func (c *cluster) setID(id int) error {
	for node := range c.nodes {
		err := os.WriteFile(c.settings(node), []byte(c.properties(node, id)), 0o600)
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *cluster) settings(node int) string {
	return filepath.Join(c.dir, fmt.Sprintf("node-%d", node), "server.properties")
}

func (c *cluster) port(node, shift int) string {
	return fmt.Sprintf("127.0.0.1:%d", c.basePort+10*shift+node)
}

func (c *cluster) properties(node, id int) string {
	var voters []string
	for v := 1; v <= 3; v++ {
		voters = append(voters, fmt.Sprintf("%d@%s", v, c.port(v, 1)))
	}
	return fmt.Sprintf("node.id=%d\ncluster.id=%032x\nlog.dirs=%s\ncontroller.quorum.voters=%s\n"+
		"listeners=PLAINTEXT://%s\ncontrol.listener=%s\nreplication.listener=%s\nshards=1\n"+
		"wal.segment.bytes=1048576\nwal.budget.bytes=16777216\n",
		node, id, c.data(node), strings.Join(voters, ","), c.port(node, 0), c.port(node, 1),
		c.port(node, 2))
}

func (c *cluster) data(node int) string {
	return filepath.Join(c.dir, fmt.Sprintf("node-%d", node), "data")
}

func (c *cluster) away(node int) string { return c.data(node) + ".away" }

func (c *cluster) start(node int) {
	p := c.nodes[node]
	p.from, _ = p.log.Seek(0, 2)
	p.cmd = exec.Command(c.lockstep, "serve", "--config", c.settings(node))
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

func (c *cluster) signal(node int, sig syscall.Signal) {
	_ = c.nodes[node].cmd.Process.Signal(sig) // it may have ended by itself
}

func (c *cluster) kill(node int) {
	p := c.nodes[node]
	if p.cmd == nil {
		return
	}
	c.signal(node, syscall.SIGKILL)
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

func (c *cluster) moveAway(node int) error { return os.Rename(c.data(node), c.away(node)) }

func (c *cluster) swapWithAway(node int) error { return c.exchange(c.data(node), c.away(node)) }

func (c *cluster) swap(a, b int) error { return c.exchange(c.data(a), c.data(b)) }

func (c *cluster) exchange(a, b string) error {
	other := a + ".other"
	return errors.Join(os.Rename(a, other), os.Rename(b, a), os.Rename(other, b))
}

// awaitLine waits for one of some texts in what the node's present start has printed.
func (c *cluster) awaitLine(node int, texts ...string) error {
	return c.await(fmt.Sprintf("node %d prints one of %q", node, texts), func() bool {
		return c.printed(node, texts)
	})
}

// mayPrint waits for one of some texts that may rightly never come.
func (c *cluster) mayPrint(node int, texts ...string) {
	for began := time.Now(); !c.printed(node, texts) && time.Since(began) < elections; {
		time.Sleep(poll)
	}
}

func (c *cluster) printed(node int, texts []string) bool {
	p := c.nodes[node]
	data, err := os.ReadFile(p.log.Name())
	return err == nil && slices.ContainsFunc(texts, func(text string) bool {
		return strings.Contains(string(data[p.from:]), text)
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
	case <-c.ctx.Done():
		return c.ctx.Err()
	}
}

func (c *cluster) await(what string, ok func() bool) error {
	for began := time.Now(); !ok(); time.Sleep(poll) {
		if time.Since(began) > limit {
			return fmt.Errorf("not within %v: %s", limit, what)
		}
		if c.ctx.Err() != nil {
			return c.ctx.Err()
		}
	}
	return nil
}

// replaceNode runs the operator's command.
func (c *cluster) replaceNode(lost, with int) error {
	ctx, cancel := context.WithTimeout(c.ctx, limit)
	defer cancel()
	out, err := exec.CommandContext(ctx, c.lockstep, "cluster", "replace-node",
		"--bootstrap-servers", c.port(1, 0)+","+c.port(2, 0)+","+c.port(3, 0),
		"--node", fmt.Sprint(lost), "--with", fmt.Sprint(with)).CombinedOutput()
	if err != nil {
		return fmt.Errorf("replace-node: %w: %s", err, out)
	}
	return nil
}
