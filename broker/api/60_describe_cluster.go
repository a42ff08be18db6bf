package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/kafka"
)

// describeCluster serves DescribeCluster 0-2 (key 60): the brokers that are not fenced,
// and from version 2 on also the fenced ones if the request asks for them. The controller
// is chosen as in Metadata. From version 1 on a client may ask for the controllers
// instead. They have no endpoint for clients, so the answer is an error.
type describeCluster struct {
	header
	brokerTimeout
	req *kmsg.DescribeClusterRequest
}

// Endpoint types of the request (KIP-919).
const (
	brokerEndpoints     = 1
	controllerEndpoints = 2
)

func newDescribeCluster(h header, req *kmsg.DescribeClusterRequest) *describeCluster {
	return &describeCluster{header: h, req: req}
}

func (d *describeCluster) Next(Context, bool) []Op { return nil }

func (d *describeCluster) Resolve(int, any) {}

func (d *describeCluster) Answer(c Context) [][]byte {
	resp := d.req.ResponseKind().(*kmsg.DescribeClusterResponse)
	resp.Default()
	resp.ClusterID = clusterID(c)
	if d.version >= 1 && d.req.EndpointType != brokerEndpoints {
		code, message := kafka.UnsupportedEndpointType, "no such type of endpoint"
		if d.req.EndpointType == controllerEndpoints {
			code, message = kafka.MismatchedEndpointType, "this is a broker, not a controller"
		}
		resp.ErrorCode, resp.ErrorMessage = int16(code), &message
		return d.frame(resp)
	}
	resp.ControllerID = int32(controllerID(c))
	for _, b := range c.Image().Brokers() {
		if b.Fenced && (d.version < 2 || !d.req.IncludeFencedBrokers) {
			continue
		}
		resp.Brokers = append(resp.Brokers, kmsg.DescribeClusterResponseBroker{
			NodeID: int32(b.ID), Host: b.Host, Port: b.Port, Rack: nullable(b.Rack),
			IsFenced: b.Fenced,
		})
	}
	return d.frame(resp)
}
