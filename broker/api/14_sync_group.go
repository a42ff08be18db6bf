package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/kafka"
)

// newSyncGroup serves SyncGroup 0-5 (key 14). The answer comes when the leader of the group has
// sent the assignment, and that is committed.
func newSyncGroup(h header, req *kmsg.SyncGroupRequest) Handler {
	g := newOneGroup(h, req.Group, req)
	g.ask.Polls, g.timeout, g.late = true, longest, kafka.RebalanceInProgress
	return g
}
