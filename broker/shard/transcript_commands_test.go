package shard_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"hash/crc32"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/loop/looptest"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/broker/wait"
	"example.com/lockstep/broker/wire/peer"
	"example.com/lockstep/diskfs/virtual"
)

// command runs a command of a transcript. Each command is one turn of the shard.
func (w *world) command() {
	switch w.d.Cmd {
	case "metadata":
		w.publish(w.lines(w.d.Input))
	case "verdict":
		w.verdict(w.d.CmdArgs[0].Key)
	case "lease":
		length := time.Duration(0)
		if w.d.HasArg("for") {
			length = w.duration(w.text("for"))
		}
		w.lease(length)
	case "advance":
		w.host.Times(w.d.HasArg("times"))
		w.host.Advance(w.duration(w.d.CmdArgs[0].Key))
		w.host.Times(false)
		w.keepCalls()
	case "freeze":
		w.host.Freeze(w.duration(w.d.CmdArgs[0].Key))
		w.turn()
	case "convert":
		w.host.PostMail(loop.Control, shard.Convert{})
		w.turn()
	case "drain":
		w.host.PostMail(loop.Control, shard.Drain{})
		w.turn()
	case "call":
		id := w.partition()
		w.host.PostMail(loop.ID(w.int("shard")), shard.PartitionCall{
			Origin:   shard.Origin{Loop: loop.ID(w.int("shard")), Request: 1},
			Op:       api.Produce{Partition: id, Acks: w.acks(), Batches: w.batch()},
			Deadline: w.host.Now.Mono.Add(w.cfg.Limits.RequestTimeout), Epoch: w.leaderEpoch(),
			Facts: facts(w.batch()),
		})
		w.turn()
	case "coordinate":
		w.coordinate()
		w.turn()
	case "cancel":
		w.host.PostMail(2, shard.Cancel{
			Origin:    shard.Origin{Loop: 2, Request: uint64(w.int("from"))},
			Partition: w.partition(),
		})
		w.turn()
	case "ping":
		w.host.PostMail(loop.Control, shard.Ping{Seq: 1, SentAt: w.host.Now.Mono})
		w.turn()
	case "mailbox-full", "mailbox-roomy":
		w.host.FullMailboxes[loop.ID(w.int("shard"))] = w.d.Cmd == "mailbox-full"
	case "state":
		w.host.Trace.Addf("%s", strings.TrimSuffix(w.state(), "\n"))
	case "waits":
		w.shard.Waits(func(x wait.Wait) {
			if x.On.Kind == wait.OnOp {
				w.host.Trace.Addf("%s waits for %s", x.Who, x.For)
			}
		})
	case "disk-done", "disk-settle", "disk-full", "disk-roomy", "fail-sync", "fail-writes",
		"kill", "recover", "rot", "rot-file":
		w.diskCommand()
	case "connect", "disconnect", "keepalive", "ack", "reject", "reply", "probe", "push", "begin",
		"forward", "dial":
		w.peerCommand()
	default:
		w.clientCommand()
	}
}

func (w *world) diskCommand() {
	switch w.d.Cmd {
	case "disk-done":
		n := w.machine.InFlight()
		if len(w.d.CmdArgs) > 0 {
			n = w.number(w.d.CmdArgs[0].Key)
		}
		w.host.Complete(n)
	case "disk-settle":
		w.host.Settle()
	case "disk-full":
		w.machine.FS.SetCapacity(max(1, w.machine.FS.Used()))
	case "disk-roomy":
		w.machine.FS.SetCapacity(0)
	case "fail-sync":
		w.machine.FS.FailNext(virtual.Syncs, "", 1)
	case "fail-writes":
		w.machine.FS.FailNext(virtual.Writes, "partitions/", w.number(w.d.CmdArgs[0].Key))
	case "kill":
		if w.d.HasArg("torn") {
			require.NoError(w.t, w.machine.Tear())
		}
		w.machine.Kill()
	case "recover":
		w.recover()
		if w.d.HasArg("by-steps") {
			break
		}
		w.host.Settle()
		w.host.Trace.Drop("disk ←")
	case "rot-file":
		file := "partitions/" + shard.DirName(w.partition()) + "/" + w.text("name")
		_, ok := w.machine.FS.Rot(file, 0, 500)
		require.True(w.t, ok)
	case "rot":
		group := -1
		w.d.MaybeScanArgs(w.t, "group", &group)
		require.NoError(w.t, w.machine.RotGroup(group))
	}
	w.keepCalls()
}

// verdict ends the oldest call to the control loop.
func (w *world) verdict(fate string) {
	require.NotEmpty(w.t, w.calls, "nothing was asked of the control loop")
	call := w.calls[0]
	w.calls = w.calls[1:]
	var result any
	switch op := call.Op.(type) {
	case api.Propose:
		result = w.proposed(op, fate)
	case api.NextProducerID:
		result = api.ProducerIDResult{ID: 1000}
	case api.Applied:
		result = api.AppliedResult{All: true}
	case api.Barrier:
		code := kafka.None
		if fate == "timed-out" {
			code = kafka.RequestTimedOut
		}
		result = api.BarrierResult{Code: code}
	default:
		w.t.Fatalf("no verdict for %T", op)
	}
	w.host.PostMail(loop.Control, shard.Return{Origin: call.Origin, Result: result})
	w.turn()
}

func (w *world) proposed(op api.Propose, fate string) api.ProposeResult {
	switch fate {
	case "not-proposed":
		return api.ProposeResult{Code: kafka.NotController}
	case "timed-out":
		return api.ProposeResult{Code: kafka.RequestTimedOut}
	case "applied":
	default:
		w.t.Fatalf("unknown verdict %q", fate)
	}
	verdict, changes := w.cluster.Apply(op.Command)
	w.host.Trace.Addf("the controller says %s", looptest.Verdict(verdict))
	w.publish(changes)
	return api.ProposeResult{Verdict: verdict, Index: uint64(verdict.Index)}
}

// --- clients ---

func (w *world) clientCommand() {
	c := w.client()
	switch w.d.Cmd {
	case "produce":
		c.Send(w.produce())
	case "fetch":
		req := looptest.NewFetch(w.topic(), w.index(), int64(w.int("offset")))
		if w.d.HasArg("wait") {
			req.MaxWaitMillis = int32(w.duration(w.text("wait")).Milliseconds())
		}
		if w.d.HasArg("leader-epoch") {
			req.Topics[0].Partitions[0].CurrentLeaderEpoch = int32(w.int("leader-epoch"))
		}
		c.Send(req)
	case "list-offsets":
		c.Send(w.listOffsets())
	case "delete-records":
		req := looptest.NewDeleteRecords(w.topic(), w.index(), int64(w.int("offset")))
		if w.d.HasArg("timeout") {
			req.TimeoutMillis = int32(w.duration(w.text("timeout")).Milliseconds())
		}
		c.Send(req)
	case "offset-for-leader-epoch":
		c.Send(looptest.NewOffsetForLeaderEpoch(w.topic(), w.index(), int32(w.int("epoch"))))
	case "request":
		c.Send(w.request(w.text("key")))
	case "raw":
		for line := range strings.Lines(w.d.Input) {
			c.Conn.Deliver(w.rawFrame(strings.Fields(line)))
		}
	case "reads-slowly":
		c.Conn.Full = true
	case "reads-again":
		c.Conn.Full = false
		c.Conn.Drained()
	case "open": // client opens it
	case "end":
		c.Conn.End()
	case "close":
		c.Conn.Break()
	default:
		w.t.Fatalf("unknown command %s", w.d.Cmd)
	}
	w.turn()
}

// client returns the client on the connection that the command names. The first command opens
// the connection.
func (w *world) client() *looptest.Client {
	n := 1
	w.d.MaybeScanArgs(w.t, "conn", &n)
	c := w.clients[n]
	if c == nil {
		c = w.host.NewClient("client "+strconv.Itoa(n), shard.ClientSink(w.host.Sink(1)))
		w.clients[n] = c
	}
	return c
}

// batch builds the batch that the command describes.
func (w *world) batch() batch.Batch {
	b := batch.NewBuilder()
	if w.d.HasArg("producer") {
		epoch := 0
		w.d.MaybeScanArgs(w.t, "producer-epoch", &epoch)
		id, seq := kafka.ProducerID(w.int("producer")), int32(w.int("seq"))
		b.Producer(id, kafka.ProducerEpoch(epoch), seq)
	}
	for i, value := range w.list("values") {
		var key []byte
		if w.d.HasArg("keyed") {
			key = []byte("k")
		}
		at := w.host.Now.WallMs
		if w.d.HasArg("ages") {
			at -= w.duration(w.list("ages")[i]).Milliseconds()
		}
		b.Add(at, key, []byte(value))
	}
	built := w.lie(b, b.Build())
	if w.d.HasArg("corrupt") {
		built[len(built)-1] ^= 1
	}
	return built
}

// lie gives the batch a header or a payload that does not fit its records, with a true checksum.
func (w *world) lie(b *batch.Builder, built batch.Batch) batch.Batch {
	if w.d.HasArg("count") { // and last offset delta
		binary.BigEndian.PutUint32(built[23:], uint32(w.int("count")-1))
		binary.BigEndian.PutUint32(built[57:], uint32(w.int("count")))
	}
	if w.d.HasArg("max") {
		binary.BigEndian.PutUint64(built[35:], uint64(w.int("max")))
	}
	if w.d.HasArg("junk") {
		built = b.BuildWith(batch.Gzip, []byte("this is no gzip"))
	}
	if w.d.HasArg("bomb") {
		var out bytes.Buffer
		z := gzip.NewWriter(&out)
		_, err := z.Write(b.Add(0, nil, make([]byte, w.int("bomb"))).Plain())
		require.NoError(w.t, err)
		require.NoError(w.t, z.Close())
		built = b.BuildWith(batch.Gzip, out.Bytes())
	}
	crc := crc32.Checksum(built[21:], crc32.MakeTable(crc32.Castagnoli))
	binary.BigEndian.PutUint32(built[17:], crc)
	return built
}

func (w *world) produce() *kmsg.ProduceRequest {
	req := looptest.NewProduce(w.topic(), w.index(), w.acks(), w.batch())
	if w.d.HasArg("timeout") {
		req.TimeoutMillis = int32(w.duration(w.text("timeout")).Milliseconds())
	}
	return req
}

func (w *world) listOffsets() *kmsg.ListOffsetsRequest {
	var at int64
	switch text := w.text("at"); text {
	case "latest":
		at = -1
	case "earliest":
		at = -2
	case "largest":
		at = -3
	default:
		at = int64(w.number(text))
	}
	req := looptest.NewListOffsets(w.topic(), w.index(), at)
	if w.d.HasArg("version") {
		req.Version = int16(w.int("version"))
	}
	return req
}

// request makes a request without contents; CreateTopics has one topic.
func (w *world) request(name string) kmsg.Request {
	for key := int16(0); key <= kmsg.MaxKey; key++ {
		if kmsg.NameForKey(key) != name {
			continue
		}
		req := kmsg.RequestForKey(key)
		if w.d.HasArg("version") {
			req.SetVersion(int16(w.int("version")))
		}
		if create, ok := req.(*kmsg.CreateTopicsRequest); ok {
			topic := kmsg.NewCreateTopicsRequestTopic()
			topic.Topic, topic.NumPartitions, topic.ReplicationFactor = w.text("topic"), 1, 1
			create.Topics, create.TimeoutMillis = append(create.Topics, topic), 5000
		}
		if w.d.Input != "" {
			require.NoError(w.t, json.Unmarshal([]byte(w.d.Input), req))
		}
		return req
	}
	w.t.Fatalf("no request is named %s", name)
	return nil
}

// rawFrame makes bytes that no client library sends:
//
//	length=BYTES key=K version=V    a header that announces a frame of this length
//	text TEXT                       the text as it is
func (w *world) rawFrame(words []string) []byte {
	if words[0] == "text" {
		return []byte(strings.Join(words[1:], " "))
	}
	var frame []byte
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		n := w.number(value)
		switch name {
		case "length":
			frame = binary.BigEndian.AppendUint32(frame, uint32(n))
		case "key", "version":
			frame = binary.BigEndian.AppendUint16(frame, uint16(n))
		default:
			w.t.Fatalf("unknown field %q", word)
		}
	}
	return frame
}

// --- other nodes ---

func (w *world) peerCommand() {
	node := w.nodeID(w.text("from"))
	switch w.d.Cmd {
	case "connect":
		w.connect(node)
	case "dial":
		hello := w.hello(node)
		hello.Generation = uint64(w.int("connection"))
		if w.d.HasArg("cluster") {
			hello.Cluster[0]++
		}
		w.inbound[node] = w.accept(node)
		w.fromInbound(node, hello)
	case "disconnect":
		w.link(node).Break()
		w.turn()
	case "keepalive":
		w.fromLink(node, &peer.Keepalive{})
	case "ack":
		w.fromLink(node, &peer.PushAck{
			Partition: w.partition(), LeaderEpoch: w.epoch("epoch", w.leaderEpoch()),
			BrokerEpoch: w.brokerEpoch(node), DurableEnd: kafka.Offset(w.int("end")),
			LogStart: w.start(),
		})
	case "reject":
		w.fromLink(node, w.reject(node))
	case "reply":
		reply := &peer.ForwardReply{ID: uint64(w.int("id")), BaseOffset: -1, LogAppendTimeMs: -1}
		if w.d.HasArg("base") {
			reply.BaseOffset = kafka.Offset(w.int("base"))
		} else {
			reply.Code = w.code(w.text("code"))
		}
		w.fromLink(node, reply)
	case "begin":
		w.fromInbound(node, w.beginning())
	case "probe", "push":
		push := &peer.Push{
			Partition: w.partition(), LeaderEpoch: kafka.LeaderEpoch(w.int("epoch")),
			Base: kafka.Offset(w.int("base")), PrevEpoch: kafka.LeaderEpoch(w.int("prev")),
		}
		if w.d.HasArg("watermark") {
			push.Watermark = kafka.Offset(w.int("watermark"))
		}
		push.LogStart = w.start()
		if w.d.Cmd == "push" {
			b := w.batch()
			b.Stamp(push.Base, w.epoch("of", push.LeaderEpoch))
			push.Batches = b
		}
		w.fromInbound(node, push)
	case "forward":
		w.fromInbound(node, &peer.Forward{
			ID: uint64(w.int("id")), Partition: w.partition(), Acks: w.acks(), TimeoutMs: 30_000,
			LeaderEpoch: kafka.LeaderEpoch(w.int("epoch")), Batches: w.batch(),
			Records: peer.RecordFacts(facts(w.batch())),
		})
	}
}

// start is the log start that a message names; 0 unless given.
func (w *world) start() kafka.Offset {
	if w.d.HasArg("start") {
		return kafka.Offset(w.int("start"))
	}
	return 0
}

// beginning makes a new beginning. With a producer, the state holds its batch just below the start.
func (w *world) beginning() *peer.Push {
	base, prev := kafka.Offset(w.int("base")), kafka.LeaderEpoch(w.int("prev"))
	state := make([]byte, 12)
	if be := binary.BigEndian; w.d.HasArg("producer") { // as package partition encodes it
		state[11] = 1
		state = be.AppendUint64(state, uint64(w.int("producer")))
		state = be.AppendUint16(state, 0)
		state = be.AppendUint64(state, 0)              // used at
		state = be.AppendUint64(state, uint64(base-1)) // its last offset
		state = append(state, 1)                       // batches
		state = be.AppendUint64(state, uint64(base-1))
		state = be.AppendUint32(state, uint32(w.int("seq")))
		state = be.AppendUint32(state, uint32(w.int("seq")))
		state = be.AppendUint64(state, 0)
	}
	return &peer.Push{
		Partition: w.partition(), LeaderEpoch: kafka.LeaderEpoch(w.int("epoch")), Base: base,
		PrevEpoch: prev, Begin: true, LogStart: w.start(), Batches: state,
	}
}

func (w *world) reject(node kafka.NodeID) *peer.PushReject {
	reasons := map[string]peer.RejectReason{
		"diverged": peer.Diverged, "unknown-epoch": peer.UnknownEpoch,
		"stale-epoch": peer.StaleEpoch, "not-replica": peer.NotReplica,
		"unavailable": peer.Unavailable,
	}
	m := &peer.PushReject{
		Partition: w.partition(), LeaderEpoch: w.epoch("epoch", w.leaderEpoch()),
		BrokerEpoch: w.brokerEpoch(node), Reason: reasons[w.text("reason")],
	}
	require.NotZero(w.t, m.Reason)
	if m.Reason == peer.Diverged {
		m.LastEpoch, m.End = kafka.LeaderEpoch(w.int("last")), kafka.Offset(w.int("end"))
	}
	return m
}

// connect accepts the connection that the shard dialled, and says hello.
func (w *world) connect(node kafka.NodeID) {
	conn := w.link(node)
	conn.Open()
	w.fromLink(node, w.hello(node))
}

func (w *world) hello(node kafka.NodeID) *peer.Hello {
	return &peer.Hello{
		MinVersion: peer.MinVersion, MaxVersion: peer.MaxVersion, Cluster: looptest.ClusterID,
		Node: node, Directory: looptest.Directory(node),
		Incarnation: w.cluster.Incarnation(node), Kind: peer.DataConn,
		Generation: 1, Shard: 1,
	}
}

// link returns the connection that the shard has dialled to a node.
func (w *world) link(node kafka.NodeID) *looptest.Conn {
	conn := w.host.Net().Dialed("node " + strconv.Itoa(int(node)))
	require.False(w.t, conn.Closed(), "there is no connection to node %d", node)
	return conn
}

// fromLink delivers what a node answers on the connection that the shard dialled.
func (w *world) fromLink(node kafka.NodeID, m peer.Message) {
	w.link(node).Deliver(peer.Append(nil, w.cluster.Image.Broker(node).Epoch, m))
	w.turn()
}

// fromInbound delivers what a node sends on the connection that it dialled. The first message
// opens the connection.
func (w *world) fromInbound(node kafka.NodeID, m peer.Message) {
	epoch := w.cluster.Image.Broker(node).Epoch
	conn := w.inbound[node]
	if conn.Closed() {
		conn = w.accept(node)
		w.inbound[node] = conn
		conn.Deliver(peer.Append(nil, epoch, w.hello(node)))
		w.turn()
		w.host.Trace.Take() // the hello of this node, which is the same every time
	}
	frame := peer.Append(nil, epoch, m)
	if w.d.HasArg("parts") {
		for rest := w.int("parts"); rest > 1; rest-- {
			part := len(frame) / rest
			conn.Deliver(frame[:part:part])
			w.turn()
			w.host.Advance(w.duration(w.text("apart")))
			frame = frame[part:]
		}
	}
	conn.Deliver(frame)
	w.turn()
}

func (w *world) accept(node kafka.NodeID) *looptest.Conn {
	sink := shard.DataSink(w.host.Sink(1))
	return w.host.Net().Accept("node "+strconv.Itoa(int(node)), sink, w.cluster.Peer)
}

// --- arguments ---

func (w *world) text(key string) (text string) {
	w.d.ScanArgs(w.t, key, &text)
	return text
}

func (w *world) list(key string) []string {
	arg, ok := w.d.Arg(key)
	require.True(w.t, ok, key)
	return arg.Vals
}

func (w *world) number(text string) int {
	n, err := strconv.Atoi(text)
	require.NoError(w.t, err)
	return n
}

func (w *world) int(key string) int { return w.number(w.text(key)) }

func (w *world) duration(text string) time.Duration {
	length, err := time.ParseDuration(text)
	require.NoError(w.t, err)
	return length
}

func (w *world) nodeID(text string) kafka.NodeID {
	node, err := looptest.Node(text)
	require.NoError(w.t, err)
	return node
}

// partition returns the partition that the argument p names; t/0 without p.
func (w *world) partition() kafka.PartitionID {
	id, err := w.cluster.PartitionID(w.name())
	require.NoError(w.t, err)
	return id
}

// topic and index return the parts of the argument p. The cluster need not know them.
func (w *world) topic() string {
	topic, _, _ := strings.Cut(w.name(), "/")
	return topic
}

func (w *world) index() int32 {
	_, index, _ := strings.Cut(w.name(), "/")
	return int32(w.number(index))
}

func (w *world) name() string {
	name := "t/0"
	w.d.MaybeScanArgs(w.t, "p", &name)
	return name
}

func (w *world) acks() kafka.Acks {
	if text := w.text("acks"); text != "all" {
		return kafka.Acks(w.number(text))
	}
	return kafka.AcksAll
}

// epoch returns the leader epoch that the command names, or otherwise if it names none.
func (w *world) epoch(key string, otherwise kafka.LeaderEpoch) kafka.LeaderEpoch {
	if w.d.HasArg(key) {
		return kafka.LeaderEpoch(w.int(key))
	}
	return otherwise
}

func (w *world) leaderEpoch() kafka.LeaderEpoch {
	return w.cluster.Image.Partition(w.partition()).LeaderEpoch
}

func (w *world) brokerEpoch(node kafka.NodeID) kafka.BrokerEpoch {
	if w.d.HasArg("broker-epoch") {
		return kafka.BrokerEpoch(w.int("broker-epoch"))
	}
	return w.cluster.Image.Broker(node).Epoch
}

// code returns the error code with this name.
func (w *world) code(name string) kafka.ErrorCode {
	for code := kafka.ErrorCode(-1); code < math.MaxInt8; code++ {
		if code.String() == name {
			return code
		}
	}
	w.t.Fatalf("no error is named %s", name)
	return 0
}

// facts are those that the shard of the client's connection has read.
func facts(b batch.Batch) batch.Facts {
	facts, _ := b.CheckRecords(1 << 20)
	return facts
}
