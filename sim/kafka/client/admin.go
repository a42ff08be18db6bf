package client

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/checker"
	"example.com/lockstep/sim/kafka/history"
)

// admin is a client that creates the topics of the workload. After that it creates and
// deletes other topics for as long as the plan says, and once it may create many topics
// with one request.
//
// It records every creation and deletion in History.Admins, with its outcome, and notes
// which topics it asked to delete (Load.Deleted). Package checker judges that order (P9),
// and package check how long the answers take. The run converges only when the topics of
// the workload exist.
type admin struct {
	c     *Client
	first bool          // it creates the topics of the workload
	churn time.Duration // between two operations; 0: none
	busy  bool
	asked map[string]bool // deletions that were sent, by name
	burst int64           // topics to create with one request, later; 0: none, or it was sent
	bulk  int64           // topics with long settings that are not created yet
	// deletions ask for the deletion of records; nil if nobody does.
	deletions *deleter
}

// ChurnTopics are the names of the topics that come and go.
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
		asked: map[string]bool{}, burst: c.load.Options().Burst.Or(0),
		bulk: c.load.Options().Bulk.Or(0)}
}

func (a *admin) start(now env.Time) {
	if a.first {
		a.makeTopics(now)
		a.makeMany(now)
		a.makeBulk(now)
	}
	a.tick(now)
	a.alterTick(now)
	a.electTick(now)
	if a.first && a.c.load.Options().DeleteRecordsUs.Or(0) > 0 {
		a.deletions = &deleter{c: a.c, next: map[checker.Partition]int64{}}
		a.deletions.tick(now)
	}
}

func (a *admin) informed(env.Time) {}

// makeTopics creates the topics of the workload until metadata shows them all.
func (a *admin) makeTopics(now env.Time) {
	if a.c.stopped {
		return
	}
	if !a.missing() {
		a.makeOffsets(now)
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

// makeOffsets creates the topic of groups, with as many partitions as the plan says.
func (a *admin) makeOffsets(now env.Time) {
	n := a.c.load.Options().OffsetsPartitions.Or(0)
	if n == 0 || a.c.stopped || a.c.topics[OffsetsTopic] != nil {
		return
	}
	a.c.after(now, a.c.between(200*time.Millisecond, 600*time.Millisecond), a.makeOffsets)
	a.c.refresh(now)
	if !a.busy {
		a.create(now, int32(n), OffsetsTopic)
	}
}

// makeMany creates many topics with one request, after those of the workload exist.
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

// bulkTogether is how many topics with long settings one request creates.
const bulkTogether = 20

// longSettings are keys with a number of milliseconds or bytes. Zeros before the number make the
// setting as long as a broker takes it.
var longSettings = []string{
	"delete.retention.ms", "file.delete.delay.ms", "flush.messages", "flush.ms",
	"max.compaction.lag.ms", "message.timestamp.before.max.ms", "min.compaction.lag.ms",
	"retention.bytes", "retention.ms", "segment.ms",
}

// makeBulk creates topics with long settings, so that the metadata becomes large.
func (a *admin) makeBulk(now env.Time) {
	if a.bulk <= 0 || a.c.stopped {
		return
	}
	a.c.after(now, 100*time.Millisecond, a.makeBulk)
	if a.busy || a.missing() {
		return
	}
	var names []string
	for range min(a.bulk, bulkTogether) {
		names = append(names, "z"+strconv.Itoa(int(a.bulk)))
		a.bulk--
	}
	a.create(now, 1, names...)
}

// missing reports whether the client knows no metadata of a topic of the workload.
func (a *admin) missing() bool {
	return slices.ContainsFunc(a.c.load.Topics,
		func(name string) bool { return a.c.topics[name] == nil })
}

// tick creates or deletes one of ChurnTopics.
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

// aheadMaxMs is message.timestamp.after.max.ms of all topics: 30 days. Clocks that jump stay where
// they are, and honest producers must not be refused for that.
const aheadMaxMs = "2592000000"

// Compacted reports whether a topic is created with cleanup.policy=compact: those with an odd
// number at the end, and that of groups.
func Compacted(name string) bool { return name[len(name)-1]&1 == 1 || name == OffsetsTopic }

// create creates topics with one request.
func (a *admin) create(now env.Time, partitions int32, names ...string) {
	cl := a.c.load
	req := kmsg.NewPtrCreateTopicsRequest()
	timeout := a.c.between(300*time.Millisecond, 3*time.Second)
	req.Version, req.TimeoutMillis = 7, int32(timeout.Milliseconds())
	minISR, ahead := strconv.Itoa(int(cl.Options().MinISR.Or(1))), aheadMaxMs
	for _, name := range names {
		topic := kmsg.NewCreateTopicsRequestTopic()
		topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, partitions,
			int16(cl.Options().RF.Or(1))
		if cl.Options().AlterUs.Or(0) == 0 || a.c.rand.Chance(1, 2) { // or the cluster's
			topic.Configs = append(topic.Configs,
				kmsg.CreateTopicsRequestTopicConfig{Name: minISRKey, Value: &minISR})
		}
		topic.Configs = append(topic.Configs,
			kmsg.CreateTopicsRequestTopicConfig{
				Name: "message.timestamp.after.max.ms", Value: &ahead})
		if bytes := cl.Options().BatchBytes.Or(0); bytes > 0 {
			largest := strconv.FormatInt(2*bytes, 10)
			topic.Configs = append(topic.Configs,
				kmsg.CreateTopicsRequestTopicConfig{Name: "max.message.bytes", Value: &largest})
		}
		if cl.Options().Unclean.Or(0) == 1 {
			yes := "true"
			topic.Configs = append(topic.Configs, kmsg.CreateTopicsRequestTopicConfig{
				Name: "unclean.leader.election.enable", Value: &yes})
		}
		topic.Configs = append(topic.Configs, a.retention(name)...)
		if Compacted(name) {
			policy := "compact"
			topic.Configs = append(topic.Configs,
				kmsg.CreateTopicsRequestTopicConfig{Name: "cleanup.policy", Value: &policy})
		}
		if strings.HasPrefix(name, "z") {
			long := strings.Repeat("0", 990) + "86400000"
			for _, key := range longSettings {
				topic.Configs = append(topic.Configs,
					kmsg.CreateTopicsRequestTopicConfig{Name: key, Value: &long})
			}
		}
		req.Topics = append(req.Topics, topic)
	}
	op := checker.Admin{Kind: checker.CreateTopic, Partitions: int(partitions)}
	a.run(now, op, names, req, timeout,
		func(resp kmsg.Response, i int) (int16, string) {
			t := &resp.(*kmsg.CreateTopicsResponse).Topics[i]
			id := ""
			if t.ErrorCode == 0 {
				id = history.TopicText(t.TopicID)
			}
			return t.ErrorCode, id
		})
}

// retention are the settings of a topic of the load that let records go.
func (a *admin) retention(name string) (configs []kmsg.CreateTopicsRequestTopicConfig) {
	if !slices.Contains(a.c.load.Topics, name) {
		return nil
	}
	o := a.c.load.Options()
	for _, bound := range []struct {
		name  string
		value int64
	}{
		{"retention.ms", o.RetentionMs.Or(0)}, {"retention.bytes", o.RetentionBytes.Or(0)},
		{"segment.ms", o.SegmentMs.Or(0)},
	} {
		if value := strconv.FormatInt(bound.value, 10); bound.value > 0 {
			configs = append(configs,
				kmsg.CreateTopicsRequestTopicConfig{Name: bound.name, Value: &value})
		}
	}
	return configs
}

func (a *admin) delete(now env.Time, name string) {
	req := kmsg.NewPtrDeleteTopicsRequest()
	timeout := a.c.between(300*time.Millisecond, 3*time.Second)
	req.Version, req.TimeoutMillis = 6, int32(timeout.Milliseconds())
	topic := kmsg.NewDeleteTopicsRequestTopic()
	topic.Topic = &name
	req.Topics = append(req.Topics, topic)
	a.run(now, checker.Admin{Kind: checker.DeleteTopic}, []string{name}, req, timeout,
		func(resp kmsg.Response, i int) (int16, string) {
			return resp.(*kmsg.DeleteTopicsResponse).Topics[i].ErrorCode, ""
		})
}

// run sends an operation like op on topics to any broker, and records the outcome for each topic.
// verdict is the error code in the response for a topic, by its position, and the id of the
// topic.
func (a *admin) run(now env.Time, op checker.Admin, names []string, req kmsg.Request,
	timeout time.Duration, verdict func(resp kmsg.Response, i int) (int16, string)) {
	rec := a.c.load.Rec
	entry := -1 // of the first topic, in History.Admins
	a.busy = true
	k := a.c.connTo(now, a.c.anyBroker())
	k.call(now, &pendingCall{req: req, timeout: timeout + adminSlack,
		began: func() {
			entry = len(rec.History.Admins)
			call := rec.Moment()
			for _, name := range names {
				if op.Kind == checker.DeleteTopic {
					a.c.load.Deleted[name] = true
				}
				op.ID, op.Client, op.Node, op.Topic = rec.ID(), a.c.Number, k.node, name
				op.Call, op.Return, op.Outcome = call, checker.Never, checker.Ambiguous
				rec.History.Admins = append(rec.History.Admins, op)
			}
		},
		done: func(now env.Time, resp kmsg.Response) {
			a.busy = false
			if entry < 0 || resp == nil {
				return
			}
			ended := rec.Moment()
			for i := range names {
				op := &rec.History.Admins[entry+i]
				op.Return = ended
				op.Code, op.TopicID = verdict(resp, i)
				op.Outcome = checker.Classify(true, op.Code)
			}
		}})
}

// adminSlack is how much longer than its own timeout an admin request may take.
const adminSlack = 500 * time.Millisecond

func (a *admin) pending() []string {
	if a.busy {
		return []string{a.c.Name + ": an operation on a topic"}
	}
	if a.deletions != nil && a.deletions.busy {
		return []string{a.c.Name + ": a deletion of records"}
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
