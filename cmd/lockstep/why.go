package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"example.com/lockstep/broker/drive"
	"example.com/lockstep/cmd/lockstep/admin"
)

// nodesOptions name nodes by their HTTP listeners.
type nodesOptions struct {
	http    []string
	timeout time.Duration
}

func (o *nodesOptions) flags(c *cobra.Command) {
	c.Flags().StringSliceVar(&o.http, "http",
		[]string{"127.0.0.1:9192", "127.0.0.1:9193", "127.0.0.1:9194"},
		"http.listener of every node, host:port, separated by commas")
	c.Flags().DurationVar(&o.timeout, "timeout", 10*time.Second,
		"how long to wait for the answer of a node")
}

// whyCommand asks all nodes what they wait for.
func whyCommand() *cobra.Command {
	var o nodesOptions
	c := &cobra.Command{
		Use:   "why",
		Short: "Say what is pending in the cluster and why it does not end",
		Long: `Say what is pending in the cluster and why it does not end: ask every node for its
/debug/waits, and follow what waits for what through all loops of all nodes. There is one chain for
each reason, the worst first. The first line of a chain says how it ends:

  cycle         the last step waits for an earlier one
  fault         a node, a loop or a disk does not answer
  lost wake-up  nothing is under way that could end the wait
  unknown       what is waited for is not listed; it may have ended meanwhile
  under way     a timer, a disk operation or a message; every healthy cluster has some

A node that does not answer is the end of chains, too. The exit code is 4 if none answers.`,
		Example: `  lockstep why
  lockstep why --http host-a:9192,host-b:9192,host-c:9192`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			nodes, silent := o.waits(c.Context())
			for _, err := range silent {
				fmt.Fprintln(c.ErrOrStderr(), "no answer:", err)
			}
			if len(nodes) == 0 {
				return admin.ExitError{Code: admin.ExitNoAnswer,
					Err: errors.New("no node answers: --http names their http.listener")}
			}
			lines := drive.ExplainCluster(nodes)
			if len(lines) == 0 {
				lines = []string{"nothing is pending"}
			}
			for _, line := range lines {
				if _, err := fmt.Fprintln(c.OutOrStdout(), line); err != nil {
					return err
				}
			}
			return nil
		},
	}
	o.flags(c)
	return c
}

// waits are the answers of the nodes, in the order of their ids, and why others have not answered.
func (o *nodesOptions) waits(ctx context.Context) (nodes []drive.NodeWaits, silent []error) {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	answers, failed := make([]drive.NodeWaits, len(o.http)), make([]error, len(o.http))
	var all sync.WaitGroup
	for i, addr := range o.http {
		all.Go(func() { answers[i], failed[i] = askWaits(ctx, addr) })
	}
	all.Wait()
	for i, err := range failed {
		if err != nil {
			silent = append(silent, err)
		} else {
			nodes = append(nodes, answers[i])
		}
	}
	slices.SortFunc(nodes, func(a, b drive.NodeWaits) int { return int(a.Node - b.Node) })
	return nodes, silent
}

func askWaits(ctx context.Context, addr string) (answer drive.NodeWaits, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet,
		"http://"+addr+"/debug/waits?format=json", nil)
	if err != nil {
		return answer, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return answer, fmt.Errorf("node at %s: %s", addr, resp.Status)
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return answer, fmt.Errorf("node at %s: %w", addr, err)
	}
	return answer, nil
}
