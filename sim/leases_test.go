package sim

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/checker"
)

// anyWorld is a world that nothing has happened in.
func anyWorld(t *testing.T) *World {
	plan, err := NewPlan("toy", 1)
	require.NoError(t, err)
	plan.Faults = nil
	s, err := FindScenario("toy")
	require.NoError(t, err)
	w, err := NewWorld(plan, s.New(plan), Options{})
	require.NoError(t, err)
	t.Cleanup(w.Close)
	return w
}

func TestALeaseThatOutlivesALeadershipIsReported(t *testing.T) {
	w := anyWorld(t)
	id := kafka.PartitionID{Topic: kafka.TopicID{1}, Partition: 2}
	l := leases{epochs: map[kafka.PartitionID]kafka.LeaderEpoch{id: 3}}
	l.leading(w, w.nodes[0], &shard.PartState{ID: id, Epoch: 3})
	require.Empty(t, w.failures)
	l.leading(w, w.nodes[0], &shard.PartState{ID: id, Epoch: 2})
	require.Len(t, w.failures, 1)
}

func TestTermsThatRiseForNothingAreReported(t *testing.T) {
	for _, c := range []struct {
		terms terms
		holds bool
	}{
		{terms{highest: 2, elected: 1}, true},
		{terms{highest: 1 + calmElections, elected: calmElections}, true},
		{terms{highest: 2 + calmElections, elected: calmElections + 1}, false},
		{terms{highest: 2 + wastedTerms + wastedPerElection, elected: 1}, true},
		{terms{highest: 3 + wastedTerms + wastedPerElection, elected: 1}, false},
	} {
		w := anyWorld(t)
		c.terms.check(w)
		require.Equal(t, c.holds, len(w.failures) == 0, "%+v", c.terms)
		w.Close()
	}
	w := anyWorld(t)
	w.plan.Faults = []Fault{{Kind: "disk-slow"}}
	(&terms{highest: 100, elected: 1}).check(w)
	require.Empty(t, w.failures, "votes may be late")
}

func TestFilesOfNoPartitionAreFound(t *testing.T) {
	gone := shard.DirName(kafka.PartitionID{Topic: kafka.TopicID{7}, Partition: 1})
	image := meta.NewImage(simCluster)
	require.Empty(t, leftover([]string{"other"}, image))
	require.Equal(t, gone, leftover([]string{"other", gone}, image))
}

func TestBarrierReadsAreRecorded(t *testing.T) {
	plan, err := NewPlan("stale-barriers", 1)
	require.NoError(t, err)
	_, h, err := RunHistory(plan, Options{})
	require.NoError(t, err)
	reads := 0
	for i := range h.Admins {
		if h.Admins[i].Kind == checker.DescribeTopic {
			reads++
		}
	}
	require.Greater(t, reads, 100)
}
