package api

import (
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
)

// createTopics serves CreateTopics 2-7 (key 19). All topics of a request are one command.
// Each of them succeeds or fails by itself. The answer is sent when every unfenced broker
// has applied the command, so that a client may go to any of them at once, or when the
// request's time is over. The topics exist in both cases (PROTOCOL 28). The answer is
// REQUEST_TIMED_OUT only if the verdict itself is not known.
//
// A validate-only request is checked against this broker's image. Its answer has no topic
// id, since no topic is created.
type createTopics struct {
	header
	req      *kmsg.CreateTopicsRequest
	state    createState
	deadline env.Instant
	command  *meta.CreateTopics
	slots    []createSlot // one per name
	outcome  ProposeResult
}

type createState uint8

const (
	createBegins createState = iota
	createProposed
	createAwaitsOthers
)

// createSlot is one topic of the answer.
type createSlot struct {
	name    string
	code    kafka.ErrorCode // if this handler refused the topic
	message string
	topic   int // index into the command; -1 if refused
}

func newCreateTopics(h header, req *kmsg.CreateTopicsRequest) *createTopics {
	return &createTopics{header: h, req: req, outcome: ProposeResult{Code: kafka.RequestTimedOut}}
}

func (t *createTopics) Timeout() time.Duration { return milliseconds(t.req.TimeoutMillis) }

func (t *createTopics) Next(c Context, expired bool) []Op {
	if expired {
		return nil
	}
	switch t.state {
	case createBegins:
		t.state = createProposed
		t.deadline = c.Now().Mono.Add(t.Timeout())
		t.prepare(c)
		if len(t.command.Topics) == 0 {
			return nil
		}
		if t.command.Excessive() {
			t.outcome = ProposeResult{Code: kafka.PolicyViolation}
			return nil
		}
		if t.req.ValidateOnly {
			t.outcome = ProposeResult{Verdict: c.Image().DryRun(t.command)}
			return nil
		}
		return []Op{Propose{Command: t.command}}
	case createProposed:
		t.state = createAwaitsOthers
		within := min(c.Settings().AppliedByAll, t.deadline.Sub(c.Now().Mono))
		if t.outcome.Code == kafka.None && within > 0 && t.createdAny() {
			return []Op{Applied{Index: t.outcome.Index, Within: within}}
		}
	}
	return nil
}

func (t *createTopics) Resolve(_ int, result any) {
	if r, ok := result.(ProposeResult); ok {
		t.outcome = r
	}
}

func (t *createTopics) createdAny() bool {
	return slices.ContainsFunc(t.outcome.Verdict.Topics, func(v meta.TopicVerdict) bool {
		return v.Code == kafka.None
	})
}

// prepare makes the command, and refuses topics that a command cannot express.
func (t *createTopics) prepare(c Context) {
	t.command = &meta.CreateTopics{
		DefaultPartitions:  c.Settings().NumPartitions,
		DefaultReplication: c.Settings().ReplicationFactor,
	}
	mentions := map[string]int{}
	for i := range t.req.Topics {
		mentions[t.req.Topics[i].Topic]++
	}
	for i := range t.req.Topics {
		topic := &t.req.Topics[i]
		slot := createSlot{name: topic.Topic, topic: -1}
		if mentions[topic.Topic] > 1 {
			// None of them is created, since it is not clear which one is meant. All get
			// one answer.
			mentions[topic.Topic] = -1
			slot.code, slot.message = kafka.InvalidRequest,
				"the request names the topic more than once"
			t.slots = append(t.slots, slot)
			continue
		} else if mentions[topic.Topic] < 0 {
			continue
		}
		n := meta.NewTopic{
			Name: topic.Topic, Partitions: topic.NumPartitions,
			ReplicationFactor: topic.ReplicationFactor,
		}
		n.Assignments, slot.message = assignments(topic.ReplicaAssignment)
		if slot.message != "" {
			slot.code = kafka.InvalidReplicaAssignment
		} else if n.Configs, slot.message = newConfigs(topic.Configs); slot.message != "" {
			slot.code = kafka.InvalidConfig
		} else {
			n.ID = newTopicID(c)
			slot.topic = len(t.command.Topics)
			t.command.Topics = append(t.command.Topics, n)
		}
		t.slots = append(t.slots, slot)
	}
}

// assignments sorts a manual assignment by partition, or says what is wrong with it.
func assignments(
	list []kmsg.CreateTopicsRequestTopicReplicaAssignment,
) (out [][]kafka.NodeID, problem string) {
	if len(list) == 0 {
		return nil, ""
	}
	out = make([][]kafka.NodeID, len(list))
	for _, a := range list {
		if a.Partition < 0 || int(a.Partition) >= len(list) || out[a.Partition] != nil {
			return nil, "partitions must be numbered from 0 without gaps, each once"
		}
		replicas := make([]kafka.NodeID, len(a.Replicas))
		for i, id := range a.Replicas {
			replicas[i] = kafka.NodeID(id)
		}
		out[a.Partition] = replicas
	}
	return out, ""
}

// newConfigs sorts configurations by name. The command refuses names that repeat.
func newConfigs(list []kmsg.CreateTopicsRequestTopicConfig) (out meta.Configs, problem string) {
	for _, e := range list {
		if e.Value == nil {
			return nil, "a configuration of a new topic cannot be null: " + e.Name
		}
		out = append(out, meta.Config{Name: e.Name, Value: *e.Value})
	}
	slices.SortStableFunc(out, func(a, b meta.Config) int {
		return strings.Compare(a.Name, b.Name)
	})
	return out.Kept(), ""
}

func (t *createTopics) Answer(c Context) [][]byte {
	resp := t.req.ResponseKind().(*kmsg.CreateTopicsResponse)
	resp.Topics = make([]kmsg.CreateTopicsResponseTopic, len(t.slots))
	for i := range t.slots {
		out, slot := &resp.Topics[i], &t.slots[i]
		out.Default()
		out.Topic = slot.name
		// Null would mean that the client may not see them.
		out.Configs = []kmsg.CreateTopicsResponseTopicConfig{}
		code, message := slot.code, slot.message
		switch {
		case slot.topic < 0:
		case t.outcome.Code != kafka.None:
			code = t.outcome.Code
			if code == kafka.PolicyViolation {
				message = meta.ExcessiveMessage
			}
		default:
			verdict := &t.outcome.Verdict.Topics[slot.topic]
			code, message = verdict.Code, verdict.Message
			if code == kafka.None {
				t.describe(c, out, verdict, t.command.Topics[slot.topic].Configs)
			}
		}
		out.ErrorCode, out.ErrorMessage = int16(code), nullable(message)
	}
	return t.frame(resp)
}

// describe fills in an answer for a topic that was created, or would be created.
func (t *createTopics) describe(
	c Context, out *kmsg.CreateTopicsResponseTopic, v *meta.TopicVerdict, set meta.Configs,
) {
	if !t.req.ValidateOnly {
		out.TopicID = v.ID
	}
	out.NumPartitions, out.ReplicationFactor = v.Partitions, v.ReplicationFactor
	if t.version < 5 {
		return
	}
	for i := range meta.ConfigKeys() {
		k := &meta.ConfigKeys()[i]
		if !k.Topic {
			continue
		}
		value := topicConfig(c.Image(), set, k)[0]
		out.Configs = append(out.Configs, kmsg.CreateTopicsResponseTopicConfig{
			Name: k.Name, Value: &value.value, Source: int8(value.source),
		})
	}
}
