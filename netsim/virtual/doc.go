// Package virtual is the netsim contract inside the simulator: one thread, no
// goroutines, no real time. A [Fabric] holds the hosts of a world and the links
// between them; [Fabric.Host] is the netsim.Network of one incarnation of a host.
//
// # The model
//
// A connection is two one-way streams. A stream's bytes wait in the sender's
// queue until the receiver's credit lets them leave, are cut into packets of
// drawn sizes (now and then of one byte), queue for the link's bandwidth, take
// its latency and a drawn jitter, and arrive in order. Handshake, FIN and RST
// are packets of the same streams, so that a fault of a link applies to them
// too. Credit travels back over the opposite link and is held where that link
// is.
//
// Without faults, the network behaves as TCP does on Linux:
//
//   - a blocked link holds packets, as retransmission would, and delivers them
//     some time after it has healed. A RST is lost instead, because TCP does
//     not repeat it: so half-open connections arise;
//   - a sender gives up when its bytes stay unacknowledged for a drawn time
//     (Config.ResetAfter), and its peer is not told;
//   - bytes for a connection that is gone are answered with a RST;
//   - an owner's Close is seen by the peer as a FIN or, in drawn cases, as a RST
//     that destroys bytes under way.
//
// # Determinism
//
// Every link draws from a stream of its own, keyed by its two hosts, so that a
// fault or a message on one link shifts no draw on another. Everything else
// follows from the order of calls and from the scheduler. Sinks are called only
// from scheduled functions, never from within a method of a connection or a
// fault.
//
// # Buffers
//
// Sent slices are referenced, not copied, until they arrive: a sender that
// breaks rule 6 and changes one meanwhile is caught by a checksum and an
// assertion. Received slices are fresh.
//
// # Not modelled
//
// Packets lost one by one (a stream sees that only as delay), congestion, the queue of connections
// that wait to be accepted, name resolution, frozen hosts. The simulator
// freezes a host by not running its loops, while the network goes on filling
// its mailboxes, up to RecvWindow for each connection.
package virtual
