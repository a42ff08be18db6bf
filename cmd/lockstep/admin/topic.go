package admin

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// TopicCommand has what an operator does with topics.
func TopicCommand() *cobra.Command {
	c := &cobra.Command{Use: "topic", Short: "Create, list, describe, alter and delete topics"}
	c.AddCommand(topicCreateCommand(), topicListCommand(), topicDescribeCommand(),
		topicAlterCommand(), topicDeleteCommand())
	return c
}

// topicCreation has the flags of topic create.
type topicCreation struct {
	partitions  int32
	replication int16
	configs     []string
	ifNotExists bool
	dryRun      bool
}

func topicCreateCommand() *cobra.Command {
	var o topicCreation
	c := connected(&cobra.Command{
		Use:   "create NAME...",
		Short: "Create topics",
		Example: `  lockstep topic create orders --partitions 12 --replication-factor 3
  lockstep topic create changes --config cleanup.policy=compact --if-not-exists
  lockstep topic create a b c --dry-run`,
		Args: cobra.MinimumNArgs(1),
	}, o.create)
	f := c.Flags()
	f.Int32VarP(&o.partitions, "partitions", "p", -1,
		"number of partitions (-1: num.partitions of the brokers)")
	f.Int16VarP(&o.replication, "replication-factor", "r", -1,
		"replicas of each partition (-1: default.replication.factor of the brokers)")
	f.StringArrayVarP(&o.configs, "config", "c", nil,
		"key=value for the topics; may be given several times")
	f.BoolVar(&o.ifNotExists, "if-not-exists", false, "succeed if a topic exists")
	f.BoolVar(&o.dryRun, "dry-run", false, "let the brokers check it, and create nothing")
	return c
}

func (o *topicCreation) create(s *session, names []string) error {
	configs := map[string]*string{}
	for _, text := range o.configs {
		key, value, ok := strings.Cut(text, "=")
		if !ok || key == "" {
			return fmt.Errorf("--config %s: want key=value", text)
		}
		configs[key] = &value
	}
	ctx, cancel := s.within()
	defer cancel()
	create, done := s.admin.CreateTopics, "created"
	if o.dryRun {
		create, done = s.admin.ValidateCreateTopics, "could be created"
	}
	answers, err := create(ctx, o.partitions, o.replication, configs, names...)
	if err != nil {
		return problem("create topics", err, "")
	}
	topics := outcomes{kind: "topic"}
	for _, name := range names {
		a, err := answers.On(name, nil)
		switch err = cmp.Or(err, a.Err); {
		case o.ifNotExists && errors.Is(err, kerr.TopicAlreadyExists):
			topics.add(name, "exists", nil, "")
		case err == nil && a.NumPartitions > 0:
			topics.add(name, fmt.Sprintf("%s with %d partitions and replication factor %d", done,
				a.NumPartitions, a.ReplicationFactor), nil, "")
		default:
			topics.add(name, done, err, a.ErrMessage)
		}
	}
	return s.finish(&topics)
}

// listedTopic is a topic in the answer of topic list.
type listedTopic struct {
	Name              string `json:"name"`
	Partitions        int    `json:"partitions"`
	ReplicationFactor int    `json:"replication_factor"`
	Internal          bool   `json:"internal"`
}

type topicList []listedTopic

func (l topicList) text(p *page) {
	rows := make([][]any, len(l))
	for i, t := range l {
		rows[i] = []any{t.Name, t.Partitions, t.ReplicationFactor}
	}
	p.table([]string{"TOPIC", "PARTITIONS", "REPLICATION-FACTOR"}, rows)
}

func topicListCommand() *cobra.Command {
	var internal bool
	c := connected(&cobra.Command{
		Use:   "list [REGEXP]",
		Short: "List topics: all, or those that match an expression",
		Example: `  lockstep topic list
  lockstep topic list '^orders' --json
  lockstep topic list --internal`,
		Args: cobra.MaximumNArgs(1),
	}, func(s *session, args []string) error { return s.listTopics(args, internal) })
	c.Flags().BoolVar(&internal, "internal", false, "list internal topics, too")
	return c
}

func (s *session) listTopics(args []string, internal bool) error {
	matching, err := regexp.Compile(strings.Join(args, ""))
	if err != nil {
		return err
	}
	topics, err := s.topics()
	if err != nil {
		return err
	}
	list := topicList{}
	for _, t := range topics.Sorted() {
		if matching.MatchString(t.Topic) && (internal || !t.IsInternal) {
			list = append(list, listedTopic{t.Topic, len(t.Partitions),
				t.Partitions.NumReplicas(), t.IsInternal})
		}
	}
	return s.print(list)
}

// topics are the topics with these names: it is an error if one does not exist. Without names it
// is all topics.
func (s *session) topics(names ...string) (kadm.TopicDetails, error) {
	ctx, cancel := s.within()
	defer cancel()
	topics, err := s.admin.ListTopicsWithInternal(ctx, names...)
	if err != nil {
		return nil, problem("list topics", err, "")
	}
	var missing []error
	for _, name := range names {
		missing = append(missing, problem("topic "+name, topics[name].Err, ""))
	}
	return topics, errors.Join(missing...)
}

func topicDeleteCommand() *cobra.Command {
	var ifExists bool
	c := connected(&cobra.Command{
		Use:   "delete NAME...",
		Short: "Delete topics with all their records",
		Example: `  lockstep topic delete orders
  lockstep topic delete a b c --if-exists`,
		Args: cobra.MinimumNArgs(1),
	}, func(s *session, names []string) error { return s.deleteTopics(names, ifExists) })
	c.Flags().BoolVar(&ifExists, "if-exists", false, "succeed if a topic does not exist")
	return c
}

func (s *session) deleteTopics(names []string, ifExists bool) error {
	ctx, cancel := s.within()
	defer cancel()
	answers, err := s.admin.DeleteTopics(ctx, names...)
	if err != nil {
		return problem("delete topics", err, "")
	}
	topics := outcomes{kind: "topic"}
	for _, name := range slices.Compact(names) {
		a, err := answers.On(name, nil)
		err = cmp.Or(err, a.Err)
		if ifExists && errors.Is(err, kerr.UnknownTopicOrPartition) {
			topics.add(name, "does not exist", nil, "")
			continue
		}
		topics.add(name, "deleted", err, a.ErrMessage)
	}
	return s.finish(&topics)
}
