package admin

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// replaceOptions are the flags of cluster replace-node.
type replaceOptions struct{ node, with int32 }

func replaceCommand() *cobra.Command {
	var o replaceOptions
	c := &cobra.Command{
		Use:   "replace-node",
		Short: "Give the vote of a lost directory to a new one",
		Long: `Give the vote of a lost directory to a new one, which has joined the cluster already:
the same node on an empty directory, or another node (--with). The lost directory never comes
back: if its node starts on it again, it is refused. Records that only the lost directory
had are lost.`,
		Example: `  lockstep cluster replace-node --bootstrap-servers host-a:9092 --node 2
  lockstep cluster replace-node --bootstrap-servers host-a:9092 --node 2 --with 4`,
		Args: cobra.NoArgs,
	}
	var to connection
	to.flags(c, 2*time.Minute)
	c.RunE = func(c *cobra.Command, _ []string) error {
		if o.with == 0 {
			o.with = o.node
		}
		return to.with(c, func(s *session) error {
			ctx, cancel := s.within()
			defer cancel()
			return (&quorum{ctx, s.client}).replace(s.out, o)
		})
	}
	c.Flags().Int32Var(&o.node, "node", 0, "node that has lost its directory")
	c.Flags().Int32Var(&o.with, "with", 0, "node with the new directory (default: the same node)")
	_ = c.MarkFlagRequired("node") // the flag exists
	return c
}

// quorum asks the brokers about the voters of the metadata.
type quorum struct {
	ctx    context.Context
	client *kgo.Client
}

// member is a voter or a learner.
type member struct {
	node      int32
	directory [16]byte
	voter     bool
	end       int64     // its log end offset, -1 if it is not known
	caughtUp  time.Time // when it had all of the leader's log; zero if it is not known
}

func (m member) role() string {
	if m.voter {
		return "voter"
	}
	return "learner"
}

// members are the voters and the learners of the metadata's log, and its leader: the controller.
func (q *quorum) members() (members []member, leader int32, err error) {
	req := kmsg.NewPtrDescribeQuorumRequest()
	req.Topics = []kmsg.DescribeQuorumRequestTopic{{
		Topic: "__cluster_metadata", Partitions: []kmsg.DescribeQuorumRequestTopicPartition{{}},
	}}
	resp, err := req.RequestWith(q.ctx, q.client)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return nil, -1, problem("describe quorum", err, "")
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return nil, -1, errors.New("describe quorum: the answer names no partition")
	}
	p := resp.Topics[0].Partitions[0]
	for _, r := range p.CurrentVoters {
		members = append(members, memberOf(r, true))
	}
	for _, r := range p.Observers {
		members = append(members, memberOf(r, false))
	}
	return members, p.LeaderID, kerr.ErrorForCode(p.ErrorCode)
}

func memberOf(r kmsg.DescribeQuorumResponseTopicPartitionReplicaState, voter bool) member {
	m := member{node: r.ReplicaID, directory: r.ReplicaDirectoryID, voter: voter,
		end: r.LogEndOffset}
	if r.LastCaughtUpTimestamp > 0 {
		m.caughtUp = time.UnixMilli(r.LastCaughtUpTimestamp)
	}
	return m
}

// replace makes the directory of a node a voter, and removes the voters that it replaces. It may
// be run again after any failure.
func (q *quorum) replace(out io.Writer, o replaceOptions) error {
	members, _, err := q.members()
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
		if members, _, err := q.members(); err == nil && ok(members) {
			return nil
		}
		select {
		case <-q.ctx.Done():
			return q.ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}
