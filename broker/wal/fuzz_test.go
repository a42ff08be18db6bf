package wal

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// What parses as the header of a record is written as it was read. The checksum
// is made right first.
func FuzzRecordHeader(f *testing.F) {
	b := make([]byte, recordHeaderBytes)
	(&recordHeader{id: 1, number: 2, offset: 4096, seq: 9, durable: 3, length: 5, typ: 1}).put(b)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		parseRecord(b)
		if len(b) < recordHeaderBytes {
			return
		}
		b = bytes.Clone(b[:recordHeaderBytes])
		binary.LittleEndian.PutUint32(b, recordMagic)
		sealRecord(b, Seq(binary.LittleEndian.Uint64(b[40:])))
		if h, ok := parseRecord(b); ok {
			again := make([]byte, recordHeaderBytes)
			h.put(again)
			require.Equal(t, b, again)
		}
	})
}

// What parses as the header of a segment is written as it was read, but for flags
// and bytes that this version does not know.
func FuzzSegmentHeader(f *testing.F) {
	h := segmentHeader{id: 1, number: 2, first: 3, nextHandle: 2, firstOfIncarnation: true}
	h.bindingsView = appendBinding(nil, 1, ID{1})
	f.Add(h.encode())
	f.Add((&segmentHeader{id: 1, number: 1}).encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		parseSegment(b)
		if len(b) < segmentFixedBytes {
			return
		}
		b = bytes.Clone(b)
		le := binary.LittleEndian
		le.PutUint32(b, segmentMagic)
		le.PutUint32(b[80:], le.Uint32(b[80:])&flagFirstOfIncarnation)
		le.PutUint32(b[84:], 0)
		le.PutUint32(b[4:], crc32.Checksum(b[8:segmentFixedBytes], castagnoli))
		h, ok := parseSegment(b)
		if !ok {
			return
		}
		view, ok := h.bindingsOf(b)
		if !ok {
			return
		}
		h.bindingsView = view
		require.Equal(t, b[:segmentFixedBytes], h.encode()[:segmentFixedBytes])
	})
}

// However the files of a log are damaged, a recovery ends, and it delivers no
// record with other bytes than were appended. Each damage is six bytes: which
// file, where (u24), what to do, and a value.
func FuzzRecovery(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 0, 0, 8, 0, 1})                        // the header of the first segment
	f.Add([]byte{1, 0, 16, 4, 1, 0, 0, 0, 32, 0, 2, 0xff}) // a sector, and the end of a file
	f.Add([]byte{2, 0, 0, 0, 3, 0})                        // a file is missing
	f.Fuzz(func(t *testing.T, damages []byte) {
		w := quiet(t, smallConfig(1), 12, 3000)
		w.bind()
		w.settle()
		for len(damages) >= 6 {
			w.harm(damages[:6])
			damages = damages[6:]
		}
		w.start()
		for _, rec := range w.finish() {
			want, ok := w.records[rec.Seq]
			require.True(t, ok, "record %d was never appended", rec.Seq)
			require.Equal(t, want.typ, rec.Type)
			require.Equal(t, want.handle, rec.Handle)
			require.True(t, bytes.Equal(want.payload, rec.Payload), "bytes of record %d", rec.Seq)
		}
		// The log goes on, and what is written from now on is found again.
		next := w.append(100)
		payload := w.records[next].payload
		w.settle()
		w.start()
		got := w.finish()
		require.NotEmpty(t, got)
		last := got[len(got)-1]
		require.Equal(t, next, last.Seq)
		require.True(t, bytes.Equal(payload, last.Payload))
	})
}

// harm changes what a file holds, as rot, a torn write or a lost file would.
func (w *world) harm(d []byte) {
	names := slices.Sorted(maps.Keys(w.disk.names))
	names = slices.DeleteFunc(names, func(n string) bool { return w.disk.names[n].dir })
	if len(names) == 0 {
		return
	}
	name := names[int(d[0])%len(names)]
	file := w.disk.names[name]
	at := (int(d[1])<<16 | int(d[2])<<8 | int(d[3])) % max(1, len(file.data))
	switch d[4] % 4 {
	case 0:
		if len(file.data) > 0 {
			file.data[at] ^= d[5]
		}
	case 1:
		clear(file.data[at:min(len(file.data), at+sectorBytes)])
	case 2:
		file.data = file.data[:at]
	case 3:
		delete(w.disk.names, name)
		delete(w.disk.durableNames, name)
	}
	file.durable = bytes.Clone(file.data)
}
