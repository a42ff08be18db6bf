package client

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/checker"
)

// commitTime is how long a commit may take (offsets.commit.timeout.ms).
const commitTime = 5 * time.Second

// commit commits new positions in all that the member owns, and calls then if that worked.
func (s *member) commit(now env.Time, then func(env.Time)) {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Version, req.Group, req.MemberID, req.InstanceID = s.versions.commit, s.group, s.id,
		s.instance
	req.Generation, req.RetentionTimeMillis = s.generation, -1
	for _, p := range s.owned {
		p.next += s.c.rand.Between(1, 5)
		part := kmsg.NewOffsetCommitRequestTopicPartition()
		part.Partition, part.Offset, part.LeaderEpoch = p.index, p.next, -1
		req.Topics = append(req.Topics, kmsg.OffsetCommitRequestTopic{Topic: p.topic,
			TopicID: p.id, Partitions: []kmsg.OffsetCommitRequestTopicPartition{part}})
	}
	s.busy = true
	commits := &commitRecord{s: s, first: -1, owned: s.owned, generation: s.generation}
	s.record(now, s.coordinator, req, commitTime, commits.began, commits.ended,
		func(now env.Time, resp kmsg.Response) {
			s.busy = false
			switch {
			case resp == nil:
				s.lost(now)
			case commits.code != 0:
				s.refused(now, commits.code)
			default:
				then(now)
			}
		})
}

// commitRecord is a commit in the history: an entry for each partition.
type commitRecord struct {
	s          *member
	first      int // in History.Commits
	owned      []*position
	generation int32
	code       int16 // of the answer: one of those that are errors
}

func (r *commitRecord) began() {
	rec := r.s.c.load.Rec
	r.first = len(rec.History.Commits)
	call := rec.Moment()
	for _, p := range r.owned {
		rec.History.Commits = append(rec.History.Commits, checker.OffsetCommit{
			ID: rec.ID(), Client: r.s.c.Number, Group: r.s.group, Member: r.s.id,
			Generation: r.generation, Call: call, Return: checker.Never,
			Partition: p.partition(), Offset: checker.Offset(p.next), Outcome: checker.Ambiguous,
		})
	}
}

func (r *commitRecord) ended(resp kmsg.Response) {
	answer, ok := resp.(*kmsg.OffsetCommitResponse)
	if !ok || r.first < 0 {
		return
	}
	rec := r.s.c.load.Rec
	ret := rec.Moment()
	for i, t := range answer.Topics {
		c := &rec.History.Commits[r.first+i]
		c.Return, c.Code = ret, t.Partitions[0].ErrorCode
		c.Outcome = checker.ClassifyCommit(c.Code)
		if c.Code != 0 {
			r.code = c.Code
		}
	}
}

// read asks what is committed for all that the member owns. It begins there.
func (s *member) read(now env.Time) {
	s.busy = true
	rec, owned := s.c.load.Rec, s.owned
	var call checker.Moment
	s.record(now, s.coordinator, s.fetchRequest(), s.c.load.RequestTimeout,
		func() { call = rec.Moment() }, func(kmsg.Response) {},
		func(now env.Time, resp kmsg.Response) {
			s.busy = false
			r, ok := resp.(*kmsg.OffsetFetchResponse)
			if !ok {
				s.lost(now)
				return
			}
			offsets, code := committedOffsets(r)
			ret := rec.Moment()
			for i, p := range owned {
				if code != 0 || i >= len(offsets) {
					break
				}
				rec.History.CommittedReads = append(rec.History.CommittedReads, checker.OffsetRead{
					ID: rec.ID(), Client: s.c.Number, Group: s.group, Call: call, Return: ret,
					Partition: p.partition(), Offset: checker.Offset(offsets[i]),
				})
				if !p.known {
					p.next, p.known = max(offsets[i], 0), true
				}
			}
			if code != 0 {
				s.lost(now)
			}
		})
}

// fetchRequest names each partition that the member owns as a topic of its own.
func (s *member) fetchRequest() *kmsg.OffsetFetchRequest {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Version, req.Group = s.versions.fetch, s.group
	group := kmsg.NewOffsetFetchRequestGroup()
	group.Group = s.group
	for _, p := range s.owned {
		req.Topics = append(req.Topics, kmsg.OffsetFetchRequestTopic{Topic: p.topic,
			Partitions: []int32{p.index}})
		group.Topics = append(group.Topics, kmsg.OffsetFetchRequestGroupTopic{Topic: p.topic,
			TopicID: p.id, Partitions: []int32{p.index}})
	}
	req.Groups = append(req.Groups, group)
	return req
}

// committedOffsets are the offsets of an answer, in the order of the request, or an error.
func committedOffsets(r *kmsg.OffsetFetchResponse) (offsets []int64, code int16) {
	code = r.ErrorCode
	for _, t := range r.Topics {
		offsets = append(offsets, t.Partitions[0].Offset)
		code = max(code, t.Partitions[0].ErrorCode)
	}
	for _, g := range r.Groups {
		code = max(code, g.ErrorCode)
		for _, t := range g.Topics {
			offsets = append(offsets, t.Partitions[0].Offset)
			code = max(code, t.Partitions[0].ErrorCode)
		}
	}
	return offsets, code
}
