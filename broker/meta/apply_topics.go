package meta

import (
	"slices"
	"strconv"

	"example.com/lockstep/broker/kafka"
)

// TopicNameError says why a topic cannot have this name; "" if it can.
func TopicNameError(name string) string {
	switch {
	case name == "":
		return "the topic name is empty"
	case name == "." || name == "..":
		return "the topic name cannot be \".\" or \"..\""
	case len(name) > maxTopicName:
		return "the topic name is longer than 249 characters"
	}
	for i := 0; i < len(name); i++ {
		c := name[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '.' &&
			c != '_' && c != '-' {
			return "the topic name may contain only ASCII letters, digits, '.', '_' and '-'"
		}
	}
	return ""
}

// Collides is the topic with a name that differs from this one only in '.' and '_'; "" if there is
// none.
func (img *Image) Collides(name string) string {
	key, may := collisionKey(name)
	if !may {
		return ""
	}
	other, _ := img.usage.alike.Get(key)
	if other == name {
		return ""
	}
	return other
}

func (c *CreateTopics) apply(d *draft) Verdict {
	return c.judge(d.Image, func(n *NewTopic, p *placement) {
		t := &Topic{Name: n.Name, ID: n.ID, Configs: n.Configs.Kept(), Partitions: p.build(d)}
		d.topics.Set(t.Name, t)
		d.names.Set(string(t.ID[:]), t.Name)
		d.usage.addTopic(t)
		d.countPlaced(p)
		d.changes.Created = append(d.changes.Created, TopicRef{t.Name, t.ID})
	})
}

// judge gives the verdict on each topic, and calls create for those that may exist.
func (c *CreateTopics) judge(img *Image, create func(*NewTopic, *placement)) Verdict {
	v := Verdict{Topics: make([]TopicVerdict, len(c.Topics))}
	if c.Excessive() {
		return refuseAll(v.Topics, func(i int) string { return c.Topics[i].Name })
	}
	a := newAdmission(img)
	for i := range c.Topics {
		var p placement
		p, v.Topics[i] = a.topic(c, &c.Topics[i])
		if v.Topics[i].Code == kafka.None {
			create(&c.Topics[i], &p)
		}
	}
	return v
}

// countPlaced counts partitions that were placed automatically.
func (d *draft) countPlaced(p *placement) {
	if p.assigned == nil {
		d.placed += uint64(p.partitions)
	}
}

// assignmentError says what is wrong with explicit replicas; "" if nothing is.
func (img *Image) assignmentError(assignments [][]kafka.NodeID) string {
	for _, replicas := range assignments {
		if len(replicas) == 0 || len(replicas) != len(assignments[0]) {
			return "partitions have different numbers of replicas, or none"
		}
		live := false
		for i, id := range replicas {
			if img.Broker(id) == nil {
				return "broker " + strconv.Itoa(int(id)) + " is not registered"
			}
			if slices.Contains(replicas[:i], id) {
				return "broker " + strconv.Itoa(int(id)) + " is named twice for one partition"
			}
			live = live || img.canLead(id)
		}
		if !live {
			return "all brokers of one partition are fenced or stopping"
		}
	}
	return ""
}

// newPartition returns a partition without records. Every replica that can lead is in
// sync. The first of them with room on its disk leads, or the first one if none has room.
func (d *draft) newPartition(replicas []kafka.NodeID) *Partition {
	p := &Partition{Replicas: replicas, Leader: kafka.NoNode}
	for _, id := range replicas {
		if d.canLead(id) {
			p.ISR = append(p.ISR, id)
		}
	}
	p.Leader = d.pick(p, false)
	return p
}

func (c *CreatePartitions) apply(d *draft) Verdict { return c.judge(d.Image, d.grow) }

// judge gives the verdict on each topic, and calls grow for those that may grow.
func (c *CreatePartitions) judge(img *Image, grow func(string, *placement)) Verdict {
	v := Verdict{Topics: make([]TopicVerdict, len(c.Topics))}
	if c.asksFor(img) > RequestPartitionsMax {
		return refuseAll(v.Topics, func(i int) string { return c.Topics[i].Name })
	}
	a := newAdmission(img)
	for i := range c.Topics {
		var p placement
		p, v.Topics[i] = a.grow(&c.Topics[i])
		if v.Topics[i].Code == kafka.None {
			grow(c.Topics[i].Name, &p)
		}
	}
	return v
}

// asksFor counts the new partitions without making any.
func (c *CreatePartitions) asksFor(img *Image) (n int64) {
	for _, m := range c.Topics {
		if t := img.Topic(m.Name); t != nil {
			n += max(0, int64(m.Total)-int64(len(t.Partitions)))
		}
	}
	return n
}

func (d *draft) grow(name string, p *placement) {
	next := *d.Topic(name)
	more := p.build(d)
	next.Partitions = append(slices.Clip(next.Partitions), more...)
	d.topics.Set(name, &next)
	d.usage.addPartitions(more, 1)
	d.countPlaced(p)
	d.changes.More = append(d.changes.More, TopicRef{name, next.ID})
}

func (c *DeleteTopics) apply(d *draft) Verdict {
	v := Verdict{Topics: make([]TopicVerdict, len(c.Topics))}
	for i, ref := range c.Topics {
		v.Topics[i] = d.deleteTopic(ref)
	}
	return v
}

func (d *draft) deleteTopic(ref TopicRef) TopicVerdict {
	v := TopicVerdict{Name: ref.Name, ID: ref.ID}
	t := d.Topic(ref.Name)
	v.Code = kafka.UnknownTopicOrPartition
	if ref.ID != (kafka.TopicID{}) {
		t = d.TopicByID(ref.ID)
		v.Code = kafka.UnknownTopicID
	}
	if t == nil {
		return v
	}
	d.topics.Delete(t.Name)
	d.names.Delete(string(t.ID[:]))
	d.usage.removeTopic(t)
	d.changes.Deleted = append(d.changes.Deleted, TopicRef{t.Name, t.ID})
	return TopicVerdict{Name: t.Name, ID: t.ID}
}
