// Package tcp is the netsim contract on the sockets of the operating system.
//
// # Shape
//
// A connection has two goroutines. The reader reads into slabs of at most
// 64 KiB and hands out parts of them; the writer takes everything queued under
// one lock and writes it with one writev. Neither is woken while it is busy:
// Send signals only a writer that sleeps, and Consumed only a reader that is
// parked for want of credit. A listener has one goroutine, which accepts.
//
// # Who owns what
//
// A slab's parts go to receivers for good and are never written again, so a
// receiver that keeps one small part keeps its whole slab alive: copy what is to
// live long. Slices given to Send are referenced until they have been written.
//
// # The sink
//
// Sinks are called from these goroutines with a lock of the connection held.
// That is what makes "one at a time" and "nothing after Close" exact: once Close
// or CloseAfterSend has returned, no call that they forbid is running or will
// begin. It follows that a sink must not call Close or CloseAfterSend itself;
// that is the business of the loop behind it. What a sink had put into its
// loop's mailbox before the loop called Close is the mailbox's to drop.
//
// # Closing
//
// Close abandons what is queued and ends the socket in the background, with a
// FIN or, if received bytes lie unread in the kernel, with a RST.
// CloseAfterSend drains the queue, sends a FIN and then goes on reading and
// discarding until the peer closes too, for a bounded time. Closing at once
// would answer bytes under way with a RST, and a RST may overtake the last
// answer within the peer's kernel.
//
// # Limits
//
// A reader parked for credit does not notice that the peer has gone. Half-open
// connections are found by keepalive after minutes; owners that care set a timer.
//
// Not here: TLS, Unix sockets, SO_REUSEPORT, rate limits.
package tcp
