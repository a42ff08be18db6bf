package sim

import (
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"lockstep/broker/env"
	"lockstep/checker"
)

// admin is a client that creates the topics that the others use, and then
// creates and deletes others for as long as the plan says.
type admin struct {
	c     *kafkaClient
	first bool          // makes the topics of the workload
	churn time.Duration // between two operations; 0: none
	busy  bool
	asked map[string]bool // deletions that were sent, by name
}

func newAdmin(c *kafkaClient) *admin {
	first := true
	for _, other := range c.cluster.clients {
		if _, ok := other.script.(*admin); ok {
			first = false
		}
	}
	return &admin{c: c, first: first, churn: time.Duration(c.cluster.option("churn_us", 0)) * time.Microsecond, asked: map[string]bool{}}
}

func (a *admin) start(now env.Time) {
	if a.first {
		a.makeTopics(now)
	}
	a.tick(now)
}

func (a *admin) informed(env.Time) {}

// makeTopics creates the topics of the workload until metadata shows them all.
func (a *admin) makeTopics(now env.Time) {
	if a.c.stopped {
		return
	}
	if !a.missing() {
		return
	}
	a.c.after(now, a.c.between(200*time.Millisecond, 600*time.Millisecond), a.makeTopics)
	a.c.refresh(now)
	if a.busy {
		return
	}
	for _, name := range a.c.cluster.topics {
		if a.c.topics[name] == nil {
			a.create(now, name, int32(a.c.cluster.option("partitions", 1)))
			return
		}
	}
}

// missing reports whether a topic of the workload is not there yet.
func (a *admin) missing() bool {
	return slices.ContainsFunc(a.c.cluster.topics, func(name string) bool { return a.c.topics[name] == nil })
}

// tick creates or deletes a topic of the churn.
func (a *admin) tick(now env.Time) {
	if a.churn == 0 || a.c.stopped || a.c.cluster.healed {
		return
	}
	a.c.after(now, a.c.cluster.pace(a.churn), a.tick)
	if a.busy || a.first && a.missing() {
		return
	}
	name := "x" + strconv.Itoa(a.c.rand.IntN(3))
	if a.c.rand.Chance(1, 2) {
		a.create(now, name, int32(1+a.c.rand.IntN(3)))
	} else {
		a.delete(now, name)
	}
}

func (a *admin) create(now env.Time, name string, partitions int32) {
	cl := a.c.cluster
	req := kmsg.NewPtrCreateTopicsRequest()
	timeout := a.c.between(300*time.Millisecond, 3*time.Second)
	req.Version, req.TimeoutMillis = 7, int32(timeout.Milliseconds())
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, partitions, int16(cl.option("rf", 1))
	minISR := strconv.Itoa(int(cl.option("min_isr", 1)))
	topic.Configs = append(topic.Configs, kmsg.CreateTopicsRequestTopicConfig{Name: "min.insync.replicas", Value: &minISR})
	req.Topics = append(req.Topics, topic)
	a.run(now, checker.CreateTopic, name, req, timeout, func(resp kmsg.Response) (int16, string) {
		t := &resp.(*kmsg.CreateTopicsResponse).Topics[0]
		id := ""
		if t.ErrorCode == 0 {
			id = topicIDText(t.TopicID)
		}
		return t.ErrorCode, id
	})
}

func (a *admin) delete(now env.Time, name string) {
	req := kmsg.NewPtrDeleteTopicsRequest()
	timeout := a.c.between(300*time.Millisecond, 3*time.Second)
	req.Version, req.TimeoutMillis = 6, int32(timeout.Milliseconds())
	topic := kmsg.NewDeleteTopicsRequestTopic()
	topic.Topic = &name
	req.Topics = append(req.Topics, topic)
	a.run(now, checker.DeleteTopic, name, req, timeout, func(resp kmsg.Response) (int16, string) {
		return resp.(*kmsg.DeleteTopicsResponse).Topics[0].ErrorCode, ""
	})
}

// run sends an operation to any broker and records its end.
func (a *admin) run(now env.Time, kind checker.AdminKind, name string, req kmsg.Request, timeout time.Duration, verdict func(kmsg.Response) (int16, string)) {
	rec := a.c.cluster.rec
	record := -1
	a.busy = true
	k := a.c.connTo(now, a.c.anyBroker())
	k.call(now, &kafkaCall{req: req, timeout: timeout + adminSlack,
		began: func() {
			if kind == checker.DeleteTopic {
				a.c.cluster.deleted[name] = true
			}
			record = len(rec.h.Admins)
			rec.h.Admins = append(rec.h.Admins, checker.Admin{
				ID: rec.id(), Client: a.c.number, Node: k.node, Call: rec.moment(), Return: checker.Never,
				Kind: kind, Topic: name, Outcome: checker.Ambiguous,
			})
		},
		done: func(now env.Time, resp kmsg.Response) {
			a.busy = false
			if record < 0 || resp == nil {
				return
			}
			op := &rec.h.Admins[record]
			op.Return = rec.moment()
			op.Code, op.TopicID = verdict(resp)
			op.Outcome = checker.Classify(true, op.Code)
		}})
}

// adminSlack is what an admin request may take beyond its own timeout.
const adminSlack = 500 * time.Millisecond

func (a *admin) pending() []string {
	if a.busy {
		return []string{a.c.name + ": an operation on a topic"}
	}
	if a.first {
		for _, name := range a.c.cluster.topics {
			if a.c.topics[name] == nil {
				return []string{a.c.name + ": topic " + name + " is not there"}
			}
		}
	}
	return nil
}
