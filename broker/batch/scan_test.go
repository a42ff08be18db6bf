package batch_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"example.com/lockstep/broker/batch"
)

// A payload that this library can read, and a client cannot, would block the client for good.
func TestPayloadsThatNotEveryClientReadsAreRefused(t *testing.T) {
	builder := sample()
	for range 100 {
		builder.Add(1001, []byte("key"), bytes.Repeat([]byte("value"), 40))
	}
	plain := builder.Plain()
	linked := lz4Frame(t, plain, 64<<10) // then the flag says that its blocks are linked
	linked[4] &^= 0x20
	linked[6] = lz4HeaderChecksum(linked)
	_, err := lz4.ValidFrameHeader(linked)
	require.NoError(t, err)
	magic := []byte{0x28, 0xb5, 0x2f, 0xfd}
	for _, c := range []struct {
		name    string
		codec   batch.Codec
		payload []byte
	}{
		{"S2 in place of Snappy", batch.Snappy, s2.EncodeBest(nil, plain)},
		{"linked blocks of LZ4", batch.LZ4, linked},
		{"two frames of LZ4", batch.LZ4,
			slices.Concat(lz4Frame(t, plain[:10], 64<<10), lz4Frame(t, plain[10:], 64<<10))},
		{"bytes behind a frame", batch.LZ4, append(lz4Frame(t, plain, 64<<10), 0)},
		{"a dictionary of LZ4", batch.LZ4, []byte{4, 0x22, 0x4d, 0x18, 0x61, 0x40, 1, 2, 3, 4, 5}},
		{"junk that is no frame", batch.LZ4, []byte("junk")},
		{"junk behind gzip", batch.Gzip, append(packings[1].pack(t, plain), 1, 2, 3)},
		{"a gzip header and no more", batch.Gzip, packings[1].pack(t, plain)[:10]},
		{"a xerial block cut short", batch.Snappy, packings[3].pack(t, plain)[:30]},
		{"a size that is not there", batch.Snappy,
			append([]byte{0xff, 0xff, 0xff, 0x7f}, plain[:20]...)},
		{"nothing", batch.Zstd, nil},
		{"an unknown dictionary", batch.Zstd, append(magic, 0x21, 9, 3, 1, 0, 0)},
		{"a window of half a GiB", batch.Zstd, append(magic, 0, 0x98, 1, 0, 0)},
	} {
		_, err := builder.BuildWith(c.codec, c.payload).CheckRecords(1 << 20)
		require.Error(t, err, c.name)
		require.NotErrorIs(t, err, batch.ErrExpansion, c.name)
	}
}

// Large windows and large blocks are legal, and are bounded by the limit only.
func TestLargeWindowsAndBlocksAreRead(t *testing.T) {
	builder := batch.NewBuilder()
	for range 300 {
		builder.Add(1, []byte("k"), bytes.Repeat([]byte("0123456789abcdef"), 4<<10))
	}
	plain := builder.Plain() // 19 MiB
	w, err := zstd.NewWriter(nil, zstd.WithWindowSize(64<<20))
	require.NoError(t, err)
	wide := builder.BuildWith(batch.Zstd, w.EncodeAll(plain, nil))
	require.True(t, wide.Wide())
	for name, b := range map[string]batch.Batch{
		"zstd":   wide,
		"lz4":    builder.BuildWith(batch.LZ4, lz4Frame(t, plain, 4<<20)),
		"snappy": builder.BuildWith(batch.Snappy, packings[2].pack(t, plain)),
		"gzip":   builder.BuildWith(batch.Gzip, packings[1].pack(t, plain)),
	} {
		_, err := b.CheckRecords(len(plain))
		require.NoError(t, err, name)
		_, err = b.CheckRecords(len(plain) - 1)
		require.ErrorIs(t, err, batch.ErrExpansion, name)
	}
}

// A scanner that is used again, after any batch and any interruption, finds the same as a new one.
func TestAScannerCanBeUsedAgain(t *testing.T) {
	var used batch.Scanner
	rapid.Check(t, func(r *rapid.T) {
		b := sample()
		for range rapid.IntRange(0, 50).Draw(r, "records") {
			b.Add(rapid.Int64Range(-1, 5000).Draw(r, "time"), nil,
				make([]byte, rapid.IntRange(0, 3000).Draw(r, "size")))
		}
		p := rapid.SampledFrom(packings).Draw(r, "packing")
		payload := p.pack(t, b.Plain())
		if rapid.Bool().Draw(r, "damaged") {
			payload = slices.Clone(payload)
			payload[rapid.IntRange(0, len(payload)-1).Draw(r, "at")] ^= 0x55
		}
		built := b.BuildWith(p.codec, payload)
		want, wantErr := built.CheckRecords(1 << 20)
		err := used.Begin(built, 1<<20)
		for done := err != nil; !done; {
			_, done, err = used.Scan(rapid.IntRange(1, 5000).Draw(r, "budget"))
			if !done && rapid.IntRange(0, 30).Draw(r, "gives up") == 0 {
				used.End()
				return
			}
		}
		require.Equal(r, wantErr, err)
		if err == nil {
			require.Equal(r, want, used.Facts())
		}
	})
}

func TestSetMaxTimestamp(t *testing.T) {
	b := sample().Build()
	before := bytes.Clone(b)
	b.SetMaxTimestamp(1005)
	require.Equal(t, before, []byte(b), "it was right")
	b.SetMaxTimestamp(7)
	require.EqualValues(t, 7, b.MaxTimestampMs())
	require.True(t, b.ChecksumValid())
	b.StampLogAppendTime(7)
	b.SetMaxTimestamp(7)
	require.False(t, b.LogAppendTime())
	require.True(t, b.ChecksumValid())
}

func lz4Frame(t *testing.T, plain []byte, block int) []byte {
	var out bytes.Buffer
	w := lz4.NewWriter(&out)
	size := map[int]lz4.BlockSize{64 << 10: lz4.Block64Kb, 4 << 20: lz4.Block4Mb}[block]
	require.NoError(t, w.Apply(lz4.BlockSizeOption(size)))
	_, err := w.Write(plain)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

// lz4HeaderChecksum finds the checksum byte of a frame's header by trial.
func lz4HeaderChecksum(frame []byte) byte {
	for c := range 256 {
		head := append(bytes.Clone(frame[:6]), byte(c))
		if ok, err := lz4.ValidFrameHeader(head); ok && err == nil {
			return byte(c)
		}
	}
	panic("no checksum fits")
}
