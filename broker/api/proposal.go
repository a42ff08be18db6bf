package api

import (
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
)

// proposal is the way of an administrator's command. It is proposed, and its verdict comes once
// this shard has applied it. Then the request waits until every unfenced broker has applied it, so
// that a client may ask any of them at once (PROTOCOL 28). With validate_only the command is judged
// against this broker's image.
type proposal struct {
	stage    proposalStage
	deadline env.Instant
	outcome  ProposeResult
}

type proposalStage uint8

const (
	proposalBegins proposalStage = iota
	proposalMade
	proposalAwaitsOthers
)

func newProposal() proposal {
	return proposal{outcome: ProposeResult{Code: kafka.RequestTimedOut}}
}

// begin is called once: it proposes the command, or only judges it.
func (p *proposal) begin(
	c Context, timeout time.Duration, command meta.Judged, validateOnly bool,
) []Op {
	p.stage, p.deadline = proposalMade, c.Now().Mono.Add(timeout)
	if validateOnly {
		p.outcome = ProposeResult{Verdict: c.Image().DryRun(command)}
		p.stage = proposalAwaitsOthers
		return nil
	}
	return []Op{Propose{Command: command}}
}

// spread waits for the other brokers, if the command has changed anything.
func (p *proposal) spread(c Context, changed bool) []Op {
	if p.stage != proposalMade {
		return nil
	}
	p.stage = proposalAwaitsOthers
	within := min(c.Settings().AppliedByAll, p.deadline.Sub(c.Now().Mono))
	if p.outcome.Code != kafka.None || within <= 0 || !changed {
		return nil
	}
	return []Op{Applied{Index: p.outcome.Index, Within: within}}
}

func (p *proposal) resolve(result any) {
	if r, ok := result.(ProposeResult); ok {
		p.outcome = r
	}
}
