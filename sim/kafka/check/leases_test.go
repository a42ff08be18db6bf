package check

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/broker/wire/peer"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/property"
)

// reported is a Reporter that keeps the names of the broken properties.
type reported []string

func (r *reported) Violated(property, _, _ string, _ ...any) { *r = append(*r, property) }

func TestALeaseThatOutlivesALeadershipIsReported(t *testing.T) {
	var broken reported
	id := kafka.PartitionID{Topic: kafka.TopicID{1}, Partition: 2}
	l := Leases{reigns: map[kafka.PartitionID]reign{id: {from: 3, to: 4}}}
	l.Leading(&broken, "b1", &shard.PartState{ID: id, Epoch: 3})
	require.Empty(t, broken, "the same incarnation began epoch 4")
	l.Leading(&broken, "b1", &shard.PartState{ID: id, Epoch: 2})
	require.Equal(t, reported{property.LeaseEndsFirst}, broken)
}

func TestTermsThatRiseWithoutReasonAreReported(t *testing.T) {
	for _, c := range []struct {
		terms Terms
		holds bool
	}{
		{Terms{Highest: 2, Elected: 1}, true},
		{Terms{Highest: 1 + calmElections, Elected: calmElections}, true},
		{Terms{Highest: 2 + calmElections, Elected: calmElections + 1}, false},
		{Terms{Highest: 2 + wastedTerms + wastedPerElection, Elected: 1}, true},
		{Terms{Highest: 3 + wastedTerms + wastedPerElection, Elected: 1}, false},
	} {
		var broken reported
		c.terms.Check(&broken, nil)
		require.Equal(t, c.holds, len(broken) == 0, "%+v", c.terms)
	}
	var broken reported
	(&Terms{Highest: 100, Elected: 1}).Check(&broken, []plan.Fault{{Kind: "disk-slow"}})
	require.Empty(t, broken, "a slow disk makes votes late")
}

func TestADirectoryWithoutItsPartitionInTheMetadataIsFound(t *testing.T) {
	gone := shard.DirName(kafka.PartitionID{Topic: kafka.TopicID{7}, Partition: 1})
	image := meta.NewImage(peer.UUID{1})
	require.Empty(t, leftover([]string{"other"}, image))
	require.Equal(t, gone, leftover([]string{"other", gone}, image))
}
