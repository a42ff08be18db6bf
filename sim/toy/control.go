package toy

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/netsim"
	"example.com/lockstep/sim/world"
)

// Mail between the loops of a toy node.
type (
	toyAdd struct {
		conn netsim.ConnID
		pair toyPair
	}
	toyAdded struct {
		conn netsim.ConnID
		pair toyPair
	}
)

// These types enter the trace by the names that they had at first.

// TraceLabel implements Labelled.
func (toyAdd) TraceLabel() string { return "*sim.toyAdd" }

// TraceLabel implements Labelled.
func (toyAdded) TraceLabel() string { return "*sim.toyAdded" }

// AppendTrace implements TraceAppender.
func (m toyAdd) AppendTrace(b []byte) []byte { return m.pair.append(b) }

// AppendTrace implements TraceAppender.
func (m toyAdded) AppendTrace(b []byte) []byte { return m.pair.append(b) }

func (p toyPair) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, p.client)
	return binary.LittleEndian.AppendUint64(b, p.seq)
}

// toyControl accepts the connections of clients and mails their requests to shards.
type toyControl struct {
	host   loop.Host
	name   string
	shards int
	bug    Bug
	conns  []*toyConn
	parked []toyAdd // refused by a mailbox; tried again in order
	retry  env.Instant
	served uint64
	world  *world.World
	doomed bool // Coin: the toss was lost
}

// toyRetry is when refused mail is tried again.
const toyRetry = time.Millisecond

func newToyControl(i world.Incarnation, bug Bug) *toyControl {
	return &toyControl{host: i.Hosts[0], name: i.Spec.Name, shards: i.Spec.Shards, bug: bug,
		retry: env.Never, world: i.World}
}

func (c *toyControl) Start(env.Time) {
	if _, err := c.host.Network().Listen(c.name+":1", c.host.Sink(loop.Control)); err != nil {
		c.host.Stop(err)
	}
}

func (c *toyControl) Step(_ env.Time, ev *loop.Event) {
	switch ev.Kind {
	case loop.Net:
		c.stepNet(&ev.Net)
	case loop.Mail:
		m := ev.Mail.(*toyAdded)
		if i := c.find(m.conn); i >= 0 {
			c.conns[i].conn.Send(toyFrame{toyAnswer, m.pair.client, m.pair.seq, 0}.encode())
		}
	}
}

func (c *toyControl) stepNet(ev *netsim.Event) {
	i := c.find(ev.Conn.ID())
	switch ev.Kind {
	case netsim.Accepted:
		c.conns = append(c.conns, &toyConn{conn: ev.Conn})
	case netsim.Closed:
		if i >= 0 {
			c.conns = slices.Delete(c.conns, i, i+1)
		}
	case netsim.Received:
		if i < 0 {
			return
		}
		conn := c.conns[i]
		conn.take(ev.Data)
		for f, ok := conn.next(); ok; f, ok = conn.next() {
			c.request(toyAdd{ev.Conn.ID(), toyPair{f.a, f.b}})
		}
	}
}

func (c *toyControl) request(m toyAdd) {
	c.served++
	if c.bug == Coin && c.name == "n1" {
		if c.served == 50 {
			c.doomed = c.host.Entropy("toy", "coin").Chance(1, 4)
			c.world.Note(nil, world.Noted, 0, "the coin is tossed")
		}
		assert.That(c.served < 100 || !c.doomed, "toy: the toss was lost")
	}
	if c.served == 100 {
		assert.That(c.bug != Panic, "toy: the hundredth request")
		if c.bug == Stop {
			c.host.Stop(errors.New("toy: the hundredth request"))
			return
		}
	}
	if len(c.parked) > 0 || !c.host.TrySend(shardOf(m.pair.client, c.shards), &m) {
		c.parked = append(c.parked, m)
	}
}

func (c *toyControl) EndTurn(now env.Time) {
	for len(c.parked) > 0 && c.host.TrySend(shardOf(c.parked[0].pair.client, c.shards),
		&c.parked[0]) {
		c.parked = c.parked[1:]
	}
	c.retry = env.Never
	if len(c.parked) > 0 {
		c.retry = now.Mono.Add(toyRetry)
	}
}

func (c *toyControl) NextTimer() env.Instant { return c.retry }

func (c *toyControl) find(id netsim.ConnID) int {
	return slices.IndexFunc(c.conns, func(t *toyConn) bool { return t.conn.ID() == id })
}

// AppendState implements StateAppender.
func (c *toyControl) AppendState(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, c.served)
	for _, m := range c.parked {
		b = m.pair.append(b)
	}
	return b
}
