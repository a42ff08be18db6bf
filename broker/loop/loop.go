// Package loop defines a loop, which is the only thing in the broker that holds state. A loop is
// single-threaded. It takes events, changes its own state, hands effects to its [Host] and returns.
// It never blocks, locks, starts a goroutine, reads a clock or touches an operating system.
//
// A node has one control loop (ID [Control]) and S shard loops (IDs 1..S). Loops share nothing and
// talk by mail. broker/drive runs each loop on a goroutine, with real sockets and disks; sim runs
// the same loops in one thread.
//
// # A turn
//
// The host takes the events that have arrived: all of them, or only the first ones. It gives each
// to Step in order, and then calls EndTurn once. Work that one can do once for many events (sealing
// a WAL group, sending a batch of pushes) belongs into EndTurn: so the events that are taken
// together become one group commit. After EndTurn the host reads NextTimer, and starts another turn
// at that time at the latest. A turn may have no events.
package loop

import (
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/diskfs"
	"example.com/lockstep/netsim"
)

// ID names a loop within its node.
type ID int32

const (
	// Control is the loop of Raft, metadata and controller duties.
	Control ID = 0
	// Outside is the program that runs the node. Requests for metrics and for a clean stop come
	// from here, and a Reply to Outside reaches it.
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
	Mail any // a mail type of the node; it does not change after it is sent
}

// Loop is what a host runs. Its methods are called by one thread at a time.
type Loop interface {
	// Start is called once, before any other method.
	Start(now env.Time)
	// Step handles one event. The event itself is lent. The contracts of netsim, diskfs and mail
	// say which of the data that it points to the loop may keep.
	Step(now env.Time, ev *Event)
	// EndTurn ends a turn: due timers run, and gathered effects leave.
	EndTurn(now env.Time)
	// NextTimer is when the next turn is due without events; env.Never if there is none.
	NextTimer() env.Instant
}

// Host is the environment of one loop. Its methods never block.
type Host interface {
	// Disk is this loop's own disk; its completions come back as events.
	Disk() diskfs.Disk
	// Network is the node's network.
	Network() netsim.Network
	// Sink delivers a connection's events to loop id of this node.
	Sink(id ID) netsim.Sink
	// Entropy opens a random stream of this incarnation of the node.
	Entropy(subsystem, purpose string) *env.Rand
	// TrySend mails a request to another loop of the node, or to this one. If the mailbox has as
	// many requests as it may, TrySend does nothing and returns false. The loop then parks the
	// connection or the work that the request came from (PROTOCOL 31). Mail of one sender to one
	// receiver arrives in order.
	TrySend(to ID, m any) bool
	// Reply mails an answer. It cannot be refused: room was reserved when the request was accepted,
	// since every sender bounds its unanswered requests.
	Reply(to ID, m any)
	// Log tells the operator of a change of state, as package event describes. It influences
	// nothing.
	Log(e event.Event)
	// LogLevel sets the level below which the node writes no events. Every event still counts.
	LogLevel(least event.Level)
	// Stop ends the node at once (fail-stop), for example after a failed sync. Nothing that the
	// loop does after that in this turn takes effect.
	Stop(err error)
}
