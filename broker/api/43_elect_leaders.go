package api

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
)

// electLeaders serves ElectLeaders 0-2 (key 43). A preferred election asks the leaders to hand
// over, and waits until they have, at most for the time of the request. An unclean election acts
// where nobody leads; what it loses is told by the event log. Null topics stand for all partitions,
// and the answer then has no partition that needs no election, as in Kafka.
type electLeaders struct {
	header
	req       *kmsg.ElectLeadersRequest
	stage     proposalStage
	asked     []askedElection
	elections []meta.Election
	outcome   ProposeResult
}

// askedElection is one partition of the answer.
type askedElection struct {
	topic     string
	partition int32
	code      kafka.ErrorCode // if this handler refused it
	at        int             // index into elections; -1 if refused
}

const uncleanElection = 1

func newElectLeaders(h header, req *kmsg.ElectLeadersRequest) *electLeaders {
	return &electLeaders{header: h, req: req, outcome: ProposeResult{Code: kafka.RequestTimedOut}}
}

func (e *electLeaders) Timeout() time.Duration { return milliseconds(e.req.TimeoutMillis) }

// unclean reports which kind of election is asked for. Version 0 knows preferred ones only.
func (e *electLeaders) unclean() bool {
	return e.version >= 1 && e.req.ElectionType == uncleanElection
}

func (e *electLeaders) Next(c Context, expired bool) []Op {
	switch {
	case expired:
		return nil
	case e.stage == proposalBegins:
		e.stage = proposalMade
		return e.start(c)
	case e.stage == proposalMade && e.outcome.Code == kafka.None && !e.unclean():
		e.stage = proposalAwaitsOthers
		var waits []meta.Election
		for i, v := range e.outcome.Verdict.Partitions {
			if v.Code == kafka.None {
				waits = append(waits, e.elections[i])
			}
		}
		if len(waits) > 0 {
			return []Op{NewEpochs{Elections: waits}}
		}
	}
	return nil
}

// start proposes the elections.
func (e *electLeaders) start(c Context) []Op {
	if e.req.Topics == nil {
		c.Image().Topics(func(t *meta.Topic) bool {
			for i, p := range t.Partitions {
				if p.Leader == kafka.NoNode || !e.unclean() && p.Leader != p.Replicas[0] {
					e.ask(c, t.Name, int32(i))
				}
			}
			return true
		})
	}
	for i := range e.req.Topics {
		for _, partition := range e.req.Topics[i].Partitions {
			e.ask(c, e.req.Topics[i].Topic, partition)
		}
	}
	switch {
	case len(e.elections) == 0:
		return nil
	case e.unclean():
		return []Op{Propose{Command: &meta.ElectLeaders{Unclean: true, Partitions: e.elections}}}
	}
	return []Op{Propose{Command: &meta.AskHandover{Partitions: e.elections}}}
}

func (e *electLeaders) ask(c Context, topic string, partition int32) {
	asked := askedElection{topic: topic, partition: partition, at: -1}
	id, code := topicID(c, topic)
	p := c.Image().Partition(kafka.PartitionID{Topic: id, Partition: partition})
	switch {
	case e.version >= 1 && (e.req.ElectionType < 0 || e.req.ElectionType > uncleanElection):
		asked.code = kafka.InvalidRequest
	case code != kafka.None || p == nil:
		asked.code = kafka.UnknownTopicOrPartition
	default:
		asked.at = len(e.elections)
		e.elections = append(e.elections, meta.Election{
			ID: kafka.PartitionID{Topic: id, Partition: partition}, LeaderEpoch: p.LeaderEpoch,
		})
	}
	e.asked = append(e.asked, asked)
}

func (e *electLeaders) Resolve(_ int, result any) {
	if r, ok := result.(ProposeResult); ok {
		e.outcome = r
	}
}

func (e *electLeaders) Answer(c Context) [][]byte {
	resp := e.req.ResponseKind().(*kmsg.ElectLeadersResponse)
	topics := map[string]int{}
	for i := range e.asked {
		a := &e.asked[i]
		code := e.verdict(c, a)
		if e.req.Topics == nil && code == kafka.ElectionNotNeeded {
			continue
		}
		at, ok := topics[a.topic]
		if !ok {
			at = len(resp.Topics)
			topics[a.topic] = at
			t := kmsg.NewElectLeadersResponseTopic()
			t.Topic = a.topic
			resp.Topics = append(resp.Topics, t)
		}
		out := kmsg.NewElectLeadersResponseTopicPartition()
		out.Partition, out.ErrorCode = a.partition, int16(code)
		out.ErrorMessage = nullable(electionMessage(code))
		resp.Topics[at].Partitions = append(resp.Topics[at].Partitions, out)
	}
	return e.frame(resp)
}

// verdict is the answer about one partition. A handover that was asked for is judged by the image.
func (e *electLeaders) verdict(c Context, a *askedElection) kafka.ErrorCode {
	switch {
	case a.at < 0:
		return a.code
	case e.outcome.Code != kafka.None:
		return e.outcome.Code
	}
	code, asked := e.outcome.Verdict.Partitions[a.at].Code, e.elections[a.at]
	if code == kafka.FencedLeaderEpoch {
		code = kafka.None // somebody else has elected meanwhile
	}
	if code != kafka.None || e.unclean() {
		return code
	}
	switch p := c.Image().Partition(asked.ID); {
	case p == nil:
		return kafka.UnknownTopicOrPartition
	case p.Leader == p.Replicas[0]:
		return kafka.None
	case p.LeaderEpoch == asked.LeaderEpoch:
		return kafka.RequestTimedOut
	}
	return kafka.PreferredLeaderNotAvailable
}

func electionMessage(code kafka.ErrorCode) string {
	switch code {
	case kafka.ElectionNotNeeded:
		return "Leader election not needed for topic partition."
	case kafka.PreferredLeaderNotAvailable:
		return "The preferred leader was not available."
	case kafka.EligibleLeadersNotAvailable:
		return "Eligible topic partition leaders are not available."
	}
	return ""
}
