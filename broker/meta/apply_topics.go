package meta

import (
	"slices"
	"strconv"

	"example.com/lockstep/broker/kafka"
)

const (
	maxPartitions = 100_000 // of one topic
	maxTopicName  = 249     // Kafka's limit: Kafka makes directories with these names
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

func (c *CreateTopics) apply(d *draft) Verdict {
	v := Verdict{Topics: make([]TopicVerdict, len(c.Topics))}
	for i := range c.Topics {
		v.Topics[i] = c.create(d, &c.Topics[i])
	}
	return v
}

// create creates one topic, or says why not.
func (c *CreateTopics) create(d *draft, n *NewTopic) TopicVerdict {
	v := TopicVerdict{Name: n.Name}
	fail := func(code kafka.ErrorCode, message string) TopicVerdict {
		v.Code, v.Message = code, message
		return v
	}
	if msg := TopicNameError(n.Name); msg != "" {
		return fail(kafka.InvalidTopicException, msg)
	}
	if d.Topic(n.Name) != nil {
		return fail(kafka.TopicAlreadyExists, "Topic '"+n.Name+"' already exists.")
	}
	if n.ID == (kafka.TopicID{}) || d.TopicByID(n.ID) != nil {
		return fail(kafka.InvalidRequest, "the topic id is missing or in use")
	}
	if msg := validateTopicConfigs(n.Configs); msg != "" {
		return fail(kafka.InvalidConfig, msg)
	}
	replicas, code, msg := c.assign(d, n)
	if code != kafka.None {
		return fail(code, msg)
	}
	t := &Topic{
		Name: n.Name, ID: n.ID, Configs: n.Configs, Partitions: make([]*Partition, len(replicas)),
	}
	for i, r := range replicas {
		t.Partitions[i] = d.newPartition(r)
	}
	d.topics.Set(t.Name, t)
	d.names.Set(string(t.ID[:]), t.Name)
	d.changes.Created = append(d.changes.Created, TopicRef{t.Name, t.ID})
	v.ID, v.Partitions, v.ReplicationFactor = t.ID, int32(len(replicas)), int16(len(replicas[0]))
	return v
}

// assign decides the replicas of every partition of a new topic.
func (c *CreateTopics) assign(d *draft, n *NewTopic) ([][]kafka.NodeID, kafka.ErrorCode, string) {
	if len(n.Assignments) > 0 {
		if n.Partitions != -1 || n.ReplicationFactor != -1 {
			return nil, kafka.InvalidRequest,
				"numbers of partitions and replicas must be -1 if replicas are assigned"
		}
		if len(n.Assignments) > maxPartitions {
			return nil, kafka.InvalidPartitions, "too many partitions"
		}
		if msg := d.assignmentError(n.Assignments); msg != "" {
			return nil, kafka.InvalidReplicaAssignment, msg
		}
		return n.Assignments, kafka.None, ""
	}
	partitions, replication := n.Partitions, n.ReplicationFactor
	if partitions == -1 {
		partitions = c.DefaultPartitions
	}
	if replication == -1 {
		replication = c.DefaultReplication
	}
	if partitions < 1 || partitions > maxPartitions {
		return nil, kafka.InvalidPartitions, "Number of partitions was set to an invalid value."
	}
	if replication < 1 {
		return nil, kafka.InvalidReplicationFactor,
			"Replication factor must be larger than 0, or -1 to use the default."
	}
	replicas := d.place(int(partitions), int(replication))
	if replicas == nil {
		return nil, kafka.InvalidReplicationFactor, "Unable to replicate the partition " +
			strconv.Itoa(int(replication)) + " time(s): fewer brokers are available."
	}
	return replicas, kafka.None, ""
}

// assignmentError says what is wrong with explicit replicas; "" if nothing is.
func (d *draft) assignmentError(assignments [][]kafka.NodeID) string {
	for _, replicas := range assignments {
		if len(replicas) == 0 || len(replicas) != len(assignments[0]) {
			return "partitions have different numbers of replicas, or none"
		}
		live := false
		for i, id := range replicas {
			if d.Broker(id) == nil {
				return "broker " + strconv.Itoa(int(id)) + " is not registered"
			}
			if slices.Contains(replicas[:i], id) {
				return "broker " + strconv.Itoa(int(id)) + " is named twice for one partition"
			}
			live = live || d.canLead(id)
		}
		if !live {
			return "all brokers of one partition are fenced or stopping"
		}
	}
	return ""
}

// place spreads replicas over the brokers that can lead, in order of id. Leaders are
// placed round robin. Followers are shifted by one more in each round, so that the load
// of a lost broker spreads over all others. place returns nil if there are too few
// brokers.
func (d *draft) place(partitions, replication int) [][]kafka.NodeID {
	var live []kafka.NodeID
	for _, b := range d.Brokers() {
		if d.canLead(b.ID) {
			live = append(live, b.ID)
		}
	}
	n := len(live)
	if n == 0 || replication > n {
		return nil
	}
	out := make([][]kafka.NodeID, partitions)
	for i := range out {
		at := d.placed % uint64(n)
		round := d.placed / uint64(n)
		replicas := make([]kafka.NodeID, replication)
		replicas[0] = live[at]
		for j := 1; j < replication; j++ {
			shift := 1 + (round+uint64(j)-1)%uint64(n-1)
			replicas[j] = live[(at+shift)%uint64(n)]
		}
		out[i] = replicas
		d.placed++
	}
	return out
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

func (c *CreatePartitions) apply(d *draft) Verdict {
	v := Verdict{Topics: make([]TopicVerdict, len(c.Topics))}
	for i, m := range c.Topics {
		v.Topics[i] = d.grow(m)
	}
	return v
}

func (d *draft) grow(m MorePartitions) TopicVerdict {
	v := TopicVerdict{Name: m.Name}
	t := d.Topic(m.Name)
	if t == nil {
		v.Code = kafka.UnknownTopicOrPartition
		return v
	}
	v.ID = t.ID
	have := len(t.Partitions)
	more := int(m.Total) - have
	replication := len(t.Partitions[0].Replicas)
	if more <= 0 || m.Total > maxPartitions {
		v.Code, v.Message = kafka.InvalidPartitions,
			"The topic has "+strconv.Itoa(have)+" partition(s) already."
		return v
	}
	replicas := m.Assignments
	if len(replicas) > 0 {
		if len(replicas) != more || len(replicas[0]) != replication {
			v.Code, v.Message = kafka.InvalidReplicaAssignment,
				"assignments do not match the new partitions"
			return v
		}
		if v.Message = d.assignmentError(replicas); v.Message != "" {
			v.Code = kafka.InvalidReplicaAssignment
			return v
		}
	} else if replicas = d.place(more, replication); replicas == nil {
		v.Code, v.Message = kafka.InvalidReplicationFactor,
			"fewer brokers are available than replicas"
		return v
	}
	next := *t
	next.Partitions = slices.Clone(t.Partitions)
	for _, r := range replicas {
		next.Partitions = append(next.Partitions, d.newPartition(r))
	}
	d.topics.Set(t.Name, &next)
	d.changes.More = append(d.changes.More, TopicRef{t.Name, t.ID})
	v.Partitions, v.ReplicationFactor = m.Total, int16(replication)
	return v
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
	d.changes.Deleted = append(d.changes.Deleted, TopicRef{t.Name, t.ID})
	return TopicVerdict{Name: t.Name, ID: t.ID}
}
