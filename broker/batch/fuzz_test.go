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
		// Decompressors have windows and tables of their own; there are four of them.
		bound := 100*limit + 32<<20
		if b.Wide() {
			bound += 4 * (128 << 20)
		}
		alloctest.Bounded(t, bound, func() { walk(t, b, limit) })
	})
}

// walk reads all records, and holds them to what the header says.
func walk(t *testing.T, b batch.Batch, limit int) {
	n, payload := 0, 0
	facts := batch.Facts{MaxTimestampMs: batch.NoTimestamp, OldestMs: batch.NoTimestamp}
	it := b.Records(limit)
	for it.Next() {
		require.GreaterOrEqual(t, it.Record.Offset, b.BaseOffset())
		require.LessOrEqual(t, it.Record.Offset, b.LastOffset())
		payload += len(it.Record.Key) + len(it.Record.Value)
		for _, h := range it.Record.Headers {
			payload += len(h.Key) + len(h.Value)
		}
		n++
		if ms := it.Record.TimestampMs; ms != batch.NoTimestamp {
			facts.MaxTimestampMs = max(facts.MaxTimestampMs, ms)
			if facts.OldestMs == batch.NoTimestamp || ms < facts.OldestMs {
				facts.OldestMs = ms
			}
		}
		facts.Keyless = facts.Keyless || it.Record.Key == nil
	}
	require.LessOrEqual(t, payload, max(limit, len(b)))
	got, err := b.CheckRecords(limit)
	require.Equal(t, it.Err() == nil, err == nil, "a check is a walk: %v, %v", it.Err(), err)
	if err == nil {
		require.Equal(t, b.Count(), n)
		if !b.LogAppendTime() {
			require.Equal(t, facts, got)
		}
		require.Equal(t, got, inSteps(t, b, limit))
	}
	offset, _, found, err := b.OffsetForTimestamp(b.MaxTimestampMs(), b.BaseOffset())
	if err == nil && found {
		require.LessOrEqual(t, offset, b.LastOffset())
	}
}

// inSteps reads a sound batch in the smallest steps.
func inSteps(t *testing.T, b batch.Batch, limit int) batch.Facts {
	var s batch.Scanner
	require.NoError(t, s.Begin(b, limit))
	for {
		_, done, err := s.Scan(1)
		require.NoError(t, err)
		if done {
			return s.Facts()
		}
	}
}
