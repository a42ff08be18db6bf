package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"example.com/lockstep/cmd/lockstep/admin"
)

// addHealth adds cluster health, which asks by HTTP, to the commands of package admin, which speak
// Kafka's protocol.
func addHealth(root *cobra.Command) {
	for _, c := range root.Commands() {
		if c.Name() == "cluster" {
			c.AddCommand(clusterHealthCommand())
		}
	}
}

// clusterHealthCommand asks a node's HTTP listener for the health of the cluster.
func clusterHealthCommand() *cobra.Command {
	var addr string
	var asJSON bool
	var timeout time.Duration
	c := &cobra.Command{
		Use:   "health",
		Short: "Say whether the cluster serves everything, as one of its nodes knows it",
		Long: `Ask the http.listener of a node whether the cluster serves everything.

The exit code is 0 if the cluster is healthy, 2 if it is degraded (everything is served,
with less redundancy than configured), 3 if it is unhealthy (partitions without a leader
or under min.insync.replicas, or no quorum), and 4 if the node does not answer.`,
		Example: "  lockstep cluster health --http 127.0.0.1:9192",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return clusterHealth(cmd.OutOrStdout(), addr, asJSON, timeout)
		},
	}
	c.Flags().StringVar(&addr, "http", "127.0.0.1:9192", "http.listener of a node, host:port")
	c.Flags().BoolVar(&asJSON, "json", false, "print the answer as JSON")
	c.Flags().DurationVar(&timeout, "timeout", 5*time.Second, "how long to wait for the answer")
	return c
}

func clusterHealth(out io.Writer, addr string, asJSON bool, timeout time.Duration) error {
	client := http.Client{Timeout: timeout}
	resp, err := client.Get("http://" + addr + "/cluster/health")
	if err != nil {
		return admin.ExitError{Code: admin.ExitNoAnswer, Err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return admin.ExitError{Code: admin.ExitNoAnswer, Err: err}
	}
	var answer clusterAnswer
	if err := json.Unmarshal(body, &answer); err != nil || answer.Status == "" {
		return admin.ExitError{Code: admin.ExitNoAnswer, Err: fmt.Errorf("node at %s: %s: %s", addr,
			resp.Status, strings.TrimSpace(string(body)))}
	}
	if asJSON {
		_, err = out.Write(body)
	} else {
		err = printHealth(out, &answer)
	}
	switch {
	case err != nil:
		return err
	case answer.Status == statusUnhealthy:
		return admin.ExitError{Code: admin.ExitUnhealthy,
			Err: errors.New("the cluster is unhealthy")}
	case answer.Status == statusDegraded:
		return admin.ExitError{Code: admin.ExitDegraded,
			Err: errors.New("the cluster is degraded")}
	}
	return nil
}

func printHealth(out io.Writer, a *clusterAnswer) error {
	lines := []string{
		"status      " + a.Status,
		fmt.Sprintf("controller  %d, term %d", a.Controller, a.Term),
		fmt.Sprintf("brokers     %d, fenced %v, full %v", a.Brokers, a.Fenced, a.Full),
		fmt.Sprintf("partitions  %d of %d topics, %d without leader, %d under min ISR, %d "+
			"under-replicated, %d replicas offline", a.Partitions, a.Topics, a.Unled, a.UnderMinISR,
			a.UnderReplicated, a.OfflineReplicas),
	}
	if len(a.Some) > 0 {
		lines = append(lines, "some        "+strings.Join(a.Some, " "))
	}
	for _, p := range a.Problems {
		lines = append(lines, "problem     "+p)
	}
	_, err := fmt.Fprintln(out, strings.Join(lines, "\n"))
	return err
}
