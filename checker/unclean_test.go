package checker

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnUncleanElectionExcusesOnlyWhatItsLeaderLacks(t *testing.T) {
	u := &unclean{}
	u.append(&AppendFact{Epoch: 1, Base: 0, Values: []Value{1, 2}})
	u.append(&AppendFact{Epoch: 2, Base: 2, Values: []Value{3, 4}})
	u.append(&AppendFact{Epoch: 1, Base: 2, Values: []Value{5}}) // never committed
	require.False(t, u.lost(3, 4), "there was no unclean election")

	// The leader has epoch 1 up to 3. Epoch 2 began at 2 elsewhere.
	u.leader(&LeaderFact{Epoch: 4, Unclean: 3, LogEnd: 3, Lineage: Lineage{{1, 0}}})
	u.leader(&LeaderFact{Epoch: 5, Unclean: 3, LogEnd: 0, Lineage: Lineage{}}) // a clean one
	require.False(t, u.lost(0, 1), "the leader holds it")
	require.False(t, u.lost(1, 2), "the leader holds it")
	require.False(t, u.lost(2, 5), "the leader holds it")
	require.True(t, u.lost(2, 3), "the leader has another record there")
	require.True(t, u.lost(3, 4), "the leader's log ends before it")
	require.False(t, u.lost(9, 9), "nobody appended it")

	u.append(&AppendFact{Epoch: 4, Base: 3, Values: []Value{4, 6}})
	require.False(t, u.lost(3, 4), "the new leader has appended it, too")
	require.False(t, u.lost(4, 6), "it came after the election")
}
