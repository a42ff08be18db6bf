package sim

import (
	"fmt"
	"slices"
	"strconv"

	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/node"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/checker"
)

// facts is what the simulator sees inside the brokers, turn by turn: it is
// recorded for the judgement at the end, and judged at once where one more fact
// can show that a promise is broken.
type facts struct {
	cluster   *cluster
	replicas  map[replicaKey]*replicaTrack // looked up; walked by way of keys
	keys      []replicaKey                 // in order of first sight
	lives     map[string]*lifeTrack        // by broker
	top       map[kafka.PartitionID]kafka.Offset
	newest    *meta.Image // that any node has applied, also one that has died since
	leases    leases
	terms     terms
	bytes     int64 // the most of InflightBytes of clients
	forwarded int64 // and of those forwarded
	readAhead int64 // the most bytes of a log that a recovery had under way at once
	story     imageStory
	damages   map[*Node]int  // faults of its disk that were seen; looked up only
	amnesiac  map[*Node]bool // its disk has lost something without a trace; looked up only
	runaways  map[*Node]bool // its clock has left the bound; looked up only
}

type replicaKey struct {
	node kafka.NodeID
	id   kafka.PartitionID
}

// replicaTrack is the last that was seen of one replica.
type replicaTrack struct {
	life  int32
	state shard.PartState
	// lineage is a copy of the log's epoch history.
	lineage checker.Lineage
	// vouched is what the in-sync set rests on: what is durable, and until the present
	// life is registered, and so out of that set, what was in the last one. Its leader
	// may answer again until then what was committed before (unreadable 31563).
	vouched kafka.Offset
	// owed outlives the process: what its next life must find, or declare lost. It is
	// durable, but of a suspect only once that is declared: a node that dies before its
	// registration has told nobody.
	owed  kafka.Offset
	gone  bool // deleted by its node
	sight featureSight
}

// lifeTrack is what was seen of the present life of a broker.
type lifeTrack struct {
	life      int32
	began     env.Instant
	term      meta.Term
	leading   bool // it is the controller, or believes so
	index     meta.Index
	recovered []bool // by loop
}

func (f *facts) init(c *cluster) {
	f.cluster = c
	f.replicas = map[replicaKey]*replicaTrack{}
	f.lives = map[string]*lifeTrack{}
	f.top = map[kafka.PartitionID]kafka.Offset{}
	f.damages, f.amnesiac, f.runaways = map[*Node]int{}, map[*Node]bool{}, map[*Node]bool{}
}

// TurnEnded implements TurnObserver.
func (c *cluster) TurnEnded(n *Node, id loop.ID, l loop.Loop) {
	if n.Spec().Role != "broker" {
		return
	}
	c.pauses.look()
	f := &c.facts
	f.seeDamage(n)
	life := f.lives[n.Spec().Name]
	if life == nil || life.life != n.Incarnation() {
		life = &lifeTrack{life: n.Incarnation(), began: c.world.Now(), recovered: make([]bool, len(n.Loops()))}
		f.lives[n.Spec().Name] = life
	}
	switch l := l.(type) {
	case *node.Control:
		f.seeControl(n, life, l)
	case *shard.Shard:
		f.seeShard(n, life, id, l)
	}
}

// BeforeMail implements TurnObserver. Metadata may end a leadership in the
// middle of a turn, and with it the sight of what it committed earlier in the
// same turn: a loop that was frozen finds both in its mailbox.
func (c *cluster) BeforeMail(n *Node, id loop.ID, l loop.Loop, mail any) {
	if _, ok := mail.(shard.Applied); ok {
		c.TurnEnded(n, id, l)
	}
}

// startedSince reports whether a broker's present life is younger than a moment.
func (f *facts) startedSince(name string, since env.Instant) bool {
	life := f.lives[name]
	return life == nil || life.began >= since
}

func nodeID(n *Node) kafka.NodeID { return kafka.NodeID(nodeOfAddr(n.Spec().Name)) }

func (f *facts) seeControl(n *Node, life *lifeTrack, c *node.Control) {
	state, ok := c.Inspect()
	if !ok {
		return
	}
	h := &f.cluster.rec.h
	life.leading = state.Leading
	f.terms.highest = max(f.terms.highest, state.Term)
	if state.Leading && state.Term != life.term {
		life.term = state.Term
		f.terms.elected++
		f.cluster.world.Milestone(ControllerBegan, n.Spec().Name, fmt.Sprintf("%s term %d", n.Spec().Name, state.Term), "")
		fact := checker.ControllerFact{At: f.cluster.rec.moment(), Term: int64(state.Term), Node: checker.NodeID(nodeID(n))}
		h.Controllers = append(h.Controllers, fact)
		f.cluster.judgeNow(f.cluster.watch.Controller(fact))
	}
	f.leases.committed(state.Image)
	if index := state.Image.Index(); index != life.index {
		life.index = index
		if f.newest == nil || index > f.newest.Index() {
			f.newest = state.Image
		}
		f.story.see(f.cluster.world, state.Image)
		h.Images = append(h.Images, f.imageFact(n, state.Image))
	}
}

func (f *facts) imageFact(n *Node, image *meta.Image) checker.ImageFact {
	return checker.ImageFact{At: f.cluster.rec.moment(), Node: checker.NodeID(nodeID(n)), Index: int64(image.Index()), Hash: imageSum(image)}
}

func (f *facts) seeShard(n *Node, life *lifeTrack, id loop.ID, s *shard.Shard) {
	if !s.Recovered() {
		return
	}
	ofClients, forwarded := s.InflightBytes()
	f.bytes, f.forwarded = max(f.bytes, int64(ofClients)), max(f.forwarded, int64(forwarded))
	first := !life.recovered[id]
	life.recovered[id] = true
	leased := s.HoldsLease(n.Time())
	s.Inspect(func(p *shard.PartState) {
		if leased && p.Leading && len(f.runaways) == 0 {
			f.leases.leading(f.cluster.world, n.Spec().Name, p)
		}
		t := f.seeReplica(n, first, s.Declared(), p)
		t.sight.seeFeatures(f.cluster.world, n, life.leading, p)
	})
	if first {
		f.readAhead = max(f.readAhead, n.MostRead(id))
		f.lostReplicas(n, s)
	}
}

// seeReplica takes the state of a replica at the end of a turn of its shard, and
// returns what is known of it.
func (f *facts) seeReplica(n *Node, recovered, declared bool, p *shard.PartState) *replicaTrack {
	checkWaiters(f.cluster.world, n.Spec().Name, p)
	key := replicaKey{nodeID(n), p.ID}
	t := f.replicas[key]
	if t == nil {
		t = &replicaTrack{life: n.Incarnation()}
		t.state.Watermark, t.state.LogStart = -1, -1
		f.replicas[key] = t
		f.keys = append(f.keys, key)
	}
	rec := f.cluster.rec
	// A partition that was deleted may be gone in part when its node dies.
	if recovered && t.life != n.Incarnation() && f.exists(p.ID) {
		rec.h.Recoveries = append(rec.h.Recoveries, checker.Recovery{
			At: rec.moment(), Node: checker.NodeID(key.node), Incarnation: checker.Incarnation(n.Incarnation()),
			What: partitionText(p.ID), Synced: checker.Offset(t.owed), End: checker.Offset(p.Durable),
			Suspect: p.Suspect, Damaged: dishonest(n), Hidden: f.amnesiac[n],
		})
	}
	old := t.state
	if leads := p.Leading && (!old.Leading || old.Epoch != p.Epoch); leads || recovered || t.life == n.Incarnation() && p.End < old.End {
		checkMemory(unexplained{f.cluster, checkerPartition(p.ID)}, n.Spec().Name, p)
	}
	if t.life != n.Incarnation() {
		old = shard.PartState{Watermark: -1, LogStart: -1, End: -1}
	}
	t.life, t.gone = n.Incarnation(), false
	if t.vouched = max(t.vouched, p.Durable); declared {
		t.vouched = p.Durable
	}
	if !p.Suspect || declared {
		t.owed = p.Durable
	}
	t.state = *p
	if r := f.cluster.tape; r != nil {
		r.Replica(key.node, n.Incarnation(), &old, p)
	}
	before := t.lineage
	if p.End != old.End || p.Epoch != old.Epoch {
		t.seeLineage(p)
	}
	switch {
	case p.Leading:
		f.seeLeader(n, t, &old)
	case p.Following && p.Synced && (!old.Synced || old.Epoch != p.Epoch || old.End != p.End):
		f.seeFollower(n, t)
	}
	if p.End < old.End && !p.Suspect && !old.Suspect {
		f.seeCut(n, t, &old, before)
	}
	if p.Watermark != old.Watermark || p.LogStart != old.LogStart ||
		p.Leading && (!old.Leading || old.Epoch != p.Epoch || !slices.Equal(old.ISR, p.ISR)) {
		f.seeWatermark(n, t)
	}
	return t
}

// seeLeader takes what a leader has appended since, and the beginning of its
// epoch.
func (f *facts) seeLeader(n *Node, t *replicaTrack, old *shard.PartState) {
	c, p := f.cluster, &t.state
	partition, node, life := checkerPartition(p.ID), checker.NodeID(nodeID(n)), checker.Incarnation(n.Incarnation())
	from := old.End
	if !old.Leading || old.Epoch != p.Epoch {
		from = p.Began
		fact := checker.LeaderFact{
			At: c.rec.moment(), Partition: partition, Epoch: checker.Epoch(p.Epoch), Node: node, Incarnation: life,
			LogStart: checker.Offset(p.LogStart), LogEnd: checker.Offset(p.Began), Lineage: t.lineage.Below(checker.Offset(p.Began)),
		}
		c.world.Milestone(LeaderBegan, n.Spec().Name, fmt.Sprintf("%s %s epoch %d", f.story.partition(p.ID), n.Spec().Name, p.Epoch), "")
		c.rec.h.Leaders = append(c.rec.h.Leaders, fact)
		c.judgeNow(c.watch.Leader(fact))
	}
	if from >= p.End {
		return
	}
	p.Log.TailFrom(from, func(b batch.Batch) {
		fact := checker.AppendFact{
			At: c.rec.moment(), Partition: partition, Node: node, Incarnation: life,
			Epoch: checker.Epoch(b.LeaderEpoch()), Base: checker.Offset(b.BaseOffset()), Values: valuesOf(b),
		}
		c.rec.h.Appends = append(c.rec.h.Appends, fact)
		c.judgeNow(c.watch.Append(fact))
	})
}

// seeFollower takes the log of a follower.
func (f *facts) seeFollower(n *Node, t *replicaTrack) {
	c, p := f.cluster, &t.state
	fact := checker.FollowerFact{
		At: c.rec.moment(), Partition: checkerPartition(p.ID), Node: checker.NodeID(nodeID(n)), Incarnation: checker.Incarnation(n.Incarnation()),
		Epoch: checker.Epoch(p.Epoch), LogStart: checker.Offset(p.LogStart), LogEnd: checker.Offset(p.End), Lineage: t.lineage,
	}
	c.rec.h.Followers = append(c.rec.h.Followers, fact)
	c.judgeNow(c.watch.Follower(fact))
}

// seeCut takes the shortening of a log whose lineage was seen before.
func (f *facts) seeCut(n *Node, t *replicaTrack, old *shard.PartState, lineage checker.Lineage) {
	c := f.cluster
	fact := checker.CutFact{
		At: c.rec.moment(), Partition: checkerPartition(old.ID), Node: checker.NodeID(nodeID(n)), Incarnation: checker.Incarnation(n.Incarnation()),
		From: checker.Offset(old.End), To: checker.Offset(t.state.End), Lineage: lineage,
	}
	c.rec.h.Cuts = append(c.rec.h.Cuts, fact)
	c.judgeNow(c.watch.Cut(fact))
}

// seeWatermark takes a watermark or log start that has moved.
func (f *facts) seeWatermark(n *Node, t *replicaTrack) {
	c, p := f.cluster, &t.state
	fact := checker.ReplicaFact{
		At: c.rec.moment(), Partition: checkerPartition(p.ID), Node: checker.NodeID(nodeID(n)), Incarnation: checker.Incarnation(n.Incarnation()), Epoch: checker.Epoch(p.Epoch),
		LogStart: checker.Offset(p.LogStart), Watermark: checker.Offset(p.Watermark), LogEnd: checker.Offset(p.End), DurableEnd: checker.Offset(p.Durable),
	}
	if p.Leading {
		fact.ISR, fact.MinInSync = f.members(p), p.MinInSync
		f.top[p.ID] = max(f.top[p.ID], p.Watermark)
	}
	c.rec.h.Replicas = append(c.rec.h.Replicas, fact)
	c.judgeNow(c.watch.Replica(fact))
}

// seeLineage takes the epoch history of the log. One that has not changed since is
// not copied again.
func (t *replicaTrack) seeLineage(p *shard.PartState) {
	now := p.Log.Epochs()
	if n := len(now); n > 0 && now[n-1].Start >= p.End {
		now = now[:n-1] // without records
	}
	same := t.lineage != nil && slices.EqualFunc(now, t.lineage, func(a partition.EpochStart, b checker.EpochStart) bool {
		return checker.Epoch(a.Epoch) == b.Epoch && checker.Offset(a.Start) == b.Start
	})
	if same {
		return
	}
	t.lineage = make(checker.Lineage, len(now))
	for i, e := range now {
		t.lineage[i] = checker.EpochStart{Epoch: checker.Epoch(e.Epoch), Start: checker.Offset(e.Start)}
	}
}

// members is the applied in-sync set, with what each member's disk holds.
func (f *facts) members(p *shard.PartState) []checker.Member {
	var out []checker.Member
	for _, n := range p.ISR {
		m := checker.Member{Node: checker.NodeID(n)}
		if t := f.replicas[replicaKey{n, p.ID}]; t != nil && !t.gone {
			m.Incarnation, m.DurableEnd = checker.Incarnation(t.life), checker.Offset(t.vouched)
		}
		out = append(out, m)
	}
	return out
}

// lostReplicas looks, after a recovery, for replicas that were there before.
func (f *facts) lostReplicas(n *Node, s *shard.Shard) {
	for _, key := range f.keys {
		t := f.replicas[key]
		if key.node != nodeID(n) || t.gone || t.life == n.Incarnation() || shard.Place(key.id, len(n.Loops())-1) != loopOf(n, s) {
			continue
		}
		t.gone = true
		if t.owed == 0 || !f.exists(key.id) {
			continue
		}
		rec := f.cluster.rec
		rec.h.Recoveries = append(rec.h.Recoveries, checker.Recovery{
			At: rec.moment(), Node: checker.NodeID(key.node), Incarnation: checker.Incarnation(n.Incarnation()),
			What: partitionText(key.id), Synced: checker.Offset(t.owed), End: 0, Suspect: s.Unnamed(), Damaged: dishonest(n), Hidden: f.amnesiac[n],
		})
	}
}

func loopOf(n *Node, s *shard.Shard) loop.ID {
	for id, l := range n.Loops() {
		if l == loop.Loop(s) {
			return loop.ID(id)
		}
	}
	return -1
}

// exists reports whether the newest metadata has the partition.
func (f *facts) exists(id kafka.PartitionID) bool {
	image := f.cluster.NewestImage()
	return image != nil && image.Partition(id) != nil
}

// replica is what was seen last of a replica in the present life of its node;
// nil if nothing was.
func (f *facts) replica(node kafka.NodeID, id kafka.PartitionID) *replicaTrack {
	t := f.replicas[replicaKey{node, id}]
	n := f.cluster.world.Node("b" + strconv.Itoa(int(node)))
	if t == nil || n == nil || !n.Up() || t.life != n.Incarnation() || t.gone {
		return nil
	}
	return t
}

// NewestImage is the newest metadata on any living node; nil if there is none.
func (c *cluster) NewestImage() (newest *meta.Image) {
	for _, name := range c.brokers {
		if s, ok := c.control(name); ok && (newest == nil || s.Image.Index() > newest.Index()) {
			newest = s.Image
		}
	}
	return newest
}

// topicsOf lists the topics of an image by name; none if there is no image.
func (c *cluster) topicsOf(image *meta.Image) (topics []*meta.Topic) {
	if image == nil {
		return nil
	}
	image.Topics(func(t *meta.Topic) bool { topics = append(topics, t); return true })
	return topics
}

// acknowledged holds an acks=all answer against the watermark and the disks of
// the in-sync set, as it reaches the client.
func (c *cluster) acknowledged(op *checker.Produce) {
	if op.Acks != checker.AcksAll {
		return
	}
	id := partitionOf(op.Partition)
	end := op.Base + checker.Offset(len(op.Values))
	if checker.Offset(c.facts.top[id]) < end {
		c.violatedAs(PropertyAckAtWatermark, &checker.Violation{
			Property: "P1", Partition: op.Partition, Values: op.Values, Evidence: []checker.Line{{At: op.Call, Text: op.String()}},
			Sentence: fmt.Sprintf("offset %d was acknowledged; the highest watermark of any leader is %d", end-1, c.facts.top[id]),
		}, 0)
	}
	image := c.facts.newest
	if image == nil || image.Partition(id) == nil {
		return
	}
	reg := image.Partition(id)
	if len(reg.ISR) == 0 {
		return
	}
	p := shard.PartState{ID: id, ISR: slices.Clone(reg.ISR)}
	fact := checker.AckFact{At: c.rec.moment(), Partition: op.Partition, Base: op.Base, End: end, ISR: c.facts.members(&p)}
	c.rec.h.Acks = append(c.rec.h.Acks, fact)
	c.judgeNow(c.watch.Ack(fact))
}

// PartitionName names a partition as people do.
func (c *cluster) PartitionName(id kafka.PartitionID) string { return c.facts.story.partition(id) }
