package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// clusterCommand has what an operator asks a running cluster for. It speaks Kafka's protocol
// (DescribeQuorum, AddRaftVoter, RemoveRaftVoter), so any broker serves it.
func clusterCommand() *cobra.Command {
	cluster := &cobra.Command{
		Use:   "cluster",
		Short: "Ask for the health of a running cluster, and change its voters",
	}
	cluster.AddCommand(describeCommand(), replaceCommand(), clusterHealthCommand())
	return cluster
}

func describeCommand() *cobra.Command {
	var bootstrap string
	c := &cobra.Command{
		Use: "describe", Short: "List voters and learners with their directories",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withQuorum(cmd.Context(), bootstrap, time.Minute, func(q *quorum) error {
				return q.describe(cmd.OutOrStdout())
			})
		},
	}
	bootstrapFlag(c, &bootstrap)
	return c
}

// replaceOptions are the flags of cluster replace-node.
type replaceOptions struct {
	bootstrap  string
	node, with int32
	timeout    time.Duration
}

func replaceCommand() *cobra.Command {
	var o replaceOptions
	c := &cobra.Command{
		Use:   "replace-node",
		Short: "Give the vote of a lost directory to a new one",
		Long: `Give the vote of a lost directory to a new one, which has joined the cluster already:
the same node on an empty directory, or another node (--with). The lost directory never comes
back: if its node starts on it again, it is refused. Records that only the lost directory
had are lost.`,
		Example: `  lockstep cluster replace-node --bootstrap host-a:9092 --node 2
  lockstep cluster replace-node --bootstrap host-a:9092 --node 2 --with 4`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.with == 0 {
				o.with = o.node
			}
			return withQuorum(cmd.Context(), o.bootstrap, o.timeout, func(q *quorum) error {
				return q.replace(cmd.OutOrStdout(), o)
			})
		},
	}
	bootstrapFlag(c, &o.bootstrap)
	c.Flags().Int32Var(&o.node, "node", 0, "node that has lost its directory")
	c.Flags().Int32Var(&o.with, "with", 0, "node with the new directory (default: the same node)")
	c.Flags().DurationVar(&o.timeout, "timeout", 2*time.Minute,
		"how long to wait for the new voter")
	_ = c.MarkFlagRequired("node") // the flag exists
	return c
}

func bootstrapFlag(c *cobra.Command, to *string) {
	c.Flags().StringVar(to, "bootstrap", "127.0.0.1:9092", "brokers, host:port with commas between")
}

// quorum asks the brokers about the voters of the metadata.
type quorum struct {
	ctx    context.Context
	client *kgo.Client
}

func withQuorum(
	ctx context.Context, bootstrap string, timeout time.Duration, do func(*quorum) error,
) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(bootstrap, ",")...),
		kgo.ClientID("lockstep-cluster"))
	if err != nil {
		return fmt.Errorf("--bootstrap: %w", err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return do(&quorum{ctx, client})
}

// member is a voter or a learner.
type member struct {
	node      int32
	directory [16]byte
	voter     bool
}

func (m member) role() string {
	if m.voter {
		return "voter"
	}
	return "learner"
}

func (q *quorum) members() ([]member, error) {
	req := kmsg.NewPtrDescribeQuorumRequest()
	req.Topics = []kmsg.DescribeQuorumRequestTopic{{
		Topic: "__cluster_metadata", Partitions: []kmsg.DescribeQuorumRequestTopicPartition{{}},
	}}
	resp, err := req.RequestWith(q.ctx, q.client)
	if err != nil {
		return nil, fmt.Errorf("describe quorum: %w", err)
	}
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return nil, fmt.Errorf("describe quorum: %w", err)
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return nil, errors.New("describe quorum: the answer names no partition")
	}
	var members []member
	p := resp.Topics[0].Partitions[0]
	for _, r := range p.CurrentVoters {
		members = append(members, member{r.ReplicaID, r.ReplicaDirectoryID, true})
	}
	for _, r := range p.Observers {
		members = append(members, member{r.ReplicaID, r.ReplicaDirectoryID, false})
	}
	return members, kerr.ErrorForCode(p.ErrorCode)
}

// describe prints the members.
func (q *quorum) describe(out io.Writer) error {
	members, err := q.members()
	for _, m := range members {
		fmt.Fprintf(out, "node %-5d %-8s directory %s\n", m.node, m.role(),
			hex.EncodeToString(m.directory[:]))
	}
	return err
}

// replace makes the directory of a node a voter, and removes the voters that it replaces. It may
// be run again after any failure.
func (q *quorum) replace(out io.Writer, o replaceOptions) error {
	members, err := q.members()
	if err != nil {
		return err
	}
	joined, err := newcomer(members, o.with)
	if err != nil {
		return err
	}
	if !joined.voter {
		fmt.Fprintf(out, "node %d with directory %s becomes a voter\n", o.with,
			hex.EncodeToString(joined.directory[:]))
		if err := q.add(joined); err != nil {
			return err
		}
		if err := q.await(func(m []member) bool { return voted(m, joined) }); err != nil {
			return fmt.Errorf("node %d has not become a voter: %w", o.with, err)
		}
	}
	for _, m := range members {
		if m.node != o.node || m.directory == joined.directory {
			continue
		}
		// Other directories of the same node were removed when the new one was added.
		if err := q.remove(m); err != nil && !errors.Is(err, kerr.VoterNotFound) {
			return err
		}
		gone := func(now []member) bool { return !voted(now, m) }
		if err := q.await(gone); err != nil {
			return fmt.Errorf("directory %s of node %d is still a voter: %w",
				hex.EncodeToString(m.directory[:]), m.node, err)
		}
		fmt.Fprintf(out, "node %d with directory %s was removed\n", m.node,
			hex.EncodeToString(m.directory[:]))
	}
	return nil
}

// newcomer is the directory of a node that joined last: its learner, or else its only voter.
func newcomer(members []member, node int32) (found member, err error) {
	for _, m := range members {
		if m.node == node && (found.node == 0 || !m.voter) {
			found = m
		}
	}
	if found.node == 0 {
		return found, fmt.Errorf("node %d has not joined the cluster: start it on an empty "+
			"directory", node)
	}
	return found, nil
}

// voted reports whether the member is a voter.
func voted(members []member, m member) bool {
	for _, now := range members {
		if now.voter && now.directory == m.directory {
			return true
		}
	}
	return false
}

func (q *quorum) add(m member) error {
	req := kmsg.NewPtrAddRaftVoterRequest()
	req.VoterID, req.VoterDirectoryID = m.node, m.directory
	resp, err := req.RequestWith(q.ctx, q.client)
	if err != nil {
		return fmt.Errorf("add voter: %w", err)
	}
	return failure("add voter", resp.ErrorCode, resp.ErrorMessage)
}

func (q *quorum) remove(m member) error {
	req := kmsg.NewPtrRemoveRaftVoterRequest()
	req.VoterID, req.VoterDirectoryID = m.node, m.directory
	resp, err := req.RequestWith(q.ctx, q.client)
	if err != nil {
		return fmt.Errorf("remove voter: %w", err)
	}
	return failure("remove voter", resp.ErrorCode, resp.ErrorMessage)
}

func failure(what string, code int16, message *string) error {
	err := kerr.ErrorForCode(code)
	switch {
	case err == nil:
		return nil
	case message == nil:
		return fmt.Errorf("%s: %w", what, err)
	default:
		return fmt.Errorf("%s: %w: %s", what, err, *message)
	}
}

// await asks until the members are as wanted.
func (q *quorum) await(ok func([]member) bool) error {
	for {
		if members, err := q.members(); err == nil && ok(members) {
			return nil
		}
		select {
		case <-q.ctx.Done():
			return q.ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}
