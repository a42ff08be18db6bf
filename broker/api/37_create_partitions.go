package api

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
)

// createPartitions serves CreatePartitions 0-3 (key 37): topics get more partitions, placed by the
// broker or by the request. All topics of a request are one command, and each of them succeeds or
// fails by itself. Which bounds hold is decided in [meta.CreatePartitions].
type createPartitions struct {
	header
	req     *kmsg.CreatePartitionsRequest
	slots   []growSlot // one per name
	command meta.CreatePartitions
	proposal
}

// growSlot is one topic of the answer.
type growSlot struct {
	name  string
	twice bool // the request names it more than once
	at    int  // index into the command
}

func newCreatePartitions(h header, req *kmsg.CreatePartitionsRequest) *createPartitions {
	p := &createPartitions{header: h, req: req, proposal: newProposal()}
	named := map[string]int{}
	for i := range req.Topics {
		name := req.Topics[i].Topic
		if at, ok := named[name]; ok {
			p.slots[at].twice = true
			continue
		}
		named[name] = len(p.slots)
		p.slots = append(p.slots, growSlot{name: name, at: i})
	}
	return p
}

func (p *createPartitions) Timeout() time.Duration { return milliseconds(p.req.TimeoutMillis) }

func (p *createPartitions) Next(c Context, expired bool) []Op {
	switch {
	case expired:
		return nil
	case p.stage == proposalBegins:
		return p.start(c)
	}
	return p.spread(c, slices.ContainsFunc(p.outcome.Verdict.Topics,
		func(v meta.TopicVerdict) bool { return v.Code == kafka.None }))
}

func (p *createPartitions) start(c Context) []Op {
	for i := range p.slots {
		slot := &p.slots[i]
		if slot.twice {
			continue
		}
		topic := &p.req.Topics[slot.at]
		slot.at = len(p.command.Topics)
		more := meta.MorePartitions{Name: topic.Topic, Total: topic.Count}
		for _, a := range topic.Assignment {
			replicas := make([]kafka.NodeID, len(a.Replicas))
			for j, id := range a.Replicas {
				replicas[j] = kafka.NodeID(id)
			}
			more.Assignments = append(more.Assignments, replicas)
		}
		p.command.Topics = append(p.command.Topics, more)
	}
	if len(p.command.Topics) == 0 {
		return nil
	}
	return p.begin(c, p.Timeout(), &p.command, p.req.ValidateOnly)
}

func (p *createPartitions) Resolve(_ int, result any) { p.resolve(result) }

func (p *createPartitions) Answer(Context) [][]byte {
	resp := p.req.ResponseKind().(*kmsg.CreatePartitionsResponse)
	for i := range p.slots {
		slot, out := &p.slots[i], kmsg.NewCreatePartitionsResponseTopic()
		out.Topic = slot.name
		code, message := p.outcome.Code, ""
		switch {
		case slot.twice:
			code, message = kafka.InvalidRequest, "Duplicate topic name."
		case code == kafka.PolicyViolation:
			message = meta.ExcessiveMessage
		case code == kafka.None:
			v := &p.outcome.Verdict.Topics[slot.at]
			code, message = v.Code, v.Message
		}
		out.ErrorCode, out.ErrorMessage = int16(code), nullable(message)
		resp.Topics = append(resp.Topics, out)
	}
	return p.frame(resp)
}
