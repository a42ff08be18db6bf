package wire

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func frameOf(body []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

func TestFramerYieldsTheFramesOfAnyChunking(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bodies := rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 0, 600), 0, 20).Draw(t, "bodies")
		var stream []byte
		for _, body := range bodies {
			stream = append(stream, frameOf(body)...)
		}
		partial := rapid.SliceOfN(rapid.Byte(), 0, 30).Draw(t, "partial")
		stream = append(stream, frameOf(make([]byte, 40))[:len(partial)]...)

		f := NewFramer(1000)
		fed, taken := 0, 0
		var got [][]byte
		take := func() {
			for {
				frame, ok, err := f.Next()
				require.NoError(t, err)
				if !ok {
					return
				}
				require.Equal(t, len(frame), cap(frame), "a frame must not reach into the next one")
				got = append(got, frame)
				taken += 4 + len(frame)
				require.Equal(t, fed-taken, f.Buffered())
			}
		}
		for rest := stream; len(rest) > 0; {
			n := rapid.IntRange(1, min(len(rest), 700)).Draw(t, "chunk")
			f.Feed(bytes.Clone(rest[:n]))
			fed += n
			rest = rest[n:]
			if rapid.Bool().Draw(t, "take now") {
				take()
			}
			require.Equal(t, fed-taken, f.Buffered())
		}
		take()
		require.Len(t, got, len(bodies))
		for i := range bodies {
			require.Equal(t, string(bodies[i]), string(got[i]))
		}
		require.Equal(t, len(partial), f.Buffered())
	})
}

func TestFramerDoesNotCopyWithinAChunk(t *testing.T) {
	chunk := append(frameOf([]byte("one")), frameOf([]byte("two"))...)
	f := NewFramer(100)
	f.Feed(chunk)
	first, ok, err := f.Next()
	require.True(t, ok)
	require.NoError(t, err)
	second, ok, _ := f.Next()
	require.True(t, ok)
	require.Same(t, &chunk[4], &first[0])
	require.Same(t, &chunk[11], &second[0])
}

func TestFramerRefusesSizesOutOfBounds(t *testing.T) {
	for name, length := range map[string]uint32{
		"negative": 0xffffffff, "too large": 101, "most negative": 1 << 31,
	} {
		for _, cut := range []int{0, 1, 3} { // 0: not cut
			t.Run(name, func(t *testing.T) {
				f := NewFramer(100)
				head := binary.BigEndian.AppendUint32(nil, length)
				f.Feed(bytes.Clone(head[:cut]))
				_, ok, err := f.Next()
				require.False(t, ok)
				require.NoError(t, err)
				f.Feed(head[cut:])
				_, _, err = f.Next()
				require.ErrorIs(t, err, ErrFrameSize)
				f.Feed(frameOf(nil))
				_, _, err = f.Next()
				require.ErrorIs(t, err, ErrFrameSize, "a broken stream stays broken")
			})
		}
	}
}

func TestRequestFramerKeepsLargeFramesForProduce(t *testing.T) {
	start := func(key int16, size uint32, cut int) error {
		f := NewRequestFramer(8 << 20)
		head := binary.BigEndian.AppendUint32(nil, size)
		head = binary.BigEndian.AppendUint16(head, uint16(key))
		f.Feed(bytes.Clone(head[:cut]))
		if _, _, err := f.Next(); err != nil {
			return err
		}
		f.Feed(bytes.Clone(head[cut:]))
		_, _, err := f.Next()
		return err
	}
	for cut := 0; cut <= 6; cut++ {
		require.NoError(t, start(KeyProduce, 8<<20, cut))
		require.ErrorIs(t, start(KeyProduce, 8<<20+1, cut), ErrFrameSize)
		require.NoError(t, start(KeyFetch, MaxOtherFrame, cut))
		require.ErrorIs(t, start(KeyFetch, MaxOtherFrame+1, cut), ErrFrameSize)
	}
}

func TestFramerDoesNotTrustTheLength(t *testing.T) {
	f := NewFramer(1 << 30)
	f.Feed(binary.BigEndian.AppendUint32(nil, 1<<30))
	f.Feed(make([]byte, 100))
	_, ok, err := f.Next()
	require.False(t, ok)
	require.NoError(t, err)
	require.LessOrEqual(t, cap(f.part), 400)
}

func BenchmarkFramerSmallFrames(b *testing.B) {
	var stream []byte
	for range 1000 {
		stream = append(stream, frameOf(make([]byte, 60))...)
	}
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	f := NewFramer(1 << 20)
	for b.Loop() {
		f.Feed(stream)
		n := 0
		for {
			if _, ok, _ := f.Next(); !ok {
				break
			}
			n++
		}
		if n != 1000 {
			b.Fatal(n)
		}
	}
}
