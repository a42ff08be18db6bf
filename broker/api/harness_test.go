package api

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/rare"
	"example.com/lockstep/broker/wire"
	"example.com/lockstep/broker/wire/client"
	"example.com/lockstep/broker/wire/peer"
)

// fakeContext is a broker. Tests build its image by applying commands.
type fakeContext struct {
	now      env.Time
	node     kafka.NodeID
	image    *meta.Image
	entropy  *env.Rand
	settings Settings
}

func (c *fakeContext) Now() env.Time       { return c.now }
func (c *fakeContext) Node() kafka.NodeID  { return c.node }
func (c *fakeContext) Image() *meta.Image  { return c.image }
func (c *fakeContext) Entropy() *env.Rand  { return c.entropy }
func (c *fakeContext) Rare() *rare.Chooser { return nil }
func (c *fakeContext) Settings() *Settings { return &c.settings }
func (c *fakeContext) apply(m meta.Command) meta.Verdict {
	next, verdict, _ := c.image.Apply(c.image.Index()+1, m)
	c.image = next
	return verdict
}

// newContext is broker 1 of a cluster without registered brokers.
func newContext() *fakeContext {
	_, _, image := meta.NewCluster(peer.UUID{0xc1, 0x05}, []meta.PeerID{
		{Node: 1, Directory: peer.UUID{7: 1}}, {Node: 2, Directory: peer.UUID{7: 2}},
	})
	return &fakeContext{
		now: env.Time{Mono: 1e9, WallMs: 1_700_000_000_000}, node: 1,
		image: image, entropy: env.NewRand(1, 2),
		settings: Settings{
			AutoCreateTopics: true, NumPartitions: 2, ReplicationFactor: 1, MinInSync: 1,
			MaxMessageBytes: 1 << 20, FetchMaxBytes: 50 << 20, FetchMaxWait: 30e9,
			DeleteTopics: true, AppliedByAll: 4e9, EventLogLevel: "info",
			File: []FileKey{{"shards", "2", "0", "Number of shard loops.", meta.ConfigLong}},
		},
	}
}

// broker registers a broker, as live or as fenced.
func (c *fakeContext) broker(id kafka.NodeID, live bool, features ...meta.Feature) {
	rack := ""
	if id > 1 {
		rack = fmt.Sprintf("rack-%d", id)
	}
	v := c.apply(&meta.RegisterBroker{Node: id,
		Incarnation: peer.UUID{byte(id)}, Endpoints: meta.Endpoints{
			Host: fmt.Sprintf("host-%d", id), Port: 9090 + int32(id), Rack: rack,
			Features: features,
		}})
	if live {
		c.apply(&meta.UnfenceBroker{Node: id, Epoch: v.BrokerEpoch})
	}
}

func (c *fakeContext) fence(id kafka.NodeID) {
	c.apply(&meta.FenceBroker{Node: id, Epoch: c.image.Broker(id).Epoch})
}

// topic creates a topic. Its id is its first letter 16 times.
func (c *fakeContext) topic(
	name string, configs meta.Configs, replicas ...[]kafka.NodeID,
) kafka.TopicID {
	id := idOf(name)
	v := c.apply(&meta.CreateTopics{Topics: []meta.NewTopic{{
		Name: name, ID: id, Partitions: -1, ReplicationFactor: -1, Assignments: replicas,
		Configs: configs,
	}}})
	if v.Topics[0].Code != kafka.None {
		panic(v.Topics[0].Code.String() + ": " + v.Topics[0].Message)
	}
	return id
}

func idOf(name string) (id kafka.TopicID) {
	for i := range id {
		id[i] = name[0]
	}
	return id
}

// never is the result of an operation that does not resolve in time.
type never struct{}

const correlation = 77

// parse encodes a request as a client does, and parses it as a broker does.
func parse(t require.TestingT, req kmsg.Request) wire.Request {
	frame := client.AppendRequest(nil, correlation, "test", req)
	parsed, err := wire.ParseRequest(frame[4:])
	require.NoError(t, err)
	return parsed
}

// serve runs a request as a shard does: run gives the result of each operation, or never.
// Operations resolve in reverse order, so that no handler can depend on their order.
func serve(t require.TestingT, c Context, req kmsg.Request, run func(Op) any) kmsg.Response {
	h, err := New(parse(t, req))
	require.NoError(t, err)
	require.GreaterOrEqual(t, h.Timeout(), time.Duration(0))
	expired := false
	for turn := 0; ; turn++ {
		require.Less(t, turn, 1000, "the handler does not end")
		ops := h.Next(c, expired)
		require.False(t, expired && len(ops) > 0, "operations after the deadline")
		if len(ops) == 0 {
			break
		}
		results := make([]any, len(ops))
		for i, op := range ops {
			results[i] = run(op)
		}
		for i := len(ops) - 1; i >= 0; i-- {
			switch results[i].(type) {
			case never:
				expired = true
			case WaitResult: // the shard does not pass it on
			default:
				h.Resolve(i, results[i])
			}
		}
	}
	return decode(t, req, h.Answer(c))
}

// decode decodes a whole response frame; nil if there is none.
func decode(t require.TestingT, req kmsg.Request, frames [][]byte) kmsg.Response {
	if frames == nil {
		return nil
	}
	frame := slices.Concat(frames...)
	require.EqualValues(t, len(frame)-4, binary.BigEndian.Uint32(frame))
	id, err := client.CorrelationID(frame[4:])
	require.NoError(t, err)
	require.EqualValues(t, correlation, id)
	resp, err := client.DecodeResponse(frame[4:], req)
	require.NoError(t, err)
	return resp
}

// render prints every field of a kmsg message or an operation: the scalars of a
// struct on one line, and each element of a list of structs on one of its own.
func render(b *strings.Builder, indent string, v reflect.Value) {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	var lists []int
	var line []string
	for i := range v.NumField() {
		f, name := v.Field(i), v.Type().Field(i).Name
		if name == "UnknownTags" || name == "Version" {
			continue
		}
		if f.Kind() == reflect.Slice && elem(f.Type().Elem()).Kind() == reflect.Struct {
			if f.Len() > 0 {
				lists = append(lists, i)
				continue
			}
		}
		line = append(line, name+"="+scalar(f))
	}
	if len(line) > 0 {
		b.WriteString(indent + strings.Join(line, " ") + "\n")
	}
	for _, i := range lists {
		fmt.Fprintf(b, "%s%s:\n", indent, v.Type().Field(i).Name)
		for j := range v.Field(i).Len() {
			render(b, indent+"  ", v.Field(i).Index(j))
		}
	}
}

func elem(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

func scalar(v reflect.Value) string {
	if id, ok := v.Interface().(kafka.TopicID); ok {
		return id.String()
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return "null"
		}
		return scalar(v.Elem())
	case reflect.String:
		return fmt.Sprintf("%q", v.String())
	case reflect.Array:
		return fmt.Sprintf("%x", v.Interface())
	case reflect.Slice:
		if v.IsNil() {
			return "null"
		}
		var list []string
		for i := range v.Len() {
			list = append(list, scalar(v.Index(i)))
		}
		return "[" + strings.Join(list, " ") + "]"
	case reflect.Struct:
		var fields []string
		for i := range v.NumField() {
			if v.Type().Field(i).Name != "UnknownTags" {
				fields = append(fields, v.Type().Field(i).Name+"="+scalar(v.Field(i)))
			}
		}
		return "{" + strings.Join(fields, " ") + "}"
	}
	return fmt.Sprint(v.Interface())
}
