package group_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/group"
	"example.com/lockstep/broker/kafka"
)

// The transcripts in testdata/transcripts give a coordinator requests and print what it does.
// Rewrite them with -rewrite and read the difference. All is about group g, or group=G of join and
// commit.
//
// A member id is written as its client and a number: a#1. Times begin at 0.
//
//	new [delay=D] [max-size=N] [groups=N] ...     a coordinator that has loaded an empty log
//	join CLIENT [id=ID] [instance=I] [protocols=(P,...)] [topics=(T,...)] [session=D]
//	     [rebalance=D] [type=T] [v=N]
//	sync ID generation=N [assign=(ID:PARTITIONS,...)] [instance=I] [v=N]
//	heartbeat ID generation=N [instance=I]
//	leave ID... or leave instance=I [v=N]
//	commit T-P=O... [id=ID generation=N] [instance=I] [metadata=M] [v=N]
//	fetch [T-P...], describe, list [state=S] [type=T]
//	delete, delete-offsets T-P..., topic-deleted T
//	appended [N] [error=CODE]                     the outcome of append N, of all without N
//	advance D, forget CLIENT, resign, resumed
//	alive ID generation=N for=D                   advance with a heartbeat each minute
//	prune exists=T                                all topics but T are gone
//	failover                                      a new coordinator reads what is committed
//	committed                                     the committed state
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata/transcripts", func(t *testing.T, path string) {
		w := &world{t: t, ids: map[string]string{}}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			w.t, w.d = t, d
			w.out.Reset()
			w.command()
			return w.out.String()
		})
	})
}

// world is a coordinator, its log, and names for what a transcript speaks about.
type world struct {
	t   *testing.T
	d   *datadriven.TestData
	out strings.Builder
	now env.Time
	cfg group.Config
	c   *group.Coordinator

	token   group.Token
	labels  []string          // of tokens
	ids     map[string]string // by name
	pending []group.Append
	log     []group.Record
}

var config = group.Config{
	MinSession: 6 * time.Second, MaxSession: 30 * time.Minute,
	InitialRebalanceDelay: 3 * time.Second, MaxSize: 1000,
	OffsetsRetention: 7 * 24 * time.Hour, RetentionCheck: 10 * time.Minute, OffsetMetadataMax: 4096,
	CommitTimeout: 5 * time.Second, NewMemberTimeout: 5 * time.Minute,
	Groups: 100, PendingMembers: 10, MetadataBytes: 1 << 20, Waiting: 100, AppendRecords: 100,
}

func (w *world) printf(format string, args ...any) { fmt.Fprintf(&w.out, format+"\n", args...) }

func (w *world) command() {
	switch w.d.Cmd {
	case "new":
		w.start()
	case "failover":
		w.failover()
	case "committed":
		w.out.WriteString(w.text(w.c.Committed()))
	case "advance":
		d, err := time.ParseDuration(w.first())
		require.NoError(w.t, err)
		w.advance(d)
	case "alive":
		until := w.now.Mono.Add(w.duration("for", 0))
		for w.now.Mono < until {
			w.c.Heartbeat(w.now, 0, w.heartbeat())
			w.c.Take()
			w.advance(time.Minute)
		}
	case "appended":
		w.appended()
	case "forget":
		for i, label := range w.labels {
			if strings.HasPrefix(label, w.first()+":") {
				w.c.Forget(group.Token(i + 1))
			}
		}
	case "resign":
		w.c.Resign()
	case "resumed":
		w.c.Resumed(w.now)
	default:
		w.request()
	}
	w.c.Tick(w.now)
	w.effects()
	w.c.Check()
}

func (w *world) start() {
	w.cfg = config
	w.cfg.Entropy = env.NewRand(1, 2)
	w.cfg.InitialRebalanceDelay = w.duration("delay", w.cfg.InitialRebalanceDelay)
	w.cfg.MaxSize = int(w.number("max-size", int64(w.cfg.MaxSize)))
	w.cfg.Groups = int(w.number("groups", int64(w.cfg.Groups)))
	w.cfg.PendingMembers = int(w.number("pending", int64(w.cfg.PendingMembers)))
	w.cfg.Waiting = int(w.number("waiting", int64(w.cfg.Waiting)))
	w.cfg.MetadataBytes = int(w.number("bytes", int64(w.cfg.MetadataBytes)))
	w.cfg.AppendRecords = int(w.number("records", int64(w.cfg.AppendRecords)))
	w.c = group.New(w.cfg)
	if !w.d.HasArg("loading") {
		w.c.Loaded(w.now)
	}
}

// failover loses what is not committed. The tokens of the old coordinator are forgotten.
func (w *world) failover() {
	w.pending = nil
	w.c = group.New(w.cfg)
	for _, r := range w.log {
		require.NoError(w.t, w.c.Replay(r.Key, r.Value))
	}
	w.c.Loaded(w.now)
}

// advance lets time pass, from one deadline to the next.
func (w *world) advance(d time.Duration) {
	until := w.now.Mono.Add(d)
	for at := w.c.NextDeadline(); at <= until; at = w.c.NextDeadline() {
		w.at(max(at, w.now.Mono))
		w.c.Tick(w.now)
		w.effects()
	}
	w.at(until)
}

func (w *world) at(i env.Instant) {
	w.now = env.Time{Mono: i, WallMs: int64(i) / int64(time.Millisecond)}
}

func (w *world) appended() {
	code := kafka.None
	if w.d.HasArg("error") {
		code = kafka.ErrorCode(w.number("error", 0))
	}
	var left []group.Append
	for _, a := range w.pending {
		if n := w.first(); n != "" && n != strconv.Itoa(int(a.Ticket)) {
			left = append(left, a)
			continue
		}
		if code == kafka.None {
			w.log = append(w.log, a.Records...)
		}
		w.c.Appended(w.now, a.Ticket, code)
	}
	w.pending = left
}

func (w *world) request() {
	switch w.d.Cmd {
	case "join":
		w.c.Join(w.now, w.next("join"), group.Client{ID: w.first(), Host: "/10.0.0.1"}, w.join())
	case "sync":
		w.c.Sync(w.now, w.next("sync"), w.sync())
	case "heartbeat":
		w.c.Heartbeat(w.now, w.next("heartbeat"), w.heartbeat())
	case "leave":
		w.c.Leave(w.now, w.next("leave"), w.leave())
	case "commit":
		w.c.Commit(w.now, w.next("commit"), w.commit())
	case "delete":
		w.c.Delete(w.now, w.next("delete"), "g")
	case "delete-offsets":
		r := kmsg.NewPtrOffsetDeleteRequest()
		r.Group = "g"
		for _, at := range w.offsets() {
			r.Topics = append(r.Topics, kmsg.OffsetDeleteRequestTopic{Topic: at.topic,
				Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{Partition: at.partition}}})
		}
		w.c.DeleteOffsets(w.now, w.next("delete offsets"), r)
	case "topic-deleted":
		w.c.TopicDeleted(w.now, w.first(), kafka.TopicID{})
	case "prune":
		w.c.PruneTopics(w.now, func(topic string, _ kafka.TopicID) bool {
			return topic == w.arg("exists")
		})
	default:
		w.look()
	}
}

// look runs what is answered at once.
func (w *world) look() {
	switch w.d.Cmd {
	case "fetch":
		r := kmsg.NewOffsetFetchRequestGroup()
		r.Group = "g"
		for _, at := range w.offsets() {
			r.Topics = append(r.Topics, kmsg.OffsetFetchRequestGroupTopic{Topic: at.topic,
				Partitions: []int32{at.partition}})
		}
		w.printf("%s", fetchedText(w.c.Fetch(&r)))
	case "describe":
		w.printf("%s", w.text(describedText(w.c.Describe(int16(w.number("v", 6)), "g"))))
	case "list":
		r := kmsg.NewPtrListGroupsRequest()
		r.Version = 5
		if s := w.arg("state"); s != "" {
			r.StatesFilter = []string{s}
		}
		if s := w.arg("type"); s != "" {
			r.TypesFilter = []string{s}
		}
		groups, code := w.c.List(r)
		for _, g := range groups {
			w.printf("%s %q %s %s", g.Group, g.ProtocolType, g.GroupState, g.GroupType)
		}
		if code != kafka.None {
			w.printf("%v", code)
		}
	default:
		w.d.Fatalf(w.t, "unknown command %s", w.d.Cmd)
	}
}

func (w *world) join() *kmsg.JoinGroupRequest {
	r := kmsg.NewPtrJoinGroupRequest()
	r.Version, r.Group = int16(w.number("v", 9)), w.group()
	r.MemberID, r.InstanceID = w.id(w.arg("id")), w.optional("instance")
	r.ProtocolType = "consumer"
	if w.d.HasArg("type") {
		r.ProtocolType = w.arg("type")
	}
	r.SessionTimeoutMillis = int32(w.duration("session", 10*time.Second).Milliseconds())
	r.RebalanceTimeoutMillis = int32(w.duration("rebalance", time.Minute).Milliseconds())
	protocols := w.list("protocols")
	if len(protocols) == 0 {
		protocols = []string{"range"}
	}
	for _, p := range protocols {
		r.Protocols = append(r.Protocols,
			kmsg.JoinGroupRequestProtocol{Name: p, Metadata: subscribing(w.list("topics"))})
	}
	return r
}

// subscribing is a ConsumerProtocolSubscription.
func subscribing(topics []string) []byte {
	m := kmsg.NewConsumerMemberMetadata()
	m.Topics = topics
	return m.AppendTo(nil)
}

func (w *world) sync() *kmsg.SyncGroupRequest {
	r := kmsg.NewPtrSyncGroupRequest()
	r.Version, r.Group, r.MemberID = int16(w.number("v", 5)), "g", w.id(w.first())
	r.Generation, r.InstanceID = int32(w.number("generation", 0)), w.optional("instance")
	if p := w.arg("protocol"); p != "" {
		r.Protocol = &p
	}
	for _, a := range w.list("assign") {
		id, partitions, _ := strings.Cut(a, ":")
		r.GroupAssignment = append(r.GroupAssignment, kmsg.SyncGroupRequestGroupAssignment{
			MemberID: w.id(id), MemberAssignment: []byte(partitions)})
	}
	return r
}

func (w *world) heartbeat() *kmsg.HeartbeatRequest {
	r := kmsg.NewPtrHeartbeatRequest()
	r.Version, r.Group, r.MemberID = 4, "g", w.id(w.first())
	r.Generation, r.InstanceID = int32(w.number("generation", 0)), w.optional("instance")
	return r
}

func (w *world) leave() *kmsg.LeaveGroupRequest {
	r := kmsg.NewPtrLeaveGroupRequest()
	r.Version, r.Group = int16(w.number("v", 5)), "g"
	for _, a := range w.d.CmdArgs {
		switch {
		case len(a.Vals) == 0 && r.Version < 3:
			r.MemberID = w.id(a.Key)
		case len(a.Vals) == 0:
			r.Members = append(r.Members, kmsg.LeaveGroupRequestMember{MemberID: w.id(a.Key)})
		case a.Key == "instance":
			r.Members = append(r.Members, kmsg.LeaveGroupRequestMember{InstanceID: &a.Vals[0]})
		}
	}
	return r
}

func (w *world) commit() *kmsg.OffsetCommitRequest {
	r := kmsg.NewPtrOffsetCommitRequest()
	r.Version, r.Group, r.MemberID = int16(w.number("v", 9)), w.group(), w.id(w.arg("id"))
	r.Generation, r.InstanceID = int32(w.number("generation", -1)), w.optional("instance")
	r.RetentionTimeMillis = w.duration("retention", -time.Millisecond).Milliseconds()
	for _, at := range w.offsets() {
		r.Topics = append(r.Topics, kmsg.OffsetCommitRequestTopic{Topic: at.topic,
			Partitions: []kmsg.OffsetCommitRequestTopicPartition{{
				Partition: at.partition, Offset: at.offset, LeaderEpoch: -1,
				Metadata: w.optional("metadata"),
			}}})
	}
	return r
}

// next is a new token, with a label that answers are printed with.
func (w *world) next(what string) group.Token {
	w.token++
	who := w.first()
	if strings.Contains(who, "=") || who == "" || what == "commit" {
		who = w.arg("id")
	}
	if who != "" {
		who += ": "
	}
	w.labels = append(w.labels, who+what)
	return w.token
}

// effects prints what the coordinator has decided.
func (w *world) effects() {
	e := w.c.Take()
	for _, a := range e.Appends {
		w.pending = append(w.pending, a)
		read := group.New(w.cfg)
		tombstones := 0
		for _, r := range a.Records {
			require.NoError(w.t, read.Replay(r.Key, r.Value))
			if r.Value == nil {
				tombstones++
			}
		}
		w.printf("append %d:", a.Ticket)
		for _, line := range strings.Split(strings.TrimSpace(read.Committed()), "\n") {
			if line != "" {
				w.printf("  %s", w.text(line))
			}
		}
		if tombstones > 0 {
			w.printf("  %d tombstones", tombstones)
		}
	}
	for _, a := range e.Answers {
		w.printf("%s: %s", w.labels[a.Token-1], w.text(answerText(a.Response)))
	}
	for _, l := range e.Log {
		w.printf("log: %s", w.text(l.String()))
	}
}

var memberID = regexp.MustCompile(`(\w+)-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// text replaces member ids by names. They are numbered in the order in which they are printed.
func (w *world) text(s string) string {
	return memberID.ReplaceAllStringFunc(s, func(id string) string {
		for name, known := range w.ids {
			if known == id {
				return name
			}
		}
		name := fmt.Sprintf("%s#%d", memberID.FindStringSubmatch(id)[1], len(w.ids)+1)
		w.ids[name] = id
		return name
	})
}

func (w *world) id(name string) string {
	if id, ok := w.ids[name]; ok {
		return id
	}
	return name
}

// at is T-P=O in a command.
type at struct {
	topic     string
	partition int32
	offset    int64
}

func (w *world) offsets() []at {
	var all []at
	for _, a := range w.d.CmdArgs {
		topic, p, ok := strings.Cut(a.Key, "-")
		n, err := strconv.Atoi(p)
		if !ok || err != nil {
			continue
		}
		o := at{topic: topic, partition: int32(n)}
		if len(a.Vals) > 0 {
			o.offset, err = strconv.ParseInt(a.Vals[0], 10, 64)
			require.NoError(w.t, err)
		}
		all = append(all, o)
	}
	return all
}

// first is the first argument without a value.
func (w *world) first() string {
	if len(w.d.CmdArgs) == 0 || len(w.d.CmdArgs[0].Vals) > 0 {
		return ""
	}
	return w.d.CmdArgs[0].Key
}

func (w *world) group() string {
	if g := w.arg("group"); g != "" {
		return g
	}
	return "g"
}

func (w *world) list(key string) []string {
	for _, a := range w.d.CmdArgs {
		if a.Key == key {
			return a.Vals
		}
	}
	return nil
}

func (w *world) arg(key string) string { return strings.Join(w.list(key), ",") }

func (w *world) optional(key string) *string {
	if s := w.arg(key); s != "" {
		return &s
	}
	return nil
}

func (w *world) number(key string, def int64) int64 {
	if s := w.arg(key); s != "" {
		n, err := strconv.ParseInt(s, 10, 64)
		require.NoError(w.t, err)
		return n
	}
	return def
}

func (w *world) duration(key string, def time.Duration) time.Duration {
	if s := w.arg(key); s != "" {
		d, err := time.ParseDuration(s)
		require.NoError(w.t, err)
		return d
	}
	return def
}
