package sim

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/checker"
)

// endReader is a client that asks where logs end, mostly the leader, sometimes
// whomever.
type endReader struct {
	c     *kafkaClient
	every time.Duration
	stale staleEnd
}

func newEndReader(c *kafkaClient) *endReader {
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
	if len(s.c.load.topics) == 0 {
		return
	}
	name := s.c.load.topics[s.c.rand.IntN(len(s.c.load.topics))]
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
	rec := s.c.load.rec
	var call checker.Moment
	k := s.c.connTo(now, addr)
	k.call(now, &kafkaCall{req: req, timeout: s.c.load.requestTimeout,
		began: func() { call = rec.moment() },
		done: func(now env.Time, resp kmsg.Response) {
			r, ok := resp.(*kmsg.ListOffsetsResponse)
			if !ok {
				s.c.refresh(now)
				return
			}
			p := &r.Topics[0].Partitions[0]
			end := checker.EndRead{
				ID: rec.id(), Client: s.c.number, Node: k.node, Call: call, Return: rec.moment(),
				Partition: checker.Partition{Topic: topicIDText(id), Index: index}, Offset: checker.Offset(p.Offset), Code: p.ErrorCode,
			}
			s.stale.distort(s.c.load, &end)
			rec.h.Ends = append(rec.h.Ends, end)
			if p.ErrorCode != 0 {
				s.c.refresh(now)
			}
		}})
}

// staleEnd makes a planted reader tell, once, an end that it saw eight answers
// before.
type staleEnd struct {
	seen map[checker.Partition][]checker.Offset
	told bool
}

func (s *staleEnd) distort(c *load, e *checker.EndRead) {
	n := int(c.options().PlantedStaleEnd.Or(0))
	if n == 0 || e.Code != 0 || s.told {
		return
	}
	if s.seen == nil {
		s.seen = map[checker.Partition][]checker.Offset{}
	}
	seen := append(s.seen[e.Partition], e.Offset)
	s.seen[e.Partition] = seen
	if len(seen) >= n && seen[len(seen)-8] < e.Offset {
		e.Offset, s.told = seen[len(seen)-8], true
	}
}
