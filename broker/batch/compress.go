package batch

import (
	"bytes"
	"encoding/binary"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// zstdWindowMax bounds the memory that a zstd frame may ask for before it has produced a byte.
const zstdWindowMax = 32 << 20

// expand decompresses the records section to at most limit bytes. All decoders
// run on the calling thread.
func expand(codec Codec, data []byte, limit int) ([]byte, error) {
	switch codec {
	case Uncompressed:
		return data, nil
	case Snappy:
		return expandSnappy(data, limit)
	case Gzip:
		r, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, ErrCompression
		}
		return readAll(r, limit)
	case LZ4:
		return readAll(lz4.NewReader(bytes.NewReader(data)), limit) // concurrency 1 is its default
	case Zstd:
		r, err := zstd.NewReader(bytes.NewReader(data), zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(zstdWindowMax))
		if err != nil {
			return nil, ErrCompression
		}
		defer r.Close()
		return readAll(r, limit)
	}
	return nil, ErrCodec
}

func readAll(r io.Reader, limit int) ([]byte, error) {
	out, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err != nil {
		return nil, ErrCompression
	}
	if len(out) > limit {
		return nil, ErrExpansion
	}
	return out, nil
}

// xerialMagic begins the framing that Java's snappy library puts around blocks:
//
//	82 'S' 'N' 'A' 'P' 'P' 'Y' 00 | version i32 | compatible i32 | (length i32, block)*
//
// Other clients (librdkafka, franz-go) write one bare block.
var xerialMagic = []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}

const xerialHeaderSize = 16

func expandSnappy(data []byte, limit int) ([]byte, error) {
	if !bytes.HasPrefix(data, xerialMagic) {
		return appendSnappy(nil, data, limit)
	}
	if len(data) < xerialHeaderSize {
		return nil, ErrCompression
	}
	var out []byte
	for data = data[xerialHeaderSize:]; len(data) > 0; {
		if len(data) < 4 {
			return nil, ErrCompression
		}
		size := int64(binary.BigEndian.Uint32(data))
		if data = data[4:]; size > int64(len(data)) {
			return nil, ErrCompression
		}
		var err error
		if out, err = appendSnappy(out, data[:size], limit); err != nil {
			return nil, err
		}
		data = data[size:]
	}
	return out, nil
}

func appendSnappy(out, block []byte, limit int) ([]byte, error) {
	size, err := snappy.DecodedLen(block)
	if err != nil {
		return nil, ErrCompression
	}
	if size > limit-len(out) {
		return nil, ErrExpansion
	}
	plain, err := snappy.Decode(nil, block)
	if err != nil {
		return nil, ErrCompression
	}
	if out == nil {
		return plain, nil
	}
	return append(out, plain...), nil
}
