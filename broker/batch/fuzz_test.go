package batch_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/alloctest"
	"example.com/lockstep/broker/batch"
)

// Whatever a client sends as records is taken apart without a panic and without
// more memory than the limit of expansion allows. With sealed, the checksum is made
// right first, so that what lies behind it is reached.
func FuzzBatch(f *testing.F) {
	f.Add([]byte(sample().Build()), false)
	f.Add([]byte(sample().Build()), true)
	f.Add([]byte(slices.Concat(sample().Build(), sample().Build())), true)
	for _, p := range packings {
		b := sample()
		f.Add([]byte(b.BuildWith(p.codec, p.pack(f, b.Plain()))), true)
	}
	f.Fuzz(func(t *testing.T, set []byte, sealed bool) {
		const limit = 64 << 10
		b, rest, err := batch.Next(set)
		if err != nil {
			return
		}
		require.Equal(t, set, slices.Concat([]byte(b), rest),
			"a batch and the rest are the whole set")
		if sealed {
			b = reseal(bytes.Clone(b))
		}
		if b.Validate() != nil {
			return
		}
		// Decompressors have windows and tables of their own.
		alloctest.Bounded(t, 100*limit+32<<20, func() { walk(t, b, limit) })
	})
}

// walk reads all records, and holds them to what the header says.
func walk(t *testing.T, b batch.Batch, limit int) {
	n, payload := 0, 0
	it := b.Records(limit)
	for it.Next() {
		require.GreaterOrEqual(t, it.Record.Offset, b.BaseOffset())
		require.LessOrEqual(t, it.Record.Offset, b.LastOffset())
		payload += len(it.Record.Key) + len(it.Record.Value)
		for _, h := range it.Record.Headers {
			payload += len(h.Key) + len(h.Value)
		}
		n++
	}
	require.LessOrEqual(t, payload, max(limit, len(b)))
	err := b.CheckRecords(limit, false)
	require.Equal(t, it.Err() == nil, err == nil, "a check is a walk")
	if err == nil {
		require.Equal(t, b.Count(), n)
	}
	offset, _, found, err := b.OffsetForTimestamp(b.MaxTimestampMs(), b.BaseOffset(), limit)
	if err == nil && found {
		require.LessOrEqual(t, offset, b.LastOffset())
	}
}
