package node

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Nodes that have all moved find each other: the metadata have only old addresses, and change only
// when a majority has met.
func TestEverySecondDialGoesToTheConfiguredAddress(t *testing.T) {
	voter := &peerLink{addr: "old:1", configured: "new:1"}
	other := &peerLink{addr: "old:2"}
	var dialled []string
	for range 4 {
		dialled = append(dialled, voter.target(), other.target())
		voter.backoff++
		other.backoff++
	}
	require.Equal(t,
		[]string{"old:1", "old:2", "new:1", "old:2", "old:1", "old:2", "new:1", "old:2"}, dialled)
}
