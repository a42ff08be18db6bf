package meta

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/kafka"
)

// large makes topics until the image has about this many bytes. Their settings are as long as
// they may be, so that few topics suffice.
func (c *cluster) large(bytes int) {
	var configs Configs
	for _, k := range ConfigKeys() {
		if k.Topic && k.Type == ConfigLong {
			configs = append(configs,
				Config{k.Name, strings.Repeat("0", configValueMax-1) + "1"})
		}
	}
	for made := 0; made*configs.bytes() < bytes; {
		cmd := &CreateTopics{}
		for range 40 {
			made++
			cmd.Topics = append(cmd.Topics, NewTopic{
				Name: fmt.Sprint("large", made), ID: kafka.TopicID{1, byte(made >> 8), byte(made)},
				Partitions: 1, ReplicationFactor: 1, Configs: configs,
			})
		}
		require.Equal(c.t, kafka.None, c.do(c.leader(), cmd).Topics[0].Code)
	}
}

// away stops a node that does not lead, lets the image grow, and makes the others compact the
// entries that the node lacks.
func (c *cluster) away(bytes int) *host {
	h := c.nodes[0]
	if h == c.leader() {
		h = c.nodes[1]
	}
	h.crash()
	knows := uint64(c.newest.index)
	c.large(bytes)
	c.until(20*time.Second, "the entries are compacted", func() bool {
		return c.leader().node.raft.log.base() > knows
	})
	c.run(time.Second)
	return h
}

// The chunks of a snapshot once left at eight a tick, whether or not there was room for them.
// The connection was full, the transfer was given up and began again, forever.
func TestASnapshotOfAnySizeArrivesThroughAFullWindow(t *testing.T) {
	for _, test := range []struct {
		name               string
		bytes              int
		bytesPerMs, window int
		cfg                RaftConfig
		limit              time.Duration
	}{
		{"30 MiB at 20 MB/s", 30 << 20, 20_000, 1 << 20, RaftConfig{}, 5 * time.Second},
		{"5 MiB at 1 MB/s", 5 << 20, 1_000, 1 << 20, RaftConfig{}, 20 * time.Second},
		{"in tiny windows", 300 << 10, 1_000, 600, RaftConfig{
			ChunkBytes: 500, SnapshotWindow: 1000, EntryBytesMax: 4000,
		}, 20 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := test.cfg
			cfg.CompactBytes, cfg.RetainBytes = uint64(test.bytes/20), 1
			c := newClusterWith(t, 3, 31, cfg)
			c.ready()
			h := c.away(test.bytes)
			c.bytesPerMs, c.window, c.transfers = test.bytesPerMs, test.window, 0
			h.start()
			h.full = 0
			want := c.newest.TopicCount()
			took := c.until(test.limit, "it has the image", func() bool {
				return h.node.Image().TopicCount() == want
			})
			t.Logf("%v for %d bytes", took, len(h.node.Image().Encode()))
			c.converged()
			require.Equal(t, 1, h.full)
			require.Equal(t, 1, c.transfers)
		})
	}
}

func TestASnapshotArrivesThoughChunksAreLost(t *testing.T) {
	c := newClusterWith(t, 3, 32, RaftConfig{
		ChunkBytes: 4000, SnapshotWindow: 8000, CompactBytes: 20_000, RetainBytes: 1,
	})
	c.ready()
	h := c.away(400 << 10)
	c.dropPct = 5
	h.start()
	h.full = 0
	c.until(2*time.Minute, "it has the image", func() bool {
		return h.node.Image().TopicCount() == c.newest.TopicCount()
	})
	require.Equal(t, 1, h.full)
}

func TestASnapshotBeginsAgainWhenItsReceiverWasRestarted(t *testing.T) {
	c := newClusterWith(t, 3, 33, RaftConfig{
		ChunkBytes: 4000, SnapshotWindow: 8000, CompactBytes: 20_000, RetainBytes: 1,
	})
	c.ready()
	h := c.away(400 << 10)
	h.start()
	c.until(5*time.Second, "half of it is there", func() bool {
		return len(h.node.raft.incoming) > 0 && len(h.node.raft.incoming[0].data) > 200<<10
	})
	h.crash()
	c.run(10 * time.Millisecond)
	h.start()
	h.full = 0
	took := c.until(10*time.Second, "it has the image", func() bool {
		return h.node.Image().TopicCount() == c.newest.TopicCount()
	})
	require.Less(t, took, 3*time.Second)
	c.run(time.Second)
	require.Equal(t, 1, h.full)
	for _, n := range c.nodes {
		require.Empty(t, n.node.raft.outgoing)
		require.Empty(t, n.node.raft.incoming)
	}
}
