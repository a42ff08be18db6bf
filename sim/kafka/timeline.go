package kafka

import (
	"fmt"
	"slices"
	"strings"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/sim/kafka/history"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/world"
)

// timeline finds the milestones that lie between the newest metadata seen so far and newer
// metadata.
type timeline struct {
	world  *world.World
	index  meta.Index
	topics []*meta.Topic // by name
	names  map[kafka.TopicID]string
	fenced map[kafka.NodeID]bool
	told   *told
	fences []string // brokers, each as often as it was fenced
}

func (s *timeline) see(w *world.World, image *meta.Image) {
	if image.Index() <= s.index {
		return
	}
	if s.names == nil {
		s.world, s.names, s.fenced = w, map[kafka.TopicID]string{}, map[kafka.NodeID]bool{}
	}
	s.index = image.Index()
	for _, b := range image.Brokers() {
		was, known := s.fenced[b.ID]
		s.fenced[b.ID] = b.Fenced
		if name := history.BrokerName(b.ID); b.Fenced && known && !was {
			w.Milestone(plan.BrokerFenced, name, name, "")
			s.fences = append(s.fences, fmt.Sprintf("%s at %v", name, plan.Duration(w.Now())))
		} else if !b.Fenced && (!known || was) {
			w.Milestone(plan.BrokerUnfenced, name, name, "")
		}
	}
	s.told.seeBrokers(w.Now(), image)
	s.seeTopics(image)
}

// seeTopics compares the old and the new topics. Both are in the order of their names, and
// a topic that did not change is the same pointer.
func (s *timeline) seeTopics(image *meta.Image) {
	var next []*meta.Topic
	old := s.topics
	gone := func(t *meta.Topic) { s.world.Milestone(plan.TopicDeleted, "", t.Name, "") }
	image.Topics(func(t *meta.Topic) bool {
		next = append(next, t)
		for len(old) > 0 && old[0].Name < t.Name {
			gone(old[0])
			old = old[1:]
		}
		var before *meta.Topic
		if len(old) > 0 && old[0].Name == t.Name {
			before, old = old[0], old[1:]
		}
		if before != t {
			s.changed(before, t)
		}
		return true
	})
	for _, t := range old {
		gone(t)
	}
	s.topics = next
}

// changed adds the milestones of one topic; before is nil if the topic is new.
func (s *timeline) changed(before, t *meta.Topic) {
	if before == nil || before.ID != t.ID {
		if before != nil {
			s.world.Milestone(plan.TopicDeleted, "", t.Name, "")
		}
		before = nil
		s.names[t.ID] = t.Name
		s.world.Milestone(plan.TopicCreated, "", t.Name,
			fmt.Sprintf("%d partitions", len(t.Partitions)))
	}
	for i, p := range t.Partitions {
		if before != nil && i < len(before.Partitions) {
			id := kafka.PartitionID{Topic: t.ID, Partition: int32(i)}
			s.told.seePartition(s.world.Now(), s.index, id, before.Partitions[i], p)
		}
		if before != nil && i < len(before.Partitions) &&
			slices.Equal(before.Partitions[i].ISR, p.ISR) {
			continue
		}
		s.world.Milestone(plan.ISRChanged, "", fmt.Sprintf("%s/%d %s", t.Name, i, nodeNames(p.ISR)),
			"")
	}
}

// partition names a partition as people do, or by its id while its topic is unknown.
func (s *timeline) partition(id kafka.PartitionID) string {
	if name := s.names[id.Topic]; name != "" {
		return fmt.Sprintf("%s/%d", name, id.Partition)
	}
	return history.PartitionText(id)
}

// Names replaces ids of topics and numbers of clients by their names. Topics of the same
// name are distinguished by the beginnings of their ids.
func (c *cluster) Names() *strings.Replacer {
	var words []string
	seen := map[string]int{}
	for _, name := range c.facts.timeline.names {
		seen[name]++
	}
	for id, name := range c.facts.timeline.names {
		text := history.TopicText(id)
		if seen[name] > 1 {
			name += "(" + text[:4] + ")"
		}
		words = append(words, text, name) // ids have one length, so the order does not matter
	}
	for _, k := range c.Clients {
		words = append(words, fmt.Sprintf("client %d ", k.Number), k.Name+" ")
	}
	return strings.NewReplacer(words...)
}

func nodeNames(ids []kafka.NodeID) string {
	if len(ids) == 0 {
		return "nobody"
	}
	var names []string
	for _, id := range ids {
		names = append(names, history.BrokerName(id))
	}
	return strings.Join(names, ",")
}

// ClientName is the machine of the client with this number in the history.
func (c *cluster) ClientName(number int) string {
	for _, k := range c.Clients {
		if k.Number == number {
			return k.Name
		}
	}
	return ""
}
