package wire

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/alloctest"
)

// However a stream is cut into chunks, it has the same frames and the same error.
func FuzzFramer(f *testing.F) {
	frame := func(n int) []byte {
		return append(binary.BigEndian.AppendUint32(nil, uint32(n)), make([]byte, n)...)
	}
	f.Add(frame(3), []byte{1})
	f.Add(append(frame(0), frame(40)...), []byte{5, 0, 2})
	f.Add([]byte{0x7f, 0xff, 0xff, 0xff, 1}, []byte{2})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff}, []byte{})
	f.Fuzz(func(t *testing.T, stream, cuts []byte) {
		const maxProduce = 256 << 20 // more than the slack of Bounded
		whole := NewRequestFramer(maxProduce)
		whole.Feed(bytes.Clone(stream))
		want, wantErr := drain(whole)

		alloctest.Bounded(t, 8*len(stream)+64<<10, func() {
			cut := NewRequestFramer(maxProduce)
			var got [][]byte
			var err error
			for i, rest := 0, bytes.Clone(stream); len(rest) > 0 && err == nil; i++ {
				n := len(rest)
				if i < len(cuts) {
					n = min(n, int(cuts[i])+1)
				}
				cut.Feed(rest[:n])
				rest = rest[n:]
				var more [][]byte
				more, err = drain(cut)
				got = append(got, more...)
			}
			require.Equal(t, want, got)
			require.Equal(t, wantErr == nil, err == nil)
			if err == nil {
				require.Equal(t, whole.Buffered(), cut.Buffered())
			}
		})
	})
}

func drain(f *Framer) (frames [][]byte, err error) {
	for {
		frame, ok, err := f.Next()
		if err != nil || !ok {
			return frames, err
		}
		frames = append(frames, append([]byte{}, frame...))
	}
}
