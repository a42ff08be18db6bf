package meta

import (
	"crypto/rand"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/wire/peer"
)

// cluster runs nodes in one thread on one real time, with a network that
// delays, drops and partitions, disks that lose what was not synced, and clocks
// that drift. Everything follows from the seed.
type cluster struct {
	t       require.TestingT
	now     time.Duration
	rng     *env.Rand
	nodes   []*host
	wire    []packet
	dropPct uint64
	cut     map[[2]kafka.NodeID]bool
	raftCfg RaftConfig
	// bytesPerMs is the bandwidth of each pair in each direction; 0 is unlimited. Past window
	// bytes that wait for it, a message is dropped, as a control loop drops it.
	bytesPerMs, window int
	transfers          int    // snapshots that were begun, repetitions included
	newest             *Image // the image of the highest index that any node has applied
	checks             int
}

type packet struct {
	at        time.Duration
	from      PeerID
	to        kafka.NodeID
	directory peer.UUID // of to, as in Envelope
	size      int
	m         peer.Message
}

// host is a node with its disk and clock.
type host struct {
	c      *cluster
	id     kafka.NodeID
	dir    peer.UUID
	node   *Node
	starts byte
	drift  int64 // percent
	frozen bool
	inbox  []packet

	durable   []Record
	writing   []diskWrite
	files     map[Index][]byte // durable
	saving    []diskSave
	diskStuck bool

	verdicts map[peer.CommandID]Verdict
	barriers map[uint64]kafka.ErrorCode
	wakeups  int
	full     int // images installed from snapshots
	// acting is the image that the loops of the host act on. It is a little older than
	// the last one, or much older while the loops are wedged.
	acting *Image
	mail   []*Image
	actAt  time.Duration
	wedged bool
	// resigned are leaderships that the host has stopped answering for.
	resigned map[kafka.PartitionID]kafka.LeaderEpoch
}

type diskWrite struct {
	at time.Duration
	p  Persist
}

type diskSave struct {
	at time.Duration
	f  SnapshotFile
}

// seededReader replaces crypto/rand.Reader, from which the raft library draws
// its election jitter.
type seededReader struct{ r *env.Rand }

func (s seededReader) Read(b []byte) (int, error) {
	s.r.Fill(b)
	return len(b), nil
}

func TestMain(m *testing.M) {
	old := rand.Reader
	rand.Reader = seededReader{env.NewRand(1, 2)}
	code := m.Run()
	rand.Reader = old
	os.Exit(code)
}

func newCluster(t require.TestingT, size int, seed uint64) *cluster {
	return newClusterWith(t, size, seed, RaftConfig{})
}

func newClusterWith(t require.TestingT, size int, seed uint64, cfg RaftConfig) *cluster {
	rand.Reader = seededReader{env.NewRand(seed, 77)}
	c := &cluster{t: t, rng: env.NewRand(seed, 1), cut: map[[2]kafka.NodeID]bool{}, raftCfg: cfg}
	voters := make([]PeerID, size)
	for i := range voters {
		voters[i] = peerID(kafka.NodeID(i + 1))
	}
	for i := 1; i <= size; i++ {
		h := &host{
			c: c, id: kafka.NodeID(i), dir: directory(kafka.NodeID(i)),
			verdicts: map[peer.CommandID]Verdict{}, barriers: map[uint64]kafka.ErrorCode{},
			files: map[Index][]byte{},
		}
		_, records, image := NewCluster(peer.UUID{7}, voters)
		h.durable = records
		h.files[image.Index()] = image.Encode()
		c.nodes = append(c.nodes, h)
		h.start()
	}
	return c
}

// directory is the directory of a node; its Raft id is the node's.
func directory(id kafka.NodeID) peer.UUID { return peer.UUID{7: byte(id)} }

func peerID(id kafka.NodeID) PeerID { return PeerID{id, directory(id)} }

func peers(ids ...kafka.NodeID) (list []PeerID) {
	for _, id := range ids {
		list = append(list, peerID(id))
	}
	return list
}

func (c *cluster) host(id kafka.NodeID) *host { return c.nodes[id-1] }

// start recovers from what is durable and starts a new incarnation.
func (h *host) start() {
	h.starts++
	last, ok, err := LastSnapshot(h.durable)
	require.NoError(h.c.t, err)
	require.True(h.c.t, ok)
	require.True(h.c.t, Checkpointed(h.durable),
		"commit lets go of what is before a checkpoint, and of nothing else")
	image, err := DecodeImage(h.files[last])
	require.NoError(h.c.t, err)
	rec, err := Recover(h.durable, image)
	require.NoError(h.c.t, err)
	h.node = NewNode(NodeConfig{
		Register: RegisterBroker{
			Node: h.id, Incarnation: incarnation(h.id, h.starts), Directory: h.dir,
			Endpoints: Endpoints{Host: "h", Port: 9092},
		},
		Raft: h.c.raftCfg,
	}, rec, h.clock())
	h.node.Announce(RegisterBroker{})
	h.writing, h.saving, h.inbox, h.frozen, h.diskStuck = nil, nil, nil, false, false
	h.acting, h.mail, h.wedged = nil, nil, false
	h.resigned = map[kafka.PartitionID]kafka.LeaderEpoch{}
	h.turn()
}

// crash loses what is not durable. Some prefix of the records that are not synced
// survives. It may end within a batch, and within a checkpoint.
func (h *host) crash() {
	h.node = nil
	for _, w := range h.writing {
		keep := h.c.rng.IntN(len(w.p.Records) + 2)
		if keep <= len(w.p.Records) {
			h.durable = append(h.durable, w.p.Records[:keep]...)
			break
		}
		h.commit(w.p)
	}
	h.writing, h.saving, h.inbox = nil, nil, nil
}

func (h *host) commit(p Persist) {
	if p.Checkpoint != 0 {
		h.durable = nil
	}
	h.durable = append(h.durable, p.Records...)
}

// clock is the host's own time. The clock of each host has another origin and another
// rate.
func (h *host) clock() env.Instant {
	return env.Instant(int64(h.c.now)*(100+h.drift)/100 + int64(h.id)*1e12)
}

func (h *host) turn() {
	if h.node == nil || h.frozen {
		return
	}
	now := h.clock()
	if h.node.NextTimer() <= now {
		h.wakeups++
	}
	h.node.Tick(now)
	eff := h.node.Ready(now)
	for _, p := range eff.Persist {
		h.writing = append(h.writing,
			diskWrite{h.c.now + time.Duration(h.c.rng.Between(1, 8))*time.Millisecond, p})
	}
	for _, f := range eff.Files {
		h.saving = append(h.saving,
			diskSave{h.c.now + time.Duration(h.c.rng.Between(5, 30))*time.Millisecond, f})
	}
	for _, e := range eff.Send {
		h.c.transmit(PeerID{h.id, h.dir}, e)
	}
	for _, v := range eff.Verdicts {
		h.verdicts[v.ID] = v.Verdict
	}
	for _, b := range eff.Barriers {
		h.barriers[b.ID] = b.Code
	}
	if eff.Image != nil {
		if eff.Changes.Full {
			h.full++
		}
		if h.c.newest == nil || eff.Image.Index() > h.c.newest.Index() {
			h.c.newest = eff.Image
		}
		h.mail = append(h.mail, eff.Image)
		if len(h.mail) == 1 {
			h.actAt = h.c.now + time.Duration(h.c.rng.Between(0, 20))*time.Millisecond
		}
	}
}

// loops lets the host's loops take the images that were mailed to them.
func (h *host) loops() {
	if h.node == nil || h.frozen || h.wedged || len(h.mail) == 0 || h.actAt > h.c.now {
		return
	}
	h.acting = h.mail[len(h.mail)-1]
	h.mail = nil
	h.node.Confirm(h.clock(), h.acting.Index())
	h.turn()
}

func (c *cluster) transmit(from PeerID, e Envelope) {
	if c.cut[[2]kafka.NodeID{from.Node, e.To}] || c.rng.Chance(c.dropPct, 100) {
		return
	}
	// Messages go through the real encoding.
	frame := peer.Append(nil, 0, e.Message)
	_, m, err := peer.Decode(frame[4:])
	require.NoError(c.t, err)
	if chunk, ok := m.(*peer.SnapshotChunk); ok && chunk.Offset == 0 {
		c.transfers++
	}
	at := c.now + time.Duration(c.rng.Between(1, 3))*time.Millisecond
	waiting := 0
	for _, p := range c.wire { // in order per pair
		if p.from == from && p.to == e.To {
			at = max(at, p.at)
			waiting += p.size
		}
	}
	if c.bytesPerMs > 0 {
		if waiting > c.window {
			c.host(from.Node).node.PeerDown(PeerID{e.To, e.Directory})
			return
		}
		at += time.Duration(len(frame)) * time.Millisecond / time.Duration(c.bytesPerMs)
	}
	c.wire = append(c.wire, packet{at, from, e.To, e.Directory, len(frame), m})
}

// run lets time pass in steps of a millisecond.
func (c *cluster) run(d time.Duration) {
	for end := c.now + d; c.now < end; {
		c.now += time.Millisecond
		c.deliver()
		for _, h := range c.nodes {
			h.disk()
			h.loops()
			if h.node != nil && !h.frozen {
				for _, p := range h.inbox {
					h.node.Step(h.clock(), p.from, p.m)
				}
				busy := len(h.inbox) > 0
				h.inbox = nil
				if busy || h.node.NextTimer() <= h.clock() {
					h.turn()
				}
			}
		}
		c.check()
	}
}

// until runs until the condition holds, or fails.
func (c *cluster) until(limit time.Duration, what string, ok func() bool) time.Duration {
	begin := c.now
	for !ok() {
		require.Less(c.t, c.now-begin, limit, "not within %v: %s", limit, what)
		c.run(time.Millisecond)
	}
	return c.now - begin
}

func (c *cluster) deliver() {
	keep := c.wire[:0]
	for _, p := range c.wire {
		if p.at > c.now {
			keep = append(keep, p)
		} else if h := c.host(p.to); h.node != nil &&
			(p.directory == h.dir || p.directory == (peer.UUID{})) {
			h.inbox = append(h.inbox, p)
		}
	}
	c.wire = keep
}

func (h *host) disk() {
	if h.node == nil || h.diskStuck {
		return
	}
	done := false
	for len(h.saving) > 0 && h.saving[0].at <= h.c.now {
		h.files[h.saving[0].f.Index] = h.saving[0].f.Data
		h.node.SnapshotSaved(h.saving[0].f.Index)
		h.saving, done = h.saving[1:], true
	}
	for len(h.writing) > 0 && h.writing[0].at <= h.c.now {
		w := h.writing[0]
		h.writing, done = h.writing[1:], true
		h.commit(w.p)
		if w.p.Sync {
			h.node.Persisted(w.p.Token)
		}
	}
	if done {
		h.turn()
	}
}

// check checks the safety of leases: no node holds one for a leadership that the cluster
// has given to another epoch already. That includes frozen nodes, since they may wake at
// any moment.
func (c *cluster) check() {
	if c.newest == nil {
		return
	}
	for _, h := range c.nodes {
		if h.node == nil || !h.node.LeaseValid(h.clock()) {
			continue
		}
		img := h.acting
		if img == nil || img == c.newest || img.Index() == c.newest.Index() {
			continue
		}
		img.Topics(func(t *Topic) bool {
			for i, p := range t.Partitions {
				q := c.newest.Partition(kafka.PartitionID{Topic: t.ID, Partition: int32(i)})
				if id := (kafka.PartitionID{Topic: t.ID, Partition: int32(i)}); p.Leader == h.id &&
					q != nil && !h.hasResigned(id, p) {
					c.checks++
					require.Equal(c.t, p.LeaderEpoch, q.LeaderEpoch,
						"broker %d holds a lease while %d leads %s-%d", h.id, q.Leader, t.Name, i)
				}
			}
			return true
		})
	}
}

func (h *host) hasResigned(id kafka.PartitionID, p *Partition) bool {
	epoch, ok := h.resigned[id]
	return ok && epoch == p.LeaderEpoch
}

// leader is the one active controller, nil if there is none that a majority follows.
func (c *cluster) leader() *host {
	var best *host
	for _, h := range c.nodes {
		if h.node != nil && !h.frozen && h.node.Status().Leading &&
			(best == nil || h.node.Status().Term > best.node.Status().Term) {
			best = h
		}
	}
	return best
}

// ready waits until every live broker is registered, unfenced and leased.
func (c *cluster) ready() {
	c.until(20*time.Second, "all brokers are unfenced and hold leases", func() bool {
		for _, h := range c.nodes {
			if h.node == nil || h.frozen {
				continue
			}
			b := h.node.Image().Broker(h.id)
			if b == nil || b.Fenced || b.Incarnation != h.node.incarnation ||
				!h.node.LeaseValid(h.clock()) {
				return false
			}
		}
		return true
	})
}

// do proposes at a node and waits for the verdict.
func (c *cluster) do(h *host, cmd Command) Verdict {
	id := h.node.Propose(cmd, h.clock().Add(10*time.Second))
	h.turn()
	c.until(12*time.Second, "a verdict", func() bool { _, ok := h.verdicts[id]; return ok })
	return h.verdicts[id]
}

func newTopics(n, partitions int, replication int16) *CreateTopics {
	cmd := &CreateTopics{}
	for i := range n {
		cmd.Topics = append(cmd.Topics,
			NewTopic{Name: "t" + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) +
				string(rune('a'+i/676)),
				ID: kafka.TopicID{byte(i), byte(i >> 8), 3}, Partitions: int32(partitions),
				ReplicationFactor: replication})
	}
	return cmd
}

func (c *cluster) isolate(id kafka.NodeID, cut bool) {
	for _, h := range c.nodes {
		if h.id != id {
			c.cut[[2]kafka.NodeID{id, h.id}] = cut
			c.cut[[2]kafka.NodeID{h.id, id}] = cut
		}
	}
}

// converged waits until all live nodes have equal images.
func (c *cluster) converged() {
	c.until(20*time.Second, "all images are equal", func() bool {
		var at []Index
		for _, h := range c.nodes {
			if h.node != nil {
				at = append(at, h.node.Image().Index())
			}
		}
		return len(slices.Compact(at)) == 1
	})
	for _, h := range c.nodes {
		if h.node != nil {
			require.Equal(c.t, c.newest.Hash(), h.node.Image().Hash())
		}
	}
}
