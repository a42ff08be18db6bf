package wire

import "encoding/binary"

// reader reads Kafka's primitive types from a slice. Nothing that it returns is copied,
// and nothing is allocated by a length on the wire. When there are too few bytes it
// becomes bad, and from then on it returns zeros.
type reader struct {
	src      []byte
	flexible bool // compact lengths (KIP-482)
	bad      bool
}

func (r *reader) fail() {
	r.bad, r.src = true, nil
}

// span returns the next n bytes; its capacity ends with it.
func (r *reader) span(n int) []byte {
	if n < 0 || n > len(r.src) {
		r.fail()
		return nil
	}
	b := r.src[:n:n]
	r.src = r.src[n:]
	return b
}

func (r *reader) int16() int16 {
	if b := r.span(2); b != nil {
		return int16(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (r *reader) int32() int32 {
	if b := r.span(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

// uvarint returns a varint of at most 32 bits.
func (r *reader) uvarint() uint32 {
	// A byte more than a value of 32 bits needs, or a larger value, is an error.
	var v uint64
	for i := 0; i < 5 && i < len(r.src); i++ {
		b := r.src[i]
		v |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			if v > 1<<32-1 {
				break
			}
			r.src = r.src[i+1:]
			return uint32(v)
		}
	}
	r.fail()
	return 0
}

// length returns the length of the bytes, or the number of the elements, that follow; -1
// is null. In compact form it is a varint of length+1, otherwise an integer of fixed
// size.
func (r *reader) length(fixed int) int {
	if r.flexible {
		return int(r.uvarint()) - 1
	}
	if fixed == 2 {
		return int(r.int16())
	}
	return int(r.int32())
}

// arrayLen returns the number of elements that follow; null counts as none. An element
// has at least one byte, so a larger number than the bytes that are left is an error.
func (r *reader) arrayLen() int {
	n := r.length(4)
	if n > len(r.src) || n < -1 {
		r.fail()
		return 0
	}
	return max(n, 0)
}

// nullableString returns the bytes of a string, and false for null.
func (r *reader) nullableString() ([]byte, bool) {
	n := r.length(2)
	if n == -1 {
		return nil, false
	}
	return r.span(n), true
}

// nullableBytes returns a byte string; nil is null, empty is not nil.
func (r *reader) nullableBytes() []byte {
	n := r.length(4)
	if n == -1 {
		return nil
	}
	return r.span(n)
}

// skipTags skips tagged fields.
func (r *reader) skipTags() { r.tags(nil) }

// tags walks tagged fields and gives the content of each to known, if there is one. Every
// tagged field takes bytes, so the walk ends at once if the count is too large.
func (r *reader) tags(known func(tag uint32, content *reader)) {
	for n := r.uvarint(); n > 0 && !r.bad; n-- {
		tag := r.uvarint()
		content := reader{src: r.span(int(r.uvarint())), flexible: r.flexible}
		if known != nil && !r.bad {
			known(tag, &content)
			if content.bad {
				r.fail()
			}
		}
	}
}
