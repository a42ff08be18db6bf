package shard

import (
	"slices"
	"strconv"
	"strings"

	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/broker/replica"
	"example.com/lockstep/broker/wal"
)

// registration is what the metadata says of a partition.
type registration = meta.Partition

// role is what this node does for a partition.
type role uint8

const (
	idle role = iota // not a replica, or the metadata is not there yet
	following
	leading
)

// part is one replica of a partition and everything that hangs on it. It lives
// on one shard.
type part struct {
	id     kafka.PartitionID
	handle uint32
	log    *partition.Log
	topic  topicSettings

	// role, leader and follower follow the applied registration. In a role,
	// exactly one of leader and follower is set; its epoch is the registration's.
	role     role
	epoch    kafka.LeaderEpoch
	leader   *replica.Leader
	follower *replica.Follower
	replicas []replica.Member

	// produces wait for the watermark or the durable end, in the order of Until.
	produces []waitingProduce
	fetches  []waitingFetch
	reads    []pendingRead

	// --- leading ---
	told []toldWatermark  // by follower
	tell *loop.Timer[due] // tellWatermark
	wake *loop.Timer[due] // when the leader wants to be asked again

	// --- following ---
	ackVia          Via
	acked           kafka.Offset // the latest durable end that was acknowledged
	ackDue          bool         // acknowledge even if nothing is new
	leaderWatermark kafka.Offset
	truncation      wal.Seq // no acknowledgement before this is durable

	owner      uint32 // of its disk operations
	touched    bool   // is in Shard.touched
	dirty      bool   // is in Shard.dirty
	flushing   bool
	toPush     bool  // is in Shard.toPush
	toFlush    bool  // is in Shard.toFlush
	tailBytes  int64 // as counted in Shard.tailBytes
	removing   bool  // its files are being deleted
	rebuilding bool  // its files are damaged; it begins anew when they are gone, see rebuild
	suspect    bool  // may lack acknowledged records (PROTOCOL 8)
}

// topicSettings are the topic configurations that appends obey.
type topicSettings struct {
	minInSync       int
	maxMessageBytes int
	logAppendTime   bool
	compacted       bool
}

// Owner is the shard that a partition lives on: a hash of its identity, never
// stored or sent (PROTOCOL 5).
func (s *Shard) Owner(id kafka.PartitionID) loop.ID { return Place(id, s.cfg.Shards) }

// Place returns the shard, 1..shards, of a partition: FNV-1a of its identity.
func Place(id kafka.PartitionID, shards int) loop.ID {
	h := uint64(14695981039346656037)
	for _, b := range id.Topic {
		h = (h ^ uint64(b)) * 1099511628211
	}
	for shift := 0; shift < 32; shift += 8 {
		h = (h ^ uint64(byte(uint32(id.Partition)>>shift))) * 1099511628211
	}
	h ^= h >> 32
	return loop.ID(h%uint64(shards)) + 1
}

// onApplied takes over new metadata. Roles change here and nowhere else.
func (s *Shard) onApplied(a Applied) {
	s.image = a.Image
	if self := s.image.Broker(s.cfg.Node); self != nil && self.Incarnation == s.cfg.Incarnation {
		s.epoch = self.Epoch
	}
	if !s.recovered {
		s.caughtUp = s.caughtUp || a.Caught
		s.unapplied = append(s.unapplied, a.Changes)
		return
	}
	s.applyChanges(a.Changes)
	s.recallHeld()
	if a.Caught && !s.caughtUp {
		s.caughtUp = true
		s.retireUnknown()
	}
	s.confirm()
	if s.epoch != 0 && len(s.held) > 0 {
		s.startHeld()
	}
}

// applyChanges looks at the partitions that a change of the metadata touched.
func (s *Shard) applyChanges(c meta.Changes) {
	if c.Full || s.epoch != s.appliedEpoch {
		// A snapshot, or the own registration: any partition may have a new role.
		s.appliedEpoch = s.epoch
		s.image.Topics(func(t *meta.Topic) bool {
			s.applyTopic(t)
			return true
		})
		s.retireUnknown()
		// What was recovered may need nothing of a log that is full, and no flush
		// would ever say so.
		s.releaseWAL()
		return
	}
	for _, refs := range [][]meta.TopicRef{c.Created, c.More} {
		for _, ref := range refs {
			if t := s.image.TopicByID(ref.ID); t != nil {
				s.applyTopic(t)
			}
		}
	}
	for _, id := range c.Partitions {
		if t := s.image.TopicByID(id.Topic); t != nil {
			s.applyPartition(t, id)
		}
	}
	for _, r := range c.Configs {
		if t := s.image.Topic(r.Name); t != nil {
			s.applyTopic(t)
		}
	}
	if len(c.Deleted) > 0 {
		s.retireUnknown()
	}
	if len(c.Brokers) > 0 {
		// Incarnations of followers count: see replica.Leader.Update. A partition may
		// leave s.led meanwhile.
		for _, p := range slices.Clone(s.led) {
			s.applyPartition(s.image.TopicByID(p.id.Topic), p.id)
		}
	}
}

func (s *Shard) applyTopic(t *meta.Topic) {
	for i := range t.Partitions {
		s.applyPartition(t, kafka.PartitionID{Topic: t.ID, Partition: int32(i)})
	}
}

// applyPartition gives this node's replica the role that the registration says.
func (s *Shard) applyPartition(t *meta.Topic, id kafka.PartitionID) {
	if t == nil || s.Owner(id) != s.id {
		return
	}
	reg := s.image.Partition(id)
	p := s.parts[id]
	if reg == nil || !reg.Replica(s.cfg.Node) || s.epoch == 0 {
		if p != nil {
			s.becomeIdle(p)
		}
		return
	}
	if p == nil {
		p = s.addPart(id)
		p.handle = s.wal.Bind(walID(id))
		p.log.Create()
	}
	if p.removing {
		return // it was deleted and has come back: its files go first
	}
	if p.rebuilding {
		s.rebuild(p, reg)
		return
	}
	p.topic = s.settingsOf(t)
	p.replicas = s.members(reg)
	if reg.Leader == s.cfg.Node {
		s.becomeLeader(p, reg)
	} else {
		s.becomeFollower(p, reg)
	}
}

// members are the present incarnations of a partition's replicas.
func (s *Shard) members(reg *registration) []replica.Member {
	members := make([]replica.Member, 0, len(reg.Replicas))
	for _, node := range reg.Replicas {
		m := replica.Member{Node: node}
		if b := s.image.Broker(node); b != nil {
			m.Epoch = b.Epoch
		}
		members = append(members, m)
	}
	return members
}

// becomeLeader begins or continues to lead.
func (s *Shard) becomeLeader(p *part, reg *registration) {
	r := replica.Registration{
		LeaderEpoch:    reg.LeaderEpoch,
		PartitionEpoch: reg.PartitionEpoch,
		Replicas:       p.replicas,
		ISR:            reg.ISR,
		MinInSync:      min(p.topic.minInSync, len(reg.Replicas)),
	}
	for _, node := range reg.Replicas {
		if b := s.image.Broker(node); b == nil || b.Fenced {
			r.Fenced = append(r.Fenced, node)
		}
	}
	if p.role == leading && p.epoch == reg.LeaderEpoch {
		p.leader.Update(r, s.now.Mono)
		s.watermarkMoved(p)
		s.touch(p)
		return
	}
	s.becomeIdle(p)
	p.role, p.epoch = leading, reg.LeaderEpoch
	s.startEpoch(p, reg.LeaderEpoch)
	p.leader = replica.NewLeader(s.replication, s.cfg.Node, r, p.log.End(), p.log.DurableEnd(), p.log.Watermark(), s.now.Mono)
	p.told = nil
	s.led = append(s.led, p)
	for _, m := range p.replicas {
		if m.Node == s.cfg.Node {
			continue
		}
		if l := s.link(m.Node); l.open {
			p.leader.Connected(m.Node, s.now.Mono)
		}
	}
	s.stats.LeaderElections++
	s.watermarkMoved(p)
	s.touch(p)
}

// becomeFollower adopts the epoch of another node's leadership, or of none.
func (s *Shard) becomeFollower(p *part, reg *registration) {
	if p.role == following && p.epoch == reg.LeaderEpoch {
		return
	}
	s.becomeIdle(p)
	p.role, p.epoch = following, reg.LeaderEpoch
	p.follower = replica.NewFollower(reg.LeaderEpoch)
	p.acked, p.ackDue, p.leaderWatermark = 0, false, 0
}

// becomeIdle ends a role: nothing of the old epoch is answered as success any
// more. Appends that wait have an unknown fate (PROTOCOL 19).
func (s *Shard) becomeIdle(p *part) {
	if p.role == leading {
		s.led = slices.DeleteFunc(s.led, func(q *part) bool { return q == p })
		s.timers.Cancel(p.tell)
		s.timers.Cancel(p.wake)
	}
	p.role, p.leader, p.follower = idle, nil, nil
	produces := p.produces
	mark.HitIf(len(produces) > 0, mark.ProduceDeposed)
	p.produces = nil
	for _, w := range produces {
		s.timers.Cancel(w.timer)
		s.reply(w.origin, timedOut())
	}
	fetches := p.fetches
	p.fetches = nil
	for _, w := range fetches {
		s.reply(w.origin, api.WaitResult{})
	}
}

// settingsOf reads the topic configurations that the shard acts on.
func (s *Shard) settingsOf(t *meta.Topic) topicSettings {
	return topicSettings{
		minInSync:       s.image.MinISR(t),
		maxMessageBytes: topicInt(s.image, t, "max.message.bytes"),
		logAppendTime:   s.image.TopicConfig(t, "message.timestamp.type") == "LogAppendTime",
		compacted:       strings.Contains(s.image.TopicConfig(t, "cleanup.policy"), "compact"),
	}
}

// topicInt reads a numeric topic configuration; values are validated when they
// enter the image.
func topicInt(image *meta.Image, t *meta.Topic, name string) int {
	n, err := strconv.Atoi(image.TopicConfig(t, name))
	assert.NoError(err, "shard: topic configuration "+name)
	return n
}

// touch makes sure that the partition is looked at when the turn ends.
func (s *Shard) touch(p *part) {
	if !p.touched {
		p.touched = true
		s.touched = append(s.touched, p)
	}
}

// endTurnOf sends what the turn's events made due for a partition.
func (s *Shard) endTurnOf(p *part) {
	switch p.role {
	case leading:
		if len(s.toPush) == 0 {
			s.pushBy = s.now.Mono.Add(s.limits.GatherTime)
		}
		if !p.toPush {
			p.toPush = true
			s.toPush = append(s.toPush, p)
		}
		s.proposeISR(p)
		s.wakePartition(p, p.leader.NextCheck())
		s.wakePartition(p, p.leader.NextProbe(s.now.Mono))
		if s.owesWatermark(p) && !p.tell.Live() {
			p.tell = s.timers.Set(s.now.Mono.Add(s.limits.WatermarkPause), due{kind: dueTell, part: p})
		}
	case following:
		s.acknowledge(p)
	}
}

// wakePartition makes sure that the partition is looked at by at.
func (s *Shard) wakePartition(p *part, at env.Instant) {
	if at == env.Never || p.wake.Live() && p.wake.At() <= at {
		return
	}
	s.timers.Cancel(p.wake)
	p.wake = s.timers.Set(at, due{kind: dueWake, part: p})
}

// proposeISR asks the controller for the ISR change that the leader wants.
func (s *Shard) proposeISR(p *part) {
	change, ok := p.leader.NextChange(s.now.Mono)
	if !ok {
		return
	}
	s.nextProposal++
	op := s.nextProposal
	members := make([]meta.ISRMember, len(change.ISR))
	for i, m := range change.ISR {
		members[i] = meta.ISRMember{Node: m.Node, Epoch: m.Epoch}
	}
	s.proposals[op] = proposedChange{p.id, change}
	s.stats.ISRProposals++
	call := Call{
		Origin: Origin{Loop: s.id, Request: op, Op: originISR},
		Op: api.Propose{Command: &meta.AlterPartition{
			Leader: s.cfg.Node, BrokerEpoch: s.epoch,
			Partitions: []meta.NewISR{{ID: p.id, LeaderEpoch: change.LeaderEpoch, PartitionEpoch: change.PartitionEpoch, ISR: members}},
		}},
		Deadline: s.now.Mono.Add(s.limits.ProposalTimeout),
	}
	if !s.host.TrySend(loop.Control, call) {
		s.onISRVerdict(op, api.ProposeResult{Code: kafka.NotController})
	}
}

// originISR marks, in Origin.Op, a proposal that belongs to a partition and not
// to a request.
const originISR = -1

// proposedChange is an ISR change on its way to a verdict.
type proposedChange struct {
	id     kafka.PartitionID
	change replica.Proposal
}

// onISRVerdict takes the fate of an ISR change. Acceptance shows in the image;
// a timeout says nothing, so that the additions keep holding the watermark.
func (s *Shard) onISRVerdict(op uint64, result api.ProposeResult) {
	proposed, ok := s.proposals[op]
	if !ok {
		return
	}
	delete(s.proposals, op)
	p := s.parts[proposed.id]
	if p == nil || p.role != leading {
		return
	}
	refused := result.Code != kafka.None && result.Code != kafka.RequestTimedOut
	if result.Code == kafka.None && len(result.Verdict.Partitions) > 0 {
		refused = result.Verdict.Partitions[0].Code != kafka.None
	}
	if refused {
		s.stats.ISRRefusals++
		mark.Hit(mark.ISRRefused)
		if p.leader.ChangeRefused(proposed.change, s.now.Mono.Add(s.limits.RefusedPause)) {
			s.watermarkMoved(p)
		}
	}
	s.touch(p)
}

// addPart makes the state of a partition that this shard did not hold yet.
func (s *Shard) addPart(id kafka.PartitionID) *part {
	assert.That(s.parts[id] == nil, "shard: partition %v added twice", id)
	s.owners++
	p := &part{id: id, owner: s.owners}
	p.log = partition.New(s.logConfig(id, p.owner), s.diskFor(p.owner))
	s.byOwner[p.owner] = p
	s.parts[id] = p
	i, _ := slices.BinarySearchFunc(s.order, p, func(a, b *part) int { return comparePartitions(a.id, b.id) })
	s.order = slices.Insert(s.order, i, p)
	return p
}

func (s *Shard) logConfig(id kafka.PartitionID, owner uint32) partition.Config {
	return partition.Config{
		Dir: s.cfg.PartitionsDir + "/" + DirName(id), Owner: owner, Life: s.recovery.life, Limits: &s.cfg.Log, Rare: s.rare,
	}
}

func comparePartitions(a, b kafka.PartitionID) int {
	if c := slices.Compare(a.Topic[:], b.Topic[:]); c != 0 {
		return c
	}
	return int(a.Partition) - int(b.Partition)
}
