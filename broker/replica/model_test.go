package replica

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
)

// memLog is a log with one record per offset. It keeps the epoch and the value of each.
type memLog struct {
	start  kafka.Offset // what lies below is as if forgotten
	epochs []kafka.LeaderEpoch
	values []int
}

func (l *memLog) End() kafka.Offset { return kafka.Offset(len(l.epochs)) }

func (l *memLog) EpochBefore(o kafka.Offset) kafka.LeaderEpoch {
	if o <= 0 || o < l.start {
		return -1
	}
	return l.epochs[o-1]
}

func (l *memLog) EndOf(epoch kafka.LeaderEpoch) (kafka.LeaderEpoch, kafka.Offset) {
	for o := l.End(); o > 0 && o >= l.start; o-- {
		if l.epochs[o-1] <= epoch {
			return l.epochs[o-1], o
		}
	}
	return -1, l.start
}

func (l *memLog) cut(to kafka.Offset) { l.epochs, l.values = l.epochs[:to:to], l.values[:to:to] }

// node is one replica: a log with a durable prefix, and its role in an epoch.
type node struct {
	id          kafka.NodeID
	incarnation kafka.BrokerEpoch
	registered  bool // the controller knows this incarnation
	log         memLog
	durable     kafka.Offset
	watermark   kafka.Offset
	applied     int // index into model.regs
	leader      *Leader
	follower    *Follower
	cutPending  bool         // a truncation is not durable yet
	logged      kafka.Offset // a log start that is not durable yet
	wanted      kafka.Offset // the leader's
}

// model is a partition of three replicas with a controller, a lossy network of
// ordered connections, and crashes. The controller is a list of registrations
// that every node applies in order, at its own pace.
type model struct {
	t         *rapid.T
	now       env.Instant
	nodes     []*node
	regs      []controllerState
	incs      []kafka.BrokerEpoch // latest incarnation by node, as registered
	pushes    map[[2]int][]push
	acks      map[[2]int][]any
	proposals []proposed
	committed []int // values below the highest watermark ever seen
	value     int
	shown     map[kafka.LeaderEpoch]kafka.Offset // the log start that clients have seen
	asked     kafka.Offset                       // the highest log start that was asked for
}

type controllerState struct {
	leader  kafka.NodeID
	epoch   kafka.LeaderEpoch
	pepoch  kafka.PartitionEpoch
	isr     []kafka.NodeID
	brokers []kafka.BrokerEpoch
}

type push struct {
	epoch     kafka.LeaderEpoch
	probe     bool
	begin     bool
	start     kafka.Offset
	prev      kafka.LeaderEpoch
	base      kafka.Offset
	epochs    []kafka.LeaderEpoch
	values    []int
	watermark kafka.Offset
}

type ack struct {
	epoch   kafka.LeaderEpoch
	from    Member
	durable kafka.Offset
	start   kafka.Offset
}

type diverged struct {
	epoch kafka.LeaderEpoch
	from  Member
	last  kafka.LeaderEpoch
}

type proposed struct {
	from int
	p    Proposal
}

var testConfig = Config{
	AckTimeout: time.Second, LagTimeout: 10 * time.Second, Window: 4,
	ProbeTimeout: 500 * time.Millisecond, ProposalTimeout: 3 * time.Second,
}

func newModel(t *rapid.T) *model {
	m := &model{t: t, pushes: map[[2]int][]push{}, acks: map[[2]int][]any{},
		shown: map[kafka.LeaderEpoch]kafka.Offset{}}
	first := controllerState{leader: 1, epoch: 1, pepoch: 1, isr: []kafka.NodeID{1, 2, 3}}
	for i := range 3 {
		m.incs = append(m.incs, kafka.BrokerEpoch(i+1))
		m.nodes = append(m.nodes, &node{
			id: kafka.NodeID(i + 1), incarnation: kafka.BrokerEpoch(i + 1), registered: true,
			applied: -1,
		})
	}
	first.brokers = slices.Clone(m.incs)
	m.regs = append(m.regs, first)
	for i := range m.nodes {
		m.apply(i)
	}
	return m
}

func (m *model) last() controllerState { return m.regs[len(m.regs)-1] }

func (m *model) registration(s controllerState) Registration {
	r := Registration{LeaderEpoch: s.epoch, PartitionEpoch: s.pepoch, ISR: s.isr, MinInSync: 2}
	for i := range m.nodes {
		r.Replicas = append(r.Replicas, Member{kafka.NodeID(i + 1), s.brokers[i]})
	}
	return r
}

// apply lets node i apply the next registration.
func (m *model) apply(i int) {
	n := m.nodes[i]
	if n.applied+1 >= len(m.regs) {
		return
	}
	n.applied++
	s := m.regs[n.applied]
	if s.brokers[i] != n.incarnation {
		n.leader, n.follower = nil, nil // it concerns an earlier incarnation
		return
	}
	r := m.registration(s)
	switch {
	case s.leader == n.id && n.leader != nil && n.leader.Epoch() == s.epoch:
		n.leader.Update(r, m.now)
	case s.leader == n.id:
		n.follower = nil
		n.leader = NewLeader(testConfig, n.id, r, Standing{
			Start: n.log.start, Watermark: n.watermark, Durable: n.durable, End: n.log.End(),
		}, m.now)
		for j := range m.nodes {
			if j != i {
				n.leader.Connected(kafka.NodeID(j+1), m.now)
				m.pushes[[2]int{i, j}], m.acks[[2]int{j, i}] = nil, nil
			}
		}
	case n.follower == nil || n.follower.Epoch() != s.epoch:
		n.leader, n.follower, n.wanted = nil, NewFollower(s.epoch), 0
	}
	m.observe(n)
}

// observe checks the watermark of a leader against everything ever committed.
func (m *model) observe(n *node) {
	if n.leader == nil {
		return
	}
	w := n.leader.Watermark()
	require.GreaterOrEqual(m.t, w, n.watermark, "watermark moved back")
	n.watermark = w
	for o := range int(w) {
		if o < len(m.committed) {
			if o < int(n.log.start) {
				continue
			}
			require.Equal(m.t, m.committed[o], n.log.values[o],
				"node %d, epoch %d: offset %d was committed with another value",
				n.id, n.leader.Epoch(), o)
		} else {
			m.committed = append(m.committed, n.log.values[o])
		}
	}
	m.observeStart(n)
}

// observeStart checks that the log start which clients see never goes back.
func (m *model) observeStart(n *node) {
	if !n.leader.StartConfirmed() {
		return
	}
	epoch := n.leader.Epoch()
	for before, start := range m.shown {
		require.False(m.t, before < epoch && start > n.log.start,
			"node %d shows log start %d in epoch %d, after %d in epoch %d",
			n.id, n.log.start, epoch, start, before)
		require.False(m.t, before > epoch && start < n.log.start,
			"node %d shows log start %d in epoch %d, before %d in epoch %d",
			n.id, n.log.start, epoch, start, before)
	}
	require.LessOrEqual(m.t, n.log.start, m.asked)
	m.shown[epoch] = max(m.shown[epoch], n.log.start)
}

// moveStart lets a replica move its log start as far as it is asked to and may.
func (m *model) moveStart(n *node) {
	switch {
	case n.leader != nil:
		if to, due := n.leader.StartDue(); due {
			n.logged = max(n.logged, to)
		}
	case n.follower != nil && n.follower.Synced():
		n.logged = max(n.logged, min(n.wanted, n.watermark))
	}
}

func (m *model) appendAt(i int) {
	n := m.nodes[i]
	if n.leader == nil {
		return
	}
	m.value++
	n.log.epochs, n.log.values = append(n.log.epochs, n.leader.Epoch()),
		append(n.log.values, m.value)
	n.leader.Appended(n.log.End(), m.now)
}

func (m *model) persist(i int) {
	n := m.nodes[i]
	n.durable, n.cutPending = n.log.End(), false
	n.log.start = max(n.log.start, n.logged)
	if n.leader != nil {
		n.leader.StartMoved(n.log.start)
		n.leader.LocalDurable(n.durable)
		m.observe(n)
	}
	m.acknowledge(i)
}

func (m *model) acknowledge(i int) {
	n := m.nodes[i]
	if n.follower == nil || !n.follower.Synced() || n.cutPending {
		return
	}
	to := int(m.regs[n.applied].leader) - 1
	if to >= 0 && to != i {
		m.acks[[2]int{i, to}] = append(m.acks[[2]int{i, to}],
			ack{n.follower.Epoch(), Member{n.id, n.incarnation}, n.durable, n.log.start})
	}
}

func (m *model) send(i, j int) {
	n := m.nodes[i]
	if n.leader == nil {
		return
	}
	to := kafka.NodeID(j + 1)
	next, ok := n.leader.NextSend(to, &n.log, m.now)
	if !ok {
		return
	}
	key := [2]int{i, j}
	p := push{
		epoch: n.leader.Epoch(), probe: next.Probe, prev: next.Prev, base: next.Base,
		watermark: n.leader.Watermark(), begin: next.Begin, start: n.leader.WantedStart(),
	}
	if next.Probe {
		n.leader.ProbeSent(to, m.now)
	} else if next.Begin {
		n.leader.ProbeSent(to, m.now)
		p.prev = n.log.EpochBefore(next.Base)
	} else {
		end := min(n.log.End(), next.Base+kafka.Offset(rapid.IntRange(1, 2).Draw(m.t, "batch")))
		p.prev = n.log.EpochBefore(next.Base)
		p.epochs, p.values = slices.Clone(n.log.epochs[next.Base:end]),
			slices.Clone(n.log.values[next.Base:end])
		n.leader.BatchesSent(to, end, int(end-next.Base))
	}
	m.pushes[key] = append(m.pushes[key], p)
}

func (m *model) deliverPush(i, j int) {
	key := [2]int{i, j}
	if len(m.pushes[key]) == 0 {
		return
	}
	p := m.pushes[key][0]
	m.pushes[key] = m.pushes[key][1:]
	n := m.nodes[j]
	if n.follower == nil || n.follower.Epoch() != p.epoch {
		return // refused; the leader's probe timeout repeats it
	}
	var d Decision
	if p.begin {
		d = n.follower.Begin(p.prev, p.base, &n.log)
	} else if p.probe {
		d = n.follower.Probe(Probe{p.prev, p.base}, &n.log)
	} else {
		d = n.follower.Push(p.prev, p.base, p.base+kafka.Offset(len(p.epochs)), &n.log)
	}
	switch d.Action {
	case Append:
		skip := int(n.log.End() - p.base)
		n.log.epochs, n.log.values = append(n.log.epochs, p.epochs[skip:]...),
			append(n.log.values, p.values[skip:]...)
	case Truncate:
		require.GreaterOrEqual(m.t, d.Cut, n.watermark, "node %d cuts to %d, below its watermark",
			n.id, d.Cut)
		n.log.cut(d.Cut)
		n.durable, n.cutPending = min(n.durable, d.Cut), true
	case BeginAgain:
		require.GreaterOrEqual(m.t, d.Cut, n.watermark, "node %d begins again at %d, below its "+
			"watermark", n.id, d.Cut)
		n.log = memLog{start: d.Cut, epochs: make([]kafka.LeaderEpoch, d.Cut),
			values: make([]int, d.Cut)}
		if d.Cut > 0 {
			n.log.epochs[d.Cut-1] = p.prev
		}
		n.durable, n.watermark = d.Cut, d.Cut // it is durable at once
	case Acknowledge:
		m.acknowledge(j)
	case Diverge:
		m.acks[[2]int{j, i}] = append(m.acks[[2]int{j, i}],
			diverged{p.epoch, Member{n.id, n.incarnation}, d.Last})
	}
	if n.follower.Synced() {
		n.watermark = max(n.watermark, min(p.watermark, n.durable))
		n.wanted = max(n.wanted, p.start)
		m.moveStart(n)
	}
}

func (m *model) deliverAck(i, j int) {
	key := [2]int{i, j}
	if len(m.acks[key]) == 0 {
		return
	}
	a := m.acks[key][0]
	m.acks[key] = m.acks[key][1:]
	n := m.nodes[j]
	if n.leader == nil {
		return
	}
	switch a := a.(type) {
	case ack:
		if a.epoch == n.leader.Epoch() {
			n.leader.Acked(a.from, a.durable, a.start, m.now)
			m.observe(n)
			m.moveStart(n)
		}
	case diverged:
		if a.epoch == n.leader.Epoch() {
			n.leader.Diverged(a.from, a.last, &n.log, m.now)
		}
	}
}

// reconnect loses what is in flight between two nodes.
func (m *model) reconnect(i, j int) {
	m.pushes[[2]int{i, j}], m.acks[[2]int{j, i}] = nil, nil
	if l := m.nodes[i].leader; l != nil {
		l.Disconnected(kafka.NodeID(j + 1))
		l.Connected(kafka.NodeID(j+1), m.now)
	}
}

func (m *model) propose(i int) {
	n := m.nodes[i]
	if n.leader == nil {
		return
	}
	if p, ok := n.leader.NextChange(m.now); ok {
		m.proposals = append(m.proposals, proposed{i, p})
	}
}

// decide lets the controller decide a proposal, in any order; the verdict
// reaches the leader or is lost.
func (m *model) decide(k int) {
	if len(m.proposals) == 0 {
		return
	}
	k %= len(m.proposals)
	pr := m.proposals[k]
	m.proposals = slices.Delete(m.proposals, k, k+1)
	s := m.last()
	accepted := pr.p.LeaderEpoch == s.epoch && pr.p.PartitionEpoch == s.pepoch
	var isr []kafka.NodeID
	for _, mem := range pr.p.ISR {
		accepted = accepted && s.brokers[mem.Node-1] == mem.Epoch
		isr = append(isr, mem.Node)
	}
	if accepted {
		s.isr, s.pepoch = isr, s.pepoch+1
		if !slices.Contains(isr, s.leader) { // it has stepped down
			s.leader, s.epoch = isr[0], s.epoch+1
		}
		m.regs = append(m.regs, s)
		return
	}
	if l := m.nodes[pr.from].leader; l != nil && rapid.Bool().Draw(m.t, "verdict arrives") {
		l.ChangeRefused(pr.p, m.now)
		m.observe(m.nodes[pr.from])
	}
}

// failOver moves the leadership to another member of the ISR.
func (m *model) failOver(to kafka.NodeID, drop bool) {
	s := m.last()
	if !slices.Contains(s.isr, to) || to == s.leader {
		return
	}
	old := s.leader
	s.leader, s.epoch, s.pepoch = to, s.epoch+1, s.pepoch+1
	if drop {
		s.isr = slices.DeleteFunc(slices.Clone(s.isr), func(n kafka.NodeID) bool {
			return n == old
		})
	}
	m.regs = append(m.regs, s)
}

// crash loses what is not durable. The new incarnation registers at once: it leaves the
// ISR if another node leads, and gets a new epoch if it led.
func (m *model) crash(i int, keep kafka.Offset) {
	n := m.nodes[i]
	n.log.cut(max(n.durable, min(keep, n.log.End())))
	n.durable = n.log.End()
	n.watermark = n.log.start // from a checkpoint; the lowest value is the hardest case
	n.logged = n.log.start
	n.leader, n.follower, n.cutPending = nil, nil, false
	s := m.last()
	s.brokers = slices.Clone(s.brokers)
	n.incarnation = kafka.BrokerEpoch(100 + len(m.regs))
	s.brokers[i] = n.incarnation
	s.pepoch++
	others := slices.DeleteFunc(slices.Clone(s.isr), func(x kafka.NodeID) bool { return x == n.id })
	switch {
	case s.leader == n.id && len(others) > 0:
		s.leader, s.isr, s.epoch = others[0], others, s.epoch+1
	case s.leader == n.id:
		s.epoch++
	case len(others) > 0:
		s.isr = others
	}
	m.regs = append(m.regs, s)
	for j := range m.nodes {
		m.reconnect(i, j)
		m.reconnect(j, i)
	}
	for n.applied+1 < len(m.regs) { // it begins from what is committed
		m.apply(i)
	}
}

// exchange is a whole round trip from leader i to follower j.
func (m *model) exchange(i, j int) {
	m.send(i, j)
	m.deliverPush(i, j)
	m.persist(j)
	m.deliverAck(j, i)
}

// step does one random thing: a small step, or a likely series of them.
func (m *model) step() {
	i := rapid.IntRange(0, 2).Draw(m.t, "i")
	j := rapid.IntRange(0, 2).Draw(m.t, "j")
	leader := max(0, int(m.last().leader)-1)
	switch what := rapid.IntRange(0, 30).Draw(m.t, "what"); what {
	case 29, 30:
		if n := m.nodes[leader]; n.leader != nil && n.leader.Watermark() > 0 {
			to := kafka.Offset(rapid.IntRange(0, int(n.leader.Watermark())).Draw(m.t, "start"))
			n.leader.WantStart(to)
			m.asked = max(m.asked, to)
			m.moveStart(n)
		}
	case 28:
		if l := m.nodes[leader].leader; l != nil {
			l.LogDamaged()
			m.propose(leader)
		}
	case 0, 1:
		m.appendAt(i)
	case 2:
		m.appendAt(leader)
		m.persist(leader)
	case 3, 4:
		m.persist(i)
	case 5, 6:
		m.send(i, j)
	case 7, 8:
		m.deliverPush(i, j)
	case 9, 10:
		m.deliverAck(i, j)
	case 11, 12, 13:
		m.exchange(leader, j)
	case 14, 15:
		m.apply(i)
	case 16:
		m.propose(i)
	case 17:
		m.propose(leader)
		m.decide(0)
	case 18:
		m.decide(rapid.IntRange(0, 3).Draw(m.t, "k"))
	case 19, 20:
		m.now = m.now.Add(time.Duration(rapid.IntRange(0, 1500).Draw(m.t, "ms")) * time.Millisecond)
	case 21: // the other follower alone falls behind and is dropped
		m.appendAt(leader)
		m.exchange(leader, j)
		m.now = m.now.Add(time.Second)
		m.propose(leader)
		m.decide(0)
		m.apply(leader)
	case 22:
		if i != j {
			m.reconnect(i, j)
		}
	case 23, 24, 25:
		m.failOver(kafka.NodeID(i+1), rapid.Bool().Draw(m.t, "drop"))
		if rapid.Bool().Draw(m.t, "all apply") {
			for k := range m.nodes {
				m.apply(k)
			}
		}
	default:
		m.crash(i, kafka.Offset(rapid.IntRange(0, 20).Draw(m.t, "keep")))
	}
}

// settle lets everything arrive, without faults, and checks that the replicas agree.
func (m *model) settle() {
	for round := range 80 {
		m.now = m.now.Add(400 * time.Millisecond)
		for i := range m.nodes {
			for m.nodes[i].applied+1 < len(m.regs) {
				m.apply(i)
			}
			m.persist(i)
			m.propose(i)
		}
		for range len(m.proposals) {
			m.decide(0)
		}
		for i := range m.nodes {
			for j := range m.nodes {
				if i == j {
					continue
				}
				for range 6 {
					m.send(i, j)
					m.deliverPush(i, j)
					m.persist(j)
					m.deliverAck(j, i)
				}
				for len(m.acks[[2]int{j, i}]) > 0 {
					m.deliverAck(j, i)
				}
			}
		}
		if round > 10 && len(m.last().isr) == 3 && m.agree() {
			return
		}
	}
	s := m.last()
	leader := m.nodes[s.leader-1]
	require.Fail(m.t, "no agreement", "isr %v, leader %d at %d of %d, logs %v",
		s.isr, s.leader, leader.watermark, leader.log.End(), m.logs())
}

func (m *model) agree() bool {
	leader := m.nodes[m.last().leader-1]
	if leader.leader == nil || leader.watermark != leader.log.End() {
		return false
	}
	for _, n := range m.nodes {
		from := max(n.log.start, leader.log.start)
		if n.log.End() != leader.log.End() ||
			!slices.Equal(n.log.values[from:], leader.log.values[from:]) {
			return false
		}
	}
	return true
}

func (m *model) logs() (out string) {
	for _, n := range m.nodes {
		out += fmt.Sprintf("%d:%v ", n.id, n.log.epochs)
	}
	return out
}

// Messages are lost, late or repeated, and nodes crash. What was committed stays in the
// log of every later leader, at its offset. No follower cuts below its watermark. Without
// further faults all replicas agree in the end, in a full ISR.
func TestCommittedRecordsSurviveAnythingAndReplicasConverge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(t)
		for range rapid.IntRange(20, 200).Draw(t, "steps") {
			m.step()
		}
		m.settle()
		for _, n := range m.nodes {
			require.LessOrEqual(t, n.log.start, m.asked)
			for o, v := range m.committed[n.log.start:] {
				require.Equal(t, v, n.log.values[int(n.log.start)+o], "offset %d", o)
			}
		}
	})
}
