// Package netsim says what a network is: ordered byte streams that may stall,
// be cut into chunks of any size, die, or stay half-open for ever.
//
// tcp/ implements the contract on real sockets, virtual/ inside the
// simulator; netsimtest/ is the one suite that both pass.
//
// # Obligations
//
//  1. No method blocks. Everything that takes time ends in an [Event] given to
//     the connection's [Sink].
//  2. Events of one connection reach its sink in order, one at a time, and
//     after Closed there are none. The sink itself never blocks: what a
//     connection may have outstanding is bounded by credit (rule 5).
//  3. A dialled connection gets exactly one Connected or Closed first. Closed
//     comes exactly once to every connection whose owner did not call Close;
//     after Close the owner hears nothing more of it.
//  4. Received.Data belongs to the receiver, for good; the network never
//     touches it again. Chunk borders carry no meaning.
//  5. Credit: the network delivers at most [RecvWindow] bytes that the owner
//     has not given back with Consumed. An owner that stops calling Consumed
//     parks the peer by backpressure and loses nothing.
//  6. Send takes all bytes, in order, always; the slices belong to the network
//     and are immutable from then on. It reports full when more than
//     [SendWindow] bytes wait: the owner then stops producing for this
//     connection until a Writable event. An owner that goes on regardless is
//     bounded by its own limits, not by this contract.
//  7. Bytes given to Send may be lost when the connection closes, but never
//     from the middle: the peer sees a prefix.
//  8. A peer that vanishes may never be reported: without bytes no Closed is
//     owed. Whoever waits for a peer sets a timer.
package netsim

import "errors"

const (
	// RecvWindow is the number of delivered, not yet consumed bytes of one
	// connection after which the network stops delivering.
	RecvWindow = 256 << 10
	// SendWindow is the number of bytes waiting to be sent on one connection
	// above which Send reports full.
	SendWindow = 1 << 20
)

// Reasons for Closed. Implementations wrap them with the address and cause.
var (
	// ErrEOF: the peer closed in order.
	ErrEOF = errors.New("netsim: closed by peer")
	// ErrReset: the connection died (RST, local failure).
	ErrReset = errors.New("netsim: connection reset")
	// ErrRefused: nobody listens at the address, or it cannot be reached.
	ErrRefused = errors.New("netsim: connection refused")
)

// ConnID names a connection within its process; never reused.
type ConnID uint64

// EventKind says what happened to a connection.
type EventKind uint8

const (
	// Accepted: a listener took a connection; Conn is new.
	Accepted EventKind = iota + 1
	// Connected: a dialled connection is open.
	Connected
	// Received: Data arrived.
	Received
	// Writable: the send queue has drained to half of SendWindow after Send
	// had reported full.
	Writable
	// Closed: the connection is gone; Err says why and is never nil.
	Closed
)

// Event is what a connection tells its owner.
type Event struct {
	Kind EventKind
	Conn Conn
	Data []byte
	Err  error
	// Tag is the owner's own mark, put on by its sink; networks leave it 0.
	Tag uint8
}

// Sink takes the events of a connection to the loop that owns it. It never
// blocks and may be called from any goroutine.
type Sink func(Event)

// Conn is one end of a byte stream. Its methods are called by the owning loop
// only and never block.
type Conn interface {
	ID() ConnID
	// RemoteAddr is the peer's "host:port", for reports and quotas.
	RemoteAddr() string
	// Send queues the slices in order (rule 6).
	Send(data ...[]byte) (full bool)
	// Consumed gives back n bytes of receive credit (rule 5).
	Consumed(n int)
	// Close drops the connection and what is queued on it. Idempotent.
	Close()
	// CloseAfterSend closes once everything queued has left; what still arrives
	// is discarded. For a last answer to a client that is to be let go. The owner
	// hears one more event, Closed, and may call Close if that takes too long.
	CloseAfterSend()
}

// Listener accepts connections until closed.
type Listener interface {
	// Addr is the bound "host:port"; with port 0 the one that was chosen.
	Addr() string
	// Close stops accepting; accepted connections live on.
	Close()
}

// Network dials and listens for one node.
type Network interface {
	// Listen binds "host:port" and hands accepted connections to the sinks in
	// turn: the n-th connection belongs to sinks[n mod len]. The only errors
	// are those of binding.
	Listen(addr string, sinks ...Sink) (Listener, error)
	// Dial begins to connect; Connected or Closed follows on sink. There is no
	// promise of a bound on how long that takes (rule 8).
	Dial(addr string, sink Sink) Conn
}
