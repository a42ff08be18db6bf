package group

import (
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/kafka"
)

// batchedFrom is the version of LeaveGroup from which on it names several members.
const batchedFrom = 3

// Leave takes a LeaveGroup. If the group is empty after that, the answer leaves when the log says
// so.
func (c *Coordinator) Leave(now env.Time, t Token, r *kmsg.LeaveGroupRequest) {
	if !c.begin(t, r) {
		return
	}
	if r.Group == "" {
		c.refuse(t, kafka.InvalidGroupID)
		return
	}
	g, code := c.find(r.Group, kafka.UnknownMemberID)
	if code == kafka.UnknownMemberID && r.Version >= batchedFrom {
		c.answer(t, left(r, func(kmsg.LeaveGroupRequestMember) kafka.ErrorCode { return code }))
		return
	}
	if code != kafka.None {
		c.refuse(t, code)
		return
	}
	var gone []string
	resp := left(r, func(who kmsg.LeaveGroupRequestMember) kafka.ErrorCode {
		code := c.leave(g, who)
		if code == kafka.None {
			gone = append(gone, memberName(who))
		}
		return code
	})
	var a *appended
	if len(gone) > 0 {
		a = c.afterRemoval(now, g, "left: "+strings.Join(gone, ","))
	}
	if a == nil {
		c.answer(t, resp)
	} else {
		a.then(func(_ env.Time, code kafka.ErrorCode) {
			if code != kafka.None {
				c.refuse(t, appendError(code))
				return
			}
			c.answer(t, resp)
		})
	}
	c.tidy(g.id)
}

func memberName(who kmsg.LeaveGroupRequestMember) string {
	if who.MemberID == "" && who.InstanceID != nil {
		return *who.InstanceID
	}
	return who.MemberID
}

// left is the answer with the outcome of each member. Before version 3 there is one, and its error
// is that of the request.
func left(
	r *kmsg.LeaveGroupRequest, leave func(kmsg.LeaveGroupRequestMember) kafka.ErrorCode,
) *kmsg.LeaveGroupResponse {
	resp := &kmsg.LeaveGroupResponse{Version: r.Version}
	if r.Version < batchedFrom {
		resp.ErrorCode = int16(leave(kmsg.LeaveGroupRequestMember{MemberID: r.MemberID}))
		return resp
	}
	for _, who := range r.Members {
		resp.Members = append(resp.Members, kmsg.LeaveGroupResponseMember{
			MemberID: who.MemberID, InstanceID: who.InstanceID, ErrorCode: int16(leave(who)),
		})
	}
	return resp
}

// leave removes a member. An operator removes static members by their instance id alone.
func (c *Coordinator) leave(g *group, who kmsg.LeaveGroupRequestMember) kafka.ErrorCode {
	id := who.MemberID
	if _, ok := g.pending[id]; ok {
		c.removePending(g, id)
		return kafka.None
	}
	if id == "" {
		if who.InstanceID == nil {
			return kafka.UnknownMemberID
		}
		id = g.statics[*who.InstanceID]
	}
	if code := g.validate(id, who.InstanceID); code != kafka.None {
		return code
	}
	m, _ := g.members.Get(id)
	why := "not given"
	if who.Reason != nil && *who.Reason != "" {
		why = *who.Reason
	}
	c.log(event.GroupMemberLeft, event.Text("group", g.id), event.Text("member", id),
		event.Text("reason", why))
	c.removeMember(g, m, kafka.UnknownMemberID)
	return kafka.None
}
