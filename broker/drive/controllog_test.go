package drive_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/drive"
)

// A control log that has lost its first file names no snapshot, like the log of a new node. But
// the log of a new node has a beginning.
func TestANodeDoesNotStartOnAControlLogWithoutItsBeginning(t *testing.T) {
	c := startCluster(t, 1, 1)
	c.stop(0)
	c.start(0) // the second incarnation writes its own segment
	c.awaitBrokers(1)
	c.stop(0)
	segments, err := filepath.Glob(filepath.Join(c.dirs[0], "control", "wal", "*.wal"))
	require.NoError(t, err)
	require.Greater(t, len(segments), 1)
	require.NoError(t, os.Remove(slices.Min(segments)))

	c.refuses(0, "the control log is damaged and names no snapshot")
}

// A node that is born has a control log. Without it, it would vote without what it had promised.
func TestANodeDoesNotStartWithoutItsControlLog(t *testing.T) {
	c := startCluster(t, 1, 1)
	c.stop(0)
	require.NoError(t, os.RemoveAll(filepath.Join(c.dirs[0], "control", "wal")))
	c.refuses(0, "the control log is missing")
}

// A crash during the first start leaves a snapshot that no log names yet, and no birth.
func TestANodeStartsAgainWhereItsFirstStartEnded(t *testing.T) {
	c := startCluster(t, 1, 1)
	c.stop(0)
	for _, later := range []string{"birth", "control/wal", "shard-1", "partitions"} {
		require.NoError(t, os.RemoveAll(filepath.Join(c.dirs[0], filepath.FromSlash(later))))
	}
	c.start(0)
	c.awaitBrokers(1)
}

// refuses starts a node, which must stop itself with an error that contains reason.
func (c *cluster) refuses(i int, reason string) {
	c.start(i)
	stopped := make(chan error, 1)
	go func(n *drive.Node) { stopped <- n.Wait() }(c.nodes[i].node)
	select {
	case err := <-stopped:
		require.ErrorContains(c.t, err, reason)
	case <-time.After(20 * time.Second):
		require.Fail(c.t, "it started")
	}
	c.nodes[i].close(c.t)
	c.nodes[i] = nil
}
