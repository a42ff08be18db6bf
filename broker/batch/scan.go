package batch

import (
	"encoding/binary"
	"io"
	"math"
)

// Facts are what the records of a batch say about themselves, as a [Scanner] has read them.
type Facts struct {
	// MaxTimestampMs is the largest timestamp, as the header should have it: NoTimestamp if no
	// record has a larger one.
	MaxTimestampMs int64
	// OldestMs is the smallest timestamp; records without one do not count. It is NoTimestamp if
	// no record has one.
	OldestMs int64
	// Keyless says that a record has no key.
	Keyless bool
}

// Seen is one record, as a [Scanner] passes it.
type Seen struct {
	Index       int32 // in the batch
	TimestampMs int64 // as the record has it, also in a batch with LogAppendTime
	Keyless     bool
	Size        int // bytes, without the length before it
}

// Scanner reads the records of a batch without keeping them: it decompresses into a small window,
// and skips keys and values. A scan can be interrupted after any number of bytes, so that a large
// batch does not hold a loop. The zero value is ready for Begin, and so is a used Scanner: it keeps
// its decoders and buffers for the next batch.
type Scanner struct {
	batch    Batch
	decoders decoders
	in       io.Reader // what decompresses; nil if window is all that is left
	buf      []byte    // of window, if the batch is compressed
	window   []byte    // decompressed bytes that are not read yet
	limit    int       // decompressed bytes that may still come out of in

	state scanState
	skip  int   // bytes of the present key or value that are not passed yet
	left  int   // bytes of the record behind those
	heads int   // headers of the record that are not read yet
	next  int32 // index of the next record
	seen  Seen
	facts Facts
}

type scanState uint8

const (
	atRecord      scanState = iota // before a record
	atValue                        // behind its key
	atHeaders                      // behind its value
	atHeaderKey                    // before a header
	atHeaderValue                  // within a header, behind its key
	atEnd                          // behind the last record
)

const (
	// windowBytes is what a scan decompresses at a time.
	windowBytes = 32 << 10
	// fieldBytes is more than the longest run of fields that one state reads at once: length,
	// attributes, timestamp delta, offset delta and key length.
	fieldBytes = 32
)

// Begin starts a scan of the batch, which must have passed [Batch.Validate]. Its records may
// expand to limit bytes. The scanner reads the batch until the scan is over.
func (s *Scanner) Begin(b Batch, limit int) error {
	*s = Scanner{batch: b, decoders: s.decoders, buf: s.buf, limit: limit,
		facts: Facts{MaxTimestampMs: NoTimestamp, OldestMs: NoTimestamp}}
	if b.Codec() == Uncompressed {
		s.window = b[HeaderSize:]
		return nil
	}
	if s.buf == nil {
		s.buf = make([]byte, windowBytes)
	}
	in, err := s.decoders.open(b.Codec(), b[HeaderSize:], limit)
	s.in = in
	return err
}

// Scan reads records until it has passed about budget bytes of them, and returns what is left of
// the budget. done is true when the batch is read to its end, or cannot be: then err says why.
func (s *Scanner) Scan(budget int) (left int, done bool, err error) {
	for budget > 0 {
		found, spent, err := s.advance()
		if found {
			s.count()
		}
		budget -= spent
		if err != nil || s.state == atEnd {
			s.End()
			return max(0, budget), true, err
		}
	}
	return 0, false, nil
}

// Next reads one record. ok is false behind the last one.
func (s *Scanner) Next() (r Seen, ok bool, err error) {
	for s.state != atEnd {
		found, _, err := s.advance()
		if found || err != nil {
			return s.seen, err == nil, err
		}
	}
	return Seen{}, false, nil
}

// End gives up the scan, and what it refers to.
func (s *Scanner) End() {
	s.batch, s.in, s.window = nil, nil, nil
	s.decoders.close()
}

// Facts are what the scan has found; of the whole batch once it is done.
func (s *Scanner) Facts() Facts { return s.facts }

func (s *Scanner) count() {
	ms := s.seen.TimestampMs
	s.facts.MaxTimestampMs = max(s.facts.MaxTimestampMs, ms)
	if ms != NoTimestamp && (s.facts.OldestMs == NoTimestamp || ms < s.facts.OldestMs) {
		s.facts.OldestMs = ms
	}
	s.facts.Keyless = s.facts.Keyless || s.seen.Keyless
}

// advance passes one run of fields, or a part of a key or value. found is true when that has ended
// the record in seen. spent counts the bytes that were passed, and is never 0.
func (s *Scanner) advance() (found bool, spent int, err error) {
	if s.skip > 0 {
		spent = min(s.skip, len(s.window))
		s.window, s.skip = s.window[spent:], s.skip-spent
		if s.skip > 0 {
			return false, spent + 1, s.refill()
		}
	} else if spent, err = s.readFields(); err != nil {
		return false, spent, err
	}
	if s.state == atHeaderKey && s.heads == 0 && s.skip == 0 {
		return true, spent, s.endRecord()
	}
	return false, spent, nil
}

// readFields reads the fields of the present state. They are followed by skip bytes.
func (s *Scanner) readFields() (spent int, err error) {
	if len(s.window) < fieldBytes && s.in != nil {
		if err := s.refill(); err != nil {
			return 0, err
		}
	}
	f := fields{b: s.window}
	switch s.state {
	case atRecord:
		s.readRecord(&f)
	case atValue:
		s.skip, s.state = max(f.size(-1), 0), atHeaders
	case atHeaders:
		s.heads, s.state = f.size(0), atHeaderKey
	case atHeaderKey:
		s.skip, s.state = f.size(0), atHeaderValue
	case atHeaderValue:
		s.skip, s.state = max(f.size(-1), 0), atHeaderKey
		s.heads--
	}
	spent = len(s.window) - len(f.b)
	s.window = f.b
	if s.left -= spent + s.skip; f.bad || s.left < 0 {
		return spent, ErrRecord
	}
	return spent, nil
}

// readRecord reads the fields before the key:
//
//	length varint | attributes i8 | timestamp delta varlong | offset delta varint
//	| key length varint
func (s *Scanner) readRecord(f *fields) {
	size := f.size(0)
	s.left = size + len(s.window) - len(f.b)
	f.skip(1)
	s.seen.Index, s.seen.Size = s.next, size
	s.seen.TimestampMs = s.batch.BaseTimestampMs() + f.varlong()
	f.bad = f.bad || f.size(0) != int(s.next)
	key := f.size(-1)
	s.seen.Keyless = key < 0
	s.skip, s.state = max(key, 0), atValue
}

// endRecord checks that the record was as long as it said, and behind the last one that nothing
// follows.
func (s *Scanner) endRecord() error {
	if s.left != 0 {
		return ErrRecord
	}
	s.state = atRecord
	if s.next++; int(s.next) < s.batch.Count() {
		return nil
	}
	s.state = atEnd
	if len(s.window) == 0 && s.in != nil {
		if err := s.refill(); err != nil {
			return err // a checksum at the end, for example
		}
	}
	if len(s.window) > 0 {
		return ErrRecord
	}
	return nil
}

// refill decompresses until the window has enough for every state, or the end is reached: then in
// is nil. It is an error if a key or value has not ended there.
func (s *Scanner) refill() error {
	kept := copy(s.buf, s.window)
	for s.in != nil && kept < fieldBytes {
		n, err := s.in.Read(s.buf[kept:])
		kept += n
		s.limit -= n
		switch {
		case s.limit < 0:
			return ErrExpansion
		case err == io.EOF:
			s.in = nil
		case err != nil:
			return asCompression(err)
		}
	}
	s.window = s.buf[:kept]
	if s.skip > 0 && kept == 0 {
		return ErrRecord
	}
	return nil
}

// fields reads varints. After the first failure it reads nothing more.
type fields struct {
	b   []byte
	bad bool
}

// size reads a varint of 32 bits, from least on.
func (f *fields) size(least int) int {
	if len(f.b) > 0 && f.b[0] < 0x80 && !f.bad {
		n := int(f.b[0]>>1) ^ -int(f.b[0]&1)
		f.b = f.b[1:]
		f.bad = n < least
		return n
	}
	before := len(f.b)
	n := f.varlong()
	const longest = 5
	if n < int64(least) || n > math.MaxInt32 || before-len(f.b) > longest {
		f.bad = true
		return 0
	}
	return int(n)
}

func (f *fields) varlong() int64 {
	if len(f.b) > 0 && f.b[0] < 0x80 && !f.bad {
		v := int64(f.b[0]>>1) ^ -int64(f.b[0]&1)
		f.b = f.b[1:]
		return v
	}
	v, n := binary.Varint(f.b)
	if n <= 0 || f.bad {
		f.bad = true
		return 0
	}
	f.b = f.b[n:]
	return v
}

func (f *fields) skip(n int) {
	if f.bad = f.bad || n > len(f.b); !f.bad {
		f.b = f.b[n:]
	}
}
