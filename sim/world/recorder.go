package world

import (
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/diskfs"
	"example.com/lockstep/netsim"
)

// Recorder is told what happens in a run. It changes nothing in the run: with a recorder the run
// has the same trace as without.
type Recorder interface {
	TurnRecorder
	FlowRecorder
	ConnRecorder
	// Begins is called with the world before anything runs.
	Begins(w *World)
	// Ends is called after the run was judged.
	Ends(w *World)
}

// TurnRecorder is told about turns. A turn is a sequence of steps: one for each event that the loop
// is given, and one of kind 0 for its end.
type TurnRecorder interface {
	TurnBegins(l LoopRef)
	// StepBegins is called before an event, or the end of the turn. brings is the first of the
	// flows that the event brings.
	StepBegins(kind loop.Kind, brings Flow)
	TurnEnds(cost env.Instant, events int)
}

// FlowRecorder is told what leaves the current step, and numbers it.
type FlowRecorder interface {
	// Mailed is told about mail, by its label. If refused is true, the mailbox was full.
	Mailed(to LoopRef, label string, refused bool) Flow
	Submitted(l LoopRef, op *diskfs.Op) Flow
	// Arrived is called when a flow has reached the inbox of its receiver.
	Arrived(f Flow)
}

// ConnRecorder is told about connections. Each of the two ends of a connection has its own id.
type ConnRecorder interface {
	Dialled(id netsim.ConnID, addr string)
	Sent(id netsim.ConnID, data [][]byte)
	Closed(id netsim.ConnID)
	// Received is told what the network gives to an end. peer is the other end; 0 if it is unknown.
	Received(id, peer netsim.ConnID, ev *netsim.Event) Flow
}

// Flow is the number of something that leaves one step and is given to another, from 1 on; 0 is
// none.
type Flow uint32

// LoopRef is a loop of the current incarnation of a node.
type LoopRef struct {
	Node *Node
	ID   loop.ID
}

func (l *loopHost) ref() LoopRef { return LoopRef{l.node, l.id} }
