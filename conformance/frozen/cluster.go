package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// limit bounds each wait for the cluster.
const limit = 2 * time.Minute

// The kernel kills what a thread has started when that thread ends. The main thread starts all.
func init() { runtime.LockOSThread() }

// cluster is three brokers.
type cluster struct {
	options
	dir    string
	apache bool
	nodes  []*node
	client *kgo.Client
	admin  *kadm.Client
}

// node is one broker: its process, or that of its supervisor.
type node struct {
	id   int
	cmd  *exec.Cmd
	log  string // path
	disk *disk  // nil: its data is in dir
	data string
}

// newCluster starts three brokers, each with a disk of its own if disks is true.
func newCluster(ctx context.Context, o options, name, program string, apache, disks bool) (
	c *cluster, err error,
) {
	c = &cluster{options: o, dir: filepath.Join(o.dir, name), apache: apache}
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	if c.client, err = kgo.NewClient(kgo.SeedBrokers(c.seeds()...)); err != nil {
		return c, err
	}
	c.admin = kadm.NewClient(c.client)
	for id := 1; id <= 3; id++ {
		n := &node{id: id, log: c.path(id, "log"), data: c.path(id, "data")}
		c.nodes = append(c.nodes, n)
		if disks {
			if n.disk, err = newDisk(n.data); err != nil {
				return c, err
			}
		}
		if err := c.start(n, program); err != nil {
			return c, err
		}
	}
	return c, c.await(ctx, "three brokers", func() bool {
		m, err := c.metadata(ctx)
		return err == nil && len(m.Brokers) == 3
	})
}

func (c *cluster) address(id, shift int) string {
	return fmt.Sprintf("127.0.0.1:%d", c.basePort+10*shift+id)
}

func (c *cluster) seeds() []string {
	return []string{c.address(1, 0), c.address(2, 0), c.address(3, 0)}
}

func (c *cluster) path(id int, name string) string {
	return filepath.Join(c.dir, fmt.Sprintf("%d.%s", id, name))
}

// start starts a broker of Lockstep under its supervisor, or one of Apache Kafka.
func (c *cluster) start(n *node, program string) error {
	voters := fmt.Sprintf("1@%s,2@%s,3@%s", c.address(1, 1), c.address(2, 1), c.address(3, 1))
	properties := fmt.Sprintf("node.id=%d\nlog.dirs=%s\ncontroller.quorum.voters=%s\n",
		n.id, filepath.Join(n.data, "logs"), voters)
	if c.apache {
		properties += fmt.Sprintf("process.roles=broker,controller\n"+
			"listeners=PLAINTEXT://%s,CONTROLLER://%s\nadvertised.listeners=PLAINTEXT://%[1]s\n"+
			"controller.listener.names=CONTROLLER\nlistener.security.protocol.map="+
			"PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n", c.address(n.id, 0), c.address(n.id, 1))
	} else {
		properties += fmt.Sprintf("cluster.id=%032x\nlisteners=PLAINTEXT://%s\n"+
			"control.listener=%s\nreplication.listener=%s\nhttp.listener=%s\nshards=1\n"+
			"wal.segment.bytes=1048576\nwal.budget.bytes=16777216\n", 0xc0ffee,
			c.address(n.id, 0), c.address(n.id, 1), c.address(n.id, 2), c.address(n.id, 3))
	}
	config := c.path(n.id, "properties")
	if err := os.WriteFile(config, []byte(properties), 0o644); err != nil {
		return err
	}
	log, err := os.OpenFile(n.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	if n.cmd = exec.Command(program, "serve", "--supervise", "--config", config); c.apache {
		java := []string{"-Xmx300m", "-cp", filepath.Join(c.jars, "*"),
			"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"}
		if err := command("java", append(java, "kafka.tools.StorageTool", "format", "-t",
			"AAAAAAAAAAAAAAAAAAD/7g", "-c", config)...); err != nil {
			return err
		}
		n.cmd = exec.Command("java", append(java, "kafka.Kafka", config)...)
	}
	n.cmd.Stdout, n.cmd.Stderr = log, log
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return n.cmd.Start()
}

// pid is the process that serves; 0 if there is none.
func (c *cluster) pid(n *node) int {
	if c.apache {
		return n.cmd.Process.Pid
	}
	out, _ := exec.Command("pgrep", "-P", strconv.Itoa(n.cmd.Process.Pid)).Output() // 1: none
	pid, _ := strconv.Atoi(strings.TrimSpace(string(out)))
	return pid
}

// close ends all processes, and waits for the brokers because they use their disks.
func (c *cluster) close() {
	if c.client != nil {
		c.client.Close()
	}
	for _, n := range c.nodes {
		if n.cmd == nil || n.cmd.Process == nil {
			continue
		}
		pid := c.pid(n)
		_ = n.cmd.Process.Kill() // it may have ended by itself
		_ = n.cmd.Wait()
		for pid != 0 && syscall.Kill(pid, 0) == nil {
			time.Sleep(10 * time.Millisecond)
		}
	}
	for _, n := range c.nodes {
		if n.disk == nil {
			continue
		}
		if err := n.disk.close(); err != nil {
			fmt.Fprintln(os.Stderr, "remove a disk:", err)
		}
	}
}

func (c *cluster) await(ctx context.Context, what string, ok func() bool) error {
	for began := time.Now(); !ok(); time.Sleep(200 * time.Millisecond) {
		if time.Since(began) > limit {
			return fmt.Errorf("not within %v: %s; see %s", limit, what, c.dir)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

func (c *cluster) metadata(ctx context.Context, topics ...string) (kadm.Metadata, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return c.admin.Metadata(ctx, topics...)
}

// create makes a topic with three replicas.
func (c *cluster) create(ctx context.Context, topic string) error {
	minInSync := "2"
	var last error
	err := c.await(ctx, "create "+topic, func() bool {
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		_, last = c.admin.CreateTopic(ctx, partitions, 3,
			map[string]*string{"min.insync.replicas": &minInSync}, topic)
		return last == nil || strings.Contains(last.Error(), "TOPIC_ALREADY_EXISTS")
	})
	if err != nil {
		return fmt.Errorf("%w: %w", err, last)
	}
	return nil
}

// awaitInSync waits until all replicas of all topics are in sync, and all brokers lead.
func (c *cluster) awaitInSync(ctx context.Context) error {
	return c.await(ctx, "all replicas are in sync", func() bool {
		m, err := c.metadata(ctx)
		if err != nil || len(m.Brokers) != 3 {
			return false
		}
		inSync := true
		m.Topics.EachPartition(func(p kadm.PartitionDetail) {
			inSync = inSync && p.Err == nil && len(p.ISR) == 3
		})
		return inSync
	})
}

// victim is the node that is hit: the controller, or another one.
func (c *cluster) victim(ctx context.Context, controller bool) (*node, error) {
	leader, ask := 0, c.controller
	if c.apache {
		ask = c.quorumLeader
	}
	var last error
	if err := c.await(ctx, "a controller", func() bool {
		leader, last = ask(ctx)
		return last == nil && leader > 0
	}); err != nil {
		return nil, errors.Join(err, last)
	}
	for _, n := range c.nodes {
		if (leader == n.id) == controller {
			return n, nil
		}
	}
	return nil, fmt.Errorf("the controller is node %d", leader)
}

// controller asks a node of Lockstep, by HTTP.
func (c *cluster) controller(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet,
		"http://"+c.address(1, 3)+"/cluster/health", nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	health := struct {
		Controller int `json:"controller"`
	}{}
	err = json.NewDecoder(resp.Body).Decode(&health)
	return health.Controller, err
}

// quorumLeader asks any broker of Apache Kafka.
func (c *cluster) quorumLeader(ctx context.Context) (int, error) {
	req := kmsg.NewPtrDescribeQuorumRequest()
	topic := kmsg.NewDescribeQuorumRequestTopic()
	topic.Topic = "__cluster_metadata"
	topic.Partitions = append(topic.Partitions, kmsg.NewDescribeQuorumRequestTopicPartition())
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(ctx, c.client)
	if err != nil {
		return 0, err
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return 0, fmt.Errorf("describe the quorum: error %d", resp.ErrorCode)
	}
	return int(resp.Topics[0].Partitions[0].LeaderID), nil
}
