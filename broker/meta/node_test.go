package meta

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	pb "go.etcd.io/raft/v3/raftpb"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/wire/peer"
)

func TestClusterElectsRegistersAndLeases(t *testing.T) {
	for _, size := range []int{1, 3, 5} {
		c := newCluster(t, size, uint64(size))
		c.ready()
		require.Less(t, c.now, 3*time.Second)
		leaders := 0
		for _, h := range c.nodes {
			if h.node.Status().Leading {
				leaders++
			}
		}
		require.Equal(t, 1, leaders)
		require.Equal(t, kafka.None, c.do(c.nodes[size-1], newTopics(1, 3, 1)).Topics[0].Code)
		c.converged()
	}
}

func TestIdleNodeWakesAtMostTenTimesASecond(t *testing.T) {
	c := newCluster(t, 3, 4)
	c.ready()
	for _, h := range c.nodes {
		h.wakeups = 0
	}
	c.run(10 * time.Second)
	for _, h := range c.nodes {
		require.LessOrEqual(t, h.wakeups, 81)
	}
}

func TestAThousandTopicsAreOneProposal(t *testing.T) {
	c := newCluster(t, 3, 5)
	c.ready()
	before := c.newest.Index()
	v := c.do(c.nodes[0], newTopics(1000, 3, 3))
	require.Len(t, v.Topics, 1000)
	for _, tv := range v.Topics {
		require.Equal(t, kafka.None, tv.Code)
	}
	require.Equal(t, before+1, v.Index)
	c.converged()
	led := map[kafka.NodeID]int{}
	c.newest.Topics(func(tp *Topic) bool {
		for _, p := range tp.Partitions {
			led[p.Leader]++
		}
		return true
	})
	require.Equal(t, map[kafka.NodeID]int{1: 1000, 2: 1000, 3: 1000}, led)
}

// victim returns a broker that is not the controller, and a partition it leads.
func victim(c *cluster) (*host, kafka.PartitionID) {
	for _, h := range c.nodes {
		if h.node.Status().Leading {
			continue
		}
		for i, p := range c.newest.Topic("taaa").Partitions {
			if p.Leader == h.id {
				return h, kafka.PartitionID{Topic: c.newest.Topic("taaa").ID, Partition: int32(i)}
			}
		}
	}
	return nil, kafka.PartitionID{}
}

func TestFrozenLeaderIsFencedAfterTheSessionAndNotBefore(t *testing.T) {
	c := newCluster(t, 3, 6)
	c.ready()
	c.do(c.nodes[0], newTopics(1, 6, 3))
	c.run(time.Second)
	h, id := victim(c)
	h.frozen = true
	moved := c.until(5*time.Second, "the leadership moves", func() bool {
		return c.newest.Partition(id).Leader != h.id
	})
	require.Greater(t, moved, 2600*time.Millisecond)
	require.Less(t, moved, 3500*time.Millisecond)
	for _, p := range c.newest.Topic("taaa").Partitions {
		require.NotEqual(t, h.id, p.Leader, "a fence moves all leaderships")
		require.False(t, p.InISR(h.id))
	}
	c.run(4 * time.Hour / 3600) // four seconds stand for the hours
	h.frozen = false
	require.False(t, h.node.LeaseValid(h.clock()))
	require.Equal(t, h.id, h.acting.Partition(id).Leader, "it wakes with its old image")
	c.ready()
	require.NotEqual(t, h.id, h.node.Image().Partition(id).Leader)
	require.NotZero(t, c.checks)
}

func TestControllerFailoverKeepsSessions(t *testing.T) {
	c := newCluster(t, 3, 7)
	c.ready()
	c.do(c.nodes[0], newTopics(1, 6, 3))
	c.run(time.Second)
	old := c.leader()
	old.frozen = true
	took := c.until(3*time.Second, "another controller", func() bool {
		l := c.leader()
		return l != nil && l != old
	})
	require.Less(t, took, 2*time.Second)
	for _, h := range c.nodes {
		if h != old {
			require.True(t, h.node.LeaseValid(h.clock()) || took > time.Second)
		}
	}
	moved := c.until(5*time.Second, "the frozen controller is fenced", func() bool {
		return c.newest.Broker(old.id).Fenced
	})
	require.Less(t, took+moved, 4500*time.Millisecond)
	old.frozen = false
	c.run(300 * time.Millisecond)
	require.False(t, old.node.Status().Leading)
	c.ready()
	c.converged()
}

// A controller that slept must not count that time as silence of the brokers.
func TestControllerThatWakesUpFencesNoBrokerAtOnce(t *testing.T) {
	c := newCluster(t, 1, 8)
	c.ready()
	c.nodes[0].frozen = true
	c.run(10 * time.Second)
	c.nodes[0].frozen = false
	c.run(2 * time.Second)
	require.False(t, c.newest.Broker(1).Fenced)
	c.ready()
}

func TestStalledNodeIsFencedAndGivesUpRaft(t *testing.T) {
	c := newCluster(t, 3, 9)
	c.ready()
	c.do(c.nodes[0], newTopics(1, 6, 3))
	old := c.leader()
	old.diskStuck = true
	old.node.SetHealthy(old.clock(), false)
	old.turn()
	c.until(2*time.Second, "another controller", func() bool {
		l := c.leader()
		return l != nil && l != old
	})
	c.until(5*time.Second, "the stalled node is fenced", func() bool {
		return c.newest.Broker(old.id).Fenced
	})
	require.False(t, old.node.LeaseValid(old.clock()))
	old.diskStuck = false
	old.node.SetHealthy(old.clock(), true)
	c.ready()
}

func TestDrainMovesLeadershipsWithoutWaitingForTheLease(t *testing.T) {
	c := newCluster(t, 3, 10)
	c.ready()
	c.do(c.nodes[0], newTopics(1, 6, 3))
	c.run(time.Second)
	h, id := victim(c)
	h.node.Drain()
	h.turn()
	took := c.until(time.Second, "the leadership moves", func() bool {
		return c.newest.Partition(id).Leader != h.id
	})
	require.Less(t, took, 150*time.Millisecond)
	c.until(time.Second, "the broker is told to stop", func() bool { return h.node.Drained() })
	require.True(t, c.newest.Broker(h.id).Fenced)
}

func (h *host) setFull(full bool) {
	h.node.SetFull(h.clock(), full)
	h.turn()
}

// Every step checks that no lease lasts longer than its leadership.
func TestFullBrokerHandsItsLeadershipsOverWhenItsLeaseIsOver(t *testing.T) {
	c := newCluster(t, 3, 13)
	c.ready()
	c.do(c.nodes[0], newTopics(1, 6, 3))
	c.run(time.Second)
	h, id := victim(c)
	h.setFull(true)
	took := c.until(5*time.Second, "the leadership moves", func() bool {
		return c.newest.Partition(id).Leader != h.id
	})
	require.Greater(t, took, 2400*time.Millisecond)
	require.Less(t, took, 3500*time.Millisecond)
	require.False(t, c.newest.Leads(h.id))
	c.until(time.Second, "it has a lease again", func() bool {
		return h.node.LeaseValid(h.clock())
	})
	index := c.newest.Index()
	c.run(10 * time.Second)
	require.Equal(t, index, c.newest.Index(), "there is nothing more to propose")
	b := c.newest.Broker(h.id)
	require.True(t, b.Full)
	require.False(t, b.Fenced)
	require.True(t, c.newest.Partition(id).InISR(h.id), "its leader decides whether it keeps up")
	h.setFull(false)
	c.until(time.Second, "it may lead", func() bool { return !c.newest.Broker(h.id).Full })
	require.False(t, c.newest.Leads(h.id))
	v := c.do(h, &ElectLeaders{Partitions: c.newest.Elections([]kafka.PartitionID{id})})
	require.Equal(t, kafka.None, v.Partitions[0].Code)
	require.Equal(t, h.id, c.newest.Partition(id).Leader)
	c.ready()
}

// A full broker that no other can relieve goes on, with its lease, until another one has
// room. The command is not proposed again and again, since each time the broker would
// lose its lease.
func TestFullBrokersServeReadsUntilOneHasRoom(t *testing.T) {
	c := newCluster(t, 3, 14)
	c.ready()
	c.do(c.nodes[0], newTopics(1, 6, 3))
	c.run(time.Second)
	for _, h := range c.nodes {
		h.setFull(true)
	}
	c.run(12 * time.Second)
	for _, p := range c.newest.Topic("taaa").Partitions {
		require.NotEqual(t, kafka.NoNode, p.Leader)
	}
	for _, h := range c.nodes {
		require.True(t, c.newest.Broker(h.id).Full)
		require.False(t, c.newest.Broker(h.id).Fenced)
	}
	for range 1000 {
		c.run(5 * time.Millisecond)
		for _, h := range c.nodes {
			require.True(t, h.node.LeaseValid(h.clock()))
		}
	}
	h, _ := victim(c)
	if h == nil {
		h = c.leader()
	}
	h.setFull(false)
	c.until(5*time.Second, "it leads all", func() bool {
		return !slices.ContainsFunc(c.newest.Topic("taaa").Partitions, func(p *Partition) bool {
			return p.Leader != h.id
		})
	})
	c.ready()
}

// The disk of a broker becomes full and has room again, many times, and the controller
// changes in between. The broker may lose leases and leaderships. But it is never fenced,
// and no broker holds a lease for a leadership that another one has.
func TestDiskSpaceMayComeAndGoWhileTheControllerChanges(t *testing.T) {
	c := newCluster(t, 3, 15)
	c.ready()
	c.do(c.nodes[0], newTopics(1, 6, 3))
	c.run(time.Second)
	h, _ := victim(c)
	for i := range 40 {
		h.setFull(i%2 == 0)
		c.run(time.Duration(c.rng.Between(50, 4000)) * time.Millisecond)
		if i == 10 || i == 25 {
			if old := c.leader(); old != nil && old != h {
				old.node.SetHealthy(old.clock(), false)
				c.run(200 * time.Millisecond)
				old.node.SetHealthy(old.clock(), true)
			}
		}
		require.False(t, c.newest.Broker(h.id).Fenced)
	}
	h.setFull(false)
	c.until(10*time.Second, "it may lead", func() bool { return !c.newest.Broker(h.id).Full })
	c.ready()
	require.NotZero(t, c.checks)
}

func TestElectionWaitsForTheLeaseUnlessTheLeaderResigned(t *testing.T) {
	c := newCluster(t, 3, 11)
	c.ready()
	c.do(c.nodes[0], &CreateTopics{
		Topics: []NewTopic{{Name: "taaa", ID: kafka.TopicID{4}, Partitions: -1,
			ReplicationFactor: -1, Assignments: [][]kafka.NodeID{{1, 2}, {1, 2}}}},
	})
	c.do(c.host(1), &ElectLeaders{Resigned: true}) // no partition to elect for: nothing happens
	ids := []kafka.PartitionID{{Topic: kafka.TopicID{4}}, {Topic: kafka.TopicID{4}, Partition: 1}}
	c.host(1).crash()
	c.until(5*time.Second, "2 leads", func() bool { return c.newest.Partition(ids[0]).Leader == 2 })
	c.host(1).start()
	c.ready()
	for _, id := range ids {
		c.alterISR(c.host(2), id, c.host(1), c.host(2))
	}
	c.run(time.Second)
	begin := c.now
	c.host(2).resigned[ids[0]] = c.newest.Partition(ids[0]).LeaderEpoch
	v := c.do(c.host(2), &ElectLeaders{Resigned: true, Partitions: c.newest.Elections(ids[:1])})
	require.Equal(t, kafka.None, v.Partitions[0].Code)
	require.Less(t, c.now-begin, 100*time.Millisecond)
	begin = c.now
	v = c.do(c.host(3), &ElectLeaders{Partitions: c.newest.Elections(ids[1:])})
	require.Equal(t, kafka.None, v.Partitions[0].Code)
	require.Greater(t, c.now-begin, 2200*time.Millisecond)
	require.Equal(t, kafka.NodeID(1), c.newest.Partition(ids[1]).Leader)
	c.ready()
}

// The leader has not stopped answering. Every step checks that no lease lasts longer than
// its leadership.
func TestALeaderThatStepsDownIsReplacedWhenItsLeaseIsOver(t *testing.T) {
	c := newCluster(t, 3, 22)
	c.ready()
	a, b := c.nodes[0], c.nodes[1]
	id := c.handedOver(a, b)
	c.run(time.Second)
	begin := c.now
	c.alterISR(b, id, a)
	require.Greater(t, c.now-begin, 2200*time.Millisecond)
	p := c.newest.Partition(id)
	require.Equal(t, a.id, p.Leader)
	require.Equal(t, []kafka.NodeID{a.id}, p.ISR)
	require.False(t, c.newest.Broker(b.id).Fenced)
	c.until(time.Second, "it has a lease again", func() bool {
		return b.node.LeaseValid(b.clock())
	})
}

func TestRestartedBrokerEndsItsOldEpochs(t *testing.T) {
	c := newCluster(t, 1, 12)
	c.ready()
	c.do(c.nodes[0], newTopics(1, 1, 1))
	id := kafka.PartitionID{Topic: kafka.TopicID{0, 0, 3}}
	require.Zero(t, c.newest.Partition(id).LeaderEpoch)
	for range 3 {
		epoch := c.newest.Partition(id).LeaderEpoch
		c.nodes[0].crash()
		c.run(50 * time.Millisecond)
		c.nodes[0].start()
		c.ready()
		require.Equal(t, epoch+1, c.nodes[0].node.Image().Partition(id).LeaderEpoch)
		require.Equal(t, kafka.NodeID(1), c.nodes[0].node.Image().Partition(id).Leader)
	}
	require.Equal(t, []kafka.NodeID{1}, c.nodes[0].node.Status().Voters, "the voter set survives")
}

func TestLaggingNodeGetsASnapshotInChunks(t *testing.T) {
	c := newClusterWith(t, 3, 13,
		RaftConfig{CompactBytes: 5_000, RetainBytes: 1, ChunkBytes: 700, SnapshotWindow: 2000})
	c.ready()
	h, _ := c.nodes[0], 0
	if h == c.leader() {
		h = c.nodes[1]
	}
	h.crash()
	other := c.leader()
	for i := range 6 {
		cmd := newTopics(60, 1, 1)
		for k := range cmd.Topics {
			cmd.Topics[k].Name += string(rune('a' + i))
			cmd.Topics[k].ID[5] = byte(i)
		}
		require.Equal(t, kafka.None, c.do(other, cmd).Topics[0].Code)
	}
	c.run(time.Second)
	require.Greater(t, c.leader().node.raft.log.base(), uint64(bootstrapIndex))
	h.start()
	h.full = 0
	c.ready()
	c.converged()
	require.Positive(t, h.full, "it was too far behind for the log")
	require.Equal(t, 360, h.node.Image().TopicCount())
	// All restart from their snapshots and the log behind them.
	for _, h := range c.nodes {
		h.crash()
	}
	for _, h := range c.nodes {
		h.start()
	}
	c.ready()
	c.converged()
	require.Equal(t, 360, c.newest.TopicCount())
}

func TestAMinorityAnswersWithTimeouts(t *testing.T) {
	c := newCluster(t, 3, 14)
	c.ready()
	old := c.leader()
	c.isolate(old.id, true)
	id := old.node.Propose(newTopics(1, 1, 1), old.clock().Add(2*time.Second))
	b := old.node.Barrier(old.clock().Add(2 * time.Second))
	old.turn()
	c.run(3 * time.Second)
	require.Equal(t, kafka.RequestTimedOut, old.verdicts[id].Code)
	require.Equal(t, kafka.RequestTimedOut, old.barriers[b])
	require.False(t, old.node.Status().Leading, "it cannot reach a quorum")
	other := c.leader()
	require.Equal(t, kafka.None, c.do(other, newTopics(1, 1, 1)).Topics[0].Code)
	c.isolate(old.id, false)
	c.ready()
	c.converged()
}

func TestBarrierSeesWhatWasCommittedBefore(t *testing.T) {
	c := newCluster(t, 3, 15)
	c.ready()
	for _, h := range c.nodes {
		other := c.nodes[int(h.id)%3]
		cmd := newTopics(1, 1, 1)
		cmd.Topics[0].Name, cmd.Topics[0].ID[7] = "topic"+string(rune('0'+h.id)), byte(h.id)
		require.Equal(t, kafka.None, c.do(h, cmd).Topics[0].Code)
		b := other.node.Barrier(other.clock().Add(time.Second))
		other.turn()
		c.until(time.Second, "the barrier ends", func() bool {
			_, ok := other.barriers[b]
			return ok
		})
		require.Equal(t, kafka.None, other.barriers[b])
		require.NotNil(t, other.node.Image().Topic(cmd.Topics[0].Name))
	}
}

func TestOnlyAWholeCheckpointReplacesTheRecordsBeforeIt(t *testing.T) {
	_, checkpoint, _ := NewCluster(peer.UUID{7}, peers(1, 2, 3))
	snapshot, hard := checkpoint[0], checkpoint[1]
	entry := Record{Type: RecordEntry}
	for _, c := range []struct {
		name    string
		records []Record
		whole   bool
	}{
		{"nothing", nil, false},
		{"a log without its beginning", []Record{entry, hard, entry, hard}, false},
		{"a checkpoint cut short", []Record{entry, hard, snapshot, entry}, false},
		{"a checkpoint", []Record{entry, hard, snapshot, entry, hard}, true},
		{"one cut short behind a whole one",
			[]Record{snapshot, hard, entry, snapshot, entry}, true},
	} {
		require.Equal(t, c.whole, Checkpointed(c.records), c.name)
	}
}

func TestDamagedNodeTakesNoPartInRaft(t *testing.T) {
	c := newCluster(t, 3, 16)
	c.ready()
	h := c.nodes[0]
	rec, _, _ := NewCluster(h.node.Image().Cluster(), peers(1, 2, 3))
	h.node = NewNode(NodeConfig{Register: h.node.session.register, WALDamaged: true}, rec,
		h.clock())
	term := Term(0)
	c.run(5 * time.Second)
	require.NotNil(t, c.leader(), "two of three go on")
	term = h.node.Status().Term
	require.Equal(t, bootstrapTerm, term)
	require.Equal(t, bootstrapIndex, h.node.Image().Index())
	c.host(2).crash()
	c.run(5 * time.Second)
	require.Nil(t, c.leader(), "it must not vote")
}

// handedOver creates a partition that b leads while a, in sync, is preferred.
func (c *cluster) handedOver(a, b *host) kafka.PartitionID {
	id := kafka.PartitionID{Topic: kafka.TopicID{5}}
	c.do(a, &CreateTopics{
		Topics: []NewTopic{{Name: "t", ID: id.Topic, Partitions: -1, ReplicationFactor: -1,
			Assignments: [][]kafka.NodeID{{a.id, b.id}}}},
	})
	a.crash()
	a.start()
	c.until(5*time.Second, "b leads", func() bool { return c.newest.Partition(id).Leader == b.id })
	c.ready()
	c.alterISR(b, id, a, b)
	return id
}

// alterISR makes the leader of a partition ask for an ISR, and checks that it gets it.
func (c *cluster) alterISR(leader *host, id kafka.PartitionID, members ...*host) {
	p := c.newest.Partition(id)
	n := NewISR{ID: id, LeaderEpoch: p.LeaderEpoch, PartitionEpoch: p.PartitionEpoch}
	for _, m := range members {
		n.ISR = append(n.ISR, ISRMember{m.id, m.node.Epoch()})
	}
	v := c.do(leader, &AlterPartition{
		Leader: leader.id, BrokerEpoch: leader.node.Epoch(), Partitions: []NewISR{n},
	})
	require.Equal(c.t, kafka.None, v.Partitions[0].Code)
}

// A live broker that has not confirmed a loss gets no lease, although it is neither
// fenced nor silent.
func TestNoLeaseBeforeALossIsConfirmed(t *testing.T) {
	c := newCluster(t, 3, 20)
	c.ready()
	a, b := c.nodes[0], c.nodes[1]
	id := c.handedOver(a, b)
	c.run(time.Second)
	b.wedged = true
	v := c.do(a, &ElectLeaders{Partitions: c.newest.Elections([]kafka.PartitionID{id})})
	require.Equal(t, kafka.None, v.Partitions[0].Code)
	c.run(time.Second) // every step is checked
	require.Equal(t, b.id, b.acting.Partition(id).Leader)
	require.False(t, c.newest.Broker(b.id).Fenced,
		"moving a leadership does not fence a live broker")
	require.False(t, b.node.LeaseValid(b.clock()))
	b.wedged = false
	c.until(time.Second, "the lease is back", func() bool { return b.node.LeaseValid(b.clock()) })
}

// A new controller does not know what its predecessor granted: it waits for W
// from the start of its own term.
func TestNewControllerWaitsForLeasesOfTheOldOne(t *testing.T) {
	c := newCluster(t, 5, 18)
	c.ready()
	old := c.leader()
	a, b := c.nodes[int(old.id)%5], c.nodes[int(old.id+1)%5]
	id := c.handedOver(a, b)
	c.run(time.Second)
	begin := c.now
	old.frozen, b.frozen = true, true
	c.until(3*time.Second, "another controller", func() bool {
		l := c.leader()
		return l != nil && l != old
	})
	v := c.do(a, &ElectLeaders{Partitions: c.newest.Elections([]kafka.PartitionID{id})})
	require.Equal(t, kafka.None, v.Partitions[0].Code)
	require.Equal(t, a.id, c.newest.Partition(id).Leader)
	require.Greater(t, c.now-begin, 2500*time.Millisecond)
}

// A command takes a leadership from a broker, and the broker's loops do not act on it.
// The broker is not unfenced and gets no lease, although it sends heartbeats.
func TestWedgedLoopKeepsTheBrokerFenced(t *testing.T) {
	c := newCluster(t, 3, 19)
	c.ready()
	c.do(c.nodes[0], newTopics(1, 6, 3))
	c.run(time.Second)
	h, _ := victim(c)
	c.isolate(h.id, true)
	c.run(4 * time.Second)
	h.wedged = true
	c.isolate(h.id, false)
	c.run(4 * time.Second)
	require.True(t, c.newest.Broker(h.id).Fenced)
	require.Equal(t, c.newest.Index(), h.node.Image().Index(),
		"the control loop itself is up to date")
	h.wedged = false
	c.ready()
}

func TestLeaseRunsFromBeforeTheHeartbeatWasSent(t *testing.T) {
	s := session{timing: Timing{}, started: 1000, healthy: true}
	s.timing.setDefaults()
	grant := func(sent int64) *peer.HeartbeatReply {
		return &peer.HeartbeatReply{SentAt: sent, Granted: true}
	}
	s.reply(5_000_000, grant(2000))
	require.Equal(t, env.Instant(2000).Add(s.timing.Lease), s.leaseUntil)
	s.reply(5_000_000, grant(1500)) // a late reply does not shorten the lease
	require.Equal(t, env.Instant(2000).Add(s.timing.Lease), s.leaseUntil)
	s.leaseUntil = 0
	s.reply(5_000_000, grant(999)) // of an earlier incarnation
	s.reply(5_000_000, grant(5_000_001))
	s.reply(5_000_000, &peer.HeartbeatReply{SentAt: 2000})
	require.Zero(t, s.leaseUntil)
	s.drain()
	s.reply(5_000_000, grant(3000))
	require.Zero(t, s.leaseUntil, "a draining broker uses no lease")
}

// A checkpoint that was cut short must not lose what was durable before it. A conflicting
// entry replaces the entry of its index and all entries behind that one.
func TestRecoveryKeepsWhatWasDurable(t *testing.T) {
	_, records, image := NewCluster(peer.UUID{1}, peers(1, 2, 3))
	entry := func(term, index uint64) Record {
		return entryRecord(&pb.Entry{
			Term: new(term), Index: new(index), Type: pb.EntryNormal.Enum(),
		})
	}
	records = append(records, entry(1, 2), entry(1, 3), entry(1, 4), entry(2, 3), entry(2, 4),
		entry(2, 5), hardStateRecord(&pb.HardState{
			Term: new(uint64(2)), Vote: new(uint64(3)), Commit: new(uint64(4)),
		}))
	image, _, _ = image.Apply(3, &Bootstrap{})
	own := snapshot{3, 2, image}
	records = append(records, snapshotRecord(&own), entry(2, 4))
	rec, err := Recover(records, image)
	require.NoError(t, err)
	require.Equal(t, uint64(5), rec.log.last())
	require.Equal(t, uint64(3), rec.log.hard.GetVote())
	require.Equal(t, []uint64{1, 2, 3}, rec.log.snapshot.image.voters())
	for i, term := range []uint64{2, 2, 2} {
		got, err := rec.log.Term(uint64(3 + i))
		require.NoError(t, err)
		require.Equal(t, term, got)
	}
	leader := snapshot{9, 4, nil}
	image, _, _ = image.Apply(9, &Bootstrap{})
	rec, err = Recover(append(records, snapshotRecord(&leader)), image)
	require.NoError(t, err)
	require.Equal(t, uint64(9), rec.log.last(), "a leader's snapshot replaces everything")
	_, err = Recover(append(records, entry(4, 99)), image)
	require.ErrorIs(t, err, ErrCorruptRecord)
}
