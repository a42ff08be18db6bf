package meta

import (
	"strings"

	"github.com/tidwall/btree"

	"example.com/lockstep/broker/kafka"
)

// usage is how much of its bounds an image uses. It follows from the rest of the image, and
// is not encoded. It is kept so that no command has to count the whole image.
type usage struct {
	partitions  int
	configBytes int                        // of topics and brokers
	replicas    *btree.Map[int32, int]     // by node
	alike       *btree.Map[string, string] // collisionKey to the name of the topic
}

func newUsage() usage {
	return usage{
		replicas: btree.NewMap[int32, int](0), alike: btree.NewMap[string, string](0),
	}
}

// fork returns a copy that shares everything until it is written.
func (u usage) fork() usage {
	u.replicas, u.alike = u.replicas.Copy(), u.alike.Copy()
	return u
}

// hosted is the number of replicas on each node that has any.
func (u *usage) hosted() map[kafka.NodeID]int {
	hosted := make(map[kafka.NodeID]int, u.replicas.Len())
	u.replicas.Scan(func(node int32, n int) bool {
		hosted[kafka.NodeID(node)] = n
		return true
	})
	return hosted
}

// addTopic counts a topic that the image gets, and removeTopic one that it loses.
func (u *usage) addTopic(t *Topic) {
	u.addPartitions(t.Partitions, 1)
	u.configBytes += t.Configs.bytes()
	if key, may := collisionKey(t.Name); may {
		u.alike.Set(key, t.Name)
	}
}

func (u *usage) removeTopic(t *Topic) {
	u.addPartitions(t.Partitions, -1)
	u.configBytes -= t.Configs.bytes()
	if key, may := collisionKey(t.Name); may {
		u.alike.Delete(key)
	}
}

// addPartitions counts partitions that the image gets (by 1) or loses (by -1).
func (u *usage) addPartitions(list []*Partition, by int) {
	u.partitions += by * len(list)
	more := map[kafka.NodeID]int{}
	for _, p := range list {
		for _, node := range p.Replicas {
			more[node] += by
		}
	}
	for node, n := range more { //corelint:ordered the sums do not depend on the order
		have, _ := u.replicas.Get(int32(node))
		if have+n == 0 {
			u.replicas.Delete(int32(node))
		} else {
			u.replicas.Set(int32(node), have+n)
		}
	}
}

// bytes is the size of the names and values.
func (c Configs) bytes() (n int) {
	for _, e := range c {
		n += len(e.Name) + len(e.Value)
	}
	return n
}

// collisionKey is equal for names that differ only in '.' and '_'. Kafka refuses such pairs,
// because they become one name in metrics. A name without either collides with none.
func collisionKey(name string) (key string, may bool) {
	return strings.ReplaceAll(name, ".", "_"), strings.ContainsAny(name, "._")
}
