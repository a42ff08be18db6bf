package partition

import (
	"encoding/binary"
	"hash/crc32"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/alloctest"
)

// A checkpoint that passes its checksum may still be of another program: its body
// is taken apart without a panic, and what was read is written as it was.
func FuzzDecodeCheckpoint(f *testing.F) {
	c := checkpoint{
		number: 1, life: 2, covered: 3, end: 10, watermark: 9,
		epochs:   epochs{{Epoch: 1, Start: 0}, {Epoch: 4, Start: 5}},
		segments: []segment{newSegment(0), {base: 5, end: 10, logBytes: 100}},
	}
	c.snapshots = []snapshot{{offset: 9}, {offset: 10}}
	p := &producer{epoch: 1, usedMs: 5, last: 9, n: 1}
	c.snapshots[1].producers.table.Set(7, p)
	f.Add(c.encode()[checkpointHeaderBytes:])
	f.Add((&checkpoint{snapshots: []snapshot{{}}}).encode()[checkpointHeaderBytes:])
	f.Fuzz(func(t *testing.T, body []byte) {
		b := append(make([]byte, checkpointHeaderBytes), body...)
		copy(b, checkpointMagic)
		binary.BigEndian.PutUint32(b[4:], checkpointVersion)
		binary.BigEndian.PutUint32(b[8:], uint32(len(body)))
		binary.BigEndian.PutUint32(b[12:], crc32.Checksum(body, castagnoli))
		alloctest.Bounded(t, 64*len(b), func() {
			c, err := decodeCheckpoint(b)
			if err != nil {
				return
			}
			again, err := decodeCheckpoint(c.encode())
			require.NoError(t, err)
			require.Equal(t, c.encode(), again.encode())
			require.LessOrEqual(t, len(c.encode()), c.maxBytes())
		})
		_, _ = decodeCheckpoint(body) // a file that is none
	})
}
