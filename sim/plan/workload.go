package plan

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Workload is what the clients do.
type Workload struct {
	Kind    string `yaml:"kind" json:"kind"` // "kafka" or "toy"
	Clients int    `yaml:"clients,omitempty" json:"clients,omitempty"`
	// Every is the pause between two operations of a client.
	Every   Duration `yaml:"every,omitempty" json:"every,omitempty"`
	Options Options  `yaml:"options,omitempty" json:"options,omitzero"`
}

// Options are the options of the load, the brokers and the demands, in a plan. What a plan does not
// give has the value that stands behind "absent".
type Options struct {
	// The topics of the load.

	// Topics is the number of topics that the load produces to and reads; absent: 1.
	Topics Option `yaml:"topics,omitempty"`
	// Partitions is the number of partitions of each of these topics; absent: 1.
	Partitions Option `yaml:"partitions,omitempty"`
	// RF is the replication factor of topics; absent: 1.
	RF Option `yaml:"rf,omitempty"`
	// MinISR is the min.insync.replicas of topics; absent: 1.
	MinISR Option `yaml:"min_isr,omitempty"`

	// Unclean 1 gives topics unclean.leader.election.enable=true; 0 or absent: they have the
	// default, false.
	Unclean Option `yaml:"unclean,omitempty"`

	// The brokers.

	// Tight 1 makes the limits of the brokers so small that every overflow policy takes effect; 0
	// or absent: they have the limits of production.
	Tight Option `yaml:"tight,omitempty"`
	// RequestTimeoutMs is the request timeout of the brokers and of the clients, in milliseconds;
	// absent: 2000.
	RequestTimeoutMs Option `yaml:"request_timeout_ms,omitempty"`
	// WALSegmentBytes is the size of a segment of every WAL, in bytes; absent: 4 MiB.
	WALSegmentBytes Option `yaml:"wal_segment_bytes,omitempty"`
	// WALInFlight is how many groups of a shard's WAL may be on their way to the disk at the same
	// time; absent: 1.
	WALInFlight Option `yaml:"wal_in_flight,omitempty"`
	// LogSegmentBytes is the size of a segment of a partition, in bytes; other sizes of the log
	// become smaller with it. 0 or absent: all have the sizes of production.
	LogSegmentBytes Option `yaml:"log_segment_bytes,omitempty"`
	// OpenFiles is how many files the partitions of one shard may have open at the same time. The
	// disk refuses more. 0 or absent: the disk refuses none.
	OpenFiles Option `yaml:"open_files,omitempty"`
	// RaftCompactBytes is how many bytes of entries the Raft group of the metadata applies before
	// it makes a snapshot; absent: 64 MiB.
	RaftCompactBytes Option `yaml:"raft_compact_bytes,omitempty"`

	// RetentionMs is the retention.ms of the topics of the load, in milliseconds; the brokers look
	// for old records every half second. 0 or absent: they have the default, seven days.
	RetentionMs Option `yaml:"retention_ms,omitempty"`
	// RetentionBytes is the retention.bytes of the topics of the load, looked at as often. 0 or
	// absent: no bound.
	RetentionBytes Option `yaml:"retention_bytes,omitempty"`
	// SegmentMs is the segment.ms of the topics of the load, in milliseconds; 0 or absent: they
	// have the default, seven days.
	SegmentMs Option `yaml:"segment_ms,omitempty"`
	// DeleteRecordsUs is the pause between two DeleteRecords of an admin client, in microseconds; 0
	// or absent: there are none.
	DeleteRecordsUs Option `yaml:"delete_records_us,omitempty"`

	// ProducerIdleMs is the producer.id.expiration.ms of the brokers, in milliseconds; they look
	// for idle producers every second, and remember 64 in a partition. 0 or absent: all have the
	// values of production.
	ProducerIdleMs Option `yaml:"producer_idle_ms,omitempty"`

	// The clients.

	// AcksAll 1 makes every producer ask for acks=all; 0 or absent: each draws its acks.
	AcksAll Option `yaml:"acks_all,omitempty"`
	// ProduceTimeoutMs is the timeout that a produce request names, in milliseconds; 0 or absent:
	// each producer draws one from 400 to 2000.
	ProduceTimeoutMs Option `yaml:"produce_timeout_ms,omitempty"`
	// ProduceToChurn 1 makes the producers write also to the topics that come and go; 0 or absent:
	// they write only to the topics that stay.
	ProduceToChurn Option `yaml:"produce_to_churn,omitempty"`
	// OneAddress 1 makes each producer send all its produces to one broker, as if it knew no other;
	// 0 or absent: it sends them to the leaders.
	OneAddress Option `yaml:"one_address,omitempty"`
	// Misroute is how many of 100 produces go to a random broker; absent: each producer draws 0, 5,
	// 30 or 100.
	Misroute Option `yaml:"misroute,omitempty"`
	// BatchBytes is how many bytes of values a batch has; the brokers take batches twice as large,
	// and more. 0 or absent: each producer draws the size of its records, at most 2000.
	BatchBytes Option `yaml:"batch_bytes,omitempty"`
	// Groups is the number of groups that the members of groups are divided among; absent: 1.
	Groups Option `yaml:"groups,omitempty"`
	// OffsetsPartitions is the number of partitions with which an admin client creates
	// __consumer_offsets. Members of groups wait for it. 0 or absent: the brokers create it when a
	// member looks for its coordinator, as in production.
	OffsetsPartitions Option `yaml:"offsets_partitions,omitempty"`
	// Repeats is how many of 1000 acknowledged batches of idempotent producers are sent again; 0 or
	// absent: none.
	Repeats Option `yaml:"repeats,omitempty"`
	// ProducerBatches is how many batches an idempotent producer makes before it takes another
	// producer id; 0 or absent: it keeps its id.
	ProducerBatches Option `yaml:"producer_batches,omitempty"`
	// Vanish is how many of 1000 requests end in the middle, with their connection, and how many of
	// 1000 are sent whole before their connection ends at once; 0 or absent: none.
	Vanish Option `yaml:"vanish,omitempty"`
	// GreedyConns is how many connections a greedy client has at most; absent: 6.
	GreedyConns Option `yaml:"greedy_conns,omitempty"`
	// RefreshMs is the pause between two metadata requests of a client, in milliseconds; 0 or
	// absent: each pause is drawn, from 800 to 3000.
	RefreshMs Option `yaml:"refresh_ms,omitempty"`
	// ChurnUs is the pause of an admin client between two creations or deletions of topics that
	// come and go, in microseconds; 0 or absent: there are no such topics.
	ChurnUs Option `yaml:"churn_us,omitempty"`
	// AlterUs is the pause of an admin client between two changes of configurations, in
	// microseconds: min.insync.replicas of a topic or of the cluster, from 1 to MinISR, and a key
	// of the topics that come and go. 0 or absent: none changes.
	AlterUs Option `yaml:"alter_us,omitempty"`
	// BalanceS is leader.imbalance.check.interval.seconds of the brokers. At the end every
	// partition must be led by its preferred replica. 0 or absent: 300 seconds, and no such demand.
	BalanceS Option `yaml:"balance_s,omitempty"`
	// ElectUs is the pause of an admin client between two requests for preferred elections of all
	// partitions, in microseconds; 0 or absent: there are none.
	ElectUs Option `yaml:"elect_us,omitempty"`
	// CreateTogether 1 creates all topics of the load with one request; 0 or absent: each has a
	// request of its own.
	CreateTogether Option `yaml:"create_together,omitempty"`
	// Burst is how many further topics one request creates as soon as the topics of the load exist;
	// 0 or absent: none.
	Burst Option `yaml:"burst,omitempty"`
	// Bulk is how many further topics with settings as long as they may be are created, a few with
	// each request, as soon as the topics of the load exist: each adds 10 KB to the metadata. 0 or
	// absent: none.
	Bulk Option `yaml:"bulk,omitempty"`
	// BarrierMs is the pause between two reads of the metadata behind barriers, in milliseconds; 0
	// or absent: there are no such reads.
	BarrierMs Option `yaml:"barrier_ms,omitempty"`

	// A part of the run can have little load, so that hours can be simulated.

	// SlowFromMs is when that part begins, in milliseconds from the beginning of the run; absent:
	// there is no such part.
	SlowFromMs Option `yaml:"slow_from_ms,omitempty"`
	// SlowUntilMs is when that part ends, in milliseconds from the beginning of the run; absent:
	// there is no such part.
	SlowUntilMs Option `yaml:"slow_until_ms,omitempty"`
	// AutoJoin is 1 if nodes take the votes of their lost directories themselves; 0 or absent: they
	// do not.
	AutoJoin Option `yaml:"auto_join,omitempty"`
	// ReplaceMs is the interval at which an operator gives votes to directories that have joined,
	// in milliseconds; 0 or absent: nobody does.
	ReplaceMs Option `yaml:"replace_ms,omitempty"`
	// SlowEveryMs is the pause between two operations of a client in that part, in milliseconds;
	// absent: 5000.
	SlowEveryMs Option `yaml:"slow_every_ms,omitempty"`

	// What is demanded besides safety.

	// MinAcks is how many produces must be acknowledged at least; absent: 1. With 0, properties may
	// also find nothing to judge.
	MinAcks Option `yaml:"min_acks,omitempty"`
	// AckPauseMs is how long a partition may go without an acknowledgement while produces fail, in
	// milliseconds, whatever the faults are; 0 or absent: the plan sets no such bound.
	AckPauseMs Option `yaml:"ack_pause_ms,omitempty"`
	// AckPauseControllerMs is added to AckPauseMs if a term of a controller began in the pause, in
	// milliseconds; 0 or absent: nothing is added.
	AckPauseControllerMs Option `yaml:"ack_pause_controller_ms,omitempty"`
	// CreateMs is how long the creation or deletion of a topic may take, in milliseconds; 0 or
	// absent: any time.
	CreateMs Option `yaml:"create_ms,omitempty"`
	// OperatorMs is how long the control loop of a broker may leave a question of its operator
	// unanswered, in milliseconds; 0 or absent: nothing is asked.
	OperatorMs Option `yaml:"operator_ms,omitempty"`
	// Overtakes is how many produces of other clients may overtake one produce to the same
	// partition through the same broker; 0 or absent: any number.
	Overtakes Option `yaml:"overtakes,omitempty"`

	// NoShortage 1: no produce may be answered NOT_ENOUGH_REPLICAS or
	// NOT_ENOUGH_REPLICAS_AFTER_APPEND; 0 or absent: any may.
	NoShortage Option `yaml:"no_shortage,omitempty"`
	// NoFences 1: no broker may be fenced; 0 or absent: any may.
	NoFences Option `yaml:"no_fences,omitempty"`

	// Planted failures.

	// PlantedStaleEnd makes one reader report a log end that it saw eight answers before, not
	// before its answer of this number for a partition; 0 or absent: none does.
	PlantedStaleEnd Option `yaml:"planted_stale_end,omitempty"`
	// Bug is the planted bug of the toy, by its number in package toy; 0 or absent: none.
	Bug Option `yaml:"bug,omitempty"`
}

// Option is a whole number that a plan may leave out.
type Option struct {
	given bool
	value int64
}

// Set is an option with a value.
func Set(value int64) Option { return Option{true, value} }

// Given reports whether the plan gives it.
func (s Option) Given() bool { return s.given }

// IsZero reports whether the plan leaves it out.
func (s Option) IsZero() bool { return !s.given }

// Or is the value, or otherwise if the plan leaves it out.
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

// MarshalJSON implements json.Marshaler, with the names that YAML has.
func (s Options) MarshalJSON() ([]byte, error) {
	given := map[string]int64{}
	for i, name := range optionNames {
		if o := s.at(i); o.given {
			given[name] = o.value
		}
	}
	return json.Marshal(given)
}

// UnmarshalJSON implements json.Unmarshaler.
func (s *Options) UnmarshalJSON(text []byte) error {
	*s = Options{}
	given := map[string]int64{}
	if err := json.Unmarshal(text, &given); err != nil {
		return err
	}
	for name, value := range given {
		o, err := s.Find(name)
		if err != nil {
			return err
		}
		*o = Set(value)
	}
	return nil
}

// Names lists the options that are given, in the order of their fields.
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

// optionNames are the names in plans, in the order of the fields of Options.
var optionNames = func() (names []string) {
	t := reflect.TypeFor[Options]()
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		names = append(names, name)
	}
	return names
}()
