package peer

import (
	"encoding/binary"

	"example.com/lockstep/broker/kafka"
)

// coder reads or writes the fields of one message, big-endian. A read beyond the bytes
// makes it bad, and from then on reads leave zeros.
type coder struct {
	reading bool
	bad     bool
	buf     []byte // what is left to read, or what was written
	tail    []byte // bulk to be sent after buf
}

// span returns the next n bytes to read; their capacity ends with them.
func (c *coder) span(n int) []byte {
	if n < 0 || n > len(c.buf) {
		c.bad, c.buf = true, nil
		return nil
	}
	b := c.buf[:n:n]
	c.buf = c.buf[n:]
	return b
}

func num8[T ~uint8](c *coder, v *T) {
	if !c.reading {
		c.buf = append(c.buf, byte(*v))
	} else if b := c.span(1); b != nil {
		*v = T(b[0])
	}
}

func num16[T ~int16 | ~uint16](c *coder, v *T) {
	if !c.reading {
		c.buf = binary.BigEndian.AppendUint16(c.buf, uint16(*v))
	} else if b := c.span(2); b != nil {
		*v = T(binary.BigEndian.Uint16(b))
	}
}

func num32[T ~int32 | ~uint32](c *coder, v *T) {
	if !c.reading {
		c.buf = binary.BigEndian.AppendUint32(c.buf, uint32(*v))
	} else if b := c.span(4); b != nil {
		*v = T(binary.BigEndian.Uint32(b))
	}
}

func num64[T ~int64 | ~uint64](c *coder, v *T) {
	if !c.reading {
		c.buf = binary.BigEndian.AppendUint64(c.buf, uint64(*v))
	} else if b := c.span(8); b != nil {
		*v = T(binary.BigEndian.Uint64(b))
	}
}

// valid makes a read fail unless ok is set. Decoded enumerations have only known values,
// so that receivers need not check them again.
func (c *coder) valid(ok bool) {
	if c.reading && !ok {
		c.bad = true
	}
}

// boolean is one byte, 0 or 1.
func (c *coder) boolean(v *bool) {
	var b byte
	if *v {
		b = 1
	}
	num8(c, &b)
	c.valid(b <= 1)
	*v = b == 1
}

// id is 16 bytes.
func (c *coder) id(v []byte) {
	if c.reading {
		copy(v, c.span(len(v)))
	} else {
		c.buf = append(c.buf, v...)
	}
}

func (c *coder) partition(p *kafka.PartitionID) {
	c.id(p.Topic[:])
	num32(c, &p.Partition)
}

// length reads or writes the u32 length of n bytes that follow.
func (c *coder) length(n int) int {
	length := uint32(n)
	num32(c, &length)
	return int(length)
}

// bytes is a byte string within a message.
func (c *coder) bytes(v *[]byte) {
	n := c.length(len(*v))
	switch {
	case !c.reading:
		c.buf = append(c.buf, *v...)
	case n > 0:
		*v = c.span(n)
	}
}

func (c *coder) text(v *string) {
	n := c.length(len(*v))
	if c.reading {
		*v = string(c.span(n))
	} else {
		c.buf = append(c.buf, *v...)
	}
}

// bulk is a byte string at the end of a message. It is sent without a copy.
func (c *coder) bulk(v *[]byte) {
	n := c.length(len(*v))
	switch {
	case !c.reading:
		c.tail = *v
	case n > 0:
		*v = c.span(n)
	}
}
