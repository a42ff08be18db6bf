package kafka

import (
	"strings"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/checker"
	diskvirtual "example.com/lockstep/diskfs/virtual"
	"example.com/lockstep/netsim"
	"example.com/lockstep/sim/kafka/client"
	"example.com/lockstep/sim/kafka/history"
	"example.com/lockstep/sim/world"
)

// Facts for P12: what a broker holds in memory, and the bounds of that.

// roomSlack is how many milliseconds a shard may need to see that a connection must make room. It
// looks at intervals (limits.EvictIdle), and takes what has arrived first.
const roomSlack = 700

// collectBounds adds to the history the most that brokers held, and what they hold at the
// end.
func (c *cluster) collectBounds(w *world.World) {
	h := &c.Rec.History
	wal := c.walConfig(1)
	h.Queues = append(h.Queues,
		checker.QueueFact{Name: "bytes of unanswered produces of a shard", Max: c.facts.bytes,
			Bound: c.bytesBound()},
		checker.QueueFact{Name: "bytes of produces forwarded to a shard", Max: c.facts.forwarded,
			Bound: c.forwardedBound()},
		checker.QueueFact{Name: "bytes of unfinished frames of a shard", Max: c.facts.unfinished,
			Bound: int64(c.limits().UnfinishedBytes) + int64(c.limits().RequestBytes)},
		checker.QueueFact{Name: "milliseconds for which a connection held what others wait for, " +
			"beyond its time", Max: c.facts.roomOwed, Bound: roomSlack},
		checker.QueueFact{Name: "bytes of answers of a shard", Max: c.facts.answers,
			Bound: c.answersBound()},
		checker.QueueFact{Name: "bytes of the log that a shard's recovery reads at once",
			Max: c.facts.readAhead, Bound: 2 * int64(wal.ReadBytes)},
		checker.QueueFact{Name: "partitions that a shard loads at once",
			Max: int64(c.facts.loading), Bound: int64(c.limits().LoadsInFlight)})
	h.Queues = append(h.Queues, c.slowReaders(w)...)
	for _, name := range c.Brokers {
		h.Queues = append(h.Queues, checker.QueueFact{Node: history.NodeOf(name),
			Name: "operations that the limit of open files made fail",
			Max:  int64(outOfFiles(w.Node(name)))})
	}
	for _, name := range c.Brokers {
		// Before that, deletions may not be known yet.
		if n := w.Node(name); n.Up() && w.Converged() {
			h.Queues = append(h.Queues, checker.QueueFact{
				Node: history.NodeOf(name), Name: "entries of deleted partitions in shards",
				Max: int64(c.leftovers(n)),
			}, checker.QueueFact{
				Node: history.NodeOf(name), Name: "bytes of budgets that requests held as they " +
					"ended", Max: leaked(n),
			})
		}
	}
}

// outOfFiles counts the operations that failed because a process had as many files open as it may.
func outOfFiles(n *world.Node) (count int) {
	faults := n.FS().Injected()
	for i := range faults {
		if faults[i].Effect == diskvirtual.OutOfFiles {
			count++
		}
	}
	return count
}

// CountsReads implements ReadCounter: reads of write-ahead logs are counted.
func (c *cluster) CountsReads(path string) bool { return strings.HasSuffix(path, ".wal") }

// leftovers counts what the shards of a node keep for partitions that are gone.
func (c *cluster) leftovers(n *world.Node) (entries int) {
	for _, l := range n.Loops() {
		if s, ok := l.(*shard.Shard); ok {
			entries += s.Leftovers(func(id kafka.PartitionID) bool { return !c.facts.exists(id) })
		}
	}
	return entries
}

// leaked is what shards without any request still count as used of their budgets of bytes, and what
// they count for connections that are gone.
func leaked(n *world.Node) (bytes int64) {
	for _, l := range n.Loops() {
		s, ok := l.(*shard.Shard)
		if !ok {
			continue
		}
		if s.WaitingRequests() == 0 {
			ofClients, forwarded := s.InflightBytes()
			bytes += int64(ofClients) + int64(forwarded)
		}
		_, _, ofNobody := s.Held()
		bytes += int64(ofNobody)
	}
	return bytes
}

// answersBound is the budget, what the requests that may start below it add, and for each
// connection the answers to produces and one batch that is larger than the window of a fetch.
func (c *cluster) answersBound() int64 {
	l := c.limits()
	return int64(l.AnswerBytes) + int64(l.Connections)*int64(l.FetchWindow+64<<10)
}

// bytesBound is the budget and one request more, since one request is admitted whatever the
// budget.
func (c *cluster) bytesBound() int64 { return int64(c.limits().InflightBytes) + 64<<10 }

// forwardedBound is what the shards of all nodes may have unanswered, and what may still
// arrive on a connection that its sender has given up.
func (c *cluster) forwardedBound() int64 {
	var senders int64
	for _, name := range c.Brokers {
		senders += int64(c.World.Node(name).Spec().Shards)
	}
	return senders * (c.bytesBound() + netsim.RecvWindow)
}

// slowReaders adds what brokers held ready for clients that did not read (P12).
func (c *cluster) slowReaders(w *world.World) (facts []checker.QueueFact) {
	for _, n := range w.Nodes() {
		if n.Spec().Role != "slowreader" {
			continue
		}
		for _, broker := range c.Brokers {
			facts = append(facts, checker.QueueFact{
				Node: history.NodeOf(broker), Name: "bytes ready for a client that does not read",
				Max:   int64(w.Fabric().MostUnsent(broker, n.Spec().Name)),
				Bound: client.SlowReaderBound,
			})
		}
	}
	return facts
}
