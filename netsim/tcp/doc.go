// Package tcp is the netsim contract on the sockets of the operating system.
//
// # Shape
//
// A connection has two goroutines. The reader reads into slabs of at most 64
// KiB and hands out parts of them; the writer takes everything queued under one
// lock and writes it with one writev. Neither is woken while it is busy: Send
// signals only a writer that sleeps, and Consumed only a reader that is parked
// because it has no credit. A listener has one goroutine, which accepts.
//
// # Ownership
//
// A slab's parts belong to their receivers and are never written again. A
// receiver that keeps one small part keeps the whole slab in memory, so it
// copies what it keeps for long. Slices given to Send are referenced until they
// have been written.
//
// # The sink
//
// Sinks are called from these goroutines with a lock of the connection held.
// The lock makes "one at a time" and "nothing after Close" exact: once Close or
// CloseAfterSend has returned, no call that they forbid is running or will
// begin. So a sink must not call Close or CloseAfterSend itself; the loop
// behind it does. If a sink put something into its loop's mailbox before the
// loop called Close, the mailbox has to drop it.
//
// # Closing
//
// Close abandons what is queued and ends the socket in the background, with a
// FIN or, if received bytes lie unread in the kernel, with a RST.
// CloseAfterSend drains the queue, sends a FIN and then goes on reading and
// discarding until the peer closes too, for a bounded time. If it closed at
// once, bytes under way would be answered with a RST. In the peer's kernel a
// RST may overtake the last answer.
//
// # Limits
//
// A reader that is parked does not notice that the peer has gone. Keepalive
// finds half-open connections after minutes; an owner that must know earlier
// sets a timer.
//
// Deliberately absent: TLS, Unix sockets, SO_REUSEPORT, rate limits.
package tcp
