package shard

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/group"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/limits"
	"example.com/lockstep/broker/meta"
)

// groups makes a Coordinator of the groups of one partition of __consumer_offsets (package group).
// It translates: requests of package api into calls, effects into effects, the image into settings.
type groups struct {
	*group.Coordinator
	cfg     group.Config
	answers []CoordinatorAnswer // those that were there at once
}

// Groups says that each partition of __consumer_offsets is the log of some groups.
func Groups(l limits.Limits) Coordinators {
	return Coordinators{Topic: meta.OffsetsTopic, New: func(entropy *env.Rand) Coordinator {
		cfg := group.Config{
			NewMemberTimeout: l.GroupJoinTime, Groups: l.GroupsPerPartition,
			PendingMembers: l.GroupPendingMembers, MetadataBytes: l.GroupBytes,
			Waiting: l.GroupRequests, AppendRecords: l.GroupDeletions, Entropy: entropy,
		}
		return &groups{Coordinator: group.New(cfg), cfg: cfg}
	}}
}

// Configure implements Coordinator.
func (g *groups) Configure(image *meta.Image) {
	ms := func(name string) time.Duration {
		return time.Duration(min(image.ClusterInt(name), 1<<40)) * time.Millisecond
	}
	g.cfg.MinSession, g.cfg.MaxSession = ms("group.min.session.timeout.ms"),
		ms("group.max.session.timeout.ms")
	g.cfg.InitialRebalanceDelay = ms("group.initial.rebalance.delay.ms")
	g.cfg.MaxSize = int(image.ClusterInt("group.max.size"))
	g.cfg.OffsetsRetention = time.Duration(image.ClusterInt("offsets.retention.minutes")) *
		time.Minute
	g.cfg.RetentionCheck = ms("offsets.retention.check.interval.ms")
	g.cfg.OffsetMetadataMax = int(image.ClusterInt("offset.metadata.max.bytes"))
	g.cfg.CommitTimeout = ms("offsets.commit.timeout.ms")
	g.Coordinator.Configure(g.cfg)
}

// Call implements Coordinator.
func (g *groups) Call(now env.Time, token Token, request any) {
	t := group.Token(token)
	answer := func(response any) {
		g.answers = append(g.answers, CoordinatorAnswer{token, response})
	}
	switch r := request.(type) {
	case api.JoinGroup:
		g.Join(now, t, r.From, r.Request)
	case *kmsg.SyncGroupRequest:
		g.Sync(now, t, r)
	case *kmsg.HeartbeatRequest:
		g.Heartbeat(now, t, r)
	case *kmsg.LeaveGroupRequest:
		g.Leave(now, t, r)
	case *kmsg.OffsetCommitRequest:
		g.Commit(now, t, r)
	case *kmsg.OffsetDeleteRequest:
		g.DeleteOffsets(now, t, r)
	case api.DeleteGroup:
		g.Delete(now, t, r.Group)
	case api.FetchOffsets:
		answer(g.Fetch(r.Group))
	case api.DescribeGroup:
		answer(g.Describe(r.Version, r.Group))
	case *kmsg.ListGroupsRequest:
		list, code := g.List(r)
		answer(api.GroupList{Code: code, Groups: list})
	default:
		assert.That(false, "shard: %T is no request about groups", request)
	}
}

// Forget implements Coordinator.
func (g *groups) Forget(token Token) { g.Coordinator.Forget(group.Token(token)) }

// Appended implements Coordinator.
func (g *groups) Appended(now env.Time, ticket Ticket, code kafka.ErrorCode) {
	g.Coordinator.Appended(now, group.Ticket(ticket), code)
}

// TopicDeleted implements Coordinator.
func (g *groups) TopicDeleted(now env.Time, t meta.TopicRef) {
	g.Coordinator.TopicDeleted(now, t.Name, t.ID)
}

// Prune implements Coordinator.
func (g *groups) Prune(now env.Time, image *meta.Image) {
	g.PruneTopics(now, func(name string, id kafka.TopicID) bool {
		t := image.Topic(name)
		return t != nil && (id == kafka.TopicID{} || id == t.ID)
	})
}

// Take implements Coordinator.
func (g *groups) Take() Effects {
	from := g.Coordinator.Take()
	out := Effects{Answers: g.answers, Log: from.Log}
	g.answers = nil
	for _, a := range from.Appends {
		records := make([]CoordinatorRecord, len(a.Records))
		for i, r := range a.Records {
			records[i] = CoordinatorRecord(r)
		}
		out.Appends = append(out.Appends, CoordinatorAppend{Ticket(a.Ticket), records})
	}
	for _, a := range from.Answers {
		out.Answers = append(out.Answers, CoordinatorAnswer{Token(a.Token), a.Response})
	}
	return out
}
