package api

import (
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
)

// describeConfigs serves DescribeConfigs 1-4 (key 32) for topics and brokers: every key
// with value, source and type, and with synonyms and documentation if the request asks
// for them (KAFKA 35). Keys are in order of name. An empty list of names, or null, stands
// for all keys. Unknown names are left out, as in Kafka.
//
// A resource that the request names more than once is answered once, where it is named first and
// as it is named last: the answer of a repeated resource may be thousands of times as large as its
// name.
//
// A broker describes only itself, since no other broker knows its settings, and under the
// empty name what is set for all brokers. Its loggers are one, root, with the level of the event
// log. Client metrics and groups have no configurations here.
type describeConfigs struct {
	header
	brokerTimeout
	req *kmsg.DescribeConfigsRequest
}

func newDescribeConfigs(h header, req *kmsg.DescribeConfigsRequest) *describeConfigs {
	return &describeConfigs{header: h, req: req}
}

func (d *describeConfigs) Next(Context, bool) []Op { return nil }

func (d *describeConfigs) Resolve(int, any) {}

func (d *describeConfigs) Answer(c Context) [][]byte {
	resp := d.req.ResponseKind().(*kmsg.DescribeConfigsResponse)
	resources := d.merged()
	resp.Resources = make([]kmsg.DescribeConfigsResponseResource, len(resources))
	for i, asked := range resources {
		out := &resp.Resources[i]
		out.ResourceType, out.ResourceName = asked.ResourceType, asked.ResourceName
		keys, code, message := d.keysOf(c, asked)
		out.ErrorCode, out.ErrorMessage = int16(code), nullable(message)
		for j := range keys {
			if len(asked.ConfigNames) == 0 || slices.Contains(asked.ConfigNames, keys[j].name) {
				out.Configs = append(out.Configs, d.describe(&keys[j]))
			}
		}
	}
	return d.frame(resp)
}

// merged returns each resource of the request once.
func (d *describeConfigs) merged() (out []*kmsg.DescribeConfigsRequestResource) {
	type resource struct {
		kind kmsg.ConfigResourceType
		name string
	}
	seen := map[resource]int{}
	for i := range d.req.Resources {
		r := &d.req.Resources[i]
		first, repeated := seen[resource{r.ResourceType, r.ResourceName}]
		if repeated {
			out[first] = r
			continue
		}
		seen[resource{r.ResourceType, r.ResourceName}] = len(out)
		out = append(out, r)
	}
	return out
}

// keysOf returns the keys of a resource in order of name, or an error that says why there
// are none.
func (d *describeConfigs) keysOf(
	c Context, r *kmsg.DescribeConfigsRequestResource,
) ([]brokerKey, kafka.ErrorCode, string) {
	switch meta.ResourceType(r.ResourceType) {
	case meta.TopicResource:
		if problem := meta.TopicNameError(r.ResourceName); problem != "" {
			return nil, kafka.InvalidTopicException, problem
		}
		t := c.Image().Topic(r.ResourceName)
		if t == nil {
			return nil, kafka.UnknownTopicOrPartition, ""
		}
		return topicKeys(c.Image(), t), kafka.None, ""
	case meta.BrokerResource:
		switch r.ResourceName {
		case strconv.Itoa(int(c.Node())):
			return sortedBrokerKeys(c), kafka.None, ""
		case "":
			return clusterWide(sortedBrokerKeys(c)), kafka.None, ""
		}
		return nil, kafka.InvalidRequest, otherBroker(c, r.ResourceName)
	case loggerResource:
		if r.ResourceName != strconv.Itoa(int(c.Node())) {
			return nil, kafka.InvalidRequest, otherBroker(c, r.ResourceName)
		}
		return rootLevel(sortedBrokerKeys(c)), kafka.None, ""
	}
	return nil, kafka.InvalidRequest,
		"resource type " + strconv.Itoa(int(r.ResourceType)) + " has no configurations here"
}

func otherBroker(c Context, name string) string {
	return "broker " + strconv.Itoa(int(c.Node())) + " describes itself only, not " + name
}

// rootLevel are the loggers of a broker: one, with the level of the event log as Kafka writes it.
func rootLevel(keys []brokerKey) []brokerKey {
	i := slices.IndexFunc(keys, func(k brokerKey) bool { return k.name == meta.EventLogLevelKey })
	level := strings.ToUpper(keys[i].values[0].value)
	return []brokerKey{{name: rootLogger, kind: meta.ConfigString, doc: keys[i].doc,
		values: []configValue{{rootLogger, level, configSourceLogger}}}}
}

// configSourceLogger is Kafka's DYNAMIC_BROKER_LOGGER_CONFIG.
const configSourceLogger kmsg.ConfigSource = 6

func sortedBrokerKeys(c Context) []brokerKey {
	keys := brokerKeys(c)
	slices.SortFunc(keys, func(a, b brokerKey) int { return strings.Compare(a.name, b.name) })
	return keys
}

func topicKeys(img *meta.Image, t *meta.Topic) []brokerKey {
	var keys []brokerKey
	for i := range meta.ConfigKeys() {
		if k := &meta.ConfigKeys()[i]; k.Topic {
			keys = append(keys, brokerKey{
				name: k.Name, kind: k.Type, doc: k.Doc, values: topicConfig(img, t.Configs, k),
			})
		}
	}
	return keys
}

// clusterWide keeps the keys that are set for all brokers, each with that value only.
func clusterWide(keys []brokerKey) []brokerKey {
	var set []brokerKey
	for _, k := range keys {
		for _, v := range k.values {
			if v.source == kmsg.ConfigSourceDynamicDefaultBrokerConfig {
				k.values = []configValue{v}
				set = append(set, k)
			}
		}
	}
	return set
}

func (d *describeConfigs) describe(k *brokerKey) kmsg.DescribeConfigsResponseResourceConfig {
	out := kmsg.NewDescribeConfigsResponseResourceConfig()
	inForce := k.values[0]
	out.Name, out.Value, out.Source = k.name, &inForce.value, inForce.source
	out.ReadOnly = k.readOnly
	out.ConfigType = kmsg.ConfigType(k.kind)
	if d.req.IncludeSynonyms {
		for i := range k.values {
			v := &k.values[i]
			if v.name == "" {
				continue // topics have the key and brokers do not
			}
			out.ConfigSynonyms = append(out.ConfigSynonyms,
				kmsg.DescribeConfigsResponseResourceConfigConfigSynonym{
					Name: v.name, Value: &v.value, Source: v.source,
				})
		}
	}
	if d.req.IncludeDocumentation {
		out.Documentation = &k.doc
	}
	return out
}
