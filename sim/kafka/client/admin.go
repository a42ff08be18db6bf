package client

import (
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/checker"
	"example.com/lockstep/sim/kafka/history"
)

// admin is a client that creates the topics that the others use, and then
// creates and deletes others for as long as the plan says.
type admin struct {
	c     *Client
	first bool          // makes the topics of the workload
	churn time.Duration // between two operations; 0: none
	busy  bool
	asked map[string]bool // deletions that were sent, by name
	burst int64           // topics to make at once, later; 0: none, or they are asked for
}

// ChurnTopics are the names of topics that come and go.
var ChurnTopics = []string{"x0", "x1", "x2"}

func newAdmin(c *Client) *admin {
	first := true
	for _, other := range c.load.Clients {
		if _, ok := other.script.(*admin); ok {
			first = false
		}
	}
	return &admin{c: c, first: first,
		churn: time.Duration(c.load.Options().ChurnUs.Or(0)) * time.Microsecond,
		asked: map[string]bool{}, burst: c.load.Options().Burst.Or(0)}
}

func (a *admin) start(now env.Time) {
	if a.first {
		a.makeTopics(now)
		a.makeMany(now)
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
	var missing []string
	for _, name := range a.c.load.Topics {
		if a.c.topics[name] == nil {
			missing = append(missing, name)
		}
	}
	if a.c.load.Options().CreateTogether.Or(0) == 0 {
		missing = missing[:1]
	}
	a.create(now, int32(a.c.load.Options().Partitions.Or(1)), missing...)
}

// makeMany makes many topics with one request, once the others are there.
func (a *admin) makeMany(now env.Time) {
	switch {
	case a.burst == 0:
		return
	case a.busy || a.missing():
		a.c.after(now, 100*time.Millisecond, a.makeMany)
		return
	}
	var names []string
	for i := range a.burst {
		names = append(names, "y"+strconv.Itoa(int(i)))
	}
	a.burst = 0
	a.create(now, 1, names...)
}

// missing reports whether a topic of the workload is not there yet.
func (a *admin) missing() bool {
	return slices.ContainsFunc(a.c.load.Topics,
		func(name string) bool { return a.c.topics[name] == nil })
}

// tick creates or deletes a topic of the churn.
func (a *admin) tick(now env.Time) {
	if a.churn == 0 || a.c.stopped || a.c.load.FaultsOver {
		return
	}
	a.c.after(now, a.c.load.pace(a.churn), a.tick)
	if a.busy || a.first && a.missing() {
		return
	}
	name := ChurnTopics[a.c.rand.IntN(len(ChurnTopics))]
	if a.c.rand.Chance(1, 2) {
		a.create(now, int32(1+a.c.rand.IntN(3)), name)
	} else {
		a.delete(now, name)
	}
}

// create creates topics with one request.
func (a *admin) create(now env.Time, partitions int32, names ...string) {
	cl := a.c.load
	req := kmsg.NewPtrCreateTopicsRequest()
	timeout := a.c.between(300*time.Millisecond, 3*time.Second)
	req.Version, req.TimeoutMillis = 7, int32(timeout.Milliseconds())
	minISR := strconv.Itoa(int(cl.Options().MinISR.Or(1)))
	for _, name := range names {
		topic := kmsg.NewCreateTopicsRequestTopic()
		topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, partitions,
			int16(cl.Options().RF.Or(1))
		topic.Configs = append(topic.Configs,
			kmsg.CreateTopicsRequestTopicConfig{Name: "min.insync.replicas", Value: &minISR})
		req.Topics = append(req.Topics, topic)
	}
	a.run(now, checker.CreateTopic, names, req, timeout,
		func(resp kmsg.Response, i int) (int16, string) {
			t := &resp.(*kmsg.CreateTopicsResponse).Topics[i]
			id := ""
			if t.ErrorCode == 0 {
				id = history.TopicText(t.TopicID)
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
	a.run(now, checker.DeleteTopic, []string{name}, req, timeout,
		func(resp kmsg.Response, i int) (int16, string) {
			return resp.(*kmsg.DeleteTopicsResponse).Topics[i].ErrorCode, ""
		})
}

// run sends an operation on topics to any broker and records the end of each: the
// verdict is the response's code for a topic, by its place, and its id.
func (a *admin) run(now env.Time, kind checker.AdminKind, names []string, req kmsg.Request,
	timeout time.Duration, verdict func(resp kmsg.Response, i int) (int16, string)) {
	rec := a.c.load.Rec
	record := -1 // of the first
	a.busy = true
	k := a.c.connTo(now, a.c.anyBroker())
	k.call(now, &pendingCall{req: req, timeout: timeout + adminSlack,
		began: func() {
			record = len(rec.History.Admins)
			call := rec.Moment()
			for _, name := range names {
				if kind == checker.DeleteTopic {
					a.c.load.Deleted[name] = true
				}
				rec.History.Admins = append(rec.History.Admins, checker.Admin{
					ID: rec.ID(), Client: a.c.Number, Node: k.node, Call: call,
					Return: checker.Never,
					Kind:   kind, Topic: name, Outcome: checker.Ambiguous,
				})
			}
		},
		done: func(now env.Time, resp kmsg.Response) {
			a.busy = false
			if record < 0 || resp == nil {
				return
			}
			ended := rec.Moment()
			for i := range names {
				op := &rec.History.Admins[record+i]
				op.Return = ended
				op.Code, op.TopicID = verdict(resp, i)
				op.Outcome = checker.Classify(true, op.Code)
			}
		}})
}

// adminSlack is what an admin request may take beyond its own timeout.
const adminSlack = 500 * time.Millisecond

func (a *admin) pending() []string {
	if a.busy {
		return []string{a.c.Name + ": an operation on a topic"}
	}
	if a.first {
		for _, name := range a.c.load.Topics {
			if a.c.topics[name] == nil {
				return []string{a.c.Name + ": topic " + name + " is not there"}
			}
		}
	}
	return nil
}
