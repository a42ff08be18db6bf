package client

import (
	"encoding/binary"
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

// slowReader is a client that sends many fetches at once and then does not read the answers
// for seconds. The broker must hold little for it, and must go on serving other clients.
//
// It records nothing in the history. It judges that its answers come in order, and that
// they come in time once it reads. What the broker held for it meanwhile is judged at the
// end, by SlowReaderBound (P12).
type slowReader struct {
	c      *Client
	conn   netsim.Conn // nil: none is open
	addr   string
	asleep bool
	unread [][]byte // received, and not reported to the network as consumed
	framer *wire.Framer
	next   int32 // correlation id of the next request
	heard  int32 // correlation id of the last answer
	wokeAt env.Instant
	began  env.Instant
	timer  *loop.Timer[func(env.Time)]
}

const (
	slowFetches = 64        // sent without waiting for answers
	slowBytes   = 128 << 10 // at most in each answer, except if its first batch is larger
)

// SlowReaderBound is what a broker may hold ready to send to a client that does not read:
// the send window, one fetch that began before the window was full, and small answers.
const SlowReaderBound = netsim.SendWindow + 2*slowBytes + 64<<10

func (s *slowReader) start(now env.Time) { s.later(now) }
func (s *slowReader) informed(env.Time)  {}
func (s *slowReader) pending() []string  { return nil }

func (s *slowReader) later(now env.Time) {
	s.c.after(now, s.c.between(50*time.Millisecond, 500*time.Millisecond), s.begin)
}

// end implements rawScript.
func (s *slowReader) end() {
	s.c.timers.Cancel(s.timer)
	if s.conn != nil {
		s.conn.Close()
	}
	s.conn, s.unread = nil, nil
}

func (s *slowReader) over(now env.Time) {
	s.end()
	s.later(now)
}

func (s *slowReader) begin(now env.Time) {
	if s.c.stopped || s.c.load.FaultsOver {
		return
	}
	topics := s.c.load.Topics
	addr, ok := s.c.leader(topics[s.c.rand.IntN(len(topics))], 0)
	if !ok {
		s.later(now)
		return
	}
	s.addr, s.framer, s.next, s.heard, s.began = addr, wire.NewFramer(1<<30), 0, 0,
		s.c.load.World.Now()
	s.conn = s.c.host.Network().Dial(addr, s.c.host.Sink(loop.Control))
	s.timer = s.c.after(now, dialPatience, s.over)
}

// event implements rawScript.
func (s *slowReader) event(now env.Time, ev *netsim.Event) {
	if s.conn == nil || ev.Conn.ID() != s.conn.ID() {
		return
	}
	switch ev.Kind {
	case netsim.Connected:
		s.c.timers.Cancel(s.timer)
		s.ask(now)
	case netsim.Received:
		s.unread = append(s.unread, ev.Data)
		if !s.asleep {
			s.read(now)
		}
	case netsim.Closed:
		s.over(now)
	}
}

// ask sends many fetches and stops reading.
func (s *slowReader) ask(now env.Time) {
	for range slowFetches {
		s.next++
		s.conn.Send(client.AppendRequest(nil, s.next, s.c.Name, s.fetch()))
	}
	s.asleep = true
	s.timer = s.c.after(now, s.c.between(500*time.Millisecond, 8*time.Second), s.wake)
}

func (s *slowReader) fetch() *kmsg.FetchRequest {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.MaxWaitMillis, req.MinBytes, req.MaxBytes = 11, 10, 1, slowBytes
	for _, name := range s.c.load.Topics {
		t := s.c.topics[name]
		if t == nil {
			continue
		}
		topic := kmsg.NewFetchRequestTopic()
		topic.Topic = name
		for i := range t.leaders {
			part := kmsg.NewFetchRequestTopicPartition()
			part.Partition, part.PartitionMaxBytes = int32(i), slowBytes
			topic.Partitions = append(topic.Partitions, part)
		}
		req.Topics = append(req.Topics, topic)
	}
	return req
}

// wake starts to read. From now on every answer must come, in order.
func (s *slowReader) wake(now env.Time) {
	s.asleep, s.wokeAt = false, s.c.load.World.Now()
	s.timer = s.c.after(now, slowPatience, s.lost)
	s.read(now)
}

// slowPatience is the longest time between two answers while the client reads.
const slowPatience = fetchReadTime + promiseSlack + RequestSlack

func (s *slowReader) read(now env.Time) {
	unread := s.unread
	s.unread = nil
	for _, data := range unread {
		s.framer.Feed(data)
		s.conn.Consumed(len(data))
	}
	for s.heard < s.next {
		frame, ok, err := s.framer.Next()
		if err == nil && !ok {
			return
		}
		s.heard++
		if err != nil || int32(binary.BigEndian.Uint32(frame)) != s.heard {
			s.c.load.World.Violated(property.ResponsesInOrder, s.addr,
				"answer %d of a slow reader: %v", s.heard, err)
			s.over(now)
			return
		}
		s.c.timers.Cancel(s.timer)
		s.timer = s.c.after(now, slowPatience, s.lost)
	}
	if s.c.rand.Chance(1, 3) {
		s.over(now)
		return
	}
	s.c.timers.Cancel(s.timer)
	s.began = s.c.load.World.Now()
	s.ask(now)
}

func (s *slowReader) lost(now env.Time) {
	cl := s.c.load
	since := min(s.began, s.wokeAt)
	if cl.Insight.Excuse(s.c.Name, history.NodeOf(s.addr), since) == "" &&
		!cl.Insight.ReadsStuck(history.NodeOf(s.addr), since) && cl.Options().Tight.Or(0) == 0 {
		cl.World.Violated(property.SlowReaderServed, s.addr,
			"of %d fetches %d were answered; it has read since %v, and nothing came for %v", s.next,
			s.heard, time.Duration(s.wokeAt), slowPatience)
	}
	s.over(now)
}
