package client

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/wire"
	"example.com/lockstep/broker/wire/client"
	"example.com/lockstep/netsim"
	"example.com/lockstep/sim/kafka/history"
	"example.com/lockstep/sim/property"
)

// greedy is a client that makes a broker hold as much as it can: connections that it does not use,
// frames that it does not finish, answers that it does not read. It also asks for one partition
// again and again, and ends its sending side before it has its answers.
//
// It records nothing in the history. It judges that idle connections are closed, that a partition
// is answered once, and that it gets what it is owed after it has ended its side. What brokers hold
// for it is judged by facts of P12, and that other clients are served by the checkers.
type greedy struct {
	c     *Client
	what  greed
	addr  string
	conns []netsim.Conn
	began env.Instant
	timer *loop.Timer[func(env.Time)]

	// Of one connection with answers.
	framer *wire.Framer
	first  bool // the first answer has come: the broker serves this incarnation's clients
	heard  int32
	owed   int32 // answers after the first
}

// greed is what a greedy client does with a broker.
type greed int

const (
	idles greed = iota
	leavesFrames
	ignoresAnswers
	endsEarly
	repeats
	greeds
)

func (g *greedy) start(now env.Time) { g.later(now) }
func (g *greedy) informed(env.Time)  {}
func (g *greedy) pending() []string  { return nil }
func (g *greedy) later(now env.Time) {
	g.c.after(now, g.c.between(20*time.Millisecond, 500*time.Millisecond), g.begin)
}

// end implements rawScript.
func (g *greedy) end() {
	g.c.timers.Cancel(g.timer)
	for _, conn := range g.conns {
		conn.Close()
	}
	g.conns = nil
}

func (g *greedy) over(now env.Time) {
	g.end()
	g.later(now)
}

func (g *greedy) begin(now env.Time) {
	if g.c.stopped || g.c.load.FaultsOver {
		return
	}
	g.what, g.addr = greed(g.c.rand.IntN(int(greeds))), g.c.anyBroker()
	g.framer, g.first, g.heard, g.owed = wire.NewFramer(1<<30), false, 0, 0
	g.began = g.c.load.World.Now()
	n := 1
	if g.what == idles || g.what == leavesFrames {
		n += g.c.rand.IntN(int(g.c.load.Options().GreedyConns.Or(6)))
	}
	for range n {
		g.conns = append(g.conns, g.c.host.Network().Dial(g.addr, g.c.host.Sink(loop.Control)))
	}
	g.timer = g.c.after(now, dialPatience, g.over)
}

// event implements rawScript.
func (g *greedy) event(now env.Time, ev *netsim.Event) {
	at := -1
	for i, conn := range g.conns {
		if conn.ID() == ev.Conn.ID() {
			at = i
		}
	}
	if at < 0 {
		return
	}
	switch ev.Kind {
	case netsim.Connected:
		g.use(now, ev.Conn)
	case netsim.Received:
		if g.what != ignoresAnswers {
			ev.Conn.Consumed(len(ev.Data))
			g.framer.Feed(ev.Data)
			g.hear(now, ev.Conn)
		}
	case netsim.Closed:
		g.conns = append(g.conns[:at], g.conns[at+1:]...)
		g.closed(now, ev.Err)
	}
}

// use does what the client has drawn with a connection that is open.
func (g *greedy) use(now env.Time, conn netsim.Conn) {
	patience := g.c.between(500*time.Millisecond, 5*time.Second)
	switch g.what {
	case idles:
		patience = 2*g.c.load.ConnIdle + RequestSlack
		if patience > 20*time.Second {
			patience = g.c.between(500*time.Millisecond, 5*time.Second)
		}
	case leavesFrames:
		size := 1 + g.c.rand.IntN(g.c.load.RequestBytes)
		frame := binary.BigEndian.AppendUint32(nil, uint32(size))
		frame = append(frame, make([]byte, size)...) // key 0 is Produce
		conn.Send(frame[:4+g.c.rand.IntN(size)])
	case ignoresAnswers:
		req := kmsg.NewPtrApiVersionsRequest()
		frame := client.AppendRequest(nil, 1, "", req)
		binary.BigEndian.PutUint16(frame[6:], 99)
		var all []byte
		for range 15_000 {
			all = append(all, frame...)
		}
		conn.Send(all)
	case endsEarly, repeats:
		req := kmsg.NewPtrMetadataRequest()
		req.Version = 1
		conn.Send(client.AppendRequest(nil, 1, g.c.Name, req))
		patience = g.c.load.RequestTimeout + promiseSlack + RequestSlack
	}
	g.c.timers.Cancel(g.timer)
	g.timer = g.c.after(now, patience, g.lost)
}

// hear takes answers. They come in order.
func (g *greedy) hear(now env.Time, conn netsim.Conn) {
	for {
		frame, ok, err := g.framer.Next()
		if err == nil && !ok {
			return
		}
		g.heard++
		switch {
		case err != nil:
			g.violated(property.FramesWellFormed, "%v", err)
			return
		case int32(binary.BigEndian.Uint32(frame)) != g.heard:
			g.violated(property.ResponsesInOrder, "answer %d has correlation id %d", g.heard,
				int32(binary.BigEndian.Uint32(frame)))
			return
		case g.heard == 1:
			g.ask(now, conn)
		case g.what == repeats:
			g.judgeRepeated(frame)
			g.over(now)
			return
		}
	}
}

// ask sends what the client wants to know about. The broker has shown that it is registered.
func (g *greedy) ask(now env.Time, conn netsim.Conn) {
	g.first, g.began = true, g.c.load.World.Now()
	requests := []kmsg.Request{g.fetch(40)}
	if g.what == endsEarly {
		poll, versions, metadata := g.fetch(1), kmsg.NewPtrApiVersionsRequest(),
			kmsg.NewPtrMetadataRequest()
		poll.MaxWaitMillis, poll.MinBytes, metadata.Version = 20_000, 1<<20, 1
		requests = []kmsg.Request{versions, poll, versions, metadata}
	}
	for _, req := range requests {
		g.owed++
		conn.Send(client.AppendRequest(nil, 1+g.owed, g.c.Name, req))
	}
	if g.what == endsEarly {
		conn.CloseSend()
	}
	g.c.timers.Cancel(g.timer)
	g.timer = g.c.after(now, slowPatience, g.lost)
}

// fetch names each partition of the workload so many times.
func (g *greedy) fetch(times int) *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.MaxBytes = 11, 64<<10
	for range times {
		for _, name := range g.c.load.Topics {
			t := g.c.topics[name]
			if t == nil {
				continue
			}
			topic := kmsg.NewFetchRequestTopic()
			topic.Topic = name
			for i := range t.leaders {
				part := kmsg.NewFetchRequestTopicPartition()
				part.Partition, part.PartitionMaxBytes = int32(i), 4<<10
				topic.Partitions = append(topic.Partitions, part)
			}
			req.Topics = append(req.Topics, topic)
		}
	}
	return req
}

func (g *greedy) judgeRepeated(frame []byte) {
	resp, err := client.DecodeResponse(frame, g.fetch(1))
	if err != nil {
		g.violated(property.ResponsesDecode, "%v", err)
		return
	}
	type partition struct {
		topic  string
		number int32
	}
	seen := map[partition]bool{}
	for _, t := range resp.(*kmsg.FetchResponse).Topics {
		for _, p := range t.Partitions {
			if seen[partition{t.Topic, p.Partition}] {
				g.violated(property.RepeatedAnsweredOnce, "%s/%d", t.Topic, p.Partition)
				return
			}
			seen[partition{t.Topic, p.Partition}] = true
		}
	}
}

// closed is told of each connection that the client has not closed itself.
func (g *greedy) closed(now env.Time, err error) {
	if g.what == endsEarly && g.first && g.heard < 1+g.owed && errors.Is(err, netsim.ErrEOF) &&
		!g.excused() {
		g.violated(property.EndedIsAnswered, "of %d requests %d were answered before the end",
			g.owed, g.heard-1)
	}
	if len(g.conns) == 0 {
		g.over(now)
	}
}

// lost ends a round in which the broker has not done what the client waited for.
func (g *greedy) lost(now env.Time) {
	tight := g.c.load.Options().Tight.Or(0) != 0
	switch {
	case g.excused():
	case g.what == idles && tight:
		g.violated(property.IdleIsClosed, "%d connections are open after %v", len(g.conns),
			g.c.load.World.Now().Sub(g.began))
	case g.what == endsEarly && g.first && !tight &&
		!g.c.load.Insight.ReadsStuck(history.NodeOf(g.addr), g.began):
		g.violated(property.EndedIsAnswered, "of %d requests %d were answered, after %v", g.owed,
			g.heard-1, g.c.load.World.Now().Sub(g.began))
	}
	g.over(now)
}

func (g *greedy) excused() bool {
	node := history.NodeOf(g.addr)
	return g.c.load.Insight.Excuse(g.c.Name, node, g.began) != "" ||
		g.c.load.Insight.AnswersFull(node, g.began)
}

func (g *greedy) violated(property, format string, args ...any) {
	g.c.load.World.Violated(property, g.addr, format, args...)
}
