package shard_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/limits"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/loop/looptest"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/broker/wal"
	"example.com/lockstep/broker/wire/peer"
)

// The transcripts in testdata/transcripts drive one shard of node 1 as its host does, and print
// what it does. Package looptest says how to read, add and rewrite them.
//
// What surrounds the shard:
//
//	start [synced=(N,...)] [lease=off] [register=off] [shards=N] [LIMIT=VALUE]
//	    Metadata lines (looptest.Cluster) follow. The shard recovers from an empty disk,
//	    gets the metadata and a lease of 2.5 s; the nodes in synced have answered its
//	    probes. Limits: inflight-bytes, answer-bytes, connections, flush-bytes, flush-together,
//	    flushes-at-once, tail-bytes, reads, scan-bytes, request-bytes, wal-segment, wal-budget,
//	    load-bytes, appends.
//	metadata      lines: commands that the cluster commits; the shard gets the new image
//	verdict applied|not-proposed|timed-out    answers the oldest call to the control loop
//	lease [for=DURATION]     a new lease, or its end
//	advance DURATION [times] time passes; times: each line begins with the time that has passed
//	freeze DURATION          time passes without turns
//	disk-done [N]            the N oldest disk operations complete
//	disk-settle              operations complete until none is left
//	kill [torn]              the process dies, perhaps in the middle of a write of its log
//	recover [to-convert]     the next incarnation recovers; its disk operations are not printed
//	recover by-steps         it begins to, and disk-done goes on
//	convert                  a converter may move everything to segments
//	rot [group=N]            a bit flips in the N-th write of the log; -1, the last, unless given
//	rot-file p=T/P name=F    bits flip at the beginning of one of the partition's files
//	fail-sync                the next sync fails
//	fail-writes N            the next N writes to files of partitions fail
//	disk-full, disk-roomy    no space is left; there is space again
//	mailbox-full shard=N     shard N refuses requests; mailbox-roomy shard=N
//	ping                     the control loop sends a ping
//	call shard=N acks=... values=(A,...)    shard N mails a produce of its client
//	coordinate p=T/P REQUEST [from=N] [knows] [while-loading]
//	    shard 2 mails a request to the coordinator of a partition of the topic "counts" (see type
//	    counter): add=N, read, wait=N, delay=DURATION
//	cancel p=T/P from=N      shard 2 does not wait for request N any more
//	drain                    the control loop asks for a clean stop
//	state                    prints the replicas
//	waits                    prints what waits for something in this shard
//
// Clients (conn=1 unless given):
//
//	open, end                  opens the connection; the client sends nothing more
//	produce p=T/P acks=all|1|0 values=(A,...) [producer=N seq=S [producer-epoch=E]] [corrupt]
//	    [timeout=DURATION]
//	fetch p=T/P offset=N [wait=DURATION] [leader-epoch=E]
//	list-offsets p=T/P at=latest|earliest|MS [version=V]
//	offset-for-leader-epoch p=T/P epoch=E
//	delete-records p=T/P offset=O [timeout=DURATION]
//	request key=NAME [version=V]     a request; its fields follow as JSON
//	raw                              a line for each frame: see rawFrame
//	reads-slowly, reads-again        the client's send window fills up; drains
//	close
//
// Other nodes (from=N):
//
//	connect from=N    accepts the shard's dial and says hello; disconnect from=N
//	ack p=T/P from=N end=O [epoch=E] [broker-epoch=B] [start=O]
//	reject p=T/P from=N reason=diverged last=E end=O | reason=unknown-epoch|...
//	reply from=N id=ID base=O | code=NAME       answers a forward of this node
//	dial from=N connection=G [cluster=other]    opens the G-th connection to this shard
//	probe p=T/P from=N epoch=E prev=E base=O [watermark=O] [start=O]
//	push p=T/P from=N epoch=E prev=E base=O values=(A,...) of=E [watermark=O] [start=O]
//	begin p=T/P from=N epoch=E prev=E base=O [start=O] [producer=N seq=S]    begin again at base;
//	    the producer's last batch is one record just below it
//	forward p=T/P from=N id=ID epoch=E acks=... values=(A,...)
//	    parts=N apart=DURATION   of these messages: they arrive in N parts
//	keepalive from=N             the other side has got a part of a message
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata/transcripts", func(t *testing.T, path string) {
		w := &world{}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			w.t, w.d = t, d
			if d.Cmd == "start" {
				*w = *newWorld(t, d)
				return w.state()
			}
			w.command()
			return w.host.Trace.Take()
		})
	})
}

// world is a shard with everything that surrounds it.
type world struct {
	t       *testing.T
	d       *datadriven.TestData
	cfg     shard.Config
	starts  byte
	machine *looptest.Disk
	cluster *looptest.Cluster
	host    *looptest.Host
	shard   *shard.Shard
	clients map[int]*looptest.Client
	inbound map[kafka.NodeID]*looptest.Conn
	calls   []shard.Call
}

func newWorld(t *testing.T, d *datadriven.TestData) *world {
	w := &world{
		t: t, d: d, cluster: looptest.NewCluster(), machine: looptest.NewDisk("partitions"),
		cfg: shard.Config{
			ID: 1, Shards: 1, Node: 1, Cluster: looptest.ClusterID, PartitionsDir: "partitions",
			Limits: limits.Default(),
			Settings: api.Settings{
				NumPartitions: 1, ReplicationFactor: 1, MinInSync: 1, MaxMessageBytes: 1 << 20,
				FetchMaxBytes: 1 << 20, FetchMaxWait: 30 * time.Second,
				AppliedByAll: 4 * time.Second,
			},
			WAL: wal.DefaultConfig("shard-1"), Log: partition.DefaultLimits(),
			Coordinators: []shard.Coordinators{
				{Topic: "counts", New: newCounter}, shard.Groups(limits.Default()),
			},
		},
	}
	w.cfg.WAL.SegmentBytes, w.cfg.WAL.MarkDelay = 1<<20, 24*time.Hour
	d.MaybeScanArgs(t, "shards", &w.cfg.Shards)
	d.MaybeScanArgs(t, "inflight-bytes", &w.cfg.Limits.InflightBytes)
	d.MaybeScanArgs(t, "answer-bytes", &w.cfg.Limits.AnswerBytes)
	d.MaybeScanArgs(t, "connections", &w.cfg.Limits.ConnShare)
	d.MaybeScanArgs(t, "reads", &w.cfg.Limits.ReadsInFlight)
	d.MaybeScanArgs(t, "flush-bytes", &w.cfg.Limits.FlushBytes)
	d.MaybeScanArgs(t, "flush-together", &w.cfg.Limits.FlushesTogether)
	d.MaybeScanArgs(t, "flushes-at-once", &w.cfg.Limits.FlushesAtOnce)
	d.MaybeScanArgs(t, "tail-bytes", &w.cfg.Limits.TailBytes)
	d.MaybeScanArgs(t, "scan-bytes", &w.cfg.Limits.ScanBytes)
	d.MaybeScanArgs(t, "request-bytes", &w.cfg.Limits.RequestBytes)
	d.MaybeScanArgs(t, "load-bytes", &w.cfg.Limits.LoadBytes)
	d.MaybeScanArgs(t, "appends", &w.cfg.Limits.CoordinatorAppends)
	d.MaybeScanArgs(t, "wal-segment", &w.cfg.WAL.SegmentBytes)
	d.MaybeScanArgs(t, "wal-budget", &w.cfg.WAL.BudgetBytes)
	w.recover()
	w.host.Settle()
	w.lines(d.Input)
	if !d.HasArg("register") {
		w.publish(meta.Changes{Full: true})
	}
	if !d.HasArg("lease") && !d.HasArg("register") {
		w.lease(2500 * time.Millisecond)
	}
	w.host.Settle()
	for _, arg := range d.CmdArgs {
		for _, node := range arg.Vals {
			if arg.Key == "synced" {
				w.sync(w.nodeID(node))
			}
		}
	}
	w.host.Settle()
	w.host.Trace.Take()
	return w
}

// recover starts an incarnation of the shard on the disk that is there.
func (w *world) recover() {
	w.machine.Kill()
	w.starts++
	w.clients, w.inbound = map[int]*looptest.Client{}, map[kafka.NodeID]*looptest.Conn{}
	w.calls = nil
	w.cfg.Incarnation = peer.UUID{1, w.starts}
	w.host = looptest.NewHost(1, w.cluster, w.machine, uint64(w.starts))
	w.shard = shard.New(w.cfg, w.host)
	w.host.Loop = w.shard
	w.host.Start()
	w.host.PostMail(loop.Control, shard.Begin{
		Directory: looptest.Directory(1), Life: 1, Convert: w.d.HasArg("to-convert"),
	})
	w.host.Turn()
}

// lines commits the metadata commands of a script, and returns what they changed.
func (w *world) lines(input string) (all meta.Changes) {
	for line := range strings.Lines(input) {
		commands, err := w.cluster.Line(strings.TrimSpace(line))
		require.NoError(w.t, err)
		for _, cmd := range commands {
			verdict, changes := w.cluster.Apply(cmd)
			// The name of an error has an underscore; NONE has not.
			require.NotContains(w.t, looptest.Verdict(verdict), "_", "%s", line)
			merge(&all, changes)
		}
	}
	return all
}

// merge adds changes to all, as the control loop does for one image.
func merge(all *meta.Changes, c meta.Changes) {
	all.Full = all.Full || c.Full
	all.Partitions = append(all.Partitions, c.Partitions...)
	all.Created = append(all.Created, c.Created...)
	all.Deleted = append(all.Deleted, c.Deleted...)
	all.Brokers = append(all.Brokers, c.Brokers...)
	all.Configs = append(all.Configs, c.Configs...)
	all.More = append(all.More, c.More...)
	all.Handovers = append(all.Handovers, c.Handovers...)
}

// publish gives the shard the present image.
func (w *world) publish(changes meta.Changes) {
	self := w.cluster.Image.Broker(1)
	caught := self != nil && self.Incarnation == w.cfg.Incarnation
	w.host.PostMail(loop.Control, shard.Applied{
		Image: w.cluster.Image, Changes: changes, Caught: caught,
	})
	w.turn()
}

func (w *world) lease(length time.Duration) {
	w.host.PostMail(loop.Control, shard.Lease{
		Epoch: w.cluster.Image.Broker(1).Epoch, Until: w.host.Now.Mono.Add(length),
	})
	w.turn()
}

// sync connects a follower and lets it acknowledge all that the shard's logs hold.
func (w *world) sync(node kafka.NodeID) {
	w.connect(node)
	w.shard.Inspect(func(p *shard.PartState) {
		if p.Leading {
			w.fromLink(node, &peer.PushAck{
				Partition: p.ID, LeaderEpoch: p.Epoch, DurableEnd: p.End,
				BrokerEpoch: w.cluster.Image.Broker(node).Epoch,
			})
		}
	})
}

// turn gives the shard a turn, and keeps its calls to the control loop for verdicts.
func (w *world) turn() {
	w.host.Turn()
	w.keepCalls()
}

func (w *world) keepCalls() {
	for _, sent := range w.host.Take() {
		if call, ok := sent.Mail.(shard.Call); ok {
			w.calls = append(w.calls, call)
		}
	}
}

// state prints the replicas.
func (w *world) state() string {
	var b strings.Builder
	w.shard.Inspect(func(p *shard.PartState) {
		name := w.cluster.Partition(p.ID)
		switch {
		case p.Leading:
			fmt.Fprintf(&b, "%s: leads epoch %d since %d", name, p.Epoch, p.Began)
		case p.Following && p.Synced:
			fmt.Fprintf(&b, "%s: follows epoch %d", name, p.Epoch)
		case p.Following:
			fmt.Fprintf(&b, "%s: adopted epoch %d, not yet compared", name, p.Epoch)
		default:
			fmt.Fprintf(&b, "%s: idle", name)
		}
		if p.LogStart > 0 {
			fmt.Fprintf(&b, ", log start %d", p.LogStart)
		}
		fmt.Fprintf(&b, ", watermark %d, durable %d, end %d", p.Watermark, p.Durable, p.End)
		if p.Leading {
			fmt.Fprintf(&b, ", ISR %s", looptest.List(p.ISR))
		}
		if p.Suspect {
			b.WriteString(", suspect")
		}
		b.WriteByte('\n')
	})
	if b.Len() == 0 {
		return "no replicas\n"
	}
	return b.String()
}
