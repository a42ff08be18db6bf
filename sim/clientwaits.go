package sim

import (
	"fmt"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/wait"
	"example.com/lockstep/checker"
)

// Waits implements wait.Waiter: a client's requests wait for their brokers.
func (c *kafkaClient) Waits(yield func(wait.Wait)) {
	mono := c.mono()
	for _, k := range c.conns {
		node := kafka.NodeID(k.node)
		for _, call := range k.waiting {
			r := &c.load.rec.h.Requests[call.record]
			yield(wait.Wait{
				Who: requestName(r), About: fmt.Sprintf("to %s, answer due at %s", brokerName(node), r.Deadline),
				Since: mono(env.Instant(r.Call.At)), Until: call.patience.At(),
				For: "an answer of " + brokerName(node), On: wait.OfPeer(node, wait.Connection(k.localAddr())),
			})
		}
		for i, call := range k.unsent {
			yield(wait.Wait{
				Who: fmt.Sprintf("unsent request %d of connection %d", i+1, k.number), About: call.name(),
				Since: wait.Unknown, Until: k.dialling.At(),
				For: "a connection to " + k.addr, On: wait.OfPeer(node, wait.Connection(k.localAddr())),
			})
		}
	}
}

// mono translates the world's time into that of the client's machine.
func (c *kafkaClient) mono() func(env.Instant) env.Instant {
	return c.load.world.Node(c.name).MonoAt
}

// requestName names a request by its number in the history.
func requestName(r *checker.Request) string { return fmt.Sprintf("%s %d", r.Name, r.ID) }

// localAddr is how the broker sees the connection.
func (k *kafkaConn) localAddr() string {
	if end, ok := k.conn.(interface{ LocalAddr() string }); ok {
		return end.LocalAddr()
	}
	return ""
}

// requestsPending lists the requests of a client as roots.
func (c *kafkaClient) requestsPending() (out []Overdue) {
	c.Waits(func(x wait.Wait) {
		out = append(out, Overdue{At: []StallPlace{{Node: c.name, Op: x.Who}}})
	})
	return out
}

// requestPending is a request of the history as a root, if it is this client's.
func (c *kafkaClient) requestPending(r *checker.Request) (out []Overdue) {
	for _, conn := range c.conns {
		if conn.number == r.Conn {
			out = append(out, Overdue{At: []StallPlace{{Node: c.name, Op: requestName(r)}}})
		}
	}
	return out
}
