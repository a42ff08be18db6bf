package api

import (
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
)

// listGroups serves ListGroups 0-5 (key 16): the groups that this broker coordinates, by name. A
// client asks every broker. As long as one of this broker's coordinators reads its log, the answer
// is only COORDINATOR_LOAD_IN_PROGRESS, as in Kafka. A partition with another leader by now is left
// out: its groups are listed there.
type listGroups struct {
	header
	brokerTimeout
	req     *kmsg.ListGroupsRequest
	resp    *kmsg.ListGroupsResponse
	started bool
	pending int
}

func newListGroups(h header, req *kmsg.ListGroupsRequest) Handler {
	return &listGroups{
		header: h, req: req, resp: req.ResponseKind().(*kmsg.ListGroupsResponse),
	}
}

func (l *listGroups) Next(c Context, _ bool) (ops []Op) {
	t := c.Image().Topic(meta.OffsetsTopic)
	if l.started || t == nil {
		return nil
	}
	l.started = true
	for i, p := range t.Partitions {
		if p.Leader == c.Node() {
			ops = append(ops, Coordinate{
				Partition: kafka.PartitionID{Topic: t.ID, Partition: int32(i)}, Request: l.req,
				Knows: true,
			})
		}
	}
	l.pending = len(ops)
	return ops
}

func (l *listGroups) Resolve(_ int, result any) {
	l.pending--
	r := result.(CoordinateResult)
	list, ok := r.Response.(GroupList)
	if ok {
		r.Code = list.Code
	}
	switch {
	case r.Code == kafka.None:
		l.resp.Groups = append(l.resp.Groups, list.Groups...)
	case r.Code != kafka.NotCoordinator:
		l.resp.ErrorCode = int16(r.Code)
	}
}

func (l *listGroups) Answer(Context) [][]byte {
	if l.pending > 0 {
		l.resp.ErrorCode = int16(kafka.CoordinatorNotAvailable)
	}
	if l.resp.ErrorCode != 0 {
		l.resp.Groups = nil
	}
	slices.SortFunc(l.resp.Groups, func(a, b kmsg.ListGroupsResponseGroup) int {
		return strings.Compare(a.Group, b.Group)
	})
	return l.frame(l.resp)
}
