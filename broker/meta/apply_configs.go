package meta

import (
	"slices"
	"strconv"
	"strings"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/mark"
)

// validateTopicConfigs says why the configurations cannot be set on a topic.
func (img *Image) validateTopicConfigs(c Configs) string {
	for i, e := range c {
		k := FindConfigKey(e.Name, true)
		if k == nil {
			return unknownConfig(true, e.Name)
		}
		if msg := k.Validate(e.Value); msg != "" {
			return msg
		}
		if i > 0 && c[i-1].Name >= e.Name {
			return "configurations are not sorted or set twice: " + e.Name
		}
	}
	return img.conflict(c.Kept())
}

func unknownConfig(onTopic bool, name string) string {
	if onTopic {
		return "Unknown topic config name: " + name
	}
	return "Unknown broker config name: " + name
}

func (c *AlterConfigs) apply(d *draft) Verdict {
	v := c.judge(d.Image, d.setConfigs)
	d.heedConfigs(c)
	return v
}

// judge gives the verdict on each resource, and calls set for those that may change. What set
// does may change img.
func (c *AlterConfigs) judge(img *Image, set func(ConfigResource, Configs)) Verdict {
	v := Verdict{Configs: make([]ConfigVerdict, len(c.Resources))}
	bytes := img.usage.configBytes
	for i := range c.Resources {
		change := &c.Resources[i]
		out := &v.Configs[i]
		out.Resource = change.Resource
		var was, will Configs
		was, out.Code, out.Message = img.configsOf(change.Resource)
		if out.Code == kafka.None {
			will, out.Code, out.Message = img.edited(was, change)
		}
		if more := will.bytes() - was.bytes(); out.Code == kafka.None {
			if bytes+more > configBytesMax {
				out.Code, out.Message = kafka.PolicyViolation, tooManyConfigs
				continue
			}
			bytes += more
			set(change.Resource, will)
		}
	}
	return v
}

// configsOf is what is set for a resource, or why nothing can be.
func (img *Image) configsOf(r ConfigResource) (Configs, kafka.ErrorCode, string) {
	switch r.Type {
	case TopicResource:
		t := img.Topic(r.Name)
		if t == nil {
			return nil, kafka.UnknownTopicOrPartition, ""
		}
		return t.Configs, kafka.None, ""
	case BrokerResource:
		if r.Name != "" {
			id, err := strconv.Atoi(r.Name)
			// "01" and "+1" are not names of broker 1: each would be an entry of its own.
			if err != nil || strconv.Itoa(id) != r.Name || img.Broker(kafka.NodeID(id)) == nil {
				return nil, kafka.InvalidRequest, "no such broker: " + r.Name
			}
		}
		return img.BrokerConfigs(r.Name), kafka.None, ""
	}
	return nil, kafka.InvalidRequest, "unknown resource type"
}

// edited applies a change to what is set for its resource.
func (img *Image) edited(was Configs, c *ConfigChange) (Configs, kafka.ErrorCode, string) {
	onTopic := c.Resource.Type == TopicResource
	effective := img.ClusterConfig
	if onTopic {
		t := img.Topic(c.Resource.Name)
		effective = func(name string) string { return img.TopicConfig(t, name) }
	}
	set, msg := edit(was, c, effective)
	if msg == "" && onTopic {
		msg = img.conflict(set)
	} else if msg == "" && c.Resource.Name == "" {
		msg = conflictOf(func(k *ConfigKey) string {
			if v, ok := set.Get(k.BrokerName); ok {
				return v
			}
			return k.Default
		})
	}
	if msg != "" {
		return nil, kafka.InvalidConfig, msg
	}
	return set, kafka.None, ""
}

// edit applies the operations to the configurations that are set. If a list is not set,
// an operation on it starts from the value that effective returns.
func edit(set Configs, c *ConfigChange, effective func(string) string) (Configs, string) {
	onTopic := c.Resource.Type == TopicResource
	if c.Replace {
		set = nil
	}
	for _, op := range c.Ops {
		k := FindConfigKey(op.Name, onTopic)
		if k == nil {
			return nil, unknownConfig(onTopic, op.Name)
		}
		if op.Op == ConfigDelete {
			set = set.without(op.Name) // what was set once may always be unset
			continue
		}
		value := op.Value
		switch {
		case k.ReadOnly:
			return nil, "Cannot update these configs dynamically: Set(" + op.Name + ")"
		case !onTopic && c.Resource.Name != "" && !k.Own:
			return nil, "The value of " + op.Name + " is the same on all brokers: set it for " +
				"the cluster, with the empty name in place of " + c.Resource.Name
		case op.Op == ConfigAppend || op.Op == ConfigSubtract:
			if k.Type != ConfigList {
				return nil, "Can't " + map[ConfigOpKind]string{ConfigAppend: "APPEND",
					ConfigSubtract: "SUBTRACT"}[op.Op] + " to key " + op.Name +
					" because its type is not LIST."
			}
			old, ok := set.Get(op.Name)
			if !ok {
				old = effective(op.Name)
			}
			value = editList(old, op)
		case op.Op != ConfigSet:
			return nil, "unknown operation"
		}
		named := *k
		named.Name = op.Name // not the name that topics have for it
		kept, problem := named.Parse(value)
		if problem != "" {
			return nil, problem
		}
		set = set.with(op.Name, kept)
	}
	return set, ""
}

func editList(old string, op ConfigOp) string {
	list, arg := splitList(old), splitList(op.Value)
	list = slices.DeleteFunc(list, func(e string) bool { return slices.Contains(arg, e) })
	if op.Op == ConfigAppend {
		list = append(list, arg...)
	}
	return strings.Join(list, ",")
}

// setConfigs replaces what is set for a resource.
func (d *draft) setConfigs(r ConfigResource, set Configs) {
	if r.Type == TopicResource {
		next := *d.Topic(r.Name)
		d.usage.configBytes += set.bytes() - next.Configs.bytes()
		next.Configs = set
		d.topics.Set(r.Name, &next)
	} else {
		d.setBrokerConfigs(r.Name, set)
	}
	d.touchConfigs(r)
}

// heedConfigs brings the partitions in line with changed configurations, in the same command:
// those of the topics that it names, or all if it is about the cluster.
//
// Where the ISR is now large enough for min.insync.replicas, the watermark may move, and members
// of the ELR may then lack committed records: the ELR ends. Where an unclean election is now
// allowed and nobody leads, it takes place.
func (d *draft) heedConfigs(c *AlterConfigs) {
	whole, topics := false, map[string]bool{}
	for i := range c.Resources {
		r := c.Resources[i].Resource
		whole = whole || r.Type == BrokerResource && r.Name == ""
		if r.Type == TopicResource {
			topics[r.Name] = true
		}
	}
	heed := func(t *Topic) {
		for i, p := range t.Partitions {
			if q := d.heeding(t, p); q != nil {
				d.setPartition(t, i, q)
			}
		}
	}
	if whole {
		for _, t := range d.topics.Values() {
			heed(t)
		}
		return
	}
	for i := range c.Resources {
		if r := c.Resources[i].Resource; r.Type == TopicResource && topics[r.Name] {
			topics[r.Name] = false
			if t := d.Topic(r.Name); t != nil {
				heed(t)
			}
		}
	}
}

// heeding is the registration of a partition under the present configurations of its topic; nil
// if it stays as it is.
func (d *draft) heeding(t *Topic, p *Partition) *Partition {
	q := p.clone()
	if len(p.ELR) > 0 && len(p.ISR) >= d.MinISR(t) {
		mark.Hit(mark.ELRTrimmed)
		q.ELR = nil
		q.PartitionEpoch++
	}
	if p.Leader == kafka.NoNode && d.unclean(t) {
		if leader := d.pick(q, true); leader != kafka.NoNode {
			d.lead(t, q, leader)
		}
	}
	if q.PartitionEpoch == p.PartitionEpoch {
		return nil
	}
	return q
}
