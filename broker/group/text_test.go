package group_test

import (
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/kafka"
)

// answerText is an answer as a transcript shows it.
func answerText(response any) string {
	switch r := response.(type) {
	case kafka.ErrorCode:
		return codeText(int16(r))
	case *kmsg.JoinGroupResponse:
		return joinText(r)
	case *kmsg.SyncGroupResponse:
		if r.ErrorCode != 0 {
			return codeText(r.ErrorCode)
		}
		return fmt.Sprintf("%s %s, assigned %q", *r.ProtocolType, *r.Protocol, r.MemberAssignment)
	case *kmsg.HeartbeatResponse:
		return codeText(r.ErrorCode)
	case *kmsg.LeaveGroupResponse:
		text := codeText(r.ErrorCode)
		for _, m := range r.Members {
			id := m.MemberID
			if m.InstanceID != nil {
				id += "instance " + *m.InstanceID
			}
			text += fmt.Sprintf(", %s %s", id, codeText(m.ErrorCode))
		}
		return text
	case *kmsg.OffsetCommitResponse:
		var parts []string
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				part := fmt.Sprintf("%s-%d %s", t.Topic, p.Partition, codeText(p.ErrorCode))
				parts = append(parts, part)
			}
		}
		return strings.Join(parts, ", ")
	case *kmsg.OffsetDeleteResponse:
		text := codeText(r.ErrorCode)
		for _, t := range r.Topics {
			for _, p := range t.Partitions {
				text += fmt.Sprintf(", %s-%d %s", t.Topic, p.Partition, codeText(p.ErrorCode))
			}
		}
		return text
	default:
		return fmt.Sprintf("%T", r)
	}
}

func codeText(code int16) string {
	if code == 0 {
		return "ok"
	}
	return kafka.ErrorCode(code).String()
}

func joinText(r *kmsg.JoinGroupResponse) string {
	if r.ErrorCode != 0 {
		return fmt.Sprintf("%s, id %q", codeText(r.ErrorCode), r.MemberID)
	}
	text := fmt.Sprintf("%s, generation %d, %s %s, leader %s", r.MemberID, r.Generation,
		*r.ProtocolType, *r.Protocol, r.LeaderID)
	if len(r.Members) > 0 {
		var ids []string
		for _, m := range r.Members {
			id := m.MemberID
			if m.InstanceID != nil {
				id += "(" + *m.InstanceID + ")"
			}
			ids = append(ids, id)
		}
		text += ", members " + strings.Join(ids, " ")
	}
	if r.SkipAssignment {
		text += ", skip assignment"
	}
	return text
}

func fetchedText(r kmsg.OffsetFetchResponseGroup) string {
	if r.ErrorCode != 0 {
		return codeText(r.ErrorCode)
	}
	var parts []string
	for _, t := range r.Topics {
		for _, p := range t.Partitions {
			part := fmt.Sprintf("%s-%d at %d", t.Topic, p.Partition, p.Offset)
			if *p.Metadata != "" {
				part += fmt.Sprintf(" %q", *p.Metadata)
			}
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 {
		return "no offsets"
	}
	return strings.Join(parts, ", ")
}

func describedText(r kmsg.DescribeGroupsResponseGroup) string {
	text := fmt.Sprintf("%s %s type=%q protocol=%q", codeText(r.ErrorCode), r.State,
		r.ProtocolType, r.Protocol)
	for _, m := range r.Members {
		text += fmt.Sprintf("\n  %s %s %s: %q", m.MemberID, m.ClientID, m.ClientHost,
			m.MemberAssignment)
	}
	return text
}
