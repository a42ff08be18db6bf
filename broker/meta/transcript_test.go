package meta_test

import (
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop/looptest"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/wire/peer"
)

// The transcripts in testdata/transcripts/image apply commands to an image, and print the
// verdicts and what has changed. Lines are those of looptest.Cluster.
//
//	new        a new cluster; lines that must be accepted
//	apply      lines, each with its verdict
func TestImageTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata/transcripts/image", func(t *testing.T, path string) {
		var c *looptest.Cluster
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd == "new" {
				c = looptest.NewCluster()
			}
			return applyLines(t, c, d)
		})
	})
}

func applyLines(t *testing.T, c *looptest.Cluster, d *datadriven.TestData) string {
	var b strings.Builder
	before := c.Image
	for line := range strings.Lines(d.Input) {
		line = strings.TrimSpace(line)
		commands, err := c.Line(line)
		require.NoError(t, err)
		old := c.Image
		for _, cmd := range commands {
			verdict, _ := c.Apply(cmd)
			if text := looptest.Verdict(verdict); d.Cmd == "apply" {
				fmt.Fprintf(&b, "%s → %s\n", line, text)
			} else {
				require.NotContains(t, text, "_", line)
			}
		}
		if d.Cmd == "apply" {
			for _, change := range c.Diff(old, c.Image) {
				fmt.Fprintf(&b, "    %s\n", change)
			}
		}
	}
	if d.Cmd == "new" {
		for _, change := range c.Diff(before, c.Image) {
			fmt.Fprintf(&b, "%s\n", change)
		}
	}
	return b.String()
}

// The transcripts in testdata/transcripts/controller drive the only voter of a cluster,
// node 1, which is its controller. The script plays the other brokers. The disk and the
// loops of node 1 take no time.
//
//	start brokers=(N,...)   registered, unfenced and with leases; lines that they propose
//	heartbeat from=N [behind] [draining] [full] [old-incarnation]
//	    behind: its loops act on the image of its registration
//	propose from=N          lines
//	advance DURATION [heartbeats=(N,...)] [full=N] [times]
//	    these brokers send heartbeats; an answer is printed if it differs from the last one;
//	    times count from the beginning of the command
//	unhealthy, healthy      node 1 cannot vouch for itself; it can again
func TestControllerTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata/transcripts/controller", func(t *testing.T, path string) {
		var w *controllerWorld
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd == "start" {
				w = newControllerWorld(t)
				w.d = d
				w.start()
				return w.trace()
			}
			w.t, w.d = t, d
			w.command()
			return w.trace()
		})
	})
}

type seededReader struct{ r *env.Rand }

func (s seededReader) Read(b []byte) (int, error) {
	s.r.Fill(b)
	return len(b), nil
}

// controllerWorld is the controller of a cluster in which it is the only voter.
type controllerWorld struct {
	t       *testing.T
	d       *datadriven.TestData
	now     env.Instant
	began   env.Instant
	node    *meta.Node
	cluster *looptest.Cluster
	image   *meta.Image
	lines   []string
	times   bool
	seq     map[kafka.NodeID]uint64
	replied map[kafka.NodeID]string // the last answer to a heartbeat
}

func newControllerWorld(t *testing.T) *controllerWorld {
	rand.Reader = seededReader{env.NewRand(1, 2)}
	w := &controllerWorld{
		t: t, now: env.Instant(time.Hour), cluster: looptest.NewCluster(),
		seq: map[kafka.NodeID]uint64{}, replied: map[kafka.NodeID]string{},
	}
	recovered, _, image := meta.NewCluster(looptest.ClusterID, looptest.Voters(1))
	w.image = image
	w.node = meta.NewNode(meta.NodeConfig{
		Register: meta.RegisterBroker{Node: 1, Incarnation: w.cluster.Incarnation(1),
			Directory: looptest.Directory(1)},
	}, recovered, w.now)
	w.node.Announce(meta.RegisterBroker{})
	return w
}

func (w *controllerWorld) start() {
	w.advance(3*time.Second, nil)
	require.True(w.t, w.node.Status().Leading)
	arg, _ := w.d.Arg("brokers")
	var nodes []kafka.NodeID
	for _, text := range arg.Vals {
		node, err := looptest.Node(text)
		require.NoError(w.t, err)
		nodes = append(nodes, node)
		commands, err := w.cluster.Line("register " + text)
		require.NoError(w.t, err)
		w.propose(node, commands[0])
	}
	w.advance(time.Second, nodes)
	w.proposeLines(nodes[0], w.d.Input)
	w.advance(time.Second, nodes)
	w.lines = nil
	w.lines = append(w.lines, w.cluster.Registrations()...)
}

func (w *controllerWorld) trace() string {
	lines := w.lines
	w.lines = nil
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

func (w *controllerWorld) printf(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if w.times {
		line = fmt.Sprintf("%v %s", w.now.Sub(w.began), line)
	}
	w.lines = append(w.lines, line)
}

func (w *controllerWorld) command() {
	switch w.d.Cmd {
	case "heartbeat":
		w.heartbeat(w.from())
	case "propose":
		w.proposeLines(w.from(), w.d.Input)
	case "advance":
		length, err := time.ParseDuration(w.d.CmdArgs[0].Key)
		require.NoError(w.t, err)
		var nodes []kafka.NodeID
		if arg, ok := w.d.Arg("heartbeats"); ok {
			nodes, err = looptest.Nodes(strings.Join(arg.Vals, ","))
			require.NoError(w.t, err)
		}
		w.times, w.began = w.d.HasArg("times"), w.now
		w.advance(length, nodes)
		w.times = false
	case "unhealthy", "healthy":
		w.node.SetHealthy(w.now, w.d.Cmd == "healthy")
		w.turn()
	default:
		w.t.Fatalf("unknown command %s", w.d.Cmd)
	}
}

func (w *controllerWorld) from() kafka.NodeID {
	var text string
	w.d.ScanArgs(w.t, "from", &text)
	node, err := looptest.Node(text)
	require.NoError(w.t, err)
	return node
}

// heartbeat sends a heartbeat of a broker.
func (w *controllerWorld) heartbeat(node kafka.NodeID) {
	b := w.image.Broker(node)
	hb := &peer.Heartbeat{
		Node: node, Incarnation: b.Incarnation, BrokerEpoch: b.Epoch, SentAt: int64(w.now),
		Confirmed: uint64(w.image.Index()), Draining: w.d.HasArg("draining"),
	}
	if full, ok := w.d.Arg("full"); ok {
		hb.Full = len(full.Vals) == 0 || full.Vals[0] == strconv.Itoa(int(node))
	}
	if w.d.HasArg("behind") {
		hb.Confirmed = uint64(b.Epoch)
	}
	if w.d.HasArg("old-incarnation") {
		hb.Incarnation[15]++
	}
	w.node.Step(w.now, looptest.Voters(node)[0], hb)
	w.turn()
}

func (w *controllerWorld) proposeLines(node kafka.NodeID, input string) {
	for line := range strings.Lines(input) {
		w.cluster.Learn(w.image)
		commands, err := w.cluster.Line(strings.TrimSpace(line))
		require.NoError(w.t, err)
		for _, cmd := range commands {
			w.propose(node, cmd)
		}
	}
}

func (w *controllerWorld) propose(node kafka.NodeID, cmd meta.Command) {
	w.seq[node]++
	id := peer.CommandID{Node: node, Incarnation: w.cluster.Incarnation(node), Seq: w.seq[node]}
	w.node.Step(w.now, looptest.Voters(node)[0],
		&peer.Propose{ID: id, Command: meta.EncodeCommand(cmd)})
	w.turn()
}

// advance lets time pass; the brokers send a heartbeat every 250 ms.
func (w *controllerWorld) advance(length time.Duration, nodes []kafka.NodeID) {
	end := w.now.Add(length)
	beat := w.now
	for {
		next := min(w.node.NextTimer(), end)
		if len(nodes) > 0 {
			next = min(next, beat)
		}
		if next >= end {
			break
		}
		w.now = max(w.now, next)
		if len(nodes) > 0 && w.now >= beat {
			beat = w.now.Add(250 * time.Millisecond)
			for _, node := range nodes {
				if w.image.Broker(node) != nil {
					w.heartbeat(node)
				}
			}
		}
		w.turn()
	}
	w.now = end
	w.turn()
}

// turn ends a turn of the control loop and carries out its effects.
func (w *controllerWorld) turn() {
	for range 100 {
		w.node.Tick(w.now)
		e := w.node.Ready(w.now)
		if e.Image != nil {
			w.cluster.Learn(e.Image)
			for _, change := range w.cluster.Diff(w.image, e.Image) {
				w.printf("%s", change)
			}
			w.image = e.Image
			w.node.Confirm(w.now, e.Image.Index())
		}
		for _, m := range e.Send {
			w.sent(m)
		}
		again := e.Image != nil
		for _, p := range e.Persist {
			if p.Sync {
				w.node.Persisted(p.Token)
				again = true
			}
		}
		if !again {
			return
		}
	}
	w.t.Fatal("the node does not come to rest")
}

func (w *controllerWorld) sent(m meta.Envelope) {
	text := w.cluster.Message(m.Message)
	if _, ok := m.Message.(*peer.HeartbeatReply); ok {
		repeated := w.replied[m.To] == text
		if w.replied[m.To] = text; repeated && w.d.Cmd != "heartbeat" {
			return
		}
	}
	if text != "" {
		w.printf("node %d ← %s", m.To, text)
	}
}
