package wal

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRecordHeaderBytes(t *testing.T) {
	h := recordHeader{
		id: 0x0807060504030201, number: 7, offset: 4096, seq: 300, durable: 255,
		handle: 9, length: 5, payloadCRC: 0xA1B2C3D4, typ: 3, index: 0x010203,
	}
	b := make([]byte, recordHeaderBytes)
	h.put(b)
	require.Equal(t, "4c575201"+hex.EncodeToString(b[4:8])+
		"0102030405060708"+"0700000000000000"+"0010000000000000"+
		"2c01000000000000"+"ff00000000000000"+"09000000"+"05000000"+"d4c3b2a1"+"03"+"030201",
		hex.EncodeToString(b), "the format is on disks: a change needs a new version")
	_, ok := parseRecord(b)
	require.False(t, ok, "index above the sequence")

	h.index = 2
	h.put(b)
	got, ok := parseRecord(b)
	require.True(t, ok)
	require.Equal(t, h, got)
	require.Equal(t, Seq(298), got.groupFirst())
}

func TestSegmentHeaderBytes(t *testing.T) {
	h := segmentHeader{
		id: 1, number: 2, first: 3, previous: 4, previousID: 5, previousEnd: 6, released: 7,
		nextHandle: 8, firstOfIncarnation: true, bindingsView: appendBinding(nil, 9, ID{1, 2}),
	}
	b := h.encode()
	require.Len(t, b, sectorBytes)
	require.Equal(t, "4c575301", hex.EncodeToString(b[:4]))
	require.Equal(t, "0800000001000000", hex.EncodeToString(b[64:72]))
	require.Equal(t, "0010000001000000", hex.EncodeToString(b[76:84]))
	require.Equal(t, "090000000102", hex.EncodeToString(b[segmentFixedBytes:][:6]))
	got, ok := parseSegment(b)
	require.True(t, ok)
	view, ok := got.bindingsOf(b)
	require.True(t, ok)
	require.Equal(t, h.bindingsView, view)
	got.bindingsView = h.bindingsView
	require.Equal(t, h, got)
}

// A checksum covers every bit of a header but those of the padding.
func TestEveryFlippedHeaderBitIsSeen(t *testing.T) {
	record := make([]byte, recordHeaderBytes)
	(&recordHeader{id: 1, number: 2, offset: 3, seq: 4, typ: 5}).put(record)
	segment := (&segmentHeader{
		id: 1, number: 2, bindingsView: appendBinding(nil, 1, ID{3}),
	}).encode()
	for bit := range recordHeaderBytes * 8 {
		b := bytes.Clone(record)
		b[bit/8] ^= 1 << (bit % 8)
		_, ok := parseRecord(b)
		require.False(t, ok, "bit %d", bit)
	}
	for bit := range (segmentFixedBytes + bindingBytes) * 8 {
		b := bytes.Clone(segment)
		b[bit/8] ^= 1 << (bit % 8)
		h, ok := parseSegment(b)
		if ok {
			_, ok = h.bindingsOf(b)
		}
		require.False(t, ok, "bit %d", bit)
	}
}

func TestShortAndForeignBytesAreNoHeaders(t *testing.T) {
	for n := range recordHeaderBytes {
		_, ok := parseRecord(make([]byte, n))
		require.False(t, ok)
		_, ok = parseSegment(make([]byte, n))
		require.False(t, ok)
	}
}

func TestSegmentNames(t *testing.T) {
	for number, name := range map[uint64]string{
		1: "0000000000000001.wal", 0xABCDEF: "0000000000abcdef.wal",
		^uint64(0): "ffffffffffffffff.wal",
	} {
		require.Equal(t, name, segmentName(number))
		got, ok := parseName(name)
		require.True(t, ok)
		require.Equal(t, number, got)
	}
	for _, name := range []string{
		"", "1.wal", "0000000000000000.wal", "0000000000ABCDEF.wal", "0000000000000001.tmp",
		"+000000000000001.wal",
	} {
		_, ok := parseName(name)
		require.False(t, ok, name)
	}
}
