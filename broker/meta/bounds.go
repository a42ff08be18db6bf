package meta

import (
	"strconv"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/mark"
)

// The bounds of the image. Every node keeps the whole image in memory and applies every
// command, so everything that a command can add has a bound. It is checked when the command
// is applied: the constants are the same on all nodes, and the two limits that can be set
// are in the image. What a bound refuses is answered POLICY_VIOLATION, which clients do not
// repeat. docs/operation.md lists the commands with their bounds.
const (
	// RequestPartitionsMax is the number of partitions that one CreateTopics or
	// CreatePartitions may make (Kafka's MAX_PARTITIONS_PER_BATCH). A command that asks for
	// more makes none. It also bounds the time that applying the command takes.
	RequestPartitionsMax = 10_000
	// topicPartitionsMax bounds one topic, however many commands make it grow: a change of
	// one partition copies the topic's list of partitions.
	topicPartitionsMax = 100_000
	// maxTopicName is Kafka's limit: Kafka makes directories with these names.
	maxTopicName = 249
	// configValueMax bounds one value, in bytes. No value that means something is so long.
	configValueMax = 1024
	// configBytesMax bounds the names and values of all configurations together, in bytes.
	configBytesMax = 64 << 20
	// brokersMax is the number of broker ids that can register.
	brokersMax = 1000
	// brokerTextMax bounds each text of a registration, in bytes: addresses, the rack, the
	// names of features.
	brokerTextMax = 512
	// brokerFeaturesMax is the number of features that a broker can register.
	brokerFeaturesMax = 64
)

// The limits that can be set for the cluster, with the names of KIP-578.
const (
	clusterPartitionsKey = "max.partitions"        // partitions of all topics together
	brokerPartitionsKey  = "max.broker.partitions" // replicas on one broker
)

const (
	clusterPartitionsDefault = 200_000
	clusterPartitionsMax     = 1_000_000
	brokerPartitionsDefault  = 50_000
	brokerPartitionsMax      = 200_000
)

// limit is the value of one of these keys.
func (img *Image) limit(key string) int {
	n, _ := strconv.Atoi(img.ClusterConfig(key)) // it was validated when it entered the image
	return n
}

const tooManyConfigs = "the configurations of the cluster would be too large"

// ExcessiveMessage explains a refusal of a whole command.
const ExcessiveMessage = "Excessively large number of partitions per request."

// Excessive reports whether a command asks for more partitions than any image would take
// from one command.
func (c *CreateTopics) Excessive() bool { return c.asksFor() > RequestPartitionsMax }

// overLimits reports whether bounds of the image refuse everything that a command would make.
// The controller does not propose such a command.
func (img *Image) overLimits(c Command) bool {
	judged, ok := c.(Judged)
	if !ok {
		return false
	}
	v := img.DryRun(judged)
	for i := range v.Configs {
		if v.Configs[i].Code != kafka.PolicyViolation {
			return false
		}
	}
	for i := range v.Topics {
		if v.Topics[i].Code != kafka.PolicyViolation {
			return false
		}
	}
	return len(v.Topics)+len(v.Configs) > 0
}

// asksFor counts the partitions of a command without making any.
func (c *CreateTopics) asksFor() (n int64) {
	for i := range c.Topics {
		t := &c.Topics[i]
		switch {
		case len(t.Assignments) > 0:
			n += int64(len(t.Assignments))
		case t.Partitions == -1:
			n += int64(max(0, c.DefaultPartitions))
		default:
			n += int64(max(0, t.Partitions))
		}
	}
	return n
}

// refuseAll gives every topic of a command the same refusal.
func refuseAll(verdicts []TopicVerdict, name func(int) string) Verdict {
	mark.Hit(mark.CreationOverLimit)
	for i := range verdicts {
		verdicts[i] = TopicVerdict{
			Name: name(i), Code: kafka.PolicyViolation, Message: ExcessiveMessage,
		}
	}
	return Verdict{Topics: verdicts}
}

// RegistrationError says why a registration is too large for the image; "" if it is not.
func RegistrationError(e *Endpoints) string {
	texts := []string{e.Host, e.PeerAddr, e.DataAddr, e.Rack}
	for _, f := range e.Features {
		texts = append(texts, f.Name)
	}
	for _, text := range texts {
		if len(text) > brokerTextMax {
			return "an address, the rack or the name of a feature is longer than " +
				strconv.Itoa(brokerTextMax) + " bytes"
		}
	}
	if len(e.Features) > brokerFeaturesMax {
		return "more than " + strconv.Itoa(brokerFeaturesMax) + " features"
	}
	return ""
}
