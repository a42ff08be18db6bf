package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// A client is a program that produces to the partitions of a topic in turn, in a steady rhythm.
// Its arguments are bootstrap servers, topic, number of partitions, and milliseconds between two
// records. It prints "ready" when warmUp records are acknowledged, and measures what is sent after
// that. When its standard input ends it flushes, and prints records, errors, and the milliseconds
// of the slowest acknowledgement, counted from the call.
type client struct {
	name    string
	command []string
}

const (
	partitions    = 6
	warmUp        = 200
	franzArgument = "franz-go"
)

// clientWait bounds the wait for a client that begins or ends.
const clientWait = 2 * time.Minute

func (o *options) clients() []client {
	return []client{
		{"franz-go", []string{o.self, franzArgument}},
		{"librdkafka", []string{o.python, "conformance/frozen/load.py"}},
		{"Java", []string{"java", "-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
			"-cp", o.java + ":" + filepath.Join(o.jars, "*"),
			"-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "Load"}},
	}
}

// result is what a client has noticed.
type result struct {
	records, errors int
	slowest         time.Duration
}

// load is a client that runs.
type load struct {
	client
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines chan string
}

// start starts a client and waits until it is ready.
func (c client) start(o options, seeds []string, topic string) (*load, error) {
	args := append(slices.Clone(c.command[1:]), strings.Join(seeds, ","), topic,
		strconv.Itoa(partitions), strconv.FormatInt(o.every.Milliseconds(), 10))
	l := &load{client: c, cmd: exec.Command(c.command[0], args...), lines: make(chan string, 9)}
	l.cmd.Stderr = os.Stderr
	l.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var err error
	if l.stdin, err = l.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := l.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := l.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.name, err)
	}
	go func() {
		defer close(l.lines)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			l.lines <- lines.Text()
		}
	}()
	if line, err := l.line(); err != nil || line != "ready" {
		l.kill()
		return nil, fmt.Errorf("%s is not ready: %q, %w", c.name, line, err)
	}
	return l, nil
}

func (l *load) line() (string, error) {
	select {
	case line, ok := <-l.lines:
		if !ok {
			return "", fmt.Errorf("%s ended early", l.name)
		}
		return line, nil
	case <-time.After(clientWait):
		return "", fmt.Errorf("%s printed nothing for %v", l.name, clientWait)
	}
}

func (l *load) kill() {
	_ = l.cmd.Process.Kill() // it may have ended by itself
	_ = l.cmd.Wait()
}

// stop lets the client flush and takes its result.
func (l *load) stop() (r result, err error) {
	defer l.kill()
	if err := l.stdin.Close(); err != nil {
		return r, err
	}
	line, err := l.line()
	if err != nil {
		return r, err
	}
	var ms int
	if _, err := fmt.Sscan(line, &r.records, &r.errors, &ms); err != nil {
		return r, fmt.Errorf("%s printed %q: %w", l.name, line, err)
	}
	r.slowest = time.Duration(ms) * time.Millisecond
	return r, nil
}

// franz is the client with franz-go.
func franz(args []string) error {
	count, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	every, err := strconv.Atoi(args[3])
	if err != nil {
		return err
	}
	c, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(args[0], ",")...),
		kgo.DefaultProduceTopic(args[1]), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return err
	}
	defer c.Close()
	var ended atomic.Bool
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		ended.Store(true)
	}()
	var mu sync.Mutex
	var r result
	warm := 0
	for n := 0; !ended.Load(); n++ {
		mu.Lock()
		measured := warm >= warmUp
		mu.Unlock()
		sent := time.Now()
		c.Produce(context.Background(),
			&kgo.Record{Value: make([]byte, 100), Partition: int32(n % count)},
			func(_ *kgo.Record, err error) {
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					r.errors++
					fmt.Fprintln(os.Stderr, "franz-go:", err)
				}
				if measured {
					r.records++
					r.slowest = max(r.slowest, time.Since(sent))
				} else if warm++; warm == warmUp {
					fmt.Println("ready")
				}
			})
		time.Sleep(time.Duration(every) * time.Millisecond)
	}
	if err := c.Flush(context.Background()); err != nil {
		return err
	}
	fmt.Println(r.records, r.errors, r.slowest.Milliseconds())
	return nil
}
