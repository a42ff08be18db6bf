package drive_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockstep/broker/drive"
)

// A control log that has lost its first file says nothing of a snapshot, like
// that of a new node; but a new node's log has a beginning.
func TestANodeDoesNotStartOnAControlLogWithoutItsBeginning(t *testing.T) {
	c := startCluster(t, 1, 1)
	c.stop(0)
	c.start(0) // the second life writes a segment of its own
	c.awaitBrokers(1)
	c.stop(0)
	segments, err := filepath.Glob(filepath.Join(c.dirs[0], "control", "wal", "*.wal"))
	require.NoError(t, err)
	require.Greater(t, len(segments), 1)
	require.NoError(t, os.Remove(slices.Min(segments)))

	c.start(0)
	stopped := make(chan error, 1)
	go func(n *drive.Node) { stopped <- n.Wait() }(c.nodes[0].node)
	select {
	case err := <-stopped:
		require.ErrorContains(t, err, "the control log is damaged and names no snapshot")
	case <-time.After(20 * time.Second):
		require.Fail(t, "it started")
	}
	c.nodes[0].close(t)
	c.nodes[0] = nil
}
