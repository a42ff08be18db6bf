package meta

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/wire/peer"
)

// newcomer is a node on an empty directory. It takes the place of a host with the same id.
func (c *cluster) newcomer(id kafka.NodeID, dir byte) *host {
	h := &host{
		c: c, id: id, dir: peer.UUID{7: dir}, verdicts: map[peer.CommandID]Verdict{},
		barriers: map[uint64]kafka.ErrorCode{}, files: map[Index][]byte{}, starts: dir,
	}
	_, records, image := JoinCluster(c.newest.Cluster())
	h.durable, h.files[0] = records, image.Encode()
	if int(id) > len(c.nodes) {
		c.nodes = append(c.nodes, nil)
	}
	c.nodes[id-1] = h
	h.start()
	return h
}

// join lets a newcomer ask to join until its image shows what it waits for.
func (c *cluster) join(h *host, auto bool, what string, ok func(*Member) bool) {
	for range 40 {
		if l := c.leader(); l != nil {
			c.transmit(PeerID{h.id, h.dir}, Envelope{To: l.id, Message: &peer.Join{
				Node: h.id, Directory: h.dir, Auto: auto,
			}})
		}
		c.run(250 * time.Millisecond)
		if m := h.node.Image().Member(PeerID{h.id, h.dir}); m != nil && ok(m) {
			return
		}
	}
	require.Fail(c.t, "not within 10 s", what)
}

func learner(m *Member) bool { return !m.Voter }
func voter(m *Member) bool   { return m.Voter }

func (c *cluster) follower() *host {
	for _, h := range c.nodes {
		if h != c.leader() {
			return h
		}
	}
	panic("no follower")
}

func TestAnEmptyDirectoryJoinsAsALearnerAndHasNoVote(t *testing.T) {
	c := newCluster(t, 3, 17)
	c.ready()
	lost := c.follower()
	lost.crash()
	h := c.newcomer(lost.id, 9)
	c.join(h, false, "learner", learner)
	require.ElementsMatch(t, []kafka.NodeID{1, 2, 3}, h.node.Status().Voters)
	require.NotNil(t, c.newest.Member(PeerID{lost.id, lost.dir}), "the lost directory votes")
	c.until(5*time.Second, "it registers", func() bool {
		return c.newest.Broker(h.id).Directory == h.dir
	})
	for _, other := range c.nodes {
		if other != h && other != c.leader() {
			other.crash()
		}
	}
	c.run(5 * time.Second)
	require.Nil(t, c.leader(), "one voter and a learner are no majority")
}

func TestALostVoterIsReplaced(t *testing.T) {
	for name, auto := range map[string]bool{"by an operator": false, "by itself": true} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, 3, 18)
			c.ready()
			lost := c.follower()
			lost.crash()
			h := c.newcomer(lost.id, 9)
			if !auto {
				c.join(h, false, "learner", learner)
				v := c.do(c.leader(), &AddVoter{PeerID{h.id, h.dir}})
				require.Equal(t, kafka.None, v.Code)
			}
			c.join(h, auto, "voter", voter)
			require.Len(t, c.newest.Members(), 3)
			require.True(t, c.newest.WasRemoved(PeerID{lost.id, lost.dir}))
			h.crash()
			h.start()
			c.ready()
			require.Len(t, h.node.Status().Voters, 3, "the members survive a restart")
			other := c.follower()
			other.crash()
			c.until(10*time.Second, "two of three go on", func() bool { return c.leader() != nil })
		})
	}
}

func TestAVoterIsReplacedUnderAnotherNodeID(t *testing.T) {
	c := newCluster(t, 3, 19)
	c.ready()
	lost := c.follower()
	lost.crash()
	h := c.newcomer(4, 4)
	c.join(h, false, "learner", learner)
	require.Equal(t, kafka.None, c.do(h, &AddVoter{PeerID{4, h.dir}}).Code)
	c.join(h, false, "voter", voter)
	require.Len(t, h.node.Status().Voters, 4)
	require.Equal(t, kafka.DuplicateVoter, c.do(h, &AddVoter{PeerID{4, h.dir}}).Code)
	require.Equal(t, kafka.None, c.do(h, &RemoveVoter{PeerID{lost.id, lost.dir}}).Code)
	c.until(5*time.Second, "three voters", func() bool { return len(h.node.Status().Voters) == 3 })
	require.Equal(t, kafka.VoterNotFound, c.do(h, &RemoveVoter{PeerID{lost.id, lost.dir}}).Code)
}

func TestARemovedLeaderStepsDown(t *testing.T) {
	c := newCluster(t, 3, 20)
	c.ready()
	old := c.leader()
	require.Equal(t, kafka.None, c.do(old, &RemoveVoter{PeerID{old.id, old.dir}}).Code)
	c.until(10*time.Second, "another leads", func() bool {
		return c.leader() != nil && c.leader() != old
	})
	require.True(t, c.newest.WasRemoved(PeerID{old.id, old.dir}))
	require.Len(t, c.leader().node.Status().Voters, 2)
}

func TestTheLastVoterIsNotRemoved(t *testing.T) {
	c := newCluster(t, 1, 21)
	c.ready()
	h := c.nodes[0]
	require.Equal(t, kafka.InvalidRequest, c.do(h, &RemoveVoter{PeerID{h.id, h.dir}}).Code)
}

// A broker comes with an empty directory: it holds nothing of what made it a member of an ISR.
func TestAnotherDirectoryLeavesEveryISR(t *testing.T) {
	w := newWorld(t, 3)
	shared, alone := w.topic("shared", "1", 1, 2), w.topic("alone", "1", 1)
	v := w.apply(&RegisterBroker{
		Node: 1, Incarnation: incarnation(1, 2), Directory: peer.UUID{1},
	})
	require.Equal(t, kafka.None, v.Code)
	require.Equal(t, []kafka.NodeID{2}, w.img.Partition(shared).ISR)
	require.Equal(t, kafka.NodeID(2), w.img.Partition(shared).Leader)
	w.unfence(1)
	p := w.img.Partition(alone)
	require.Empty(t, p.ISR)
	require.Empty(t, p.ELR)
	require.Equal(t, kafka.NoNode, p.Leader, "it waits for an operator")
	require.Empty(t, p.LastKnown, "the empty directory is no better than any other")
}

func TestARemovedDirectoryDoesNotRegister(t *testing.T) {
	w := newWorld(t, 3)
	d := &draft{Image: w.img.fork()}
	d.removeMember(PeerID{1, peer.UUID{8}})
	w.img = d.Image
	v := w.apply(&RegisterBroker{
		Node: 1, Incarnation: incarnation(1, 2), Directory: peer.UUID{8},
	})
	require.Equal(t, kafka.InvalidRequest, v.Code)
}
