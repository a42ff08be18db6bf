package batch_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"example.com/lockstep/broker/batch"
)

type packing struct {
	name  string
	codec batch.Codec
	pack  func(t testing.TB, plain []byte) []byte
}

var packings = []packing{
	{"uncompressed", batch.Uncompressed, func(_ testing.TB, p []byte) []byte { return p }},
	{"gzip", batch.Gzip, func(t testing.TB, p []byte) []byte {
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		_, err := w.Write(p)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		return out.Bytes()
	}},
	{"snappy", batch.Snappy, func(_ testing.TB, p []byte) []byte { return snappy.Encode(nil, p) }},
	{"snappy in xerial framing", batch.Snappy, func(_ testing.TB, p []byte) []byte {
		out := []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1}
		for len(p) > 0 {
			n := min(len(p), 100) // several blocks
			block := snappy.Encode(nil, p[:n])
			out = binary.BigEndian.AppendUint32(out, uint32(len(block)))
			out, p = append(out, block...), p[n:]
		}
		return out
	}},
	{"lz4", batch.LZ4, func(t testing.TB, p []byte) []byte {
		var out bytes.Buffer
		w := lz4.NewWriter(&out)
		_, err := w.Write(p)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		return out.Bytes()
	}},
	{"zstd", batch.Zstd, func(t testing.TB, p []byte) []byte {
		w, err := zstd.NewWriter(nil)
		require.NoError(t, err)
		return w.EncodeAll(p, nil)
	}},
}

func TestRecordsOfEveryCodec(t *testing.T) {
	for _, p := range packings {
		t.Run(p.name, func(t *testing.T) {
			builder := sample()
			for range 200 {
				builder.Add(1001, []byte("key"), bytes.Repeat([]byte("value"), 10))
			}
			b := builder.BuildWith(p.codec, p.pack(t, builder.Plain()))
			b.Stamp(50, 0)
			require.NoError(t, b.Validate())
			facts, err := b.CheckRecords(1 << 20)
			require.NoError(t, err)
			require.Equal(t,
				batch.Facts{MaxTimestampMs: 1005, OldestMs: 1000, Keyless: true}, facts)

			it := b.Records(1 << 20)
			require.True(t, it.Next())
			require.Equal(t, batch.Record{
				Offset: 50, TimestampMs: 1000, Key: []byte("k"), Value: []byte("v0"),
			}, it.Record)
			require.True(t, it.Next())
			require.Equal(t, batch.Record{Offset: 51, TimestampMs: 1005, Value: []byte("v1"),
				Headers: []batch.Header{{Key: "h", Value: []byte("x")}, {Key: "n"}}}, it.Record)
			require.True(t, it.Next())
			require.Nil(t, it.Record.Value)

			if p.codec != batch.Uncompressed {
				_, err := b.CheckRecords(1000)
				require.ErrorIs(t, err, batch.ErrExpansion)
				_, err = b.CheckRecords(len(builder.Plain()))
				require.NoError(t, err)
				half := builder.BuildWith(p.codec,
					b[batch.HeaderSize:batch.HeaderSize+len(b[batch.HeaderSize:])/2])
				_, err = half.CheckRecords(1 << 20)
				require.ErrorIs(t, err, batch.ErrCompression)
			}
		})
	}
}

func TestOffsetForTimestamp(t *testing.T) {
	for _, p := range packings {
		builder := sample() // 1000, 1005, 1003
		b := builder.BuildWith(p.codec, p.pack(t, builder.Plain()))
		b.Stamp(10, 0)
		for _, c := range []struct{ ts, from, offset, ms int64 }{
			{0, 0, 10, 1000}, {1000, 0, 10, 1000}, {1001, 0, 11, 1005}, {1005, 0, 11, 1005},
			{1001, 12, 12, 1003}, {1006, 0, -1, 0}, {1005, 12, -1, 0},
		} {
			offset, ms, found, err := b.OffsetForTimestamp(c.ts, kafkaOffset(c.from))
			require.NoError(t, err)
			require.Equal(t, c.offset >= 0, found)
			if found {
				require.EqualValues(t, c.offset, offset)
				require.Equal(t, c.ms, ms)
			}
		}
		b.StampLogAppendTime(5000)
		offset, ms, found, err := b.OffsetForTimestamp(5000, 11)
		require.NoError(t, err)
		require.True(t, found)
		require.EqualValues(t, 11, offset)
		require.EqualValues(t, 5000, ms)
		_, _, found, _ = b.OffsetForTimestamp(5001, 0)
		require.False(t, found)
	}
}

func TestACountThatLiesIsFoundByTheRecords(t *testing.T) {
	b := sample()
	plain := append([]byte(nil), b.Plain()...)
	more := b.Add(1, nil, nil).BuildWith(batch.Uncompressed, plain) // header says 4, records are 3
	require.NoError(t, more.Validate())
	_, err := more.CheckRecords(0)
	require.ErrorIs(t, err, batch.ErrRecord)
	less := sample().BuildWith(batch.Uncompressed, b.Plain()) // header says 3, records are 4
	require.NoError(t, less.Validate())
	_, err = less.CheckRecords(0)
	require.ErrorIs(t, err, batch.ErrRecord)
}

func TestArbitraryRecordBytesNeverPanic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		codec := batch.Codec(rapid.IntRange(0, 7).Draw(t, "codec"))
		b := sample().BuildWith(codec, rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "records"))
		_, _ = b.CheckRecords(1 << 16)
		set := append([]byte(nil), b...)
		for range rapid.IntRange(0, 4).Draw(t, "flips") {
			set[rapid.IntRange(0, len(set)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1,
				255).Draw(t, "xor"))
		}
		if first, _, err := batch.Next(set); err == nil && first.Validate() == nil {
			require.Equal(t, b[16:], first[16:])
		}
	})
}
