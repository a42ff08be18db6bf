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
	manyGroups
	req  *kmsg.DescribeGroupsRequest
	resp *kmsg.DescribeGroupsResponse // NOT_COORDINATOR until the operations resolve
}

func newDescribeGroups(h header, req *kmsg.DescribeGroupsRequest) (Handler, error) {
	if err := boundGroups(len(req.Groups)); err != nil {
		return nil, err
	}
	return &describeGroups{
		header: h, req: req,
		resp: group.Refuse(req, kafka.NotCoordinator).(*kmsg.DescribeGroupsResponse),
	}, nil
}

func (d *describeGroups) Next(c Context, _ bool) []Op {
	return d.begin(c, d.req.Groups, func(name string) Coordinate {
		return Coordinate{Request: DescribeGroup{Version: d.version, Group: name}, Knows: true}
	})
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
