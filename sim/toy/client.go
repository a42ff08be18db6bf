package toy

import (
	"encoding/binary"
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/netsim"
)

// toyClient adds one pair after another to the set. It tries random nodes until one answers. So a
// pair may be added twice, which does not change a set.
type toyClient struct {
	subject *toySubject
	host    loop.Host
	number  uint64
	rand    *env.Rand

	conn    *toyConn // nil: none
	open    bool
	seq     uint64
	waiting bool
	due     env.Instant // deadline of the answer, or time of the next request
}

// toyTimeout is how long a client waits for one answer.
const toyTimeout = 400 * time.Millisecond

func newToyClient(s *toySubject, host loop.Host, number uint64) *toyClient {
	return &toyClient{subject: s, host: host, number: number,
		rand: host.Entropy("client", "script")}
}

func (c *toyClient) Start(now env.Time) { c.due = now.Mono }

func (c *toyClient) Step(now env.Time, ev *loop.Event) {
	if ev.Kind != loop.Net || c.conn == nil || ev.Net.Conn.ID() != c.conn.conn.ID() {
		return
	}
	switch ev.Net.Kind {
	case netsim.Connected:
		c.open = true
		c.request()
	case netsim.Received:
		c.conn.take(ev.Net.Data)
		for f, ok := c.conn.next(); ok; f, ok = c.conn.next() {
			if f.kind == toyAnswer && f.b == c.seq && c.waiting {
				c.waiting = false
				c.subject.acknowledged(toyPair{c.number, c.seq})
				c.due = now.Mono.Add(c.subject.plan.Workload.Every.Std())
			}
		}
	case netsim.Closed:
		c.conn, c.open = nil, false
		if c.waiting {
			c.due = now.Mono.Add(time.Duration(c.rand.Between(1, 50)) * time.Millisecond)
		}
	}
}

func (c *toyClient) EndTurn(now env.Time) {
	if now.Mono < c.due {
		return
	}
	if !c.waiting {
		if c.subject.healed {
			c.due = env.Never
			return
		}
		c.seq++
		c.waiting = true
	} else if c.conn != nil {
		c.conn.conn.Close() // no answer in time: try another node
		c.conn, c.open = nil, false
	}
	c.due = now.Mono.Add(toyTimeout)
	if c.conn == nil {
		to := c.subject.brokers[c.rand.IntN(len(c.subject.brokers))]
		c.conn = &toyConn{}
		c.conn.conn = c.host.Network().Dial(to+":1", c.host.Sink(loop.Control))
		return
	}
	if c.open {
		c.request()
	}
}

func (c *toyClient) request() {
	if c.waiting {
		c.conn.conn.Send(toyFrame{toyRequest, c.number, c.seq, 0}.encode())
	}
}

func (c *toyClient) NextTimer() env.Instant { return c.due }

// AppendState implements StateAppender.
func (c *toyClient) AppendState(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, c.seq)
	return binary.LittleEndian.AppendUint64(b, uint64(c.due))
}
