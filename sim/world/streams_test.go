package world

import (
	"crypto/rand"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
)

func TestStreamsDependOnEveryPartOfTheirName(t *testing.T) {
	s := Streams{seed: 1}
	first := s.Loop("n1", 1, 0, "sub", "purpose").Uint64()
	require.Equal(t, first, s.Loop("n1", 1, 0, "sub", "purpose").Uint64())
	for _, other := range []*env.Rand{
		Streams{seed: 2}.Loop("n1", 1, 0, "sub", "purpose"),
		s.Loop("n2", 1, 0, "sub", "purpose"),
		s.Loop("n1", 2, 0, "sub", "purpose"),
		s.Loop("n1", 1, 1, "sub", "purpose"),
		s.Loop("n1", 1, 0, "other", "purpose"),
		s.Loop("n1", 1, 0, "sub", "other"),
	} {
		require.NotEqual(t, first, other.Uint64())
	}
}

// The test draws in the same way as etcd raft draws its election timeout.
func TestCryptoRandReadsTheStreamWhileAWorldIsOpen(t *testing.T) {
	original := rand.Reader
	draw := func(seed uint64) int64 {
		e, release := takeEntropy(Streams{seed: seed}.Open("idle"))
		defer release()
		e.current = Streams{seed: seed}.Open("node")
		v, err := rand.Int(rand.Reader, big.NewInt(1<<62))
		require.NoError(t, err)
		return v.Int64()
	}
	require.Equal(t, draw(1), draw(1))
	require.NotEqual(t, draw(1), draw(2))
	require.Equal(t, original, rand.Reader)
}

func TestASecondOpenWorldIsRefused(t *testing.T) {
	_, release := takeEntropy(Streams{seed: 1}.Open("idle"))
	require.PanicsWithValue(t, "sim: another world is live in this process",
		func() { takeEntropy(nil) })
	release()
	_, release = takeEntropy(Streams{seed: 1}.Open("idle"))
	release()
}
