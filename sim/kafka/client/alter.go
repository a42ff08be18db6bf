package client

import (
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/checker"
)

// Changes of configurations and of numbers of partitions, for as long as the plan says.
//
// On a topic that comes and goes an admin changes AlteredKey, which has no effect: package checker
// judges the order of these changes (P9). On the topics of the workload, and for the whole cluster,
// it changes min.insync.replicas, from 1 to that of the plan, while replicas leave in-sync sets and
// come back. What is acknowledged must survive all the same (P1).

// AlteredKey is the configuration of topics that come and go that admins change.
const AlteredKey = "flush.messages"

const minISRKey = "min.insync.replicas"

// Config types of the protocol.
const (
	topicConfig  = kmsg.ConfigResourceTypeTopic
	brokerConfig = kmsg.ConfigResourceTypeBroker
)

// alterTick changes one configuration.
func (a *admin) alterTick(now env.Time) {
	every := time.Duration(a.c.load.Options().AlterUs.Or(0)) * time.Microsecond
	if every == 0 || a.c.stopped || a.c.load.FaultsOver {
		return
	}
	a.c.after(now, a.c.load.pace(every), a.alterTick)
	if a.busy || a.first && a.missing() {
		return
	}
	most := int(a.c.load.Options().MinISR.Or(1))
	switch choice := a.c.rand.IntN(5); {
	case choice == 4 && a.churn > 0:
		a.grow(now, ChurnTopics[a.c.rand.IntN(len(ChurnTopics))], 2+a.c.rand.IntN(4))
	case choice < 2 && a.churn > 0:
		name := ChurnTopics[a.c.rand.IntN(len(ChurnTopics))]
		a.alterRecorded(now, name, strconv.Itoa(1+a.c.rand.IntN(1000)))
	case choice == 2:
		topics := a.c.load.Topics
		a.alter(now, topicConfig, topics[a.c.rand.IntN(len(topics))], minISRKey, a.minISR(most))
	default:
		a.alter(now, brokerConfig, "", minISRKey, a.minISR(most))
	}
}

// minISR draws a value; "" unsets it.
func (a *admin) minISR(most int) string {
	if n := a.c.rand.IntN(most + 1); n > 0 {
		return strconv.Itoa(n)
	}
	return ""
}

// alteration is a request that sets a configuration, or unsets it where the value is "".
func alteration(
	kind kmsg.ConfigResourceType, name, key, value string,
) *kmsg.IncrementalAlterConfigsRequest {
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.Version = 1
	r := kmsg.NewIncrementalAlterConfigsRequestResource()
	r.ResourceType, r.ResourceName = kind, name
	c := kmsg.NewIncrementalAlterConfigsRequestResourceConfig()
	c.Name, c.Op = key, kmsg.IncrementalAlterConfigOpDelete
	if value != "" {
		c.Op, c.Value = kmsg.IncrementalAlterConfigOpSet, &value
	}
	r.Configs = append(r.Configs, c)
	req.Resources = append(req.Resources, r)
	return req
}

// alter changes a configuration. Nothing but its effect is judged.
func (a *admin) alter(
	now env.Time, kind kmsg.ConfigResourceType, name, key, value string,
) {
	a.busy = true
	a.c.connTo(now, a.c.anyBroker()).call(now, &pendingCall{
		req: alteration(kind, name, key, value), timeout: a.c.load.RequestTimeout + adminSlack,
		done: func(env.Time, kmsg.Response) { a.busy = false },
	})
}

// alterRecorded changes AlteredKey of a topic, and records that in the history. Some changes unset
// the key.
func (a *admin) alterRecorded(now env.Time, name, value string) {
	if a.c.rand.Chance(1, 5) {
		value = ""
	}
	op := checker.Admin{Kind: checker.AlterTopic, Set: value}
	a.run(now, op, []string{name}, alteration(topicConfig, name, AlteredKey, value),
		a.c.load.RequestTimeout, func(resp kmsg.Response, i int) (int16, string) {
			return resp.(*kmsg.IncrementalAlterConfigsResponse).Resources[i].ErrorCode, ""
		})
}

// grow asks for more partitions of a topic that comes and goes. Now and then it has as many
// already.
func (a *admin) grow(now env.Time, name string, total int) {
	req := kmsg.NewPtrCreatePartitionsRequest()
	timeout := a.c.between(300*time.Millisecond, 3*time.Second)
	req.Version, req.TimeoutMillis = 3, int32(timeout.Milliseconds())
	topic := kmsg.NewCreatePartitionsRequestTopic()
	topic.Topic, topic.Count = name, int32(total)
	req.Topics = append(req.Topics, topic)
	op := checker.Admin{Kind: checker.GrowTopic, Partitions: total}
	a.run(now, op, []string{name}, req, timeout, func(resp kmsg.Response, i int) (int16, string) {
		return resp.(*kmsg.CreatePartitionsResponse).Topics[i].ErrorCode, ""
	})
}

// electTick asks for preferred elections of all partitions.
func (a *admin) electTick(now env.Time) {
	every := time.Duration(a.c.load.Options().ElectUs.Or(0)) * time.Microsecond
	if every == 0 || a.c.stopped || a.c.load.FaultsOver {
		return
	}
	a.c.after(now, a.c.load.pace(every), a.electTick)
	if a.busy || a.first && a.missing() {
		return
	}
	req := kmsg.NewPtrElectLeadersRequest()
	timeout := a.c.between(300*time.Millisecond, 3*time.Second)
	req.Version, req.TimeoutMillis = 2, int32(timeout.Milliseconds())
	a.busy = true
	a.c.connTo(now, a.c.anyBroker()).call(now, &pendingCall{
		req: req, timeout: timeout + adminSlack,
		done: func(env.Time, kmsg.Response) { a.busy = false },
	})
}
