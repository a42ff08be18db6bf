package meta

import (
	"strconv"
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/mark"
)

// The keys by which leaderships come back to the preferred replicas, with Kafka's names.
const (
	rebalanceKey = "auto.leader.rebalance.enable"
	checkKey     = "leader.imbalance.check.interval.seconds"
	imbalanceKey = "leader.imbalance.per.broker.percentage"
)

// handoversAtMax is how many leaderships one round asks for.
const handoversAtMax = 500

// balance asks leaders to hand their leaderships to the preferred replicas (AskHandover): those of
// the brokers that lead too few of the partitions that prefer them. A round is paced by its
// interval and by its number. Each leadership moves within a commit and a round trip. A leader with
// slow followers keeps it until a later round.
func (c *controller) balance(now env.Instant, img *Image) {
	every, _ := strconv.Atoi(img.ClusterConfig(checkKey)) // validated when it entered the image
	if !c.appliedOwn() || now.Sub(max(c.since, c.balanced)) < time.Duration(every)*time.Second ||
		img.ClusterConfig(rebalanceKey) != "true" {
		return
	}
	c.balanced = now
	asked, more := img.imbalance()
	if len(asked) == 0 {
		return
	}
	mark.Hit(mark.LeadersBalanced)
	c.proposeOwn(now, nil, &AskHandover{asked})
	c.events = append(c.events, event.New(event.LeadersBalanced,
		event.Int("partitions", len(asked)), event.Int("later", more)))
}

// imbalance lists the leaderships that should move, at most handoversAtMax, and says how many more
// there are.
func (img *Image) imbalance() (asked []Election, more int) {
	prefers, misses := map[kafka.NodeID]int{}, map[kafka.NodeID]int{}
	img.eachPreferred(func(_ kafka.PartitionID, p *Partition, moves bool) {
		prefers[p.Replicas[0]]++
		misses[p.Replicas[0]] += map[bool]int{true: 1}[moves]
	})
	percent, _ := strconv.Atoi(img.ClusterConfig(imbalanceKey))
	img.eachPreferred(func(id kafka.PartitionID, p *Partition, moves bool) {
		node := p.Replicas[0]
		switch {
		case !moves || misses[node]*100 <= percent*prefers[node]:
		case len(asked) < handoversAtMax:
			asked = append(asked, Election{id, p.LeaderEpoch})
		default:
			more++
		}
	})
	return asked, more
}

// eachPreferred visits the partitions with a leader. moves says that the preferred replica does not
// lead, and can.
func (img *Image) eachPreferred(visit func(id kafka.PartitionID, p *Partition, moves bool)) {
	preferred := &ElectLeaders{}
	img.Topics(func(t *Topic) bool {
		for i, p := range t.Partitions {
			if p.Leader == kafka.NoNode {
				continue
			}
			moves := false
			if p.Leader != p.Replicas[0] {
				_, code := preferred.choose(img, p)
				moves = code == kafka.None
			}
			visit(kafka.PartitionID{Topic: t.ID, Partition: int32(i)}, p, moves)
		}
		return true
	})
}
