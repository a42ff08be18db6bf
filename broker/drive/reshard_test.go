package drive_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/node"
)

// A node with another number of shards serves what one shard wrote, and knows the producers. The
// node is stopped hard each time, with everything in its WAL.
func TestAnotherNumberOfShardsServesTheSameData(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	c := startCluster(t, 1, 1)
	const partitions, producer = 8, 4242
	c.create(ctx, "events", partitions)
	c.produce(ctx, "events", 0, 500)
	var first [partitions]int64
	for i := range first {
		first[i] = c.produceOne(ctx, "events", i, producer, 0)
	}
	written := 500 + partitions
	before := c.contents(ctx, "events", written)

	sequence := int32(1)
	for _, shards := range []int{3, 3, 2, 1} {
		c.stop(0)
		c.reshard(0, shards)
		require.Equal(t, before, c.contents(ctx, "events", written), "%d shards", shards)
		for i := range first {
			require.Equal(t, first[i], c.produceOne(ctx, "events", i, producer, 0),
				"%d shards: a duplicate has the offset of the first", shards)
			first[i] = c.produceOne(ctx, "events", i, producer, sequence)
			c.produceOne(ctx, "events", i, -1, -1) // not idempotent
			require.Equal(t, first[i], c.produceOne(ctx, "events", i, producer, sequence))
		}
		written += 2 * partitions
		before = c.contents(ctx, "events", written)
		// The next round sends sequence 0 again. It is still among the five that the log
		// remembers.
		for i := range first {
			first[i] = c.produceOne(ctx, "events", i, producer, 0)
		}
		sequence++
	}
}

// A partition that the old WALs could not prove whole is still suspect after the conversion, which
// has hidden every trace of the damage. It has no other replica, and this one is not elected.
func TestDamageOutlivesAnotherNumberOfShards(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	c := startCluster(t, 1, 1)
	c.create(ctx, "events", 1)
	for sequence := range int32(3) { // a group each
		c.produceOne(ctx, "events", 0, 4242, sequence)
	}
	c.stop(0)
	segments, err := filepath.Glob(filepath.Join(c.dirs[0], "shard-1", "*"))
	require.NoError(t, err)
	hit := 0
	for _, name := range segments {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		if at := bytes.Index(data, []byte("one 1 of 4242")); at >= 0 {
			data[at] ^= 1
			require.NoError(t, os.WriteFile(name, data, 0o600))
			hit++
		}
	}
	require.Equal(t, 1, hit)

	require.Contains(t, c.reshard(0, 2), "suspect=", "what the conversion leaves")
	admin := kadm.NewClient(c.client())
	require.Eventually(t, func() bool {
		metadata, err := admin.Metadata(ctx, "events")
		return err == nil && metadata.Topics["events"].Partitions[0].Leader < 0 &&
			!strings.Contains(c.layout(0), "suspect=")
	}, 20*time.Second, 50*time.Millisecond)
	require.NotContains(t, c.layout(0), "stale=")
}

func (c *cluster) layout(i int) string {
	text, err := os.ReadFile(filepath.Join(c.dirs[i], "layout"))
	require.NoError(c.t, err)
	return string(text)
}

// reshard starts a stopped node with a number of shards, as its owner does. It returns the layout
// file as it was before the last start.
func (c *cluster) reshard(i, shards int) (layout string) {
	again, old := node.Restart{Shards: shards}, c.configs[i].Shards
	start := func() {
		c.configs[i].Shards, c.configs[i].ConvertTo = again.Shards, again.ConvertTo
		c.start(i)
	}
	for _, want := range []node.Restart{{Shards: old, ConvertTo: shards}, {Shards: shards}} {
		if old == shards {
			break
		}
		start()
		require.ErrorAs(c.t, c.nodes[i].node.Wait(), &again)
		require.Equal(c.t, want, again)
		c.nodes[i].close(c.t)
		c.nodes[i] = nil
	}
	layout = c.layout(i)
	start()
	c.awaitBrokers(len(c.nodes))
	return layout
}

// produceOne sends a batch of one record and returns its offset. A producer below 0 stands for
// none.
func (c *cluster) produceOne(
	ctx context.Context, topic string, partition int, producer kafka.ProducerID, sequence int32,
) int64 {
	client := c.client()
	defer client.Close()
	metadata, err := kadm.NewClient(client).Metadata(ctx, topic)
	require.NoError(c.t, err)
	b := batch.NewBuilder()
	if producer >= 0 {
		b.Producer(producer, 0, sequence)
	}
	p := kmsg.NewProduceRequestTopicPartition()
	p.Partition = int32(partition)
	p.Records = b.Add(1_700_000_000_000, nil,
		fmt.Appendf(nil, "one %d of %d", sequence, producer)).Build()
	topics := kmsg.NewProduceRequestTopic()
	topics.Topic, topics.TopicID, topics.Partitions = topic, metadata.Topics[topic].ID,
		append(topics.Partitions, p)
	r := kmsg.NewPtrProduceRequest()
	r.Acks, r.TimeoutMillis, r.Topics = -1, 10_000, append(r.Topics, topics)
	for {
		response, err := client.Broker(1).RetriableRequest(ctx, r)
		require.NoError(c.t, err)
		answer := response.(*kmsg.ProduceResponse).Topics[0].Partitions[0]
		err = kerr.ErrorForCode(answer.ErrorCode)
		if err == nil {
			return answer.BaseOffset
		}
		require.True(c.t, kerr.IsRetriable(err) && ctx.Err() == nil, "%v", err)
	}
}

// contents reads all records, which must be n, by partition and offset.
func (c *cluster) contents(ctx context.Context, topic string, n int) map[string]string {
	client := c.client(kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
	require.NoError(c.t, err)
	require.NoError(c.t, ends.Error())
	total := 0
	ends.Each(func(o kadm.ListedOffset) { total += int(o.Offset) })
	require.Equal(c.t, n, total, "records by the ends of the partitions")
	out := map[string]string{}
	for len(out) < n {
		fetches := client.PollFetches(ctx)
		require.NoError(c.t, ctx.Err())
		fetches.EachRecord(func(r *kgo.Record) {
			out[fmt.Sprintf("%d/%d epoch %d at %d",
				r.Partition, r.Offset, r.LeaderEpoch, r.Timestamp.UnixMilli())] = string(r.Value)
		})
	}
	return out
}
