// Package netsim says what a network is: ordered byte streams. A stream may
// stall, arrive in chunks of any size, die, or stay half-open forever.
//
// tcp/ implements the contract on real sockets, virtual/ inside the simulator.
// Both pass the same suite, netsimtest/.
//
// # Obligations
//
//  1. No method blocks. Everything that takes time ends in an [Event], which
//     the connection's [Sink] is given.
//  2. Events of one connection reach its sink in order, one at a time, and
//     after Closed there are none. The sink itself never blocks: credit bounds
//     what a connection may have outstanding (rule 5).
//  3. A dialled connection gets exactly one Connected or Closed first. Closed
//     comes exactly once to every connection that its owner did not Close;
//     after Close the owner is told nothing more of it.
//  4. Received.Data belongs to the receiver forever; the network never touches
//     it again. Chunk borders carry no meaning.
//  5. Credit: the network delivers at most [RecvWindow] bytes that the owner
//     has not given back with Consumed. An owner that stops calling Consumed
//     makes the peer stop sending (backpressure), and loses nothing.
//  6. Send takes all bytes, in order, always; the slices belong to the network
//     and are immutable from then on. It reports full when more than
//     [SendWindow] bytes wait: the owner then stops producing for this
//     connection until a Writable event. An owner may send more; only its own
//     limits bound that, not this contract.
//  7. Bytes given to Send may be lost when the connection closes, but only at
//     the end: the peer sees a prefix.
//  8. A peer may end its sending side and go on reading. The owner of a connection from
//     Network.Serve is then told Ended: nothing more is received, and what is sent still
//     arrives. It owes the end, by Close or CloseAfterSend. All other owners are told Closed.
//  9. The network may never report that a peer has vanished: as long as no
//     bytes are sent, it owes no Closed. An owner that waits for a peer sets a
//     timer.
package netsim

import "errors"

const (
	// RecvWindow is the number of bytes of one connection, delivered and not
	// yet consumed, at which the network stops delivering.
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
	// ErrRefused: no listener has the address, or it cannot be reached.
	ErrRefused = errors.New("netsim: connection refused")
)

// ConnID names a connection within its process. It is never reused.
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
	// Ended: the peer sends nothing more (rule 8).
	Ended
)

// Event is what a connection tells its owner.
type Event struct {
	Kind EventKind
	Conn Conn
	Data []byte
	Err  error
	// Tag is a mark that the owner's sink sets for itself; networks leave it 0.
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
	// Unsent is the number of bytes given to Send that have not left this end.
	Unsent() int
	// Consumed gives back n bytes of receive credit (rule 5).
	Consumed(n int)
	// CloseSend ends the sending side once everything queued has left. The connection goes on
	// receiving. Later calls of Send do nothing.
	CloseSend()
	// Close drops the connection and what is queued on it. Idempotent.
	Close()
	// CloseAfterSend closes once everything queued has left; what still arrives
	// is discarded. It serves for the last answer to a client before its
	// connection ends. The owner is told one more event, Closed, and may call
	// Close if that takes too long.
	CloseAfterSend()
}

// Listener accepts connections until closed.
type Listener interface {
	// Addr is the bound "host:port"; with port 0 the one that was chosen.
	Addr() string
	// Close stops accepting; accepted connections stay open.
	Close()
}

// Terms are the conditions on which a listener accepts connections. 0 stands for no bound.
type Terms struct {
	// Connections is the number of accepted connections that are open. Beyond it a connection is
	// refused, or waits until one of them is gone.
	Connections int
	// PerAddress is the number of those from one address, without its port. A connection beyond it
	// is closed at once, and the owner is not told.
	PerAddress int
}

// Network dials and listens for one node.
type Network interface {
	// Listen binds "host:port" and hands accepted connections to the sinks in
	// turn: the n-th connection belongs to sinks[n mod len]. The only errors
	// are those of binding.
	Listen(addr string, sinks ...Sink) (Listener, error)
	// Serve is Listen for connections of strangers: within terms, and with Ended.
	Serve(addr string, terms Terms, sinks ...Sink) (Listener, error)
	// Dial begins to connect; Connected or Closed follows on sink. Nothing
	// bounds how long that takes (rule 9).
	Dial(addr string, sink Sink) Conn
}
