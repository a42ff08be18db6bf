package campaign

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"example.com/lockstep/sim/scenario"
)

func TestSeedRanges(t *testing.T) {
	for text, want := range map[string]Seeds{
		"7": {7, 7}, "1-100": {1, 100}, "5-5": {5, 5}, "3-": {3, math.MaxUint64}, "0-1": {0, 1},
	} {
		got, err := ParseSeeds(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, text := range []string{"", "-", "a", "1-b", "9-1", "-4", "1-2-3"} {
		_, err := ParseSeeds(text)
		require.ErrorContains(t, err, "--seeds", text)
	}
}

func TestShardsAreWrittenAsPartOfN(t *testing.T) {
	for text, want := range map[string]Shard{"": {0, 1}, "0/1": {0, 1}, "3/16": {3, 16}} {
		got, err := ParseShard(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, text := range []string{"1", "1/1", "16/16", "-1/4", "a/4", "1/0", "1/b", "/"} {
		_, err := ParseShard(text)
		require.ErrorContains(t, err, "--shard", text)
	}
}

func TestShardsAreDisjointAndCoverTheRange(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		first := rapid.Uint64Range(0, 1<<40).Draw(rt, "first")
		all := Seeds{first, first + rapid.Uint64Range(0, 3000).Draw(rt, "more")}
		of := rapid.Uint64Range(1, 400).Draw(rt, "of")
		next, least, most := all.First, uint64(math.MaxUint64), uint64(0)
		for i := range of {
			part := Shard{i, of}.Part(all)
			least, most = min(least, part.Count()), max(most, part.Count())
			if part.Count() == 0 {
				continue
			}
			require.Equal(rt, next, part.First, "part %d continues where the last one ended", i)
			next = part.Last + 1
		}
		require.Equal(rt, all.Last+1, next)
		require.LessOrEqual(rt, most-least, uint64(1))
	})
}

func TestDealingGivesEveryScenarioItsShare(t *testing.T) {
	dealt, err := Deal("all")
	require.NoError(t, err)
	count := map[string]int{}
	for _, name := range dealt {
		count[name]++
	}
	scenarios := scenario.OfBrokers()
	require.Len(t, count, len(scenarios))
	for _, s := range scenarios {
		require.Equal(t, max(s.Share, 1), count[s.Name], s.Name)
		require.False(t, s.Planted, s.Name)
	}
	require.Greater(t, count["mix"], count["steady"])

	dealt, err = Deal("crash, mix")
	require.NoError(t, err)
	require.Equal(t, []string{"crash", "mix"}, dealt, "named scenarios get equal shares")
	for _, bad := range []string{"", "no such", "mix,mix", "mix,,crash", "all,mix"} {
		_, err = Deal(bad)
		require.ErrorContains(t, err, "--scenario", bad)
	}
}
