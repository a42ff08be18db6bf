package group_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/group"
	"example.com/lockstep/broker/kafka"
)

// model is clients of one group, its coordinator, and the log. The log takes appends in order, or
// refuses them; what it has taken is committed some time later, or never if the coordinator fails.
type model struct {
	t       *rapid.T
	now     env.Time
	c       *group.Coordinator
	entropy *env.Rand
	clients []*client

	token    group.Token
	open     map[group.Token]request
	forgot   map[group.Token]bool
	log      []group.Record // committed
	taken    []group.Append // appended, not committed
	fresh    []group.Append // not appended
	assigner map[int32]string
	serial   int64
}

// client is what a client believes.
type client struct {
	name       string
	instance   *string
	id         string
	generation int32
	members    []string // of a leader that has to assign
	joined     bool     // it is in a generation
	synced     bool     // it has its assignment
}

type request struct {
	from *client
	req  any
}

// TestAGroupKeepsItsPromises lets clients do anything, in an order that is often sensible.
//
//   - All assignments of a generation that are given out come from one request of one leader, also
//     over several coordinators.
//   - A commit that was answered is in the log.
//   - The committed state is what the committed records say.
//   - Each request is answered once, and none is forgotten at the end.
func TestAGroupKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{
			t: t, entropy: env.NewRand(3, 4), open: map[group.Token]request{},
			forgot: map[group.Token]bool{}, assigner: map[int32]string{},
		}
		for i := range 4 {
			c := &client{name: string(rune('a' + i))}
			if i > 1 {
				instance := c.name
				c.instance = &instance
			}
			m.clients = append(m.clients, c)
		}
		m.boot()
		t.Repeat(map[string]func(*rapid.T){
			"proceed 1": m.do(m.proceed), "proceed 2": m.do(m.proceed),
			"proceed 3": m.do(m.proceed), "proceed 4": m.do(m.proceed),
			"disorder": m.do(m.disorder), "time": m.do(m.pass), "failure": m.do(m.failure),
			"log 1": m.do(m.commitLog), "log 2": m.do(m.commitLog),
			"": func(*rapid.T) { m.check() },
		})
		m.c.Resign()
		m.effects()
		require.Empty(t, m.open, "requests without an answer")
	})
}

func (m *model) do(step func()) func(*rapid.T) {
	return func(t *rapid.T) {
		m.t = t
		step()
		m.c.Tick(m.now)
		m.effects()
	}
}

func (m *model) boot() {
	cfg := config
	cfg.Entropy, cfg.InitialRebalanceDelay = m.entropy, 0
	cfg.RetentionCheck, cfg.OffsetsRetention = 5*time.Second, 15*time.Second
	cfg.AppendRecords, cfg.MaxSize = 2, 4
	m.c = group.New(cfg)
	for _, r := range m.log {
		require.NoError(m.t, m.c.Replay(r.Key, r.Value))
	}
	m.c.Loaded(m.now)
}

// proceed lets each client that does not wait do the next sensible thing.
func (m *model) proceed() {
	for _, c := range m.clients {
		switch {
		case m.waits(c) || m.draw(4, "idle") == 0:
		case !c.joined:
			m.join(c)
		case !c.synced:
			m.sync(c)
		case m.draw(2, "commit") == 0:
			m.commit(c)
		default:
			m.heartbeat(c)
		}
		m.c.Tick(m.now)
		m.effects()
	}
}

// disorder lets a client do something that it should not.
func (m *model) disorder() {
	c := m.any()
	steps := []func(*client){m.join, m.sync, m.heartbeat, m.commit, m.leave, m.forget, m.delete}
	steps[m.draw(len(steps), "step")](c)
}

func (m *model) failure() {
	switch m.draw(8, "failure") {
	case 0, 1:
		m.refuse()
	case 2:
		m.failover()
	case 3:
		m.c.TopicDeleted(m.now, "u", kafka.TopicID{})
	case 4:
		m.c.Resumed(m.now)
	case 5:
		for _, c := range m.clients {
			m.leave(c)
		}
	}
}

func (m *model) waits(c *client) bool {
	for _, q := range m.open {
		if q.from == c {
			return true
		}
	}
	return false
}

func (m *model) draw(n int, what string) int { return rapid.IntRange(0, n-1).Draw(m.t, what) }

func (m *model) any() *client { return m.clients[m.draw(len(m.clients), "client")] }

func (m *model) send(c *client, req any) group.Token {
	m.token++
	m.open[m.token] = request{c, req}
	return m.token
}

func (m *model) join(c *client) {
	r := kmsg.NewPtrJoinGroupRequest()
	r.Version = int16(rapid.SampledFrom([]int{0, 3, 8, 9}).Draw(m.t, "version"))
	r.Group, r.MemberID, r.ProtocolType = "g", c.id, "consumer"
	if r.Version >= 5 {
		r.InstanceID = c.instance
	}
	r.SessionTimeoutMillis, r.RebalanceTimeoutMillis = 10000, 20000
	for _, p := range [][]string{{"x", "y"}, {"y", "x"}, {"x"}}[m.draw(3, "protocols")] {
		r.Protocols = append(r.Protocols,
			kmsg.JoinGroupRequestProtocol{Name: p, Metadata: subscribing([]string{"t"})})
	}
	if m.draw(8, "restarts") == 0 {
		c.id, r.MemberID = "", ""
	}
	c.joined, c.synced = false, false
	m.c.Join(m.now, m.send(c, r), group.Client{ID: c.name, Host: "/h"}, r)
}

func (m *model) sync(c *client) {
	r := kmsg.NewPtrSyncGroupRequest()
	r.Version, r.Group, r.MemberID, r.Generation = 5, "g", c.id, c.generation
	r.InstanceID = c.instance
	m.serial++
	for _, id := range c.members {
		r.GroupAssignment = append(r.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{
			MemberID: id, MemberAssignment: fmt.Appendf(nil, "by %d", m.serial)})
	}
	m.c.Sync(m.now, m.send(c, r), r)
}

func (m *model) heartbeat(c *client) {
	r := kmsg.NewPtrHeartbeatRequest()
	r.Version, r.Group, r.MemberID, r.Generation = 4, "g", c.id, c.generation
	r.InstanceID = c.instance
	m.c.Heartbeat(m.now, m.send(c, r), r)
}

func (m *model) commit(c *client) {
	r := kmsg.NewPtrOffsetCommitRequest()
	r.Version, r.Group, r.MemberID, r.Generation = 9, "g", c.id, c.generation
	r.InstanceID = c.instance
	if m.draw(8, "simple") == 0 {
		r.MemberID, r.Generation, r.InstanceID = "", -1, nil
	}
	m.serial++
	topic := rapid.SampledFrom([]string{"t", "u"}).Draw(m.t, "topic")
	r.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: topic,
		Partitions: []kmsg.OffsetCommitRequestTopicPartition{{Offset: m.serial}}}}
	m.c.Commit(m.now, m.send(c, r), r)
}

func (m *model) leave(c *client) {
	r := kmsg.NewPtrLeaveGroupRequest()
	r.Version, r.Group = 5, "g"
	r.Members = []kmsg.LeaveGroupRequestMember{{MemberID: c.id, InstanceID: c.instance}}
	m.c.Leave(m.now, m.send(c, r), r)
}

func (m *model) delete(c *client) { m.c.Delete(m.now, m.send(c, kafka.None), "g") }

func (m *model) forget(c *client) {
	for t := group.Token(1); t <= m.token; t++ {
		if m.open[t].from == c {
			m.c.Forget(t)
			delete(m.open, t)
			m.forgot[t] = true
		}
	}
}

func (m *model) pass() {
	seconds := rapid.SampledFrom([]int{0, 1, 1, 1, 2, 3, 12}).Draw(m.t, "seconds")
	m.now.Mono = m.now.Mono.Add(time.Duration(seconds) * time.Second)
	m.now.WallMs += int64(seconds) * 1000
}

// append lets the log take what it was given.
func (m *model) append() { m.taken, m.fresh = append(m.taken, m.fresh...), nil }

func (m *model) commitLog() {
	m.append()
	for n := len(m.taken) - m.draw(len(m.taken)+1, "uncommitted"); n > 0; n-- {
		a := m.taken[0]
		m.taken = m.taken[1:]
		m.log = append(m.log, a.Records...)
		m.c.Appended(m.now, a.Ticket, kafka.None)
	}
}

func (m *model) refuse() {
	if len(m.fresh) > 0 {
		a := m.fresh[0]
		m.fresh = m.fresh[1:]
		m.c.Appended(m.now, a.Ticket, kafka.NotEnoughReplicas)
	}
}

// failover begins another coordinator. What the log has taken may be committed for it, too.
func (m *model) failover() {
	m.c.Resign()
	m.effects()
	for _, a := range m.taken[:m.draw(len(m.taken)+1, "survive")] {
		m.log = append(m.log, a.Records...)
	}
	m.taken, m.fresh = nil, nil
	m.boot()
}

func (m *model) effects() {
	e := m.c.Take()
	m.fresh = append(m.fresh, e.Appends...)
	for _, a := range e.Answers {
		q, ok := m.open[a.Token]
		require.True(m.t, ok, "request %d is answered again, or was forgotten", a.Token)
		delete(m.open, a.Token)
		m.answered(q, a.Response)
	}
}

func (m *model) answered(q request, response any) {
	switch r := response.(type) {
	case *kmsg.JoinGroupResponse:
		m.joined(q.from, r)
	case *kmsg.SyncGroupResponse:
		q.from.synced = r.ErrorCode == 0
		q.from.fails(r.ErrorCode)
		if by := string(r.MemberAssignment); r.ErrorCode == 0 && by != "" {
			generation := q.req.(*kmsg.SyncGroupRequest).Generation
			if first, ok := m.assigner[generation]; ok {
				require.Equal(m.t, first, by, "two assignments in generation %d", generation)
			}
			m.assigner[generation] = by
		}
	case *kmsg.HeartbeatResponse:
		q.from.fails(r.ErrorCode)
	case kafka.ErrorCode:
		if r == kafka.None {
			clear(m.assigner) // generations begin again
		}
	case *kmsg.OffsetCommitResponse:
		p := r.Topics[0].Partitions[0]
		sent := q.req.(*kmsg.OffsetCommitRequest)
		if p.ErrorCode == 0 {
			offset := sent.Topics[0].Partitions[0].Offset
			require.True(m.t, m.logged(offset), "offset %d is committed and not in the log", offset)
		}
	}
}

func (m *model) joined(c *client, r *kmsg.JoinGroupResponse) {
	switch kafka.ErrorCode(r.ErrorCode) {
	case kafka.None:
		c.id, c.generation, c.joined, c.members = r.MemberID, r.Generation, true, nil
		if !r.SkipAssignment {
			for _, other := range r.Members {
				c.members = append(c.members, other.MemberID)
			}
		}
	case kafka.MemberIDRequired:
		c.id = r.MemberID
	case kafka.UnknownMemberID, kafka.FencedInstanceID:
		c.id = ""
	}
}

// fails: a client that hears an error joins again, as another member if the group does not know it.
func (c *client) fails(code int16) {
	switch kafka.ErrorCode(code) {
	case kafka.None:
		return
	case kafka.UnknownMemberID, kafka.FencedInstanceID:
		c.id = ""
	}
	c.joined = false
}

func (m *model) logged(offset int64) bool {
	for _, r := range m.log {
		var v kmsg.OffsetCommitValue
		if r.Key[1] == 1 && v.ReadFrom(r.Value) == nil && v.Offset == offset {
			return true
		}
	}
	return false
}

func (m *model) check() {
	m.c.Check()
	replayed := group.New(config)
	for _, r := range m.log {
		require.NoError(m.t, replayed.Replay(r.Key, r.Value))
	}
	require.Equal(m.t, strings.Split(replayed.Committed(), "\n"),
		strings.Split(m.c.Committed(), "\n"))
}

func FuzzReplay(f *testing.F) {
	commit := kmsg.OffsetCommitKey{Version: 1, Group: "g", Topic: "t"}
	offset := kmsg.OffsetCommitValue{Version: 4, Offset: 1, Metadata: "m"}
	key := kmsg.GroupMetadataKey{Version: 2, Group: "g"}
	protocol, leader := "range", "a"
	generation := kmsg.GroupMetadataValue{Version: 3, Generation: 1, ProtocolType: "consumer",
		Protocol: &protocol, Leader: &leader,
		Members: []kmsg.GroupMetadataValueMember{{MemberID: "a", SessionTimeoutMillis: -5}}}
	f.Add(commit.AppendTo(nil), offset.AppendTo(nil))
	f.Add(key.AppendTo(nil), generation.AppendTo(nil))
	f.Add(key.AppendTo(nil), []byte(nil))
	f.Add([]byte{0, 5, 1}, []byte{1})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		cfg := config
		cfg.Entropy = env.NewRand(1, 2)
		c := group.New(cfg)
		before := c.Committed()
		if err := c.Replay(key, value); err != nil {
			require.Equal(t, before, c.Committed(), "an error has changed the state")
		}
		now := env.Time{}
		c.Loaded(now)
		for range 5 {
			c.Check()
			now.Mono = now.Mono.Add(time.Hour)
			now.WallMs += time.Hour.Milliseconds()
			c.Tick(now)
			for _, a := range c.Take().Appends {
				c.Appended(now, a.Ticket, kafka.None)
			}
		}
		c.Resign()
	})
}
