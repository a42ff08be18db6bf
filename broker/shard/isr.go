package shard

import (
	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/replica"
)

// ISR changes, from the leader's wish to the verdict on it. package replica decides what
// to ask for; the controller decides whether it happens.

// proposeISR asks the controller for the ISR change that the leader wants.
func (s *Shard) proposeISR(p *part) {
	change, ok := p.leader.NextChange(s.now.Mono)
	if !ok {
		return
	}
	s.nextProposal++
	op := s.nextProposal
	members := make([]meta.ISRMember, len(change.ISR))
	for i, m := range change.ISR {
		members[i] = meta.ISRMember{Node: m.Node, Epoch: m.Epoch}
	}
	s.proposals[op] = proposedChange{p.id, change}
	s.stats.ISRProposals++
	call := Call{
		Origin: Origin{Loop: s.id, Request: op, Op: originISR},
		Op: api.Propose{Command: &meta.AlterPartition{
			Leader: s.cfg.Node, BrokerEpoch: s.epoch,
			Partitions: []meta.NewISR{{ID: p.id, LeaderEpoch: change.LeaderEpoch,
				PartitionEpoch: change.PartitionEpoch, ISR: members}},
		}},
		Deadline: s.now.Mono.Add(s.limits.ProposalTimeout),
	}
	if !s.host.TrySend(loop.Control, call) {
		s.onISRVerdict(op, api.ProposeResult{Code: kafka.NotController})
	}
}

// originISR marks, in Origin.Op, a proposal that belongs to a partition and not to a
// request.
const originISR = -1

// proposedChange is an ISR change that has no verdict yet.
type proposedChange struct {
	id     kafka.PartitionID
	change replica.Proposal
}

// onISRVerdict takes the verdict on an ISR change. An accepted change comes with the
// image. A timeout says nothing, so the additions go on holding the watermark.
func (s *Shard) onISRVerdict(op uint64, result api.ProposeResult) {
	proposed, ok := s.proposals[op]
	if !ok {
		return
	}
	delete(s.proposals, op)
	p := s.parts[proposed.id]
	if p == nil || p.role != leading {
		return
	}
	refused := result.Code != kafka.None && result.Code != kafka.RequestTimedOut
	if result.Code == kafka.None && len(result.Verdict.Partitions) > 0 {
		refused = result.Verdict.Partitions[0].Code != kafka.None
	}
	if refused {
		s.stats.ISRRefusals++
		mark.Hit(mark.ISRRefused)
		if p.leader.ChangeRefused(proposed.change, s.now.Mono.Add(s.limits.RefusedPause)) {
			s.watermarkMoved(p)
		}
	}
	s.touch(p)
}
