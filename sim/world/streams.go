package world

import (
	"crypto/rand"
	"io"
	"strconv"
	"sync/atomic"

	"example.com/lockstep/broker/env"
)

// Streams opens the named random streams of a world. A stream is a function of
// the seed and its name alone, so a new draw in one place shifts nothing in
// another (PROTOCOL 38).
type Streams struct {
	seed uint64
	fork *forkStreams // nil: the run does not fork
}

// Open returns the stream (seed, parts...) from its beginning.
func (s Streams) Open(parts ...string) *env.Rand {
	r := env.NewRand(env.Key(s.seed, parts...))
	if s.fork != nil {
		return s.fork.take(r)
	}
	return r
}

// Loop returns a stream of one loop in one incarnation of a node. The loop is
// part of the name: two loops that open the same purpose must not draw the same
// numbers, as they would not in production.
func (s Streams) Loop(node string, incarnation, loop int32, subsystem, purpose string) *env.Rand {
	return s.Open("node", node, strconv.Itoa(int(incarnation)), strconv.Itoa(int(loop)), subsystem,
		purpose)
}

// entropyReader stands in for crypto/rand.Reader while a world lives: etcd raft
// draws its election jitter from that variable, through no parameter of ours.
// Before each turn the world points it at the stream of the node whose turn it
// is. It is a process-wide variable, hence one live world per process.
type entropyReader struct{ current *env.Rand }

func (e *entropyReader) Read(p []byte) (int, error) {
	e.current.Fill(p)
	return len(p), nil
}

// worldLives guards the one world that a process may hold.
var worldLives atomic.Bool

// takeEntropy replaces crypto/rand.Reader until the returned function is
// called. It panics while another world is live: two worlds would draw from
// each other's streams and neither would replay.
func takeEntropy(idle *env.Rand) (*entropyReader, func()) {
	if !worldLives.CompareAndSwap(false, true) {
		panic("sim: another world is live in this process")
	}
	var original io.Reader = rand.Reader
	e := &entropyReader{current: idle}
	rand.Reader = e
	return e, func() {
		rand.Reader = original
		worldLives.Store(false)
	}
}
