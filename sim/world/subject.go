package world

import (
	"strings"

	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/wait"
)

// Subject is what a world runs and judges: the nodes' code, the clients and
// the checkers. A scenario makes a new one for each run.
type Subject interface {
	// Factory gives the code of nodes of a role. It is called once per node.
	Factory(role string) NodeFactory
	// Healed is told when the faults are over: clients start no new work.
	Healed(w *World)
	// Pending names what the liveness phase still waits for, and why; empty
	// means done. It is asked often while the run converges.
	Pending(w *World) []string
	// Check judges the finished run. It does not advance the world.
	Check(w *World)
	// Resolve turns a fault's "@name" target into a node or pair, at the moment
	// the fault begins; false: there is none now, and the fault does nothing.
	Resolve(w *World, name string) (string, bool)
}

// What a subject may implement besides.

// TurnObserver is implemented by subjects that look into loops: it is told of
// the end of every turn, also of one in which the loop stopped its node, and of
// every mail that a loop is about to be given in the middle of a turn. It must
// not change the loop's state.
type TurnObserver interface {
	TurnEnded(n *Node, id loop.ID, l loop.Loop)
	BeforeMail(n *Node, id loop.ID, l loop.Loop, mail any)
}

// Rester is implemented by subjects that are also looked at while nothing is asked
// of them.
type Rester interface {
	// StopLoad ends all clients.
	StopLoad(w *World)
	// Settled reports whether what the load has left behind is done. It is asked
	// again after each second in which it was not.
	Settled(w *World) bool
	// RestBegins and RestEnds enclose the time in which a settled world should do
	// next to nothing. A world that did not converge does not rest.
	RestBegins(w *World)
	RestEnds(w *World)
}

// Correspondent is implemented by subjects that mail with loops from outside of
// their node, as an operator does.
type Correspondent interface {
	// Drain is what asks a control loop to hand over what its node leads, and to be
	// ready to end.
	Drain() any
	// Replied takes what a loop has sent to loop.Outside. It reports whether that
	// says that the node is drained.
	Replied(n *Node, id loop.ID, m any) (drained bool)
}

// Restarter is implemented by subjects with nodes that may stop themselves to be
// started again at once, which is no fail-stop.
type Restarter interface {
	// Restarts reports whether a reason to stop asks for a restart, and with how many
	// shards the node is started.
	Restarts(reason error) (shards int, again bool)
}

// Explainer is implemented by subjects that know what is pending in terms of
// their loops' operations.
type Explainer interface {
	// Overdue lists everything that Subject.Pending names.
	Overdue(w *World) []Overdue
}

// PeerTeller is implemented by subjects with loops that know other nodes by numbers.
type PeerTeller interface {
	// PeerName is the name of the machine that a loop waits for.
	PeerName(on *wait.Target) string
	// Tell says what a node is now, for a report that finds nothing pending there;
	// "" for nothing.
	Tell(n *Node) string
}

// ReadCounter is implemented by subjects that want to know how much of some files
// is read at once.
type ReadCounter interface {
	// CountsReads reports whether a file is one of those.
	CountsReads(path string) bool
}

// StateNamer is implemented by subjects with loops that hold large things that never
// change.
type StateNamer interface {
	// StateText is what stands in a dump for what the pointer leads to; false: its
	// fields do.
	StateText(pointer any) (text string, ok bool)
}

// Forgiver is implemented by subjects that know when a failed assertion is no
// fault of the node's code; the node then only stops.
type Forgiver interface{ Forgives() bool }

// Namer is implemented by subjects that know topics and clients by names.
type Namer interface{ Names() *strings.Replacer }

// Outside is implemented by what loops refer to and is no state of theirs: the
// subject, what it records. It is implemented on pointers or on values.
type Outside interface{ OutsideOfLoops() }
