package kafka

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
	"example.com/lockstep/sim/kafka/check"
	"example.com/lockstep/sim/kafka/history"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/property"
	"example.com/lockstep/sim/world"
)

// facts is what the simulator sees inside the brokers, turn by turn: it is
// recorded for the judgement at the end, and judged at once where one more fact
// can show that a promise is broken.
type facts struct {
	cluster      *cluster
	replicas     map[replicaKey]*replicaTrack // looked up; walked by way of keys
	keys         []replicaKey                 // in order of first sight
	incarnations map[string]*incarnationTrack // by broker
	top          map[kafka.PartitionID]kafka.Offset
	newest       *meta.Image // that any node has applied, also one that has died since
	leases       check.Leases
	terms        check.Terms
	bytes        int64 // the most of InflightBytes of clients
	forwarded    int64 // and of those forwarded
	readAhead    int64 // the most bytes of a log that a recovery had under way at once
	timeline     timeline
	damages      map[*world.Node]int  // faults of its disk that were seen; looked up only
	lostSilently map[*world.Node]bool // its disk has lost something without a trace; looked up only
	runaways     map[*world.Node]bool // its clock has left the bound; looked up only
}

type replicaKey struct {
	node kafka.NodeID
	id   kafka.PartitionID
}

// replicaTrack is the last that was seen of one replica.
type replicaTrack struct {
	incarnation int32
	state       shard.PartState
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

// incarnationTrack is what was seen of the present life of a broker.
type incarnationTrack struct {
	number    int32
	began     env.Instant
	term      meta.Term
	leading   bool // it is the controller, or believes so
	index     meta.Index
	recovered []bool // by loop
}

func (f *facts) init(c *cluster) {
	f.cluster = c
	f.replicas = map[replicaKey]*replicaTrack{}
	f.incarnations = map[string]*incarnationTrack{}
	f.top = map[kafka.PartitionID]kafka.Offset{}
	f.damages, f.lostSilently, f.runaways = map[*world.Node]int{}, map[*world.Node]bool{},
		map[*world.Node]bool{}
}

// TurnEnded implements TurnObserver.
func (c *cluster) TurnEnded(n *world.Node, id loop.ID, l loop.Loop) {
	if n.Spec().Role != "broker" {
		return
	}
	c.pauses.Look()
	f := &c.facts
	f.seeDamage(n)
	life := f.incarnations[n.Spec().Name]
	if life == nil || life.number != n.Incarnation() {
		life = &incarnationTrack{number: n.Incarnation(), began: c.World.Now(),
			recovered: make([]bool, len(n.Loops()))}
		f.incarnations[n.Spec().Name] = life
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
func (c *cluster) BeforeMail(n *world.Node, id loop.ID, l loop.Loop, mail any) {
	if _, ok := mail.(shard.Applied); ok {
		c.TurnEnded(n, id, l)
	}
}

// startedSince reports whether a broker's present life is younger than a moment.
func (f *facts) startedSince(name string, since env.Instant) bool {
	life := f.incarnations[name]
	return life == nil || life.began >= since
}

func nodeID(n *world.Node) kafka.NodeID { return kafka.NodeID(history.NodeOf(n.Spec().Name)) }

func (f *facts) seeControl(n *world.Node, life *incarnationTrack, c *node.Control) {
	state, ok := c.Inspect()
	if !ok {
		return
	}
	h := &f.cluster.Rec.History
	life.leading = state.Leading
	f.terms.Highest = max(f.terms.Highest, state.Term)
	if state.Leading && state.Term != life.term {
		life.term = state.Term
		f.terms.Elected++
		f.cluster.World.Milestone(plan.ControllerBegan, n.Spec().Name,
			fmt.Sprintf("%s term %d", n.Spec().Name, state.Term), "")
		fact := checker.ControllerFact{At: f.cluster.Rec.Moment(), Term: int64(state.Term),
			Node: checker.NodeID(nodeID(n))}
		h.Controllers = append(h.Controllers, fact)
		f.cluster.judgeNow(f.cluster.watch.Controller(fact))
	}
	f.leases.Committed(state.Image)
	if index := state.Image.Index(); index != life.index {
		life.index = index
		if f.newest == nil || index > f.newest.Index() {
			f.newest = state.Image
		}
		f.timeline.see(f.cluster.World, state.Image)
		h.Images = append(h.Images, f.imageFact(n, state.Image))
	}
}

func (f *facts) imageFact(n *world.Node, image *meta.Image) checker.ImageFact {
	return checker.ImageFact{At: f.cluster.Rec.Moment(), Node: checker.NodeID(nodeID(n)),
		Index: int64(image.Index()), Hash: imageSum(image)}
}

func (f *facts) seeShard(n *world.Node, life *incarnationTrack, id loop.ID, s *shard.Shard) {
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
			f.leases.Leading(f.cluster.World, n.Spec().Name, p)
		}
		t := f.seeReplica(n, first, s.Declared(), p)
		t.sight.seeFeatures(f.cluster.World, n, life.leading, p)
	})
	if first {
		f.readAhead = max(f.readAhead, n.MostRead(id))
		f.lostReplicas(n, s)
	}
}

// seeReplica takes the state of a replica at the end of a turn of its shard, and
// returns what is known of it.
func (f *facts) seeReplica(n *world.Node, recovered, declared bool,
	p *shard.PartState) *replicaTrack {
	check.CheckWaiters(f.cluster.World, n.Spec().Name, p)
	key := replicaKey{nodeID(n), p.ID}
	t := f.replicas[key]
	if t == nil {
		t = &replicaTrack{incarnation: n.Incarnation()}
		t.state.Watermark, t.state.LogStart = -1, -1
		f.replicas[key] = t
		f.keys = append(f.keys, key)
	}
	rec := f.cluster.Rec
	// A partition that was deleted may be gone in part when its node dies.
	if recovered && t.incarnation != n.Incarnation() && f.exists(p.ID) {
		rec.History.Recoveries = append(rec.History.Recoveries, checker.Recovery{
			At: rec.Moment(), Node: checker.NodeID(key.node),
			Incarnation: checker.Incarnation(n.Incarnation()),
			What:        history.PartitionText(p.ID), Synced: checker.Offset(t.owed),
			End:     checker.Offset(p.Durable),
			Suspect: p.Suspect, Damaged: dishonest(n), Hidden: f.lostSilently[n],
		})
	}
	old := t.state
	if leads := p.Leading && (!old.Leading || old.Epoch != p.Epoch); leads || recovered ||
		t.incarnation == n.Incarnation() && p.End < old.End {
		check.CheckMemory(unexplained{f.cluster, history.Partition(p.ID)}, n.Spec().Name, p)
	}
	if t.incarnation != n.Incarnation() {
		old = shard.PartState{Watermark: -1, LogStart: -1, End: -1}
	}
	t.incarnation, t.gone = n.Incarnation(), false
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
func (f *facts) seeLeader(n *world.Node, t *replicaTrack, old *shard.PartState) {
	c, p := f.cluster, &t.state
	partition, node, life := history.Partition(p.ID), checker.NodeID(nodeID(n)),
		checker.Incarnation(n.Incarnation())
	from := old.End
	if !old.Leading || old.Epoch != p.Epoch {
		from = p.Began
		fact := checker.LeaderFact{
			At: c.Rec.Moment(), Partition: partition, Epoch: checker.Epoch(p.Epoch), Node: node,
			Incarnation: life,
			LogStart:    checker.Offset(p.LogStart), LogEnd: checker.Offset(p.Began),
			Lineage: t.lineage.Below(checker.Offset(p.Began)),
		}
		c.World.Milestone(plan.LeaderBegan, n.Spec().Name,
			fmt.Sprintf("%s %s epoch %d", f.timeline.partition(p.ID), n.Spec().Name, p.Epoch), "")
		c.Rec.History.Leaders = append(c.Rec.History.Leaders, fact)
		c.judgeNow(c.watch.Leader(fact))
	}
	if from >= p.End {
		return
	}
	p.Log.TailFrom(from, func(b batch.Batch) {
		fact := checker.AppendFact{
			At: c.Rec.Moment(), Partition: partition, Node: node, Incarnation: life,
			Epoch: checker.Epoch(b.LeaderEpoch()), Base: checker.Offset(b.BaseOffset()),
			Values: history.ValuesOf(b),
		}
		c.Rec.History.Appends = append(c.Rec.History.Appends, fact)
		c.judgeNow(c.watch.Append(fact))
	})
}

// seeFollower takes the log of a follower.
func (f *facts) seeFollower(n *world.Node, t *replicaTrack) {
	c, p := f.cluster, &t.state
	fact := checker.FollowerFact{
		At: c.Rec.Moment(), Partition: history.Partition(p.ID), Node: checker.NodeID(nodeID(n)),
		Incarnation: checker.Incarnation(n.Incarnation()),
		Epoch:       checker.Epoch(p.Epoch), LogStart: checker.Offset(p.LogStart),
		LogEnd: checker.Offset(p.End), Lineage: t.lineage,
	}
	c.Rec.History.Followers = append(c.Rec.History.Followers, fact)
	c.judgeNow(c.watch.Follower(fact))
}

// seeCut takes the shortening of a log whose lineage was seen before.
func (f *facts) seeCut(n *world.Node, t *replicaTrack, old *shard.PartState,
	lineage checker.Lineage) {
	c := f.cluster
	fact := checker.CutFact{
		At: c.Rec.Moment(), Partition: history.Partition(old.ID), Node: checker.NodeID(nodeID(n)),
		Incarnation: checker.Incarnation(n.Incarnation()),
		From:        checker.Offset(old.End), To: checker.Offset(t.state.End), Lineage: lineage,
	}
	c.Rec.History.Cuts = append(c.Rec.History.Cuts, fact)
	c.judgeNow(c.watch.Cut(fact))
}

// seeWatermark takes a watermark or log start that has moved.
func (f *facts) seeWatermark(n *world.Node, t *replicaTrack) {
	c, p := f.cluster, &t.state
	fact := checker.ReplicaFact{
		At: c.Rec.Moment(), Partition: history.Partition(p.ID), Node: checker.NodeID(nodeID(n)),
		Incarnation: checker.Incarnation(n.Incarnation()), Epoch: checker.Epoch(p.Epoch),
		LogStart: checker.Offset(p.LogStart), Watermark: checker.Offset(p.Watermark),
		LogEnd: checker.Offset(p.End), DurableEnd: checker.Offset(p.Durable),
	}
	if p.Leading {
		fact.ISR, fact.MinInSync = f.members(p), p.MinInSync
		f.top[p.ID] = max(f.top[p.ID], p.Watermark)
	}
	c.Rec.History.Replicas = append(c.Rec.History.Replicas, fact)
	c.judgeNow(c.watch.Replica(fact))
}

// seeLineage takes the epoch history of the log. One that has not changed since is
// not copied again.
func (t *replicaTrack) seeLineage(p *shard.PartState) {
	now := p.Log.Epochs()
	if n := len(now); n > 0 && now[n-1].Start >= p.End {
		now = now[:n-1] // without records
	}
	same := t.lineage != nil && slices.EqualFunc(now, t.lineage,
		func(a partition.EpochStart, b checker.EpochStart) bool {
			return checker.Epoch(a.Epoch) == b.Epoch && checker.Offset(a.Start) == b.Start
		})
	if same {
		return
	}
	t.lineage = make(checker.Lineage, len(now))
	for i, e := range now {
		t.lineage[i] = checker.EpochStart{Epoch: checker.Epoch(e.Epoch),
			Start: checker.Offset(e.Start)}
	}
}

// members is the applied in-sync set, with what each member's disk holds.
func (f *facts) members(p *shard.PartState) []checker.Member {
	var out []checker.Member
	for _, n := range p.ISR {
		m := checker.Member{Node: checker.NodeID(n)}
		if t := f.replicas[replicaKey{n, p.ID}]; t != nil && !t.gone {
			m.Incarnation, m.DurableEnd = checker.Incarnation(t.incarnation),
				checker.Offset(t.vouched)
		}
		out = append(out, m)
	}
	return out
}

// lostReplicas looks, after a recovery, for replicas that were there before.
func (f *facts) lostReplicas(n *world.Node, s *shard.Shard) {
	for _, key := range f.keys {
		t := f.replicas[key]
		if key.node != nodeID(n) || t.gone || t.incarnation == n.Incarnation() ||
			shard.Place(key.id, len(n.Loops())-1) != loopOf(n, s) {
			continue
		}
		t.gone = true
		if t.owed == 0 || !f.exists(key.id) {
			continue
		}
		rec := f.cluster.Rec
		rec.History.Recoveries = append(rec.History.Recoveries, checker.Recovery{
			At: rec.Moment(), Node: checker.NodeID(key.node),
			Incarnation: checker.Incarnation(n.Incarnation()),
			What:        history.PartitionText(key.id), Synced: checker.Offset(t.owed), End: 0,
			Suspect: s.Unnamed(), Damaged: dishonest(n), Hidden: f.lostSilently[n],
		})
	}
}

func loopOf(n *world.Node, s *shard.Shard) loop.ID {
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
	n := f.cluster.World.Node("b" + strconv.Itoa(int(node)))
	if t == nil || n == nil || !n.Up() || t.incarnation != n.Incarnation() || t.gone {
		return nil
	}
	return t
}

// NewestImage is the newest metadata on any living node; nil if there is none.
func (c *cluster) NewestImage() (newest *meta.Image) {
	for _, name := range c.Brokers {
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
	id := history.PartitionID(op.Partition)
	end := op.Base + checker.Offset(len(op.Values))
	if checker.Offset(c.facts.top[id]) < end {
		c.violatedAs(property.AckAtWatermark, &checker.Violation{
			Property: "P1", Partition: op.Partition, Values: op.Values,
			Evidence: []checker.Line{{At: op.Call, Text: op.String()}},
			Sentence: fmt.Sprintf("offset %d was acknowledged; the highest watermark of any "+
				"leader is %d", end-1, c.facts.top[id]),
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
	fact := checker.AckFact{At: c.Rec.Moment(), Partition: op.Partition, Base: op.Base, End: end,
		ISR: c.facts.members(&p)}
	c.Rec.History.Acks = append(c.Rec.History.Acks, fact)
	c.judgeNow(c.watch.Ack(fact))
}

// PartitionName names a partition as people do.
func (c *cluster) PartitionName(id kafka.PartitionID) string {
	return c.facts.timeline.partition(id)
}
