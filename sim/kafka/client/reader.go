package client

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/checker"
	"example.com/lockstep/sim/kafka/history"
)

// endReader is a client that asks where logs end. It asks the leader, and sometimes a
// random broker.
//
// It records each answer in History.Ends, and package checker judges them (P10). It judges
// nothing itself.
type endReader struct {
	c     *Client
	every time.Duration
	stale staleEnd
}

func newEndReader(c *Client) *endReader {
	return &endReader{c: c, every: c.between(5*time.Millisecond, 150*time.Millisecond)}
}

func (s *endReader) start(now env.Time)    { s.tick(now) }
func (s *endReader) informed(now env.Time) {}
func (s *endReader) pending() []string     { return nil }

func (s *endReader) tick(now env.Time) {
	if s.c.stopped {
		return
	}
	s.c.after(now, s.c.load.pace(s.every), s.tick)
	if len(s.c.load.Topics) == 0 {
		return
	}
	name := s.c.load.Topics[s.c.rand.IntN(len(s.c.load.Topics))]
	t := s.c.topics[name]
	if t == nil {
		return
	}
	index := int32(s.c.rand.IntN(len(t.leaders)))
	addr, ok := s.c.leader(name, index)
	if !ok || s.c.rand.Chance(1, 10) {
		addr = s.c.anyBroker()
	}
	s.ask(now, addr, name, t.id, index)
}

func (s *endReader) ask(now env.Time, addr, name string, id [16]byte, index int32) {
	req := kmsg.NewPtrListOffsetsRequest()
	req.Version, req.ReplicaID = s.c.versions.listOffsets, -1
	topic := kmsg.NewListOffsetsRequestTopic()
	topic.Topic = name
	part := kmsg.NewListOffsetsRequestTopicPartition()
	part.Partition, part.Timestamp = index, -1
	topic.Partitions = append(topic.Partitions, part)
	req.Topics = append(req.Topics, topic)
	rec := s.c.load.Rec
	var call checker.Moment
	k := s.c.connTo(now, addr)
	k.call(now, &pendingCall{req: req, timeout: s.c.load.RequestTimeout,
		began: func() { call = rec.Moment() },
		done: func(now env.Time, resp kmsg.Response) {
			r, ok := resp.(*kmsg.ListOffsetsResponse)
			if !ok {
				s.c.refresh(now)
				return
			}
			p := &r.Topics[0].Partitions[0]
			end := checker.EndRead{
				ID: rec.ID(), Client: s.c.Number, Node: k.node, Call: call, Return: rec.Moment(),
				Partition: checker.Partition{Topic: history.TopicText(id), Index: index},
				Offset:    checker.Offset(p.Offset), Code: p.ErrorCode,
			}
			s.stale.distort(s.c.load, &end)
			rec.History.Ends = append(rec.History.Ends, end)
			if p.ErrorCode != 0 {
				s.c.refresh(now)
			}
		}})
}

// staleEnd is a planted bug of a reader: once, it reports the end that it saw seven answers
// before.
type staleEnd struct {
	seen map[checker.Partition][]checker.Offset
	done bool
}

func (s *staleEnd) distort(c *Load, e *checker.EndRead) {
	n := int(c.Options().PlantedStaleEnd.Or(0))
	if n == 0 || e.Code != 0 || s.done {
		return
	}
	if s.seen == nil {
		s.seen = map[checker.Partition][]checker.Offset{}
	}
	seen := append(s.seen[e.Partition], e.Offset)
	s.seen[e.Partition] = seen
	if len(seen) >= n && seen[len(seen)-8] < e.Offset {
		e.Offset, s.done = seen[len(seen)-8], true
	}
}
