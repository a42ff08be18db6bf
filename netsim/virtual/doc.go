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
// are packets of the same streams, so that whatever befalls a link befalls them.
// Credit travels back over the opposite link and is held up where that is.
//
// What the network does on its own is lawful TCP as Linux speaks it:
//
//   - a blocked link holds packets as retransmission would and delivers them
//     some time after it has healed, RSTs excepted, which nobody repeats: that is
//     how half-open connections come about;
//   - a sender whose bytes stay unacknowledged for a drawn time
//     (Config.ResetAfter) gives up, and its peer hears nothing of that;
//   - bytes for a connection that is gone are answered with a RST;
//   - an owner's Close is seen by the peer as a FIN or, in drawn cases, as a RST
//     that destroys bytes under way.
//
// # Determinism
//
// Every link draws from a stream of its own, keyed by its two hosts, so that a
// fault or a message on one link shifts no draw on another. All else follows
// from the order of calls and from the scheduler. Sinks are called only from
// scheduled functions, never from within a method of a connection or a fault.
//
// # Buffers
//
// Sent slices are referenced, not copied, until they arrive: a sender that
// breaks rule 6 and changes one meanwhile is caught by a checksum and an
// assertion. Received slices are fresh.
//
// # Not modelled
//
// Packets lost one by one (to a stream that is only delay), congestion, half
// closing (the contract has none), name resolution, frozen hosts: the simulator
// freezes a host by not running its loops, while the network goes on filling its
// mailboxes up to RecvWindow a connection.
package virtual
