package node_test

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/limits"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/loop/looptest"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/node"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/broker/wal"
	"example.com/lockstep/broker/wire/peer"
	"example.com/lockstep/diskfs"
)

// The transcripts in testdata/transcripts drive the control loop of node 1 as its host does, and
// print what it does. The script plays its shards: they answer pings and confirm metadata at once,
// unless a command says otherwise. Package looptest says how to read, add and rewrite transcripts.
//
//	start [voters=(N,...)] [shards=N] [convert-to=N] [show-disk] [running]
//	    a node on an empty disk; disk operations end at once. A node without other voters
//	    becomes controller. running: its shards have recovered, and it holds a lease.
//	kill [torn]              the process dies, perhaps in the middle of a write of its log
//	start-again [shards=N] [convert-to=N] [show-disk] [other-cluster]    on the same disk
//	recovered shard=N [suspect=T/P] [whole=T/P] [unnamed]
//	converted shard=N
//	silent shard=N           it answers no pings; answers shard=N: it does again
//	stuck-disk shard=N       an operation of the shard has begun and does not end
//	full shard=N
//	drained shard=N          it has stopped answering as leader
//	drain                    the owner of the node asks for a clean stop
//	propose shard=N          lines (looptest.Cluster) that clients of the shard ask for
//	stuck                    disk operations of the control loop do not end any more
//	connect from=N           a node dials; disconnect from=N
//	rot-log [group=N], remove FILE, cat FILE, files DIR
//	advance DURATION [times] [silence]    silence: the connected nodes say nothing
//
// How often the lease was renewed is printed at the end of a command.
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata/transcripts", func(t *testing.T, path string) {
		w := &world{}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd == "start" {
				*w = *newWorld()
			}
			w.t, w.d = t, d
			w.command()
			return w.take()
		})
	})
}

type world struct {
	t       *testing.T
	d       *datadriven.TestData
	starts  byte
	machine *looptest.Disk
	cluster *looptest.Cluster
	host    *looptest.Host
	shards  []shardState
	inbound map[kafka.NodeID]*looptest.Conn
	image   *meta.Image
	stuck   bool
	disk    bool // print what is asked of the disk
	leases  int
	calls   uint64
	echoes  []func()    // what connected nodes are about to send
	kept    env.Instant // when the connected nodes sent something last
}

// shardState is how the script's shard behaves.
type shardState struct {
	silent, full, drained bool
	busySince             env.Instant
}

func newWorld() *world {
	return &world{machine: looptest.NewDisk(), cluster: looptest.NewCluster()}
}

type seededReader struct{ r *env.Rand }

func (s seededReader) Read(b []byte) (int, error) {
	s.r.Fill(b)
	return len(b), nil
}

// start starts an incarnation of the node on the disk that is there.
func (w *world) start() {
	rand.Reader = seededReader{env.NewRand(1, 2)}
	w.machine.Kill()
	w.starts++
	w.stuck, w.disk, w.leases, w.image = false, w.d.HasArg("show-disk"), 0, nil
	w.inbound = map[kafka.NodeID]*looptest.Conn{}
	cfg := w.config()
	w.shards = make([]shardState, cfg.Shards+1) // by id
	w.host = looptest.NewHost(loop.Control, w.cluster, w.machine, uint64(w.starts))
	hosts := []loop.Host{w.host}
	for range cfg.Shards {
		hosts = append(hosts, nil) // these loops are not run
	}
	w.host.Loop = node.New(cfg, hosts)[0]
	w.host.Start()
	w.settle()
	if w.d.HasArg("running") {
		w.run()
	}
}

// run lets a node without other voters go on until it serves.
func (w *world) run() {
	w.advance(time.Second)
	for i := range w.shards[1:] {
		w.host.PostMail(loop.ID(i+1), shard.Recovered{})
		w.host.Turn()
	}
	w.settle()
	w.advance(time.Second)
	require.Positive(w.t, w.leases)
	w.host.Trace.Take()
	w.leases = 0
}

func (w *world) config() node.Config {
	cfg := node.Config{
		Node: 1, Cluster: looptest.ClusterID, Incarnation: peer.UUID{1, w.starts}, Shards: 1,
		Listen: node.Addresses{
			Kafka: "host-1:9092", Control: looptest.ControlAddr(1), Data: looptest.DataAddr(1),
		},
		Limits:     limits.Default(),
		ControlWAL: wal.DefaultConfig(""), ShardWAL: wal.DefaultConfig(""),
		Log: partition.DefaultLimits(),
		Settings: api.Settings{
			NumPartitions: 1, ReplicationFactor: 1, MinInSync: 1, MaxMessageBytes: 1 << 20,
		},
	}
	cfg.Advertised = cfg.Listen
	cfg.ControlWAL.SegmentBytes, cfg.ControlWAL.MarkDelay = 1<<20, 24*time.Hour
	w.d.MaybeScanArgs(w.t, "compact-bytes", &cfg.Raft.CompactBytes)
	if w.d.HasArg("other-cluster") {
		cfg.Cluster[0]++
	}
	w.d.MaybeScanArgs(w.t, "shards", &cfg.Shards)
	w.d.MaybeScanArgs(w.t, "convert-to", &cfg.ConvertTo)
	voters := []string{"1"}
	if arg, ok := w.d.Arg("voters"); ok {
		voters = arg.Vals
	}
	for _, text := range voters {
		id, err := looptest.Node(text)
		require.NoError(w.t, err)
		cfg.Voters = append(cfg.Voters, node.Voter{Node: id, Addr: looptest.ControlAddr(id)})
	}
	return cfg
}

// take returns what was printed.
func (w *world) take() string {
	if !w.disk {
		w.host.Trace.Drop("disk ←")
		w.host.Trace.Drop("network ← listen")
	}
	if w.leases > 0 {
		w.host.Trace.Addf("shards ← lease, renewed %d times", w.leases)
		w.leases = 0
	}
	return w.host.Trace.Take()
}

// settle lets the disk and the shards answer until nothing is left to answer.
func (w *world) settle() {
	for range 1000 {
		busy := !w.stuck && w.machine.InFlight() > 0
		if busy {
			w.host.Complete(w.machine.InFlight())
		}
		echoes := w.echoes
		w.echoes = nil
		for _, deliver := range echoes {
			deliver()
		}
		if !w.answer() && !busy && len(echoes) == 0 {
			return
		}
		w.host.Turn()
	}
	w.t.Fatal("the node does not come to rest")
}

// answer lets the shards answer their mail.
func (w *world) answer() (answered bool) {
	for _, sent := range w.host.Take() {
		if sent.To < 1 {
			continue
		}
		sh := &w.shards[sent.To]
		switch m := sent.Mail.(type) {
		case shard.Applied:
			w.image = m.Image
			answered = w.pong(sent.To, shard.Ping{}) || answered
		case shard.Ping:
			answered = w.pong(sent.To, m) || answered
		case shard.Lease:
			if sent.To > 1 {
				continue // each shard gets the same
			}
			if m.Until > w.host.Now.Mono {
				w.leases++
			} else {
				w.host.Trace.Addf("shards ← no lease any more")
			}
		case shard.Drain:
			sh.drained = false // until the command drained
		}
	}
	return answered
}

func (w *world) pong(id loop.ID, ping shard.Ping) bool {
	sh := &w.shards[id]
	if sh.silent {
		return false
	}
	pong := shard.Pong{Seq: ping.Seq, SentAt: ping.SentAt, Full: sh.full, Drained: sh.drained}
	if w.image != nil {
		pong.Confirmed = w.image.Index()
	}
	pong.DiskDue = env.Never
	if sh.busySince > 0 {
		pong.DiskDue = sh.busySince.Add(limits.Default().VouchAge)
	}
	w.host.PostMail(id, pong)
	return true
}

func (w *world) command() {
	switch w.d.Cmd {
	case "start", "start-again":
		w.start()
	case "kill":
		if w.d.HasArg("torn") {
			require.NoError(w.t, w.machine.Tear())
		}
		w.machine.Kill()
	case "advance":
		length, err := time.ParseDuration(w.d.CmdArgs[0].Key)
		require.NoError(w.t, err)
		w.advance(length)
	case "drain":
		w.host.PostMail(loop.Outside, node.Drain{})
		w.host.Turn()
		w.settle()
	case "stuck":
		w.stuck = true
	case "connect", "disconnect":
		w.connect()
	case "seen":
		w.seen()
	case "rot-log", "remove", "cat", "files":
		w.diskCommand()
	default:
		w.shardCommand()
	}
}

// advance lets time pass. Each turn is followed by what the disk and the shards answer.
func (w *world) advance(length time.Duration) {
	w.host.Times(w.d.HasArg("times"))
	end := w.host.Now.Mono.Add(length)
	for w.host.Stopped == nil && w.host.Loop.NextTimer() < end {
		w.host.Freeze(max(0, w.host.Loop.NextTimer().Sub(w.host.Now.Mono)))
		w.host.Turn()
		w.settle()
		w.keepAlive()
	}
	w.host.Freeze(end.Sub(w.host.Now.Mono))
	w.host.Turn()
	w.settle()
	w.host.Times(false)
}

// keepAlive lets the connected nodes send a Keepalive from time to time.
func (w *world) keepAlive() {
	if w.d.HasArg("silence") || w.host.Now.Mono < w.kept.Add(500*time.Millisecond) {
		return
	}
	w.kept = w.host.Now.Mono
	for id := kafka.NodeID(1); id <= 3; id++ {
		if conn := w.inbound[id]; !conn.Closed() {
			conn.Deliver(peer.Append(nil, 0, &peer.Keepalive{}))
		}
	}
	w.host.Turn()
}

func (w *world) shardCommand() {
	var n int
	w.d.ScanArgs(w.t, "shard", &n)
	id, sh := loop.ID(n), &w.shards[n]
	switch w.d.Cmd {
	case "recovered":
		m := shard.Recovered{Unnamed: w.d.HasArg("unnamed")}
		m.Suspects, m.Whole = w.partitions("suspect"), w.partitions("whole")
		w.host.PostMail(id, m)
	case "converted":
		w.host.PostMail(id, shard.Converted{})
	case "silent", "answers":
		sh.silent = w.d.Cmd == "silent"
		return
	case "stuck-disk":
		sh.busySince = w.host.Now.Mono
		return
	case "full":
		sh.full = true
		return
	case "drained":
		sh.drained = true
		w.pong(id, shard.Ping{})
	case "propose":
		w.propose(id)
	default:
		w.t.Fatalf("unknown command %s", w.d.Cmd)
	}
	w.host.Turn()
	w.settle()
}

func (w *world) propose(id loop.ID) {
	for line := range strings.Lines(w.d.Input) {
		commands, err := w.cluster.Line(strings.TrimSpace(line))
		require.NoError(w.t, err)
		for _, cmd := range commands {
			w.calls++
			w.host.PostMail(id, shard.Call{
				Origin: shard.Origin{Loop: id, Request: w.calls}, Op: api.Propose{Command: cmd},
				Deadline: w.host.Now.Mono.Add(5 * time.Second),
			})
		}
	}
}

// partitions are those of an argument, which the metadata need not have.
func (w *world) partitions(key string) (ids []kafka.PartitionID) {
	if arg, ok := w.d.Arg(key); ok {
		for _, name := range arg.Vals {
			id, err := w.cluster.PartitionID(name)
			require.NoError(w.t, err)
			ids = append(ids, id)
		}
	}
	return ids
}

// connect lets a node dial this one and say hello.
func (w *world) connect() {
	var text string
	w.d.ScanArgs(w.t, "from", &text)
	id, err := looptest.Node(text)
	require.NoError(w.t, err)
	if w.d.Cmd == "disconnect" {
		w.inbound[id].Break()
		w.host.Turn()
		return
	}
	conn := w.host.Net().Accept("node "+text, w.host.Sink(loop.Control), w.peerOf(id))
	w.inbound[id] = conn
	conn.Deliver(peer.Append(nil, 0, &peer.Hello{
		MinVersion: peer.MinVersion, MaxVersion: peer.MaxVersion, Cluster: looptest.ClusterID,
		Node: id, Directory: looptest.Directory(id), Incarnation: w.cluster.Incarnation(id),
		Kind: peer.ControlConn, Generation: 1,
	}))
	held := &peer.Birth{}
	if w.d.HasArg("waits-for-another-birth") {
		w.host.Events = true
		held.ID = peer.UUID{0: 0xbb}
		for v := kafka.NodeID(1); v <= 3; v++ {
			held.Voters = append(held.Voters,
				peer.BirthVoter{Node: v, Directory: looptest.Directory(v)})
		}
	}
	conn.Deliver(peer.Append(nil, 0, held))
	w.host.Turn()
	w.settle()
}

// seen lets a connected node say which start of this node's directory it knows.
func (w *world) seen() {
	var by string
	var starts int
	w.d.ScanArgs(w.t, "by", &by)
	id, err := looptest.Node(by)
	require.NoError(w.t, err)
	w.d.ScanArgs(w.t, "starts", &starts)
	w.inbound[id].Deliver(peer.Append(nil, 0, &peer.Seen{
		Starts: uint64(starts), Incarnation: w.cluster.Incarnation(9),
	}))
	w.host.Turn()
	w.settle()
}

// peerOf prints what a connected node gets. The node holds every birth record that it is told of.
func (w *world) peerOf(id kafka.NodeID) func([]byte) string {
	return func(frame []byte) string {
		if _, m, err := peer.Decode(frame); err == nil {
			if b, ok := m.(*peer.Birth); ok && b.ID != (peer.UUID{}) {
				w.echoes = append(w.echoes, func() {
					w.inbound[id].Deliver(peer.Append(nil, 0, b))
				})
			}
		}
		return w.cluster.Peer(frame)
	}
}

func (w *world) diskCommand() {
	fs := w.machine.FS
	switch w.d.Cmd {
	case "rot-log":
		group := -1
		w.d.MaybeScanArgs(w.t, "group", &group)
		require.NoError(w.t, w.machine.RotGroup(group))
		return
	case "cat":
		data, ok := fs.ReadVisible(w.d.CmdArgs[0].Key)
		require.True(w.t, ok)
		w.host.Trace.Addf("%s", strings.TrimSuffix(string(data), "\n"))
		return
	case "files":
		w.host.Trace.Addf("%s", strings.Join(fs.Names(w.d.CmdArgs[0].Key), " "))
		return
	}
	var failed error
	disk := fs.Start().Disk(func(c diskfs.Completion) { failed = errors.Join(failed, c.Err) })
	disk.Submit(diskfs.Op{Kind: diskfs.RemoveAll, Path: w.d.CmdArgs[0].Key})
	w.machine.Finish()
	require.NoError(w.t, failed)
}
