package world

import (
	"crypto/rand"
	"io"
	"strconv"
	"sync/atomic"

	"example.com/lockstep/broker/env"
)

// Streams opens the named random streams of a world. A stream depends only on the seed and its
// name, so a new draw in one place changes nothing in another (PROTOCOL 38).
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

// Loop returns a stream of one loop in one incarnation of a node. The loop is part of the name: two
// loops that open a stream for the same purpose must not draw the same numbers. In production they
// do not either.
func (s Streams) Loop(node string, incarnation, loop int32, subsystem, purpose string) *env.Rand {
	return s.Open("node", node, strconv.Itoa(int(incarnation)), strconv.Itoa(int(loop)), subsystem,
		purpose)
}

// entropyReader replaces crypto/rand.Reader while a world is open: etcd raft draws its election
// jitter from that variable, and offers no parameter for it. Before each turn the world points the
// reader at the stream of the node that takes the turn. The variable belongs to the process, so
// there is at most one open world per process.
type entropyReader struct{ current *env.Rand }

func (e *entropyReader) Read(p []byte) (int, error) {
	e.current.Fill(p)
	return len(p), nil
}

// worldOpen is true while this process has an open world.
var worldOpen atomic.Bool

// takeEntropy replaces crypto/rand.Reader until the returned function is called. It panics while
// another world is open: two worlds would draw from each other's streams, and neither run could be
// replayed.
func takeEntropy(idle *env.Rand) (*entropyReader, func()) {
	if !worldOpen.CompareAndSwap(false, true) {
		panic("sim: another world is live in this process")
	}
	var original io.Reader = rand.Reader
	e := &entropyReader{current: idle}
	rand.Reader = e
	return e, func() {
		rand.Reader = original
		worldOpen.Store(false)
	}
}
