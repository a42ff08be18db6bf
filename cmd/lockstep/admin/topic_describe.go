package admin

import (
	"encoding/base64"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// describedTopic is a topic in the answer of topic describe.
type describedTopic struct {
	Name              string               `json:"name"`
	ID                string               `json:"id"`
	Internal          bool                 `json:"internal"`
	ReplicationFactor int                  `json:"replication_factor"`
	Configs           map[string]string    `json:"configs"` // those that are not defaults
	Partitions        []describedPartition `json:"partitions"`

	changed []config
}

// describedPartition is a partition in the answer of topic describe. An offset is nil if the
// leader did not tell it.
type describedPartition struct {
	Partition   int32   `json:"partition"`
	Leader      int32   `json:"leader"` // -1: none
	LeaderEpoch int32   `json:"leader_epoch"`
	Replicas    []int32 `json:"replicas"`
	ISR         []int32 `json:"isr"`
	Offline     []int32 `json:"offline_replicas"`
	Start       *int64  `json:"start_offset"`
	End         *int64  `json:"end_offset"`
	Error       string  `json:"error,omitempty"`
}

type topicDescription []describedTopic

func (d topicDescription) text(p *page) {
	for i, t := range d {
		if i > 0 {
			p.line("")
		}
		p.fields("topic", t.Name, "id", t.ID, "internal", t.Internal, "partitions",
			len(t.Partitions), "replication factor", t.ReplicationFactor)
		for _, c := range t.changed {
			p.line("config  %s=%s  (%s)", c.Key, cell(c.Value), c.Source)
		}
		p.line("")
		rows := make([][]any, len(t.Partitions))
		for i, q := range t.Partitions {
			leader := any(q.Leader)
			if q.Leader < 0 {
				leader = "none"
			}
			rows[i] = []any{q.Partition, leader, q.LeaderEpoch, q.Replicas, q.ISR, q.Offline,
				q.Start, q.End, q.Error}
		}
		p.table([]string{"PARTITION", "LEADER", "EPOCH", "REPLICAS", "ISR", "OFFLINE", "START",
			"END", "ERROR"}, rows)
	}
}

func topicDescribeCommand() *cobra.Command {
	return connected(&cobra.Command{
		Use:   "describe NAME...",
		Short: "Show the partitions of topics, and the configuration that is not default",
		Long: `Show the partitions of topics, and the configuration that is not default.

START and END are the first offset and the one after the last, as the leader tells them. REPLICAS
begins with the preferred leader.`,
		Example: `  lockstep topic describe orders
  lockstep topic describe orders payments --json`,
		Args: cobra.MinimumNArgs(1),
	}, (*session).describeTopics)
}

func (s *session) describeTopics(names []string) error {
	topics, err := s.topics(names...)
	if err != nil {
		return err
	}
	ctx, cancel := s.within()
	defer cancel()
	// A partition without a leader tells no offsets. Its row says so.
	starts, _ := s.admin.ListStartOffsets(ctx, names...)
	ends, _ := s.admin.ListEndOffsets(ctx, names...)
	answer := topicDescription{}
	for _, name := range names {
		t := topics[name]
		configs, err := s.configs(kmsg.ConfigResourceTypeTopic, name)
		if err != nil {
			return err
		}
		d := describedTopic{
			Name: t.Topic, ID: base64.RawURLEncoding.EncodeToString(t.ID[:]),
			Internal:          t.IsInternal,
			ReplicationFactor: t.Partitions.NumReplicas(),
			Configs:           map[string]string{}, Partitions: []describedPartition{},
		}
		for _, c := range configs {
			if c.source == kmsg.ConfigSourceDynamicTopicConfig {
				d.changed = append(d.changed, c)
				d.Configs[c.Key] = cell(c.Value)
			}
		}
		for _, p := range t.Partitions.Sorted() {
			d.Partitions = append(d.Partitions, describePartition(p, starts, ends))
		}
		answer = append(answer, d)
	}
	return s.print(answer)
}

func describePartition(
	p kadm.PartitionDetail, starts, ends kadm.ListedOffsets,
) describedPartition {
	d := describedPartition{
		Partition: p.Partition, Leader: p.Leader, LeaderEpoch: p.LeaderEpoch,
		Replicas: list(p.Replicas), ISR: list(p.ISR), Offline: list(p.OfflineReplicas),
	}
	problem := p.Err
	for _, o := range []struct {
		from kadm.ListedOffsets
		to   **int64
	}{{starts, &d.Start}, {ends, &d.End}} {
		listed, ok := o.from.Lookup(p.Topic, p.Partition)
		if ok && listed.Err == nil {
			*o.to = &listed.Offset
		} else if problem == nil {
			problem = listed.Err
		}
	}
	if problem != nil {
		d.Error = problem.Error()
	}
	return d
}
