package meta

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/wire/peer"
)

// world applies commands one after the other and keeps the last image.
type world struct {
	t     require.TestingT
	img   *Image
	index Index
}

func newWorld(t require.TestingT, brokers int) *world {
	w := &world{t: t, img: NewImage(peer.UUID{9}), index: bootstrapIndex}
	for id := 1; id <= brokers; id++ {
		w.register(kafka.NodeID(id), 1)
		w.unfence(kafka.NodeID(id))
	}
	return w
}

func (w *world) apply(c Command) Verdict {
	w.index++
	// Commands go through the codec, so that every test of a command also tests its
	// encoding.
	decoded, err := DecodeCommand(EncodeCommand(c))
	require.NoError(w.t, err)
	before := w.img.Hash()
	next, v, _ := w.img.Apply(w.index, decoded)
	require.Equal(w.t, before, w.img.Hash(), "the published image changed")
	w.img = next
	w.invariants()
	return v
}

// invariants checks the invariants that are stated on Partition, and that usage, which no
// encoded image has, is what an image that was decoded counts.
func (w *world) invariants() {
	counted, err := DecodeImage(w.img.Encode())
	require.NoError(w.t, err)
	require.Equal(w.t, counted.usage.partitions, w.img.usage.partitions)
	require.Equal(w.t, counted.usage.configBytes, w.img.usage.configBytes)
	require.Equal(w.t, counted.usage.hosted(), w.img.usage.hosted())
	require.Equal(w.t, counted.usage.alike.Values(), w.img.usage.alike.Values())
	w.img.Topics(func(t *Topic) bool {
		for i, p := range t.Partitions {
			name := fmt.Sprintf("%s-%d %+v", t.Name, i, *p)
			require.True(w.t, p.Leader == kafka.NoNode || p.InISR(p.Leader), name)
			for _, id := range p.ISR {
				require.True(w.t, p.Replica(id), name)
				require.NotContains(w.t, p.ELR, id, name)
			}
			for _, id := range p.ELR {
				require.True(w.t, p.Replica(id), name)
				require.Less(w.t, len(p.ISR), w.img.MinISR(t), name)
			}
			for _, l := range p.Losses {
				require.True(w.t, p.InISR(l.Node) && p.Leader != l.Node, name)
			}
		}
		return true
	})
}

func incarnation(id kafka.NodeID, number byte) peer.UUID { return peer.UUID{byte(id), number} }

func (w *world) register(
	id kafka.NodeID, number byte, suspects ...kafka.PartitionID,
) kafka.BrokerEpoch {
	v := w.apply(&RegisterBroker{Node: id, Incarnation: incarnation(id, number), Suspects: suspects,
		Endpoints: Endpoints{
			Host: "h", Port: 9092, PeerAddr: "p", DataAddr: "d",
			Features: []Feature{{"transaction.version", 0, 2}},
		}})
	require.Equal(w.t, kafka.None, v.Code)
	return v.BrokerEpoch
}

func (w *world) epoch(id kafka.NodeID) kafka.BrokerEpoch { return w.img.Broker(id).Epoch }
func (w *world) fence(id kafka.NodeID)                   { w.apply(&FenceBroker{id, w.epoch(id)}) }
func (w *world) unfence(id kafka.NodeID) {
	w.apply(&UnfenceBroker{id, w.epoch(id)})
}

// topic creates a topic of one partition with these replicas.
func (w *world) topic(name string, minISR string, replicas ...kafka.NodeID) kafka.PartitionID {
	id := kafka.TopicID{}
	copy(id[:], name)
	topic := NewTopic{Name: name, ID: id, Partitions: -1, ReplicationFactor: -1,
		Assignments: [][]kafka.NodeID{replicas}}
	if minISR != "" {
		topic.Configs = Configs{{minISRKey, minISR}}
	}
	v := w.apply(&CreateTopics{Topics: []NewTopic{topic}})
	require.Equal(w.t, kafka.None, v.Topics[0].Code, v.Topics[0].Message)
	return kafka.PartitionID{Topic: id}
}

func (w *world) isr(id kafka.PartitionID, isr ...kafka.NodeID) kafka.ErrorCode {
	p := w.img.Partition(id)
	n := NewISR{ID: id, LeaderEpoch: p.LeaderEpoch, PartitionEpoch: p.PartitionEpoch}
	for _, m := range isr {
		n.ISR = append(n.ISR, ISRMember{m, w.epoch(m)})
	}
	v := w.apply(&AlterPartition{
		Leader: p.Leader, BrokerEpoch: w.epoch(p.Leader), Partitions: []NewISR{n},
	})
	require.Equal(w.t, kafka.None, v.Code)
	return v.Partitions[0].Code
}

func nodes(ids ...kafka.NodeID) []kafka.NodeID { return ids }

func TestFenceMovesEveryLeadershipAndDropsTheBrokerFromISRs(t *testing.T) {
	w := newWorld(t, 3)
	led, followed := w.topic("led", "1", 1, 2, 3), w.topic("followed", "1", 2, 1, 3)
	w.fence(1)
	p := w.img.Partition(led)
	require.Equal(t, kafka.NodeID(2), p.Leader)
	require.Equal(t, kafka.LeaderEpoch(1), p.LeaderEpoch)
	require.Equal(t, nodes(2, 3), p.ISR)
	require.Empty(t, p.ELR)
	p = w.img.Partition(followed)
	require.Equal(t, kafka.LeaderEpoch(0), p.LeaderEpoch,
		"an ISR change leaves the leader epoch alone")
	require.Equal(t, kafka.PartitionEpoch(1), p.PartitionEpoch)
	require.Equal(t, nodes(2, 3), p.ISR)
	require.Equal(t, w.index, w.img.Broker(1).LastLoss)
	require.Zero(t, w.img.Broker(2).LastLoss)
}

func TestLastMemberStaysInTheISRWithoutALeader(t *testing.T) {
	w := newWorld(t, 2)
	id := w.topic("t", "1", 1, 2)
	require.Equal(t, kafka.None, w.isr(id, 1))
	w.fence(1)
	p := w.img.Partition(id)
	require.Equal(t, kafka.NoNode, p.Leader)
	require.Equal(t, nodes(1), p.ISR)
	w.unfence(1)
	p = w.img.Partition(id)
	require.Equal(t, kafka.NodeID(1), p.Leader)
	require.Equal(t, kafka.LeaderEpoch(2), p.LeaderEpoch)
}

func TestMembersDroppedBelowMinISRCanLeadAgain(t *testing.T) {
	w := newWorld(t, 2)
	id := w.topic("t", "2", 1, 2)
	w.fence(2)
	require.Equal(t, nodes(2), w.img.Partition(id).ELR)
	w.fence(1)
	require.Equal(t, kafka.NoNode, w.img.Partition(id).Leader)
	w.unfence(2)
	p := w.img.Partition(id)
	require.Equal(t, kafka.NodeID(2), p.Leader)
	require.Equal(t, nodes(2), p.ISR)
	require.Equal(t, nodes(1), p.ELR)
	w.unfence(1)
	require.Equal(t, kafka.None, w.isr(id, 1, 2))
	require.Empty(t, w.img.Partition(id).ELR)
}

func TestMemberDroppedAboveMinISRNeverLeads(t *testing.T) {
	w := newWorld(t, 2)
	id := w.topic("t", "1", 1, 2)
	w.fence(2)
	w.fence(1)
	w.unfence(2)
	require.Equal(t, kafka.NoNode, w.img.Partition(id).Leader)
	v := w.apply(&ElectLeaders{Unclean: true, Partitions: w.img.Elections([]kafka.PartitionID{id})})
	require.Equal(t, kafka.None, v.Partitions[0].Code)
	require.Equal(t, nodes(2), w.img.Partition(id).ISR)
}

func TestAnUncleanElectionIsRemembered(t *testing.T) {
	w := newWorld(t, 3)
	id := w.topic("t", "2", 1, 2, 3)
	w.fence(3)
	w.fence(2)
	w.fence(1)
	w.unfence(2)
	require.Equal(t, kafka.NodeID(2), w.img.Partition(id).Leader)
	require.Zero(t, w.img.Partition(id).UncleanEpoch, "a leader from the ELR holds all")
	w.isr(id, 2, 3)
	w.isr(id, 2)
	require.Empty(t, w.img.Partition(id).UncleanEpoch)

	id = w.topic("u", "1", 1, 2, 3)
	w.fence(1)
	w.fence(2)
	require.Equal(t, kafka.NoNode, w.img.Partition(id).Leader)
	w.unfence(3)
	last := w.img.Partition(id).LeaderEpoch
	v := w.apply(&ElectLeaders{Unclean: true, Partitions: w.img.Elections([]kafka.PartitionID{id})})
	require.Equal(t, kafka.None, v.Partitions[0].Code)
	p := w.img.Partition(id)
	require.Equal(t, p.LeaderEpoch, p.UncleanEpoch)
	require.Equal(t, last+1, p.UncleanEpoch)
	require.True(t, p.Strays(1, last), "it may hold what is lost")
	require.False(t, p.Strays(1, p.UncleanEpoch), "its last record came after the election")
	require.False(t, p.Strays(p.Leader, last), "what members of the ISR hold is committed")

	copied, err := DecodeImage(w.img.Encode())
	require.NoError(t, err)
	require.Equal(t, p, copied.Partition(id))
	w.unfence(2)
	w.isr(id, 3, 2)
	w.fence(3)
	require.Equal(t, p.UncleanEpoch, w.img.Partition(id).UncleanEpoch, "clean elections keep it")
}

func TestLoweringMinISREmptiesTheELR(t *testing.T) {
	w := newWorld(t, 2)
	id := w.topic("t", "2", 1, 2)
	w.fence(2)
	v := w.apply(&AlterConfigs{
		[]ConfigChange{{Resource: ConfigResource{TopicResource, "t"},
			Ops: []ConfigOp{{ConfigSet, minISRKey, "1"}}}},
	})
	require.Equal(t, kafka.None, v.Configs[0].Code)
	require.Empty(t, w.img.Partition(id).ELR)
}

func TestNewIncarnationEndsTheOldEpochs(t *testing.T) {
	w := newWorld(t, 3)
	led, sole, followed := w.topic("led", "1", 1, 2), w.topic("sole", "1", 1),
		w.topic("followed", "2", 2, 1)
	epoch := w.register(1, 2)
	require.Equal(t, kafka.BrokerEpoch(w.index), epoch)
	require.True(t, w.img.Broker(1).Fenced)
	p := w.img.Partition(led)
	require.Equal(t, kafka.NodeID(2), p.Leader)
	require.Equal(t, nodes(2), p.ISR)
	p = w.img.Partition(sole)
	require.Equal(t, kafka.NodeID(1), p.Leader)
	require.Equal(t, kafka.LeaderEpoch(1), p.LeaderEpoch,
		"the same leader, restarted, gets a new epoch")
	p = w.img.Partition(followed)
	require.Equal(t, nodes(2), p.ISR)
	require.Equal(t, nodes(1), p.ELR)
	require.Equal(t, kafka.LeaderEpoch(0), p.LeaderEpoch)
	require.Equal(t, epoch, w.register(1, 2), "registering again changes nothing")
	require.Equal(t, kafka.LeaderEpoch(1), w.img.Partition(sole).LeaderEpoch)
}

func TestSuspectReplicaLeavesTheISREvenAsTheLastMember(t *testing.T) {
	w := newWorld(t, 2)
	sole, elr := w.topic("sole", "1", 1), w.topic("elr", "2", 1, 2)
	w.fence(2)
	require.Equal(t, nodes(2), w.img.Partition(elr).ELR)
	w.unfence(2)
	w.register(1, 2, sole, elr)
	w.unfence(1)
	p := w.img.Partition(sole)
	require.Equal(t, kafka.NoNode, p.Leader)
	require.Empty(t, p.ISR)
	require.Equal(t, nodes(1), p.LastKnown)
	p = w.img.Partition(elr)
	require.Equal(t, kafka.NodeID(2), p.Leader, "the ELR makes a damaged last replica survivable")
	require.Equal(t, nodes(2), p.ISR)
	require.Empty(t, p.ELR)
	v := w.apply(&ElectLeaders{
		Unclean: true, Partitions: w.img.Elections([]kafka.PartitionID{sole}),
	})
	require.Equal(t, kafka.None, v.Partitions[0].Code)
	require.Equal(t, kafka.NodeID(1), w.img.Partition(sole).Leader)
}

func TestALeaderThatAsksForAnISRWithoutItselfIsReplaced(t *testing.T) {
	w := newWorld(t, 3)
	id := w.topic("t", "2", 1, 2, 3)
	require.Equal(t, kafka.InvalidRequest, w.isr(id, 3), "it can't have others removed by that")
	require.Equal(t, kafka.None, w.isr(id, 2, 3))
	p := w.img.Partition(id)
	require.Equal(t, kafka.NodeID(2), p.Leader)
	require.Equal(t, kafka.LeaderEpoch(1), p.LeaderEpoch)
	require.Equal(t, nodes(2, 3), p.ISR)
	require.Equal(t, kafka.None, w.isr(id, 3))
	p = w.img.Partition(id)
	require.Equal(t, kafka.NodeID(3), p.Leader)
	require.Equal(t, nodes(3), p.ISR)
	require.Empty(t, p.ELR, "below min.insync.replicas, too, it does not count any more")
	require.Equal(t, kafka.InvalidRequest, w.isr(id), "the last one stays")
}

func TestALeaderStaysIfNoMemberCanReplaceIt(t *testing.T) {
	w := newWorld(t, 2)
	id := w.topic("t", "1", 1, 2)
	w.apply(&DrainBroker{2, w.epoch(2)})
	before := *w.img.Partition(id)
	require.Equal(t, kafka.EligibleLeadersNotAvailable, w.isr(id, 2))
	require.Equal(t, before, *w.img.Partition(id))
}

func TestIfNamesWereLostEveryReplicaNotDeclaredWholeIsSuspect(t *testing.T) {
	w := newWorld(t, 2)
	whole, lost, other := w.topic("whole", "1", 1), w.topic("lost", "1", 1),
		w.topic("other", "1", 2)
	v := w.apply(&RegisterBroker{Node: 1, Incarnation: incarnation(1,
		2), Unnamed: true, Whole: []kafka.PartitionID{whole},
		Endpoints: Endpoints{Host: "h", Port: 9092, PeerAddr: "p", DataAddr: "d"}})
	require.Equal(t, kafka.None, v.Code)
	require.Equal(t, nodes(1), w.img.Partition(whole).ISR)
	require.Empty(t, w.img.Partition(lost).ISR)
	require.Equal(t, nodes(2), w.img.Partition(other).ISR, "another broker's")
}

func TestDrainMovesLeadershipsOnly(t *testing.T) {
	w := newWorld(t, 2)
	a, sole := w.topic("a", "1", 1, 2), w.topic("sole", "1", 1)
	w.apply(&DrainBroker{1, w.epoch(1)})
	p := w.img.Partition(a)
	require.Equal(t, kafka.NodeID(2), p.Leader)
	require.Equal(t, nodes(1, 2), p.ISR)
	require.Equal(t, w.index, p.PendingLoss(1))
	require.Equal(t, kafka.NodeID(1), w.img.Partition(sole).Leader)
	w.fence(1)
	require.Equal(t, nodes(2), w.img.Partition(a).ISR)
	require.Equal(t, kafka.NoNode, w.img.Partition(sole).Leader)
}

func (w *world) full(id kafka.NodeID, full bool) {
	require.Equal(w.t, kafka.None, w.apply(&SetBrokerFull{id, w.epoch(id), full}).Code)
}

func TestFullBrokerLosesOnlyTheLeadershipsThatOthersCanTake(t *testing.T) {
	w := newWorld(t, 3)
	a, b, sole := w.topic("a", "1", 1, 2, 3), w.topic("b", "1", 2, 1, 3), w.topic("sole", "1", 1)
	w.isr(a, 1, 3)
	require.Equal(t, kafka.StaleBrokerEpoch, w.apply(&SetBrokerFull{1, w.epoch(1) - 1, true}).Code)
	w.full(1, true)
	p := w.img.Partition(a)
	require.Equal(t, kafka.NodeID(3), p.Leader, "2 is not in sync")
	require.Equal(t, nodes(1, 3), p.ISR)
	require.Equal(t, w.index, p.PendingLoss(1))
	require.Equal(t, w.index, w.img.Broker(1).LastLoss)
	require.False(t, w.img.Broker(1).Fenced)
	require.Equal(t, kafka.NodeID(2), w.img.Partition(b).Leader)
	require.Equal(t, kafka.NodeID(1), w.img.Partition(sole).Leader)
	require.Equal(t, kafka.LeaderEpoch(0), w.img.Partition(sole).LeaderEpoch)

	w.full(3, true)
	require.Equal(t, kafka.NodeID(3), w.img.Partition(a).Leader,
		"another full broker does not take over")
	require.False(t, w.img.canRelieve(3))
	w.full(1, false)
	require.Equal(t, kafka.NodeID(3), w.img.Partition(a).Leader, "nothing moves by itself")
	require.True(t, w.img.canRelieve(3))
	w.full(3, true)
	require.Equal(t, kafka.NodeID(1), w.img.Partition(a).Leader)
}

func (w *world) takeOffline(node kafka.NodeID, id kafka.PartitionID) kafka.ErrorCode {
	c := &TakeOffline{node, w.epoch(node), w.img.Elections([]kafka.PartitionID{id})}
	return w.apply(c).Partitions[0].Code
}

func TestAReplicaGoesOfflineWithANewEpochAndOnlyIfAnotherHoldsAll(t *testing.T) {
	w := newWorld(t, 3)
	id := w.topic("t", "2", 1, 2, 3)
	before := *w.img.Partition(id)
	require.Equal(t, kafka.None, w.takeOffline(3, id))
	p := w.img.Partition(id)
	require.Equal(t, nodes(1, 2), p.ISR)
	require.Equal(t, before.Leader, p.Leader)
	require.Equal(t, before.LeaderEpoch+1, p.LeaderEpoch)

	// Its records go, so it is no eligible leader either.
	require.Equal(t, kafka.None, w.takeOffline(2, id))
	require.Equal(t, nodes(1), w.img.Partition(id).ISR)
	require.Empty(t, w.img.Partition(id).ELR)

	require.Equal(t, kafka.EligibleLeadersNotAvailable, w.takeOffline(1, id))
	w.isr(id, 1, 2)
	require.Equal(t, kafka.None, w.takeOffline(1, id), "a leader hands over")
	require.Equal(t, kafka.NodeID(2), w.img.Partition(id).Leader)
	require.Equal(t, nodes(2), w.img.Partition(id).ISR)

	late := &TakeOffline{2, w.epoch(2), w.img.Elections([]kafka.PartitionID{id})}
	w.isr(id, 2, 3)
	require.Equal(t, kafka.None, w.takeOffline(3, id))
	require.Equal(t, kafka.FencedLeaderEpoch, w.apply(late).Partitions[0].Code)
}

func TestFullBrokerLeadsOnlyWhereNoOtherCan(t *testing.T) {
	w := newWorld(t, 3)
	a := w.topic("a", "1", 1, 2, 3)
	w.full(2, true)
	w.fence(1)
	require.Equal(t, kafka.NodeID(3), w.img.Partition(a).Leader)
	w.fence(3)
	require.Equal(t, kafka.NodeID(2), w.img.Partition(a).Leader)

	w.unfence(1)
	w.isr(a, 1, 2)
	w.full(1, true)
	v := w.apply(&ElectLeaders{Partitions: w.img.Elections([]kafka.PartitionID{a})})
	require.Equal(t, kafka.PreferredLeaderNotAvailable, v.Partitions[0].Code)
	w.unfence(3)
	require.Equal(t, kafka.NodeID(3), w.img.Partition(w.topic("new", "1", 1, 2, 3)).Leader)
	w.register(1, 2)
	require.False(t, w.img.Broker(1).Full, "a new incarnation has said nothing yet")
}

func TestAlterPartitionRefusesWhatIsStale(t *testing.T) {
	w := newWorld(t, 3)
	id := w.topic("t", "1", 1, 2)
	try := func(change func(c *AlterPartition)) kafka.ErrorCode {
		c := &AlterPartition{
			Leader: 1, BrokerEpoch: w.epoch(1),
			Partitions: []NewISR{{ID: id, ISR: []ISRMember{{1, w.epoch(1)}, {2, w.epoch(2)}}}},
		}
		p := w.img.Partition(id)
		c.Partitions[0].LeaderEpoch, c.Partitions[0].PartitionEpoch = p.LeaderEpoch,
			p.PartitionEpoch
		change(c)
		v := w.apply(c)
		if v.Code != kafka.None {
			return v.Code
		}
		return v.Partitions[0].Code
	}
	old := w.epoch(2)
	w.register(2, 2) // restarted: it is fenced, and not in the ISR
	for _, tc := range []struct {
		name   string
		want   kafka.ErrorCode
		change func(c *AlterPartition)
	}{
		{"fenced member", kafka.IneligibleReplica, func(*AlterPartition) {}},
		{"restarted member", kafka.IneligibleReplica, func(c *AlterPartition) {
			c.Partitions[0].ISR[1].Epoch = old
		}},
		{"old broker epoch", kafka.StaleBrokerEpoch, func(c *AlterPartition) { c.BrokerEpoch-- }},
		{"old leader epoch", kafka.FencedLeaderEpoch, func(c *AlterPartition) {
			c.Partitions[0].LeaderEpoch--
		}},
		{"future leader epoch", kafka.UnknownLeaderEpoch, func(c *AlterPartition) {
			c.Partitions[0].LeaderEpoch++
		}},
		{"not the leader", kafka.FencedLeaderEpoch, func(c *AlterPartition) {
			c.Leader, c.BrokerEpoch = 3, w.epoch(3)
		}},
		{"old partition epoch", kafka.InvalidUpdateVersion, func(c *AlterPartition) {
			c.Partitions[0].PartitionEpoch--
		}},
		{"without the leader", kafka.InvalidRequest, func(c *AlterPartition) {
			c.Partitions[0].ISR = nil
		}},
		{"not a replica", kafka.InvalidRequest, func(c *AlterPartition) {
			c.Partitions[0].ISR[1] = ISRMember{3, w.epoch(3)}
		}},
		{"unknown topic", kafka.UnknownTopicID, func(c *AlterPartition) {
			c.Partitions[0].ID.Topic[15]++
		}},
		{"unknown partition", kafka.UnknownTopicOrPartition, func(c *AlterPartition) {
			c.Partitions[0].ID.Partition = 7
		}},
	} {
		require.Equal(t, tc.want, try(tc.change), tc.name)
		require.Equal(t, nodes(1), w.img.Partition(id).ISR, tc.name)
	}
	w.unfence(2)
	require.Equal(t, kafka.None, try(func(*AlterPartition) {}))
	require.Equal(t, nodes(1, 2), w.img.Partition(id).ISR)
}

func TestCreateTopicsJudgesEachTopicAlone(t *testing.T) {
	w := newWorld(t, 3)
	w.fence(3)
	n := 0
	topic := func(name string, partitions int32, replication int16,
		change func(*NewTopic)) NewTopic {
		n++
		nt := NewTopic{
			Name: name, ID: kafka.TopicID{1, byte(n)}, Partitions: partitions,
			ReplicationFactor: replication,
		}
		if change != nil {
			change(&nt)
		}
		return nt
	}
	assign := func(a ...[]kafka.NodeID) func(*NewTopic) {
		return func(nt *NewTopic) { nt.Assignments = a }
	}
	v := w.apply(&CreateTopics{DefaultPartitions: 4, DefaultReplication: 2, Topics: []NewTopic{
		topic("ok", -1, -1, nil),
		topic("ok", 1, 1, nil),
		topic("bad/name", 1, 1, nil),
		topic("none", 0, 1, nil),
		topic("wide", 1, 3, nil),
		topic("zero", 1, 0, nil),
		topic("twice", -1, -1, assign(nodes(1, 1))),
		topic("stranger", -1, -1, assign(nodes(8))),
		topic("fenced", -1, -1, assign(nodes(3))),
		topic("both", 2, -1, assign(nodes(1))),
		topic("config", 1, 1, func(nt *NewTopic) {
			nt.Configs = Configs{{"retention.ms", "soon"}}
		}),
		topic("mixed", -1, -1, assign(nodes(3, 2))),
	}})
	var codes []kafka.ErrorCode
	for _, tv := range v.Topics {
		codes = append(codes, tv.Code)
	}
	require.Equal(t, []kafka.ErrorCode{kafka.None, kafka.TopicAlreadyExists,
		kafka.InvalidTopicException, kafka.InvalidPartitions,
		kafka.InvalidReplicationFactor, kafka.InvalidReplicationFactor,
		kafka.InvalidReplicaAssignment, kafka.InvalidReplicaAssignment,
		kafka.InvalidReplicaAssignment, kafka.InvalidRequest, kafka.InvalidConfig,
		kafka.None}, codes)
	var leaders []kafka.NodeID
	for _, p := range w.img.Topic("ok").Partitions {
		leaders = append(leaders, p.Leader)
	}
	require.Equal(t, nodes(1, 2, 1, 2), leaders)
	require.Equal(t, kafka.NodeID(2), w.img.Topic("mixed").Partitions[0].Leader)
	require.Equal(t, kafka.None,
		w.img.DryRun(&CreateTopics{Topics: []NewTopic{topic("dry", 1, 1, nil)}}).Topics[0].Code)
	require.Nil(t, w.img.Topic("dry"))
}

func TestDeletedNameCanBeCreatedAgainUnderANewID(t *testing.T) {
	w := newWorld(t, 1)
	id := w.topic("t", "1", 1)
	require.Equal(t, kafka.UnknownTopicOrPartition,
		w.apply(&DeleteTopics{[]TopicRef{{Name: "x"}}}).Topics[0].Code)
	require.Equal(t, kafka.None, w.apply(&DeleteTopics{[]TopicRef{{ID: id.Topic}}}).Topics[0].Code)
	require.Nil(t, w.img.TopicByID(id.Topic))
	v := w.apply(&CreateTopics{
		Topics: []NewTopic{{Name: "t", ID: kafka.TopicID{7}, Partitions: 2, ReplicationFactor: 1}},
	})
	require.Equal(t, kafka.None, v.Topics[0].Code)
	require.Nil(t, w.img.Partition(id))
	v = w.apply(&CreatePartitions{
		[]MorePartitions{{Name: "t", Total: 2}, {Name: "t", Total: 3}, {Name: "u", Total: 3}},
	})
	require.Equal(t,
		[]kafka.ErrorCode{kafka.InvalidPartitions, kafka.None, kafka.UnknownTopicOrPartition},
		[]kafka.ErrorCode{v.Topics[0].Code, v.Topics[1].Code, v.Topics[2].Code})
	require.Len(t, w.img.Topic("t").Partitions, 3)
}

func TestProducerIDBlocksDoNotOverlap(t *testing.T) {
	w := newWorld(t, 1)
	a := w.apply(&AllocateProducerIDs{1, w.epoch(1)})
	b := w.apply(&AllocateProducerIDs{1, w.epoch(1)})
	require.Equal(t, a.FirstProducerID+ProducerIDBlock, b.FirstProducerID)
	require.Equal(t, kafka.StaleBrokerEpoch, w.apply(&AllocateProducerIDs{1, 99}).Code)
}

func TestConfigOperations(t *testing.T) {
	w := newWorld(t, 1)
	w.topic("t", "1", 1)
	alter := func(r ConfigResource, replace bool, ops ...ConfigOp) kafka.ErrorCode {
		return w.apply(&AlterConfigs{[]ConfigChange{{r, replace, ops}}}).Configs[0].Code
	}
	topic, cluster := ConfigResource{TopicResource, "t"}, ConfigResource{BrokerResource, ""}
	get := func(name string) string { return w.img.TopicConfig(w.img.Topic("t"), name) }
	require.Equal(t, kafka.None,
		alter(topic, false, ConfigOp{ConfigAppend, "cleanup.policy", "compact"}))
	require.Equal(t, "delete,compact", get("cleanup.policy"))
	require.Equal(t, kafka.None,
		alter(topic, false, ConfigOp{ConfigSubtract, "cleanup.policy", "delete"}))
	require.Equal(t, "compact", get("cleanup.policy"))
	require.Equal(t, kafka.InvalidConfig,
		alter(topic, false, ConfigOp{ConfigSet, "retention.ms", "1"},
			ConfigOp{ConfigSet, "no.such", "1"}))
	require.Equal(t, "604800000", get("retention.ms"), "wholly or not at all")
	require.Equal(t, kafka.None,
		alter(cluster, false, ConfigOp{ConfigSet, "log.retention.ms", "5"}))
	require.Equal(t, "5", get("retention.ms"))
	require.Equal(t, kafka.None, alter(topic, true, ConfigOp{ConfigSet, "retention.ms", "6"}))
	require.Equal(t, "6", get("retention.ms"))
	require.Equal(t, "delete", get("cleanup.policy"), "replacing unsets the rest")
	require.Equal(t, kafka.None, alter(topic, false, ConfigOp{ConfigDelete, "retention.ms", ""}))
	require.Equal(t, "5", get("retention.ms"))
	require.Equal(t, kafka.UnknownTopicOrPartition,
		alter(ConfigResource{TopicResource, "u"}, false))
	for i := 1; i < len(configKeys); i++ {
		require.Less(t, configKeys[i-1].Name, configKeys[i].Name)
	}
	for _, k := range configKeys {
		require.Empty(t, k.Validate(k.Default), k.Name)
	}
}

func TestWhatIsNotForABrokerIsRefused(t *testing.T) {
	w := newWorld(t, 2)
	for _, c := range []struct {
		broker, key, value, says string
	}{
		{"", "num.partitions", "2", "Cannot update these configs dynamically: Set(num.partitions)"},
		{"1", "min.insync.replicas", "2", "The value of min.insync.replicas is the same on all " +
			"brokers: set it for the cluster, with the empty name in place of 1"},
		{"", "no.such", "1", "Unknown broker config name: no.such"},
		{"", "retention.ms", "1", "Unknown broker config name: retention.ms"},
		{"", "message.max.bytes", "-1", "Invalid value -1 for configuration message.max.bytes: " +
			"Value must be at least 0"},
		{"", "log.cleaner.max.compaction.lag.ms", "nine", "Invalid value nine for configuration " +
			"log.cleaner.max.compaction.lag.ms: Not a number of type LONG"},
		{"1", EventLogLevelKey, "loud", "Invalid value loud for configuration event.log.level: " +
			"String must be one of: error, info, warn"},
	} {
		v := w.apply(&AlterConfigs{[]ConfigChange{{
			Resource: ConfigResource{BrokerResource, c.broker},
			Ops:      []ConfigOp{{ConfigSet, c.key, c.value}},
		}}})
		require.Equal(t, kafka.InvalidConfig, v.Configs[0].Code, c.key)
		require.Equal(t, c.says, v.Configs[0].Message)
	}
	set := func(broker, level string) {
		v := w.apply(&AlterConfigs{[]ConfigChange{{Resource: ConfigResource{BrokerResource, broker},
			Ops: []ConfigOp{{ConfigSet, EventLogLevelKey, level}}}}})
		require.Equal(t, kafka.None, v.Configs[0].Code)
	}
	level := func(id kafka.NodeID) string {
		value, _ := w.img.OwnConfig(id, EventLogLevelKey)
		return value
	}
	require.Equal(t, "", level(1))
	set("", "warn")
	set("2", "error")
	require.Equal(t, []string{"warn", "error"}, []string{level(1), level(2)})
}

func TestALoweredDefaultEmptiesTheELRs(t *testing.T) {
	w := newWorld(t, 2)
	id, own := w.topic("t", "", 1, 2), w.topic("own", "2", 1, 2)
	cluster := func(value string) {
		w.apply(&AlterConfigs{[]ConfigChange{{Resource: ConfigResource{BrokerResource, ""},
			Ops: []ConfigOp{{ConfigSet, minISRKey, value}}}}})
	}
	cluster("2")
	w.fence(2)
	require.Equal(t, nodes(2), w.img.Partition(id).ELR)
	before := w.img.Partition(id).PartitionEpoch
	cluster("1")
	require.Empty(t, w.img.Partition(id).ELR)
	require.Equal(t, before+1, w.img.Partition(id).PartitionEpoch)
	require.Equal(t, nodes(2), w.img.Partition(own).ELR, "its topic sets another value")
}

func TestAllowingUncleanElectionsElects(t *testing.T) {
	w := newWorld(t, 2)
	id := w.topic("t", "1", 1, 2)
	w.fence(2)
	w.fence(1)
	w.unfence(2)
	require.Equal(t, kafka.NoNode, w.img.Partition(id).Leader)
	w.apply(&AlterConfigs{[]ConfigChange{{Resource: ConfigResource{TopicResource, "t"},
		Ops: []ConfigOp{{ConfigSet, uncleanKey, "true"}}}}})
	p := w.img.Partition(id)
	require.Equal(t, kafka.NodeID(2), p.Leader)
	require.Equal(t, p.LeaderEpoch, p.UncleanEpoch, "what it misses is lost, and is told")
}

func TestFeatureLevelsAreBounded(t *testing.T) {
	w := newWorld(t, 1)
	require.Equal(t, kafka.None, w.apply(&SetFeature{"transaction.version", 2}).Code)
	require.Equal(t, int16(2), w.img.Feature("transaction.version"))
	require.Equal(t, kafka.InvalidUpdateVersion,
		w.apply(&SetFeature{"transaction.version", 3}).Code)
	require.Equal(t, kafka.InvalidUpdateVersion,
		w.apply(&SetFeature{metadataFeature, MetadataVersion + 1}).Code)
}

func TestBootstrapDefaultsAreWrittenOnce(t *testing.T) {
	w := newWorld(t, 1)
	w.apply(&Bootstrap{Configs{{"min.insync.replicas", "2"}, {"nonsense", "1"}}})
	w.apply(&Bootstrap{Configs{{"min.insync.replicas", "3"}}})
	require.Equal(t, "2", w.img.ClusterConfig(minISRKey))
}

// randomCommand draws a command that fits the present image or an earlier one.
func randomCommand(t *rapid.T, w *world) Command {
	node := kafka.NodeID(rapid.IntRange(1, 4).Draw(t, "node"))
	epoch := kafka.BrokerEpoch(0)
	if b := w.img.Broker(node); b != nil {
		epoch = b.Epoch - kafka.BrokerEpoch(rapid.IntRange(0, 9).Draw(t, "stale")/9)
	}
	name := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "topic")
	var ids []kafka.PartitionID
	if tp := w.img.Topic(name); tp != nil {
		for i := range tp.Partitions {
			ids = append(ids, kafka.PartitionID{Topic: tp.ID, Partition: int32(i)})
		}
	}
	switch rapid.IntRange(0, 9).Draw(t, "kind") {
	case 0:
		return &RegisterBroker{
			Node: node, Incarnation: incarnation(node, rapid.Byte().Draw(t, "incarnation")),
			Suspects: ids[:len(ids)/2], Unnamed: rapid.Bool().Draw(t, "unnamed"),
			Whole: ids[len(ids)/2:],
		}
	case 1:
		return &FenceBroker{node, epoch}
	case 2, 3:
		return &UnfenceBroker{node, epoch}
	case 4:
		if rapid.Bool().Draw(t, "space") {
			return &SetBrokerFull{node, epoch, rapid.Bool().Draw(t, "full")}
		}
		if rapid.Bool().Draw(t, "offline") {
			return &TakeOffline{node, epoch, w.img.Elections(ids)}
		}
		return &DrainBroker{node, epoch}
	case 5:
		return &CreateTopics{DefaultPartitions: 2, DefaultReplication: 2,
			Topics: []NewTopic{{Name: name, ID: kafka.TopicID{byte(w.index), byte(w.index >> 8), 1},
				Partitions: -1, ReplicationFactor: int16(rapid.IntRange(1, 4).Draw(t, "rf")),
				Configs: Configs{{minISRKey, "2"}}}}}
	case 6:
		if rapid.IntRange(0, 5).Draw(t, "rarely") == 0 {
			return &DeleteTopics{[]TopicRef{{Name: name}}}
		}
		return &ElectLeaders{
			Unclean: rapid.Bool().Draw(t, "unclean"), Partitions: w.img.Elections(ids),
		}
	case 7:
		r := ConfigResource{TopicResource, name}
		if rapid.Bool().Draw(t, "cluster") {
			r = ConfigResource{BrokerResource, ""}
		}
		op := ConfigOp{ConfigSet, minISRKey, rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t,
			"min")}
		if rapid.Bool().Draw(t, "unset") {
			op = ConfigOp{ConfigDelete, minISRKey, ""}
		}
		return &AlterConfigs{[]ConfigChange{{Resource: r, Ops: []ConfigOp{op}}}}
	}
	c := &AlterPartition{Leader: node, BrokerEpoch: epoch}
	for _, id := range ids {
		p := w.img.Partition(id)
		n := NewISR{
			ID: id, LeaderEpoch: p.LeaderEpoch,
			PartitionEpoch: p.PartitionEpoch -
				kafka.PartitionEpoch(rapid.IntRange(0, 1).Draw(t, "old")),
		}
		leaves := rapid.IntRange(0, 3).Draw(t, "leaves") == 0
		for _, r := range p.Replicas {
			if r == p.Leader && !leaves || r != p.Leader && rapid.Bool().Draw(t, "member") {
				n.ISR = append(n.ISR, ISRMember{r, w.epoch(r)})
			}
		}
		c.Partitions = append(c.Partitions, n)
	}
	return c
}

// Epochs only grow. The leader epoch grows exactly when the leader or its incarnation
// changes, or when a replica goes offline. Every change is reported. An image that was
// encoded and decoded anywhere on the way behaves like one that was not.
func TestRandomHistoriesKeepEpochsAndSnapshotsEqualReplay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, 3)
		for step := rapid.IntRange(1, 40).Draw(t, "steps"); step > 0; step-- {
			c := randomCommand(t, w)
			before := w.img
			decoded, err := DecodeImage(before.Encode())
			require.NoError(t, err)
			require.Equal(t, before.Encode(), decoded.Encode())
			w.apply(c)
			replayed, _, changes := decoded.Apply(w.index, c)
			require.Equal(t, w.img.Hash(), replayed.Hash())
			checkStep(t, before, w.img, c, changes)
		}
	})
}

func checkStep(t *rapid.T, before, after *Image, c Command, changes Changes) {
	touched := map[kafka.PartitionID]bool{}
	for _, id := range changes.Partitions {
		touched[id] = true
	}
	before.Topics(func(tp *Topic) bool {
		for i, p := range tp.Partitions {
			id := kafka.PartitionID{Topic: tp.ID, Partition: int32(i)}
			q := after.Partition(id)
			if q == nil {
				require.NotEmpty(t, changes.Deleted)
				continue
			}
			if p == q {
				continue
			}
			require.True(t, touched[id], "a change was not reported")
			require.Greater(t, q.PartitionEpoch, p.PartitionEpoch)
			reg, registered := c.(*RegisterBroker)
			_, offline := c.(*TakeOffline)
			if p.Leader != q.Leader || registered && reg.Node == p.Leader || offline {
				require.Equal(t, p.LeaderEpoch+1, q.LeaderEpoch)
			} else {
				require.Equal(t, p.LeaderEpoch, q.LeaderEpoch)
			}
			if q.Leader != kafka.NoNode && q.Leader != p.Leader {
				elect, ok := c.(*ElectLeaders)
				clean := p.InISR(q.Leader) || inList(p.ELR, q.Leader)
				require.True(t, clean || ok && elect.Unclean,
					"%d leads, but is neither in ISR %v nor in ELR %v", q.Leader, p.ISR, p.ELR)
			}
		}
		return true
	})
}

func inList(list []kafka.NodeID, id kafka.NodeID) bool {
	return len(minus(list, nodes(id))) != len(list)
}

// The compare-and-set of one partition against a naive model: of all requests that are
// made in one state, only the first can succeed.
func TestAlterPartitionIsACompareAndSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, 3)
		id := w.topic("t", "1", 1, 2, 3)
		version, isr := kafka.PartitionEpoch(0), nodes(1, 2, 3)
		for step := rapid.IntRange(1, 30).Draw(t, "steps"); step > 0; step-- {
			at := version - kafka.PartitionEpoch(rapid.IntRange(0, 2).Draw(t, "behind"))
			n := NewISR{ID: id, PartitionEpoch: at, ISR: []ISRMember{{1, w.epoch(1)}}}
			want := nodes(1)
			for _, m := range nodes(2, 3) {
				if rapid.Bool().Draw(t, "member") {
					n.ISR, want = append(n.ISR, ISRMember{m, w.epoch(m)}), append(want, m)
				}
			}
			v := w.apply(&AlterPartition{
				Leader: 1, BrokerEpoch: w.epoch(1), Partitions: []NewISR{n},
			})
			code := kafka.InvalidUpdateVersion
			if at == version {
				code, isr = kafka.None, want
				version++ // also if the ISR stays as it is
			}
			require.Equal(t, code, v.Partitions[0].Code)
			require.Equal(t, isr, v.Partitions[0].State.ISR)
			require.Equal(t, version, v.Partitions[0].State.PartitionEpoch)
		}
	})
}

func TestDamagedImagesAreRefused(t *testing.T) {
	w := newWorld(t, 2)
	w.topic("t", "1", 1, 2)
	good := w.img.Encode()
	for i := range good {
		bad := append([]byte(nil), good...)
		bad[i] ^= 0x10
		_, err := DecodeImage(bad)
		require.Error(t, err)
		_, err = DecodeImage(good[:i])
		require.Error(t, err)
	}
}

func TestCommandBytesFromTheNetworkNeverPanic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 0, 64).Draw(t, "bytes")
		if c, err := DecodeCommand(b); err == nil {
			require.Equal(t, b, EncodeCommand(c), "one value has one encoding")
		}
	})
}
