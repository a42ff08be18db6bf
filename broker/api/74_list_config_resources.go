package api

import (
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
)

// listConfigResources serves ListConfigResources 0-1 (key 74): the names of what has
// configurations. Version 0 asks for client metrics only, and there are none. Topics come in
// order of name, then brokers and their loggers by id. An empty list of types stands for all.
type listConfigResources struct {
	header
	brokerTimeout
	req *kmsg.ListConfigResourcesRequest
}

func newListConfigResources(
	h header, req *kmsg.ListConfigResourcesRequest,
) *listConfigResources {
	return &listConfigResources{header: h, req: req}
}

func (l *listConfigResources) Next(Context, bool) []Op { return nil }

func (l *listConfigResources) Resolve(int, any) {}

// Kafka's types of client metrics and groups. There are none, so their lists are empty.
const (
	clientMetricsResource meta.ResourceType = 16
	groupResource         meta.ResourceType = 32
)

func (l *listConfigResources) Answer(c Context) [][]byte {
	resp := l.req.ResponseKind().(*kmsg.ListConfigResourcesResponse)
	known := []meta.ResourceType{meta.TopicResource, meta.BrokerResource, loggerResource,
		clientMetricsResource, groupResource}
	asked := known
	switch {
	case l.version == 0:
		asked = []meta.ResourceType{clientMetricsResource}
	case len(l.req.ResourceTypes) > 0:
		asked = nil
		for _, kind := range l.req.ResourceTypes {
			if !slices.Contains(known, meta.ResourceType(kind)) {
				resp.ErrorCode = int16(kafka.UnsupportedVersion) // as Kafka answers a type of later
				return l.frame(resp)
			}
			asked = append(asked, meta.ResourceType(kind))
		}
	}
	add := func(kind meta.ResourceType, name string) {
		out := kmsg.NewListConfigResourcesResponseConfigResource()
		out.Name, out.Type = name, int8(kind)
		resp.ConfigResources = append(resp.ConfigResources, out)
	}
	if slices.Contains(asked, meta.TopicResource) {
		c.Image().Topics(func(t *meta.Topic) bool {
			add(meta.TopicResource, t.Name)
			return true
		})
	}
	for _, kind := range []meta.ResourceType{meta.BrokerResource, loggerResource} {
		for _, b := range c.Image().Brokers() {
			if slices.Contains(asked, kind) {
				add(kind, strconv.Itoa(int(b.ID)))
			}
		}
	}
	return l.frame(resp)
}
