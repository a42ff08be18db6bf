package wait

import (
	"fmt"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
)

// Wait is one thing that a pending operation of a loop waits for.
type Wait struct {
	// Who names the operation, unique within its loop: "produce 812". Self is the
	// loop as a whole: while that waits, the loop does nothing else.
	Who   string
	About string      // what it is, for people: "t0/1 up to offset 17"
	Since env.Instant // when it began; Unknown
	// Until is when it ends by itself, whatever comes; env.Never if it has no such
	// deadline. A deadline that has passed is one that nothing keeps.
	Until env.Instant
	For   string // what it waits for, in words: "an ack of node 1 at epoch 4"
	On    Target
}

// Self is the name of a loop as a whole.
const Self = ""

// Unknown is the Since of an operation that does not record when it began.
const Unknown env.Instant = -1

// Target is who or what has to bring what is waited for.
type Target struct {
	Kind Kind
	// Op names the operation of the target that would bring it: one of the same
	// loop (Op), of another loop of the node (Loop) or of any loop of a node (Peer).
	Op    string
	Loop  int32        // Loop, Mailbox
	Node  kafka.NodeID // Peer
	Owner uint32       // Disk: as submitted
	Token uint64       // Disk; AnyToken
	At    env.Instant  // Timer
	// IfAny: a peer whose loops run and list no such operation is not waited for.
	IfAny bool
}

// AnyToken stands for all operations of an owner.
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
	OnClient                  // whoever is at the other end of a client connection
)

// Waiter is implemented by loops that say what is pending in them.
type Waiter interface {
	// Waits yields everything that is pending, in an order that depends on the
	// state alone. It changes nothing.
	Waits(yield func(Wait))
}

// Of, OfLoop and so on make targets.
func Of(op string) Target { return Target{Kind: OnOp, Op: op} }

// OfLoop is an operation of another loop of the node.
func OfLoop(loop int32, op string) Target { return Target{Kind: OnLoop, Loop: loop, Op: op} }

// OfMailbox is room in the mailbox of a loop.
func OfMailbox(loop int32) Target { return Target{Kind: OnMailbox, Loop: loop} }

// OfPeer is an operation of another node.
func OfPeer(node kafka.NodeID, op string) Target { return Target{Kind: OnPeer, Node: node, Op: op} }

// OfPeerIfAny is an operation of another node, if that has one.
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

// The names by which one node refers to what another one has pending.

// Connection names a client connection by the client's address.
func Connection(remote string) string { return "connection of " + remote }

// Forward names a produce that shard of node has forwarded under an id.
func Forward(node kafka.NodeID, shard int32, id uint64) string {
	return fmt.Sprintf("forward %d of node %d shard %d", id, node, shard)
}

// Replica names what a follower has appended of a partition and not acknowledged.
func Replica(partition string) string { return "replica of " + partition }

// Watermark names what the leader of a partition waits for to commit what it has.
func Watermark(partition string) string { return "watermark of " + partition }

// InSync names what the leader of a partition waits for to have all replicas in
// the in-sync set.
func InSync(partition string) string { return "in-sync set of " + partition }

// Proposal names a metadata command on the controller.
func Proposal(node kafka.NodeID, seq uint64) string {
	return fmt.Sprintf("proposal %d of node %d", seq, node)
}

// ReadIndex names a barrier of a node on the controller.
func ReadIndex(node kafka.NodeID, id uint64) string {
	return fmt.Sprintf("read index %d of node %d", id, node)
}

// SessionOf names, on the controller, what keeps a broker fenced.
func SessionOf(node kafka.NodeID) string { return fmt.Sprintf("session of node %d", node) }

// Entries names, on the leader of Raft, what a voter lacks.
func Entries(node kafka.NodeID) string { return fmt.Sprintf("raft entries for node %d", node) }

// The names of what every node has one of.
const (
	Registration = "registration"    // of this incarnation with the cluster
	Recovery     = "recovery"        // of a loop's logs
	Log          = "write-ahead log" // of a loop
	Persist      = "raft records"    // on their way to the disk
	Election     = "election"        // of a controller
	Commit       = "raft commit"     // of what the controller proposed
	Turn         = "turn"            // of the loop: what is done at its end
	// Nobody lists it: what should have come has come, and was not noticed.
	WakeUp   = "wake-up"
	Applying = "applying" // what others have committed
	Health   = "health"   // of a node: why it does not vouch for itself
	Session  = "session"  // with the controller: heartbeats and lease
)
