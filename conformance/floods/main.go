// Command floods sends a cluster what makes a broker hold memory and descriptors: clients that do
// not read their answers, connections that nobody uses, and requests that never become complete.
// All of them go to every node. It prints the resident memory of each node before, at its peak and
// after, and fails if a peak is above the bound. Meanwhile a producer and a consumer of each node
// must make progress.
package main

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"example.com/lockstep/conformance/rawkafka"
)

type options struct {
	basePort, nodes, readers, idle, frames int
	dir                                    string
	frameBytes, boundMiB                   int
	time, after                            time.Duration
}

func main() {
	var o options
	flag.IntVar(&o.basePort, "base-port", 9092, "Kafka port of node 1")
	flag.StringVar(&o.dir, "dir", "", "the directory of the dev cluster")
	flag.IntVar(&o.nodes, "nodes", 3, "number of nodes")
	flag.IntVar(&o.readers, "readers", 64, "clients of each node that do not read their answers")
	flag.IntVar(&o.idle, "idle", 2000, "idle connections to each node")
	flag.IntVar(&o.frames, "frames", 200, "requests to each node that do not become complete")
	flag.IntVar(&o.frameBytes, "frame-bytes", 100_000_000, "size that each of those announces")
	flag.IntVar(&o.boundMiB, "bound", 2300, "bound of a node's resident memory in MiB")
	flag.DurationVar(&o.time, "time", 45*time.Second, "how long the floods last")
	flag.DurationVar(&o.after, "after", 150*time.Second, "how long memory may take to go back")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "floods:", err)
		os.Exit(1)
	}
}

func (o *options) addr(node int) string { return "127.0.0.1:" + strconv.Itoa(o.basePort+node-1) }

func run(o options) error {
	if err := raiseDescriptors(); err != nil {
		return err
	}
	if err := prepare(&o); err != nil {
		return err
	}
	before, err := memories(&o)
	if err != nil {
		return err
	}
	probes := startProbes(&o)
	floods := startFloods(&o)
	peak, err := watch(&o, o.time, nil)
	floods.stop()
	progress := probes.stop()
	if err != nil {
		return err
	}
	after, err := watch(&o, o.after, func(now []int) bool {
		for i := range now {
			if now[i] > 2*before[i]+200 {
				return false
			}
		}
		return true
	})
	if err != nil {
		return err
	}
	last, err := memories(&o)
	if err != nil {
		return err
	}
	return report(&o, before, peak, after, last, progress)
}

func report(o *options, before, peak, after, last []int, progress []probe) error {
	failed := 0
	fmt.Println("node  before  peak  after (MiB)  produced  fetched  errors  worst")
	for i := range before {
		p := progress[i]
		fmt.Printf("%4d  %6d  %4d  %5d        %8d  %7d  %6d  %v\n", i+1, before[i], peak[i],
			last[i], p.produced, p.fetched, p.errors, p.worst.Round(time.Millisecond))
		if max(peak[i], after[i]) > o.boundMiB || p.produced == 0 || p.fetched == 0 {
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d nodes exceeded %d MiB, or served nobody", failed, o.boundMiB)
	}
	fmt.Printf("no node exceeded %d MiB\n", o.boundMiB)
	return nil
}

// watch samples the memory of all nodes until the time is over or enough says so, and returns the
// most that each had.
func watch(o *options, long time.Duration, enough func(now []int) bool) ([]int, error) {
	most := make([]int, o.nodes)
	until, next := time.Now().Add(long), time.Now()
	for time.Now().Before(until) {
		now, err := memories(o)
		if err != nil {
			return nil, err
		}
		for i := range now {
			most[i] = max(most[i], now[i])
		}
		if time.Now().After(next) {
			fmt.Println("resident MiB:", now)
			next = time.Now().Add(5 * time.Second)
		}
		if enough != nil && enough(now) {
			break
		}
		time.Sleep(250 * time.Millisecond)
	}
	return most, nil
}

// memories are the resident bytes of the nodes, in MiB.
func memories(o *options) ([]int, error) {
	out := make([]int, o.nodes)
	for i := range out {
		pid, err := rawkafka.PID(o.dir, int32(i+1))
		if err != nil {
			return nil, err
		}
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return nil, fmt.Errorf("memory of node %d: %w", i+1, err)
		}
		for line := range strings.Lines(string(status)) {
			if fields := strings.Fields(line); fields[0] == "VmRSS:" {
				kib, _ := strconv.Atoi(fields[1])
				out[i] = kib >> 10
			}
		}
	}
	return out, nil
}

func raiseDescriptors() error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("limit of open files: %w", err)
	}
	limit.Cur = limit.Max
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("raise the limit of open files: %w", err)
	}
	return nil
}
