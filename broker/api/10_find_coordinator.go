package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
)

// findCoordinator serves FindCoordinator 0-6 (key 10) for groups: the leader of the partition of
// __consumer_offsets that holds the group. From version 4 on a request asks for many groups.
//
// The first request creates __consumer_offsets, and waits until all brokers know it. So its answer
// is already the coordinator, where Kafka's is COORDINATOR_NOT_AVAILABLE. If the topic cannot be
// created, for example since there are fewer brokers than replicas, the message says why.
//
// There are no coordinators of transactions yet: see noTransactions. Those of share groups
// (version 6) are refused as Kafka does where it has none.
type findCoordinator struct {
	header
	brokerTimeout
	req     *kmsg.FindCoordinatorRequest
	state   createState
	created ProposeResult
	missing string // why there is no topic of groups
}

// The kinds of coordinators that version 1 and later ask for.
const (
	groupCoordinator       int8 = 0
	transactionCoordinator int8 = 1
)

func newFindCoordinator(h header, req *kmsg.FindCoordinatorRequest) (Handler, error) {
	if h.version < 4 {
		req.CoordinatorKeys = []string{req.CoordinatorKey}
	}
	return &findCoordinator{header: h, req: req}, boundGroups(len(req.CoordinatorKeys))
}

func (f *findCoordinator) Next(c Context, expired bool) []Op {
	if expired || f.req.CoordinatorType != groupCoordinator || len(f.req.CoordinatorKeys) == 0 {
		return nil
	}
	switch f.state {
	case createBegins:
		if c.Image().Topic(meta.OffsetsTopic) != nil {
			return nil
		}
		create := &meta.CreateTopics{Topics: []meta.NewTopic{automatic(c, meta.OffsetsTopic)}}
		// Clients ask again and again, and each proposal costs an entry of Raft's log.
		if v := c.Image().DryRun(create).Topics[0]; v.Code != kafka.None {
			f.missing = v.Message
			return nil
		}
		f.state, f.created = createProposed, ProposeResult{Code: kafka.RequestTimedOut}
		return []Op{Propose{Command: create}}
	case createProposed:
		f.state = createAwaitsOthers
		if f.created.Code == kafka.None {
			return []Op{Applied{Index: f.created.Index, Within: c.Settings().AppliedByAll}}
		}
		f.missing = "the cluster could not create " + meta.OffsetsTopic + " in time"
	}
	return nil
}

func (f *findCoordinator) Resolve(_ int, result any) {
	if r, ok := result.(ProposeResult); ok {
		f.created = r
	}
}

func (f *findCoordinator) Answer(c Context) [][]byte {
	resp := f.req.ResponseKind().(*kmsg.FindCoordinatorResponse)
	resp.Default()
	for _, key := range f.req.CoordinatorKeys {
		resp.Coordinators = append(resp.Coordinators, f.find(c, key))
	}
	if f.version < 4 {
		found := resp.Coordinators[0]
		resp.ErrorCode, resp.ErrorMessage = found.ErrorCode, found.ErrorMessage
		resp.NodeID, resp.Host, resp.Port = found.NodeID, found.Host, found.Port
	}
	return f.frame(resp)
}

// find returns the coordinator of one key. As in Kafka there is a message without an error, too.
func (f *findCoordinator) find(c Context, key string) kmsg.FindCoordinatorResponseCoordinator {
	out := kmsg.NewFindCoordinatorResponseCoordinator()
	out.Key, out.NodeID, out.Port = key, int32(kafka.NoNode), -1
	fail := func(code kafka.ErrorCode, message string) kmsg.FindCoordinatorResponseCoordinator {
		out.ErrorCode, out.ErrorMessage = int16(code), &message
		return out
	}
	switch {
	case f.req.CoordinatorType == transactionCoordinator:
		return fail(noTransactions, "this broker does not support transactions yet")
	case f.req.CoordinatorType != groupCoordinator:
		return fail(kafka.InvalidRequest, "this broker has no coordinators of that kind")
	}
	p := groupPartition(c, key)
	if p == nil && f.missing == "" {
		f.missing = meta.OffsetsTopic + " is being created"
	}
	if p == nil {
		return fail(kafka.CoordinatorNotAvailable, f.missing)
	}
	broker := c.Image().Broker(p.Leader)
	if !live(c.Image(), p.Leader) {
		return fail(kafka.CoordinatorNotAvailable, "the partition of the group has no leader")
	}
	out.NodeID, out.Host, out.Port = int32(p.Leader), broker.Host, broker.Port
	return fail(kafka.None, "NONE")
}
