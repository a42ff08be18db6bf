package admin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// consumption has the flags of consume.
type consumption struct {
	connection
	format     string
	offset     string
	num        int
	group      string
	partitions []int32
	untilEnd   bool
	committed  bool

	from  position
	print func(b []byte, r *kgo.Record) []byte
}

func consumeCommand() *cobra.Command {
	var o consumption
	c := &cobra.Command{
		Use:   "consume TOPIC...",
		Short: "Print the records of topics",
		Long: `Print the records of topics, until Ctrl-C, --num or --exit.

With --group it takes part in a consumer group: it gets some of the partitions, begins where the
group has committed (--offset says where to begin in the others), and commits what it has printed.

` + formatHelp,
		Example: `  lockstep consume orders --offset end
  lockstep consume orders --exit -f '%T %p/%o %k=%v\n'
  lockstep consume orders --partition 3 --offset @-1h --num 10 --json
  lockstep consume orders payments --group billing`,
		Args: withUsage(cobra.MinimumNArgs(1)),
		RunE: func(c *cobra.Command, topics []string) error {
			opts, err := o.options(topics)
			if err != nil {
				return err
			}
			return o.with(c, func(s *session) error { return o.run(s, topics) }, opts...)
		},
	}
	o.flags(c, usualTimeout)
	f := c.Flags()
	f.BoolVar(&o.json, "json", false, "print a line of JSON for each record")
	f.StringVarP(&o.format, "format", "f", `%v\n`, "what to print of each record")
	f.StringVarP(&o.offset, "offset", "o", "start", "where to begin: "+positionHelp)
	f.IntVarP(&o.num, "num", "n", 0, "end after this many records (0: do not)")
	f.StringVarP(&o.group, "group", "g", "", "consumer group to take part in")
	f.Int32SliceVarP(&o.partitions, "partition", "p", nil, "partitions (default: all)")
	f.BoolVarP(&o.untilEnd, "exit", "e", false,
		"end at the offsets at which the partitions end now")
	f.BoolVar(&o.committed, "read-committed", false,
		"leave out records of transactions that are open or aborted")
	c.MarkFlagsMutuallyExclusive("group", "partition")
	c.MarkFlagsMutuallyExclusive("group", "exit")
	c.MarkFlagsMutuallyExclusive("format", "json")
	return c
}

func (o *consumption) options(topics []string) ([]kgo.Opt, error) {
	var err error
	if o.from, err = parsePosition(o.offset, time.Now()); err != nil {
		return nil, fmt.Errorf("--offset: %w", err)
	}
	if o.num < 0 {
		return nil, errors.New("--num must not be negative")
	}
	format, err := parseFormat(o.format)
	if err != nil {
		return nil, err
	}
	if o.print = format.append; o.json {
		o.print = jsonFormat
	}
	// Control records are not printed. They tell that a partition was read to its end.
	opts := []kgo.Opt{kgo.KeepControlRecords()}
	if o.committed {
		opts = append(opts, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	}
	if o.group != "" {
		return append(opts, kgo.ConsumerGroup(o.group), kgo.ConsumeTopics(topics...),
			kgo.ConsumeResetOffset(o.from.offset()), kgo.AutoCommitMarks()), nil
	}
	if o.from.from == fromOffset { // the offset is what was asked for, and no other
		opts = append(opts, kgo.ConsumeResetOffset(kgo.NoResetOffset()))
	}
	return opts, nil
}

// run prints records until it is interrupted or has all it wants.
func (o *consumption) run(s *session, topics []string) error {
	details, err := s.topics(topics...)
	if err != nil {
		return err
	}
	left := &remaining{num: o.num}
	if o.group == "" {
		if err := o.begin(s, details, left); err != nil {
			return err
		}
	}
	printed := 0
	for !left.done() {
		n, err := o.poll(s, left)
		printed += n
		if err != nil && s.ctx.Err() == nil {
			return err
		}
		if s.ctx.Err() != nil {
			break
		}
	}
	fmt.Fprintf(s.progress, "%d records\n", printed)
	if o.group == "" {
		return nil
	}
	// The interrupt has ended s.ctx. What was printed is committed all the same.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), s.timeout)
	defer cancel()
	return problem("group "+o.group+": commit", s.client.CommitMarkedOffsets(ctx), "")
}

// begin adds the partitions to the client.
func (o *consumption) begin(s *session, details kadm.TopicDetails, left *remaining) error {
	start := map[string]map[int32]kgo.Offset{}
	for _, t := range details.Sorted() {
		wanted := o.partitions
		if wanted == nil {
			wanted = t.Partitions.Numbers()
		}
		start[t.Topic] = map[int32]kgo.Offset{}
		for _, p := range wanted {
			if _, ok := t.Partitions[p]; !ok {
				return fmt.Errorf("topic %s has no partition %d: it has %d, from 0 on", t.Topic,
					p, len(t.Partitions))
			}
			start[t.Topic][p] = o.from.offset()
		}
	}
	if o.untilEnd {
		if err := o.findEnds(s, start, left); err != nil {
			return err
		}
	}
	s.client.AddConsumePartitions(start)
	return nil
}

// findEnds finds where each partition ends, and takes those out that end before they begin.
func (o *consumption) findEnds(
	s *session, start map[string]map[int32]kgo.Offset, left *remaining,
) error {
	ctx, cancel := s.within()
	defer cancel()
	var names []string
	for name := range start {
		names = append(names, name)
	}
	places, err := s.places(ctx, names)
	if err != nil {
		return err
	}
	begin, err := s.resolve(ctx, o.from, places)
	if err != nil {
		return err
	}
	left.ends = map[string]map[int32]int64{}
	for name, partitions := range start {
		left.ends[name] = map[int32]int64{}
		for p := range partitions {
			if end := places[name][p].end; begin[name][p] < end {
				left.ends[name][p] = end
			} else {
				delete(partitions, p)
			}
		}
	}
	return nil
}

// poll prints what has come, and says how many records it was.
func (o *consumption) poll(s *session, left *remaining) (printed int, err error) {
	ctx := s.ctx
	if left.ends != nil { // then there are records, unless the tail of the log was compacted
		var cancel context.CancelFunc
		ctx, cancel = s.within()
		defer cancel()
	}
	fetches := s.client.PollRecords(ctx, left.most())
	var out []byte
	var taken []*kgo.Record
	fetches.EachRecord(func(r *kgo.Record) {
		if left.take(r) && !r.Attrs.IsControl() {
			out = o.print(out, r)
			printed++
		}
		taken = append(taken, r)
	})
	if _, err := s.out.Write(out); err != nil {
		return printed, fmt.Errorf("print records: %w", err)
	}
	s.client.MarkCommitRecords(taken...)
	var failed error
	fetches.EachError(func(topic string, partition int32, err error) {
		subject := fmt.Sprintf("topic %s partition %d", topic, partition)
		if topic == "" {
			subject = "consume"
		}
		if errors.Is(err, context.DeadlineExceeded) && left.ends != nil {
			err = fmt.Errorf("no record came within --timeout, and %s", left.missing())
		}
		failed = errors.Join(failed, problem(subject, err, ""))
	})
	return printed, failed
}

// remaining is what is still to be printed.
type remaining struct {
	num  int                        // 0: no bound
	ends map[string]map[int32]int64 // nil: no bound
	over bool
}

// most bounds a poll, so that a group commits nothing that is not printed.
func (l *remaining) most() int { return max(l.num, 0) }

func (l *remaining) done() bool {
	if l.ends != nil {
		for _, partitions := range l.ends {
			if len(partitions) > 0 {
				return l.over
			}
		}
		return true
	}
	return l.over
}

// take says whether to print the record, and counts it.
func (l *remaining) take(r *kgo.Record) bool {
	if l.over {
		return false
	}
	if l.ends != nil {
		end, ok := l.ends[r.Topic][r.Partition]
		if ok && r.Offset+1 >= end {
			delete(l.ends[r.Topic], r.Partition)
		}
		if !ok || r.Offset >= end {
			return false
		}
	}
	if l.num > 0 && !r.Attrs.IsControl() {
		l.num--
		l.over = l.num == 0
	}
	return true
}

// missing names a partition that was not read to its end.
func (l *remaining) missing() string {
	for topic, partitions := range l.ends {
		for p, end := range partitions {
			return fmt.Sprintf("topic %s partition %d was not read to its end, %d", topic, p, end)
		}
	}
	return "all partitions were read to their ends"
}
