package meta

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/wire/peer"
)

// faults breaks one thing, or repairs one.
func (c *cluster) faults() {
	h := c.nodes[c.rng.IntN(len(c.nodes))]
	switch c.rng.IntN(11) {
	case 9:
		h.wedged = !h.wedged
	case 0, 1:
		h.frozen = !h.frozen
	case 2:
		if h.node != nil {
			h.crash()
		} else {
			h.start()
		}
	case 3:
		c.isolate(h.id, true)
	case 4:
		c.isolate(h.id, false)
	case 5: // one way only
		other := c.nodes[c.rng.IntN(len(c.nodes))]
		c.cut[[2]kafka.NodeID{h.id, other.id}] = true
	case 6:
		c.dropPct = c.rng.Uint64N(20)
	case 7:
		h.diskStuck = !h.diskStuck && h.node != nil
	case 8:
		if h.node != nil && c.rng.Chance(1, 2) {
			h.node.Drain()
		}
	case 10: // the node is unhealthy for a moment
		if h.node != nil && !h.frozen {
			for _, healthy := range []bool{false, true} {
				h.node.SetHealthy(h.clock(), healthy)
				h.turn()
			}
		}
	}
}

func (c *cluster) heal() {
	c.dropPct = 0
	clear(c.cut)
	for _, h := range c.nodes {
		h.frozen, h.diskStuck, h.wedged = false, false, false
		if h.node != nil && h.node.session.draining {
			h.crash()
		}
		if h.node == nil {
			h.start()
		}
	}
}

// ask proposes something at a random node: ISR changes by leaders, elections
// with and without resignation, topics.
func (c *cluster) ask(asked *[]question) {
	h := c.nodes[c.rng.IntN(len(c.nodes))]
	if h.node == nil || h.frozen {
		return
	}
	cmd := c.randomAsk(h)
	if cmd == nil {
		return
	}
	id := h.node.Propose(cmd, h.clock().Add(3*time.Second))
	*asked = append(*asked, question{id, cmd})
	h.turn()
}

type question struct {
	id  peer.CommandID
	cmd Command
}

func (c *cluster) randomAsk(h *host) Command {
	img := h.node.Image()
	var led []kafka.PartitionID
	img.Topics(func(t *Topic) bool {
		for i, p := range t.Partitions {
			if p.Leader == h.id {
				led = append(led, kafka.PartitionID{Topic: t.ID, Partition: int32(i)})
			}
		}
		return true
	})
	switch kind := c.rng.IntN(8); {
	case kind == 0:
		return newTopics(1+c.rng.IntN(40), 2, 2)
	case kind == 1:
		return &AllocateProducerIDs{h.id, h.node.Epoch()}
	case kind == 2:
		tp := img.Topic("taaa")
		if tp == nil {
			return nil
		}
		return &ElectLeaders{
			Partitions: img.Elections([]kafka.PartitionID{
				{Topic: tp.ID},
				{Topic: tp.ID, Partition: 1},
			}),
		}
	case len(led) == 0:
		return nil
	case kind == 3:
		id := led[c.rng.IntN(len(led))]
		h.resigned[id] = img.Partition(id).LeaderEpoch
		return &ElectLeaders{Resigned: true, Partitions: img.Elections([]kafka.PartitionID{id})}
	}
	id := led[c.rng.IntN(len(led))]
	p := img.Partition(id)
	n := NewISR{ID: id, LeaderEpoch: p.LeaderEpoch, PartitionEpoch: p.PartitionEpoch}
	stepsDown := c.rng.Chance(1, 5)
	for _, r := range p.Replicas {
		if stepsDown && (r == h.id || !p.InISR(r)) {
			continue
		}
		if b := img.Broker(r); r == h.id || b != nil && (stepsDown || c.rng.Chance(2, 3)) {
			n.ISR = append(n.ISR, ISRMember{r, b.Epoch})
		}
	}
	return &AlterPartition{Leader: h.id, BrokerEpoch: h.node.Epoch(), Partitions: []NewISR{n}}
}

// Under any faults, at most one broker may answer for a partition. No two allocations
// return the same producer ids, and of two equal compare-and-sets only one succeeds. When
// the faults end, the cluster becomes whole again and all images are equal.
func TestLeasesAndVerdictsAreSafeUnderFaults(t *testing.T) {
	seeds := uint64(25)
	if testing.Short() {
		seeds = 5
	}
	checks := 0
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			size := []int{3, 3, 5}[seed%3]
			c := newClusterWith(t, size, 1000+seed,
				RaftConfig{CompactBytes: 4_000, RetainBytes: 500, ChunkBytes: 900})
			for _, h := range c.nodes {
				h.drift = c.rng.Between(-5, 5)
			}
			c.ready()
			c.do(c.nodes[0], newTopics(3, 4, 3))
			var asked []question
			for range 60 {
				if c.rng.Chance(1, 2) {
					c.faults()
				}
				for range c.rng.IntN(4) {
					c.ask(&asked)
				}
				c.run(time.Duration(c.rng.Between(1, 700)) * time.Millisecond)
			}
			c.heal()
			c.ready()
			c.converged()
			checkVerdicts(t, c, asked)
			checks += c.checks
		})
	}
	require.NotZero(t, checks, "no run had a lease on an old image, so that nothing was checked")
}

// checkVerdicts looks at what proposers were told.
func checkVerdicts(t *testing.T, c *cluster, asked []question) {
	blocks := map[kafka.ProducerID]bool{}
	created, allocations := map[string]int{}, 0
	type version struct {
		id    kafka.PartitionID
		epoch kafka.PartitionEpoch
	}
	won := map[version]bool{}
	for _, q := range asked {
		if _, ok := q.cmd.(*AllocateProducerIDs); ok {
			allocations++
		}
		v, ok := c.host(q.id.Node).verdicts[q.id]
		if !ok || v.Code != kafka.None {
			continue // crashed, refused or ambiguous
		}
		switch cmd := q.cmd.(type) {
		case *AllocateProducerIDs:
			require.False(t, blocks[v.FirstProducerID])
			blocks[v.FirstProducerID] = true
		case *CreateTopics:
			for _, tv := range v.Topics {
				if tv.Code == kafka.None {
					created[tv.Name]++
					require.Equal(t, 1, created[tv.Name], "created twice")
				}
			}
		case *AlterPartition:
			pv, n := v.Partitions[0], cmd.Partitions[0]
			if pv.Code == kafka.None && pv.State.PartitionEpoch != n.PartitionEpoch {
				require.Equal(t, n.PartitionEpoch+1, pv.State.PartitionEpoch)
				require.False(t, won[version{n.ID, n.PartitionEpoch}],
					"two compare-and-sets won one version")
				won[version{n.ID, n.PartitionEpoch}] = true
			}
		}
	}
	require.LessOrEqual(t, c.newest.nextProducerID, int64(allocations*ProducerIDBlock),
		"a proposal was applied twice")
}
