package drive_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// What franz-go does with a cluster of three nodes. The subtests share the cluster, which keeps
// them quick.
func TestFranzGo(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	c := startCluster(t, 3, 1)
	admin := kadm.NewClient(c.client())

	t.Run("a topic created again is empty and takes records", func(t *testing.T) {
		for round := range 3 {
			c.create(ctx, "again", 2)
			c.produce(ctx, "again", round*1000, 100)
			values := c.consume(ctx, "again", 100)
			requireOnce(t, values, 100)
			require.Contains(t, values, strconv.Itoa(round*1000))
			deleted, err := admin.DeleteTopics(ctx, "again")
			require.NoError(t, err)
			require.NoError(t, deleted.Error())
		}
	})

	t.Run("five hundred topics in one request", func(t *testing.T) {
		var names []string
		for i := range 500 {
			names = append(names, fmt.Sprintf("many-%d", i))
		}
		began := time.Now()
		created, err := admin.CreateTopics(ctx, 2, 3, nil, names...)
		require.NoError(t, err)
		require.NoError(t, created.Error())
		t.Logf("500 topics of 2 partitions created in %v",
			time.Since(began).Round(time.Millisecond))
		metadata, err := admin.Metadata(ctx, names...)
		require.NoError(t, err)
		require.NoError(t, metadata.Topics.Error())
		require.Len(t, metadata.Topics, 500)
		began = time.Now()
		deleted, err := admin.DeleteTopics(ctx, names...)
		require.NoError(t, err)
		require.NoError(t, deleted.Error())
		t.Logf("and deleted in %v", time.Since(began).Round(time.Millisecond))
	})

	t.Run("a thousand partitions of one topic", func(t *testing.T) {
		began := time.Now()
		c.create(ctx, "wide", 1000)
		t.Logf("created in %v", time.Since(began).Round(time.Millisecond))
		c.produce(ctx, "wide", 0, 2000)
		t.Logf("a record or two in each after %v", time.Since(began).Round(time.Millisecond))
		requireOnce(t, c.consume(ctx, "wide", 2000), 2000)
	})

	t.Run("configurations are described", func(t *testing.T) {
		two := "2"
		_, err := admin.CreateTopic(ctx, 1, 3, map[string]*string{"min.insync.replicas": &two},
			"described")
		require.NoError(t, err)
		topics, err := admin.DescribeTopicConfigs(ctx, "described")
		require.NoError(t, err)
		require.Equal(t, "2", configOf(t, topics, "min.insync.replicas"))
		require.Equal(t, "delete", configOf(t, topics, "cleanup.policy"))
		brokers, err := admin.DescribeBrokerConfigs(ctx, 2)
		require.NoError(t, err)
		require.Equal(t, "3", configOf(t, brokers, "num.partitions"))
		require.Equal(t, "true", configOf(t, brokers, "auto.create.topics.enable"))
	})

	t.Run("offsets are listed by time", func(t *testing.T) {
		c.create(ctx, "times", 1)
		base := time.UnixMilli(1_700_000_000_000)
		client := c.client(kgo.DefaultProduceTopic("times"))
		for i := range 10 {
			r := &kgo.Record{
				Value: []byte{byte(i)}, Timestamp: base.Add(time.Duration(i) * time.Second),
			}
			require.NoError(t, client.ProduceSync(ctx, r).FirstErr())
		}
		for after, want := range map[time.Duration]int64{
			-time.Hour: 0, 0: 0, 3 * time.Second: 3, 3500 * time.Millisecond: 4, 9 * time.Second: 9,
		} {
			listed, err := admin.ListOffsetsAfterMilli(ctx, base.Add(after).UnixMilli(), "times")
			require.NoError(t, err)
			require.NoError(t, listed.Error())
			o, _ := listed.Lookup("times", 0)
			require.Equal(t, want, o.Offset, "after %v", after)
		}
		start, err := admin.ListStartOffsets(ctx, "times")
		require.NoError(t, err)
		end, err := admin.ListEndOffsets(ctx, "times")
		require.NoError(t, err)
		first, _ := start.Lookup("times", 0)
		last, _ := end.Lookup("times", 0)
		require.Equal(t, [2]int64{0, 10}, [2]int64{first.Offset, last.Offset})
	})

	t.Run("an idempotent producer outlives a leader", func(t *testing.T) {
		c.create(ctx, "events", 1)
		metadata, err := admin.Metadata(ctx, "events")
		require.NoError(t, err)
		leader := metadata.Topics["events"].Partitions[0].Leader
		client := c.client(kgo.DefaultProduceTopic("events"), kgo.MaxBufferedRecords(100_000))
		const records = 3000
		var acked sync.WaitGroup
		for i := range records {
			if i == records/3 {
				c.stop(int(leader - 1))
			}
			acked.Add(1)
			client.Produce(ctx, &kgo.Record{Value: []byte(strconv.Itoa(i))},
				func(_ *kgo.Record, err error) {
					defer acked.Done()
					if err != nil {
						t.Errorf("record %d: %v", i, err)
					}
				})
			if i%10 == 0 {
				require.NoError(t, ctx.Err())
				client.Flush(ctx) // so that the leader is lost between batches
			}
		}
		acked.Wait()
		c.start(int(leader - 1))
		next := 0
		consumer := c.client(kgo.ConsumeTopics("events"),
			kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		for next < records && ctx.Err() == nil {
			for _, r := range consumer.PollFetches(ctx).Records() {
				require.Equal(t, strconv.Itoa(next), string(r.Value))
				next++
			}
		}
		require.Equal(t, records, next)
	})
}

func configOf(t *testing.T, resources kadm.ResourceConfigs, key string) string {
	require.Len(t, resources, 1)
	require.NoError(t, resources[0].Err)
	for _, c := range resources[0].Configs {
		if c.Key == key {
			return c.MaybeValue()
		}
	}
	require.Fail(t, "no such key", key)
	return ""
}
