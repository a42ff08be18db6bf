package kafka

import (
	"slices"
	"strconv"
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/sim/property"
	"example.com/lockstep/sim/world"
)

// told judges the event logs of the brokers. What an operator must hear of leaves a line with its
// cause, the number of lines has a bound, and brokers at rest write none.
type told struct {
	owed    []owedLine
	brokers map[kafka.NodeID]*meta.Broker // as they were seen last
	// image returns what the registered incarnation of a broker has applied; nil if it does not
	// run: no other can tell.
	image func(kafka.NodeID) *meta.Image
}

// owedLine is a change of the newest metadata that some broker must tell of.
type owedLine struct {
	at   env.Instant
	line lineKey
	// For a line that only the leader of a partition tells: the partition, its leader, and the
	// index of the change.
	partition kafka.PartitionID
	leader    kafka.NodeID
	index     meta.Index
}

// lineKey is what makes lines tell of the same thing.
type lineKey struct {
	name    event.Name
	subject string
}

// owe notes what a newer image changes.
func (t *told) owe(now env.Instant, name event.Name, subject kafka.NodeID) {
	t.owed = append(t.owed, owedLine{at: now, line: lineKey{name, strconv.Itoa(int(subject))}})
}

// seeBrokers looks for brokers that are fenced or full now and were not before. A new incarnation
// begins fenced, and that is its registration.
func (t *told) seeBrokers(now env.Instant, image *meta.Image) {
	for _, b := range image.Brokers() {
		if was := t.brokers[b.ID]; was != nil && was.Epoch == b.Epoch {
			if b.Fenced && !was.Fenced {
				t.owe(now, event.BrokerFenced, b.ID)
			}
			if b.Full && !was.Full {
				t.owe(now, event.BrokerFull, b.ID)
			}
		}
		t.brokers[b.ID] = b
	}
}

// seePartition looks for a leader that may lack acknowledged records, and for members that leave
// the ISR while the leader stays. A leader that is down, and not fenced yet, tells nothing.
func (t *told) seePartition(
	now env.Instant, index meta.Index, id kafka.PartitionID, before, p *meta.Partition,
) {
	if p.Leader != before.Leader {
		t.forgive(id, before.Leader)
	}
	if p.Leader == kafka.NoNode {
		return
	}
	if p.LeaderEpoch != before.LeaderEpoch && !before.InISR(p.Leader) &&
		!slices.Contains(before.ELR, p.Leader) {
		t.owe(now, event.UncleanElection, p.Leader)
		return
	}
	for _, node := range before.ISR {
		if !p.InISR(node) && p.Leader == before.Leader && t.image(p.Leader) != nil {
			t.owe(now, event.ISRShrunk, node)
			o := &t.owed[len(t.owed)-1]
			o.partition, o.leader, o.index = id, p.Leader, index
		}
	}
}

// forgive drops what a leader has not applied and will apply together with the end of its
// leadership, or never: then it has only the end to tell.
func (t *told) forgive(id kafka.PartitionID, leader kafka.NodeID) {
	applied := t.image(leader)
	t.owed = slices.DeleteFunc(t.owed, func(o owedLine) bool {
		return o.leader == leader && o.partition == id && o.index != 0 &&
			(applied == nil || applied.Index() < o.index)
	})
}

const (
	// tellWithin is how long after a change its line may come. The node that applies a change first
	// may not be the one that tells of it, and that one may be slow.
	tellWithin = 30 * time.Second
	// counts is how long a limiter may count lines instead of writing them.
	counts = time.Minute
	// linesPerMinute bounds the lines of one broker: a few for each fault, since faults are seconds
	// apart. It is far below what a line for each partition or for each retry would make.
	linesPerMinute = 400
)

// check judges a finished run.
func (t *told) check(w *world.World, brokers []string) {
	lines := map[lineKey][]world.Logged{}
	perNode := map[string]int{}
	for _, l := range w.EventLog() {
		perNode[l.Node]++
		if len(l.Event.Fields) > 0 {
			key := lineKey{l.Event.Name, l.Event.Fields[0].String()}
			lines[key] = append(lines[key], l)
		}
	}
	for _, o := range t.owed {
		if !tells(lines[o.line], o.at, w.Now()) {
			w.Violated(property.ChangesAreTold, "", "no line %q about %s at %s", o.line.name,
				o.line.subject, time.Duration(o.at))
		}
	}
	for _, l := range w.EventLog() {
		if l.Event.Name == event.BrokerFenced && l.Event.Get("cause") == "" {
			w.Violated(property.ChangesAreTold, l.Node, "a line without a cause: %s", l.Event)
		}
	}
	minutes := 1 + int(time.Duration(w.Now())/time.Minute)
	for _, name := range brokers {
		if n := perNode[name]; n > linesPerMinute*minutes {
			w.Violated(property.LinesBounded, name, "%d lines in %d minutes", n, minutes)
		}
	}
}

// tells reports whether one of the lines is about a change at that time. A limiter may have counted
// the line instead: then many came before.
func tells(lines []world.Logged, at, end env.Instant) bool {
	recent := 0
	for _, l := range lines {
		when := env.Instant(l.At)
		if when >= at && when <= at.Add(tellWithin) {
			return true
		}
		if when < at && when >= at.Add(-counts) {
			recent++
		}
	}
	return recent >= 10 || at.Add(tellWithin) > end
}

// rests judges the rest that began at that time. A line with a count is about what came before.
func (t *told) rests(w *world.World, from env.Instant) {
	if l := w.LastTold(); env.Instant(l.At) > from && l.Event.Get("repeated") == "" {
		w.Violated(property.QuietAtRest, l.Node, "%s", l)
	}
}
