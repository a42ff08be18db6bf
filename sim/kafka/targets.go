package kafka

import (
	"strconv"
	"strings"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/sim/kafka/client"
	"example.com/lockstep/sim/world"
)

// Resolve implements Subject. "last" is the first node of the target that was resolved
// before. The other names are roles at this moment: see role.
func (c *cluster) Resolve(w *world.World, name string) (string, bool) {
	resolved, ok := c.role(w, name)
	if ok {
		c.lastTarget = strings.FieldsFunc(resolved,
			func(r rune) bool { return strings.ContainsRune("->/", r) })[0]
	}
	return resolved, ok
}

// role finds "controller", "control-loop" (of the controller), and for the first partition
// of the first topic "leader", "leader-loop" (the shard that leads) and "follower". "coordinator"
// leads the first partition of the topic of groups. "a>b" and "a-with-b" are links between two of
// these or of machines.
func (c *cluster) role(w *world.World, name string) (string, bool) {
	for _, sign := range []string{">", "-with-"} {
		if a, b, ok := strings.Cut(name, sign); ok {
			x, okA := c.role(w, a)
			y, okB := c.role(w, b)
			if sign != ">" {
				sign = "-"
			}
			return x + sign + y, okA && okB && x != y
		}
	}
	if w.Node(name) != nil {
		return name, true
	}
	image := c.NewestImage()
	if image == nil {
		return "", false
	}
	t := image.Topic(c.Topics[0])
	broker := func(id kafka.NodeID) (string, bool) { return "b" + strconv.Itoa(int(id)), id >= 1 }
	switch name {
	case "last":
		return c.lastTarget, c.lastTarget != ""
	case "controller", "control-loop":
		for _, b := range c.Brokers {
			if s, ok := c.control(b); ok && s.Leading {
				if name == "control-loop" {
					return b + "/0", true
				}
				return b, true
			}
		}
		return "", false
	case "coordinator":
		if groups := image.Topic(client.OffsetsTopic); groups != nil {
			return broker(groups.Partitions[0].Leader)
		}
		return "", false
	case "leader", "leader-loop", "follower":
		if t == nil {
			return "", false
		}
		p := t.Partitions[0]
		if name == "follower" {
			for _, r := range p.Replicas {
				if r != p.Leader {
					return broker(r)
				}
			}
			return "", false
		}
		leader, ok := broker(p.Leader)
		if name == "leader" || !ok {
			return leader, ok
		}
		place := shard.Place(kafka.PartitionID{Topic: t.ID}, w.Node(leader).Spec().Shards)
		return leader + "/" + strconv.Itoa(int(place)), true
	}
	return "", false
}
