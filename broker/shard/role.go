package shard

import (
	"slices"
	"strconv"
	"strings"

	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/limits"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/broker/replica"
)

// What applied metadata makes of this node's replicas: leaders, followers, or neither.

// registration is what the metadata says about a partition.
type registration = meta.Partition

// role is what this node does for a partition.
type role uint8

const (
	idle role = iota // not a replica, or no metadata has been applied yet
	following
	leading
)

// onApplied takes over new metadata. Roles follow from it alone: applyPartition gives
// them, and retireUnknown ends those of replicas that the metadata does not have.
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
	s.tellCoordinators(&a.Changes)
	s.recallHeld()
	s.answerAwaited()
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
		// A snapshot, or this node's registration: any partition may have a new role.
		s.appliedEpoch = s.epoch
		s.image.Topics(func(t *meta.Topic) bool {
			s.applyTopic(t)
			return true
		})
		s.retireUnknown()
		s.mayRelease = true // perhaps nothing that was recovered needs the WAL
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
	s.applyConfigs(c.Configs)
	s.beginHandovers(c.Handovers)
	if len(c.Deleted) > 0 {
		s.retireUnknown()
	}
	if len(c.Brokers) > 0 {
		// Leaders have to know the incarnations of their followers: see
		// replica.Leader.Update. A partition may leave s.led meanwhile.
		for _, p := range slices.Clone(s.led.parts) {
			s.applyPartition(s.image.TopicByID(p.id.Topic), p.id)
		}
	}
}

// applyConfigs takes over changed configurations: of one topic, or of all that follow the
// cluster's. A leader must count with the min.insync.replicas of the image that it acts on:
// whether a replica that leaves the ISR stays eligible is decided with that number
// (meta.Image.MinISR).
func (s *Shard) applyConfigs(changed []meta.ConfigResource) {
	for _, r := range changed {
		switch {
		case r.Type == meta.TopicResource:
			if t := s.image.Topic(r.Name); t != nil {
				s.applyTopic(t)
			}
		case r.Name == "":
			for _, p := range slices.Clone(s.order) {
				s.applyPartition(s.image.TopicByID(p.id.Topic), p.id)
			}
		}
	}
}

// applyTopic applies the registrations of all partitions of a topic.
func (s *Shard) applyTopic(t *meta.Topic) {
	for i := range t.Partitions {
		s.applyPartition(t, kafka.PartitionID{Topic: t.ID, Partition: int32(i)})
	}
}

// applyPartition gives this node's replica the role that its registration names.
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
		return // this node became a replica again: the old files go first
	}
	if p.rebuilding {
		s.rebuild(p, reg)
		return
	}
	if p.availability > unwritable {
		return // it has no role before its files can be written
	}
	p.topic = s.settingsOf(t)
	p.log.SetRoll(p.topic.roll)
	p.replicas = s.members(reg)
	if reg.Leader == s.cfg.Node {
		s.becomeLeader(p, reg)
	} else {
		s.becomeFollower(p, reg)
	}
}

// members are a partition's replicas in their present incarnations.
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

// becomeLeader begins to lead, or goes on with new settings, replicas or ISR.
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
	p.role, p.epoch, p.leadsSince = leading, reg.LeaderEpoch, s.now.Mono
	s.startEpoch(p, reg.LeaderEpoch)
	p.leader = replica.NewLeader(s.replication, s.cfg.Node, r, replica.Standing{
		Start: p.log.Start(), Watermark: p.log.Watermark(), Durable: p.log.DurableEnd(),
		End: p.log.End(),
	}, s.now.Mono)
	p.told = nil
	s.led.add(p)
	for _, m := range p.replicas {
		if m.Node == s.cfg.Node {
			continue
		}
		if l := s.link(m.Node); l.open {
			p.leader.Connected(m.Node, s.now.Mono)
		}
	}
	s.stats.LeaderElections++
	s.beginCoordination(p)
	s.watermarkMoved(p)
	s.touch(p)
}

// becomeFollower adopts the epoch in which another node leads, or no node does.
func (s *Shard) becomeFollower(p *part, reg *registration) {
	if p.role == following && p.epoch == reg.LeaderEpoch {
		return
	}
	s.becomeIdle(p)
	p.role, p.epoch = following, reg.LeaderEpoch
	p.follower = replica.NewFollower(reg.LeaderEpoch)
	p.acked, p.ackedStart, p.ackDue = 0, 0, false
	p.leaderWatermark, p.leaderStart = 0, 0
}

// becomeIdle ends a role. From now on nothing of the old epoch is answered as a success.
// Appends that wait may or may not survive: the answer is that this is unknown
// (PROTOCOL 19).
func (s *Shard) becomeIdle(p *part) {
	if p.role == leading {
		s.endHandover(p)
		s.led.remove(p)
		s.timers.Cancel(p.tell)
		s.timers.Cancel(p.wake)
		s.endCoordination(p)
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
	s.failDeletions(p)
}

// settingsOf reads the topic configurations that the shard acts on.
func (s *Shard) settingsOf(t *meta.Topic) topicSettings {
	return topicSettings{
		minInSync:       s.image.MinISR(t),
		maxMessageBytes: min(topicInt(s.image, t, "max.message.bytes"), limits.BatchBytesMax),
		records:         rulesOf(s.image, t),
		coordinators:    s.coordinatorsOf(t.Name),
		deletes:         strings.Contains(s.image.TopicConfig(t, "cleanup.policy"), "delete"),
		retention: partition.Retention{
			Bytes: topicLong(s.image, t, "retention.bytes"),
			Ms:    s.image.RetentionMs(t),
		},
		roll: partition.Roll{
			Bytes:    segmentBytes(s.image, t),
			Ms:       topicLong(s.image, t, "segment.ms"),
			JitterMs: topicLong(s.image, t, "segment.jitter.ms"),
		},
	}
}

// segmentBytes is segment.bytes if somebody has set it, and else 0: the file of each broker
// decides.
func segmentBytes(image *meta.Image, t *meta.Topic) int64 {
	_, ofTopic := t.Configs.Get("segment.bytes")
	_, ofCluster := image.BrokerConfigs("").Get("log.segment.bytes")
	if !ofTopic && !ofCluster {
		return 0
	}
	return topicLong(image, t, "segment.bytes")
}

// topicInt reads a numeric topic configuration. Values were validated when they entered
// the image.
func topicInt(image *meta.Image, t *meta.Topic, name string) int {
	return int(topicLong(image, t, name))
}

func topicLong(image *meta.Image, t *meta.Topic, name string) int64 {
	n, err := strconv.ParseInt(image.TopicConfig(t, name), 10, 64)
	assert.NoError(err, "shard: topic configuration "+name)
	return n
}

// ledPart returns the partition if this node leads it and the client believes in the
// same leader epoch (KIP-320). Otherwise it returns the error to answer.
func (s *Shard) ledPart(id kafka.PartitionID, current kafka.LeaderEpoch) (*part, kafka.ErrorCode) {
	reg := s.image.Partition(id)
	p := s.parts[id]
	switch {
	case reg == nil:
		return nil, kafka.UnknownTopicOrPartition
	case current >= 0 && current < reg.LeaderEpoch:
		mark.Hit(mark.FetchFenced)
		return nil, kafka.FencedLeaderEpoch
	case current > reg.LeaderEpoch:
		return nil, kafka.UnknownLeaderEpoch
	case p == nil || p.role != leading || !s.mayLead():
		return nil, kafka.NotLeaderOrFollower
	}
	return p, kafka.None
}

// leaderHint is the leader that the metadata names, for a client that asked elsewhere.
func (s *Shard) leaderHint(id kafka.PartitionID) api.Leader {
	if reg := s.image.Partition(id); reg != nil {
		return api.Leader{Node: reg.Leader, Epoch: reg.LeaderEpoch}
	}
	return api.Leader{Node: kafka.NoNode, Epoch: -1}
}

// knowsEnd returns None if this node may claim to know the end of the log, else the
// error to answer. It may if it holds the lease, and if its watermark has reached the
// start of its epoch: then nothing that an earlier leader committed lies beyond the
// watermark (PROTOCOL 20, 22).
func (s *Shard) knowsEnd(p *part) kafka.ErrorCode {
	switch {
	case !s.leaseValid():
		mark.Hit(mark.LeaseExpired)
		return kafka.NotLeaderOrFollower
	case !p.handover.claimsEnd():
		mark.Hit(mark.ResignedAsked)
		return kafka.NotLeaderOrFollower
	case p.leader.Watermark() < p.leader.EpochStart():
		mark.Hit(mark.EndNotKnownYet)
		return kafka.OffsetNotAvailable
	}
	return kafka.None
}
