package meta

import (
	"strconv"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/mark"
)

// admission decides which topics and partitions of one command may exist. It reads the image
// as it was before the command, writes nothing, and makes no partition. It counts what it has
// admitted. Apply builds that; a dry run needs no more.
type admission struct {
	img         *Image
	partitions  int                  // of the image and of this command
	hosted      map[kafka.NodeID]int // replicas by node, likewise
	configBytes int                  // likewise
	placed      uint64
	live        []kafka.NodeID    // brokers that can lead, by id
	taken       map[string]string // names of this command, by collisionKey
}

func newAdmission(img *Image) *admission {
	a := &admission{
		img: img, partitions: img.usage.partitions, hosted: img.usage.hosted(),
		configBytes: img.usage.configBytes, placed: img.placed, taken: map[string]string{},
	}
	for _, b := range img.Brokers() {
		if img.canLead(b.ID) {
			a.live = append(a.live, b.ID)
		}
	}
	return a
}

// topic admits one new topic, or says why not.
func (a *admission) topic(c *CreateTopics, n *NewTopic) (placement, TopicVerdict) {
	v := TopicVerdict{Name: n.Name}
	v.Code, v.Message = a.name(n.Name)
	if v.Code != kafka.None {
		return placement{}, v
	}
	if n.ID == (kafka.TopicID{}) || a.img.TopicByID(n.ID) != nil {
		v.Code, v.Message = kafka.InvalidRequest, "the topic id is missing or in use"
		return placement{}, v
	}
	if v.Message = a.img.validateTopicConfigs(n.Configs); v.Message != "" {
		v.Code = kafka.InvalidConfig
		return placement{}, v
	}
	var p placement
	p, v.Code, v.Message = a.place(c, n)
	if v.Code != kafka.None {
		return placement{}, v
	}
	bytes := a.configBytes + n.Configs.bytes()
	if v.Message = a.excess(&p, p.partitions, bytes); v.Message != "" {
		v.Code = kafka.PolicyViolation
		return placement{}, v
	}
	a.configBytes = bytes
	key, _ := collisionKey(n.Name)
	a.taken[key] = n.Name
	v.ID, v.Partitions, v.ReplicationFactor = n.ID, int32(p.partitions), int16(p.replication)
	return p, v
}

// name checks the name of a new topic.
func (a *admission) name(name string) (kafka.ErrorCode, string) {
	if msg := TopicNameError(name); msg != "" {
		return kafka.InvalidTopicException, msg
	}
	key, may := collisionKey(name)
	other := a.taken[key]
	if a.img.Topic(name) != nil || other == name {
		return kafka.TopicAlreadyExists, "Topic '" + name + "' already exists."
	}
	if !may {
		return kafka.None, ""
	}
	if other == "" {
		other = a.img.Collides(name)
	}
	if other != "" {
		return kafka.InvalidTopicException,
			"Topic '" + name + "' collides with existing topic: " + other
	}
	return kafka.None, ""
}

// place decides the replicas of every partition of a new topic.
func (a *admission) place(c *CreateTopics, n *NewTopic) (placement, kafka.ErrorCode, string) {
	if len(n.Assignments) > 0 {
		if n.Partitions != -1 || n.ReplicationFactor != -1 {
			return placement{}, kafka.InvalidRequest,
				"numbers of partitions and replicas must be -1 if replicas are assigned"
		}
		if msg := a.img.assignmentError(n.Assignments); msg != "" {
			return placement{}, kafka.InvalidReplicaAssignment, msg
		}
		return assigned(n.Assignments), kafka.None, ""
	}
	partitions, replication := n.Partitions, n.ReplicationFactor
	if partitions == -1 {
		partitions = c.DefaultPartitions
	}
	if replication == -1 {
		replication = c.DefaultReplication
	}
	if partitions < 1 {
		return placement{}, kafka.InvalidPartitions,
			"Number of partitions was set to an invalid value."
	}
	if replication < 1 {
		return placement{}, kafka.InvalidReplicationFactor,
			"Replication factor must be larger than 0, or -1 to use the default."
	}
	p, ok := a.automatic(int(partitions), int(replication))
	if !ok {
		return placement{}, kafka.InvalidReplicationFactor, "Unable to replicate the partition " +
			strconv.Itoa(int(replication)) + " time(s): fewer brokers are available."
	}
	return p, kafka.None, ""
}

// assigned is a placement that the command gives.
func assigned(replicas [][]kafka.NodeID) placement {
	return placement{
		partitions: len(replicas), replication: len(replicas[0]), assigned: replicas,
	}
}

// automatic places new partitions; false if there are too few brokers.
func (a *admission) automatic(partitions, replication int) (placement, bool) {
	return placement{
		partitions: partitions, replication: replication, live: a.live, placed: a.placed,
	}, len(a.live) > 0 && replication <= len(a.live)
}

// grow admits more partitions of a topic, or says why not.
func (a *admission) grow(m *MorePartitions) (placement, TopicVerdict) {
	v := TopicVerdict{Name: m.Name}
	fail := func(code kafka.ErrorCode, message string) (placement, TopicVerdict) {
		v.Code, v.Message = code, message
		return placement{}, v
	}
	t := a.img.Topic(m.Name)
	if t == nil {
		return fail(kafka.UnknownTopicOrPartition, "")
	}
	v.ID = t.ID
	have, replication := len(t.Partitions), len(t.Partitions[0].Replicas)
	more := int(m.Total) - have
	switch {
	case more == 0:
		return fail(kafka.InvalidPartitions,
			"Topic already has "+strconv.Itoa(have)+" partition(s).")
	case more < 0:
		return fail(kafka.InvalidPartitions, "The topic "+m.Name+" currently has "+
			strconv.Itoa(have)+" partition(s); "+strconv.Itoa(int(m.Total))+
			" would not be an increase.")
	}
	if a.taken[m.Name] != "" {
		return fail(kafka.InvalidRequest, "the command names the topic more than once")
	}
	var p placement
	if len(m.Assignments) > 0 {
		if len(m.Assignments) != more {
			return fail(kafka.InvalidReplicaAssignment, "Attempted to add "+strconv.Itoa(more)+
				" additional partition(s), but "+strconv.Itoa(len(m.Assignments))+
				" assignment(s) were specified.")
		}
		if len(m.Assignments[0]) != replication {
			return fail(kafka.InvalidReplicaAssignment, "The manual partition assignment includes "+
				"a partition with "+strconv.Itoa(len(m.Assignments[0]))+" replica(s), but this is "+
				"not consistent with previous partitions, which have "+strconv.Itoa(replication)+
				" replica(s).")
		}
		if msg := a.img.assignmentError(m.Assignments); msg != "" {
			return fail(kafka.InvalidReplicaAssignment, msg)
		}
		p = assigned(m.Assignments)
	} else {
		var ok bool
		if p, ok = a.automatic(more, replication); !ok {
			return fail(kafka.InvalidReplicationFactor,
				"fewer brokers are available than replicas")
		}
	}
	if msg := a.excess(&p, int(m.Total), a.configBytes); msg != "" {
		return fail(kafka.PolicyViolation, msg)
	}
	a.taken[m.Name] = m.Name
	v.Partitions, v.ReplicationFactor = m.Total, int16(replication)
	return p, v
}

// excess says which bound of the image the new partitions would break, where their topic has
// total partitions then, and all configurations have this many bytes. If there is none, it
// counts the partitions, and returns "".
func (a *admission) excess(p *placement, total, configBytes int) string {
	over := func(what string, limit int) string {
		mark.Hit(mark.CreationOverLimit)
		return what + " would have more than " + strconv.Itoa(limit)
	}
	if total > topicPartitionsMax {
		return over("The topic", topicPartitionsMax) + " partitions."
	}
	if limit := a.img.limit(clusterPartitionsKey); a.partitions+p.partitions > limit {
		return over("The cluster", limit) + " partitions (" + clusterPartitionsKey + ")."
	}
	if configBytes > configBytesMax {
		return over("The configurations of the cluster", configBytesMax) + " bytes."
	}
	more := map[kafka.NodeID]int{}
	for i := range p.partitions {
		for j := range p.replication {
			more[p.at(i, j)]++
		}
	}
	limit, full := a.img.limit(brokerPartitionsKey), kafka.NoNode
	for node, n := range more { //corelint:ordered the lowest id is the same in any order
		if a.hosted[node]+n > limit && (full == kafka.NoNode || node < full) {
			full = node
		}
	}
	if full != kafka.NoNode {
		return over("Broker "+strconv.Itoa(int(full)), limit) +
			" replicas (" + brokerPartitionsKey + ")."
	}
	for node, n := range more { //corelint:ordered the sums do not depend on the order
		a.hosted[node] += n
	}
	a.partitions += p.partitions
	if p.assigned == nil {
		a.placed += uint64(p.partitions)
	}
	return ""
}
