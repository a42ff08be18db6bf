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
	req     *kmsg.DeleteGroupsRequest
	resp    *kmsg.DeleteGroupsResponse
	started bool
	asked   []int // by operation: its group
}

func newDeleteGroups(h header, req *kmsg.DeleteGroupsRequest) (Handler, error) {
	return &deleteGroups{header: h, req: req}, boundGroups(len(req.Groups))
}

func (d *deleteGroups) Next(c Context, _ bool) (ops []Op) {
	if d.started {
		return nil
	}
	d.started = true
	// Until they resolve.
	d.resp = group.Refuse(d.req, kafka.NotCoordinator).(*kmsg.DeleteGroupsResponse)
	for i, name := range d.req.Groups {
		if id, ok := groupPartitionID(c, name); ok {
			d.asked = append(d.asked, i)
			ops = append(ops, Coordinate{Partition: id, Request: DeleteGroup{Group: name}})
		}
	}
	return ops
}

func (d *deleteGroups) Resolve(op int, result any) {
	r := result.(CoordinateResult)
	if r.Code == kafka.None {
		r.Code = r.Response.(kafka.ErrorCode)
	}
	d.resp.Groups[d.asked[op]].ErrorCode = int16(r.Code)
}

func (d *deleteGroups) Answer(Context) [][]byte { return d.frame(d.resp) }
