package kafka

import (
	"time"

	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/node"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/checker"
	"example.com/lockstep/sim/kafka/client"
	"example.com/lockstep/sim/kafka/history"
	"example.com/lockstep/sim/world"
)

// barrierReads reads the topics that come and go behind barriers (P9). No Kafka request
// reads behind a barrier, so it asks the control loop of one random broker at a time, as
// another loop of its node would. What the broker's image says when the barrier ends must
// have been true at some time since the question.
type barrierReads struct {
	cluster *cluster
	every   time.Duration
	rand    *env.Rand
	asked   map[uint64]checker.Moment // by Origin.Request; looked up only
	last    uint64
}

// barrierPatience is how long a barrier may take. Slower reads are not recorded in the
// history: a read that overlaps with many operations makes the search for an order long.
const barrierPatience = 400 * time.Millisecond

// barrierClient is the number in the history of the client that asks.
const barrierClient = 0

func (c *cluster) readBehindBarriers(w *world.World) {
	every := time.Duration(c.Options().BarrierMs.Or(0)) * time.Millisecond
	if every <= 0 {
		return
	}
	b := &barrierReads{cluster: c, every: every, rand: w.Random("barriers"),
		asked: map[uint64]checker.Moment{}}
	c.barriers = b
	w.After(every, "barrier read", b.ask)
}

func (b *barrierReads) ask() {
	c := b.cluster
	if c.FaultsOver {
		return
	}
	w := c.World
	w.After(b.every, "barrier read", b.ask)
	n := w.Node(c.Brokers[b.rand.IntN(len(c.Brokers))])
	if !n.Up() {
		return
	}
	b.last++
	b.asked[b.last] = c.Rec.Moment()
	n.Ask(loop.Control, shard.Call{
		Origin: shard.Origin{Loop: loop.Outside, Request: b.last}, Op: api.Barrier{},
		Deadline: n.Time().Mono.Add(barrierPatience),
	})
}

// answered takes the result of a barrier.
func (b *barrierReads) answered(n *world.Node, m shard.Return) {
	call, ok := b.asked[m.Origin.Request]
	state, recovered := n.Loop(loop.Control).(*node.Control).Inspect()
	if !ok || !recovered || m.Result.(api.BarrierResult).Code != kafka.None {
		return
	}
	delete(b.asked, m.Origin.Request)
	rec := b.cluster.Rec
	for _, name := range client.ChurnTopics {
		op := checker.Admin{
			ID: rec.ID(), Client: barrierClient, Node: checker.NodeID(nodeID(n)), Call: call,
			Return: rec.Moment(),
			Kind:   checker.DescribeTopic, Topic: name, Outcome: checker.Failed,
			Code: int16(kafka.UnknownTopicOrPartition),
		}
		if t := state.Image.Topic(name); t != nil {
			altered, _ := t.Configs.Get(client.AlteredKey)
			op.Outcome, op.Code, op.TopicID, op.Config = checker.Acked, 0, history.TopicText(t.ID),
				&altered
			op.Partitions = len(t.Partitions)
		}
		rec.History.Admins = append(rec.History.Admins, op)
	}
}
