package wait

import (
	"fmt"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
)

// Wait is one thing that a pending operation of a loop waits for.
type Wait struct {
	// The name of the operation, unique within its loop: "produce 812". Self is the loop as a
	// whole: while it waits, it does nothing else.
	Who   string
	About string      // what it is, for people: "t0/1 up to offset 17"
	Since env.Instant // when it began, or Unknown
	// Until is when the operation ends by itself, or env.Never. If it has passed, the deadline has
	// not worked.
	Until env.Instant
	For   string // what it waits for, in words: "an ack of node 1 at epoch 4"
	On    Target
}

// Self is the name of a loop as a whole.
const Self = ""

// Unknown is the Since of an operation that does not record when it began.
const Unknown env.Instant = -1

// Target is the thing that can end a wait.
type Target struct {
	Kind Kind
	// Op names the operation that can end the wait: of the same loop (OnOp), of another loop of the
	// node (OnLoop), or of any loop of another node (OnPeer).
	Op    string
	Loop  int32        // OnLoop, OnMailbox
	Node  kafka.NodeID // OnPeer
	Owner uint32       // OnDisk: the owner tag of the operation
	Token uint64       // OnDisk; may be AnyToken
	At    env.Instant  // OnTimer
	// IfAny: there is no wait if the loops of the peer run and list no such operation.
	IfAny bool
}

// AnyToken means all operations of an owner.
const AnyToken = ^uint64(0)

// Kind says which fields of a Target are set.
type Kind uint8

const (
	OnOp      Kind = iota + 1 // another operation of the same loop: Op
	OnLoop                    // an answer of another loop of the node: Loop, Op
	OnMailbox                 // room in the mailbox of another loop: Loop
	OnPeer                    // another node: Node, Op
	OnDisk                    // a disk operation of this loop: Owner, Token
	OnTimer                   // a time: At
	OnSpace                   // room on the disk of the node
	OnClient                  // the program at the other end of a client connection
)

// Waiter is implemented by loops that list their pending operations.
type Waiter interface {
	// Waits yields everything that is pending, in an order that depends only on the state. It
	// changes nothing.
	Waits(yield func(Wait))
}

// Of is an operation of the same loop.
func Of(op string) Target { return Target{Kind: OnOp, Op: op} }

// OfLoop is an operation of another loop of the node.
func OfLoop(loop int32, op string) Target { return Target{Kind: OnLoop, Loop: loop, Op: op} }

// OfMailbox is room in the mailbox of a loop.
func OfMailbox(loop int32) Target { return Target{Kind: OnMailbox, Loop: loop} }

// OfPeer is an operation of another node.
func OfPeer(node kafka.NodeID, op string) Target { return Target{Kind: OnPeer, Node: node, Op: op} }

// OfPeerIfAny is an operation of another node, if that node has one.
func OfPeerIfAny(node kafka.NodeID, op string) Target {
	return Target{Kind: OnPeer, Node: node, Op: op, IfAny: true}
}

// OfDisk is a disk operation of the same loop.
func OfDisk(owner uint32, token uint64) Target {
	return Target{Kind: OnDisk, Owner: owner, Token: token}
}

// OfTimer is a time.
func OfTimer(at env.Instant) Target { return Target{Kind: OnTimer, At: at} }

// OfSpace is room on the node's disk.
func OfSpace() Target { return Target{Kind: OnSpace} }

// OfClient is the client of the connection.
func OfClient() Target { return Target{Kind: OnClient} }

// The names that one node uses for pending operations of another node.

// Connection names a client connection by the client's address.
func Connection(remote string) string { return "connection of " + remote }

// Forward names a produce that a shard of a node has forwarded under an id.
func Forward(node kafka.NodeID, shard int32, id uint64) string {
	return fmt.Sprintf("forward %d of node %d shard %d", id, node, shard)
}

// Replica names the records of a partition that a follower has appended and not acknowledged.
func Replica(partition string) string { return "replica of " + partition }

// Refusal names the reason for which a follower refuses the pushes of a partition.
func Refusal(partition string) string { return "refusal of pushes of " + partition }

// Watermark names the wait of a partition's leader for the commit of its records.
func Watermark(partition string) string { return "watermark of " + partition }

// InSync names the wait of a partition's leader for all replicas to be in the in-sync set.
func InSync(partition string) string { return "in-sync set of " + partition }

// Proposal names a metadata command on the controller.
func Proposal(node kafka.NodeID, seq uint64) string {
	return fmt.Sprintf("proposal %d of node %d", seq, node)
}

// ReadIndex names a barrier of a node on the controller.
func ReadIndex(node kafka.NodeID, id uint64) string {
	return fmt.Sprintf("read index %d of node %d", id, node)
}

// SessionOf names the session of a fenced broker on the controller.
func SessionOf(node kafka.NodeID) string { return fmt.Sprintf("session of node %d", node) }

// Entries names, on the leader of Raft, the entries that a voter does not have yet.
func Entries(node kafka.NodeID) string { return fmt.Sprintf("raft entries for node %d", node) }

// Names of operations that exist once on a node or a loop.
const (
	Registration = "registration"    // of this incarnation with the cluster
	Recovery     = "recovery"        // of a loop's logs
	Log          = "write-ahead log" // of a loop: its records that are not durable
	Persist      = "raft records"    // on their way to the disk
	Election     = "election"        // of a controller
	Commit       = "raft commit"     // of entries that the controller proposed
	Turn         = "turn"            // of the loop: the work at its end
	Room         = "room in the log" // of a shard that refuses appends: what has to make it
	// No loop lists it. An operation that waits for it missed an event that has already come.
	WakeUp   = "wake-up"
	Applying = "applying" // committed entries of Raft
	Health   = "health"   // of a node: why it does not vouch for itself
	Session  = "session"  // with the controller: heartbeats and lease
)
