package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// devNode is one node of a dev cluster with its addresses.
type devNode struct {
	id                                int
	kafka, http, control, replication string
}

// Distances of a node's other ports from its Kafka port.
const (
	devHTTPShift        = 100
	devControlShift     = 200
	devReplicationShift = 300
	devNodesMax         = 100 // ports of one kind must not run into those of the next
)

// devNodes derives the nodes' addresses.
func devNodes(o devOptions) ([]devNode, error) {
	if o.nodes < 1 || o.nodes > devNodesMax {
		return nil, fmt.Errorf("--nodes must be between 1 and %d", devNodesMax)
	}
	if highest := 65535 - devReplicationShift - o.nodes + 1; o.basePort < 1 ||
		o.basePort > highest {
		return nil, fmt.Errorf("--base-port must be between 1 and %d", highest)
	}
	at := func(port int) string { return joinAddress("127.0.0.1", port) }
	var nodes []devNode
	for i := range o.nodes {
		port := o.basePort + i
		nodes = append(nodes, devNode{
			id: i + 1, kafka: at(port), http: at(port + devHTTPShift),
			control: at(port + devControlShift), replication: at(port + devReplicationShift),
		})
	}
	return nodes, nil
}

func bootstrapServers(nodes []devNode) string {
	var list []string
	for _, n := range nodes {
		list = append(list, n.kafka)
	}
	return strings.Join(list, ",")
}

// portsFree reports a port that is in use, before any node starts.
func portsFree(nodes []devNode) error {
	for _, n := range nodes {
		for _, addr := range []string{n.kafka, n.http, n.control, n.replication} {
			l, err := net.Listen("tcp", addr)
			if err != nil {
				return fmt.Errorf("node %d cannot use %s (is another cluster running? see "+
					"--base-port): %w", n.id, addr, err)
			}
			l.Close()
		}
	}
	return nil
}

// devDir is the directory of a dev cluster:
//
//	lock                        locked while lockstep dev runs
//	dev.properties              the options that the cluster was made with
//	node-<i>/server.properties  written at every start
//	node-<i>/data/              the node's data directory
//	node-<i>/log                what the node printed, over all runs
type devDir struct {
	dir     string
	cluster string // 32 hex digits
	lock    *os.File
}

const (
	devLockFile  = "lock"
	devStateFile = "dev.properties"
	devLogMax    = 64 << 20 // a larger log of earlier runs is dropped at the start
)

// openDevDir locks the directory and reads or makes its cluster.
func openDevDir(o devOptions) (*devDir, error) {
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return nil, fmt.Errorf("--dir: %w", err)
	}
	if err := ours(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("--dir: %w", err)
	}
	d := &devDir{dir: dir}
	if d.lock, err = os.OpenFile(filepath.Join(dir, devLockFile), os.O_CREATE|os.O_RDWR,
		0o644); err != nil {
		return nil, fmt.Errorf("--dir: %w", err)
	}
	if err := unix.Flock(int(d.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		holder, _ := os.ReadFile(d.lock.Name()) // only for the message
		d.lock.Close()
		return nil, fmt.Errorf("--dir %s is in use by another lockstep dev (process %s)", dir,
			strings.TrimSpace(string(holder)))
	}
	if err := errors.Join(d.lock.Truncate(0), writePid(d.lock)); err != nil {
		d.lock.Close()
		return nil, fmt.Errorf("--dir: %w", err)
	}
	if err := d.prepare(o); err != nil {
		d.unlock()
		return nil, err
	}
	return d, nil
}

// ours refuses a directory that is not empty and holds no dev cluster, because --fresh
// removes all files.
func ours(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("--dir: %w", err)
	}
	for _, e := range entries {
		if e.Name() == devStateFile {
			return nil
		}
	}
	for _, e := range entries {
		if e.Name() != devLockFile {
			return fmt.Errorf("--dir %s is not empty and was not made by lockstep dev", dir)
		}
	}
	return nil
}

// writePid names this process in a lock file, for the next one that wants the lock.
func writePid(lock *os.File) error {
	_, err := fmt.Fprintln(lock, os.Getpid())
	return err
}

func (d *devDir) unlock() { d.lock.Close() }

// prepare reads the options that the cluster was made with, or makes a cluster.
func (d *devDir) prepare(o devOptions) error {
	if o.fresh {
		if err := d.clear(); err != nil {
			return err
		}
	}
	path := filepath.Join(d.dir, devStateFile)
	made, err := readProperties(path)
	if errors.Is(err, fs.ErrNotExist) {
		return d.create(path, o)
	}
	if err != nil {
		return err
	}
	for _, s := range made {
		var now string
		switch s.name {
		case "cluster.id":
			d.cluster = s.value
			continue
		case "nodes":
			now = strconv.Itoa(o.nodes)
		case "base.port":
			now = strconv.Itoa(o.basePort)
		default:
			return fmt.Errorf("%s: unknown key %q", path, s.name)
		}
		if now != s.value {
			return fmt.Errorf("the cluster in %s was made with %s=%s, not %s: use that value, "+
				"start a new cluster with --fresh, or use another --dir", d.dir, s.name,
				s.value, now)
		}
	}
	return nil
}

func (d *devDir) create(path string, o devOptions) error {
	var id [16]byte
	if _, err := rand.Read(id[:]); err != nil {
		return fmt.Errorf("draw cluster id: %w", err)
	}
	d.cluster = hex.EncodeToString(id[:])
	text := fmt.Sprintf("cluster.id=%s\nnodes=%d\nbase.port=%d\n", d.cluster, o.nodes, o.basePort)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return fmt.Errorf("--dir: %w", err)
	}
	return nil
}

// clear removes an earlier cluster. It removes the state file last, so that it can be
// repeated after an interruption.
func (d *devDir) clear() error {
	entries, err := os.ReadDir(d.dir)
	if err != nil {
		return fmt.Errorf("--fresh: %w", err)
	}
	for _, e := range entries {
		if e.Name() == devLockFile || e.Name() == devStateFile {
			continue
		}
		if err := os.RemoveAll(filepath.Join(d.dir, e.Name())); err != nil {
			return fmt.Errorf("--fresh: %w", err)
		}
	}
	if err := os.Remove(filepath.Join(d.dir, devStateFile)); err != nil &&
		!errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("--fresh: %w", err)
	}
	return nil
}

func (d *devDir) nodeDir(n devNode) string {
	return filepath.Join(d.dir, fmt.Sprintf("node-%d", n.id))
}

// child says how to run a node. Overrides are passed on the command line; the node checks
// them.
func (d *devDir) child(n devNode, o devOptions) (childSpec, error) {
	dir := d.nodeDir(n)
	args := []string{"serve", "--config", filepath.Join(dir, "server.properties")}
	for _, s := range o.overrides {
		args = append(args, "--override", s)
	}
	spec := childSpec{
		name: fmt.Sprintf("node %d", n.id), args: args, logPath: filepath.Join(dir, "log"),
	}
	if o.supervise {
		c, err := loadBrokerConfig(serveOptions{configFile: args[2], overrides: o.overrides}, nil)
		if err != nil {
			return childSpec{}, fmt.Errorf("%s: %w", spec.name, err)
		}
		spec.watch = killBound(c.session)
	}
	if os.Getenv("GOMAXPROCS") == "" {
		// The nodes share the cores of this machine. If each used all of them, idle
		// threads of one node would spin while another node waits for a core. That took
		// a third more CPU per message when it was measured.
		spec.env = append(spec.env, fmt.Sprintf("GOMAXPROCS=%d", coresEach(o.nodes)))
	}
	return spec, nil
}

// writeConfigs writes each node's server.properties.
func (d *devDir) writeConfigs(nodes []devNode, o devOptions) error {
	for _, n := range nodes {
		dir := d.nodeDir(n)
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return fmt.Errorf("directory of node %d: %w", n.id, err)
		}
		path := filepath.Join(dir, "server.properties")
		if err := os.WriteFile(path, []byte(d.config(n, nodes, o)), 0o644); err != nil {
			return fmt.Errorf("configuration of node %d: %w", n.id, err)
		}
		log := filepath.Join(dir, "log")
		if info, err := os.Stat(log); err == nil && info.Size() > devLogMax {
			if err := os.Remove(log); err != nil {
				return fmt.Errorf("log of node %d: %w", n.id, err)
			}
		}
	}
	return nil
}

// coresEach is a node's share of the machine's cores.
func coresEach(nodes int) int { return max(1, runtime.NumCPU()/nodes) }

// config is a node's server.properties. It also works with lockstep serve alone.
func (d *devDir) config(n devNode, nodes []devNode, o devOptions) string {
	var voters []string
	for _, v := range nodes {
		voters = append(voters, fmt.Sprintf("%d@%s", v.id, v.control))
	}
	shards := o.shards
	if shards == 0 {
		shards = coresEach(len(nodes))
	}
	replicas := min(3, len(nodes))
	var b strings.Builder
	b.WriteString("# Written by lockstep dev at every start.\n")
	for _, line := range [][2]string{
		{"node.id", strconv.Itoa(n.id)},
		{"cluster.id", d.cluster},
		{"log.dirs", escapeProperty(filepath.Join(d.nodeDir(n), "data"))},
		{"controller.quorum.voters", strings.Join(voters, ",")},
		{"listeners", "PLAINTEXT://" + n.kafka},
		{"control.listener", n.control},
		{"replication.listener", n.replication},
		{"http.listener", n.http},
		{"shards", strconv.Itoa(shards)},
		{"default.replication.factor", strconv.Itoa(replicas)},
		{"min.insync.replicas", strconv.Itoa(min(2, replicas))},
		{"offsets.topic.replication.factor", strconv.Itoa(replicas)},
	} {
		fmt.Fprintf(&b, "%s=%s\n", line[0], line[1])
	}
	return b.String()
}

// escapeProperty escapes a value for a properties file.
func escapeProperty(value string) string { return strings.ReplaceAll(value, `\`, `\\`) }
