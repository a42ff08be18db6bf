package world

import (
	"example.com/lockstep/sim/plan"
	"strings"

	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/wait"
)

// Subject is what a world runs and judges: the code of the nodes, the clients and the checkers. A
// scenario makes a new one for each run.
type Subject interface {
	// Factory returns the code of nodes with a role. It is called once per node.
	Factory(role string) NodeFactory
	// Healed is called when the faults are over. From then on clients start no new work.
	Healed(w *World)
	// Pending names what the liveness phase still waits for, and why. If it is empty, the phase is
	// over. It is called often while the run converges.
	Pending(w *World) []string
	// Check judges the finished run. It does not advance the world.
	Check(w *World)
	// Resolve turns the target "@name" of a fault into a node or a pair, at the moment at which the
	// fault begins. False: there is none now, and the fault does nothing.
	Resolve(w *World, name string) (string, bool)
}

// What a subject may implement besides.

// TurnObserver is implemented by subjects that look into loops. It is told about the end of every
// turn, also if the loop stopped its node in it, and about every piece of mail just before the loop
// gets it, in the middle of a turn. It must not change the loop's state.
type TurnObserver interface {
	TurnEnded(n *Node, id loop.ID, l loop.Loop)
	BeforeMail(n *Node, id loop.ID, l loop.Loop, mail any)
}

// Rester is implemented by subjects that are also judged without load.
type Rester interface {
	// StopLoad ends all clients.
	StopLoad(w *World)
	// Settled reports whether the work that the load left behind is done. While it is not, Settled
	// is called again each second.
	Settled(w *World) bool
	// RestBegins and RestEnds enclose the time in which a settled world should do almost nothing.
	// They are not called in a world that did not converge.
	RestBegins(w *World)
	RestEnds(w *World)
}

// Correspondent is implemented by subjects that exchange mail with loops from outside their node,
// as an operator does.
type Correspondent interface {
	// Drain is the mail that asks a control loop to hand over the leaderships of its node, so that
	// the process can end.
	Drain() any
	// Replied takes what a loop has sent to loop.Outside. It reports whether this mail says that
	// the node is drained.
	Replied(n *Node, id loop.ID, m any) (drained bool)
}

// Restarter is implemented by subjects with nodes that may stop themselves in order to be started
// again at once. That is no fail-stop.
type Restarter interface {
	// Restarts reports whether a reason to stop asks for a restart, and with how many shards the
	// node must start.
	Restarts(reason error) (shards int, again bool)
}

// FileLimiter is implemented by subjects with nodes that have a limit of open files.
type FileLimiter interface {
	// FileLimit is how many files below a directory ("dir/") a process may have open; 0: any
	// number.
	FileLimit(spec plan.NodeSpec) (dir string, files int)
}

// Explainer is implemented by subjects that know which operations of their loops are pending.
type Explainer interface {
	// Overdue lists everything that Subject.Pending names.
	Overdue(w *World) []Overdue
}

// PeerTeller is implemented by subjects with loops that know other nodes by numbers.
type PeerTeller interface {
	// PeerName is the name of the machine that a loop waits for.
	PeerName(on *wait.Target) string
	// Tell describes the state of a node in a few words, for a report that finds nothing pending
	// there. "" adds nothing to the report.
	Tell(n *Node) string
}

// ReadCounter is implemented by subjects that want to know how many bytes of some files a loop
// reads at the same time.
type ReadCounter interface {
	// CountsReads reports whether reads of a file are counted.
	CountsReads(path string) bool
}

// StateNamer is implemented by subjects with loops that hold large values that never change.
type StateNamer interface {
	// StateText is the text that a dump shows for the value behind a pointer. If ok is false, the
	// dump shows the fields of the value.
	StateText(pointer any) (text string, ok bool)
}

// Forgiver is implemented by subjects that know when a failed assertion is no bug of the node's
// code. The node then only stops.
type Forgiver interface{ Forgives() bool }

// Namer is implemented by subjects that know topics and clients by names.
type Namer interface{ Names() *strings.Replacer }

// Outside is implemented by types that loops refer to but that are not part of the loops' state,
// like the subject and its history. It may be implemented on the pointer or on the value.
type Outside interface{ OutsideOfLoops() }
