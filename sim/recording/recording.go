package recording

import (
	"cmp"
	"slices"
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/checker"
	"example.com/lockstep/diskfs"
	"example.com/lockstep/sim/world"
)

// Recording is what the page about a run is made of: the turns of every loop, the flows
// from turn to turn (mail, frames, disk operations), and the changes of replicas. A run
// with a recording has the same trace as a run without one.
//
// How busy loops were, and the changes of replicas, are kept of the whole run. Turns and
// flows are kept only in the slices of time in detail, so hours of a run cost little.
// [Record] chooses these slices after a first run.
type Recording struct {
	world *world.World
	// History is the history that clients and the observer recorded (package
	// sim/kafka/history); nil without one.
	History    *checker.History
	Violations []*checker.Violation // that checkers have reported
	FaultSpans []world.FaultSpan

	slice  env.Instant // length of a slice of time
	detail []bool      // by slice: whether turns and flows are kept; nil: none are

	lanes    []*recordedLane
	laneOf   map[laneKey]uint16 // looked up only
	turns    []recordedTurn
	given    []loop.Kind // the kind of event, by step; 0: the end of a turn
	flows    []flow
	labels   []string
	labelOf  map[string]uint32
	requests []requestEnds // by index into History.Requests
	replicas []replicaSeen

	streams map[uint64]*sentStream // by the sending end; looked up only
	files   map[openFile]string    // paths; looked up only
	lane    uint16                 // of the turn in progress
	step    uint32                 // number of the step in progress; 0: none, or not kept
	request int                    // the next frame sent is this request (1 + index); 0: none is
}

type openFile struct {
	by          laneKey
	incarnation int32
	handle      diskfs.Handle
}

type laneKey struct {
	node int32
	loop loop.ID
}

// recordedLane is a loop, through all incarnations of its node.
type recordedLane struct {
	key  laneKey
	busy []laneSlice // by slice, up to the last with a turn
}

// laneSlice is how busy a loop was in a slice of time.
type laneSlice struct {
	turns, events uint32
	cost          env.Instant
}

// recordedTurn is a turn. Its steps have consecutive numbers from first on: one for each
// event that it was given, and a last one for its end.
type recordedTurn struct {
	at, cost env.Instant
	first    uint32
	steps    uint32
	lane     uint16
}

type flowKind uint8

const (
	flowMail flowKind = iota + 1
	flowFrame
	flowDisk
	flowDial   // an attempt to connect; it ends at the dialling loop, with Connected
	flowAccept // the same attempt; it ends at the accepting loop
	flowClose
	flowRefused // mail that found the mailbox full
)

// flow is something that leaves one step and is given to another.
type flow struct {
	sent    env.Instant
	arrived env.Instant // in the receiver's inbox; env.Never if it did not arrive
	from    uint32      // step; 0: none that was kept
	to      uint32      // step; 0: none that was kept
	label   uint32
	size    uint32
	request uint32     // 1 + index into History.Requests; 0: none
	next    world.Flow // the next flow that the same event brings
	fromLane,
	toLane uint16 // noLane: unknown
	kind     flowKind
	response bool // it is the answer to the request
	taken    bool // given to a loop
}

const noLane = ^uint16(0)

// requestEnds are the two ends of a client's request in the graph of flows.
type requestEnds struct {
	flow uint32 // the frame (1 + index); 0: not kept
	done uint32 // the step in which the client took the answer; 0: none
}

// replicaSeen is the state of a replica that had changed at the end of a turn.
type replicaSeen struct {
	at          env.Instant
	node        kafka.NodeID
	id          kafka.PartitionID
	incarnation int32
	leading     bool
	epoch       kafka.LeaderEpoch
	watermark   kafka.Offset
	end         kafka.Offset
	isr         []kafka.NodeID
}

// newRecording makes a recording that keeps turns and flows of the slices set in detail.
func newRecording(slice env.Instant, detail []bool) *Recording {
	r := &Recording{
		slice: max(slice, 1), detail: detail, laneOf: map[laneKey]uint16{},
		labelOf: map[string]uint32{}, streams: map[uint64]*sentStream{},
		files: map[openFile]string{},
		lane:  noLane, given: []loop.Kind{0}, // step 0 means none
	}
	r.label("")
	return r
}

// sliceAt is the number of the slice that has an instant.
func (r *Recording) sliceAt(at env.Instant) int { return int(at / r.slice) }

// keeps reports whether turns at an instant are kept in detail.
func (r *Recording) keeps(at env.Instant) bool {
	i := r.sliceAt(at)
	return i < len(r.detail) && r.detail[i]
}

func (r *Recording) label(text string) uint32 {
	n, ok := r.labelOf[text]
	if !ok {
		n = uint32(len(r.labels))
		r.labels = append(r.labels, text)
		r.labelOf[text] = n
	}
	return n
}

func (r *Recording) laneIndex(l world.LoopRef) uint16 {
	key := laneKey{int32(l.Node.Index()), l.ID}
	i, ok := r.laneOf[key]
	if !ok {
		i = uint16(len(r.lanes))
		r.lanes = append(r.lanes, &recordedLane{key: key})
		r.laneOf[key] = i
	}
	return i
}

// --- turns ---

// Begins implements Recorder.
func (r *Recording) Begins(w *world.World) { r.world = w }

// TurnBegins implements TurnRecorder.
func (r *Recording) TurnBegins(l world.LoopRef) {
	r.lane = r.laneIndex(l)
	if at := r.world.Now(); r.keeps(at) {
		r.turns = append(r.turns, recordedTurn{at: at, first: uint32(len(r.given)), lane: r.lane})
	}
}

// StepBegins implements TurnRecorder.
func (r *Recording) StepBegins(kind loop.Kind, head world.Flow) {
	kept := r.keeps(r.world.Now())
	r.step = 0
	if kept {
		r.step = uint32(len(r.given))
		r.given = append(r.given, kind)
		r.turns[len(r.turns)-1].steps++
	}
	for head != 0 {
		f := &r.flows[head-1]
		f.to, f.toLane, f.taken = r.step, r.lane, true
		head = f.next
	}
}

// TurnEnds implements TurnRecorder.
func (r *Recording) TurnEnds(cost env.Instant, events int) {
	l, at := r.lanes[r.lane], r.world.Now()
	i := r.sliceAt(at)
	for len(l.busy) <= i {
		l.busy = append(l.busy, laneSlice{})
	}
	s := &l.busy[i]
	s.turns++
	s.events += uint32(events)
	s.cost += cost
	if r.keeps(at) {
		r.turns[len(r.turns)-1].cost = cost
	}
	r.lane, r.step, r.request = noLane, 0, 0
}

// turnOf finds the turn of a step.
func (r *Recording) turnOf(step uint32) *recordedTurn {
	i, found := slices.BinarySearchFunc(r.turns, step,
		func(t recordedTurn, step uint32) int { return cmp.Compare(t.first, step) })
	if !found {
		i--
	}
	return &r.turns[i]
}

// --- flows ---

// leaves adds a flow that the step in progress sends. It returns 1 + its index, or 0 if it
// is not kept.
func (r *Recording) leaves(kind flowKind, label string, size int) world.Flow {
	if r.step == 0 {
		return 0
	}
	r.flows = append(r.flows, flow{
		kind: kind, label: r.label(label), from: r.step, sent: r.world.Now(), arrived: env.Never,
		size: uint32(size), fromLane: r.lane, toLane: noLane,
	})
	return world.Flow(len(r.flows))
}

// Arrived implements FlowRecorder.
func (r *Recording) Arrived(n world.Flow) {
	if n != 0 {
		r.flows[n-1].arrived = r.world.Now()
	}
}

// Mailed implements FlowRecorder.
func (r *Recording) Mailed(to world.LoopRef, label string, refused bool) world.Flow {
	kind := flowMail
	if refused {
		kind = flowRefused
	}
	n := r.leaves(kind, label, 0)
	if n != 0 {
		r.flows[n-1].toLane = r.laneIndex(to)
	}
	return n
}

// Submitted implements FlowRecorder.
func (r *Recording) Submitted(l world.LoopRef, op *diskfs.Op) world.Flow {
	file := openFile{laneKey{int32(l.Node.Index()), l.ID}, l.Node.Incarnation(), op.Handle}
	label := diskLabels[op.Kind]
	path := op.Path
	if op.Kind == diskfs.Open {
		r.files[file] = op.Path
	} else if op.Path == "" {
		path = r.files[file]
	}
	if path != "" {
		label += " " + path
	}
	n := r.leaves(flowDisk, label, max(len(op.Data), int(op.Size)))
	if n != 0 {
		r.flows[n-1].toLane = r.lane
	}
	return n
}

var diskLabels = [...]string{
	diskfs.Open: "open", diskfs.Close: "close", diskfs.Read: "read", diskfs.Write: "write",
	diskfs.WriteSync: "write+sync",
	diskfs.Sync:      "sync", diskfs.Truncate: "truncate", diskfs.Allocate: "allocate",
	diskfs.Rename: "rename", diskfs.Remove: "remove",
	diskfs.RemoveAll: "remove all", diskfs.List: "list", diskfs.Mkdir: "mkdir",
	diskfs.SyncDir: "sync dir", diskfs.SyncFS: "sync fs",
	diskfs.Space: "ask for space", diskfs.Lock: "lock",
}

// --- requests of clients ---

// RequestLeaves is told that the next frame is History.Requests[i].
func (r *Recording) RequestLeaves(i int) {
	r.request = i + 1
	for len(r.requests) <= i {
		r.requests = append(r.requests, requestEnds{})
	}
}

// RequestEnded is told that the client takes the answer in the step in progress.
func (r *Recording) RequestEnded(i int) {
	if i < len(r.requests) {
		r.requests[i].done = r.step
	}
}

// --- what the observer sees ---

// Replica records the state of a replica, if it has changed in a way that the page shows.
func (r *Recording) Replica(node kafka.NodeID, incarnation int32, old, p *shard.PartState) {
	if old.Leading == p.Leading && old.Epoch == p.Epoch && old.Watermark == p.Watermark &&
		(!p.Leading || slices.Equal(old.ISR, p.ISR)) {
		return
	}
	seen := replicaSeen{
		at: r.world.Now(), node: node, id: p.ID, incarnation: incarnation,
		leading: p.Leading, epoch: p.Epoch, watermark: p.Watermark, end: p.End,
	}
	if p.Leading {
		seen.isr = slices.Clone(p.ISR)
	}
	r.replicas = append(r.replicas, seen)
}

// Violation records a violation that a checker has found.
func (r *Recording) Violation(v *checker.Violation) { r.Violations = append(r.Violations, v) }

// historian is implemented by subjects that keep a history.
type historian interface{ History() *checker.History }

// Ends implements Recorder.
func (r *Recording) Ends(w *world.World) {
	if s, ok := w.Subject().(historian); ok {
		r.History = s.History()
	}
	r.FaultSpans = w.FaultSpans()
}

// virtual is how long the run lasted in virtual time.
func (r *Recording) virtual() time.Duration { return time.Duration(r.world.Now()) }
