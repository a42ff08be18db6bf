package meta

import "example.com/lockstep/broker/kafka"

// placement is where the replicas of new partitions go. It is either what the command assigns,
// or automatic. It makes no lists, so that a command is judged before anything is built.
//
// Automatic placement spreads replicas over the brokers that can lead, in order of id. Leaders
// are placed round robin. Followers are shifted by one more in each round, so that the load of
// a lost broker spreads over all others.
type placement struct {
	partitions, replication int
	assigned                [][]kafka.NodeID // nil for automatic placement
	live                    []kafka.NodeID
	placed                  uint64 // Image.placed before the first of these partitions
}

// at is the j-th replica of the i-th new partition.
func (p *placement) at(i, j int) kafka.NodeID {
	if p.assigned != nil {
		return p.assigned[i][j]
	}
	n, placed := uint64(len(p.live)), p.placed+uint64(i)
	first, round := placed%n, placed/n
	if j == 0 {
		return p.live[first]
	}
	shift := 1 + (round+uint64(j)-1)%(n-1)
	return p.live[(first+shift)%n]
}

// build makes the partitions.
func (p *placement) build(d *draft) []*Partition {
	out := make([]*Partition, p.partitions)
	for i := range out {
		replicas := make([]kafka.NodeID, p.replication)
		for j := range replicas {
			replicas[j] = p.at(i, j)
		}
		out[i] = d.newPartition(replicas)
	}
	return out
}
