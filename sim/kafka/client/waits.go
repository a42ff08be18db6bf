package client

import (
	"fmt"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/wait"
	"example.com/lockstep/checker"
	"example.com/lockstep/sim/kafka/history"
	"example.com/lockstep/sim/world"
)

// Waits implements wait.Waiter: the requests of a client wait for their brokers.
func (c *Client) Waits(yield func(wait.Wait)) {
	mono := c.mono()
	for _, k := range c.conns {
		node := kafka.NodeID(k.node)
		for _, call := range k.waiting {
			r := &c.load.Rec.History.Requests[call.entry]
			yield(wait.Wait{
				Who: requestName(r), About: fmt.Sprintf("to %s, answer due at %s",
					history.BrokerName(node), r.Deadline),
				Since: mono(env.Instant(r.Call.At)), Until: call.patience.At(),
				For: "an answer of " + history.BrokerName(node),
				On:  wait.OfPeer(node, wait.Connection(k.localAddr())),
			})
		}
		for i, call := range k.unsent {
			yield(wait.Wait{
				Who:   fmt.Sprintf("unsent request %d of connection %d", i+1, k.number),
				About: call.name(),
				Since: wait.Unknown, Until: k.dialling.At(),
				For: "a connection to " + k.addr,
				On:  wait.OfPeer(node, wait.Connection(k.localAddr())),
			})
		}
	}
}

// mono translates world time into the monotonic time of the client's machine.
func (c *Client) mono() func(env.Instant) env.Instant {
	return c.load.World.Node(c.Name).MonoAt
}

// requestName names a request by its id in the history.
func requestName(r *checker.Request) string { return fmt.Sprintf("%s %d", r.Name, r.ID) }

// localAddr is the client's address as the broker sees it.
func (k *connection) localAddr() string {
	if end, ok := k.conn.(interface{ LocalAddr() string }); ok {
		return end.LocalAddr()
	}
	return ""
}

// RequestsPending lists the requests of a client as roots of a wait-for graph.
func (c *Client) RequestsPending() (out []world.Overdue) {
	c.Waits(func(x wait.Wait) {
		out = append(out, world.Overdue{At: []world.StallPlace{{Node: c.Name, Op: x.Who}}})
	})
	return out
}

// RequestPending is a request of the history as a root of a wait-for graph, if it is on a
// connection of this client.
func (c *Client) RequestPending(r *checker.Request) (out []world.Overdue) {
	for _, conn := range c.conns {
		if conn.number == r.Conn {
			out = append(out, world.Overdue{At: []world.StallPlace{{Node: c.Name,
				Op: requestName(r)}}})
		}
	}
	return out
}
