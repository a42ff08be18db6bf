package checker

import (
	"fmt"
	"hash/fnv"
)

// registryState is one name of the topic registry.
type registryState struct {
	exists bool
	id     string // unnamed until an answer names it
	config string
	// partitions is 0 if no operation has said how many there are.
	partitions int
}

// unnamed is the id of a topic if its creation was not answered with one. The
// first answer that names an id fixes it.
const unnamed = "?"

func (s registryState) String() string {
	if !s.exists {
		return "absent"
	}
	return fmt.Sprintf("id %s, config %q, %d partitions", s.id, s.config, s.partitions)
}

// codeInvalidUpdateVersion answers a compare-and-set that found another value.
const codeInvalidUpdateVersion int16 = 95

// registry is the sequential specification of one name: create, delete, grow,
// alter and describe, each with its verdict.
var registry = object[registryState, *Admin]{
	step:     stepRegistry,
	equal:    func(a, b registryState) bool { return a == b },
	describe: func(a *Admin) string { return a.String() },
	state:    registryState.String,
	hash: func(s registryState) uint64 {
		h := fnv.New64a()
		fmt.Fprintf(h, "%t\x00%s\x00%s\x00%d", s.exists, s.id, s.config, s.partitions)
		return h.Sum64()
	},
	alike: func(a, b *Admin) bool {
		return a.Kind == b.Kind && a.TopicID == b.TopicID && a.Set == b.Set && a.Expect == nil &&
			b.Expect == nil && a.Partitions == b.Partitions
	},
}

func stepRegistry(s registryState, a *Admin) (bool, registryState) {
	if a.Outcome == Failed {
		return verdictHolds(s, a), s
	}
	sure := a.Outcome == Acked
	switch a.Kind {
	case CreateTopic:
		if s.exists {
			return !sure, s
		}
		id := a.TopicID
		if id == "" {
			id = unnamed
		}
		return true, registryState{exists: true, id: id, config: a.Set, partitions: a.Partitions}
	case DeleteTopic:
		if !s.exists {
			return !sure, s
		}
		return true, registryState{}
	case AlterTopic:
		if !s.exists || a.Expect != nil && *a.Expect != s.config {
			return !sure, s
		}
		s.config = a.Set
		return true, s
	case GrowTopic:
		if !s.exists || a.Partitions <= s.partitions {
			return !sure, s
		}
		s.partitions = a.Partitions
		return true, s
	case DescribeTopic:
		if s.partitions > 0 && a.Partitions > 0 && a.Partitions != s.partitions {
			return false, s
		}
		if !s.exists || a.Config != nil && *a.Config != s.config {
			return false, s
		}
		if a.TopicID != "" && s.id == unnamed {
			s.id = a.TopicID
		}
		return a.TopicID == "" || a.TopicID == s.id, s
	}
	return false, s
}

// verdictHolds says whether the state explains a definite error.
func verdictHolds(s registryState, a *Admin) bool {
	switch a.Code {
	case codeTopicAlreadyExists:
		return s.exists
	case codeUnknownTopicOrPartition, codeUnknownTopicID:
		return !s.exists
	case codeInvalidPartitions:
		return a.Kind != GrowTopic ||
			s.exists && (s.partitions == 0 || a.Partitions <= s.partitions)
	case codeInvalidUpdateVersion:
		return s.exists && a.Expect != nil && *a.Expect != s.config
	}
	return true
}

// tells says whether an answer shows anything of the registry.
func tells(a *Admin) bool {
	if a.Kind == DescribeTopic && a.Outcome == Ambiguous {
		return false
	}
	if a.Outcome != Failed {
		return true
	}
	switch a.Code {
	case codeTopicAlreadyExists, codeUnknownTopicOrPartition, codeUnknownTopicID,
		codeInvalidUpdateVersion, codeInvalidPartitions:
		return true
	}
	return false
}

// registryOps gives the operations that show something of a topic, by name and
// call.
func registryOps(h *History) map[string][]timed[*Admin] {
	out := map[string][]timed[*Admin]{}
	for i := range h.Admins {
		a := &h.Admins[i]
		if !tells(a) {
			continue
		}
		ret := a.Return
		if a.Outcome == Ambiguous {
			ret = Never
		}
		out[a.Topic] = append(out[a.Topic], timed[*Admin]{a.Call, ret, a.Client, a})
	}
	for _, ops := range out {
		sortByCall(ops)
	}
	return out
}
