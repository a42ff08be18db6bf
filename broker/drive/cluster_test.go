package drive_test

import (
	"context"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"net"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/drive"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/limits"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/node"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/broker/wal"
	"example.com/lockstep/broker/wire/peer"
	"example.com/lockstep/diskfs"
	"example.com/lockstep/diskfs/osfs"
	"example.com/lockstep/netsim/tcp"
)

// cluster is nodes on real sockets and disks in this process.
type cluster struct {
	t       *testing.T
	configs []node.Config
	dirs    []string
	nodes   []*running
}

type running struct {
	node    *drive.Node
	network *tcp.Network
	disks   []*osfs.Disk
}

func startCluster(t *testing.T, size, shards int) *cluster {
	c := &cluster{t: t, nodes: make([]*running, size)}
	voters := make([]node.Voter, size)
	for i := range voters {
		voters[i] = node.Voter{Node: kafka.NodeID(i + 1), Addr: freeAddress(t)}
	}
	for i := range size {
		walConfig := wal.DefaultConfig("")
		walConfig.SegmentBytes = 4 << 20
		addresses := node.Addresses{
			Kafka: freeAddress(t), Control: voters[i].Addr, Data: freeAddress(t),
		}
		c.configs = append(c.configs, node.Config{
			Node: kafka.NodeID(i + 1), Cluster: peer.UUID{1, 2, 3}, Shards: shards, Voters: voters,
			Listen: addresses, Advertised: addresses, Limits: limits.Default(),
			Settings: api.Settings{
				AutoCreateTopics: true, NumPartitions: 3, ReplicationFactor: int16(min(size, 3)),
				MinInSync: min(size, 2), MaxMessageBytes: 1 << 20, FetchMaxBytes: 50 << 20,
				FetchMaxWait: 30 * time.Second, DeleteTopics: true,
				AppliedByAll: 5 * time.Second,
			},
			ControlWAL: walConfig, ShardWAL: walConfig, Log: partition.DefaultLimits(),
		})
		c.dirs = append(c.dirs, t.TempDir())
		c.start(i)
	}
	t.Cleanup(func() {
		for i := range c.nodes {
			c.stop(i)
		}
	})
	c.awaitBrokers(size)
	return c
}

// awaitBrokers waits until the metadata lists n brokers.
func (c *cluster) awaitBrokers(n int) {
	client := c.client()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for {
		r := kmsg.NewPtrMetadataRequest() // kadm would answer from a cache
		r.Topics = []kmsg.MetadataRequestTopic{}
		m, err := r.RequestWith(ctx, client)
		if err == nil && len(m.Brokers) == n {
			return
		}
		if ctx.Err() != nil {
			c.report()
			require.FailNow(c.t, "no cluster", "%v, %v", m, err)
		}
	}
}

// report logs the counters of all loops of all nodes.
func (c *cluster) report() {
	for i, r := range c.nodes {
		if r == nil {
			continue
		}
		control, err := r.node.Ask(loop.Control, node.StatsRequest{}, time.Second)
		c.t.Logf("node %d: control %+v %v", i+1, control, err)
		for id := 1; id <= c.configs[i].Shards; id++ {
			stats, err := r.node.Ask(loop.ID(id), shard.StatsRequest{}, time.Second)
			c.t.Logf("node %d: shard %d %+v %v", i+1, id, stats, err)
		}
	}
}

// freeAddress returns a loopback address where nothing listened a moment ago. Its port is below
// those that the kernel gives to outgoing connections: such a connection could take the port before
// an incarnation of the node listens.
func freeAddress(t *testing.T) string {
	for range 100 {
		addr := fmt.Sprintf("127.0.0.1:%d", 10_000+mathrand.IntN(20_000))
		if l, err := net.Listen("tcp", addr); err == nil {
			l.Close()
			return addr
		}
	}
	require.Fail(t, "no free port")
	return ""
}

func (c *cluster) start(i int) {
	cfg := c.configs[i]
	_, err := rand.Read(cfg.Incarnation[:])
	require.NoError(c.t, err)
	r := &running{network: tcp.New()}
	r.node, err = drive.Start(drive.Config{
		Loops: cfg.Shards + 1, Network: r.network, MailboxRequests: cfg.Limits.MailboxRequests,
		TurnEvents: cfg.Limits.TurnEvents,
		TurnWarn:   5 * time.Second, TurnFatal: time.Hour,
		Disk: func(sink diskfs.Sink) (diskfs.Disk, error) {
			d, err := osfs.New(c.dirs[i], sink, osfs.Options{Now: drive.BootTime})
			if err == nil {
				r.disks = append(r.disks, d)
			}
			return d, err
		},
		Log:  drive.NewLog(os.Stdout, false, event.Info, event.Int("node", i+1)),
		Exit: func(int) {},
	}, func(hosts []loop.Host) []loop.Loop { return node.New(cfg, hosts) })
	require.NoError(c.t, err)
	c.nodes[i] = r
}

// stop ends a node without a clean stop, as a kill does.
func (c *cluster) stop(i int) {
	r := c.nodes[i]
	if r == nil {
		return
	}
	c.nodes[i] = nil
	r.node.Stop(nil)
	require.NoError(c.t, r.node.Wait())
	r.close(c.t)
}

// close closes the network and the disks of a node that has stopped.
func (r *running) close(t *testing.T) {
	r.network.Close()
	for _, d := range r.disks {
		require.NoError(t, d.Close())
	}
}

func (c *cluster) bootstrap() (addrs []string) {
	for _, cfg := range c.configs {
		addrs = append(addrs, cfg.Listen.Kafka)
	}
	return addrs
}

func (c *cluster) client(opts ...kgo.Opt) *kgo.Client {
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(c.bootstrap()...),
		kgo.MetadataMinAge(50 * time.Millisecond),
	}, opts...)...)
	require.NoError(c.t, err)
	c.t.Cleanup(client.Close)
	return client
}

func (c *cluster) create(ctx context.Context, topic string, partitions int32) {
	_, err := kadm.NewClient(c.client()).CreateTopic(ctx, partitions, int16(min(len(c.nodes), 3)),
		nil, topic)
	require.NoError(c.t, err)
}

// produce sends n records with distinct values, idempotently and with acks=all, and waits until
// they are acknowledged.
func (c *cluster) produce(ctx context.Context, topic string, from, n int) {
	client := c.client(kgo.DefaultProduceTopic(topic),
		kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	var records []*kgo.Record
	for i := range n {
		records = append(records, &kgo.Record{Value: []byte(strconv.Itoa(from + i))})
	}
	require.NoError(c.t, client.ProduceSync(ctx, records...).FirstErr())
}

// consume reads until n different values have come, and returns how often each came.
func (c *cluster) consume(ctx context.Context, topic string, n int) map[string]int {
	client := c.client(kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	values := map[string]int{}
	for len(values) < n && ctx.Err() == nil {
		fetches := client.PollFetches(ctx)
		fetches.EachRecord(func(r *kgo.Record) { values[string(r.Value)]++ })
	}
	return values
}

func requireOnce(t *testing.T, values map[string]int, n int) {
	require.Len(t, values, n)
	for v, times := range values {
		require.Equal(t, 1, times, "value %s", v)
	}
}

func TestOneNodeServesARealClient(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	c := startCluster(t, 1, 2)
	c.create(ctx, "events", 3)
	c.produce(ctx, "events", 0, 1000)
	requireOnce(t, c.consume(ctx, "events", 1000), 1000)

	c.stop(0)
	c.start(0)
	c.produce(ctx, "events", 1000, 500)
	requireOnce(t, c.consume(ctx, "events", 1500), 1500)
}

func TestThreeNodesReplicateAndSurviveAKill(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	c := startCluster(t, 3, 1)
	c.create(ctx, "events", 6)
	c.produce(ctx, "events", 0, 1000)
	requireOnce(t, c.consume(ctx, "events", 1000), 1000)

	c.stop(0)
	c.produce(ctx, "events", 1000, 1000)
	c.start(0)
	c.produce(ctx, "events", 2000, 1000)
	requireOnce(t, c.consume(ctx, "events", 3000), 3000)
}
