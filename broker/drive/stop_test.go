package drive_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/node"
)

// drain asks a node for a clean stop. Without an answer it fails after a time that no machine
// needs.
func (c *cluster) drain(i int) {
	_, err := c.nodes[i].node.Ask(loop.Control, node.Drain{}, 30*time.Second)
	require.NoError(c.t, err)
}

// The first nodes hand over to those that are left. The last one has no majority any more, so
// nobody can take over from it. It once waited for that until its owner gave up.
func TestTheLastNodeOfAClusterStopsThoughNobodyCanTakeOver(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	c := startCluster(t, 3, 1)
	c.create(ctx, "events", 3)
	c.produce(ctx, "events", 0, 100)
	c.drain(0)
	c.stop(0)
	c.stop(1)
	c.drain(2)
	c.stop(2)

	for i := range c.nodes {
		c.start(i)
	}
	c.awaitBrokers(3)
	requireOnce(t, c.consume(ctx, "events", 100), 100)
}
