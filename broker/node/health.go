package node

import (
	"strconv"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
)

// HealthRequest asks the control loop for its Health.
type HealthRequest struct{}

// Health is what a node knows of itself and of the cluster.
type Health struct {
	Node NodeHealth
	// Cluster is what the metadata of this node says. Without a quorum it may be old.
	Cluster ClusterHealth
}

// NodeHealth is the state of one node.
type NodeHealth struct {
	Registered bool
	Fenced     bool // or not registered
	Draining   bool
	Full       bool   // the disk has no room
	Doubt      string // what it waits for and so does not vouch for itself; "": it does
	Leased     bool   // the controller has answered lately
	Replicas   int    // partitions that have a replica on it
	InSync     int    // those where its replica is in the ISR
	NotOnline  int    // its replicas that are offline: see shard.Pong
}

// ClusterHealth is what an operator asks first about a cluster.
type ClusterHealth struct {
	// Controller is the node id of the controller; -1: none is known, so there is no quorum.
	Controller      kafka.NodeID `json:"controller"`
	Term            meta.Term    `json:"term"`
	Brokers         int          `json:"brokers"`
	Fenced          []int32      `json:"fenced_brokers"`
	Full            []int32      `json:"full_brokers"`
	Topics          int          `json:"topics"`
	Partitions      int          `json:"partitions"`
	Unled           int          `json:"partitions_without_leader"`
	UnderMinISR     int          `json:"partitions_under_min_isr"`
	UnderReplicated int          `json:"under_replicated_partitions"`
	// OfflineReplicas counts the replicas on brokers that are fenced or gone, as the offline
	// replicas of Metadata do, and those that the node that answers has taken offline itself, since
	// their files cannot be written. No node knows that of another node's files.
	OfflineReplicas int `json:"offline_replicas"`
	// Some names a few of the partitions without a leader or with too small an ISR.
	Some []string `json:"some_of_these"`
}

// Problems lists why the node should get no clients; none: it is ready.
func (h *NodeHealth) Problems() (all []string) {
	for _, p := range []struct {
		is   bool
		text string
	}{
		{h.Draining, "shutting down"},
		{!h.Registered, "not registered with a controller yet"},
		{h.Registered && h.Fenced, "fenced: no valid session with the controller"},
		{h.Registered && !h.Fenced && !h.Leased, "no lease: no controller with a quorum answers"},
		{h.Full, "the disk has no room: appends are refused"},
		{h.Doubt != "", "does not vouch for itself: waits for " + h.Doubt},
		{h.Registered && h.Replicas > 0 && h.InSync == 0,
			"out of sync: none of its " + strconv.Itoa(h.Replicas) + " replicas is in an ISR"},
	} {
		if p.is {
			all = append(all, p.text)
		}
	}
	return all
}

// Health is the answer to a HealthRequest. It looks at every partition of the metadata.
func (c *Control) Health(now env.Time) Health {
	h := Health{
		Node:    NodeHealth{Fenced: true, Full: c.full(), Draining: c.draining != notDraining},
		Cluster: ClusterHealth{Controller: kafka.NoNode, Fenced: []int32{}, Full: []int32{}},
	}
	h.Cluster.Some = []string{}
	if c.meta == nil {
		return h
	}
	h.Node.Registered = c.epoch != 0
	h.Node.Leased = c.meta.LeaseValid(now.Mono)
	h.Node.Doubt = c.doubt()
	h.Cluster.Controller, h.Cluster.Term = c.meta.Leader(), c.meta.Term()
	image := c.meta.Image()
	for _, b := range image.Brokers() {
		h.Cluster.Brokers++
		if b.Fenced {
			h.Cluster.Fenced = append(h.Cluster.Fenced, int32(b.ID))
		}
		if b.Full {
			h.Cluster.Full = append(h.Cluster.Full, int32(b.ID))
		}
		if b.ID == c.cfg.Node && b.Epoch == c.epoch {
			h.Node.Fenced = b.Fenced
		}
	}
	image.Topics(func(t *meta.Topic) bool {
		h.Cluster.Topics++
		h.add(c.cfg.Node, t, image, image.MinISR(t))
		return true
	})
	for i := range c.shards {
		h.Node.NotOnline += c.shards[i].notOnline
	}
	if !h.Node.Fenced { // otherwise its replicas are counted
		h.Cluster.OfflineReplicas += h.Node.NotOnline
	}
	return h
}

// add counts the partitions of a topic.
func (h *Health) add(self kafka.NodeID, t *meta.Topic, image *meta.Image, least int) {
	for i, p := range t.Partitions {
		h.Cluster.Partitions++
		h.Cluster.UnderReplicated += b2i(len(p.ISR) < len(p.Replicas))
		for _, id := range p.Replicas {
			b := image.Broker(id)
			h.Cluster.OfflineReplicas += b2i(b == nil || b.Fenced)
		}
		unled, below := p.Leader == kafka.NoNode, len(p.ISR) < least
		h.Cluster.Unled += b2i(unled)
		h.Cluster.UnderMinISR += b2i(below)
		if (unled || below) && len(h.Cluster.Some) < namesTold {
			h.Cluster.Some = append(h.Cluster.Some, t.Name+"-"+strconv.Itoa(i))
		}
		if p.Replica(self) {
			h.Node.Replicas++
			h.Node.InSync += b2i(p.InISR(self))
		}
	}
}
