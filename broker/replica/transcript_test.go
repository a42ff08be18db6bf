package replica_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/replica"
)

// The transcripts in testdata/transcripts ask the two state machines and print what they
// decide. Rewrite them with -rewrite and read the difference.
//
// A log is written as the ends of its epochs: (0:3,2:5) is three records of epoch 0 and
// two of epoch 2. Nodes 1, 2 and 3 hold the partition, as broker epochs 11, 12 and 13.
//
// Both sides at once:
//
//	compare epoch=E leader=LOG follower=LOG   the whole exchange until the logs agree
//
// A leader, node 1, with a log that is durable to its end:
//
//	leader epoch=E log=LOG isr=(N,...) [min-insync=N] [start=O] [watermark=O] [window=BYTES]
//	append end=O, durable end=O
//	connect node=N, disconnect node=N
//	send node=N           what it sends now; each record of a batch is a byte
//	ack node=N end=O [start=O] [broker-epoch=B], diverged node=N last=E, refused node=N
//	change                the ISR change that it wants; they are numbered from 1
//	refuse N              change N is refused for certain
//	update isr=(N,...) [broker-epoch=N:B] [fenced=(N,...)]   the next partition epoch
//	advance DURATION, resumed, damaged, state
//	want-start O, start-moved O, starts   the log start: see start.go
//
// A follower:
//
//	follower epoch=E log=LOG
//	probe prev=E base=O
//	push prev=E base=O end=O
//	begin prev=E base=O
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata/transcripts", func(t *testing.T, path string) {
		w := &world{}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			w.t, w.d = t, d
			w.out.Reset()
			w.command()
			return w.out.String()
		})
	})
}

type world struct {
	t   *testing.T
	d   *datadriven.TestData
	out strings.Builder
	now env.Instant

	leader   *replica.Leader
	reg      replica.Registration
	log      lineage
	changes  []replica.Proposal
	follower *replica.Follower
	own      lineage
}

func (w *world) printf(format string, args ...any) { fmt.Fprintf(&w.out, format+"\n", args...) }

func (w *world) command() {
	before := kafka.Offset(-1)
	if w.leader != nil {
		before = w.leader.Watermark()
	}
	switch w.d.Cmd {
	case "compare":
		w.compare()
	case "follower":
		w.own = w.logArg("log")
		w.follower = replica.NewFollower(kafka.LeaderEpoch(w.number("epoch")))
	case "probe":
		p := replica.Probe{Prev: kafka.LeaderEpoch(w.number("prev")), Base: w.offset("base")}
		w.decided(w.follower.Probe(p, &w.own))
	case "begin":
		w.decided(w.follower.Begin(kafka.LeaderEpoch(w.number("prev")), w.offset("base"), &w.own))
	case "push":
		prev := kafka.LeaderEpoch(w.number("prev"))
		w.pushed(w.follower.Push(prev, w.offset("base"), w.offset("end"), &w.own))
	case "leader":
		w.newLeader()
		return
	case "state":
		w.state()
	default:
		w.leaderCommand()
	}
	if w.leader != nil && w.leader.Watermark() != before {
		w.printf("watermark %d", w.leader.Watermark())
	}
}

// compare lets a leader and a follower compare their logs.
func (w *world) compare() {
	log, own := w.logArg("leader"), w.logArg("follower")
	w.leader = nil
	epoch := kafka.LeaderEpoch(w.number("epoch"))
	reg := registration(epoch, []kafka.NodeID{1, 2})
	leader := replica.NewLeader(config, 1, reg,
		replica.Standing{Durable: log.End(), End: log.End()}, w.now)
	follower := replica.NewFollower(epoch)
	leader.Connected(2, w.now)
	from := replica.Member{Node: 2, Epoch: 12}
	for !leader.Streaming(2) {
		send, ok := leader.NextSend(2, &log, w.now)
		require.True(w.t, ok && send.Probe)
		leader.ProbeSent(2, w.now)
		w.printf("leader: epoch %d ends at %d", send.Prev, send.Base)
		d := follower.Probe(replica.Probe{Prev: send.Prev, Base: send.Base}, &own)
		w.printf("follower: %s", decision(d))
		switch d.Action {
		case replica.Diverge:
			leader.Diverged(from, d.Last, &log, w.now)
			continue
		case replica.Truncate:
			own = own.cut(d.Cut)
		}
		leader.Acked(from, own.End(), 0, w.now)
	}
	for o := kafka.Offset(1); o <= own.End(); o++ {
		require.Equal(w.t, log.EpochBefore(o), own.EpochBefore(o), "no prefix of the leader's log")
	}
	if send, ok := leader.NextSend(2, &log, w.now); ok {
		w.printf("leader: sends from %d on", send.Base)
		return
	}
	w.printf("leader: sends nothing")
}

func decision(d replica.Decision) string {
	switch d.Action {
	case replica.Append:
		return "append"
	case replica.Acknowledge:
		return "acknowledge"
	case replica.Truncate:
		return fmt.Sprintf("cut to %d, then acknowledge", d.Cut)
	case replica.BeginAgain:
		return fmt.Sprintf("begin again at %d, then acknowledge", d.Cut)
	default:
		return fmt.Sprintf("diverged, epoch %d ends at %d here", d.Last, d.End)
	}
}

func (w *world) decided(d replica.Decision) {
	w.printf("%s", decision(d))
	if d.Action == replica.Truncate {
		w.own = w.own.cut(d.Cut)
	}
}

func (w *world) pushed(d replica.Decision) {
	w.printf("%s", decision(d))
	if d.Action == replica.Append {
		w.own = append(w.own, epochEnd{w.follower.Epoch(), w.offset("end")})
	}
}

// --- the leader ---

var config = replica.Config{
	AckTimeout: time.Second, LagTimeout: 10 * time.Second, Window: 1 << 20,
	ProbeTimeout: 500 * time.Millisecond, ProposalTimeout: 3 * time.Second,
}

func registration(epoch kafka.LeaderEpoch, isr []kafka.NodeID) replica.Registration {
	return replica.Registration{
		LeaderEpoch: epoch, PartitionEpoch: 1, ISR: isr, MinInSync: 1,
		Replicas: []replica.Member{
			{Node: 1, Epoch: 11}, {Node: 2, Epoch: 12}, {Node: 3, Epoch: 13},
		},
	}
}

func (w *world) newLeader() {
	w.log, w.changes, w.now = w.logArg("log"), nil, 0
	w.reg = registration(kafka.LeaderEpoch(w.number("epoch")), w.nodes("isr"))
	if w.d.HasArg("min-insync") {
		w.reg.MinInSync = w.number("min-insync")
	}
	watermark := kafka.Offset(0)
	if w.d.HasArg("watermark") {
		watermark = w.offset("watermark")
	}
	cfg := config
	w.d.MaybeScanArgs(w.t, "window", &cfg.Window)
	end := w.log.End()
	start := kafka.Offset(0)
	if w.d.HasArg("start") {
		start = w.offset("start")
	}
	w.leader = replica.NewLeader(cfg, 1, w.reg, replica.Standing{
		Start: start, Watermark: watermark, Durable: end, End: end}, w.now)
	w.state()
}

func (w *world) leaderCommand() {
	l := w.leader
	switch w.d.Cmd {
	case "append":
		w.log = append(w.log, epochEnd{l.Epoch(), w.offset("end")})
		l.Appended(w.log.End(), w.now)
	case "durable":
		l.LocalDurable(w.offset("end"))
	case "connect":
		l.Connected(w.node(), w.now)
	case "disconnect":
		l.Disconnected(w.node())
	case "send":
		w.send()
	case "ack":
		start := kafka.Offset(0)
		if w.d.HasArg("start") {
			start = w.offset("start")
		}
		l.Acked(w.member(), w.offset("end"), start, w.now)
	case "want-start":
		l.WantStart(kafka.Offset(w.plain()))
		w.starts()
	case "start-moved":
		l.StartMoved(kafka.Offset(w.plain()))
		w.starts()
	case "starts":
		w.starts()
	case "diverged":
		l.Diverged(w.member(), kafka.LeaderEpoch(w.number("last")), &w.log, w.now)
	case "refused":
		l.Refused(w.node(), w.now.Add(100*time.Millisecond))
	case "change":
		w.change()
	case "refuse":
		n, err := strconv.Atoi(w.d.CmdArgs[0].Key)
		require.NoError(w.t, err)
		l.ChangeRefused(w.changes[n-1], w.now)
	case "update":
		w.update()
	case "advance":
		length, err := time.ParseDuration(w.d.CmdArgs[0].Key)
		require.NoError(w.t, err)
		w.now = w.now.Add(length)
	case "resumed":
		l.Resumed(w.now)
	case "damaged":
		l.LogDamaged()
	default:
		w.t.Fatalf("unknown command %s", w.d.Cmd)
	}
}

func (w *world) send() {
	send, ok := w.leader.NextSend(w.node(), &w.log, w.now)
	switch {
	case !ok:
		w.printf("nothing")
	case send.Begin:
		w.leader.ProbeSent(w.node(), w.now)
		w.printf("begin again at %d (it ends at %d)", send.Base, send.Next)
	case send.Probe:
		w.leader.ProbeSent(w.node(), w.now)
		w.printf("probe: epoch %d ends at %d", send.Prev, send.Base)
	default:
		end := min(w.log.End(), send.Base+kafka.Offset(send.Room))
		w.leader.BatchesSent(w.node(), end, int(end-send.Base))
		w.printf("records %d to %d", send.Base, end-1)
	}
}

func (w *world) change() {
	p, ok := w.leader.NextChange(w.now)
	if !ok {
		w.printf("none")
		if at := w.leader.NextCheck(); at != env.Never && at > w.now {
			w.printf("asks again in %v", at.Sub(w.now))
		}
		return
	}
	w.changes = append(w.changes, p)
	var isr []string
	for _, m := range p.ISR {
		isr = append(isr, strconv.Itoa(int(m.Node)))
	}
	w.printf("change %d: ISR %s at partition epoch %d",
		len(w.changes), strings.Join(isr, ","), p.PartitionEpoch)
}

func (w *world) update() {
	w.reg.PartitionEpoch++
	w.reg.ISR = w.nodes("isr")
	w.reg.Fenced = nil
	if w.d.HasArg("fenced") {
		w.reg.Fenced = w.nodes("fenced")
	}
	if w.d.HasArg("broker-epoch") {
		var text string
		w.d.ScanArgs(w.t, "broker-epoch", &text)
		var node, epoch int
		_, err := fmt.Sscanf(text, "%d:%d", &node, &epoch)
		require.NoError(w.t, err)
		w.reg.Replicas = append([]replica.Member(nil), w.reg.Replicas...)
		w.reg.Replicas[node-1].Epoch = kafka.BrokerEpoch(epoch)
	}
	w.leader.Update(w.reg, w.now)
}

// starts prints where the log start is.
func (w *world) starts() {
	l := w.leader
	to, due := l.StartDue()
	w.printf("wanted %d, own move due: %t to %d, clients may see it: %t, low watermark %d",
		l.WantedStart(), due, to, l.StartConfirmed(), l.LowWatermark())
}

// plain is the argument without a name.
func (w *world) plain() int {
	n, err := strconv.Atoi(w.d.CmdArgs[0].Key)
	require.NoError(w.t, err)
	return n
}

func (w *world) state() {
	l := w.leader
	w.printf("epoch %d since %d, end %d, watermark %d, enough replicas: %t",
		l.Epoch(), l.EpochStart(), w.log.End(), l.Watermark(), l.EnoughReplicas())
	nodes, durable := l.Lag()
	for i, node := range nodes {
		w.printf("node %d: durable to %d, streaming: %t", node, durable[i], l.Streaming(node))
	}
}

// --- arguments ---

func (w *world) number(key string) (n int) {
	w.d.ScanArgs(w.t, key, &n)
	return n
}

func (w *world) offset(key string) kafka.Offset { return kafka.Offset(w.number(key)) }

func (w *world) node() kafka.NodeID { return kafka.NodeID(w.number("node")) }

func (w *world) member() replica.Member {
	m := replica.Member{Node: w.node(), Epoch: w.reg.Replicas[w.node()-1].Epoch}
	if w.d.HasArg("broker-epoch") {
		m.Epoch = kafka.BrokerEpoch(w.number("broker-epoch"))
	}
	return m
}

func (w *world) nodes(key string) (nodes []kafka.NodeID) {
	arg, ok := w.d.Arg(key)
	require.True(w.t, ok, key)
	for i := range arg.Vals {
		var node int
		arg.Scan(w.t, i, &node)
		nodes = append(nodes, kafka.NodeID(node))
	}
	return nodes
}

func (w *world) logArg(key string) (log lineage) {
	arg, ok := w.d.Arg(key)
	require.True(w.t, ok, key)
	for _, text := range arg.Vals {
		if text == "" {
			continue
		}
		var e epochEnd
		_, err := fmt.Sscanf(text, "%d:%d", &e.epoch, &e.end)
		require.NoError(w.t, err, text)
		log = append(log, e)
	}
	return log
}

// lineage is a log as the ends of its epochs, in order.
type lineage []epochEnd

type epochEnd struct {
	epoch kafka.LeaderEpoch
	end   kafka.Offset
}

// End implements replica.Log.
func (l *lineage) End() kafka.Offset {
	if len(*l) == 0 {
		return 0
	}
	return (*l)[len(*l)-1].end
}

// EpochBefore implements replica.History.
func (l *lineage) EpochBefore(offset kafka.Offset) kafka.LeaderEpoch {
	for _, e := range *l {
		if offset > 0 && offset <= e.end {
			return e.epoch
		}
	}
	return -1
}

// EndOf implements replica.History.
func (l *lineage) EndOf(epoch kafka.LeaderEpoch) (kafka.LeaderEpoch, kafka.Offset) {
	found, end := kafka.LeaderEpoch(-1), kafka.Offset(0)
	for _, e := range *l {
		if e.epoch <= epoch {
			found, end = e.epoch, e.end
		}
	}
	return found, end
}

func (l lineage) cut(to kafka.Offset) (kept lineage) {
	start := kafka.Offset(0)
	for _, e := range l {
		if start < to {
			kept = append(kept, epochEnd{e.epoch, min(e.end, to)})
		}
		start = e.end
	}
	return kept
}
