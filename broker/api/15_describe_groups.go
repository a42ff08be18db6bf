package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/group"
	"example.com/lockstep/broker/kafka"
)

// describeGroups serves DescribeGroups 0-6 (key 15): each group by its coordinator. Without an
// authorizer the authorized operations keep their default, "not known".
type describeGroups struct {
	header
	brokerTimeout
	req     *kmsg.DescribeGroupsRequest
	resp    *kmsg.DescribeGroupsResponse
	started bool
	asked   []int // by operation: its group
}

func newDescribeGroups(h header, req *kmsg.DescribeGroupsRequest) (Handler, error) {
	return &describeGroups{header: h, req: req}, boundGroups(len(req.Groups))
}

func (d *describeGroups) Next(c Context, _ bool) (ops []Op) {
	if d.started {
		return nil
	}
	d.started = true
	// Until they resolve.
	d.resp = group.Refuse(d.req, kafka.NotCoordinator).(*kmsg.DescribeGroupsResponse)
	for i, name := range d.req.Groups {
		if id, ok := groupPartitionID(c, name); ok {
			d.asked = append(d.asked, i)
			ops = append(ops, Coordinate{
				Partition: id, Request: DescribeGroup{Version: d.version, Group: name},
				Knows: true,
			})
		}
	}
	return ops
}

func (d *describeGroups) Resolve(op int, result any) {
	out, r := &d.resp.Groups[d.asked[op]], result.(CoordinateResult)
	if r.Code != kafka.None {
		out.ErrorCode = int16(r.Code)
		return
	}
	*out = r.Response.(kmsg.DescribeGroupsResponseGroup)
}

func (d *describeGroups) Answer(Context) [][]byte { return d.frame(d.resp) }
