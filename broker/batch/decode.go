package batch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// decoders decompress, one batch after the other, on the calling thread. They accept only what
// every client can read: for example no extension of Snappy that only this library knows.
type decoders struct {
	src    bytes.Reader
	gzip   *gzip.Reader
	lz4    *lz4.Reader
	zstd   *zstd.Decoder
	wide   *zstd.Decoder // of one batch with a large window
	snappy snappyReader
}

const (
	// zstdWindowKept is the largest window of a decoder that is kept for further batches: that of
	// level 19, and of all levels below.
	zstdWindowKept = 8 << 20
	// zstdWindowMax is the largest window at all: that of level 22, and what Java accepts.
	zstdWindowMax = 128 << 20
	// snappyKept is the largest block buffer that is kept.
	snappyKept = 1 << 20
)

// open returns what decompresses data. The reader is valid until close. It need not keep to limit,
// but it holds no more in memory at a time, apart from windows.
func (d *decoders) open(codec Codec, data []byte, limit int) (io.Reader, error) {
	d.src.Reset(data)
	switch codec {
	case Gzip:
		return d.openGzip()
	case Snappy:
		return d.snappy.open(data, limit)
	case LZ4:
		return d.openLZ4(data)
	case Zstd:
		return d.openZstd(data)
	}
	return nil, ErrCodec
}

// close forgets the batch, and frees what is too large to be kept.
func (d *decoders) close() {
	d.src.Reset(nil)
	d.snappy.close()
	if d.wide != nil {
		d.wide.Close()
		d.wide = nil
	}
}

// asCompression is the error of a decoder, as clients get it.
func asCompression(err error) error {
	var ours *Error
	if errors.As(err, &ours) {
		return ours
	}
	return ErrCompression
}

func (d *decoders) openGzip() (io.Reader, error) {
	if d.gzip == nil {
		d.gzip = new(gzip.Reader)
	}
	if err := d.gzip.Reset(&d.src); err != nil {
		return nil, ErrCompression
	}
	return d.gzip, nil
}

// openZstd takes a decoder of its own for a frame with a large window, since a decoder keeps the
// memory of the largest window that it has seen.
func (d *decoders) openZstd(data []byte) (io.Reader, error) {
	decoder, window := &d.zstd, uint64(zstdWindowKept)
	if wideZstd(data) {
		decoder, window = &d.wide, zstdWindowMax
	}
	if *decoder == nil {
		made, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(window))
		if err != nil {
			return nil, err
		}
		*decoder = made
	}
	if err := (*decoder).Reset(&d.src); err != nil {
		return nil, ErrCompression
	}
	return *decoder, nil
}

// Wide reports whether a scan of the batch needs much memory at once: up to 128 MiB. The caller
// should bound how many of those it does at a time.
func (b Batch) Wide() bool { return b.Codec() == Zstd && wideZstd(b[HeaderSize:]) }

// wideZstd reports whether the first frame has a large window, or content that serves as one. A
// later frame with one is refused: no client compresses a batch into several frames.
func wideZstd(data []byte) bool {
	var h zstd.Header
	err := h.Decode(data)
	return err == nil && max(h.WindowSize, h.FrameContentSize) > zstdWindowKept
}

// openLZ4 accepts one frame of independent blocks, which is all that Java's reader knows.
func (d *decoders) openLZ4(data []byte) (io.Reader, error) {
	if !wholeLZ4Frame(data) {
		return nil, ErrCompression
	}
	if d.lz4 == nil {
		d.lz4 = lz4.NewReader(nil) // not concurrent, by default
	}
	d.lz4.Reset(&d.src)
	return d.lz4, nil
}

// wholeLZ4Frame reports whether data is one frame without linked blocks and without a dictionary:
//
//	magic u32 | flags u8 | block size u8 | [content size u64] | header checksum u8
//	| (size u32, its highest bit: not compressed | block | [checksum u32])* | 0 u32
//	| [checksum u32]
//
// All numbers are little-endian. The decoder checks the rest.
func wholeLZ4Frame(data []byte) bool {
	const (
		magic, head                            = 0x184d2204, 7
		dictionary, contentChecksum, size      = 0x01, 0x04, 0x08
		blockChecksum, independent, plainBlock = 0x10, 0x20, 1 << 31
	)
	if len(data) < head || binary.LittleEndian.Uint32(data) != magic {
		return false
	}
	flags := data[4]
	at := head
	if flags&size != 0 {
		at += 8
	}
	if flags&independent == 0 || flags&dictionary != 0 {
		return false
	}
	for at+4 <= len(data) {
		block := int(binary.LittleEndian.Uint32(data[at:]) &^ plainBlock)
		at += 4
		switch {
		case block == 0 && flags&contentChecksum != 0:
			return at+4 == len(data)
		case block == 0:
			return at == len(data)
		case flags&blockChecksum != 0:
			block += 4
		}
		if at += block; at > len(data) {
			return false
		}
	}
	return false
}

// xerialMagic begins the framing that Java's snappy library puts around blocks:
//
//	82 'S' 'N' 'A' 'P' 'P' 'Y' 00 | version i32 | compatible i32 | (length i32, block)*
//
// Other clients (librdkafka, franz-go) write one bare block.
var xerialMagic = []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}

const xerialHeaderSize = 16

// snappyReader decompresses block by block. A block is decompressed whole: the format has no
// smaller part. Those of Java have 32 KiB; a bare block may be the whole batch.
type snappyReader struct {
	blocks []byte // xerial: what follows
	bare   []byte // the only block
	plain  []byte // decompressed and not read yet
	buf    []byte
	limit  int // of a block
}

func (r *snappyReader) open(data []byte, limit int) (io.Reader, error) {
	r.blocks, r.bare, r.plain, r.limit = nil, data, nil, limit
	if bytes.HasPrefix(data, xerialMagic) {
		if len(data) < xerialHeaderSize {
			return nil, ErrCompression
		}
		r.blocks, r.bare = data[xerialHeaderSize:], nil
	}
	return r, nil
}

func (r *snappyReader) close() {
	r.blocks, r.bare, r.plain = nil, nil, nil
	if cap(r.buf) > snappyKept {
		r.buf = nil
	}
}

// Read implements io.Reader.
func (r *snappyReader) Read(p []byte) (int, error) {
	for len(r.plain) == 0 {
		block, err := r.next()
		if err != nil {
			return 0, err
		}
		size, err := snappy.DecodedLen(block)
		if err != nil || !plainSnappy(block, size) {
			return 0, ErrCompression
		}
		if size > r.limit {
			return 0, ErrExpansion
		}
		if size > cap(r.buf) {
			r.buf = make([]byte, size)
		}
		if r.plain, err = snappy.Decode(r.buf[:cap(r.buf)], block); err != nil {
			return 0, ErrCompression
		}
	}
	n := copy(p, r.plain)
	r.plain = r.plain[n:]
	return n, nil
}

func (r *snappyReader) next() (block []byte, err error) {
	if r.bare != nil {
		block, r.bare = r.bare, nil
		return block, nil
	}
	if len(r.blocks) == 0 {
		return nil, io.EOF
	}
	if len(r.blocks) < 4 {
		return nil, ErrCompression
	}
	size := int64(binary.BigEndian.Uint32(r.blocks))
	if r.blocks = r.blocks[4:]; size > int64(len(r.blocks)) {
		return nil, ErrCompression
	}
	block, r.blocks = r.blocks[:size], r.blocks[size:]
	return block, nil
}

// plainSnappy reports whether the elements of a block make size bytes and are those of Snappy. The
// decoder also knows S2, which gives a meaning to copies from offset 0; no other reader does. The
// walk allocates nothing, so that a block cannot claim a size that it does not have.
func plainSnappy(block []byte, size int) bool {
	_, n := binary.Uvarint(block)
	made := 0
	for b := block[n:]; len(b) > 0; {
		length, taken, offset := snappyElement(b)
		if taken == 0 || taken > len(b) || offset == 0 || offset > made {
			return false
		}
		made += length
		b = b[taken:]
	}
	return made == size
}

// snappyElement reads the tag of an element. A literal has the offset -1, and takes its bytes with
// it. taken is 0 if the tag is cut short.
func snappyElement(b []byte) (length, taken, offset int) {
	n := int(b[0] >> 2)
	switch b[0] & 3 {
	case 0:
		head := 1
		if n >= 60 {
			head += n - 59
			if len(b) < head {
				return 0, 0, 0
			}
			n = 0
			for i := head - 1; i > 0; i-- {
				n = n<<8 | int(b[i])
			}
		}
		return n + 1, head + n + 1, -1
	case 1:
		if len(b) < 2 {
			return 0, 0, 0
		}
		return 4 + n&7, 2, int(b[0]>>5)<<8 | int(b[1])
	case 2:
		if len(b) < 3 {
			return 0, 0, 0
		}
		return 1 + n, 3, int(binary.LittleEndian.Uint16(b[1:]))
	}
	if len(b) < 5 {
		return 0, 0, 0
	}
	return 1 + n, 5, int(binary.LittleEndian.Uint32(b[1:]))
}
