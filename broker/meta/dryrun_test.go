package meta

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/wire/peer"
)

// Shards dry-run commands on an image while the control loop makes the next image from
// it. With -race, this test shows that DryRun writes to nothing that they share.
func TestDryRunGivesTheVerdictOfApplyAndSharesNothing(t *testing.T) {
	img := NewImage(peer.UUID{1})
	img, v, _ := img.Apply(img.Index()+1, &RegisterBroker{Node: 1, Incarnation: peer.UUID{2}})
	img, _, _ = img.Apply(img.Index()+1, &UnfenceBroker{Node: 1, Epoch: v.BrokerEpoch})
	create := &CreateTopics{Topics: []NewTopic{
		{Name: "t", ID: kafka.TopicID{1}, Partitions: 3, ReplicationFactor: 1},
		{Name: "t", ID: kafka.TopicID{2}, Partitions: 3, ReplicationFactor: 1},
		{Name: "many", ID: kafka.TopicID{3}, Partitions: 3, ReplicationFactor: 2},
	}}
	before := img.Encode()
	var wg sync.WaitGroup
	verdicts := make([]Verdict, 4)
	for i := range verdicts {
		wg.Go(func() { verdicts[i] = img.DryRun(create) })
	}
	_, want, _ := img.Apply(img.Index()+1, create)
	wg.Wait()
	want.Index = 0
	for _, got := range verdicts {
		require.Equal(t, want, got)
	}
	require.Equal(t, before, img.Encode())
}
