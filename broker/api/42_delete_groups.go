package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/group"
	"example.com/lockstep/broker/kafka"
)

// deleteGroups serves DeleteGroups 0-3 (key 42): each group by its coordinator, once its offsets
// are gone for good.
type deleteGroups struct {
	header
	brokerTimeout
	manyGroups
	req  *kmsg.DeleteGroupsRequest
	resp *kmsg.DeleteGroupsResponse // NOT_COORDINATOR until the operations resolve
}

func newDeleteGroups(h header, req *kmsg.DeleteGroupsRequest) (Handler, error) {
	if err := boundGroups(len(req.Groups)); err != nil {
		return nil, err
	}
	return &deleteGroups{
		header: h, req: req,
		resp: group.Refuse(req, kafka.NotCoordinator).(*kmsg.DeleteGroupsResponse),
	}, nil
}

func (d *deleteGroups) Next(c Context, _ bool) []Op {
	return d.begin(c, d.req.Groups, func(name string) Coordinate {
		return Coordinate{Request: DeleteGroup{Group: name}}
	})
}

func (d *deleteGroups) Resolve(op int, result any) {
	r := result.(CoordinateResult)
	if r.Code == kafka.None {
		r.Code = r.Response.(kafka.ErrorCode)
	}
	d.resp.Groups[d.asked[op]].ErrorCode = int16(r.Code)
}

func (d *deleteGroups) Answer(Context) [][]byte { return d.frame(d.resp) }
