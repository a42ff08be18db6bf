package meta

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAGroupLivesWhereKafkaPutsIt(t *testing.T) {
	for _, c := range []struct {
		group     string
		partition int32
	}{
		{"", 0},
		{"a", 47},
		{"console-consumer-1", 24},
		{"polygenelubricants", 0}, // its hash is the least number, which has no opposite
		{"äöü", 36},
		{"𝒢", 1}, // two UTF-16 code units
		{"group-é-7", 23},
	} {
		require.Equal(t, c.partition, CoordinatorPartition(c.group, 50), c.group)
	}
}
