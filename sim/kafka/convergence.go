package kafka

import (
	"fmt"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/sim/kafka/history"
	"example.com/lockstep/sim/world"
)

// Pending implements Subject. Brokers come first, since clients wait for them.
func (c *cluster) Pending(w *world.World) []string {
	out := c.unsettled()
	for _, k := range c.Clients {
		out = append(out, k.Pending()...)
	}
	return out
}

// unsettled names the brokers and partitions that have not converged. A cluster has
// converged if every broker has applied the newest metadata and is not fenced, every ISR is
// full, all replicas have the same records, durable and committed, and no files of deleted
// partitions are left. If the plan balances leaders, the preferred ones lead.
func (c *cluster) unsettled() []string {
	var out []string
	newest := c.NewestImage()
	if newest == nil {
		return []string{"no node has metadata"}
	}
	for _, name := range c.Brokers {
		state, ok := c.control(name)
		b := newest.Broker(kafka.NodeID(history.NodeOf(name)))
		switch {
		case !ok:
			out = append(out, name+" has not recovered")
		case state.Image.Index() != newest.Index():
			out = append(out, fmt.Sprintf("%s has applied %d of %d", name, state.Image.Index(),
				newest.Index()))
		case b == nil || b.Fenced:
			out = append(out, name+" is fenced")
		}
	}
	out = append(out, c.removing()...)
	for _, t := range c.topicsOf(newest) {
		for i, p := range t.Partitions {
			id := kafka.PartitionID{Topic: t.ID, Partition: int32(i)}
			if len(p.ISR) < len(p.Replicas) {
				out = append(out, fmt.Sprintf("%s/%d has ISR %v of %v, leader %d", t.Name, i, p.ISR,
					p.Replicas, p.Leader))
				continue
			}
			if c.Options().BalanceS.Or(0) > 0 && p.Leader != p.Replicas[0] {
				out = append(out, fmt.Sprintf("%s/%d is led by %d, and %d is preferred", t.Name, i,
					p.Leader, p.Replicas[0]))
			}
			out = append(out, c.lagging(t.Name, id, p.Replicas)...)
		}
	}
	return out
}

// removing names the brokers that still delete files of partitions.
func (c *cluster) removing() (out []string) {
	for _, name := range c.Brokers {
		for _, l := range c.World.Node(name).Loops() {
			if s, ok := l.(*shard.Shard); ok && s.Removing() > 0 {
				out = append(out, fmt.Sprintf("%s removes %d partitions", name, s.Removing()))
			}
		}
	}
	return out
}

func (c *cluster) lagging(topic string, id kafka.PartitionID,
	replicas []kafka.NodeID) (out []string) {
	end, watermark := kafka.Offset(-1), kafka.Offset(-1)
	for _, n := range replicas {
		t := c.facts.replica(n, id)
		if t == nil {
			return append(out, fmt.Sprintf("%s/%d is not on node %d", topic, id.Partition, n))
		}
		if end < 0 {
			end, watermark = t.state.End, t.state.Watermark
		}
		if t.state.End != end || t.state.Durable != end || t.state.Watermark != watermark ||
			watermark != end {
			return append(out, fmt.Sprintf("%s/%d on node %d: watermark %d, durable %d, end %d; "+
				"on node %d end %d",
				topic, id.Partition, n, t.state.Watermark, t.state.Durable, t.state.End,
				replicas[0], end))
		}
	}
	return out
}
