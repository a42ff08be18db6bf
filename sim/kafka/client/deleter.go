package client

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/checker"
	"example.com/lockstep/sim/kafka/history"
)

// deleter is the part of an admin that asks for the deletion of records, of the leader and
// sometimes of another broker. It goes through the offsets of each partition in small steps,
// asks for what is committed now and then, and sometimes for more than there is.
//
// It records every request in History.Deletions: checkers justify log starts by them, and judge
// that what was answered is durable.
type deleter struct {
	c    *Client
	busy bool
	next map[checker.Partition]int64 // the offset to ask for next
}

func (d *deleter) tick(now env.Time) {
	l := d.c.load
	if d.c.stopped || l.FaultsOver {
		return
	}
	pause := time.Duration(l.Options().DeleteRecordsUs.Or(0)) * time.Microsecond
	d.c.after(now, l.pace(pause), d.tick)
	name := l.Topics[d.c.rand.IntN(len(l.Topics))]
	t := d.c.topics[name]
	if d.busy || t == nil {
		return
	}
	index := int32(d.c.rand.IntN(len(t.leaders)))
	addr, ok := d.c.leader(name, index)
	if !ok || d.c.rand.Chance(1, 10) {
		addr = d.c.anyBroker()
	}
	id := checker.Partition{Topic: history.TopicText(t.id), Index: index}
	offset := d.next[id] + int64(d.c.rand.IntN(30))
	if d.c.rand.Chance(1, 8) {
		offset = -1
	}
	d.ask(now, addr, name, id, offset)
}

func (d *deleter) ask(now env.Time, addr, name string, id checker.Partition, offset int64) {
	req := kmsg.NewPtrDeleteRecordsRequest()
	timeout := d.c.between(100*time.Millisecond, 2*time.Second)
	req.Version, req.TimeoutMillis = int16(d.c.rand.IntN(3)), int32(timeout.Milliseconds())
	topic := kmsg.NewDeleteRecordsRequestTopic()
	topic.Topic = name
	topic.Partitions = append(topic.Partitions,
		kmsg.DeleteRecordsRequestTopicPartition{Partition: id.Index, Offset: offset})
	req.Topics = append(req.Topics, topic)
	rec := d.c.load.Rec
	entry := -1
	d.busy = true
	k := d.c.connTo(now, addr)
	k.call(now, &pendingCall{req: req, timeout: timeout + adminSlack,
		began: func() {
			entry = len(rec.History.Deletions)
			rec.History.Deletions = append(rec.History.Deletions, checker.Deletion{
				ID: rec.ID(), Client: d.c.Number, Node: k.node, Call: rec.Moment(),
				Return: checker.Never, Partition: id, Offset: checker.Offset(offset), Low: -1,
				Outcome: checker.Ambiguous,
			})
			d.c.load.Judge.DeletionSent(rec.History.Deletions[entry])
		},
		done: func(now env.Time, resp kmsg.Response) {
			d.busy = false
			if entry < 0 || resp == nil {
				return
			}
			p := &resp.(*kmsg.DeleteRecordsResponse).Topics[0].Partitions[0]
			op := &rec.History.Deletions[entry]
			op.Return, op.Code = rec.Moment(), p.ErrorCode
			op.Outcome = checker.Classify(true, p.ErrorCode)
			if op.Outcome == checker.Acked {
				op.Low = checker.Offset(p.LowWatermark)
				d.next[id] = max(d.next[id], p.LowWatermark)
				d.c.load.Judge.RecordsDeleted(*op)
			}
		}})
}
