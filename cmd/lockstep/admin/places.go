package admin

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
)

// place is the first offset of a partition, and the one after its last.
type place struct{ start, end int64 }

// places finds the ends of all partitions of the topics.
func (s *session) places(
	ctx context.Context, topics []string,
) (map[string]map[int32]place, error) {
	starts, err := s.admin.ListStartOffsets(ctx, topics...)
	if err != nil {
		return nil, problem("list start offsets", err, "")
	}
	ends, err := s.admin.ListEndOffsets(ctx, topics...)
	if err != nil {
		return nil, problem("list end offsets", err, "")
	}
	if err := errors.Join(listed(starts), listed(ends)); err != nil {
		return nil, err
	}
	places := map[string]map[int32]place{}
	ends.Each(func(o kadm.ListedOffset) {
		if places[o.Topic] == nil {
			places[o.Topic] = map[int32]place{}
		}
		places[o.Topic][o.Partition] = place{starts[o.Topic][o.Partition].Offset, o.Offset}
	})
	return places, nil
}

// listed is the error of the first partition that has told no offset.
func listed(offsets kadm.ListedOffsets) error {
	var failed error
	offsets.Each(func(o kadm.ListedOffset) {
		if o.Err != nil && failed == nil {
			failed = problem(fmt.Sprintf("topic %s partition %d", o.Topic, o.Partition), o.Err, "")
		}
	})
	return failed
}

// resolve finds the offset of a position in each partition, within what the partition has.
func (s *session) resolve(
	ctx context.Context, p position, places map[string]map[int32]place,
) (map[string]map[int32]int64, error) {
	var after kadm.ListedOffsets
	if p.from == fromTime {
		var topics []string
		for topic := range places {
			topics = append(topics, topic)
		}
		var err error
		if after, err = s.admin.ListOffsetsAfterMilli(ctx, p.value, topics...); err != nil {
			return nil, problem("list offsets by time", err, "")
		}
		if err := listed(after); err != nil {
			return nil, err
		}
	}
	offsets := map[string]map[int32]int64{}
	for topic, partitions := range places {
		offsets[topic] = map[int32]int64{}
		for n, at := range partitions {
			var to int64
			switch p.from {
			case fromStart:
				to = at.start
			case fromEnd:
				to = at.end - p.value
			case fromOffset:
				to = p.value
			case fromTime:
				if to = after[topic][n].Offset; to < 0 { // nothing is as new
					to = at.end
				}
			}
			offsets[topic][n] = min(max(to, at.start), at.end)
		}
	}
	return offsets, nil
}
