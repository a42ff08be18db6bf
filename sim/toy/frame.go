package toy

import (
	"encoding/binary"

	"example.com/lockstep/netsim"
)

// Toy frames have a fixed size:
//
//	kind u64 | a u64 | b u64 | c u64        little endian
const toyFrameSize = 32

const (
	toyRequest uint64 = iota + 1 // a client asks to add (a, b)
	toyAnswer                    // (a, b) is on every replica
	toyHello                     // node number a will push its log
	toyHave                      // the first a pairs of that log are durable here
	toyPushed                    // pair (a, b) is at index c
)

type toyFrame struct{ kind, a, b, c uint64 }

func (f toyFrame) encode() []byte {
	b := make([]byte, 0, toyFrameSize)
	for _, v := range [...]uint64{f.kind, f.a, f.b, f.c} {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}

// toyConn cuts a byte stream into frames.
type toyConn struct {
	conn netsim.Conn
	rest []byte
	peer uint64 // from its hello: the number of the node that pushes
}

// take adds received bytes. After it, next returns the frames that are whole.
func (c *toyConn) take(data []byte) {
	c.conn.Consumed(len(data))
	if len(c.rest) == 0 {
		c.rest = data
		return
	}
	c.rest = append(c.rest, data...)
}

func (c *toyConn) next() (f toyFrame, ok bool) {
	if len(c.rest) < toyFrameSize {
		return f, false
	}
	word := func(i int) uint64 { return binary.LittleEndian.Uint64(c.rest[8*i:]) }
	f = toyFrame{word(0), word(1), word(2), word(3)}
	c.rest = c.rest[toyFrameSize:]
	return f, true
}
