package sim

import (
	"fmt"
	"slices"
	"strings"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
)

// MilestoneKind says what a [Milestone] is about; a milestone's key begins with
// it.
type MilestoneKind string

const (
	NodeBegan        MilestoneKind = "start"
	NodeFinished     MilestoneKind = "end"
	FaultOn          MilestoneKind = "fault"
	FaultOff         MilestoneKind = "mended"
	ControllerBegan  MilestoneKind = "controller"
	LeaderBegan      MilestoneKind = "leader"
	ISRChanged       MilestoneKind = "isr"
	BrokerFenced     MilestoneKind = "fenced"
	BrokerUnfenced   MilestoneKind = "unfenced"
	TopicCreated     MilestoneKind = "topic"
	TopicDeleted     MilestoneKind = "deleted"
	FaultsOver       MilestoneKind = "healed"
	PropertyViolated MilestoneKind = "failure"
)

// Milestone is a turning point of a run: what a person would tell of it, and
// what a fault can be anchored at. Milestones never enter the trace hash.
type Milestone struct {
	At    Duration      `yaml:"at" json:"at"`
	Event uint64        `yaml:"event,omitempty" json:"event"` // number of the scheduler's event that brought it; 0: before the first
	Kind  MilestoneKind `yaml:"-" json:"kind"`
	Node  string        `yaml:"-" json:"node,omitempty"` // whom it concerns; "" is the cluster
	// Key says what happened, without times, random ids and reasons: the same
	// story has the same keys on another commit.
	Key  string `yaml:"key" json:"key"`
	Text string `yaml:"text,omitempty" json:"text,omitempty"` // what the key leaves out, for people
}

// words are the key without its kind, and the text.
func (m *Milestone) words() string {
	words := strings.TrimSpace(strings.TrimPrefix(m.Key, string(m.Kind)))
	if m.Text != "" {
		words += ": " + m.Text
	}
	return words
}

func (m Milestone) String() string {
	text := fmt.Sprintf("%12s %s", m.At, m.Key)
	if m.Text != "" {
		text += ": " + m.Text
	}
	return text
}

// milestoneHalf is how many of the first milestones a run keeps, and how many of
// the last.
const milestoneHalf = 1000

// milestones is the story so far.
type milestones struct {
	first, last []Milestone // last is a ring once it is full
	at          int         // where the ring's next one goes
	omitted     int
	hear        func(Milestone)
}

func (s *milestones) add(m Milestone) {
	if s.hear != nil {
		s.hear(m)
	}
	switch {
	case len(s.first) < milestoneHalf:
		s.first = append(s.first, m)
	case len(s.last) < milestoneHalf:
		s.last = append(s.last, m)
	default:
		s.last[s.at] = m
		s.at = (s.at + 1) % milestoneHalf
		s.omitted++
	}
}

// list is what was kept, in order.
func (s *milestones) list() []Milestone {
	return slices.Concat(s.first, s.last[s.at:], s.last[:s.at])
}

// milestone records a turning point. words are the key without its kind.
func (w *World) milestone(kind MilestoneKind, node, words, text string) {
	key := string(kind)
	if words != "" {
		key += " " + words
	}
	w.story.add(Milestone{At: Duration(w.sched.Now()), Event: w.sched.Ran(), Kind: kind, Node: node, Key: key, Text: text})
	w.passAnchors(key)
}

// Milestones are the turning points so far; of a long run the first and the last.
func (w *World) Milestones() []Milestone { return w.story.list() }

func (e Ending) String() string {
	return [...]string{Killed: "killed", PowerLost: "lost power", Stopped: "stopped"}[e]
}

// String is the target as a plan would write it.
func (t *target) String() string {
	switch {
	case t.nodes != nil:
		return t.nodes[0].spec.Role
	case t.peer != nil && t.twoWay:
		return t.node.spec.Name + "-" + t.peer.spec.Name
	case t.peer != nil:
		return t.node.spec.Name + ">" + t.peer.spec.Name
	case t.onLoop:
		return fmt.Sprintf("%s/%d", t.node.spec.Name, t.loop)
	}
	return t.node.spec.Name
}

// nodeName is the node that the target names; "" if it names several.
func (t *target) nodeName() string {
	if t.node == nil {
		return ""
	}
	return t.node.spec.Name
}

// imageStory tells the milestones that lie between the newest metadata seen so
// far and newer metadata.
type imageStory struct {
	world  *World
	index  meta.Index
	topics []*meta.Topic // by name
	names  map[kafka.TopicID]string
	fenced map[kafka.NodeID]bool
}

func (s *imageStory) see(w *World, image *meta.Image) {
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
		if name := brokerName(b.ID); b.Fenced && known && !was {
			w.milestone(BrokerFenced, name, name, "")
		} else if !b.Fenced && (!known || was) {
			w.milestone(BrokerUnfenced, name, name, "")
		}
	}
	s.seeTopics(image)
}

// seeTopics walks the old and the new topics side by side: both are in order of
// their names, and a topic that did not change is the same value.
func (s *imageStory) seeTopics(image *meta.Image) {
	var next []*meta.Topic
	old := s.topics
	gone := func(t *meta.Topic) { s.world.milestone(TopicDeleted, "", t.Name, "") }
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

// changed tells of one topic; before is nil if it is new.
func (s *imageStory) changed(before, t *meta.Topic) {
	if before == nil || before.ID != t.ID {
		if before != nil {
			s.world.milestone(TopicDeleted, "", t.Name, "")
		}
		before = nil
		s.names[t.ID] = t.Name
		s.world.milestone(TopicCreated, "", t.Name, fmt.Sprintf("%d partitions", len(t.Partitions)))
	}
	for i, p := range t.Partitions {
		if before != nil && i < len(before.Partitions) && slices.Equal(before.Partitions[i].ISR, p.ISR) {
			continue
		}
		s.world.milestone(ISRChanged, "", fmt.Sprintf("%s/%d %s", t.Name, i, nodeNames(p.ISR)), "")
	}
}

// partition names a partition as people do; by its id while its topic is unknown.
func (s *imageStory) partition(id kafka.PartitionID) string {
	if name := s.names[id.Topic]; name != "" {
		return fmt.Sprintf("%s/%d", name, id.Partition)
	}
	return partitionText(id)
}

// namer is implemented by subjects that know topics and clients by names.
type namer interface{ names() *strings.Replacer }

// names writes names where texts of verdicts have ids and numbers.
func (w *World) names() *strings.Replacer {
	if s, ok := w.subject.(namer); ok {
		return s.names()
	}
	return strings.NewReplacer()
}

// names implements namer. Topics of one name are told apart by their ids'
// beginnings.
func (c *cluster) names() *strings.Replacer {
	var words []string
	seen := map[string]int{}
	for _, name := range c.facts.story.names {
		seen[name]++
	}
	for id, name := range c.facts.story.names {
		text := topicIDText(id)
		if seen[name] > 1 {
			name += "(" + text[:4] + ")"
		}
		words = append(words, text, name) // ids are of one length: the order does not matter
	}
	for _, k := range c.clients {
		words = append(words, fmt.Sprintf("client %d ", k.number), k.name+" ")
	}
	return strings.NewReplacer(words...)
}

func nodeNames(ids []kafka.NodeID) string {
	if len(ids) == 0 {
		return "nobody"
	}
	var names []string
	for _, id := range ids {
		names = append(names, brokerName(id))
	}
	return strings.Join(names, ",")
}

// faultText says what a key of a fault leaves out.
func faultText(f *Fault, resolved string) string {
	var parts []string
	if f.Target != resolved {
		parts = append(parts, "is "+f.Target)
	}
	if f.For > 0 {
		parts = append(parts, "for "+f.For.String())
	}
	if f.Amount != 0 {
		parts = append(parts, fmt.Sprintf("amount %d", f.Amount))
	}
	if f.Path != "" {
		parts = append(parts, "path "+f.Path)
	}
	return strings.Join(parts, ", ")
}
