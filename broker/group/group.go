package group

import (
	"slices"
	"time"

	"github.com/tidwall/btree"
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
)

// State is Kafka's state of a classic group.
type State uint8

// A group goes from Empty, by PreparingRebalance (members join) and CompletingRebalance (the leader
// assigns), to Stable, and back to PreparingRebalance whenever a member comes, goes or changes.
const (
	Empty State = iota
	PreparingRebalance
	CompletingRebalance
	Stable
	Dead // its deletion is not committed yet
)

func (s State) String() string {
	return [...]string{"Empty", "PreparingRebalance", "CompletingRebalance", "Stable", "Dead"}[s]
}

// consumerType is the protocol type of consumers. Other types are Connect's, for example.
const consumerType = "consumer"

// group is one group. What is below "committed" changes by records alone (see change); the rest is
// of this leader.
type group struct {
	id       string
	state    State
	previous State
	// since is when the state began, in Unix milliseconds, -1 if unknown. Offsets of an empty group
	// expire by it.
	since        int64
	protocolType string // "" if none: a group that only commits
	protocol     string // chosen for the generation, "" if none
	generation   int32
	leader       string // "" if none
	// members are those that have joined, by id. statics are the ids of those with an instance id.
	members btree.Map[string, *member]
	statics map[string]string
	// pending are members that were given an id and have not joined with it (KIP-394).
	pending map[string]*timer
	// awaiting is the number of members with a join that waits for the rebalance to end.
	awaiting int
	// supported counts the members that support a protocol.
	supported map[string]int
	// unsynced are the members of this generation that have not sent SyncGroup.
	unsynced map[string]bool
	// storing: the assignment of this generation is appended and not committed.
	storing bool
	// grew: a member was added while the initial rebalance waits for more.
	grew bool
	// subscribed are the topics of a generation of consumers; nil if they are not known.
	subscribed map[string]bool
	join       timer // the end of PreparingRebalance
	sync       timer // the end of the wait for unsynced
	began      env.Instant

	committed struct {
		meta    *kmsg.GroupMetadataValue // nil if there is none
		offsets btree.Map[string, *btree.Map[int32, offset]]
	}
	// changing counts the changes that are appended and not committed, inflight those of an offset.
	changing int
	inflight map[topicPartition]int
}

type topicPartition struct {
	topic     string
	partition int32
}

// member is a member that has joined at least once.
type member struct {
	id       string
	instance *string // group.instance.id, nil of a dynamic member
	client   Client
	// rebalance is how long a rebalance waits for it, session how long it may be silent.
	rebalance, session time.Duration
	protocols          []kmsg.JoinGroupRequestProtocol // in the order of its preference
	assignment         []byte
	join, sync         waiter
	// new: it waits for the answer to its first join, and cannot send heartbeats meanwhile.
	new   bool
	timer timer // the end of its session
}

// waiter is a request of a member that waits.
type waiter struct {
	waits   bool
	token   Token
	version int16
}

func newGroup(id string) *group {
	return &group{
		id: id, since: -1, statics: map[string]string{}, pending: map[string]*timer{},
		supported: map[string]int{}, unsynced: map[string]bool{},
		inflight: map[topicPartition]int{}, previous: Dead,
	}
}

// to changes the state.
func (g *group) to(s State, now env.Time) {
	g.previous, g.state, g.since = g.state, s, now.WallMs
}

// void reports whether nothing is known of the group: it need not be kept.
func (g *group) void() bool {
	return g.state == Empty && g.members.Len() == 0 && len(g.pending) == 0 &&
		g.committed.meta == nil && g.committed.offsets.Len() == 0 && g.changing == 0
}

// all lists the members by id.
func (g *group) all() []*member { return g.members.Values() }

// add takes a member in. The first one decides the type of the group's protocols, and leads it.
func (g *group) add(m *member, protocolType string) {
	_, exists := g.members.Get(m.id)
	assert.That(!exists, "group: member is added twice")
	if m.instance != nil {
		_, exists := g.statics[*m.instance]
		assert.That(!exists, "group: static member is added twice")
		g.statics[*m.instance] = m.id
	}
	if g.members.Len() == 0 {
		g.protocolType = protocolType
	}
	if g.leader == "" {
		g.leader = m.id
	}
	g.members.Set(m.id, m)
	g.support(m, 1)
	if m.join.waits {
		g.awaiting++
	}
}

// remove forgets a member. Its requests must be answered and its timer stopped.
func (g *group) remove(m *member) {
	assert.That(!m.join.waits && !m.sync.waits && m.timer.seq == 0,
		"group: a member that is waited for is removed")
	g.members.Delete(m.id)
	g.support(m, -1)
	if m.instance != nil {
		delete(g.statics, *m.instance)
	}
	if g.leader == m.id {
		g.leader, _, _ = g.members.Min()
	}
	delete(g.unsynced, m.id)
}

func (g *group) support(m *member, by int) {
	for _, p := range m.protocols {
		g.supported[p.Name] += by
		if g.supported[p.Name] == 0 {
			delete(g.supported, p.Name)
		}
	}
}

// supports reports whether a member with these protocols may join: all must share one.
func (g *group) supports(protocolType string, protocols []kmsg.JoinGroupRequestProtocol) bool {
	if g.state == Empty {
		return protocolType != "" && len(protocols) > 0
	}
	return g.protocolType == protocolType &&
		slices.ContainsFunc(protocols, func(p kmsg.JoinGroupRequestProtocol) bool {
			return g.supported[p.Name] == g.members.Len()
		})
}

// vote selects the protocol of the next generation: each member votes for the first of its
// protocols that all support. With equal votes the name decides.
func (g *group) vote() string {
	votes := map[string]int{}
	best := ""
	for _, m := range g.all() {
		for _, p := range m.protocols {
			if g.supported[p.Name] != g.members.Len() {
				continue
			}
			votes[p.Name]++
			if v := votes[p.Name]; v > votes[best] || v == votes[best] && p.Name < best {
				best = p.Name
			}
			break
		}
	}
	return best
}

// joined reports whether nobody is missing in the rebalance.
func (g *group) joined() bool { return g.awaiting == g.members.Len() && len(g.pending) == 0 }

// rebalanceTimeout is the longest that a member has asked for.
func (g *group) rebalanceTimeout() time.Duration {
	var most time.Duration
	for _, m := range g.all() {
		most = max(most, m.rebalance)
	}
	return most
}

// validate checks that a request is from the member that it names.
func (g *group) validate(id string, instance *string) kafka.ErrorCode {
	if instance != nil {
		switch now, ok := g.statics[*instance]; {
		case !ok:
			return kafka.UnknownMemberID
		case now != id:
			return kafka.FencedInstanceID
		}
	}
	if _, ok := g.members.Get(id); !ok {
		return kafka.UnknownMemberID
	}
	return kafka.None
}

// metadata is what the member says for a protocol.
func (m *member) metadata(protocol string) []byte {
	for _, p := range m.protocols {
		if p.Name == protocol {
			return p.Metadata
		}
	}
	return nil
}

// matches reports whether a join says what the member said before.
func (m *member) matches(protocols []kmsg.JoinGroupRequestProtocol) bool {
	return slices.EqualFunc(m.protocols, protocols, func(a, b kmsg.JoinGroupRequestProtocol) bool {
		return a.Name == b.Name && string(a.Metadata) == string(b.Metadata)
	})
}

// bytes is what the member counts for in [Config.MetadataBytes].
func (m *member) bytes() int {
	total := len(m.assignment)
	for _, p := range m.protocols {
		total += len(p.Name) + len(p.Metadata)
	}
	return total
}

// setSubscribed reads the topics that the members of the generation have subscribed to. One that
// cannot be read makes all of it unknown.
func (g *group) setSubscribed() {
	g.subscribed = nil
	if g.protocolType != consumerType {
		return
	}
	topics := map[string]bool{}
	for _, m := range g.all() {
		names, ok := subscription(m.metadata(g.protocol))
		if !ok {
			return
		}
		for _, name := range names {
			topics[name] = true
		}
	}
	if g.members.Len() == 0 || g.protocol != "" {
		g.subscribed = topics
	}
}

// subscribes reports whether a member consumes the topic. Consumers that the coordinator does not
// understand may consume any.
func (g *group) subscribes(topic string) bool {
	if g.subscribed == nil {
		return g.protocolType == consumerType
	}
	return g.subscribed[topic]
}
