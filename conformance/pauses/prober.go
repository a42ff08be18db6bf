package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/conformance/rawkafka"
)

// prober sends records to one partition, one at a time.
type prober struct {
	*cluster
	topic     string
	partition int32
	relation  relation
	via       int32 // the node that all requests go to; 0: the leader
	producer  rawkafka.Producer

	conn  *rawkafka.Conn
	asked int32 // the node that was asked for the leader last
	acked []ack // by sequence
}

type ack struct {
	at     time.Time
	offset int64
}

// How long a prober waits for an answer. A direct one soon gives up and looks
// for the leader again; a forwarded one lets the cluster find the leader.
const (
	directPatience    = 400 * time.Millisecond
	forwardedPatience = 30 * time.Second
	dialPatience      = 200 * time.Millisecond
	retryPause        = 5 * time.Millisecond
)

func (p *prober) patience() time.Duration {
	if p.via != 0 {
		return forwardedPatience
	}
	return directPatience
}

// run probes until ctx ends.
func (p *prober) run(ctx context.Context) {
	defer p.disconnect()
	next := time.Now()
	for ctx.Err() == nil {
		value := p.value(len(p.acked))
		offset, err := p.once(rawkafka.Batch(p.producer, int32(len(p.acked)), value))
		if err != nil {
			if os.Getenv("PAUSES_TRACE") != "" {
				fmt.Fprintf(os.Stderr, "%s %s/%d %d: %v\n",
					time.Now().Format("05.000"), p.topic, p.partition, len(p.acked), err)
			}
			time.Sleep(retryPause)
			continue
		}
		now := time.Now()
		p.acked = append(p.acked, ack{now, offset})
		next = next.Add(p.every)
		if next.Before(now) {
			next = now
		}
		time.Sleep(time.Until(next))
	}
}

func (p *prober) value(i int) []byte {
	return fmt.Appendf(nil, "%s/%d/%d", p.topic, p.partition, i)
}

// once sends a batch and waits for the answer.
func (p *prober) once(batch []byte) (offset int64, err error) {
	if p.conn == nil {
		if err := p.connect(); err != nil {
			return 0, err
		}
	}
	response, err := p.conn.Ask(rawkafka.Produce(p.topic, p.partition, batch, p.patience()),
		p.patience()+p.patience()/8)
	if err != nil {
		p.disconnect()
		return 0, err
	}
	answer := response.(*kmsg.ProduceResponse).Topics[0].Partitions[0]
	if err := kerr.ErrorForCode(answer.ErrorCode); err != nil {
		if p.via == 0 {
			p.disconnect() // look for the leader again
		}
		return 0, err
	}
	return answer.BaseOffset, nil
}

// connect connects to the leader, or to the node that all goes through.
func (p *prober) connect() error {
	node := p.via
	if node == 0 {
		p.asked = p.asked%int32(p.nodes) + 1
		m, err := rawkafka.Metadata(p.addr(p.asked), p.topic, dialPatience)
		if err != nil {
			return err
		}
		for _, t := range m.Topics[0].Partitions {
			if t.Partition == p.partition {
				node = t.Leader
			}
		}
		if node <= 0 {
			return fmt.Errorf("node %d knows no leader", p.asked)
		}
	}
	conn, err := rawkafka.Dial(p.addr(node), dialPatience)
	p.conn = conn
	if err != nil {
		p.conn = nil
	}
	return err
}

func (p *prober) disconnect() {
	if p.conn != nil {
		p.conn.Close()
		p.conn = nil
	}
}

// gaps returns the longest times without an acknowledgement: before the node
// was hit, from then until the fault ended (with its beginning, from the hit
// on), and after that.
func (p *prober) gaps(hit, undo time.Time) (before, pause, back, since time.Duration) {
	for i := 1; i < len(p.acked); i++ {
		from, to := p.acked[i-1].at, p.acked[i].at
		gap := to.Sub(from)
		switch {
		case to.Before(hit):
			before = max(before, gap)
		case from.Before(undo):
			if gap > pause {
				pause, since = gap, from.Sub(hit)
			}
		default:
			back = max(back, gap)
		}
	}
	return before, pause, back, since
}

// verify consumes the partition and compares it with what was acknowledged:
// every record once, in order, at its offset.
func (p *prober) verify(ctx context.Context, seeds []string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(seeds...),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{
			p.topic: {p.partition: kgo.NewOffset().AtStart()},
		}))
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for i := 0; i < len(p.acked); {
		fetches := client.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("%d of %d records after 30 s", i, len(p.acked))
		}
		for _, r := range fetches.Records() {
			if i == len(p.acked) {
				break
			}
			if want := p.value(i); !bytes.Equal(r.Value, want) || r.Offset != p.acked[i].offset {
				return fmt.Errorf("offset %d holds %q; %q was acknowledged at %d",
					r.Offset, r.Value, want, p.acked[i].offset)
			}
			i++
		}
	}
	return nil
}
