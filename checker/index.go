package checker

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// index is a history arranged for the checkers: by partition, sorted by call.
type index struct {
	h          *History
	partitions []*view // by topic and index
	excuses    excuses
	invalid    error
}

// view is everything that concerns one partition.
type view struct {
	id       Partition
	topic    Topic
	coverage Coverage
	// trimmed: records below it may be gone.
	trimmed   Offset
	produces  []*Produce
	fetches   []*Fetch
	ends      []*EndRead
	acks      []*AckFact
	appends   []*AppendFact
	deletions []*Deletion
	starts    []*StartFact
	replicas  []*ReplicaFact
	leaders   []*LeaderFact
	follows   []*FollowerFact
	cuts      []*CutFact
	logs      []*ReplicaLog
	// attempts lists the produces that carried a value.
	attempts map[Value][]*Produce
	// sightings lists the distinct committed offsets of a value, ascending,
	// each with an event that shows it.
	sightings map[Value][]sighting
}

// sighting is a committed (offset, value) and the event that shows it.
type sighting struct {
	offset Offset
	value  Value
	by     event
}

func newIndex(h *History) *index {
	x := &index{h: h, invalid: validate(h)}
	if x.invalid != nil {
		return x
	}
	views := map[Partition]*view{}
	of := func(p Partition) *view {
		v := views[p]
		if v == nil {
			v = &view{id: p, coverage: h.Coverage, attempts: map[Value][]*Produce{}}
			views[p] = v
			x.partitions = append(x.partitions, v)
		}
		return v
	}
	for i := range h.Produces {
		p := &h.Produces[i]
		v := of(p.Partition)
		v.produces = append(v.produces, p)
	}
	for i := range h.Fetches {
		v := of(h.Fetches[i].Partition)
		v.fetches = append(v.fetches, &h.Fetches[i])
	}
	for i := range h.Ends {
		v := of(h.Ends[i].Partition)
		v.ends = append(v.ends, &h.Ends[i])
	}
	for i := range h.Deletions {
		v := of(h.Deletions[i].Partition)
		v.deletions = append(v.deletions, &h.Deletions[i])
	}
	for i := range h.Starts {
		v := of(h.Starts[i].Partition)
		v.starts = append(v.starts, &h.Starts[i])
		v.trimmed = max(v.trimmed, h.Starts[i].To)
	}
	for _, t := range h.Trims {
		v := of(t.Partition)
		v.trimmed = max(v.trimmed, t.Before)
	}
	x.arrangeFacts(of)
	x.excuses.takeAll(h)
	for _, v := range x.partitions {
		v.arrange()
	}
	slices.SortFunc(x.partitions, func(a, b *view) int {
		return cmp.Or(cmp.Compare(a.id.Topic, b.id.Topic), cmp.Compare(a.id.Index, b.id.Index))
	})
	for _, t := range h.Topics {
		for _, v := range x.partitions {
			if v.id.Topic == t.ID {
				v.topic = t
			}
		}
	}
	return x
}

func (x *index) arrangeFacts(of func(Partition) *view) {
	h := x.h
	for i := range h.Acks {
		v := of(h.Acks[i].Partition)
		v.acks = append(v.acks, &h.Acks[i])
	}
	for i := range h.Appends {
		v := of(h.Appends[i].Partition)
		v.appends = append(v.appends, &h.Appends[i])
	}
	for i := range h.Replicas {
		v := of(h.Replicas[i].Partition)
		v.replicas = append(v.replicas, &h.Replicas[i])
	}
	for i := range h.Leaders {
		v := of(h.Leaders[i].Partition)
		v.leaders = append(v.leaders, &h.Leaders[i])
	}
	for i := range h.Followers {
		v := of(h.Followers[i].Partition)
		v.follows = append(v.follows, &h.Followers[i])
	}
	for i := range h.Cuts {
		v := of(h.Cuts[i].Partition)
		v.cuts = append(v.cuts, &h.Cuts[i])
	}
	for i := range h.Logs {
		v := of(h.Logs[i].Partition)
		v.logs = append(v.logs, &h.Logs[i])
	}
}

// arrange sorts a view by moments and fills its maps.
func (v *view) arrange() {
	sortByMoment(v.produces)
	sortByMoment(v.fetches)
	sortByMoment(v.ends)
	sortByMoment(v.acks)
	sortByMoment(v.appends)
	sortByMoment(v.replicas)
	sortByMoment(v.leaders)
	sortByMoment(v.follows)
	sortByMoment(v.cuts)
	slices.SortStableFunc(v.logs, func(a, b *ReplicaLog) int { return cmp.Compare(a.Node, b.Node) })
	for _, p := range v.produces {
		for _, val := range p.Values {
			v.attempts[val] = append(v.attempts[val], p)
		}
	}
	v.sightings = map[Value][]sighting{}
	v.eachCommitted(func(s sighting) {
		seen := v.sightings[s.value]
		for _, old := range seen {
			if old.offset == s.offset {
				return
			}
		}
		v.sightings[s.value] = append(seen, s)
	})
	for _, seen := range v.sightings {
		slices.SortFunc(seen, func(a, b sighting) int { return cmp.Compare(a.offset, b.offset) })
	}
}

func sortByMoment[E event](events []E) {
	slices.SortStableFunc(events, func(a, b E) int { return a.when().compare(b.when()) })
}

// leaderChangedSince says whether a leadership of the partition began at or
// after m, which excuses the loss of a record with acks=1. A restart of the
// leader counts, because it begins a new epoch (PROTOCOL 3).
func (v *view) leaderChangedSince(m Moment) bool {
	return len(v.leaders) > 0 && !v.leaders[len(v.leaders)-1].At.Before(m)
}

// promises says whether the records of an acked produce must never be lost:
// with acks=all always, with acks=1 if no leader change could have lost them.
func (v *view) promises(p *Produce) bool {
	if p.Outcome != Acked || p.Base < 0 {
		return false
	}
	return p.Acks == AcksAll ||
		p.Acks == AcksLeader && v.coverage.Leaders && !v.leaderChangedSince(p.Call)
}

// eachCommitted shows every (offset, value) that some event shows as committed:
// acks that are promises, fetched records, replicas below their watermark. What was deleted is in
// no log any more: there the appends count.
func (v *view) eachCommitted(show func(sighting)) {
	for _, p := range v.produces {
		if !v.promises(p) {
			continue
		}
		for i, val := range p.Values {
			show(sighting{p.Base + Offset(i), val, p})
		}
	}
	for _, f := range v.fetches {
		for _, r := range f.Records {
			show(sighting{r.Offset, r.Value, f})
		}
	}
	for _, l := range v.logs {
		for i := range l.Entries {
			if e := &l.Entries[i]; e.Offset < l.Watermark && !e.Control {
				show(sighting{e.Offset, e.Value, l})
			}
		}
	}
	if len(v.starts) == 0 {
		return
	}
	all := newStarts(v.id)
	for _, f := range v.appends {
		all.append(f)
	}
	for _, f := range all.appends {
		for i, val := range f.Values {
			if o := f.Base + Offset(i); o < v.trimmed {
				show(sighting{o, val, f})
			}
		}
	}
}

// inSyncLogs are the final logs that must hold everything acknowledged.
func (v *view) inSyncLogs() []*ReplicaLog {
	var out []*ReplicaLog
	for _, l := range v.logs {
		if l.InISR {
			out = append(out, l)
		}
	}
	return out
}

// longestLog is the in-sync final log with the highest watermark; nil if there
// is none.
func longestLog(v *view) (best *ReplicaLog) {
	for _, l := range v.inSyncLogs() {
		if best == nil || l.Watermark > best.Watermark {
			best = l
		}
	}
	return best
}

// hasControl says whether transaction markers take offsets of this partition.
// No client's operation shows these offsets.
func (v *view) hasControl() bool {
	if v.topic.Transactional {
		return true
	}
	for _, l := range v.logs {
		for i := range l.Entries {
			if l.Entries[i].Control {
				return true
			}
		}
	}
	return false
}

// validate refuses a history that its recorder has spoiled.
func validate(h *History) error {
	for i := range h.Produces {
		if err := validateProduce(&h.Produces[i]); err != nil {
			return fmt.Errorf("%w: %v", err, &h.Produces[i])
		}
	}
	for i := range h.Fetches {
		if f := &h.Fetches[i]; f.Return.Before(f.Call) {
			return fmt.Errorf("returned before it was called: %v", f)
		}
	}
	for i := range h.Ends {
		if e := &h.Ends[i]; e.Return.Before(e.Call) {
			return fmt.Errorf("returned before it was called: %v", e)
		}
	}
	for i := range h.Admins {
		a := &h.Admins[i]
		if a.Return.Before(a.Call) {
			return fmt.Errorf("returned before it was called: %v", a)
		}
		if a.Outcome != Acked && a.Outcome != Failed && a.Outcome != Ambiguous {
			return fmt.Errorf("no outcome: %v", a)
		}
	}
	for i := range h.Logs {
		l := &h.Logs[i]
		if !slices.IsSortedFunc(l.Entries, func(a, b Entry) int {
			return cmp.Compare(a.Offset, b.Offset)
		}) {
			return fmt.Errorf("entries are not sorted: %v", l)
		}
	}
	return nil
}

func validateProduce(p *Produce) error {
	switch p.Outcome {
	case Acked, Failed, Ambiguous:
	default:
		return errors.New("no outcome")
	}
	if p.Return.Before(p.Call) {
		return errors.New("returned before it was called")
	}
	if len(p.Values) == 0 || slices.Contains(p.Values, 0) {
		return errors.New("a batch needs values, none of them 0")
	}
	return nil
}
