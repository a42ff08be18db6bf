package world

import (
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/diskfs"
	"example.com/lockstep/netsim"
)

// Recorder takes a run down as it goes on. It changes nothing in the run: one with
// a recorder has the same trace as one without.
type Recorder interface {
	TurnRecorder
	FlowRecorder
	ConnRecorder
	// Begins is told of the world before anything runs.
	Begins(w *World)
	// Ends is told when the run was judged.
	Ends(w *World)
}

// TurnRecorder hears of turns. A turn is a sequence of steps: one for each event
// that the loop is given, and one, of kind 0, for its end.
type TurnRecorder interface {
	TurnBegins(l LoopRef)
	// StepBegins tells that an event, or the end of the turn, is next; brings is the
	// first of the flows that the event brings.
	StepBegins(kind loop.Kind, brings Flow)
	TurnEnds(cost env.Instant, events int)
}

// FlowRecorder hears of what leaves the step in progress, and numbers it.
type FlowRecorder interface {
	// Mailed is told of mail by its label; refused: the mailbox was full.
	Mailed(to LoopRef, label string, refused bool) Flow
	Submitted(l LoopRef, op *diskfs.Op) Flow
	// Arrived tells that a flow has reached the inbox of its receiver.
	Arrived(f Flow)
}

// ConnRecorder hears of connections. A connection has two ends with ids of their
// own.
type ConnRecorder interface {
	Dialled(id netsim.ConnID, addr string)
	Sent(id netsim.ConnID, data [][]byte)
	Closed(id netsim.ConnID)
	// Received is told what the network gives to an end; peer is the other end, 0 if
	// it is unknown.
	Received(id, peer netsim.ConnID, ev *netsim.Event) Flow
}

// Flow numbers what leaves one step and is given to another, from 1 on; 0 is none.
type Flow uint32

// LoopRef is a loop of the present incarnation of a node.
type LoopRef struct {
	Node *Node
	ID   loop.ID
}

func (l *loopHost) ref() LoopRef { return LoopRef{l.node, l.id} }
