// Command wipe loses, swaps and brings back data directories of a cluster of three real processes,
// and checks that nothing acknowledged is lost (PROTOCOL 4).
//
//	go build -o bin/lockstep ./cmd/lockstep
//	go run ./conformance/wipe --lockstep bin/lockstep --base-port 21500 --runs 20 \
//		--parallel 12
//
// A run starts a new cluster, acknowledges records with acks=all, and takes nodes down: by SIGKILL
// or SIGTERM, all at once or some before the others. Then it changes directories and starts the
// nodes in some order. While more records are acknowledged, it replaces what was lost. At the end
// every acknowledged record is read back, and each refusal must have its line in the event log of
// the node. The directories of runs that fail are kept.
//
// Most of a run is waiting, so that several run side by side.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// ports is how many ports a run takes.
const ports = 40

type options struct {
	lockstep string
	basePort int
	runs     int
	parallel int
	dir      string
	cases    string
}

func main() {
	var o options
	flag.StringVar(&o.lockstep, "lockstep", "bin/lockstep", "the program under test")
	flag.IntVar(&o.basePort, "base-port", 21500,
		fmt.Sprintf("the first port; each parallel run takes %d", ports))
	flag.IntVar(&o.parallel, "parallel", 4, "runs side by side")
	flag.IntVar(&o.runs, "runs", 1, "runs of each case")
	flag.StringVar(&o.dir, "dir", "", "directory for the clusters (default: a temporary one)")
	flag.StringVar(&o.cases, "cases", "", "run only the cases with this in their name")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if failed, err := run(ctx, o); err != nil || failed > 0 {
		fmt.Fprintf(os.Stderr, "wipe: %d runs failed: %v\n", failed, err)
		os.Exit(1)
	}
}

// job is one run of a case.
type job struct {
	number int // of the case
	wipeCase
	run int
}

func run(ctx context.Context, o options) (failed int, err error) {
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "wipe"); err != nil {
			return 0, err
		}
	}
	jobs := make(chan job)
	var workers sync.WaitGroup
	results := make(chan result)
	for slot := range o.parallel {
		workers.Go(func() {
			mine := o
			mine.basePort += slot * ports
			for j := range jobs {
				results <- j.result(ctx, mine)
			}
		})
	}
	list := slices.DeleteFunc(cases(),
		func(k wipeCase) bool { return !strings.Contains(k.name, o.cases) })
	go func() {
		defer close(results)
		defer workers.Wait()
		defer close(jobs)
		for number, k := range list {
			for i := range o.runs {
				select {
				case jobs <- job{number, k, i}:
				case <-ctx.Done():
					return
				}
			}
		}
	}()
	failed = report(list, results, o.runs)
	_ = os.Remove(o.dir) // unless a failed run has left something
	return failed, ctx.Err()
}

// result is what came of a run.
type result struct {
	job
	dir  string
	took time.Duration
	err  error
}

func (j job) result(ctx context.Context, o options) result {
	r := result{job: j, dir: filepath.Join(o.dir, fmt.Sprintf("case-%d-%d", j.number, j.run))}
	began := time.Now()
	r.err = runCase(ctx, o, j.wipeCase, r.dir)
	r.took = time.Since(began).Round(time.Millisecond)
	if r.err == nil {
		_ = os.RemoveAll(r.dir) // as above
	}
	return r
}

// report prints a line for each failure, and one for each case when its runs have ended. It
// returns how many runs failed.
func report(list []wipeCase, results <-chan result, runs int) (failed int) {
	ended, bad := make([]int, len(list)), make([]int, len(list))
	for r := range results {
		if r.err != nil {
			bad[r.number]++
			failed++
			fmt.Printf("FAILED %s, run %d, after %v: %v\n  see %s\n", r.name, r.run, r.took,
				r.err, r.dir)
		}
		if ended[r.number]++; ended[r.number] == runs {
			fmt.Printf("%-66s %d runs, %d failed\n", r.name, runs, bad[r.number])
		}
	}
	return failed
}

// runCase runs one case on a new cluster.
func runCase(ctx context.Context, o options, k wipeCase, dir string) error {
	c, err := newCluster(ctx, o, dir)
	if err != nil {
		return err
	}
	defer c.stopAll()
	for node := 1; node <= 3; node++ {
		c.start(node)
	}
	if err := c.prepare(); err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	if err := c.produce(200); err != nil {
		return fmt.Errorf("produce before: %w", err)
	}
	if err := k.do(c); err != nil {
		return err
	}
	return c.verify()
}
