package admin

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// offsetReset has the flags of group reset-offsets.
type offsetReset struct {
	topics []string
	to     string
	shift  int64
	dryRun bool
}

func groupResetCommand() *cobra.Command {
	var o offsetReset
	c := connected(&cobra.Command{
		Use:   "reset-offsets GROUP",
		Short: "Set the committed offsets of a group without members",
		Long: `Set the committed offsets of a group without members. Its consumers begin there when
they start again. A group that does not exist is created.

--to takes ` + positionHelp + `.
Offsets stay within what the partition has.`,
		Example: `  lockstep group reset-offsets billing --to start --dry-run
  lockstep group reset-offsets billing --topic orders --to @2026-01-31T08:00:00Z
  lockstep group reset-offsets billing --topic orders:0,1 --shift -100`,
		Args: cobra.ExactArgs(1),
	}, func(s *session, args []string) error { return o.reset(s, args[0]) })
	f := c.Flags()
	f.StringArrayVar(&o.topics, "topic", nil, "topic, or topic:partition,partition; may be "+
		"given several times (default: all that the group has committed)")
	f.StringVar(&o.to, "to", "", "the new position")
	f.Int64Var(&o.shift, "shift", 0, "number of records to go on, or if negative back")
	f.BoolVar(&o.dryRun, "dry-run", false, "print the new offsets, and set none")
	c.MarkFlagsMutuallyExclusive("to", "shift")
	c.MarkFlagsOneRequired("to", "shift")
	return c
}

// resetPartition is a partition in the answer of group reset-offsets.
type resetPartition struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Before    *int64 `json:"before"` // nil: nothing was committed
	Offset    int64  `json:"offset"`
	Error     string `json:"error,omitempty"`
}

type resetAnswer []resetPartition

func (a resetAnswer) text(p *page) {
	rows := make([][]any, len(a))
	for i, r := range a {
		rows[i] = []any{r.Topic, r.Partition, r.Before, r.Offset, r.Error}
	}
	p.table([]string{"TOPIC", "PARTITION", "BEFORE", "OFFSET", "ERROR"}, rows)
}

func (o *offsetReset) reset(s *session, group string) error {
	wanted, err := parseTopicPartitions(o.topics)
	if err != nil {
		return err
	}
	ctx, cancel := s.within()
	defer cancel()
	committed, err := s.admin.FetchOffsets(ctx, group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return problem("group "+group, err, "")
	}
	if len(wanted) == 0 {
		wanted = map[string][]int32{}
		committed.Each(func(r kadm.OffsetResponse) {
			wanted[r.Topic] = append(wanted[r.Topic], r.Partition)
		})
	}
	if len(wanted) == 0 {
		return fmt.Errorf("group %s has committed nothing: give --topic", group)
	}
	topics := slices.Sorted(maps.Keys(wanted))
	if _, err := s.topics(topics...); err != nil {
		return err
	}
	places, err := s.places(ctx, topics)
	if err != nil {
		return err
	}
	var to map[string]map[int32]int64
	if o.to != "" {
		p, err := parsePosition(o.to, time.Now())
		if err != nil {
			return fmt.Errorf("--to: %w", err)
		}
		if to, err = s.resolve(ctx, p, places); err != nil {
			return err
		}
	}
	answer, err := o.plan(wanted, committed, places, to)
	if err != nil {
		return err
	}
	return s.commitReset(group, answer, o.dryRun)
}

// plan says what to commit for each partition. Without a position it shifts what is committed.
func (o *offsetReset) plan(
	wanted map[string][]int32, committed kadm.OffsetResponses,
	places map[string]map[int32]place, to map[string]map[int32]int64,
) (resetAnswer, error) {
	answer := resetAnswer{}
	for _, topic := range slices.Sorted(maps.Keys(wanted)) {
		partitions := wanted[topic]
		if partitions == nil {
			partitions = slices.Collect(maps.Keys(places[topic]))
		}
		slices.Sort(partitions)
		for _, n := range partitions {
			at, ok := places[topic][n]
			if !ok {
				return nil, fmt.Errorf("topic %s has no partition %d: it has %d, from 0 on",
					topic, n, len(places[topic]))
			}
			r := resetPartition{Topic: topic, Partition: n}
			if c, ok := committed.Lookup(topic, n); ok && c.At >= 0 {
				r.Before = &c.At
			}
			switch {
			case to != nil:
				r.Offset = to[topic][n]
			case r.Before == nil:
				return nil, fmt.Errorf("topic %s partition %d: nothing is committed that could "+
					"be shifted; use --to", topic, n)
			default:
				r.Offset = min(max(*r.Before+o.shift, at.start), at.end)
			}
			answer = append(answer, r)
		}
	}
	return answer, nil
}

// commitReset commits the offsets, unless it is a dry run, and prints them.
func (s *session) commitReset(group string, answer resetAnswer, dryRun bool) error {
	var failed error
	if !dryRun {
		ctx, cancel := s.within()
		defer cancel()
		offsets := kadm.Offsets{}
		for _, r := range answer {
			offsets.Add(kadm.Offset{Topic: r.Topic, Partition: r.Partition, At: r.Offset,
				LeaderEpoch: -1})
		}
		committed, err := s.admin.CommitOffsets(ctx, group, offsets)
		if err != nil {
			return problem("group "+group, err, "")
		}
		for i := range answer {
			c, ok := committed.Lookup(answer[i].Topic, answer[i].Partition)
			if err := c.Err; err != nil || !ok {
				err = cmp.Or(err, error(kerr.UnknownServerError))
				answer[i].Error = err.Error()
				if failed == nil {
					failed = problem("group "+group, err, "")
				}
			}
		}
	}
	return errors.Join(s.print(answer), failed)
}

// parseTopicPartitions reads topic and topic:0,1. A topic without partitions has nil.
func parseTopicPartitions(texts []string) (map[string][]int32, error) {
	wanted := map[string][]int32{}
	for _, text := range texts {
		topic, numbers, some := strings.Cut(text, ":")
		if !some {
			wanted[topic] = nil
			continue
		}
		for number := range strings.SplitSeq(numbers, ",") {
			n, err := strconv.ParseInt(number, 10, 32)
			if err != nil || n < 0 {
				return nil, fmt.Errorf("--topic %s: want topic:partition,partition", text)
			}
			wanted[topic] = append(wanted[topic], int32(n))
		}
	}
	return wanted, nil
}
