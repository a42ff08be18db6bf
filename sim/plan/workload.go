package plan

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Workload is what the clients do.
type Workload struct {
	Kind    string `yaml:"kind" json:"kind"` // whose clients: "kafka" or "toy"
	Clients int    `yaml:"clients,omitempty" json:"clients,omitempty"`
	// between two operations of a client
	Every   Duration `yaml:"every,omitempty" json:"every,omitempty"`
	Options Options  `yaml:"options,omitempty" json:"options,omitzero"`
}

// Options are what a workload, its brokers and its demands can be told. What a
// plan does not give has the value that is named in parentheses.
type Options struct {
	// The topics.
	Topics     Option `yaml:"topics,omitempty" json:"topics,omitzero"`         // (1)
	Partitions Option `yaml:"partitions,omitempty" json:"partitions,omitzero"` // of each (1)
	RF         Option `yaml:"rf,omitempty" json:"rf,omitzero"`                 // replicas (1)
	MinISR     Option `yaml:"min_isr,omitempty" json:"min_isr,omitzero"`       // (1)

	// The brokers. Sizes that are not given are those of production.
	// 1: limits at which every overflow policy is met (0)
	Tight            Option `yaml:"tight,omitempty" json:"tight,omitzero"`
	RequestTimeoutMs Option `yaml:"request_timeout_ms,omitempty" json:"request_timeout_ms,omitzero"`
	WALSegmentBytes  Option `yaml:"wal_segment_bytes,omitempty" json:"wal_segment_bytes,omitzero"`
	// groups (1)
	WALInFlight      Option `yaml:"wal_in_flight,omitempty" json:"wal_in_flight,omitzero"`
	LogSegmentBytes  Option `yaml:"log_segment_bytes,omitempty" json:"log_segment_bytes,omitzero"`
	RaftCompactBytes Option `yaml:"raft_compact_bytes,omitempty" json:"raft_compact_bytes,omitzero"`

	// The clients.
	// 1: every producer asks for acks=all (0)
	AcksAll Option `yaml:"acks_all,omitempty" json:"acks_all,omitzero"`
	// (drawn by each producer)
	ProduceTimeoutMs Option `yaml:"produce_timeout_ms,omitempty" json:"produce_timeout_ms,omitzero"`
	// 1: also to topics that come and go (0)
	ProduceToChurn Option `yaml:"produce_to_churn,omitempty" json:"produce_to_churn,omitzero"`
	// 1: a producer knows one broker only (0)
	OneAddress Option `yaml:"one_address,omitempty" json:"one_address,omitzero"`
	// of 100 produces, to any broker (drawn)
	Misroute Option `yaml:"misroute,omitempty" json:"misroute,omitzero"`
	// of 1000 acknowledged batches, sent again (0)
	Repeats Option `yaml:"repeats,omitempty" json:"repeats,omitzero"`
	// of 1000 requests, with the connection's end (0)
	Vanish Option `yaml:"vanish,omitempty" json:"vanish,omitzero"`
	// between questions for metadata (drawn)
	RefreshMs Option `yaml:"refresh_ms,omitempty" json:"refresh_ms,omitzero"`
	// between creations and deletions; 0: none (0)
	ChurnUs Option `yaml:"churn_us,omitempty" json:"churn_us,omitzero"`
	// 1: all topics with one request (0)
	CreateTogether Option `yaml:"create_together,omitempty" json:"create_together,omitzero"`
	// topics to make at once, later (0)
	Burst Option `yaml:"burst,omitempty" json:"burst,omitzero"`
	// between reads behind barriers; 0: none (0)
	BarrierMs Option `yaml:"barrier_ms,omitempty" json:"barrier_ms,omitzero"`

	// Little load, from a time to a time, so that hours can be simulated.
	SlowFromMs  Option `yaml:"slow_from_ms,omitempty" json:"slow_from_ms,omitzero"`   // (never)
	SlowUntilMs Option `yaml:"slow_until_ms,omitempty" json:"slow_until_ms,omitzero"` // (never)
	SlowEveryMs Option `yaml:"slow_every_ms,omitempty" json:"slow_every_ms,omitzero"` // (5000)

	// What is demanded besides safety.
	// acknowledged produces at least (1)
	MinAcks Option `yaml:"min_acks,omitempty" json:"min_acks,omitzero"`
	// longest pause of a partition; 0: any (0)
	AckPauseMs Option `yaml:"ack_pause_ms,omitempty" json:"ack_pause_ms,omitzero"`
	// more, if a controller's term began (0)
	AckPauseControllerMs Option `yaml:"ack_pause_controller_ms,omitempty" json:"ack_pause_controller_ms,omitzero"`
	// longest creation of a topic; 0: any (0)
	CreateMs Option `yaml:"create_ms,omitempty" json:"create_ms,omitzero"`
	// longest silence of a loop; 0: any (0)
	OperatorMs Option `yaml:"operator_ms,omitempty" json:"operator_ms,omitzero"`
	// produces that may overtake one; 0: any (0)
	Overtakes Option `yaml:"overtakes,omitempty" json:"overtakes,omitzero"`

	// Planted failures.
	// a reader tells an old end at this answer (0)
	PlantedStaleEnd Option `yaml:"planted_stale_end,omitempty" json:"planted_stale_end,omitzero"`
	// of the toy (0)
	Bug Option `yaml:"bug,omitempty" json:"bug,omitzero"`
}

// Option is a whole number that a plan may leave out.
type Option struct {
	given bool
	value int64
}

// Set is an option with a value.
func Set(value int64) Option { return Option{true, value} }

// Given reports whether the plan says it.
func (s Option) Given() bool { return s.given }

// IsZero reports whether the plan leaves it out.
func (s Option) IsZero() bool { return !s.given }

// Or is the value, or what stands for it if the plan leaves it out.
func (s Option) Or(otherwise int64) int64 {
	if s.given {
		return s.value
	}
	return otherwise
}

// MarshalYAML implements yaml.Marshaler.
func (s Option) MarshalYAML() (any, error) { return s.value, nil }

// UnmarshalYAML implements yaml.Unmarshaler.
func (s *Option) UnmarshalYAML(node *yaml.Node) error {
	s.given = true
	return node.Decode(&s.value)
}

// MarshalJSON implements json.Marshaler.
func (s Option) MarshalJSON() ([]byte, error) { return strconv.AppendInt(nil, s.value, 10), nil }

// UnmarshalJSON implements json.Unmarshaler.
func (s *Option) UnmarshalJSON(text []byte) (err error) {
	s.given = true
	s.value, err = strconv.ParseInt(string(text), 10, 64)
	return err
}

// Names lists the options that are given, in their order.
func (s *Options) Names() (names []string) {
	for i, name := range optionNames {
		if s.at(i).given {
			names = append(names, name)
		}
	}
	return names
}

// Find returns an option by its name in plans.
func (s *Options) Find(name string) (*Option, error) {
	for i, known := range optionNames {
		if name == known {
			return s.at(i), nil
		}
	}
	return nil, fmt.Errorf("plan: no option %q", name)
}

func (s *Options) at(i int) *Option {
	return reflect.ValueOf(s).Elem().Field(i).Addr().Interface().(*Option)
}

// optionNames are the names in plans, by field.
var optionNames = func() (names []string) {
	t := reflect.TypeFor[Options]()
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		names = append(names, name)
	}
	return names
}()
