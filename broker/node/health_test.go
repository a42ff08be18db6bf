package node

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/wire/peer"
)

func TestAReadyNodeHasNoProblems(t *testing.T) {
	h := NodeHealth{Registered: true, Leased: true, Replicas: 3, InSync: 1}
	require.Empty(t, h.Problems())
	h.Replicas, h.InSync = 0, 0
	require.Empty(t, h.Problems(), "a node without partitions is ready")
}

func TestEachProblemMakesANodeUnready(t *testing.T) {
	sound := NodeHealth{Registered: true, Leased: true}
	for want, spoil := range map[string]func(*NodeHealth){
		"shutting down": func(h *NodeHealth) { h.Draining = true },
		"not registered with a controller yet": func(h *NodeHealth) {
			*h = NodeHealth{Fenced: true}
		},
		"fenced: no valid session with the controller": func(h *NodeHealth) {
			h.Fenced, h.Leased = true, false
		},
		"no lease: no controller with a quorum answers": func(h *NodeHealth) { h.Leased = false },
		"the disk has no room: appends are refused":     func(h *NodeHealth) { h.Full = true },
		"does not vouch for itself: waits for its records": func(h *NodeHealth) {
			h.Doubt = "its records"
		},
		"out of sync: none of its 7 replicas is in an ISR": func(h *NodeHealth) { h.Replicas = 7 },
	} {
		h := sound
		spoil(&h)
		require.Equal(t, []string{want}, h.Problems())
	}
}

func TestPartitionsAreCounted(t *testing.T) {
	nodes := func(ids ...kafka.NodeID) []kafka.NodeID { return ids }
	h := Health{}
	image := meta.NewImage(peer.UUID{}) // it knows no broker: all replicas are offline
	h.add(2, &meta.Topic{Name: "t", Partitions: []*meta.Partition{
		{Replicas: nodes(1, 2, 3), ISR: nodes(1, 2, 3), Leader: 1},
		{Replicas: nodes(1, 2, 3), ISR: nodes(1, 3), Leader: 1},
		{Replicas: nodes(1, 2, 3), ISR: nodes(3), Leader: 3},
		{Replicas: nodes(1, 3), ISR: nodes(1), Leader: kafka.NoNode},
	}}, image, 2)
	require.Equal(t, NodeHealth{Replicas: 3, InSync: 1}, h.Node)
	require.Equal(t, ClusterHealth{Partitions: 4, Unled: 1, UnderMinISR: 2, UnderReplicated: 3,
		OfflineReplicas: 11, Some: []string{"t-2", "t-3"}}, h.Cluster)
}
