package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// kind is one case of the table.
type kind struct {
	name   string
	apache bool // Apache Kafka can be measured, too
	disks  bool
	// program returns the broker; nil: the one as it is.
	program func(o options) (path string, err error)
	// strike hits a node, and returns what ends that.
	strike func(c *cluster, n *node) (heal func() error, err error)
	busy   bool // nothing strikes; the brokers are busy
}

func kinds() map[string]kind {
	return map[string]kind{
		"frozen": {name: "frozen process", apache: true, strike: freeze},
		"loop":   {name: "endless turn of a loop", program: withEndlessTurn, strike: wedge},
		"disk":   {name: "stalled disk", disks: true, strike: stallDisk},
		"busy":   {name: "busy, slow disk", disks: true, busy: true},
	}
}

// freeze stops the process. The pid may be that of another process by the time of the end, so it is
// only continued if it is still the broker's.
func freeze(c *cluster, n *node) (func() error, error) {
	pid := c.pid(n)
	return func() error {
		if c.pid(n) != pid {
			return nil // it was killed, and started again
		}
		return syscall.Kill(pid, syscall.SIGCONT)
	}, syscall.Kill(pid, syscall.SIGSTOP)
}

func stallDisk(_ *cluster, n *node) (func() error, error) { return n.disk.goOn, n.disk.stall() }

// wedgeClient is the client id of requests that never end in the planted broker.
const wedgeClient = "wedge"

// withEndlessTurn builds the broker with one bug, which a request of wedgeClient shows: the loop of
// its connection does not end its turn.
func withEndlessTurn(o options) (string, error) {
	const file, find = "broker/shard/conn.go", "request, err := wire.ParseRequest(frame)\n"
	path, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	source, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	if strings.Count(string(source), find) != 1 {
		return "", fmt.Errorf("%s does not have %q once", file, find)
	}
	planted := filepath.Join(o.dir, "conn.go")
	bug := fmt.Sprintf("for request.ClientID == %q {\n}\n", wedgeClient)
	text := strings.Replace(string(source), find, find+bug, 1)
	if err := os.WriteFile(planted, []byte(text), 0o644); err != nil {
		return "", err
	}
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {path: planted}})
	if err != nil {
		return "", err
	}
	list := filepath.Join(o.dir, "overlay.json")
	if err := os.WriteFile(list, overlay, 0o644); err != nil {
		return "", err
	}
	program := filepath.Join(o.dir, "lockstep-wedge")
	return program, command("go", "build", "-overlay", list, "-o", program, "./cmd/lockstep")
}

// wedge sends an ApiVersions request (key 18, version 0) of wedgeClient.
func wedge(c *cluster, n *node) (func() error, error) {
	conn, err := net.Dial("tcp", c.address(n.id, 0))
	if err != nil {
		return nil, err
	}
	frame := []byte{0, 18, 0, 0, 0, 0, 0, 1, 0, byte(len(wedgeClient))}
	frame = append(frame, wedgeClient...)
	_, err = conn.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(frame))), frame...))
	return conn.Close, err
}

// run measures the kind, on one cluster.
func (k kind) run(ctx context.Context, o options, t *table, apache bool) error {
	program, name := o.bin, k.name
	if apache {
		name += ", Apache Kafka"
	} else if k.program != nil {
		var err error
		if program, err = k.program(o); err != nil {
			return err
		}
	}
	dir := strings.NewReplacer(" ", "-", ",", "").Replace(name)
	c, err := newCluster(ctx, o, dir, program, apache, k.disks)
	if err != nil {
		return err
	}
	defer c.close()
	if k.busy {
		return k.runBusy(ctx, c, t)
	}
	for i := range o.runs {
		for _, controller := range []bool{false, true} {
			if err := k.runOnce(ctx, c, t, fmt.Sprintf("run-%d-%t", i+1, controller), name,
				controller); err != nil {
				return err
			}
		}
	}
	return nil
}

// startLoads starts all clients, each with a topic of its own.
func (c *cluster) startLoads(ctx context.Context, prefix string) (loads []*load, err error) {
	for _, client := range c.clients() {
		topic := prefix + "-" + client.name
		if err := c.create(ctx, topic); err != nil {
			return loads, err
		}
		if err := c.awaitInSync(ctx); err != nil {
			return loads, err
		}
		l, err := client.start(c.options, c.seeds(), topic)
		if err != nil {
			return loads, err
		}
		loads = append(loads, l)
	}
	return loads, nil
}

func (k kind) runOnce(
	ctx context.Context, c *cluster, t *table, run, name string, controller bool,
) error {
	loads, err := c.startLoads(ctx, run)
	defer func() {
		for _, l := range loads {
			l.kill()
		}
	}()
	if err != nil {
		return err
	}
	pause(ctx, c.before)
	n, err := c.victim(ctx, controller)
	if err != nil {
		return err
	}
	before := c.pid(n)
	heal, err := k.strike(c, n)
	if err != nil {
		return err
	}
	pause(ctx, c.hold)
	if err := heal(); err != nil {
		return err
	}
	pause(ctx, c.after)
	for _, l := range loads {
		r, err := l.stop()
		if err != nil {
			return err
		}
		t.add(name, controller, l.name, r)
	}
	if c.apache {
		return c.awaitInSync(ctx)
	}
	if err := c.await(ctx, "the node is killed and serves again", func() bool {
		pid := c.pid(n)
		return pid != 0 && pid != before
	}); err != nil {
		return err
	}
	return c.awaitInSync(ctx)
}

// What the brokers of the last case have beside their load.
const (
	hogs = 4 // processes that take all of a core that they can get
	// writesPerSecond is what each disk allows, of 4 KiB each: a group of records needs several.
	writesPerSecond = 40
)

// runBusy makes all brokers busy, slows their disks, and checks that none is killed.
func (k kind) runBusy(ctx context.Context, c *cluster, t *table) error {
	loads, err := c.startLoads(ctx, "busy")
	defer func() {
		for _, l := range loads {
			l.kill()
		}
	}()
	if err != nil {
		return err
	}
	before := map[int]int{}
	for _, n := range c.nodes {
		slow, err := newThrottle()
		if err != nil {
			return err
		}
		defer func() {
			if err := slow.close(); err != nil {
				fmt.Fprintln(os.Stderr, "remove a control group:", err)
			}
		}()
		before[n.id] = c.pid(n)
		for _, pid := range []int{n.cmd.Process.Pid, before[n.id]} {
			if err := slow.slow(pid, n.disk, writesPerSecond); err != nil {
				return err
			}
		}
	}
	for range hogs {
		hog := exec.Command("sh", "-c", "while :; do :; done")
		hog.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := hog.Start(); err != nil {
			return err
		}
		defer func() {
			_ = hog.Process.Kill()
			_ = hog.Wait()
		}()
	}
	pause(ctx, c.busy)
	for _, l := range loads {
		r, err := l.stop()
		if err != nil {
			return err
		}
		t.busy(k.name, l.name, r)
	}
	for _, n := range c.nodes {
		t.killed(k.name, n.id, c.pid(n) != before[n.id])
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
