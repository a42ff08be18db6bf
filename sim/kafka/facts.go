package kafka

import (
	"fmt"
	"slices"
	"strconv"
	"time"

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

// facts is what the observer sees inside the brokers, turn by turn. It records it in the
// history, which is judged at the end. If one more fact can show that a promise is broken,
// it has the fact judged at once.
type facts struct {
	cluster      *cluster
	replicas     map[replicaKey]*replicaTrack // looked up; walked in the order of keys
	keys         []replicaKey                 // in the order in which they were first seen
	incarnations map[string]*incarnationTrack // by broker
	top          map[kafka.PartitionID]kafka.Offset
	newest       *meta.Image // that any node has applied, even one that died since
	leases       check.Leases
	terms        check.Terms
	bytes        int64 // the most bytes of clients' produces that a shard had unanswered
	forwarded    int64 // the same for produces forwarded to it
	unfinished   int64 // the most bytes of unfinished frames beyond their windows
	answers      int64 // the most bytes of answers that had not left a shard
	// the most milliseconds for which a connection kept what others wait for
	roomOwed int64
	// since when shards owe room; looked up only
	rooms map[*shard.Shard]roomTrack
	// when a shard of the broker last had all the bytes of answers that it may; looked up only
	answersFull  map[string]env.Instant
	readAhead    int64 // the most bytes of a log that a recovery was reading at once
	loading      int   // the most partitions that a shard was loading at once
	timeline     timeline
	told         told
	damages      map[*world.Node]int  // number of faults of its disk that were seen; looked up only
	lostSilently map[*world.Node]bool // its disk has lost something silently; looked up only
	runaways     map[*world.Node]bool // its clock drifts beyond the bound; looked up only
}

type replicaKey struct {
	node kafka.NodeID
	id   kafka.PartitionID
}

// replicaTrack is what was last seen of one replica.
type replicaTrack struct {
	incarnation int32
	state       shard.PartState
	// lineage is a copy of the log's epoch history.
	lineage checker.Lineage
	// vouched is the end of the log that other members of the ISR may count on: what is
	// durable, and until the present incarnation is registered also what was durable in the
	// last one. Registration takes the replica out of the ISR. Until then its leader may
	// answer again for what was committed before (unreadable 31563).
	vouched kafka.Offset
	// owed is what the next incarnation must find, or declare lost. It is what is durable.
	// For a suspect it changes only when the node has declared the loss: a node that dies
	// before it registers has told no other node.
	owed  kafka.Offset
	gone  bool // a later recovery of its shard did not find it
	left  bool // it was on a directory that the node does not have any more
	sight featureSight
}

// incarnationTrack is what was seen of the present incarnation of a broker.
type incarnationTrack struct {
	number    int32
	mounted   int // FS.Mounted when it began
	began     env.Instant
	term      meta.Term
	leading   bool // it acts as the controller, which another node may have replaced
	index     meta.Index
	recovered []bool // by loop
}

func (f *facts) init(c *cluster) {
	f.cluster = c
	f.told.brokers, f.timeline.told = map[kafka.NodeID]*meta.Broker{}, &f.told
	f.told.image = c.registeredImage
	f.replicas = map[replicaKey]*replicaTrack{}
	f.incarnations = map[string]*incarnationTrack{}
	f.answersFull = map[string]env.Instant{}
	f.rooms = map[*shard.Shard]roomTrack{}
	f.top = map[kafka.PartitionID]kafka.Offset{}
	f.damages, f.lostSilently, f.runaways = map[*world.Node]int{}, map[*world.Node]bool{},
		map[*world.Node]bool{}
}

// TurnEnded implements TurnObserver.
func (c *cluster) TurnEnded(n *world.Node, id loop.ID, l loop.Loop) {
	if n.Spec().Role != "broker" {
		return
	}
	c.pauses.TakeGraphs()
	f := &c.facts
	f.seeDamage(n)
	incarnation := f.incarnations[n.Spec().Name]
	if incarnation == nil || incarnation.number != n.Incarnation() {
		mounted := n.FS().Mounted()
		if incarnation != nil && incarnation.mounted != mounted {
			f.leaveReplicas(n)
		}
		incarnation = &incarnationTrack{number: n.Incarnation(), mounted: mounted,
			began:     c.World.Now(),
			recovered: make([]bool, len(n.Loops()))}
		f.incarnations[n.Spec().Name] = incarnation
	}
	switch l := l.(type) {
	case *node.Control:
		f.seeControl(n, incarnation, l)
	case *shard.Shard:
		f.seeShard(n, incarnation, id, l)
	}
}

// BeforeMail implements TurnObserver. Metadata may end a leadership in the middle of a
// turn, and what that leadership committed earlier in the turn could not be seen
// afterwards. A loop that was frozen finds both in its mailbox.
func (c *cluster) BeforeMail(n *world.Node, id loop.ID, l loop.Loop, mail any) {
	if _, ok := mail.(shard.Applied); ok {
		c.TurnEnded(n, id, l)
	}
}

// startedSince reports whether the present incarnation of a broker began at or after a
// moment, or was not seen yet.
func (f *facts) startedSince(name string, since env.Instant) bool {
	incarnation := f.incarnations[name]
	return incarnation == nil || incarnation.began >= since
}

func nodeID(n *world.Node) kafka.NodeID { return kafka.NodeID(history.NodeOf(n.Spec().Name)) }

func (f *facts) seeControl(n *world.Node, incarnation *incarnationTrack, c *node.Control) {
	state, ok := c.Inspect()
	if !ok {
		return
	}
	h := &f.cluster.Rec.History
	incarnation.leading = state.Leading
	f.terms.Highest = max(f.terms.Highest, state.Term)
	if state.Leading && state.Term != incarnation.term {
		incarnation.term = state.Term
		f.terms.Elected++
		f.cluster.World.Milestone(plan.ControllerBegan, n.Spec().Name,
			fmt.Sprintf("%s term %d", n.Spec().Name, state.Term), "")
		fact := checker.ControllerFact{At: f.cluster.Rec.Moment(), Term: int64(state.Term),
			Node: checker.NodeID(nodeID(n))}
		h.Controllers = append(h.Controllers, fact)
		f.cluster.judgeNow(f.cluster.watch.Controller(fact))
	}
	f.leases.Committed(state.Image)
	changed := state.Image.Index() != incarnation.index
	if index := state.Image.Index(); changed {
		incarnation.index = index
		if f.newest == nil || index > f.newest.Index() {
			f.newest = state.Image
		}
		f.timeline.see(f.cluster.World, state.Image)
		h.Images = append(h.Images, f.imageFact(n, state.Image))
	}
	f.seeHealth(n, c, &state, changed)
}

func (f *facts) imageFact(n *world.Node, image *meta.Image) checker.ImageFact {
	return checker.ImageFact{At: f.cluster.Rec.Moment(), Node: checker.NodeID(nodeID(n)),
		Index: int64(image.Index()), Hash: imageSum(image)}
}

func (f *facts) seeShard(n *world.Node, incarnation *incarnationTrack, id loop.ID, s *shard.Shard) {
	if !s.Recovered() {
		f.loading = max(f.loading, s.Loading())
		return
	}
	ofClients, forwarded := s.InflightBytes()
	f.bytes, f.forwarded = max(f.bytes, int64(ofClients)), max(f.forwarded, int64(forwarded))
	f.seeHeld(n, s)
	first := !incarnation.recovered[id]
	incarnation.recovered[id] = true
	leased := s.HoldsLease(n.Time())
	s.Inspect(func(p *shard.PartState) {
		if leased && p.Leading && !p.Resigned && len(f.runaways) == 0 {
			f.leases.Leading(f.cluster.World, n.Spec().Name, p)
		}
		t := f.seeReplica(n, first, s.Declared(), p)
		t.sight.seeFeatures(f.cluster.World, n, incarnation.leading, p)
	})
	if first {
		f.readAhead = max(f.readAhead, n.MostRead(id))
		f.lostReplicas(n, s)
	}
}

// seeHeld looks at what a shard holds for its clients.
func (f *facts) seeHeld(n *world.Node, s *shard.Shard) {
	unfinished, answers, _ := s.Held()
	f.unfinished, f.answers = max(f.unfinished, int64(unfinished)), max(f.answers, int64(answers))
	f.seeRoom(n, s)
	share := f.cluster.limits().Share(n.Spec().Shards)
	if answers >= share.AnswerBytes {
		f.answersFull[n.Spec().Name] = f.cluster.World.Now()
	}
}

// roomTrack is since when a shard owes room, and when it was seen last.
type roomTrack struct{ since, seen env.Instant }

// seeRoom looks for how long a shard has let connections keep what others wait for. A loop that did
// not run for a while could not see it.
func (f *facts) seeRoom(n *world.Node, s *shard.Shard) {
	const ran = 300 * time.Millisecond
	now, t := n.Time().Mono, f.rooms[s]
	if !s.OwesRoom(now) {
		delete(f.rooms, s)
		return
	}
	if t.since == 0 || now > t.seen.Add(ran) {
		t.since = now
	}
	f.rooms[s] = roomTrack{t.since, now}
	f.roomOwed = max(f.roomOwed, now.Sub(t.since).Milliseconds())
}

// seeReplica takes the state of a replica at the end of a turn of its shard, and returns
// the track of the replica.
func (f *facts) seeReplica(n *world.Node, recovered, declared bool,
	p *shard.PartState) *replicaTrack {
	check.Waiters(f.cluster.World, n.Spec().Name, p)
	key := replicaKey{nodeID(n), p.ID}
	t := f.replicas[key]
	if t == nil {
		t = &replicaTrack{incarnation: n.Incarnation()}
		t.state.Watermark, t.state.LogStart = -1, -1
		f.replicas[key] = t
		f.keys = append(f.keys, key)
	}
	rec := f.cluster.Rec
	// The files of a deleted partition may be partly removed when its node dies.
	if recovered && t.incarnation != n.Incarnation() && f.exists(p.ID) {
		rec.History.Recoveries = append(rec.History.Recoveries, checker.Recovery{
			At: rec.Moment(), Node: checker.NodeID(key.node),
			Incarnation: checker.Incarnation(n.Incarnation()),
			What:        history.PartitionText(p.ID), Synced: checker.Offset(t.owed),
			End:     checker.Offset(p.Durable),
			Suspect: p.Suspect, Damaged: dishonest(n), Hidden: f.lostSilently[n],
		})
	}
	if ms := f.cluster.Options().ProducerIdleMs.Or(0); ms > 0 && p.End != t.state.End {
		check.Forgetting(f.cluster.World, n.Spec().Name, p,
			time.Duration(ms)*time.Millisecond, producerCheck, producersKept)
	}
	old := t.state
	if leads := p.Leading && (!old.Leading || old.Epoch != p.Epoch); leads || recovered ||
		t.incarnation == n.Incarnation() && p.End < old.End && !p.Offline {
		check.Memory(unexplained{f.cluster, history.Partition(p.ID)}, n.Spec().Name, p)
	}
	if t.incarnation != n.Incarnation() {
		old = shard.PartState{Watermark: -1, LogStart: -1, End: -1}
	}
	t.incarnation, t.gone, t.left = n.Incarnation(), false, false
	// A replica that went offline was taken out of the ISR before it was emptied. Its leader may
	// learn of that later.
	if t.vouched = max(t.vouched, p.Durable); declared && !p.Offline {
		t.vouched = p.Durable
	}
	if !p.Suspect || declared {
		t.owed = p.Durable
	}
	t.state = *p
	if r := f.cluster.recording; r != nil {
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
	if p.End < old.End && !p.Suspect && !old.Suspect && !p.Offline {
		f.seeCut(n, t, &old, before)
	}
	if p.Watermark != old.Watermark || p.LogStart != old.LogStart || p.Shown != old.Shown ||
		p.Leading && (!old.Leading || old.Epoch != p.Epoch || !slices.Equal(old.ISR, p.ISR)) {
		f.seeWatermark(n, t)
	}
	return t
}

// seeLeader records a leadership that began, and what the leader has appended since it was
// last seen.
func (f *facts) seeLeader(n *world.Node, t *replicaTrack, old *shard.PartState) {
	c, p := f.cluster, &t.state
	partition, node, incarnation := history.Partition(p.ID), checker.NodeID(nodeID(n)),
		checker.Incarnation(n.Incarnation())
	from := old.End
	if !old.Leading || old.Epoch != p.Epoch {
		from = p.Began
		fact := checker.LeaderFact{
			At: c.Rec.Moment(), Partition: partition, Epoch: checker.Epoch(p.Epoch), Node: node,
			Incarnation: incarnation,
			LogStart:    checker.Offset(p.LogStart), LogEnd: checker.Offset(p.Began),
			Lineage: t.lineage.Below(checker.Offset(p.Began)),
		}
		// Where no topic allows such elections, what the metadata say of them excuses nothing.
		if c.Options().Unclean.Or(0) == 1 {
			fact.Unclean = checker.Epoch(p.Unclean)
		}
		c.World.Milestone(plan.LeaderBegan, n.Spec().Name,
			fmt.Sprintf("%s %s epoch %d", f.timeline.partition(p.ID), n.Spec().Name, p.Epoch), "")
		c.Rec.History.Leaders = append(c.Rec.History.Leaders, fact)
		c.judgeNow(c.watch.Leader(fact))
	}
	f.seeAppends(t, from, partition, node, incarnation)
	wanted := old.Wanted
	if !old.Leading || old.Epoch != p.Epoch {
		wanted = p.LogStart
	}
	if p.Wanted > wanted {
		fact := checker.StartFact{
			At: c.Rec.Moment(), Partition: partition, Node: node, Incarnation: incarnation,
			Epoch: checker.Epoch(p.Epoch), From: checker.Offset(wanted),
			To: checker.Offset(p.Wanted), Watermark: checker.Offset(p.Watermark),
			LogEnd: checker.Offset(p.End), WallMs: n.Time().WallMs,
			RetentionMs: p.Retention.Ms, RetentionBytes: p.Retention.Bytes,
		}
		c.Rec.History.Starts = append(c.Rec.History.Starts, fact)
		c.judgeNow(c.watch.Start(fact))
	}
}

// seeAppends records what a leader has appended from an offset on.
func (f *facts) seeAppends(t *replicaTrack, from kafka.Offset, partition checker.Partition,
	node checker.NodeID, incarnation checker.Incarnation) {
	c, p := f.cluster, &t.state
	if from >= p.End {
		return
	}
	p.Log.TailFrom(from, func(b batch.Batch) {
		fact := checker.AppendFact{
			At: c.Rec.Moment(), Partition: partition, Node: node, Incarnation: incarnation,
			Epoch: checker.Epoch(b.LeaderEpoch()), Base: checker.Offset(b.BaseOffset()),
			Values: history.ValuesOf(b), MaxMs: b.MaxTimestampMs(), Bytes: int64(b.Size()),
		}
		c.Rec.History.Appends = append(c.Rec.History.Appends, fact)
		c.judgeNow(c.watch.Append(fact))
	})
}

// seeFollower records the log of a follower.
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

// seeCut records that a log became shorter. lineage is its epoch history before that.
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

// seeWatermark records a replica with a watermark or log start that has moved, or a leader
// with another ISR.
func (f *facts) seeWatermark(n *world.Node, t *replicaTrack) {
	c, p := f.cluster, &t.state
	fact := checker.ReplicaFact{
		At: c.Rec.Moment(), Partition: history.Partition(p.ID), Node: checker.NodeID(nodeID(n)),
		Incarnation: checker.Incarnation(n.Incarnation()), Epoch: checker.Epoch(p.Epoch),
		LogStart: checker.Offset(p.LogStart), Watermark: checker.Offset(p.Watermark),
		LogEnd: checker.Offset(p.End), DurableEnd: checker.Offset(p.Durable), Offline: p.Offline,
	}
	if p.Leading {
		fact.ISR, fact.MinInSync, fact.Shown = f.members(p), p.MinInSync, p.Shown
		f.top[p.ID] = max(f.top[p.ID], p.Watermark)
	}
	c.Rec.History.Replicas = append(c.Rec.History.Replicas, fact)
	c.judgeNow(c.watch.Replica(fact))
}

// seeLineage copies the epoch history of the log, unless it is the same as before.
func (t *replicaTrack) seeLineage(p *shard.PartState) {
	now := p.Log.Epochs()
	if n := len(now); n > 0 && now[n-1].Start >= p.End {
		now = now[:n-1] // this epoch has no records yet
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

// members is the applied ISR, with the durable end that each member may be trusted for.
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

// leaveReplicas takes note that a node has another directory. It owes nothing of what the earlier
// one held. Until the node is registered with its directory, its replicas are in ISRs, and their
// leaders may count on what was acknowledged before.
func (f *facts) leaveReplicas(n *world.Node) {
	for _, key := range f.keys {
		if t := f.replicas[key]; key.node == nodeID(n) {
			t.left, t.owed = true, 0
		}
	}
}

// lostReplicas records, after the recovery of a shard, replicas that its node had before
// and has not recovered.
func (f *facts) lostReplicas(n *world.Node, s *shard.Shard) {
	for _, key := range f.keys {
		t := f.replicas[key]
		if key.node != nodeID(n) || t.gone || t.left || t.incarnation == n.Incarnation() ||
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

// replica is what was last seen of a replica in the present incarnation of its node; nil if
// the node is down, or has not recovered the replica.
func (f *facts) replica(node kafka.NodeID, id kafka.PartitionID) *replicaTrack {
	t := f.replicas[replicaKey{node, id}]
	n := f.cluster.World.Node("b" + strconv.Itoa(int(node)))
	if t == nil || n == nil || !n.Up() || t.incarnation != n.Incarnation() || t.gone {
		return nil
	}
	return t
}

// NewestImage is the newest metadata of all brokers that run; nil if none has any.
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

// acknowledged compares an acks=all answer, when it reaches the client, with the watermarks
// of leaders and with the disks of the ISR.
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
	if c.watch.AppendedIn(op.Partition, op.Base, op.Values[0]) < checker.Epoch(reg.UncleanEpoch) {
		return // the in-sync set that acknowledged it was given up before the answer arrived
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
