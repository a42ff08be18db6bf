package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/group"
	"example.com/lockstep/broker/kafka"
)

// joinGroup serves JoinGroup 0-9 (key 11). The answer comes when all members have joined, or when
// the time for that is over (KAFKA 31). A member that waits for longer than requests may is told to
// join again (REBALANCE_IN_PROGRESS).
type joinGroup struct{ *oneGroup }

func newJoinGroup(h header, client string, req *kmsg.JoinGroupRequest) *joinGroup {
	g := newOneGroup(h, req.Group, req)
	g.ask = Coordinate{
		Request: JoinGroup{From: group.Client{ID: client}, Request: req}, Polls: true,
	}
	g.timeout, g.late = longest, kafka.RebalanceInProgress
	return &joinGroup{g}
}

// From implements Addressed.
func (j *joinGroup) From(address string) {
	join := j.ask.Request.(JoinGroup)
	join.From.Host = clientHost(address)
	j.ask.Request = join
}
