package group

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/kafka"
)

// Refuse is the answer to a group request that carries only an error, in the form of its version:
// for a node that is not the coordinator. r is one of the requests that a Coordinator takes, or an
// OffsetFetch, DescribeGroups, ListGroups or DeleteGroups.
func Refuse(r kmsg.Request, code kafka.ErrorCode) kmsg.Response {
	e := int16(code)
	switch r := r.(type) {
	case *kmsg.JoinGroupRequest:
		return refuseJoin(r.Version, r.MemberID, code)
	case *kmsg.SyncGroupRequest:
		return &kmsg.SyncGroupResponse{Version: r.Version, ErrorCode: e, MemberAssignment: []byte{}}
	case *kmsg.HeartbeatRequest:
		return &kmsg.HeartbeatResponse{Version: r.Version, ErrorCode: e}
	case *kmsg.LeaveGroupRequest:
		return &kmsg.LeaveGroupResponse{Version: r.Version, ErrorCode: e}
	case *kmsg.OffsetCommitRequest:
		return refuseCommit(r, code)
	case *kmsg.OffsetDeleteRequest:
		return &kmsg.OffsetDeleteResponse{Version: r.Version, ErrorCode: e}
	case *kmsg.ListGroupsRequest:
		return &kmsg.ListGroupsResponse{Version: r.Version, ErrorCode: e}
	case *kmsg.OffsetFetchRequest:
		return refuseFetch(r, code)
	case *kmsg.DescribeGroupsRequest:
		resp := &kmsg.DescribeGroupsResponse{Version: r.Version}
		for _, id := range r.Groups {
			resp.Groups = append(resp.Groups, undescribed(id, code))
		}
		return resp
	case *kmsg.DeleteGroupsRequest:
		resp := &kmsg.DeleteGroupsResponse{Version: r.Version}
		for _, id := range r.Groups {
			resp.Groups = append(resp.Groups,
				kmsg.DeleteGroupsResponseGroup{Group: id, ErrorCode: e})
		}
		return resp
	default:
		panic("group: refuse: no request about groups")
	}
}

// refusal is what an [Answer] carries: Delete has no request.
func refusal(r kmsg.Request, code kafka.ErrorCode) any {
	if r == nil {
		return code
	}
	return Refuse(r, code)
}

func refuseJoin(version int16, member string, code kafka.ErrorCode) *kmsg.JoinGroupResponse {
	return &kmsg.JoinGroupResponse{
		Version: version, ErrorCode: int16(code), Generation: -1, MemberID: member,
	}
}

func refuseCommit(r *kmsg.OffsetCommitRequest, code kafka.ErrorCode) *kmsg.OffsetCommitResponse {
	resp := &kmsg.OffsetCommitResponse{Version: r.Version}
	for _, topic := range r.Topics {
		t := kmsg.OffsetCommitResponseTopic{Topic: topic.Topic, TopicID: topic.TopicID}
		for _, p := range topic.Partitions {
			t.Partitions = append(t.Partitions, kmsg.OffsetCommitResponseTopicPartition{
				Partition: p.Partition, ErrorCode: int16(code),
			})
		}
		resp.Topics = append(resp.Topics, t)
	}
	return resp
}

// refuseFetch: before version 2 there is no error but that of each partition.
func refuseFetch(r *kmsg.OffsetFetchRequest, code kafka.ErrorCode) *kmsg.OffsetFetchResponse {
	resp := &kmsg.OffsetFetchResponse{Version: r.Version, ErrorCode: int16(code)}
	for _, g := range r.Groups {
		resp.Groups = append(resp.Groups,
			kmsg.OffsetFetchResponseGroup{Group: g.Group, ErrorCode: int16(code)})
	}
	if r.Version >= 2 {
		return resp
	}
	for _, topic := range r.Topics {
		t := kmsg.OffsetFetchResponseTopic{Topic: topic.Topic}
		for _, p := range topic.Partitions {
			none := ""
			t.Partitions = append(t.Partitions, kmsg.OffsetFetchResponseTopicPartition{
				Partition: p, Offset: -1, LeaderEpoch: -1, Metadata: &none, ErrorCode: int16(code),
			})
		}
		resp.Topics = append(resp.Topics, t)
	}
	return resp
}
