package shard

import (
	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/meta"
)

// A leader gives its leadership to the preferred replica when the metadata ask it to
// (meta.AskHandover). The way, in order:
//
//	settling   it appends nothing, until all that it has appended is committed, so that no
//	           produce ends with an unknown fate
//	resigned   it has stopped answering what claims to know the end of the log, and proposes the
//	           election. So no lease has to end before it (PROTOCOL 24). It still appends nothing
//	appending  there is no verdict yet. It appends again, since appends are fenced by the epoch
//	           (PROTOCOL 21), and asks again now and then
//
// From resigned on only another leader epoch lets it claim the end of the log again: a proposal
// without a verdict may be applied at any later time. Every election that is applied begins a new
// epoch, also if the preferred replica cannot lead by then.
type handoverStage uint8

const (
	noHandover handoverStage = iota
	settling
	resigned
	appending
)

// handover is where a leader is on that way.
type handover struct {
	stage handoverStage
	doubt bool // a proposal has no verdict, or was of unknown fate
	timer *loop.Timer[due]
}

// refusesAppends reports whether the leader is about to resign, so that clients should go on with
// the next one.
func (h *handover) refusesAppends() bool { return h.stage == settling || h.stage == resigned }

// claimsEnd reports whether the leader may still claim to know the end of the log.
func (h *handover) claimsEnd() bool { return h.stage < resigned }

// beginHandovers begins those of the partitions that this shard leads.
func (s *Shard) beginHandovers(asked []meta.Election) {
	for _, e := range asked {
		p := s.parts[e.ID]
		if p == nil || p.role != leading || p.epoch != e.LeaderEpoch || !s.mayLead() ||
			p.handover.stage != noHandover {
			continue
		}
		s.enterStage(p, settling)
		s.settle(p)
	}
}

// enterStage enters a stage, and looks at it again if it lasts as long as an acknowledgement may.
func (s *Shard) enterStage(p *part, stage handoverStage) {
	s.timers.Cancel(p.handover.timer)
	p.handover.stage = stage
	p.handover.timer = s.timers.Set(s.now.Mono.Add(s.limits.AckTimeout),
		due{kind: dueHandover, part: p})
}

// endHandover goes on to lead as before, or ends with the epoch.
func (s *Shard) endHandover(p *part) {
	s.timers.Cancel(p.handover.timer)
	p.handover = handover{}
}

// settle resigns once all that is appended is committed.
func (s *Shard) settle(p *part) {
	if p.handover.stage == settling && p.leader.Watermark() == p.log.End() {
		s.enterStage(p, resigned)
		s.proposeHandover(p)
	}
}

// handoverDue ends a stage that has lasted too long. Followers that are too slow keep the
// leadership where it is; it is asked for again.
func (s *Shard) handoverDue(p *part) {
	switch {
	case s.parts[p.id] != p:
	case p.handover.stage == settling:
		mark.Hit(mark.HandoverGivenUp)
		s.endHandover(p)
	case p.handover.stage == resigned:
		s.enterStage(p, appending)
	case p.handover.stage == appending:
		s.enterStage(p, appending)
		if !p.handover.doubt {
			s.proposeHandover(p)
		}
	}
}

// proposeHandover asks the controller for the election.
func (s *Shard) proposeHandover(p *part) {
	s.nextProposal++
	op := s.nextProposal
	s.handoversAsked[op] = meta.Election{ID: p.id, LeaderEpoch: p.epoch}
	p.handover.doubt = true
	call := Call{
		Origin: Origin{Loop: s.id, Request: op, Op: originHandover},
		Op: api.Propose{Command: &meta.ElectLeaders{
			Resigned:   true,
			Partitions: []meta.Election{{ID: p.id, LeaderEpoch: p.epoch}},
		}},
		Deadline: s.now.Mono.Add(s.limits.ProposalTimeout),
	}
	if !s.host.TrySend(loop.Control, call) {
		s.onHandoverVerdict(op, api.ProposeResult{Code: kafka.NotController})
	}
}

// originHandover marks, in Origin.Op, the election that a leader proposes when it resigns.
const originHandover = -4

// onHandoverVerdict takes the verdict on the election. If it is applied, the image with another
// epoch has come before, and ended the handover.
func (s *Shard) onHandoverVerdict(op uint64, result api.ProposeResult) {
	asked := s.handoversAsked[op]
	delete(s.handoversAsked, op)
	p := s.parts[asked.ID]
	if p == nil || p.role != leading || p.epoch != asked.LeaderEpoch || p.handover.claimsEnd() {
		return
	}
	p.handover.doubt = false
	if result.Code == kafka.RequestTimedOut {
		mark.Hit(mark.HandoverDoubtful)
	}
	if p.handover.stage == resigned {
		s.enterStage(p, appending)
	}
}
