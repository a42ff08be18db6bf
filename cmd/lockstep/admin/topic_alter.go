package admin

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// topicAlteration has the flags of topic alter.
type topicAlteration struct {
	partitions  int
	set, delete []string
	dryRun      bool
}

func topicAlterCommand() *cobra.Command {
	var o topicAlteration
	c := connected(&cobra.Command{
		Use:   "alter NAME...",
		Short: "Add partitions to topics, and change their configurations",
		Long: `Add partitions to topics, and change their configurations.

The number of partitions can only grow. Records stay where they are, so records with one key may
be in two partitions from then on.`,
		Example: `  lockstep topic alter orders --partitions 24
  lockstep topic alter orders --set retention.ms=86400000 --delete segment.bytes
  lockstep topic alter orders --set retention.ms=-1 --dry-run`,
		Args: cobra.MinimumNArgs(1),
	}, o.alter)
	f := c.Flags()
	f.IntVarP(&o.partitions, "partitions", "p", 0, "the new number of partitions")
	f.StringArrayVar(&o.set, "set", nil, "key=value to set; may be given several times")
	f.StringArrayVar(&o.delete, "delete", nil,
		"key that gets its default again; may be given several times")
	f.BoolVar(&o.dryRun, "dry-run", false, "let the brokers check it, and change nothing")
	return c
}

func (o *topicAlteration) alter(s *session, names []string) error {
	changes, err := configChanges(o.set, o.delete)
	if err != nil {
		return err
	}
	if o.partitions == 0 && len(changes) == 0 {
		return errors.New("nothing to alter: give --partitions, --set or --delete")
	}
	if _, err := s.topics(names...); err != nil {
		return err
	}
	topics := outcomes{kind: "topic"}
	if len(changes) > 0 {
		err := s.alterConfigs(kmsg.ConfigResourceTypeTopic, names, changes, o.dryRun, &topics)
		if err != nil {
			return err
		}
	}
	if o.partitions != 0 {
		if err := o.addPartitions(s, names, &topics); err != nil {
			return errors.Join(s.finish(&topics), err)
		}
	}
	return s.finish(&topics)
}

func (o *topicAlteration) addPartitions(s *session, names []string, topics *outcomes) error {
	ctx, cancel := s.within()
	defer cancel()
	update, done := s.admin.UpdatePartitions, "has %d partitions"
	if o.dryRun {
		update, done = s.admin.ValidateUpdatePartitions, "could have %d partitions"
	}
	answers, err := update(ctx, o.partitions, names...)
	if err != nil {
		return problem("add partitions", err, "")
	}
	for _, name := range names {
		a, ok := answers[name]
		if !ok {
			a.Err = kerr.UnknownTopicOrPartition
		}
		topics.add(name, fmt.Sprintf(done, o.partitions), a.Err, a.ErrMessage)
	}
	return nil
}
