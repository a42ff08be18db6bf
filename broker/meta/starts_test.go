package meta

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/wire/peer"
)

func startOf(number uint64) peer.UUID { return peer.UUID{0: 0xee, 15: byte(number)} }

func startedTimes(n uint64) (s Starts) {
	for i := range n {
		s = s.Next(startOf(i + 1))
	}
	return s
}

func TestADirectoryKnowsItsLastStarts(t *testing.T) {
	for name, c := range map[string]struct {
		starts      Starts
		number      uint64
		incarnation peer.UUID
		knows       bool
	}{
		"nothing was registered":           {startedTimes(1), 0, peer.UUID{}, true},
		"this start":                       {startedTimes(3), 3, startOf(3), true},
		"the start before":                 {startedTimes(3), 2, startOf(2), true},
		"a later start":                    {startedTimes(3), 4, startOf(4), false},
		"another start of the same number": {startedTimes(3), 3, startOf(9), false},
		"a copy that was started since":    {startedTimes(5), 3, startOf(9), false},
		"the oldest that is kept":          {startedTimes(StartsKept + 5), 6, startOf(9), false},
		"too long ago to tell":             {startedTimes(StartsKept + 5), 5, startOf(9), true},
	} {
		require.Equal(t, c.knows, c.starts.Know(c.number, c.incarnation), name)
	}
}

func TestStartsAreBoundedAndDoNotShareMemory(t *testing.T) {
	s := startedTimes(3 * StartsKept)
	require.Equal(t, uint64(3*StartsKept), s.Number)
	require.Len(t, s.Recent, StartsKept)
	a, b := s.Next(startOf(1)), s.Next(startOf(2))
	require.True(t, a.Know(a.Number, startOf(1)))
	require.True(t, b.Know(b.Number, startOf(2)))
	require.True(t, s.Know(s.Number, startOf(s.Number)))
}

// A copy from before the registered start would lead with less, or be in sync with less.
func TestAnOlderCopyOfADirectoryDoesNotRegister(t *testing.T) {
	dir := peer.UUID{7: 1}
	register := func(s Starts) *RegisterBroker {
		return &RegisterBroker{Node: 1, Incarnation: s.Recent[len(s.Recent)-1], Directory: dir,
			Starts: s}
	}
	copied := startedTimes(2)
	img, v, _ := NewImage(peer.UUID{1}).Apply(2, register(copied.Next(startOf(3))))
	require.Equal(t, kafka.None, v.Code)

	again := copied.Next(startOf(33))
	for range 3 { // further starts of the copy do not help it
		same, v, _ := img.Apply(3, register(again))
		require.Equal(t, kafka.InvalidRequest, v.Code)
		require.Equal(t, startOf(3), same.Broker(1).Incarnation)
		again = again.Next(startOf(34))
	}
	_, v, _ = img.Apply(3, register(startedTimes(3).Next(startOf(4))))
	require.Equal(t, kafka.None, v.Code)
}

// A node that was down does not know what is committed of its log. It may be asked for its vote
// before it does, so a registration counts from the moment at which it is in the log.
func TestAStartThatWaitsInTheLogIsKnown(t *testing.T) {
	c := newCluster(t, 3, 18)
	c.ready()
	leader := c.leader()
	id := PeerID{9, peer.UUID{7: 9}}
	c.isolate(leader.id, true)
	leader.node.Propose(&RegisterBroker{Node: id.Node, Incarnation: startOf(5),
		Directory: id.Directory, Starts: startedTimes(5)}, env.Never)
	leader.turn()
	require.Nil(t, leader.node.Image().Broker(id.Node))
	number, incarnation := leader.node.LastStart(id)
	require.Equal(t, uint64(5), number)
	require.Equal(t, startOf(5), incarnation)
	number, _ = leader.node.LastStart(PeerID{9, peer.UUID{7: 8}})
	require.Zero(t, number)
}
