package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/group"
	"example.com/lockstep/broker/kafka"
)

// offsetFetch serves OffsetFetch 1-10 (key 9): of one group, from version 8 on of many. Topics have
// names, in version 10 ids. A group that does not exist is no error (KAFKA 30). There are no
// transactions yet, so that every committed offset is stable (RequireStable).
type offsetFetch struct {
	header
	brokerTimeout
	req     *kmsg.OffsetFetchRequest
	started bool
	groups  []kmsg.OffsetFetchResponseGroup
	unknown [][]kmsg.OffsetFetchResponseGroupTopic // by group: topics with ids that do not exist
	asked   []int                                  // by operation: its group
}

const (
	fetchesGroups = 8  // the first version of OffsetFetch with many groups
	fetchesByID   = 10 // the first version that names topics by their ids
)

func newOffsetFetch(h header, req *kmsg.OffsetFetchRequest) (Handler, error) {
	f := &offsetFetch{header: h, req: req}
	return f, boundGroups(len(req.Groups))
}

// asks are the groups of the request, in the form of version 8.
func (f *offsetFetch) asks() []kmsg.OffsetFetchRequestGroup {
	if f.version >= fetchesGroups {
		return f.req.Groups
	}
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = f.req.Group
	if f.req.Topics != nil || f.version < 2 {
		g.Topics = []kmsg.OffsetFetchRequestGroupTopic{}
	}
	for _, t := range f.req.Topics {
		g.Topics = append(g.Topics, kmsg.OffsetFetchRequestGroupTopic{
			Topic: t.Topic, Partitions: t.Partitions,
		})
	}
	return []kmsg.OffsetFetchRequestGroup{g}
}

func (f *offsetFetch) Next(c Context, _ bool) []Op {
	if f.started {
		return nil
	}
	f.started = true
	groups := f.asks()
	f.groups = make([]kmsg.OffsetFetchResponseGroup, len(groups))
	f.unknown = make([][]kmsg.OffsetFetchResponseGroupTopic, len(groups))
	var ops []Op
	for i := range groups {
		// Until it resolves. Clients look for the coordinator again then, and ask again.
		f.groups[i] = kmsg.OffsetFetchResponseGroup{
			Group: groups[i].Group, ErrorCode: int16(kafka.NotCoordinator),
		}
		id, ok := groupPartitionID(c, groups[i].Group)
		if !ok {
			continue
		}
		ask := groups[i]
		f.resolveTopics(c, i, &ask)
		f.asked = append(f.asked, i)
		ops = append(ops, Coordinate{
			Partition: id, Request: FetchOffsets{Group: &ask}, Knows: true,
		})
	}
	return ops
}

// resolveTopics gives the topics that a request asks for both names and ids.
func (f *offsetFetch) resolveTopics(c Context, i int, ask *kmsg.OffsetFetchRequestGroup) {
	topics := ask.Topics
	if topics == nil {
		return // it asks for all
	}
	ask.Topics = []kmsg.OffsetFetchRequestGroupTopic{}
	for _, topic := range topics {
		t, code := namedTopic(c, topic.Topic, topic.TopicID, f.version >= fetchesByID)
		switch {
		case t != nil:
			topic.Topic, topic.TopicID = t.Name, t.ID
		case f.version >= fetchesByID:
			f.unknown[i] = append(f.unknown[i], unknownOffsets(topic, code))
			continue
		}
		ask.Topics = append(ask.Topics, topic)
	}
}

func unknownOffsets(
	topic kmsg.OffsetFetchRequestGroupTopic, code kafka.ErrorCode,
) kmsg.OffsetFetchResponseGroupTopic {
	out := kmsg.OffsetFetchResponseGroupTopic{TopicID: topic.TopicID}
	for _, p := range topic.Partitions {
		out.Partitions = append(out.Partitions, kmsg.OffsetFetchResponseGroupTopicPartition{
			Partition: p, Offset: -1, LeaderEpoch: -1, Metadata: kmsg.StringPtr(""),
			ErrorCode: int16(code),
		})
	}
	return out
}

func (f *offsetFetch) Resolve(op int, result any) {
	i, r := f.asked[op], result.(CoordinateResult)
	if r.Code == kafka.CoordinatorNotAvailable {
		r.Code = kafka.NotCoordinator // older Java clients give up after the other code
	}
	if r.Code != kafka.None {
		f.groups[i].ErrorCode = int16(r.Code)
		return
	}
	f.groups[i] = r.Response.(kmsg.OffsetFetchResponseGroup)
	if f.groups[i].ErrorCode == 0 {
		f.groups[i].Topics = append(f.groups[i].Topics, f.unknown[i]...)
	}
}

func (f *offsetFetch) Answer(c Context) [][]byte {
	resp := f.req.ResponseKind().(*kmsg.OffsetFetchResponse)
	if f.version >= fetchesGroups {
		for _, g := range f.groups {
			if f.version >= fetchesByID {
				g.Topics = withIDs(c, g.Topics)
			}
			resp.Groups = append(resp.Groups, g)
		}
		return f.frame(resp)
	}
	if code := kafka.ErrorCode(f.groups[0].ErrorCode); code != kafka.None {
		return f.frame(group.Refuse(f.req, code))
	}
	for _, t := range f.groups[0].Topics {
		out := kmsg.OffsetFetchResponseTopic{Topic: t.Topic}
		for _, p := range t.Partitions {
			out.Partitions = append(out.Partitions, kmsg.OffsetFetchResponseTopicPartition{
				Partition: p.Partition, Offset: p.Offset, LeaderEpoch: p.LeaderEpoch,
				Metadata: p.Metadata, ErrorCode: p.ErrorCode,
			})
		}
		resp.Topics = append(resp.Topics, out)
	}
	return f.frame(resp)
}

// withIDs leaves out topics that have no id: those that do not exist any more.
func withIDs(
	c Context, topics []kmsg.OffsetFetchResponseGroupTopic,
) (out []kmsg.OffsetFetchResponseGroupTopic) {
	for _, t := range topics {
		if t.TopicID == (kafka.TopicID{}) {
			if known := c.Image().Topic(t.Topic); known != nil {
				t.TopicID = known.ID
			}
		}
		if t.TopicID != (kafka.TopicID{}) {
			out = append(out, t)
		}
	}
	return out
}
