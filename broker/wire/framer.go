package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// MaxOtherFrame is the largest frame in bytes of any request but Produce
// (PROTOCOL 34).
const MaxOtherFrame = 1 << 20

// frameHeaderSize is the big-endian u32 length before every frame.
const frameHeaderSize = 4

// keySize is the size of the API key, the first field of a Kafka request.
const keySize = 2

// ErrFrameSize is wrapped by the errors of a [Framer]: the length before a frame is
// negative or above the limit. The rest of the stream cannot be read.
var ErrFrameSize = errors.New("wire: frame size out of bounds")

// Framer cuts a byte stream into frames: a big-endian u32 length and that many
// bytes. Kafka and peer connections use the same framing.
//
// A frame that lies within one chunk is returned as a sub-slice of it. A frame that spans
// chunks is copied into a new buffer. The zero value is not usable; see [NewFramer] and
// [NewRequestFramer].
type Framer struct {
	max      int // largest frame in bytes
	maxOther int // largest frame that does not begin with Produce's key

	chunks   [][]byte // fed and not read yet; all but the first are whole
	first    int      // index into chunks
	buffered int      // bytes fed and not returned yet, length prefixes included

	// A frame that spans chunks is collected here.
	head     [frameHeaderSize]byte
	headHave int    // bytes in head; frameHeaderSize while the body is collected
	need     int    // length of the body; valid once head is full
	part     []byte // the body so far; len(part) < need between calls

	err error // once broken, a stream stays broken
}

// NewFramer returns a Framer for frames of at most max bytes, the length prefix
// not counted.
func NewFramer(max int) *Framer { return &Framer{max: max, maxOther: max} }

// NewRequestFramer returns a Framer for the requests of a Kafka client: Produce up to
// maxProduce bytes, everything else up to [MaxOtherFrame]. A larger frame is refused as
// soon as its key has arrived, before it is buffered.
func NewRequestFramer(maxProduce int) *Framer {
	return &Framer{max: maxProduce, maxOther: min(maxProduce, MaxOtherFrame)}
}

// Feed appends a chunk of the stream. The chunk belongs to the Framer.
func (f *Framer) Feed(chunk []byte) {
	if len(chunk) == 0 {
		return
	}
	if f.first == len(f.chunks) {
		f.chunks, f.first = f.chunks[:0], 0
	}
	f.chunks = append(f.chunks, chunk)
	f.buffered += len(chunk)
}

// Buffered is the number of bytes that were fed and not yet returned in frames, length
// prefixes included.
func (f *Framer) Buffered() int { return f.buffered }

// Next returns the next complete frame without its length prefix, or false if
// more bytes are needed. The frame belongs to the caller; its capacity ends
// with it. After an error every call returns that error.
func (f *Framer) Next() (frame []byte, ok bool, err error) {
	if f.err != nil {
		return nil, false, f.err
	}
	for f.first < len(f.chunks) {
		if f.headHave == 0 {
			if frame, ok := f.within(); ok {
				return frame, true, nil
			}
			if f.err != nil {
				return nil, false, f.err
			}
		}
		frame, ok = f.collect()
		if f.err != nil {
			return nil, false, f.err
		}
		if ok {
			return frame, true, nil
		}
	}
	return nil, false, nil
}

// within returns a frame that lies within the first chunk.
func (f *Framer) within() ([]byte, bool) {
	chunk := f.chunks[f.first]
	if len(chunk) < frameHeaderSize {
		return nil, false
	}
	body := chunk[frameHeaderSize:]
	n := int(int32(binary.BigEndian.Uint32(chunk)))
	if f.check(n, body); f.err != nil || len(body) < n {
		return nil, false
	}
	f.advance(frameHeaderSize + n)
	f.buffered -= frameHeaderSize + n
	return body[:n:n], true
}

// collect moves bytes of the first chunk into the frame that spans chunks, and returns
// that frame when it is complete.
func (f *Framer) collect() ([]byte, bool) {
	if f.headHave < frameHeaderSize {
		n := copy(f.head[f.headHave:], f.chunks[f.first])
		f.headHave += n
		f.advance(n)
		if f.headHave < frameHeaderSize {
			return nil, false
		}
		f.need = int(int32(binary.BigEndian.Uint32(f.head[:])))
		if f.check(f.need, nil); f.err != nil {
			return nil, false
		}
	}
	if f.need > len(f.part) {
		if f.first == len(f.chunks) {
			return nil, false
		}
		chunk := f.chunks[f.first]
		n := min(f.need-len(f.part), len(chunk))
		f.grow(n)
		f.part = append(f.part, chunk[:n]...)
		f.advance(n)
		if f.check(f.need, f.part); f.err != nil || len(f.part) < f.need {
			return nil, false
		}
	}
	frame := f.part[:f.need:f.need]
	f.part, f.headHave = nil, 0
	f.buffered -= frameHeaderSize + f.need
	return frame, true
}

// grow makes room for n more bytes of part. The length on the wire is not
// trusted: the buffer is at most twice what has arrived.
func (f *Framer) grow(n int) {
	have := len(f.part) + n
	if have <= cap(f.part) {
		return
	}
	grown := make([]byte, len(f.part), min(f.need, max(2*have, 256)))
	copy(grown, f.part)
	f.part = grown
}

// check sets err if the length n of a frame is out of bounds. body is what has arrived of
// the frame so far.
func (f *Framer) check(n int, body []byte) {
	limit := f.max
	if f.maxOther < f.max && len(body) >= keySize &&
		int16(binary.BigEndian.Uint16(body)) != KeyProduce {
		limit = f.maxOther
	}
	if n < 0 || n > limit {
		f.err = fmt.Errorf("%w: %d bytes announced, at most %d allowed", ErrFrameSize, n, limit)
		f.chunks, f.part = nil, nil
	}
}

// advance drops n bytes of the first chunk.
func (f *Framer) advance(n int) {
	if rest := f.chunks[f.first][n:]; len(rest) > 0 {
		f.chunks[f.first] = rest
		return
	}
	f.chunks[f.first] = nil // so that it can be freed
	f.first++
}
