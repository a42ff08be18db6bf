package api

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/group"
	"example.com/lockstep/broker/kafka"
)

// coordinated is the answer of a coordinator that does what it is asked, or fails with code.
func coordinated(request any, code kafka.ErrorCode) CoordinateResult {
	switch r := request.(type) {
	case JoinGroup:
		return CoordinateResult{Response: group.Refuse(r.Request, code)}
	case FetchOffsets:
		out := kmsg.OffsetFetchResponseGroup{Group: r.Group.Group, ErrorCode: int16(code)}
		for _, t := range r.Group.Topics {
			topic := kmsg.OffsetFetchResponseGroupTopic{Topic: t.Topic, TopicID: t.TopicID}
			for _, p := range t.Partitions {
				topic.Partitions = append(topic.Partitions,
					kmsg.OffsetFetchResponseGroupTopicPartition{
						Partition: p, Offset: 7, LeaderEpoch: 3, Metadata: kmsg.StringPtr("m"),
					})
			}
			out.Topics = append(out.Topics, topic)
		}
		if r.Group.Topics == nil {
			out.Topics = []kmsg.OffsetFetchResponseGroupTopic{{Topic: "t"}, {Topic: "gone"}}
		}
		return CoordinateResult{Response: out}
	case DescribeGroup:
		out := kmsg.NewDescribeGroupsResponseGroup()
		out.Group, out.State, out.ErrorCode = r.Group, "Empty", int16(code)
		return CoordinateResult{Response: out}
	case DeleteGroup:
		return CoordinateResult{Response: code}
	case *kmsg.ListGroupsRequest:
		return CoordinateResult{Response: GroupList{
			Code: code, Groups: []kmsg.ListGroupsResponseGroup{{Group: "b"}, {Group: "a"}},
		}}
	case *kmsg.OffsetDeleteRequest:
		resp := group.Refuse(r, code).(*kmsg.OffsetDeleteResponse)
		for _, t := range r.Topics {
			topic := kmsg.OffsetDeleteResponseTopic{Topic: t.Topic}
			for _, p := range t.Partitions {
				topic.Partitions = append(topic.Partitions,
					kmsg.OffsetDeleteResponseTopicPartition{
						Partition: p.Partition, ErrorCode: int16(kafka.GroupSubscribedToTopic),
					})
			}
			resp.Topics = append(resp.Topics, topic)
		}
		return CoordinateResult{Response: resp}
	}
	return CoordinateResult{Response: group.Refuse(request.(kmsg.Request), code)}
}

// requestOf is what a coordinator is asked.
func requestOf(op Coordinate) any {
	switch r := op.Request.(type) {
	case JoinGroup:
		return r.Request
	case FetchOffsets:
		return r.Group
	}
	return op.Request
}

func TestAClientIsNamedAsInKafka(t *testing.T) {
	for address, host := range map[string]string{
		"127.0.0.1:5000": "/127.0.0.1", "[::1]:5000": "/::1", "client-3": "/client-3",
	} {
		require.Equal(t, host, clientHost(address))
	}
}
