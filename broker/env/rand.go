package env

import "math/bits"

// Rand is a PCG-DXSM generator with 128 bits of state (O'Neill 2014; the DXSM output function as in
// NumPy). It uses integers only, is the same on every machine, and is small enough to be part of a
// node's hashed state.
type Rand struct{ hi, lo uint64 }

// NewRand returns the stream with the given seed words.
func NewRand(seed1, seed2 uint64) *Rand { return &Rand{seed1, seed2} }

// Key derives the two seed words of the stream (seed, parts...). The length of each part counts
// too, so that ("ab","c") and ("a","bc") differ.
func Key(seed uint64, parts ...string) (uint64, uint64) {
	h1, h2 := mix(seed^0x9e3779b97f4a7c15), mix(seed+0xd1b54a32d192ed03)
	for _, part := range parts {
		h1 = mix(h1 ^ uint64(len(part)))
		for i := 0; i < len(part); i++ {
			h1 = (h1 ^ uint64(part[i])) * 0x100000001b3
			h2 = mix(h2 + h1)
		}
	}
	return mix(h1), mix(h2 ^ h1)
}

// mix is the finalizer of SplitMix64.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Uint64 returns 64 uniform bits.
func (r *Rand) Uint64() uint64 {
	const (
		mulHi, mulLo = 2549297995355413924, 4865540595714422341
		incHi, incLo = 6364136223846793005, 1442695040888963407
		cheapMul     = 0xda942042e4dd58b5
	)
	hi, lo := bits.Mul64(r.lo, mulLo)
	hi += r.hi*mulLo + r.lo*mulHi
	lo, c := bits.Add64(lo, incLo, 0)
	hi, _ = bits.Add64(hi, incHi, c)
	r.hi, r.lo = hi, lo
	hi ^= hi >> 32
	hi *= cheapMul
	hi ^= hi >> 48
	return hi * (lo | 1)
}

// Uint64N returns a uniform number in [0, n). n must not be 0.
func (r *Rand) Uint64N(n uint64) uint64 {
	if n == 0 {
		panic("env: Uint64N(0)")
	}
	hi, lo := bits.Mul64(r.Uint64(), n)
	if lo < n { // Lemire 2019: reject the few values that would come too often
		for threshold := -n % n; lo < threshold; {
			hi, lo = bits.Mul64(r.Uint64(), n)
		}
	}
	return hi
}

// IntN returns a uniform number in [0, n). n must be positive.
func (r *Rand) IntN(n int) int {
	if n <= 0 {
		panic("env: IntN needs a positive bound")
	}
	return int(r.Uint64N(uint64(n)))
}

// Between returns a uniform number in [low, high].
func (r *Rand) Between(low, high int64) int64 {
	if high < low {
		panic("env: Between needs low <= high")
	}
	return low + int64(r.Uint64N(uint64(high-low)+1))
}

// Chance is true in num of den cases.
func (r *Rand) Chance(num, den uint64) bool { return r.Uint64N(den) < num }

// Fill fills b with random bytes.
func (r *Rand) Fill(b []byte) {
	for len(b) > 0 {
		v := r.Uint64()
		for i := 0; i < 8 && len(b) > 0; i++ {
			b[0] = byte(v)
			b, v = b[1:], v>>8
		}
	}
}

// State returns the generator's state, for hashes of a node's state.
func (r *Rand) State() (uint64, uint64) { return r.hi, r.lo }
