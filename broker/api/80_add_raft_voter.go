package api

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
)

// changeVoters serves AddRaftVoter 0 (key 80) and RemoveRaftVoter 0 (key 81) (KIP-853,
// PROTOCOL 4c). It answers when the wish is committed. The controller fulfils it as soon as the
// learner has caught up; DescribeQuorum shows when. Unlike in Kafka, a directory that is added
// takes the place of other directories of its node: they were lost. The listeners of a request are
// not used, because a learner has registered with its addresses.
type changeVoters struct {
	header
	timeout time.Duration
	cluster *string
	command meta.Command
	resp    kmsg.Response
	started bool
	outcome ProposeResult
}

func newAddRaftVoter(h header, req *kmsg.AddRaftVoterRequest) *changeVoters {
	return &changeVoters{
		header: h, timeout: milliseconds(req.TimeoutMillis), cluster: req.ClusterID,
		command: &meta.AddVoter{PeerID: meta.PeerID{
			Node: kafka.NodeID(req.VoterID), Directory: req.VoterDirectoryID,
		}},
		resp: req.ResponseKind(), outcome: ProposeResult{Code: kafka.RequestTimedOut},
	}
}

func newRemoveRaftVoter(h header, req *kmsg.RemoveRaftVoterRequest) *changeVoters {
	return &changeVoters{
		header: h, cluster: req.ClusterID,
		command: &meta.RemoveVoter{PeerID: meta.PeerID{
			Node: kafka.NodeID(req.VoterID), Directory: req.VoterDirectoryID,
		}},
		resp: req.ResponseKind(), outcome: ProposeResult{Code: kafka.RequestTimedOut},
	}
}

func (a *changeVoters) Timeout() time.Duration { return a.timeout }

func (a *changeVoters) Next(c Context, _ bool) []Op {
	if a.started {
		return nil
	}
	a.started = true
	if a.cluster != nil && *a.cluster != clusterID(c) {
		a.outcome.Code = kafka.InconsistentClusterID
		return nil
	}
	return []Op{Propose{Command: a.command}}
}

func (a *changeVoters) Resolve(_ int, result any) { a.outcome = result.(ProposeResult) }

func (a *changeVoters) Answer(Context) [][]byte {
	code, message := a.outcome.Code, ""
	if code == kafka.None {
		code, message = a.outcome.Verdict.Code, a.outcome.Verdict.Message
	}
	switch resp := a.resp.(type) {
	case *kmsg.AddRaftVoterResponse:
		resp.ErrorCode, resp.ErrorMessage = int16(code), nullable(message)
	case *kmsg.RemoveRaftVoterResponse:
		resp.ErrorCode, resp.ErrorMessage = int16(code), nullable(message)
	}
	return a.frame(a.resp)
}
