package checker

import "slices"

// No protocol keeps a record that every copy has lost. A run with damage is
// judged like any other, and a violation is excused only if recorded facts
// explain it:
//
//   - A loss in a partition, if an in-sync set lost every copy, or one of its
//     members lost records without a trace: that member does not know of the
//     loss, and may lead. For a lost record, the in-sync set of its own
//     acknowledgement counts. For a consequence of a loss, such as an offset
//     that is given a second time, any in-sync set of the partition counts.
//   - A loss of metadata, and in any partition, if one member of the quorum lost
//     part of the metadata log without a trace. Raft's majorities need each
//     member to remember what it has promised.
//   - What an unclean election has lost: see unclean.
//   - A wrong answer about the end of a log, if a clock drifted beyond the
//     bound that leases assume (PROTOCOL 25).
//
// Rot in a minority of the copies excuses nothing.
type excuses struct {
	damaged  map[Partition]map[NodeID]bool // true: without a trace
	sets     map[Partition][][]NodeID      // the in-sync sets seen
	acks     map[Partition][]*AckFact      // empty in a Watch, which judges no lost record
	metadata bool                          // damaged without a trace
	clocks   bool                          // some clock drifted beyond the bound
	uncleans uncleans
}

// takeAll takes the facts of a whole history.
func (e *excuses) takeAll(h *History) {
	for i := range h.Damages {
		e.damage(&h.Damages[i])
	}
	e.clocks = len(h.Clocks) > 0
	e.uncleans = uncleans{}
	for i := range h.Leaders {
		e.uncleans.of(h.Leaders[i].Partition).leader(&h.Leaders[i])
	}
	for i := range h.Appends {
		e.uncleans.of(h.Appends[i].Partition).append(&h.Appends[i])
	}
	if len(e.damaged) == 0 {
		return
	}
	e.acks = map[Partition][]*AckFact{}
	for i := range h.Acks {
		a := &h.Acks[i]
		e.acks[a.Partition] = append(e.acks[a.Partition], a)
		e.inSync(a.Partition, a.ISR)
	}
	for i := range h.Replicas {
		e.inSync(h.Replicas[i].Partition, h.Replicas[i].ISR)
	}
}

func (e *excuses) damage(f *DamageFact) {
	if f.Metadata {
		e.metadata = e.metadata || f.Hidden
		return
	}
	if e.damaged == nil {
		e.damaged = map[Partition]map[NodeID]bool{}
	}
	if e.damaged[f.Partition] == nil {
		e.damaged[f.Partition] = map[NodeID]bool{}
	}
	e.damaged[f.Partition][f.Node] = e.damaged[f.Partition][f.Node] || f.Hidden
}

// inSync takes an in-sync set that the partition had.
func (e *excuses) inSync(p Partition, isr []Member) {
	if len(isr) == 0 {
		return
	}
	set := nodesOf(isr)
	if slices.ContainsFunc(e.sets[p], func(s []NodeID) bool { return slices.Equal(s, set) }) {
		return
	}
	if e.sets == nil {
		e.sets = map[Partition][][]NodeID{}
	}
	e.sets[p] = append(e.sets[p], set)
}

func nodesOf(isr []Member) []NodeID {
	set := make([]NodeID, len(isr))
	for i, m := range isr {
		set[i] = m.Node
	}
	slices.Sort(set)
	return set
}

// excuse says whether recorded facts explain a violation.
func (e *excuses) excuse(v *Violation) bool {
	if u := e.uncleans[v.Partition]; u != nil && u.excuses(v) {
		return true
	}
	kind := follows[v.Anomaly]
	if kind == fromClocks && v.Partition == (Partition{}) {
		kind = fromMetadata // an object of the metadata that is not linearizable
	}
	switch {
	case kind == fromClocks && e.clocks:
		return true
	case kind == 0:
		return false
	case kind == fromMetadata:
		return e.metadata
	case v.Anomaly == LostWrite:
		return e.lost(v)
	}
	return e.loses(v.Partition)
}

// loses says whether any loss in a partition is explained.
func (e *excuses) loses(p Partition) bool {
	return e.metadata || slices.ContainsFunc(e.sets[p], func(set []NodeID) bool {
		return e.gone(p, set)
	})
}

// lost says whether damage to the in-sync set that acknowledged a record
// explains its loss.
func (e *excuses) lost(v *Violation) bool {
	if e.metadata {
		return true
	}
	for _, a := range e.acks[v.Partition] {
		if slices.ContainsFunc(v.Offsets, func(o Offset) bool {
			return a.Base <= o && o < a.End
		}) && !e.gone(v.Partition, nodesOf(a.ISR)) {
			return false
		}
	}
	return e.loses(v.Partition)
}

// gone says whether an in-sync set may have lost what it held.
func (e *excuses) gone(p Partition, set []NodeID) bool {
	all := true
	for _, n := range set {
		hidden, damaged := e.damaged[p][n]
		if hidden {
			return true
		}
		all = all && damaged
	}
	return all && len(set) > 0
}

// consequence says which kind of fact can cause an anomaly.
type consequence uint8

const (
	fromLoss     consequence = iota + 1 // records of the partition, or metadata
	fromMetadata                        // metadata
	fromClocks                          // a clock, or lost records, or lost metadata
)

// follows lists the anomalies that damage can cause. Others are never excused:
// whatever a disk loses, errors must be true, queues must stay within bounds,
// and no node may acknowledge before its disk has reported the sync.
var follows = map[string]consequence{
	LostWrite: fromLoss, Unseen: fromLoss, Duplicate: fromLoss, InconsistentOffsets: fromLoss,
	PollSkip: fromLoss, NonmonotonicPoll: fromLoss, IntPollSkip: fromLoss,
	IntNonmonotonicPoll: fromLoss, NonmonotonicSend: fromLoss, SequenceGap: fromLoss,
	OffsetGap: fromLoss, WatermarkHigh: fromLoss, LeaderLacks: fromLoss, FollowerStrays: fromLoss,
	CommittedCut: fromLoss, ReplicasDiffer: fromLoss,

	TwoLeaders: fromMetadata, TwoControllers: fromMetadata, DeposedAppend: fromMetadata,
	MetadataBack: fromMetadata, ImagesDiffer: fromMetadata, TopicIDReused: fromMetadata,
	ProducerIDReused: fromMetadata,

	NonLinearizable: fromClocks, StaleEnd: fromClocks, EndWentBack: fromClocks,
	EndFromFuture: fromClocks,
}
