package api

import (
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/group"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/wire"
)

// What the handlers of requests about groups share. The coordinator of a group is the leader of one
// partition of __consumer_offsets. These requests are not forwarded: a node that does not lead it
// answers NOT_COORDINATOR, and the client looks for the coordinator again, as in Kafka.

// manyGroups asks the coordinators of the groups that one request names.
type manyGroups struct {
	started bool
	asked   []int // by operation: its group
}

// begin returns the operation for each group that has a coordinator, the first time.
func (m *manyGroups) begin(c Context, groups []string, ask func(string) Coordinate) (ops []Op) {
	if m.started {
		return nil
	}
	m.started = true
	for i, name := range groups {
		if id, ok := groupPartitionID(c, name); ok {
			op := ask(name)
			op.Partition = id
			m.asked, ops = append(m.asked, i), append(ops, op)
		}
	}
	return ops
}

// The requests for the coordinators of groups (Coordinate.Request), beside the kmsg requests that
// one coordinator answers as a whole: SyncGroup, Heartbeat, LeaveGroup, OffsetCommit, OffsetDelete
// and ListGroups.
type (
	// JoinGroup names the client, too. → *kmsg.JoinGroupResponse
	JoinGroup struct {
		From    group.Client
		Request *kmsg.JoinGroupRequest
	}
	// FetchOffsets asks for offsets of one group, in the form of version 8 and later.
	// → kmsg.OffsetFetchResponseGroup
	FetchOffsets struct{ Group *kmsg.OffsetFetchRequestGroup }
	// DescribeGroup asks about one group. → kmsg.DescribeGroupsResponseGroup
	DescribeGroup struct {
		Version int16
		Group   string
	}
	// DeleteGroup deletes one group. → kafka.ErrorCode
	DeleteGroup struct{ Group string }
	// GroupList is the answer of a coordinator to *kmsg.ListGroupsRequest.
	GroupList struct {
		Code   kafka.ErrorCode
		Groups []kmsg.ListGroupsResponseGroup
	}
)

// Addressed is a handler that names its client to others.
type Addressed interface {
	Handler
	// From is called before the first Next, with the address of the client.
	From(address string)
}

// clientHost is an address as Kafka describes clients: without the port, behind a slash.
func clientHost(address string) string {
	if i := strings.LastIndexByte(address, ':'); i >= 0 {
		address = address[:i]
	}
	return "/" + strings.Trim(address, "[]")
}

// groupsMax is how many groups one request may name. With more it is malformed: an answer takes
// much more memory than a name takes in the request.
const groupsMax = 10_000

// boundGroups refuses a request that names so many groups.
func boundGroups(n int) error {
	if n > groupsMax {
		return fmt.Errorf("%w: %d groups, at most %d are served", wire.ErrMalformed, n, groupsMax)
	}
	return nil
}

// longest is the timeout of requests that wait for the members of a group. Timers of the
// coordinator end them; the broker's bound for timeouts is the only other one.
const longest = 1 << 40 * time.Nanosecond

// oneGroup is a request that the coordinator of one group answers as a whole.
type oneGroup struct {
	header
	group   string
	req     kmsg.Request // asked is what the coordinator gets of it
	ask     Coordinate
	timeout time.Duration
	late    kafka.ErrorCode // the answer if the coordinator does not answer in time
	started bool
	resp    kmsg.Response
}

func newOneGroup(h header, name string, req kmsg.Request) *oneGroup {
	return &oneGroup{
		header: h, group: name, req: req, ask: Coordinate{Request: req},
		late: kafka.CoordinatorNotAvailable,
	}
}

func (g *oneGroup) Timeout() time.Duration { return g.timeout }

func (g *oneGroup) Next(c Context, _ bool) []Op {
	if g.started {
		return nil
	}
	g.started = true
	id, ok := groupPartitionID(c, g.group)
	if !ok {
		g.resp = group.Refuse(g.req, kafka.NotCoordinator)
		return nil
	}
	g.resp = group.Refuse(g.req, g.late) // until it resolves
	g.ask.Partition = id
	return []Op{g.ask}
}

func (g *oneGroup) Resolve(_ int, result any) {
	r := result.(CoordinateResult)
	if r.Code != kafka.None {
		g.resp = group.Refuse(g.req, r.Code)
		return
	}
	g.resp = r.Response.(kmsg.Response)
}

func (g *oneGroup) Answer(Context) [][]byte { return g.frame(g.resp) }

// groupPartition is the partition of __consumer_offsets that holds a group; nil if there is no such
// topic.
func groupPartition(c Context, group string) *meta.Partition {
	id, ok := groupPartitionID(c, group)
	if !ok {
		return nil
	}
	return c.Image().Partition(id)
}

// groupPartitionID is the name of that partition; false if there is no topic.
func groupPartitionID(c Context, group string) (id kafka.PartitionID, ok bool) {
	t := c.Image().Topic(meta.OffsetsTopic)
	if t == nil {
		return id, false
	}
	return kafka.PartitionID{
		Topic: t.ID, Partition: meta.CoordinatorPartition(group, len(t.Partitions)),
	}, true
}
