package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// cluster is three broker processes.
type cluster struct {
	options
	processes [4]*exec.Cmd // by node id
	admin     *kadm.Client
}

func newCluster(o options) (*cluster, error) {
	c := &cluster{options: o}
	var seeds, voters []string
	for id := 1; id <= 3; id++ {
		seeds = append(seeds, c.address(id))
		voters = append(voters, fmt.Sprintf("%d@127.0.0.1:%d", id, c.port(id)+1000))
	}
	for id := 1; id <= 3; id++ {
		text := fmt.Sprintf("node.id=%d\ncluster.id=%032x\nlog.dirs=%s\n"+
			"controller.quorum.voters=%s\nlisteners=PLAINTEXT://127.0.0.1:%d\n"+
			"http.listener=127.0.0.1:%d\nwal.budget.bytes=%d\nwal.segment.bytes=%d\n",
			id, 0xc0ffee, c.path(id, "data"), strings.Join(voters, ","), c.port(id), c.port(id)+100,
			o.wal<<20, min(64<<20, o.wal<<18))
		if err := os.WriteFile(c.path(id, "properties"), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(seeds...))
	if err != nil {
		return nil, err
	}
	c.admin = kadm.NewClient(client)
	c.admin.SetTimeoutMillis(int32((time.Minute).Milliseconds()))
	return c, nil
}

func (c *cluster) port(id int) int       { return c.basePort + id - 1 }
func (c *cluster) address(id int) string { return fmt.Sprintf("127.0.0.1:%d", c.port(id)) }

func (c *cluster) path(id int, name string) string {
	return filepath.Join(c.dir, fmt.Sprintf("%d.%s", id, name))
}

// start starts nodes with few descriptors.
func (c *cluster) start(ids ...int) error {
	for _, id := range ids {
		log, err := os.OpenFile(c.path(id, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		cmd := exec.Command("/bin/sh", "-c", fmt.Sprintf("ulimit -n %d; exec %s serve --config %s",
			c.descriptors, c.lockstep, c.path(id, "properties")))
		cmd.Stdout, cmd.Stderr = log, log
		cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := cmd.Start(); err != nil {
			return err
		}
		log.Close()
		c.processes[id] = cmd
	}
	return nil
}

// kill ends nodes as a crash does, all at once.
func (c *cluster) kill(ids ...int) {
	for _, id := range ids {
		c.processes[id].Process.Kill()
	}
	for _, id := range ids {
		c.processes[id].Wait()
		c.processes[id] = nil
	}
}

func (c *cluster) close() {
	c.admin.Close()
	for id, p := range c.processes {
		if p != nil {
			c.kill(id)
		}
	}
}

// report prints how long a step took.
func (c *cluster) report(format string, took time.Duration, args ...any) {
	fmt.Printf("%8.2f s  %s\n", took.Seconds(), fmt.Sprintf(format, args...))
}

// reportNodes prints what each node needs of memory and descriptors.
func (c *cluster) reportNodes() {
	for id, p := range c.processes {
		if p == nil {
			continue
		}
		proc := fmt.Sprintf("/proc/%d/", p.Process.Pid)
		status, _ := os.ReadFile(proc + "status")
		open, _ := os.ReadDir(proc + "fd")
		fmt.Printf("            node %d: %s, %s, %d descriptors\n", id, line(status, "VmRSS"),
			line(status, "VmHWM"), len(open))
	}
}

// metric is the sum of a metric over the loops of a node.
func (c *cluster) metric(id int, name string) (sum int, err error) {
	answer, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/metrics", c.port(id)+100))
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	found := false
	for l := range strings.Lines(string(text)) {
		if fields := strings.Fields(l); len(fields) == 2 && strings.HasPrefix(l, name) {
			n, _ := strconv.ParseFloat(fields[1], 64)
			sum, found = sum+int(n), true
		}
	}
	if err == nil && !found {
		err = fmt.Errorf("there is no metric %s", name)
	}
	return sum, err
}

func line(status []byte, key string) string {
	for l := range strings.Lines(string(status)) {
		if strings.HasPrefix(l, key) {
			return strings.Join(strings.Fields(l), " ")
		}
	}
	return key + " unknown"
}

// tail is the end of each node's log.
func (c *cluster) tail() string {
	var b strings.Builder
	for id := 1; id <= 3; id++ {
		log, _ := os.ReadFile(c.path(id, "log"))
		lines := strings.Split(strings.TrimSpace(string(log)), "\n")
		fmt.Fprintf(&b, "\n%d: %s", id, strings.Join(lines[max(0, len(lines)-5):], "\n   "))
	}
	return b.String()
}
