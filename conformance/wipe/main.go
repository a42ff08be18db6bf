// Command wipe loses, swaps and brings back data directories of a cluster of three real processes,
// and checks that nothing acknowledged is lost (PROTOCOL 4).
//
//	go build -o bin/lockstep ./cmd/lockstep
//	go run ./conformance/wipe --lockstep bin/lockstep --base-port 21500 --runs 20
//
// A run starts a new cluster, acknowledges records with acks=all, and takes nodes down. Then it
// changes directories and starts the nodes in some order. While more records are acknowledged, it
// replaces what was lost. At the end every acknowledged record is read back, and each refusal must
// have its line in the event log of the node.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"
)

type options struct {
	lockstep string
	basePort int
	runs     int
	dir      string
	cases    string
}

func main() {
	var o options
	flag.StringVar(&o.lockstep, "lockstep", "bin/lockstep", "the program under test")
	flag.IntVar(&o.basePort, "base-port", 21500, "the first of 40 ports")
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

func run(ctx context.Context, o options) (failed int, err error) {
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "wipe"); err != nil {
			return 0, err
		}
		defer os.RemoveAll(o.dir)
	}
	for number, k := range cases() {
		if !strings.Contains(k.name, o.cases) {
			continue
		}
		bad := 0
		for i := range o.runs {
			began := time.Now()
			dir := filepath.Join(o.dir, fmt.Sprintf("case-%d-%d", number, i))
			if err := runCase(ctx, o, k, dir); err != nil {
				bad++
				fmt.Printf("FAILED %s, run %d, after %v: %v\n  see %s\n", k.name, i,
					time.Since(began).Round(time.Millisecond), err, dir)
				continue
			}
			_ = os.RemoveAll(dir) // what is left is a temporary directory
			if ctx.Err() != nil {
				return failed, ctx.Err()
			}
		}
		fmt.Printf("%-60s %d runs, %d failed\n", k.name, o.runs, bad)
		failed += bad
	}
	return failed, nil
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
