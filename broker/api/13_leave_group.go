package api

import "github.com/twmb/franz-go/pkg/kmsg"

// newLeaveGroup serves LeaveGroup 0-5 (key 13): one member, from version 3 on many members.
func newLeaveGroup(h header, req *kmsg.LeaveGroupRequest) Handler {
	return newOneGroup(h, req.Group, req)
}
