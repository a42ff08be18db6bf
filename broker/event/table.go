package event

// The names, by what they are about. docs/operation.md lists them in the same order.
const (
	// The process.
	NodeStarting Name = iota
	NodeStarted
	NodeRestarting
	NodeDraining
	NodeDrained
	NodeDrainFailed
	NodeStopped
	NodeFailed
	CloseSlow
	LoopSlow
	LoopStuck
	LoopFailed
	ProcessPaused
	HTTPFailed

	// The identity of nodes and the voters.
	BirthAwaited
	ClusterBorn
	ClusterJoined
	NoVote
	PeerRefused
	VotersChanged
	// Clients.
	ConnectionEvicted
	AcceptFailing
	AcceptWorks

	names // how many there are
)

// row says how an event is written, and what it means. A sentence of means is for an operator.
type row struct {
	name  string
	level Level
	once  bool // it is written once in a window; the others are counted
	means string
}

func (n Name) burst() int {
	if table[n].once {
		return 1
	}
	return burst
}

var table = [names]row{
	NodeStarting: {name: "node starting",
		means: "The process begins. The fields are its addresses, directory and versions."},
	NodeStarted: {name: "node started",
		means: "The node is registered, is not fenced, and serves clients."},
	NodeRestarting: {name: "node starts again", level: Warn,
		means: "The process goes on with a new incarnation of the node, to convert its number of " +
			"shards."},
	NodeDraining: {name: "node draining",
		means: "A signal asked for a clean stop. The node hands its leaderships over."},
	NodeDrained: {name: "node drained",
		means: "All leaderships are handed over."},
	NodeDrainFailed: {name: "drain failed", level: Warn,
		means: "The node ends with leaderships. The others take over as after a crash."},
	NodeStopped: {name: "node stopped",
		means: "The clean stop is complete."},
	NodeFailed: {name: "node failed", level: Error,
		means: "The node stopped itself, for the reason that the error gives. The service " +
			"manager starts it again."},
	CloseSlow: {name: "close is slow", level: Warn,
		means: "Sockets or disk operations did not end in time at a clean stop. Nothing that was " +
			"acknowledged depends on them."},
	LoopSlow: {name: "loop is slow", level: Warn,
		means: "A loop has been in one turn for longer than watchdog.warn.ms. What it does, what " +
			"the node waits for and all stacks follow."},
	LoopStuck: {name: "loop is stuck", level: Error,
		means: "A loop has been in one turn for longer than watchdog.fatal.ms. The process ends, " +
			"so that the cluster takes over."},
	LoopFailed: {name: "loop failed", level: Error,
		means: "A loop found that its own state is wrong. The node stops. The stack follows."},
	ProcessPaused: {name: "process was paused", level: Warn,
		means: "The process did not run for a while: SIGSTOP, a suspended machine, or a host " +
			"without a free core."},
	HTTPFailed: {name: "http listener failed", level: Error,
		means: "The listener for health and metrics ended. The broker goes on."},

	BirthAwaited: {name: "waits to be born",
		means: "The directory has no birth record. The node waits until all voters of a new " +
			"cluster are there, or for a node of the cluster that exists."},
	ClusterBorn: {name: "cluster born",
		means: "All voters of the new cluster hold its birth record, and this node takes part."},
	ClusterJoined: {name: "joins cluster", level: Warn,
		means: "The cluster was born without this directory: it is new, or the one of this node " +
			"was lost. The node registers with nothing, and has no vote."},
	NoVote: {name: "has no vote", level: Warn,
		means: "This directory gets the metadata and does not vote. " +
			"'lockstep cluster replace-node' gives it the vote of the directory that was lost."},
	PeerRefused: {name: "peer refused", level: Error,
		means: "This node and the peer do not talk, for the reason given: a directory of another " +
			"cluster, one that was removed, or one that was lost before the cluster was born."},
	VotersChanged: {name: "voters changed",
		means: "The voters and learners are others now. Each is a node with the first digits of " +
			"its directory id."},
	ConnectionEvicted: {name: "idle connection closed", level: Warn, once: true,
		means: "The node has nearly as many connections of clients as it may (max.connections), " +
			"and closes the one that has been idle longest. If the clients are wanted, raise the " +
			"bound, or lower connections.max.idle.ms."},
	AcceptFailing: {name: "connections cannot be accepted", level: Error,
		means: "The operating system refuses new connections, for example because no file " +
			"descriptors are left (LimitNOFILE). Connections that are open go on."},
	AcceptWorks: {name: "connections are accepted again",
		means: "An accept has succeeded after failures."},
}
