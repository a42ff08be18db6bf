package plan

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAnchorsMatchWholeWords(t *testing.T) {
	a, err := ParseAnchor("leader t0/1 #12")
	require.NoError(t, err)
	require.Equal(t, Anchor{"leader t0/1", 12}, a)
	require.Equal(t, "leader t0/1 #12", a.String())
	require.True(t, a.Matches("leader t0/1 b2 epoch 3"))
	require.True(t, a.Matches("leader t0/1"))
	require.False(t, a.Matches("leader t0/11 b2 epoch 3"))
	for _, bad := range []string{"", " leader", "leader #", "leader #0", "leader #x",
		"leader  #1 "} {
		_, err := ParseAnchor(bad)
		require.Error(t, err, "%q", bad)
	}
}
