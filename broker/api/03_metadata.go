package api

import (
	"encoding/hex"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
)

// metadata serves Metadata 0-13 (key 3) from this broker's image, so that the answers of
// one broker never go back in time (PROTOCOL 29). Requests give topics by name, from
// version 12 on also by id. Where the request and the broker allow it, unknown topics are
// created first, and the answer contains them.
//
// The answer lists the brokers that are not fenced. Without an authorizer the fields of
// authorized operations keep their default, "not known".
type metadata struct {
	header
	brokerTimeout
	req     *kmsg.MetadataRequest
	started bool
	// creating has the topics that were proposed, by name; the number is that in the command.
	creating map[string]int
	created  ProposeResult
	refused  map[string]kafka.ErrorCode // topics that would not be created, so not proposed
}

func newMetadata(h header, req *kmsg.MetadataRequest) *metadata {
	// Until the proposal resolves, its fate is unknown.
	return &metadata{header: h, req: req, created: ProposeResult{Code: kafka.RequestTimedOut}}
}

// Next proposes the topics to create, all in one command.
func (m *metadata) Next(c Context, _ bool) []Op {
	if m.started || !m.req.AllowAutoTopicCreation || !c.Settings().AutoCreateTopics {
		return nil
	}
	m.started = true
	create := &meta.CreateTopics{
		DefaultPartitions:  c.Settings().NumPartitions,
		DefaultReplication: c.Settings().ReplicationFactor,
	}
	seen := map[string]bool{}
	for i := range m.req.Topics {
		topic := &m.req.Topics[i]
		if topic.Topic == nil || m.byID(topic) {
			continue
		}
		name := *topic.Topic
		if !seen[name] && c.Image().Topic(name) == nil && meta.TopicNameError(name) == "" {
			seen[name] = true
			create.Topics = append(create.Topics, automatic(c, name))
		}
	}
	m.admit(c, create)
	if len(create.Topics) == 0 {
		return nil
	}
	return []Op{Propose{Command: create}}
}

// automatic is a topic that nobody has asked for in so many words: with the defaults for topics, or
// with those for the topic of groups.
func automatic(c Context, name string) meta.NewTopic {
	topic := meta.NewTopic{Name: name, Partitions: -1, ReplicationFactor: -1}
	if name == meta.OffsetsTopic {
		topic = c.Image().NewOffsetsTopic()
	}
	topic.ID = newTopicID(c)
	return topic
}

// admit takes those topics out of the command that no image like this broker's would take: for
// their names, or because of a bound. Clients repeat the request, and each proposal costs an
// entry of Raft's log, also one that is refused.
func (m *metadata) admit(c Context, create *meta.CreateTopics) {
	m.creating, m.refused = map[string]int{}, map[string]kafka.ErrorCode{}
	kept := create.Topics[:0]
	for i, v := range c.Image().DryRun(create).Topics {
		switch v.Code {
		case kafka.InvalidTopicException, kafka.PolicyViolation:
			m.refused[v.Name] = v.Code
		default:
			m.creating[v.Name] = len(kept)
			kept = append(kept, create.Topics[i])
		}
	}
	create.Topics = kept
}

func (m *metadata) Resolve(_ int, result any) { m.created = result.(ProposeResult) }

// byID reports whether the request names the topic by its id.
func (m *metadata) byID(topic *kmsg.MetadataRequestTopic) bool {
	return m.version >= 10 && topic.TopicID != [16]byte{}
}

func (m *metadata) Answer(c Context) [][]byte {
	resp := m.req.ResponseKind().(*kmsg.MetadataResponse)
	resp.Default()
	resp.ClusterID = kmsg.StringPtr(clusterID(c))
	resp.ControllerID = int32(controllerID(c))
	for _, b := range c.Image().Brokers() {
		if !b.Fenced {
			resp.Brokers = append(resp.Brokers, kmsg.MetadataResponseBroker{
				NodeID: int32(b.ID), Host: b.Host, Port: b.Port, Rack: nullable(b.Rack),
			})
		}
	}
	if m.req.Topics == nil {
		c.Image().Topics(func(t *meta.Topic) bool {
			resp.Topics = append(resp.Topics, m.describe(c.Image(), t))
			return true
		})
	} else {
		resp.Topics = m.named(c)
	}
	return m.frame(resp)
}

// named returns an answer for each topic that the request names, each topic once.
func (m *metadata) named(c Context) []kmsg.MetadataResponseTopic {
	var out []kmsg.MetadataResponseTopic
	known, unknown := map[kafka.TopicID]bool{}, map[string]bool{}
	for i := range m.req.Topics {
		t, answer := m.find(c, &m.req.Topics[i])
		if t != nil {
			if !known[t.ID] {
				known[t.ID] = true
				out = append(out, m.describe(c.Image(), t))
			}
			continue
		}
		key := string(answer.TopicID[:])
		if answer.Topic != nil {
			key += *answer.Topic
		}
		if !unknown[key] {
			unknown[key] = true
			out = append(out, answer)
		}
	}
	return out
}

// find returns the topic, or an answer that says why there is none.
func (m *metadata) find(
	c Context, topic *kmsg.MetadataRequestTopic,
) (*meta.Topic, kmsg.MetadataResponseTopic) {
	failed := kmsg.NewMetadataResponseTopic()
	fail := func(code kafka.ErrorCode) (*meta.Topic, kmsg.MetadataResponseTopic) {
		failed.ErrorCode = int16(code)
		return nil, failed
	}
	if m.byID(topic) {
		failed.TopicID = topic.TopicID
		if m.version < 12 {
			// Versions 10 and 11 have the field, but Kafka's brokers did not serve it.
			failed.Topic = topic.Topic
			return fail(kafka.InvalidRequest)
		}
		if t := c.Image().TopicByID(topic.TopicID); t != nil {
			return t, failed
		}
		return fail(kafka.UnknownTopicID)
	}
	failed.Topic = topic.Topic
	if topic.Topic == nil {
		return fail(kafka.InvalidRequest)
	}
	if t := c.Image().Topic(*topic.Topic); t != nil {
		return t, failed
	}
	return fail(m.absence(*topic.Topic))
}

// absence is the error that says why there is no topic of that name.
func (m *metadata) absence(name string) kafka.ErrorCode {
	if meta.TopicNameError(name) != "" {
		return kafka.InvalidTopicException // whether or not it could be created (KAFKA 10)
	}
	if code, refused := m.refused[name]; refused {
		return code
	}
	if i, proposed := m.creating[name]; proposed {
		if m.created.Code != kafka.None {
			// The topic may still be created, now or by the next request. All clients ask
			// again after this code, but not after REQUEST_TIMED_OUT.
			return kafka.LeaderNotAvailable
		}
		code := m.created.Verdict.Topics[i].Code
		if code != kafka.None && code != kafka.TopicAlreadyExists {
			return code
		} // otherwise it existed, and was deleted again
	}
	return kafka.UnknownTopicOrPartition
}

func (m *metadata) describe(img *meta.Image, t *meta.Topic) kmsg.MetadataResponseTopic {
	out := kmsg.NewMetadataResponseTopic()
	out.Topic, out.TopicID = kmsg.StringPtr(t.Name), t.ID
	out.IsInternal = meta.InternalTopic(t.Name)
	out.Partitions = make([]kmsg.MetadataResponseTopicPartition, len(t.Partitions))
	for i, p := range t.Partitions {
		out.Partitions[i] = m.describePartition(img, int32(i), p)
	}
	return out
}

func (m *metadata) describePartition(
	img *meta.Image, number int32, p *meta.Partition,
) kmsg.MetadataResponseTopicPartition {
	out := kmsg.NewMetadataResponseTopicPartition()
	out.Partition, out.LeaderEpoch = number, int32(p.LeaderEpoch)
	out.Replicas, out.ISR = nodes(p.Replicas), nodes(p.ISR)
	for _, id := range p.Replicas {
		if !live(img, id) {
			out.OfflineReplicas = append(out.OfflineReplicas, int32(id))
		}
	}
	if m.version == 0 && len(out.OfflineReplicas) > 0 {
		// Clients of version 0 expect to find every replica among the brokers.
		out.ErrorCode = int16(kafka.ReplicaNotAvailable)
		out.Replicas, out.ISR = liveNodes(img, p.Replicas), liveNodes(img, p.ISR)
	}
	out.Leader = int32(p.Leader)
	if !live(img, p.Leader) {
		// A leader that has just registered again is fenced, and clients would not find
		// it among the brokers.
		out.Leader, out.ErrorCode = int32(kafka.NoNode), int16(kafka.LeaderNotAvailable)
	}
	return out
}

// clusterID is the cluster's id in hex digits, as operators see it.
func clusterID(c Context) string {
	id := c.Image().Cluster()
	return hex.EncodeToString(id[:])
}

// controllerID is the broker that clients should send admin requests to. Any live one can
// serve them, since every broker forwards proposals (KAFKA 9). It is this broker: the
// client has just seen that it answers, and forwarding costs no more from here. A fenced
// broker names the live broker with the lowest id.
func controllerID(c Context) kafka.NodeID {
	if live(c.Image(), c.Node()) {
		return c.Node()
	}
	for _, b := range c.Image().Brokers() {
		if !b.Fenced {
			return b.ID
		}
	}
	return kafka.NoNode
}

// live reports whether the broker is registered and not fenced.
func live(img *meta.Image, id kafka.NodeID) bool {
	b := img.Broker(id)
	return b != nil && !b.Fenced
}

func nodes(ids []kafka.NodeID) []int32 {
	out := make([]int32, len(ids))
	for i, id := range ids {
		out[i] = int32(id)
	}
	return out
}

func liveNodes(img *meta.Image, ids []kafka.NodeID) []int32 {
	var out []int32
	for _, id := range ids {
		if live(img, id) {
			out = append(out, int32(id))
		}
	}
	return out
}

// nullable is a string that is null on the wire if it is empty.
func nullable(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// newTopicID draws a topic id, a random UUID (version 4).
func newTopicID(c Context) (id kafka.TopicID) {
	c.Entropy().Fill(id[:])
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}
