package sim

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/broker/wire/peer"
)

// reported are the properties that were reported as broken.
type reported []string

func (r *reported) Violated(property, _, _ string, _ ...any) { *r = append(*r, property) }

func TestALeaseThatOutlivesALeadershipIsReported(t *testing.T) {
	var broken reported
	id := kafka.PartitionID{Topic: kafka.TopicID{1}, Partition: 2}
	l := leases{epochs: map[kafka.PartitionID]kafka.LeaderEpoch{id: 3}}
	l.leading(&broken, "b1", &shard.PartState{ID: id, Epoch: 3})
	require.Empty(t, broken)
	l.leading(&broken, "b1", &shard.PartState{ID: id, Epoch: 2})
	require.Equal(t, reported{PropertyLeaseEndsFirst}, broken)
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
		var broken reported
		c.terms.check(&broken, nil)
		require.Equal(t, c.holds, len(broken) == 0, "%+v", c.terms)
	}
	var broken reported
	(&terms{highest: 100, elected: 1}).check(&broken, []Fault{{Kind: "disk-slow"}})
	require.Empty(t, broken, "votes may be late")
}

func TestFilesOfNoPartitionAreFound(t *testing.T) {
	gone := shard.DirName(kafka.PartitionID{Topic: kafka.TopicID{7}, Partition: 1})
	image := meta.NewImage(peer.UUID{1})
	require.Empty(t, leftover([]string{"other"}, image))
	require.Equal(t, gone, leftover([]string{"other", gone}, image))
}
