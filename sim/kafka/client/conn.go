package client

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/wire"
	"example.com/lockstep/broker/wire/client"
	"example.com/lockstep/checker"
	"example.com/lockstep/netsim"
	"example.com/lockstep/sim/kafka/history"
	"example.com/lockstep/sim/property"
	"example.com/lockstep/sim/world"
)

// connection is a client's connection to one broker. It sends real frames, and the broker
// answers them in order. A timer gives up a broker that does not accept the connection, or
// does not answer by the deadline that it promised: nothing else tells of a half-open
// connection.
//
// It records every request in History.Requests, with its deadline and its end, which
// package checker judges (P11). It asks the Insight what excuses a late end. It judges
// frames itself: they must be well formed, and an answer must have the correlation id of a
// request and decode.
type connection struct {
	client      *Client
	addr        string
	node        checker.NodeID
	conn        netsim.Conn
	number      int // in the history
	framer      *wire.Framer
	open        bool
	closed      bool
	correlation int32
	unsent      []*pendingCall
	waiting     []*pendingCall
	dialling    *loop.Timer[func(env.Time)]
	full        bool             // the send window is full (netsim, rule 6)
	waitForRoom []func(env.Time) // called when there is room, or the connection is closed
}

// pendingCall is one request that has not ended.
type pendingCall struct {
	req         kmsg.Request
	timeout     time.Duration // within this the broker promises to answer
	stuck       time.Duration // the same while its disk is in trouble; 0: no longer than timeout
	silent      bool          // acks=0: there is no answer
	correlation int32
	entry       int // index into History.Requests
	patience    *loop.Timer[func(env.Time)]
	// began is called when the request leaves, done when it ends. resp is nil if the
	// connection was lost. If the request had left, its outcome is unknown then.
	began func()
	done  func(now env.Time, resp kmsg.Response)
}

// name is the API of the request.
func (call *pendingCall) name() string { return kmsg.NameForKey(call.req.Key()) }

const (
	dialPatience = 1500 * time.Millisecond
	// promiseSlack is what a broker may add to a request's own timeout
	// (limits.LoopSlack, and the network there and back).
	promiseSlack = 600 * time.Millisecond
	// RequestSlack is History.Slack: time for long turns and retransmissions.
	RequestSlack = 1400 * time.Millisecond
)

func (c *Client) dial(now env.Time, addr string) *connection {
	k := &connection{client: c, addr: addr, node: history.NodeOf(addr), number: c.load.Rec.ID(),
		framer: wire.NewFramer(1 << 30)}
	k.conn = c.host.Network().Dial(addr, c.host.Sink(loop.Control))
	c.conns = append(c.conns, k)
	k.dialling = c.after(now, dialPatience, func(now env.Time) { k.drop(now) })
	return k
}

// call sends a request, at once or when the connection is open.
func (k *connection) call(now env.Time, call *pendingCall) {
	if k.closed {
		call.done(now, nil)
		return
	}
	if !k.open {
		k.unsent = append(k.unsent, call)
		return
	}
	k.send(now, call)
}

func (k *connection) send(now env.Time, call *pendingCall) {
	rec := k.client.load.Rec
	k.correlation++
	call.correlation = k.correlation
	vanish := k.client.load.Options().Vanish.Or(0)
	if vanish > 0 && k.client.rand.Chance(uint64(vanish), 1000) {
		// The client disconnects in the middle of its request. The broker must never act on
		// it.
		frame := client.AppendRequest(nil, call.correlation, k.client.Name, call.req)
		k.conn.Send(frame[:k.client.rand.IntN(len(frame))])
		k.drop(now) // bytes of a later request would complete the frame
		call.done(now, nil)
		return
	}
	if call.began != nil {
		call.began()
	}
	at := rec.Moment()
	deadline := at.At + call.timeout + promiseSlack
	if n := len(k.waiting); n > 0 {
		deadline = max(deadline, rec.History.Requests[k.waiting[n-1].entry].Deadline)
	}
	call.entry = len(rec.History.Requests)
	rec.History.Requests = append(rec.History.Requests, checker.Request{
		ID: rec.ID(), Conn: k.number, Name: call.name(), Correlation: call.correlation,
		Call: at, Deadline: deadline, NoResponse: call.silent, Return: checker.Never,
	})
	if r := k.client.load.Recording; r != nil {
		r.RequestLeaves(call.entry)
	}
	k.full = k.conn.Send(client.AppendRequest(nil, call.correlation, k.client.Name, call.req)) ||
		k.full
	if call.silent {
		rec.History.Requests[call.entry].Return = at
		call.done(now, nil)
		return
	}
	k.waiting = append(k.waiting, call)
	k.watch(now, call)
	if vanish > 0 && k.client.rand.Chance(uint64(vanish), 1000) {
		k.drop(now) // or right after its request, which may take effect without an answer
	}
}

// readLate moves the deadlines of the requests behind one that was just answered. Where the
// limits of the broker are tight, it may read them only now.
func (k *connection) readLate(now env.Time) {
	if k.client.load.Options().Tight.Or(0) == 0 {
		return
	}
	for _, call := range k.waiting {
		r := &k.client.load.Rec.History.Requests[call.entry]
		r.Deadline = max(r.Deadline,
			time.Duration(k.client.load.World.Now())+call.timeout+promiseSlack)
		k.watch(now, call)
	}
}

// watch sets a timer that gives the connection up when the request is overdue.
func (k *connection) watch(now env.Time, call *pendingCall) {
	k.client.timers.Cancel(call.patience)
	l := k.client.load
	left := l.Rec.History.Requests[call.entry].Deadline - time.Duration(l.World.Now())
	call.patience = k.client.after(now, left+RequestSlack+5*time.Millisecond,
		func(now env.Time) { k.overdue(now, call) })
}

// overdue gives the connection up for a request that should have ended. If nothing excuses
// the broker, it first explains what the request waits for.
func (k *connection) overdue(now env.Time, call *pendingCall) {
	c := k.client.load
	r := &c.Rec.History.Requests[call.entry]
	if c.Insight.ReadsStuck(k.node, env.Instant(r.Call.At)) && k.giveTime(now) {
		return
	}
	if k.excuse(r) == "" {
		c.World.Explain("P11: "+checker.Title("P11"), string(checker.RequestOverdue),
			func() []world.Overdue {
				return []world.Overdue{{At: []world.StallPlace{{Node: k.client.Name,
					Op: requestName(r)}}}}
			})
	}
	k.drop(now)
}

// giveTime moves the deadlines of requests that wait for a disk in trouble, and of the
// requests behind them. It returns false if they were moved before.
func (k *connection) giveTime(now env.Time) (moved bool) {
	latest := time.Duration(0)
	for _, call := range k.waiting {
		r := &k.client.load.Rec.History.Requests[call.entry]
		if call.stuck > 0 {
			latest = max(latest, r.Call.At+call.stuck+promiseSlack)
		}
		if r.Deadline < latest {
			r.Deadline, moved = latest, true
			k.watch(now, call)
		}
		latest = max(latest, r.Deadline)
	}
	return moved
}

func (k *connection) step(now env.Time, ev *netsim.Event) {
	switch ev.Kind {
	case netsim.Connected:
		k.open = true
		k.client.timers.Cancel(k.dialling)
		unsent := k.unsent
		k.unsent = nil
		for _, call := range unsent {
			k.call(now, call)
		}
	case netsim.Received:
		k.conn.Consumed(len(ev.Data))
		k.framer.Feed(ev.Data)
		for !k.closed {
			frame, ok, err := k.framer.Next()
			if err != nil {
				k.client.load.World.Violated(property.FramesWellFormed, k.addr, "%v", err)
				k.drop(now)
			}
			if !ok {
				return
			}
			k.answer(now, frame)
		}
	case netsim.Writable:
		k.full = false
		k.resume(now)
	case netsim.Closed:
		k.drop(now)
	}
}

func (k *connection) answer(now env.Time, frame []byte) {
	world, rec := k.client.load.World, k.client.load.Rec
	correlation, err := client.CorrelationID(frame)
	at := -1
	for i, call := range k.waiting {
		if call.correlation == correlation {
			at = i
			break
		}
	}
	if err != nil || at < 0 {
		world.Violated(property.ResponsesAnswer, k.addr, "correlation id %d: %v", correlation, err)
		k.drop(now)
		return
	}
	call := k.waiting[at]
	k.waiting = append(k.waiting[:at], k.waiting[at+1:]...)
	k.client.timers.Cancel(call.patience)
	if r := k.client.load.Recording; r != nil {
		r.RequestEnded(call.entry)
	}
	r := &rec.History.Requests[call.entry]
	if r.Return = rec.Moment(); r.Return.At > r.Deadline+RequestSlack {
		r.Excused = k.excuse(r)
	}
	k.readLate(now)
	resp, err := client.DecodeResponse(frame, call.req)
	if err != nil {
		world.Violated(property.ResponsesDecode, k.addr, "%s version %d: %v", call.name(),
			call.req.GetVersion(), err)
		resp = nil
	}
	call.done(now, resp)
}

// resume calls what waited for room in the send window, or for the end of the connection.
func (k *connection) resume(now env.Time) {
	waited := k.waitForRoom
	k.waitForRoom = nil
	for _, goOn := range waited {
		goOn(now)
	}
}

// excuse says why a request need not have ended in time; "" if it must have.
func (k *connection) excuse(r *checker.Request) string {
	why := k.client.load.Insight.Excuse(k.client.Name, k.node, env.Instant(r.Call.At))
	if _, produces := k.client.script.(*producer); why == "" && produces &&
		k.client.load.Options().Tight.Or(0) == 1 {
		// Produces of other clients may hold the whole budget until their own deadlines,
		// and a request that was not read yet has no deadline. Only a produce needs the
		// budget.
		why = "the broker's budget of bytes was taken"
	}
	if why == "" && k.client.load.Insight.AnswersFull(k.node, env.Instant(r.Call.At)) {
		why = "the broker waited for clients to read"
	}
	return why
}

// drop closes the connection and ends everything on it.
func (k *connection) drop(now env.Time) {
	if k.closed {
		return
	}
	k.closed = true
	k.conn.Close()
	c, rec := k.client, k.client.load.Rec
	c.timers.Cancel(k.dialling)
	for i, other := range c.conns {
		if other == k {
			c.conns = append(c.conns[:i], c.conns[i+1:]...)
			break
		}
	}
	for _, call := range k.waiting {
		c.timers.Cancel(call.patience)
		r := &rec.History.Requests[call.entry]
		r.Closed, r.Return = true, rec.Moment()
		r.Excused = k.excuse(r)
		call.done(now, nil)
	}
	for _, call := range k.unsent {
		call.done(now, nil)
	}
	k.waiting, k.unsent = nil, nil
	k.resume(now)
}
