package rare

import (
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
)

func TestNothingIsChosenUnlessAsked(t *testing.T) {
	require.Nil(t, New(nil, nil))
	var off *Chooser
	require.False(t, off.Choose(WALSealEarly))
	off.Taken(func(string, uint64) { t.Error("an absent chooser has chosen") })
	one := New(Settings{"wal-seal-early": 3}, env.NewRand(1, 2))
	chosen := 0
	for range 3000 {
		require.False(t, one.Choose(MailRefused))
		if one.Choose(WALSealEarly) {
			chosen++
		}
	}
	require.InDelta(t, 1000, chosen, 150)
	one.Taken(func(name string, times uint64) {
		require.Equal(t, "wal-seal-early", name)
		require.EqualValues(t, chosen, times)
	})
}

func TestPointsHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range All() {
		require.NotEmpty(t, name)
		require.False(t, seen[name], name)
		seen[name] = true
		require.NoError(t, Settings{name: 2}.Check())
	}
	require.Error(t, Settings{"no such point": 2}.Check())
}

func BenchmarkOff(b *testing.B) {
	var off *Chooser
	for b.Loop() {
		if off.Choose(MailRefused) {
			b.Fatal("chosen")
		}
	}
}
