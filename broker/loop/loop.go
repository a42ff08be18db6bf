// Package loop says what a loop is: the only thing in the broker that holds
// state. A loop is single-threaded. It takes events, changes its own state,
// hands effects to its [Host] and returns. It never blocks, locks, starts a
// goroutine, reads a clock or touches an operating system.
//
// A node has one control loop (ID [Control]) and S shard loops (IDs 1..S).
// Loops share nothing and talk by mail. broker/drive hosts loops on goroutines,
// real sockets and disks; sim hosts the same loops in one thread.
//
// # A turn
//
// The host takes the events that have arrived (all of them, or some first
// ones), gives each to Step in order, and then calls EndTurn once. What is
// worth doing once for many events (sealing a WAL group, sending a batch of
// pushes) is done in EndTurn: group commit falls out of draining the mailbox.
// After EndTurn the host reads NextTimer and starts another turn at that time
// at the latest; a turn may have no events.
package loop

import (
	"example.com/lockstep/broker/env"
	"example.com/lockstep/diskfs"
	"example.com/lockstep/netsim"
)

// ID names a loop within its node.
type ID int32

const (
	// Control is the loop of Raft, metadata and controller duties.
	Control ID = 0
	// Outside is whoever runs the node: requests for metrics and for a clean stop
	// come from here, and Reply to it reaches them.
	Outside ID = -1
)

// Kind says which field of an Event is set.
type Kind uint8

const (
	Net Kind = iota + 1
	Disk
	Mail
)

// Event is one thing that happened, for one loop.
type Event struct {
	Kind Kind
	From ID // Mail: the sending loop
	Net  netsim.Event
	Disk diskfs.Completion
	Mail any // a message type of broker/node; immutable once sent
}

// Loop is what hosts run. Its methods are called by one thread at a time.
type Loop interface {
	// Start is called once, before any other method.
	Start(now env.Time)
	// Step handles one event. The event is only lent; what it points to follows
	// the contracts of netsim, diskfs and mail.
	Step(now env.Time, ev *Event)
	// EndTurn ends a turn: due timers run, batched effects leave.
	EndTurn(now env.Time)
	// NextTimer is when the next turn is due without events; env.Never if none.
	NextTimer() env.Instant
}

// Host is the world of one loop. Its methods never block.
type Host interface {
	// Disk is this loop's own disk; its completions come back as events.
	Disk() diskfs.Disk
	// Network is the node's network.
	Network() netsim.Network
	// Sink delivers a connection's events to loop id of this node.
	Sink(id ID) netsim.Sink
	// Entropy opens a random stream of this incarnation of the node.
	Entropy(subsystem, purpose string) *env.Rand
	// TrySend mails a request to another loop of the node (or to this one). It
	// reports false, and has done nothing, if the mailbox is at its bound of
	// requests; the caller then parks what made it send (PROTOCOL 31). Mail of
	// one sender to one receiver arrives in order.
	TrySend(to ID, m any) bool
	// Reply mails an answer. It cannot be refused: its room was reserved when
	// the request was accepted, because every sender bounds its outstanding requests.
	Reply(to ID, m any)
	// Stop ends the node at once (fail-stop), for example after a failed sync.
	// Nothing the loop does afterwards in this turn takes effect.
	Stop(err error)
}
