package api

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
)

// There is a transcript for each handler. -rewrite writes them again. The commands are:
//
//	cluster      a new cluster; lines: broker ID | fenced ID | fence ID |
//	             register ID (a new incarnation) | topic NAME R,R/R,R [key=value...] |
//	             default KEY VALUE | node ID
//	settings     JSON of the Settings that change
//	results      the results of the next requests' operations, in order: a JSON object,
//	             "never", or "propose" to apply the command; without results
//	             proposals are applied, and all brokers have applied them
//	serve KEY v=(V,...)   JSON of the kmsg request; prints operations and answer
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata/transcripts", func(t *testing.T, path string) {
		tr := &transcript{c: newContext()}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "cluster":
				tr.cluster(t, d.Input)
			case "settings":
				require.NoError(t, json.Unmarshal([]byte(d.Input), &tr.c.settings))
			case "results":
				tr.results = strings.Split(d.Input, "\n")
			case "serve":
				return tr.serve(t, d)
			default:
				t.Fatalf("unknown command %s", d.Cmd)
			}
			return ""
		})
	})
}

type transcript struct {
	c       *fakeContext
	results []string
}

func (tr *transcript) cluster(t *testing.T, input string) {
	settings := tr.c.settings
	tr.c = newContext()
	tr.c.settings = settings
	for _, line := range strings.Split(input, "\n") {
		words := strings.Fields(line)
		switch words[0] {
		case "broker", "fenced":
			tr.c.broker(nodeID(t, words[1]), words[0] == "broker")
		case "fence":
			tr.c.fence(nodeID(t, words[1]))
		case "live":
			id := nodeID(t, words[1])
			tr.c.apply(&meta.UnfenceBroker{Node: id, Epoch: tr.c.image.Broker(id).Epoch})
		case "isr":
			tr.isr(t, words[1], words[2])
		case "register":
			b := *tr.c.image.Broker(nodeID(t, words[1]))
			b.Incarnation[15]++
			tr.c.apply(&meta.RegisterBroker{
				Node: b.ID, Incarnation: b.Incarnation, Endpoints: b.Endpoints,
			})
		case "node":
			tr.c.node = nodeID(t, words[1])
		case "default":
			tr.set("", words[1], words[2])
		case "own":
			tr.set(words[1], words[2], words[3])
		case "topic":
			var configs meta.Configs
			for _, w := range words[3:] {
				name, value, _ := strings.Cut(w, "=")
				configs = append(configs, meta.Config{Name: name, Value: value})
			}
			var replicas [][]kafka.NodeID
			for _, p := range strings.Split(words[2], "/") {
				var ids []kafka.NodeID
				for _, id := range strings.Split(p, ",") {
					ids = append(ids, nodeID(t, id))
				}
				replicas = append(replicas, ids)
			}
			tr.c.topic(words[1], configs, replicas...)
		default:
			t.Fatalf("unknown line %q", line)
		}
	}
}

// isr puts replicas of a partition into its ISR.
func (tr *transcript) isr(t *testing.T, partition, isr string) {
	topic, number, _ := strings.Cut(partition, "/")
	id := kafka.PartitionID{Topic: idOf(topic), Partition: int32(nodeID(t, number))}
	p := tr.c.image.Partition(id)
	n := meta.NewISR{ID: id, LeaderEpoch: p.LeaderEpoch, PartitionEpoch: p.PartitionEpoch}
	for _, word := range strings.Split(isr, ",") {
		node := nodeID(t, word)
		n.ISR = append(n.ISR, meta.ISRMember{Node: node, Epoch: tr.c.image.Broker(node).Epoch})
	}
	v := tr.c.apply(&meta.AlterPartition{Leader: p.Leader,
		BrokerEpoch: tr.c.image.Broker(p.Leader).Epoch, Partitions: []meta.NewISR{n}})
	require.Equal(t, kafka.None, v.Partitions[0].Code)
}

// set sets a configuration of one broker, or of all under the empty name.
func (tr *transcript) set(broker, name, value string) {
	tr.c.apply(&meta.AlterConfigs{Resources: []meta.ConfigChange{{
		Resource: meta.ConfigResource{Type: meta.BrokerResource, Name: broker},
		Ops:      []meta.ConfigOp{{Name: name, Value: value}},
	}}})
}

func nodeID(t *testing.T, s string) kafka.NodeID {
	id, err := strconv.Atoi(s)
	require.NoError(t, err)
	return kafka.NodeID(id)
}

func (tr *transcript) serve(t *testing.T, d *datadriven.TestData) string {
	var b strings.Builder
	for _, arg := range d.CmdArgs[1:] {
		require.Equal(t, "v", arg.Key)
		for _, v := range arg.Vals {
			version, err := strconv.Atoi(v)
			require.NoError(t, err)
			fmt.Fprintf(&b, "version %d\n", version)
			tr.serveVersion(t, &b, d.CmdArgs[0].Key, int16(version), d.Input)
		}
	}
	tr.results = nil
	return b.String()
}

// serveVersion serves one version, leaving the image and the entropy as they were.
func (tr *transcript) serveVersion(
	t *testing.T, b *strings.Builder, key string, version int16, body string,
) {
	image := tr.c.image
	tr.c.entropy = env.NewRand(1, 2)
	req := kmsg.RequestForKey(keyNamed(t, key))
	req.(interface{ Default() }).Default()
	req.SetVersion(version)
	require.NoError(t, json.Unmarshal([]byte(body), req))
	op := 0
	resp := serve(t, tr.c, req, func(o Op) any {
		fmt.Fprintf(b, "  %T\n", o)
		switch p := o.(type) {
		case Propose:
			render(b, "    ", reflect.ValueOf(p.Command))
		case Coordinate:
			fmt.Fprintf(b, "    partition %d, knows %t, while loading %t, polls %t: %T\n",
				p.Partition.Partition, p.Knows, p.WhileLoading, p.Polls, p.Request)
			render(b, "    ", reflect.ValueOf(requestOf(p)))
		default:
			render(b, "    ", reflect.ValueOf(o))
		}
		op++
		return tr.result(t, o, op-1)
	})
	b.WriteString("  answer\n")
	render(b, "    ", reflect.ValueOf(resp))
	tr.c.image = image
}

func (tr *transcript) result(t *testing.T, op Op, i int) any {
	line := "propose"
	if i < len(tr.results) {
		line = tr.results[i]
	}
	if line == "never" {
		return never{}
	}
	var out any
	switch op := op.(type) {
	case Propose:
		if line == "propose" {
			v := tr.c.apply(op.Command)
			return ProposeResult{Index: uint64(v.Index), Verdict: v}
		}
		out = &ProposeResult{}
	case Applied:
		return AppliedResult{All: true}
	case Coordinate:
		if line == "propose" {
			return coordinated(op.Request, kafka.None)
		}
		out = &CoordinateResult{}
	case NewEpochs:
		return NewEpochsResult{}
	case Barrier:
		return BarrierResult{}
	case Offsets:
		out = &OffsetsResult{}
	case EpochEnd:
		out = &EpochEndResult{}
	case DeleteRecords:
		out = &DeleteRecordsResult{}
	case NextProducerID:
		out = &ProducerIDResult{}
	default:
		t.Fatalf("no result for %T", op)
	}
	require.NoError(t, json.Unmarshal([]byte(line), out))
	return reflect.ValueOf(out).Elem().Interface()
}

func keyNamed(t *testing.T, name string) int16 {
	for key := int16(0); key <= kmsg.MaxKey; key++ {
		if kmsg.NameForKey(key) == name {
			return key
		}
	}
	t.Fatalf("no key is named %s", name)
	return -1
}
