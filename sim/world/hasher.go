package world

import (
	"encoding/binary"
	"math/bits"
)

// Hasher is the mixing function of trace hashes, with a state of 128 bits. It is the same in every
// process (hash/maphash is seeded) and cheap per word. It is not cryptographic: no attacker chooses
// its input.
type Hasher struct{ a, b uint64 }

const (
	hashMulA = 0x9e3779b97f4a7c15
	hashMulB = 0xc2b2ae3d27d4eb4f
)

// Word absorbs one word.
func (h *Hasher) Word(v uint64) {
	a := (h.a^v)*hashMulA + hashMulB // the addend makes leading zeros count
	h.a = a ^ a>>32
	h.b = (bits.RotateLeft64(h.b, 27) ^ h.a) * hashMulB
}

// Bytes absorbs p with its length, so that the border between two fields changes the hash.
func (h *Hasher) Bytes(p []byte) {
	h.Word(uint64(len(p)))
	if len(p) >= 64 {
		p = h.lanes(p)
	}
	for len(p) >= 8 {
		h.Word(binary.LittleEndian.Uint64(p))
		p = p[8:]
	}
	if len(p) > 0 {
		var tail [8]byte
		copy(tail[:], p)
		h.Word(binary.LittleEndian.Uint64(tail[:]))
	}
}

// lanes absorbs p in blocks of 32 bytes and returns the rest. Four chains of multiplications run
// side by side, because most of the hashed bytes are disk blocks and record batches.
func (h *Hasher) lanes(p []byte) []byte {
	l0, l1, l2, l3 := h.a, h.b, h.a^hashMulA, h.b^hashMulB
	for len(p) >= 32 {
		l0 = lane(l0, binary.LittleEndian.Uint64(p))
		l1 = lane(l1, binary.LittleEndian.Uint64(p[8:]))
		l2 = lane(l2, binary.LittleEndian.Uint64(p[16:]))
		l3 = lane(l3, binary.LittleEndian.Uint64(p[24:]))
		p = p[32:]
	}
	h.Word(l0)
	h.Word(l1)
	h.Word(l2)
	h.Word(l3)
	return p
}

// lane mixes one word into one chain. The shift brings the high bits down: with the product alone,
// a flip of the highest bit would change only one bit.
func lane(l, v uint64) uint64 {
	l = (l^v)*hashMulA + hashMulB
	return l ^ l>>32
}

// String absorbs s like Bytes.
func (h *Hasher) String(s string) { h.Bytes([]byte(s)) }

// Sum is the hash of what has been absorbed so far, in 64 bits. The hasher can absorb more.
func (h *Hasher) Sum() uint64 {
	z := h.a ^ bits.RotateLeft64(h.b, 32)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// SumBytes is the hash of one buffer.
func SumBytes(p []byte) uint64 {
	var h Hasher
	h.Bytes(p)
	return h.Sum()
}
