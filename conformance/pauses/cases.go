package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"example.com/lockstep/conformance/rawkafka"
)

type cluster struct {
	options
	ran    int
	frozen map[int32]int // process ids by node
}

// testCase is one fault of nodes. aims are in ms, by relation; 0: none.
type testCase struct {
	name       string
	all        bool // hits all nodes, not one
	controller bool // whether the node that is hit is the controller
	hit        func(c *cluster, nodes []int32) error
	undo       func(c *cluster, nodes []int32) error // nil: dev starts the node again
	after      time.Duration                         // from hit to undo
	aims       map[relation]int
}

// relation is the role of the node that is hit for a partition.
type relation string

const (
	leader   relation = "leader"
	follower relation = "follower"
	nothing  relation = "nothing"
)

// cases are the faults, with the aims of PROTOCOL 25.
func cases(o options) []testCase {
	freeze, resume := (*cluster).freezeNodes, (*cluster).resumeNodes
	kill := func(c *cluster, nodes []int32) error { return c.signal(nodes, syscall.SIGKILL) }
	stop := func(c *cluster, nodes []int32) error { return c.signal(nodes, syscall.SIGTERM) }
	return []testCase{
		{name: "freeze", hit: freeze, undo: resume, after: o.freeze,
			aims: map[relation]int{leader: 3000, follower: 1000, nothing: 0}},
		{name: "freeze-controller", controller: true, hit: freeze, undo: resume, after: o.freeze,
			aims: map[relation]int{leader: 4000, follower: 4000, nothing: 0}},
		{name: "kill", hit: kill, after: 8 * time.Second,
			aims: map[relation]int{leader: 3000, follower: 1000, nothing: 0}},
		{name: "kill-controller", controller: true, hit: kill, after: 8 * time.Second,
			aims: map[relation]int{leader: 4000, follower: 4000, nothing: 0}},
		{name: "stop", hit: stop, after: 8 * time.Second,
			aims: map[relation]int{leader: 100, follower: 100, nothing: 0}},
		{name: "stop-controller", controller: true, hit: stop, after: 8 * time.Second,
			aims: map[relation]int{leader: 100, follower: 100, nothing: 0}},
		{name: "kill-all", all: true, hit: kill, after: 10 * time.Second},
	}
}

func (c *cluster) signal(nodes []int32, s syscall.Signal) error {
	for _, node := range nodes {
		pid, err := rawkafka.PID(c.dir, node)
		if err == nil {
			err = syscall.Kill(pid, s)
		}
		if err != nil {
			return fmt.Errorf("signal %v to node %d: %w", s, node, err)
		}
	}
	return nil
}

func (c *cluster) freezeNodes(nodes []int32) error {
	c.frozen = map[int32]int{}
	for _, node := range nodes {
		pid, err := rawkafka.PID(c.dir, node)
		if err != nil {
			return fmt.Errorf("freeze node %d: %w", node, err)
		}
		c.frozen[node] = pid
	}
	return c.signal(nodes, syscall.SIGSTOP)
}

// resumeNodes fails if the supervision of dev has killed a frozen node: the pause that was measured
// is then that of a kill.
func (c *cluster) resumeNodes(nodes []int32) error {
	for _, node := range nodes {
		if pid, err := rawkafka.PID(c.dir, node); err != nil || pid != c.frozen[node] {
			return fmt.Errorf("node %d was killed while it was frozen: start the cluster with "+
				"lockstep dev --supervise=false", node)
		}
	}
	return c.signal(nodes, syscall.SIGCONT)
}

var controllerMetric = regexp.MustCompile(`(?m)^lockstep_control_controller (-?\d+)$`)

// controllerNode reads the controller's id from the nodes' metrics.
func (c *cluster) controllerNode() (int32, error) {
	problem := errors.New("no node names a controller")
	for node := range c.nodes {
		response, err := http.Get(fmt.Sprintf("http://%s:%d/metrics", c.host, c.basePort+100+node))
		if err != nil {
			problem = fmt.Errorf("ask a node for the controller: %w", err)
			continue
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if match := controllerMetric.FindSubmatch(body); err == nil && match != nil {
			if id, _ := strconv.Atoi(string(match[1])); id > 0 {
				return int32(id), nil
			}
		}
	}
	return 0, problem
}

type row struct {
	line string
	ok   bool
}

// runCase creates topics, probes them, hits the node, and checks the result.
func (c *cluster) runCase(ctx context.Context, k testCase) ([]row, error) {
	controller, err := c.controllerNode()
	if err != nil {
		return nil, err
	}
	target := controller
	if !k.controller {
		target = controller%int32(c.nodes) + 1
	}
	targets := []int32{target}
	if k.all {
		for node := int32(1); node <= int32(c.nodes); node++ {
			if node != target {
				targets = append(targets, node)
			}
		}
	}
	probers, topics, err := c.prepare(k, target)
	if err != nil {
		return nil, err
	}
	if _, err := c.awaitFullISR(ctx, topics, 30*time.Second); err != nil {
		return nil, err
	}
	fmt.Fprintf(os.Stderr, "%s: hitting %v, the controller is %d\n", k.name, targets, controller)
	probing, stopProbing := context.WithCancel(ctx)
	defer stopProbing()
	var running sync.WaitGroup
	for _, p := range probers {
		running.Go(func() { p.run(probing) })
	}
	wait := func(d time.Duration) {
		select {
		case <-ctx.Done():
		case <-time.After(d):
		}
	}
	wait(3 * time.Second)
	hitAt := time.Now()
	if err := k.hit(c, targets); err != nil {
		return nil, err
	}
	wait(k.after)
	undoAt := time.Now()
	if k.undo != nil {
		if err := k.undo(c, targets); err != nil {
			return nil, err
		}
	}
	full, fullErr := c.awaitFullISR(ctx, topics, 60*time.Second)
	wait(2 * time.Second)
	stopProbing()
	running.Wait()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var rows []row
	for _, p := range probers {
		r := row{ok: true}
		verdict := "ok"
		if err := p.verify(ctx, c.seeds()); err != nil {
			verdict, r.ok = "LOST: "+err.Error(), false
		}
		inSync := full.Round(10 * time.Millisecond).String()
		if fullErr != nil {
			inSync, r.ok = fullErr.Error(), false
		}
		aim := "-"
		if a, ok := k.aims[p.relation]; ok {
			aim = strconv.Itoa(a)
		}
		before, pause, back, from := p.gaps(hitAt, undoAt)
		r.line = fmt.Sprintf("%s\t%s\t%s\t%d\t%d\t%d\t%+d\t%s\t%d\t%s\t%s",
			k.name, p.relation, p.describe(), len(p.acked), before.Milliseconds(),
			pause.Milliseconds(), from.Milliseconds(), aim,
			back.Milliseconds(), inSync, verdict)
		rows = append(rows, r)
	}
	return rows, nil
}

func (c *cluster) seeds() (addrs []string) {
	for node := int32(1); node <= int32(c.nodes); node++ {
		addrs = append(addrs, c.addr(node))
	}
	return addrs
}

// prepare creates the topics of a case and a prober for each partition.
func (c *cluster) prepare(
	k testCase, target int32,
) (probers []*prober, topics []string, err error) {
	c.ran++
	// others are the nodes that are not hit, in any order.
	var others []int32
	for node := int32(1); node <= int32(c.nodes); node++ {
		if node != target {
			others = append(others, node)
		}
	}
	a, b := others[0], others[1]
	prefix := fmt.Sprintf("pauses-%d-%s", time.Now().UnixMilli(), k.name)
	for _, t := range []struct {
		name, minInSync string
		replicas        [][]int32
		via             []int32
	}{
		{"three", "2", [][]int32{{target, a, b}, {a, target, b}}, []int32{0, 0}},
		{"pair", "1", [][]int32{{a, b}}, []int32{0}},
		{"forwarded", "2", [][]int32{{target, a, b}, {a, target, b}}, []int32{b, b}},
	} {
		topic := prefix + "-" + t.name
		if err := c.any(func(addr string) error {
			return rawkafka.CreateTopic(addr, topic, t.replicas, t.minInSync, 5*time.Second)
		}); err != nil {
			return nil, nil, fmt.Errorf("create topic %s: %w", topic, err)
		}
		topics = append(topics, topic)
		for partition, replicas := range t.replicas {
			p := &prober{
				cluster: c, topic: topic, partition: int32(partition), via: t.via[partition],
				relation: nothing,
			}
			switch slices.Index(replicas, target) {
			case 0:
				p.relation = leader
			case 1, 2:
				p.relation = follower
			}
			if err := c.any(func(addr string) (err error) {
				p.producer, err = rawkafka.NewProducer(addr, 5*time.Second)
				return err
			}); err != nil {
				return nil, nil, fmt.Errorf("draw producer id: %w", err)
			}
			probers = append(probers, p)
		}
	}
	return probers, topics, nil
}

func (p *prober) describe() string {
	if p.via == 0 {
		return "direct"
	}
	return strings.TrimSpace(fmt.Sprintf("forwarded by %d", p.via))
}
