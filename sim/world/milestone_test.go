package world

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestALongTimelineKeepsItsBeginningAndItsEnd(t *testing.T) {
	var s milestones
	for i := range uint64(3*milestoneHalf + 7) {
		s.add(Milestone{Event: i})
	}
	got := s.list()
	require.Len(t, got, 2*milestoneHalf)
	require.Equal(t, milestoneHalf+7, s.omitted)
	for i, m := range got {
		want := uint64(i)
		if i >= milestoneHalf {
			want = uint64(i + milestoneHalf + 7)
		}
		require.Equal(t, want, m.Event)
	}
}
