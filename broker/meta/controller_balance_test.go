package meta

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/kafka"
)

func TestALeaderIsAskedToHandOverAndNothingElseChanges(t *testing.T) {
	w := newWorld(t, 2)
	id := w.topic("t", "1", 2, 1)
	w.fence(2)
	w.unfence(2)
	ask := &AskHandover{w.img.Elections([]kafka.PartitionID{id})}
	require.Equal(t, kafka.PreferredLeaderNotAvailable, w.apply(ask).Partitions[0].Code,
		"it is not in sync yet")
	w.isr(id, 1, 2)
	before := w.img.Partition(id)
	next, v, changes := w.img.Apply(w.index+1, ask)
	require.Equal(t, kafka.None, v.Partitions[0].Code)
	require.Equal(t, ask.Partitions, changes.Handovers)
	require.Equal(t, before, next.Partition(id))

	w.apply(&ElectLeaders{Resigned: true, Partitions: ask.Partitions})
	require.Equal(t, kafka.NodeID(2), w.img.Partition(id).Leader)
	require.Equal(t, kafka.FencedLeaderEpoch, w.apply(ask).Partitions[0].Code,
		"a question about an old epoch")
}

func TestAResignedLeaderThatStaysBeginsANewEpoch(t *testing.T) {
	w := newWorld(t, 2)
	id := w.topic("t", "1", 2, 1)
	w.fence(2)
	resign := &ElectLeaders{Resigned: true, Partitions: w.img.Elections([]kafka.PartitionID{id})}
	before := w.img.Partition(id)
	require.Equal(t, kafka.None, w.apply(resign).Partitions[0].Code)
	p := w.img.Partition(id)
	require.Equal(t, before.Leader, p.Leader)
	require.Equal(t, before.LeaderEpoch+1, p.LeaderEpoch)
	require.Equal(t, kafka.FencedLeaderEpoch, w.apply(resign).Partitions[0].Code,
		"what it proposed before takes nothing from it")
}

func TestARoundOfHandoversIsBounded(t *testing.T) {
	w := newWorld(t, 2)
	var ids []kafka.PartitionID
	for i := range handoversAtMax + 3 {
		ids = append(ids, w.topic("t"+strconv.Itoa(i), "1", 2, 1))
	}
	w.topic("led", "1", 1, 2)
	w.fence(2)
	w.unfence(2)
	asked, more := w.img.imbalance()
	require.Empty(t, asked, "no replica of broker 2 is in sync")
	require.Zero(t, more)
	for _, id := range ids {
		require.Equal(t, kafka.None, w.isr(id, 1, 2))
	}
	asked, more = w.img.imbalance()
	require.Len(t, asked, handoversAtMax)
	require.Equal(t, 3, more)
	w.apply(&AlterConfigs{[]ConfigChange{{Resource: ConfigResource{BrokerResource, ""},
		Ops: []ConfigOp{{ConfigSet, imbalanceKey, "100"}}}}})
	asked, _ = w.img.imbalance()
	require.Empty(t, asked, "so many may be led by others")
}
