package api

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
)

// deleteTopics serves DeleteTopics 1-6 (key 20): by name, from version 6 on also by id.
// All topics of a request are one command. Each of them succeeds or fails by itself. A
// topic that the request names twice is not deleted. The answer is sent with the verdict:
// other brokers may know the topic for a moment longer.
type deleteTopics struct {
	header
	req     *kmsg.DeleteTopicsRequest
	started bool
	command *meta.DeleteTopics
	slots   []deleteSlot
	outcome ProposeResult
}

// deleteSlot is one topic of the answer.
type deleteSlot struct {
	name    *string
	id      kafka.TopicID
	same    topicIdentity
	code    kafka.ErrorCode // if this handler refused the topic
	message string
	topic   int // index into the command; -1 if refused
}

func newDeleteTopics(h header, req *kmsg.DeleteTopicsRequest) *deleteTopics {
	return &deleteTopics{header: h, req: req, outcome: ProposeResult{Code: kafka.RequestTimedOut}}
}

func (d *deleteTopics) Timeout() time.Duration { return milliseconds(d.req.TimeoutMillis) }

func (d *deleteTopics) Next(c Context, _ bool) []Op {
	if d.started {
		return nil
	}
	d.started = true
	d.prepare(c)
	if len(d.command.Topics) == 0 {
		return nil
	}
	return []Op{Propose{Command: d.command}}
}

func (d *deleteTopics) Resolve(_ int, result any) { d.outcome = result.(ProposeResult) }

// prepare makes the command, and refuses topics that a command cannot express.
func (d *deleteTopics) prepare(c Context) {
	d.command = &meta.DeleteTopics{}
	d.slots = d.named()
	mentions := map[topicIdentity]int{}
	for i := range d.slots {
		slot := &d.slots[i]
		slot.same = d.identity(c, slot)
		mentions[slot.same]++
	}
	kept := d.slots[:0]
	for _, slot := range d.slots {
		switch {
		case slot.code != kafka.None:
		case mentions[slot.same] < 0:
			continue // answered already
		case mentions[slot.same] > 1:
			mentions[slot.same] = -1
			slot.code, slot.message = kafka.InvalidRequest,
				"the request names the topic more than once"
		default:
			slot.topic = len(d.command.Topics)
			d.command.Topics = append(d.command.Topics, d.ref(&slot))
		}
		kept = append(kept, slot)
	}
	d.slots = kept
	if !c.Settings().DeleteTopics {
		d.refuseAll()
	}
}

// named returns a slot for each topic of the request, with an error if the request does
// not name it correctly.
func (d *deleteTopics) named() []deleteSlot {
	slots := make([]deleteSlot, 0, len(d.req.TopicNames)+len(d.req.Topics))
	for i := range d.req.TopicNames {
		slots = append(slots, deleteSlot{name: &d.req.TopicNames[i], topic: -1})
	}
	for _, t := range d.req.Topics {
		slot := deleteSlot{name: t.Topic, id: t.TopicID, topic: -1}
		if (t.Topic == nil) == (t.TopicID == [16]byte{}) {
			slot.code, slot.message = kafka.InvalidRequest,
				"a topic must be named by its name or by its id, not by both"
		}
		slots = append(slots, slot)
	}
	return slots
}

// topicIdentity is different for different topics. It is the id, since a name and an id may mean
// the same topic, or the name if no topic has it. It is empty for a slot that is refused.
type topicIdentity struct {
	id   kafka.TopicID
	name string
}

func (d *deleteTopics) identity(c Context, slot *deleteSlot) topicIdentity {
	switch {
	case slot.code != kafka.None:
		return topicIdentity{}
	case slot.name == nil:
		return topicIdentity{id: slot.id}
	}
	if t := c.Image().Topic(*slot.name); t != nil {
		return topicIdentity{id: t.ID}
	}
	return topicIdentity{name: *slot.name}
}

func (d *deleteTopics) ref(slot *deleteSlot) meta.TopicRef {
	if slot.name == nil {
		return meta.TopicRef{ID: slot.id}
	}
	return meta.TopicRef{Name: *slot.name}
}

// refuseAll refuses all topics, because delete.topic.enable is false.
func (d *deleteTopics) refuseAll() {
	d.command.Topics = nil
	for i := range d.slots {
		slot := &d.slots[i]
		slot.topic, slot.message = -1, "topic deletion is disabled"
		slot.code = kafka.TopicDeletionDisabled
		if d.version < 3 {
			slot.code = kafka.InvalidRequest // these versions have no such code
		}
	}
}

func (d *deleteTopics) Answer(Context) [][]byte {
	resp := d.req.ResponseKind().(*kmsg.DeleteTopicsResponse)
	resp.Topics = make([]kmsg.DeleteTopicsResponseTopic, len(d.slots))
	for i := range d.slots {
		out, slot := &resp.Topics[i], &d.slots[i]
		out.Topic, out.TopicID = slot.name, slot.id
		code, message := slot.code, slot.message
		switch {
		case slot.topic < 0:
		case d.outcome.Code != kafka.None:
			code = d.outcome.Code
		default:
			verdict := &d.outcome.Verdict.Topics[slot.topic]
			code, message = verdict.Code, verdict.Message
			if code == kafka.None {
				out.Topic, out.TopicID = &verdict.Name, verdict.ID
			}
		}
		out.ErrorCode, out.ErrorMessage = int16(code), nullable(message)
	}
	return d.frame(resp)
}
