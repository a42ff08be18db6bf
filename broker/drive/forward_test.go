package drive_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/batch"
)

// A client that stays on a node that does not lead gets its answer when the cluster has a new
// leader, and not at its deadline: a produce that waits for a connection to the lost leader is sent
// to the new one.
func TestForwardedProduceFollowsTheLeaderItNeverReached(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
	defer cancel()
	c := startCluster(t, 3, 1)
	c.create(ctx, "events", 1)
	metadata, err := kadm.NewClient(c.client()).Metadata(ctx, "events")
	require.NoError(t, err)
	events := metadata.Topics["events"]
	leader := events.Partitions[0].Leader
	other := c.client().Broker(int(leader%3 + 1))
	produce := func() error {
		p := kmsg.NewProduceRequestTopicPartition()
		p.Records = batch.NewBuilder().Add(time.Now().UnixMilli(), nil, []byte("value")).Build()
		topic := kmsg.NewProduceRequestTopic()
		topic.Topic, topic.TopicID, topic.Partitions = "events", events.ID,
			append(topic.Partitions, p)
		r := kmsg.NewPtrProduceRequest()
		r.Acks, r.TimeoutMillis, r.Topics = -1, int32(10*time.Minute/time.Millisecond),
			append(r.Topics, topic)
		response, err := other.Request(ctx, r)
		require.NoError(t, err)
		return kerr.ErrorForCode(response.(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode)
	}
	require.NoError(t, produce())

	c.stop(int(leader - 1))
	err = produce() // it may be sent before the connection breaks: then its fate is unknown
	for err != nil {
		require.True(t, kerr.IsRetriable(err), "%v", err)
		err = produce()
	}
}
