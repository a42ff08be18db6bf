package meta_test

import (
	"crypto/rand"
	"fmt"
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

// The transcripts in testdata/transcripts/cluster run three nodes that exchange messages.
// A message takes a millisecond, and disks take no time. What is seen from outside is
// printed: which node is controller, which ones hold a lease, and the newest metadata.
//
//	start [compact-bytes=N] [chunk-bytes=N]    all are unfenced and hold leases; lines
//	run DURATION [times]    times count from the beginning of the command
//	propose node=N          lines
//	cut node=N, heal node=N        no message reaches it or leaves it
//	freeze node=N, thaw node=N     it gets no turn; what was sent to it waits
//	wedge node=N                   its shards take no new metadata
func TestClusterTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata/transcripts/cluster", func(t *testing.T, path string) {
		var w *clusterWorld
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd == "start" {
				w = newClusterWorld(t, d)
			}
			w.t, w.d = t, d
			w.lines = nil
			w.command()
			if len(w.lines) == 0 {
				return ""
			}
			return strings.Join(w.lines, "\n") + "\n"
		})
	})
}

type clusterWorld struct {
	t       *testing.T
	d       *datadriven.TestData
	now     env.Instant
	began   env.Instant
	nodes   []*clusterNode
	cluster *looptest.Cluster
	image   *meta.Image
	lines   []string
}

type clusterNode struct {
	id                  kafka.NodeID
	node                *meta.Node
	inbox               []clusterMessage
	cut, frozen, wedged bool
	started             bool // it has handed out its first image
	leading, leased     bool // as printed
}

type clusterMessage struct {
	from kafka.NodeID
	m    peer.Message
}

func newClusterWorld(t *testing.T, d *datadriven.TestData) *clusterWorld {
	rand.Reader = seededReader{env.NewRand(1, 2)}
	w := &clusterWorld{t: t, d: d, now: env.Instant(time.Hour), cluster: looptest.NewCluster()}
	cfg := meta.RaftConfig{RetainBytes: 1}
	d.MaybeScanArgs(t, "compact-bytes", &cfg.CompactBytes)
	d.MaybeScanArgs(t, "chunk-bytes", &cfg.ChunkBytes)
	for id := kafka.NodeID(1); id <= 3; id++ {
		recovered, _, image := meta.NewCluster(looptest.ClusterID, looptest.Voters(1, 2, 3))
		w.image = image
		n := &clusterNode{id: id}
		n.node = meta.NewNode(meta.NodeConfig{
			Register: meta.RegisterBroker{Node: id, Incarnation: w.cluster.Incarnation(id),
				Directory: looptest.Directory(id)},
			Raft: cfg,
		}, recovered, w.now)
		n.node.Announce(meta.RegisterBroker{})
		w.nodes = append(w.nodes, n)
	}
	return w
}

func (w *clusterWorld) command() {
	switch w.d.Cmd {
	case "start":
		w.run(5 * time.Second)
		w.propose(w.nodes[0])
		w.run(time.Second)
		w.lines = nil
		for _, n := range w.nodes {
			require.True(w.t, n.leased, "node %d has no lease", n.id)
			if n.leading {
				w.printf("node %d is controller in term %d", n.id, n.node.Status().Term)
			}
		}
		w.lines = append(w.lines, w.cluster.Registrations()...)
	case "run":
		length, err := time.ParseDuration(w.d.CmdArgs[0].Key)
		require.NoError(w.t, err)
		w.began = w.now
		w.run(length)
	case "propose":
		w.propose(w.node())
		w.run(10 * time.Millisecond)
	case "cut", "heal":
		w.node().cut = w.d.Cmd == "cut"
	case "freeze", "thaw":
		w.node().frozen = w.d.Cmd == "freeze"
	case "wedge":
		w.node().wedged = true
	default:
		w.t.Fatalf("unknown command %s", w.d.Cmd)
	}
}

func (w *clusterWorld) node() *clusterNode {
	var id int
	w.d.ScanArgs(w.t, "node", &id)
	return w.nodes[id-1]
}

func (w *clusterWorld) printf(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if w.d.HasArg("times") {
		line = fmt.Sprintf("%v %s", w.now.Sub(w.began).Round(time.Millisecond), line)
	}
	w.lines = append(w.lines, line)
}

func (w *clusterWorld) propose(n *clusterNode) {
	for line := range strings.Lines(w.d.Input) {
		w.cluster.Learn(w.image)
		commands, err := w.cluster.Line(strings.TrimSpace(line))
		require.NoError(w.t, err)
		for _, cmd := range commands {
			n.node.Propose(cmd, w.now.Add(5*time.Second))
		}
	}
}

// run lets time pass in steps of a millisecond.
func (w *clusterWorld) run(length time.Duration) {
	for end := w.now.Add(length); w.now < end; {
		w.now = w.now.Add(time.Millisecond)
		inboxes := make([][]clusterMessage, len(w.nodes))
		for i, n := range w.nodes {
			if !n.frozen {
				inboxes[i], n.inbox = n.inbox, nil
			}
		}
		for i, n := range w.nodes {
			for _, m := range inboxes[i] {
				n.node.Step(w.now, looptest.Voters(m.from)[0], m.m)
			}
			if !n.frozen {
				w.turn(n)
			}
		}
		w.observe()
	}
}

func (w *clusterWorld) turn(n *clusterNode) {
	for again := true; again; {
		n.node.Tick(w.now)
		e := n.node.Ready(w.now)
		again = false
		if e.Image != nil {
			w.applied(n, e)
		}
		for _, m := range e.Send {
			w.send(n, m)
		}
		for _, v := range e.Verdicts {
			w.printf("node %d: verdict %s", n.id, looptest.Verdict(v.Verdict))
		}
		for _, f := range e.Files {
			n.node.SnapshotSaved(f.Index)
			again = true
		}
		for _, p := range e.Persist {
			if p.Sync {
				n.node.Persisted(p.Token)
				again = true
			}
		}
	}
}

func (w *clusterWorld) applied(n *clusterNode, e meta.Effects) {
	if e.Changes.Full && n.started {
		w.printf("node %d takes the image of index %d from a snapshot", n.id, e.Image.Index())
	}
	n.started = true
	if !n.wedged {
		n.node.Confirm(w.now, e.Image.Index())
	}
	if e.Image.Index() <= w.image.Index() {
		return
	}
	w.cluster.Learn(e.Image)
	for _, change := range w.cluster.Diff(w.image, e.Image) {
		w.printf("%s", change)
	}
	w.image = e.Image
}

func (w *clusterWorld) send(from *clusterNode, m meta.Envelope) {
	to := w.nodes[m.To-1]
	if from.cut || to.cut {
		return
	}
	if _, ok := m.Message.(*peer.SnapshotChunk); ok {
		w.printf("node %d ← %s", m.To, w.cluster.Message(m.Message))
	}
	to.inbox = append(to.inbox, clusterMessage{from.id, m.Message})
}

// observe prints which node has become controller, and which leases have begun or ended.
func (w *clusterWorld) observe() {
	for _, n := range w.nodes {
		if n.frozen {
			continue // no client can ask it
		}
		if leading := n.node.Status().Leading; leading != n.leading {
			n.leading = leading
			if leading {
				w.printf("node %d is controller in term %d", n.id, n.node.Status().Term)
			} else {
				w.printf("node %d is no longer controller", n.id)
			}
		}
		if leased := n.node.LeaseValid(w.now); leased != n.leased {
			n.leased = leased
			if leased {
				w.printf("node %d holds a lease", n.id)
			} else {
				w.printf("node %d holds no lease", n.id)
			}
		}
	}
}
