package client

import (
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/checker"
	"example.com/lockstep/sim/kafka/history"
	"example.com/lockstep/sim/property"
)

// consumer is a client that reads every partition of the workload from its beginning, with
// long polls, one at a time for each leader.
//
// It records every answer for a partition in History.Fetches. The Judge hears of each at
// once. The consumer judges itself that what it fetches consists of whole batches, that its
// position is never out of range once it was valid, and that no record that it read is
// truncated later (KIP-320). The run converges only when it has read everything committed.
type consumer struct {
	c       *Client
	places  []*consumerPlace
	polling map[string]bool // by address; looked up only
	wait    time.Duration
	epochs  bool // it sends leader epochs, so that brokers detect truncation (KIP-320)
}

// consumerPlace is a consumer's position in one partition.
type consumerPlace struct {
	topic     string
	id        [16]byte
	index     int32
	next      kafka.Offset
	epoch     kafka.LeaderEpoch // of the last record read, -1 if there is none
	continues bool
	busy      bool
	notUntil  env.Instant
}

func newConsumer(c *Client) *consumer {
	return &consumer{c: c, polling: map[string]bool{},
		wait: c.between(50*time.Millisecond, 1500*time.Millisecond), epochs: c.rand.Chance(1, 2)}
}

func (s *consumer) start(now env.Time) {}

func (s *consumer) informed(now env.Time) {
	for _, name := range s.c.load.Topics {
		t := s.c.topics[name]
		if t == nil || s.hasTopic(name) {
			continue
		}
		for i := range t.leaders {
			s.places = append(s.places, &consumerPlace{topic: name, id: t.id, index: int32(i),
				epoch: -1})
		}
	}
	s.poll(now)
}

func (s *consumer) hasTopic(name string) bool {
	for _, p := range s.places {
		if p.topic == name {
			return true
		}
	}
	return false
}

// poll begins a fetch from every leader that has no fetch of this client on its way.
func (s *consumer) poll(now env.Time) {
	if s.c.stopped {
		return
	}
	for _, first := range s.places {
		addr, ok := s.c.leader(first.topic, first.index)
		if !ok || s.polling[addr] || first.busy || now.Mono < first.notUntil {
			continue
		}
		var batchOf []*consumerPlace
		for _, p := range s.places {
			if at, ok := s.c.leader(p.topic, p.index); ok && at == addr && !p.busy &&
				now.Mono >= p.notUntil {
				batchOf = append(batchOf, p)
			}
		}
		s.fetch(now, addr, batchOf)
	}
}

func (s *consumer) fetch(now env.Time, addr string, places []*consumerPlace) {
	req := kmsg.NewPtrFetchRequest()
	req.Version, req.MaxWaitMillis, req.MinBytes, req.MaxBytes = s.c.versions.fetch,
		int32(s.wait.Milliseconds()), 1, 50<<20
	for _, p := range places {
		topic := kmsg.NewFetchRequestTopic()
		topic.Topic, topic.TopicID = p.topic, p.id
		part := kmsg.NewFetchRequestTopicPartition()
		part.Partition, part.FetchOffset, part.PartitionMaxBytes = p.index, int64(p.next), 1<<20
		if s.epochs {
			part.CurrentLeaderEpoch, part.LastFetchedEpoch = s.c.epoch(p.topic, p.index),
				int32(p.epoch)
		}
		topic.Partitions = append(topic.Partitions, part)
		req.Topics = append(req.Topics, topic)
		p.busy = true
	}
	s.polling[addr] = true
	var call checker.Moment
	k := s.c.connTo(now, addr)
	k.call(now, &pendingCall{req: req, timeout: s.wait + fetchReadTime,
		stuck: s.wait + stuckReadTime,
		began: func() { call = s.c.load.Rec.Moment() },
		done: func(now env.Time, resp kmsg.Response) {
			s.polling[addr] = false
			for _, p := range places {
				p.busy = false
			}
			if s.c.stopped {
				return
			}
			fetched, ok := resp.(*kmsg.FetchResponse)
			if !ok || fetched.ErrorCode != 0 {
				s.failed(now, places)
				return
			}
			s.take(now, k, call, places, fetched)
		}})
}

// outOfRange is Kafka's error code for an offset that the log does not have.
const outOfRange = 1

const (
	// fetchReadTime is how much longer than its wait a fetch may take, to read from a disk.
	fetchReadTime = 2 * time.Second
	// stuckReadTime is the same if the disk of the broker stands still. After that time the
	// broker answers with what it has read (api.fetch.Timeout).
	stuckReadTime = 10 * time.Second
)

// failed fetches again after a pause.
func (s *consumer) failed(now env.Time, places []*consumerPlace) {
	pause := s.c.between(20*time.Millisecond, 120*time.Millisecond)
	for _, p := range places {
		p.notUntil = now.Mono.Add(pause)
	}
	s.c.refresh(now)
	s.c.after(now, pause, s.poll)
}

func (s *consumer) take(now env.Time, k *connection, call checker.Moment, places []*consumerPlace,
	resp *kmsg.FetchResponse) {
	rec := s.c.load.Rec
	ret := rec.Moment()
	var refused []*consumerPlace
	for i := range resp.Topics {
		for j := range resp.Topics[i].Partitions {
			part := &resp.Topics[i].Partitions[j]
			p := findPlace(places, &resp.Topics[i], part.Partition)
			if p == nil {
				s.c.load.World.Violated(property.FetchesAnswer, k.addr, "partition %d of %q",
					part.Partition, resp.Topics[i].Topic)
				continue
			}
			f := checker.Fetch{
				ID: rec.ID(), Client: s.c.Number, Node: k.node, Call: call, Return: ret,
				Partition: checker.Partition{Topic: history.TopicText(p.id), Index: p.index},
				From:      checker.Offset(p.next),
				Watermark: checker.Offset(part.HighWatermark), Code: part.ErrorCode,
				Continues: p.continues,
			}
			if part.ErrorCode == 0 {
				f.Records = s.records(p, part.RecordBatches)
				// If the watermark is beyond the position, the answer says that there is
				// more.
				f.Empty = len(f.Records) == 0 && part.DivergingEpoch.Epoch < 0 &&
					part.HighWatermark <= int64(p.next)
				p.continues = true
			} else {
				refused = append(refused, p)
			}
			if start := s.c.load.Insight.DeletedTo(f.Partition); part.ErrorCode == outOfRange &&
				f.From < start {
				// What it wants was deleted.
				p.seek(int64(start), -1)
			} else if part.ErrorCode == outOfRange && p.continues {
				s.c.load.Judge.ViolatedIn(f.Partition, property.PositionInLog, s.c.Name,
					"%s/%d at %d: out of range", p.topic, p.index, p.next)
				p.seek(0, -1)
			}
			if part.DivergingEpoch.Epoch >= 0 && part.ErrorCode == 0 {
				s.c.load.Judge.ViolatedIn(f.Partition, property.ConsumedStays, s.c.Name,
					"%s/%d at %d, epoch %d: diverging epoch %d ends at %d", p.topic, p.index,
					p.next, p.epoch, part.DivergingEpoch.Epoch, part.DivergingEpoch.EndOffset)
				p.seek(part.DivergingEpoch.EndOffset, part.DivergingEpoch.Epoch)
			}
			rec.History.Fetches = append(rec.History.Fetches, f)
			s.c.load.Judge.Fetched(f)
			if n := len(f.Records); n > 0 {
				p.next = kafka.Offset(f.Records[n-1].Offset) + 1
			}
		}
	}
	if len(refused) > 0 {
		s.failed(now, refused)
	}
	s.poll(now)
}

// seek goes on elsewhere, after an unclean election has lost what was consumed.
func (p *consumerPlace) seek(to int64, epoch int32) {
	p.next, p.epoch, p.continues = kafka.Offset(to), kafka.LeaderEpoch(epoch), false
}

func findPlace(places []*consumerPlace, topic *kmsg.FetchResponseTopic,
	partition int32) *consumerPlace {
	for _, p := range places {
		if p.index == partition && (p.topic == topic.Topic || topic.Topic == "" &&
			p.id == topic.TopicID) {
			return p
		}
	}
	return nil
}

// records returns the records of whole batches. It leaves out records before the position,
// as every client must.
func (s *consumer) records(p *consumerPlace, set []byte) []checker.Record {
	var out []checker.Record
	for len(set) > 0 {
		b, rest, err := batch.Next(set)
		if err == batch.ErrShort {
			break
		}
		if err == nil {
			err = b.Validate()
		}
		if err != nil {
			s.c.load.World.Violated(property.FetchedWhole, s.c.Name, "%s/%d: %v", p.topic, p.index,
				err)
			return out
		}
		it := b.Records(1 << 20)
		largest := batch.NoTimestamp
		for it.Next() {
			largest = max(largest, it.Record.TimestampMs)
			if it.Record.Key == nil && Compacted(p.topic) {
				s.lies(p, "%d has no key in a compacted topic", it.Record.Offset)
			}
			if it.Record.Offset >= p.next {
				out = append(out, checker.Record{Offset: checker.Offset(it.Record.Offset),
					Value: history.ValueOf(it.Record.Value)})
			}
		}
		if it.Err() != nil {
			s.lies(p, "%d-%d: %v", b.BaseOffset(), b.LastOffset(), it.Err())
		} else if largest != b.MaxTimestampMs() {
			s.lies(p, "%d-%d: the largest timestamp is %d and not %d", b.BaseOffset(),
				b.LastOffset(), largest, b.MaxTimestampMs())
		}
		p.epoch = b.LeaderEpoch()
		set = rest
	}
	return out
}

// lies reports a batch that contradicts its header or its topic. A consumer that cannot read it
// stops there for good.
func (s *consumer) lies(p *consumerPlace, format string, args ...any) {
	s.c.load.World.Violated(property.HeadersTrue, s.c.Name, "%s/%d at %s", p.topic, p.index,
		fmt.Sprintf(format, args...))
}

func (s *consumer) pending() []string {
	var out []string
	for _, p := range s.places {
		if end := s.c.load.Insight.CommittedEnd(p.id, p.index); p.next < end {
			out = append(out, fmt.Sprintf("%s: at %d of %d in %s/%d", s.c.Name, p.next, end,
				p.topic, p.index))
		}
	}
	if len(s.places) == 0 && len(s.c.topics) == 0 {
		out = append(out, s.c.Name+": no metadata")
	}
	return out
}
