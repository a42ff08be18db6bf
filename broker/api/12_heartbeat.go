package api

import "github.com/twmb/franz-go/pkg/kmsg"

// newHeartbeat serves Heartbeat 0-4 (key 12). A coordinator that is still reading its log answers
// that all is well, as in Kafka: the member has done its part.
func newHeartbeat(h header, req *kmsg.HeartbeatRequest) Handler {
	g := newOneGroup(h, req.Group, req)
	g.ask.WhileLoading = true
	return g
}
