package kafka

import (
	"slices"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/node"
	"example.com/lockstep/sim/property"
	"example.com/lockstep/sim/world"
)

// seeHealth judges what a node says of its health. A node that the cluster has fenced is never
// ready, whether or not it knows of that: its lease has ended before. And what it says of the
// cluster is what its metadata says, which is looked at when that has changed.
func (f *facts) seeHealth(n *world.Node, c *node.Control, state *node.ControlState, changed bool) {
	w := f.cluster.World
	if b := f.newestBroker(n); b != nil && b.Fenced && b.Epoch == state.Epoch &&
		len(f.runaways) == 0 {
		h := c.Health(n.Time())
		if len(h.Node.Problems()) == 0 {
			w.Violated(property.HealthIsTrue, n.Spec().Name, "it is ready, and it is fenced")
		}
	}
	if !changed {
		return
	}
	h, is := c.Health(n.Time()), clusterHealth(state.Image)
	said := h.Cluster
	if !h.Node.Fenced { // it adds what only its shards know
		is.OfflineReplicas += h.Node.NotOnline
	}
	if !slices.Equal(said.Fenced, is.Fenced) || !slices.Equal(said.Full, is.Full) ||
		said.Brokers != is.Brokers || said.Partitions != is.Partitions || said.Unled != is.Unled ||
		said.UnderMinISR != is.UnderMinISR || said.UnderReplicated != is.UnderReplicated ||
		said.OfflineReplicas != is.OfflineReplicas {
		w.Violated(property.HealthIsTrue, n.Spec().Name, "it says %+v, and its metadata says %+v",
			said, is)
	}
}

// newestBroker is the broker of a node in the newest metadata; nil if it is not there.
func (f *facts) newestBroker(n *world.Node) *meta.Broker {
	if f.newest == nil {
		return nil
	}
	return f.newest.Broker(nodeID(n))
}

// clusterHealth counts in the metadata what an operator asks for.
func clusterHealth(image *meta.Image) (is node.ClusterHealth) {
	for _, b := range image.Brokers() {
		is.Brokers++
		if b.Fenced {
			is.Fenced = append(is.Fenced, int32(b.ID))
		}
		if b.Full {
			is.Full = append(is.Full, int32(b.ID))
		}
	}
	image.Topics(func(t *meta.Topic) bool {
		for _, p := range t.Partitions {
			is.Partitions++
			for _, id := range p.Replicas {
				if b := image.Broker(id); b == nil || b.Fenced {
					is.OfflineReplicas++
				}
			}
			if p.Leader == kafka.NoNode {
				is.Unled++
			}
			if len(p.ISR) < len(p.Replicas) {
				is.UnderReplicated++
			}
			if len(p.ISR) < image.MinISR(t) {
				is.UnderMinISR++
			}
		}
		return true
	})
	return is
}
