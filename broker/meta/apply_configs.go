package meta

import (
	"slices"
	"strconv"
	"strings"

	"example.com/lockstep/broker/kafka"
)

// validateTopicConfigs says why the configurations cannot be set on a topic.
func (img *Image) validateTopicConfigs(c Configs) string {
	for i, e := range c {
		k := FindConfigKey(e.Name, true)
		if k == nil {
			return "Unknown topic config name: " + e.Name
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

func (c *AlterConfigs) apply(d *draft) Verdict {
	v := Verdict{Configs: make([]ConfigVerdict, len(c.Resources))}
	for i := range c.Resources {
		res := &c.Resources[i]
		code, msg := d.alterConfigs(res)
		v.Configs[i] = ConfigVerdict{Resource: res.Resource, Code: code, Message: msg}
	}
	d.trimELR() // once for all resources: it looks at every partition
	return v
}

func (d *draft) alterConfigs(c *ConfigChange) (kafka.ErrorCode, string) {
	switch c.Resource.Type {
	case TopicResource:
		t := d.Topic(c.Resource.Name)
		if t == nil {
			return kafka.UnknownTopicOrPartition, ""
		}
		set, msg := edit(t.Configs, c, true, func(name string) string {
			return d.TopicConfig(t, name)
		})
		if msg == "" {
			msg = d.conflict(set)
		}
		if msg != "" {
			return kafka.InvalidConfig, msg
		}
		bytes := set.bytes() - t.Configs.bytes()
		if d.usage.configBytes+bytes > configBytesMax {
			return kafka.PolicyViolation, tooManyConfigs
		}
		d.usage.configBytes += bytes
		next := *t
		next.Configs = set
		d.topics.Set(t.Name, &next)
	case BrokerResource:
		if name := c.Resource.Name; name != "" {
			id, err := strconv.Atoi(name)
			// "01" and "+1" are not names of broker 1: each would be an entry of its own.
			if err != nil || strconv.Itoa(id) != name || d.Broker(kafka.NodeID(id)) == nil {
				return kafka.InvalidRequest, "no such broker: " + name
			}
		}
		set, msg := edit(d.BrokerConfigs(c.Resource.Name), c, false, d.ClusterConfig)
		if msg != "" {
			return kafka.InvalidConfig, msg
		}
		more := set.bytes() - d.BrokerConfigs(c.Resource.Name).bytes()
		if d.usage.configBytes+more > configBytesMax {
			return kafka.PolicyViolation, tooManyConfigs
		}
		d.setBrokerConfigs(c.Resource.Name, set)
	default:
		return kafka.InvalidRequest, "unknown resource type"
	}
	d.touchConfigs(c.Resource)
	return kafka.None, ""
}

// edit applies the operations to the configurations that are set. If a list is not set,
// an operation on it starts from the value that effective returns.
func edit(
	set Configs, c *ConfigChange, onTopic bool, effective func(string) string,
) (Configs, string) {
	if c.Replace {
		set = nil
	}
	for _, op := range c.Ops {
		k := FindConfigKey(op.Name, onTopic)
		if k == nil {
			return nil, "Unknown config name: " + op.Name
		}
		value := op.Value
		switch op.Op {
		case ConfigDelete:
			set = set.without(op.Name)
			continue
		case ConfigSet:
		case ConfigAppend, ConfigSubtract:
			if k.Type != ConfigList {
				return nil, "Config value append is not allowed for config key: " + op.Name
			}
			old, ok := set.Get(op.Name)
			if !ok {
				old = effective(op.Name)
			}
			value = editList(old, op)
		default:
			return nil, "unknown operation"
		}
		kept, problem := k.Parse(value)
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

// trimELR adjusts ELRs to a change of min.insync.replicas. Where the ISR is now large
// enough, the watermark may move, and members of the ELR may then lack committed records.
// So the same command must empty the ELR.
func (d *draft) trimELR() {
	d.eachPartition(func(t *Topic, _ kafka.PartitionID, p *Partition) *Partition {
		if len(p.ELR) == 0 || len(p.ISR) < d.MinISR(t) {
			return nil
		}
		q := p.clone()
		q.ELR = nil
		q.PartitionEpoch++
		return q
	})
}
