package client

import (
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/checker"
	"example.com/lockstep/sim/kafka/history"
)

// member is a client that consumes as a member of a group, with the classic protocol: it finds the
// coordinator, joins, gets its assignment, sends heartbeats, and commits positions in what it owns.
// It consumes nothing real: its positions only grow. Some of its kind do what clients should not:
// see disorder.
//
// It records what it was told to own in History.Assignments, its commits in History.Commits and
// what it reads of them in History.CommittedReads. Package checker judges them (P8). The run
// converges only when the members of each group are in one generation and own all partitions.
type member struct {
	c        *Client
	group    string
	instance *string // of a static member
	versions memberVersions

	session, rebalance time.Duration // what it asks for
	every              time.Duration // between two commits

	state       memberState
	coordinator string // its address, "" if it is not known
	phase       int    // timers and answers of an earlier phase are ignored
	busy        bool   // a commit is on its way
	slow        bool   // it will take longer than its rebalance timeout to join again

	id         string
	generation int32
	since      env.Instant // it is in its generation without trouble
	owned      []*position
}

// position is where a member is in a partition that it owns.
type position struct {
	topic string
	id    [16]byte
	index int32
	next  int64
	known bool // it has read what is committed
}

type memberState uint8

const (
	outside  memberState = iota // it does not know its generation
	joining                     // it waits for an answer to JoinGroup or SyncGroup
	owning                      // it has an assignment
	stalling                    // it does nothing, and believes that it owns its assignment
	away                        // it has left, or vanished
)

func (s memberState) String() string {
	return [...]string{"outside", "joining", "owning", "stalling", "away"}[s]
}

// memberVersions are the versions that a member speaks.
type memberVersions struct{ find, join, sync, heartbeat, leave, commit, fetch int16 }

// OffsetsTopic is the log of groups.
const OffsetsTopic = "__consumer_offsets"

// maxSession and maxRebalance bound what members ask for.
const (
	maxSession   = 9 * time.Second
	maxRebalance = 8 * time.Second
)

// GroupsEnd is how long after the end of all members their groups are empty.
const GroupsEnd = maxSession + 2*maxRebalance

// ownsFor is for how long members must own their partitions before the run has converged: longer
// than a session, so that members that the coordinator loses all the time do not pass.
const ownsFor = maxSession + 3*time.Second

// Members reports whether there are members of groups among the clients.
func Members(clients []*Client) bool {
	return slices.ContainsFunc(clients, func(c *Client) bool {
		_, ok := c.script.(*member)
		return ok
	})
}

func newMember(c *Client) *member {
	pick := func(choices ...int16) int16 { return choices[c.rand.IntN(len(choices))] }
	s := &member{
		c: c, session: c.between(6*time.Second, maxSession),
		rebalance: c.between(2*time.Second, maxRebalance),
		every:     c.between(30*time.Millisecond, 600*time.Millisecond),
		versions: memberVersions{find: pick(0, 2, 3, 4, 6), join: pick(1, 3, 4, 6, 7, 9),
			sync: pick(1, 3, 5), heartbeat: pick(1, 3, 4), leave: pick(1, 2, 3, 5),
			commit: pick(1, 2, 5, 7, 8, 10), fetch: pick(1, 2, 5, 7, 8, 9, 10)},
	}
	s.group = fmt.Sprintf("g%d", c.rand.IntN(int(c.load.Options().Groups.Or(1))))
	if c.rand.Chance(1, 3) {
		name := c.Name
		s.instance = &name
		s.versions.join, s.versions.sync, s.versions.leave = pick(5, 7, 9), pick(3, 5), pick(3, 5)
		s.versions.heartbeat, s.versions.commit = pick(3, 4), pick(7, 8, 10)
	}
	return s
}

func (s *member) start(now env.Time) { s.again(now) }

func (s *member) informed(env.Time) {}

func (s *member) pending() []string {
	if s.state != owning {
		return []string{fmt.Sprintf("%s: %v in group %s", s.c.Name, s.state, s.group)}
	}
	for _, p := range s.owned {
		if !p.known {
			return []string{s.c.Name + ": does not know what is committed"}
		}
	}
	if lasted := s.c.load.World.Now().Sub(s.since); lasted < ownsFor {
		return []string{fmt.Sprintf("%s: in generation %d for only %v", s.c.Name, s.generation,
			lasted.Round(time.Millisecond))}
	}
	return s.disagrees()
}

// disagrees compares this member with the others of its group.
func (s *member) disagrees() []string {
	owner := map[checker.Partition]string{}
	var out []string
	for _, client := range s.c.load.Clients {
		other, ok := client.script.(*member)
		if !ok || other.group != s.group {
			continue
		}
		if other.generation != s.generation {
			out = append(out, fmt.Sprintf("%s: generation %d, %s is in generation %d", s.c.Name,
				s.generation, client.Name, other.generation))
		}
		for _, p := range other.owned {
			owner[p.partition()] = client.Name
		}
	}
	for _, p := range s.all() {
		if owner[p.partition()] == "" {
			out = append(out, fmt.Sprintf("group %s: nobody owns %s/%d", s.group, p.topic, p.index))
		}
	}
	return out
}

// all lists the partitions of the workload that this client knows of.
func (s *member) all() (all []*position) {
	for _, name := range s.c.load.Topics {
		if t := s.c.topics[name]; t != nil {
			for i := range t.leaders {
				all = append(all, &position{topic: name, id: t.id, index: int32(i)})
			}
		}
	}
	return all
}

func (p *position) partition() checker.Partition {
	return checker.Partition{Topic: history.TopicText(p.id), Index: p.index}
}

// again goes on after a short pause.
func (s *member) again(now env.Time) {
	s.later(now, s.c.between(20*time.Millisecond, 300*time.Millisecond))
}

func (s *member) later(now env.Time, pause time.Duration) {
	s.phase++
	s.state = outside
	s.after(now, pause, s.proceed)
}

// after calls do unless another phase has begun by then.
func (s *member) after(now env.Time, d time.Duration, do func(env.Time)) {
	phase := s.phase
	s.c.after(now, d, func(now env.Time) {
		if !s.c.stopped && s.phase == phase {
			do(now)
		}
	})
}

func (s *member) proceed(now env.Time) {
	switch {
	case len(s.all()) == 0 || s.c.load.Options().OffsetsPartitions.Given() &&
		s.c.topics[OffsetsTopic] == nil:
		s.again(now)
	case s.coordinator == "":
		s.find(now)
	default:
		s.join(now)
	}
}

// send sends a request to an address, and gives the answer to the same phase only.
func (s *member) send(now env.Time, addr string, req kmsg.Request, timeout time.Duration,
	done func(env.Time, kmsg.Response)) {
	s.record(now, addr, req, timeout, func() {}, func(kmsg.Response) {}, done)
}

// record is send that tells when the request leaves and when it has ended, in any phase.
func (s *member) record(now env.Time, addr string, req kmsg.Request, timeout time.Duration,
	began func(), ended func(kmsg.Response), done func(env.Time, kmsg.Response)) {
	phase := s.phase
	s.c.connTo(now, addr).call(now, &pendingCall{req: req, timeout: timeout, began: began,
		done: func(now env.Time, resp kmsg.Response) {
			ended(resp)
			if s.c.stopped || s.phase != phase {
				return
			}
			if resp == nil && addr == s.coordinator {
				s.coordinator = ""
			}
			done(now, resp)
		}})
}

// findTime is how long FindCoordinator may take: it may create the topic of groups.
const findTime = 8 * time.Second

func (s *member) find(now env.Time) {
	req := kmsg.NewPtrFindCoordinatorRequest()
	req.Version, req.CoordinatorKey = s.versions.find, s.group
	req.CoordinatorKeys = []string{s.group}
	s.send(now, s.c.anyBroker(), req, findTime, func(now env.Time, resp kmsg.Response) {
		r, ok := resp.(*kmsg.FindCoordinatorResponse)
		if !ok {
			s.again(now)
			return
		}
		code, host, port := r.ErrorCode, r.Host, r.Port
		if len(r.Coordinators) > 0 {
			at := r.Coordinators[0]
			code, host, port = at.ErrorCode, at.Host, at.Port
		}
		if code != 0 {
			s.again(now)
			return
		}
		s.coordinator = fmt.Sprintf("%s:%d", host, port)
		s.regain(now)
	})
}

// regain goes on with a coordinator that was looked for: a member with an assignment keeps it.
func (s *member) regain(now env.Time) {
	if s.generation > 0 && len(s.owned) > 0 {
		s.own(now)
		return
	}
	s.join(now)
}

// joinTime is how long a rebalance may take: its longest wait for members, the wait for more
// members in a group that was empty, and the wait for the assignment and its record.
const joinTime = 2*maxRebalance + 10*time.Second

func (s *member) join(now env.Time) {
	s.state, s.owned, s.generation = joining, nil, -1
	req := kmsg.NewPtrJoinGroupRequest()
	req.Version, req.Group, req.MemberID = s.versions.join, s.group, s.id
	req.InstanceID = s.instance
	req.SessionTimeoutMillis = int32(s.session.Milliseconds())
	req.RebalanceTimeoutMillis = int32(s.rebalance.Milliseconds())
	req.ProtocolType = "consumer"
	subscription := kmsg.NewConsumerMemberMetadata()
	subscription.Topics = s.c.load.Topics
	for _, name := range []string{"range", "roundrobin"} {
		req.Protocols = append(req.Protocols,
			kmsg.JoinGroupRequestProtocol{Name: name, Metadata: subscription.AppendTo(nil)})
	}
	s.send(now, s.coordinator, req, joinTime, func(now env.Time, resp kmsg.Response) {
		r, ok := resp.(*kmsg.JoinGroupResponse)
		if !ok {
			s.again(now)
			return
		}
		if r.ErrorCode != 0 {
			if r.ErrorCode == memberIDRequired {
				s.id = r.MemberID
			}
			s.refused(now, r.ErrorCode)
			return
		}
		s.id, s.generation = r.MemberID, r.Generation
		s.sync(now, r)
	})
}

func (s *member) sync(now env.Time, joined *kmsg.JoinGroupResponse) {
	req := kmsg.NewPtrSyncGroupRequest()
	req.Version, req.Group, req.MemberID = s.versions.sync, s.group, s.id
	req.InstanceID, req.Generation = s.instance, s.generation
	req.ProtocolType, req.Protocol = joined.ProtocolType, joined.Protocol
	if joined.LeaderID == s.id && !joined.SkipAssignment {
		req.GroupAssignment = s.assign(joined.Members)
	}
	s.send(now, s.coordinator, req, joinTime, func(now env.Time, resp kmsg.Response) {
		r, ok := resp.(*kmsg.SyncGroupResponse)
		switch {
		case !ok:
			s.again(now)
		case r.ErrorCode != 0:
			s.refused(now, r.ErrorCode)
		default:
			s.assigned(now, r.MemberAssignment)
		}
	})
}

// assign divides the partitions among the members. Each leader begins with another member, so that
// two assignments of one generation differ.
func (s *member) assign(members []kmsg.JoinGroupResponseMember) (
	all []kmsg.SyncGroupRequestGroupAssignment) {
	first := s.c.rand.IntN(len(members))
	for i, m := range members {
		assignment := kmsg.NewConsumerMemberAssignment()
		for n, p := range s.all() {
			if (first+n)%len(members) != i {
				continue
			}
			topic := kmsg.NewConsumerMemberAssignmentTopic()
			topic.Topic, topic.Partitions = p.topic, []int32{p.index}
			assignment.Topics = append(assignment.Topics, topic)
		}
		all = append(all, kmsg.SyncGroupRequestGroupAssignment{MemberID: m.MemberID,
			MemberAssignment: assignment.AppendTo(nil)})
	}
	return all
}

func (s *member) assigned(now env.Time, assignment []byte) {
	rec := s.c.load.Rec
	s.since = s.c.load.World.Now()
	a := checker.Assignment{ID: rec.ID(), Client: s.c.Number, Group: s.group, Member: s.id,
		Generation: s.generation, At: rec.Moment()}
	if s.instance != nil {
		a.Instance = *s.instance
	}
	var read kmsg.ConsumerMemberAssignment
	if len(assignment) > 0 && read.ReadFrom(assignment) != nil {
		read.Topics = nil
	}
	for _, t := range read.Topics {
		for _, index := range t.Partitions {
			for _, p := range s.all() {
				if p.topic == t.Topic && p.index == index {
					s.owned = append(s.owned, p)
					a.Partitions = append(a.Partitions, p.partition())
				}
			}
		}
	}
	rec.History.Assignments = append(rec.History.Assignments, a)
	s.own(now)
}

// own begins to use an assignment.
func (s *member) own(now env.Time) {
	s.state = owning
	s.phase++
	s.busy = false
	s.after(now, s.c.between(2*time.Second, 15*time.Second), s.disorder)
	phase := s.phase
	if s.work(now); s.phase == phase { // else its request has failed at once
		s.beat(now)
	}
}

func (s *member) beat(now env.Time) {
	s.after(now, s.session/4, s.beat)
	req := kmsg.NewPtrHeartbeatRequest()
	req.Version, req.Group, req.MemberID, req.InstanceID = s.versions.heartbeat, s.group, s.id,
		s.instance
	req.Generation = s.generation
	s.send(now, s.coordinator, req, s.c.load.RequestTimeout,
		func(now env.Time, resp kmsg.Response) {
			if r, ok := resp.(*kmsg.HeartbeatResponse); !ok {
				s.lost(now)
			} else if r.ErrorCode != 0 {
				s.refused(now, r.ErrorCode)
			}
		})
}

// work reads what is committed, then commits positions that grow.
func (s *member) work(now env.Time) {
	s.after(now, s.c.load.pace(s.every), s.work)
	if s.busy || len(s.owned) == 0 {
		return
	}
	if slices.ContainsFunc(s.owned, func(p *position) bool { return !p.known }) ||
		s.c.rand.Chance(1, 6) {
		s.read(now)
		return
	}
	s.commit(now, func(env.Time) {})
}

// disorder makes a member leave, vanish without a word, stall for longer than its session and then
// go on as if nothing had happened, or be slow with its next join.
func (s *member) disorder(now env.Time) {
	s.after(now, s.c.between(2*time.Second, 15*time.Second), s.disorder)
	if s.c.load.FaultsOver {
		return
	}
	switch s.c.rand.IntN(8) {
	case 0:
		s.leave(now)
	case 1, 2:
		s.vanish(now)
	case 3, 4:
		s.stall(now)
	case 5:
		s.slow = true
	case 6: // as a leader does when the partitions of a topic have changed
		s.rejoin(now)
	}
}

func (s *member) leave(now env.Time) {
	req := kmsg.NewPtrLeaveGroupRequest()
	req.Version, req.Group, req.MemberID = s.versions.leave, s.group, s.id
	req.Members = []kmsg.LeaveGroupRequestMember{{MemberID: s.id, InstanceID: s.instance}}
	s.send(now, s.coordinator, req, commitTime, func(env.Time, kmsg.Response) {})
	s.restart(now)
}

// vanish ends the member as a killed process would; another one begins. If it is static it takes
// the same place.
func (s *member) vanish(now env.Time) {
	for len(s.c.conns) > 0 {
		s.c.conns[0].drop(now)
	}
	s.coordinator = ""
	s.restart(now)
}

func (s *member) restart(now env.Time) {
	s.id, s.generation, s.owned = "", -1, nil
	s.later(now, s.c.between(100*time.Millisecond, 5*time.Second))
	s.state = away
}

// stall does nothing for about a session.
func (s *member) stall(now env.Time) {
	s.phase++
	s.state, s.busy = stalling, false
	s.after(now, s.c.between(s.session/2, 2*s.session), func(now env.Time) {
		s.state = owning
		if len(s.owned) == 0 {
			s.own(now)
			return
		}
		s.commit(now, s.own)
	})
}

// The error codes that members tell apart.
const (
	illegalGeneration   = 22
	unknownMemberID     = 25
	rebalanceInProgress = 27
	memberIDRequired    = 79
	fencedInstanceID    = 82
)

// refused goes on after an error of the coordinator.
func (s *member) refused(now env.Time, code int16) {
	switch code {
	case memberIDRequired:
		s.join(now)
	case rebalanceInProgress, illegalGeneration:
		s.rejoin(now)
	case unknownMemberID, fencedInstanceID:
		s.id = ""
		s.rejoin(now)
	default:
		s.lost(now)
	}
}

// lost looks for the coordinator again. The member keeps what it owns.
func (s *member) lost(now env.Time) {
	s.coordinator = ""
	s.again(now)
}

// rejoin joins again; a slow member takes too long for that, and a diligent one commits before.
func (s *member) rejoin(now env.Time) {
	pause := s.c.between(0, 200*time.Millisecond)
	if s.slow {
		pause, s.slow = s.rebalance+s.session, false
	}
	s.generation, s.owned = -1, nil
	s.later(now, pause)
}
