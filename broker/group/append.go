package group

import (
	"github.com/tidwall/btree"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/kafka"
)

// appended is an [Append] that has no outcome yet.
type appended struct {
	changes []change
	// done are called once, with the outcome, or with REQUEST_TIMED_OUT after CommitTimeout. Then
	// the outcome comes later, and only the changes count.
	done  []func(now env.Time, code kafka.ErrorCode)
	timer timer
}

// append asks for the records of changes, and returns what waits for them.
func (c *Coordinator) append(now env.Time, changes ...change) *appended {
	c.ticket++
	a := &appended{changes: changes}
	records := make([]Record, 0, len(changes))
	for _, ch := range changes {
		records = append(records, ch.record())
		g, ok := c.groups.Get(ch.group)
		assert.That(ok, "group: a change of a group that does not exist")
		g.changing++
		if ch.at != nil {
			g.inflight[*ch.at]++
		}
	}
	a.timer.fire = func(now env.Time) { a.finish(now, kafka.RequestTimedOut) }
	c.timers.start(&a.timer, now.Mono.Add(c.cfg.CommitTimeout))
	c.appends.Set(c.ticket, a)
	c.effects.Appends = append(c.effects.Appends, Append{Ticket: c.ticket, Records: records})
	return a
}

// then adds what happens with the outcome.
func (a *appended) then(done func(now env.Time, code kafka.ErrorCode)) {
	a.done = append(a.done, done)
}

func (a *appended) finish(now env.Time, code kafka.ErrorCode) {
	done := a.done
	a.done = nil
	for _, f := range done {
		f(now, code)
	}
}

// Appended says what became of an Append: None if its records are committed. Any other code says
// that they certainly do not stand in the log. If that is not known, the caller says nothing until
// it is, or resigns. Those that are committed are told in the order of the log.
func (c *Coordinator) Appended(now env.Time, t Ticket, code kafka.ErrorCode) {
	a, ok := c.appends.Delete(t)
	assert.That(ok || c.resigned, "group: an unknown append has an outcome")
	if !ok {
		return
	}
	c.timers.stop(&a.timer)
	for _, ch := range a.changes {
		c.landed(ch)
		if code == kafka.None {
			c.apply(ch)
		}
	}
	if code != kafka.None {
		c.log(event.GroupAppendFailed, event.Text("group", a.changes[0].group),
			event.Int("records", len(a.changes)), event.Text("error", code.String()))
	}
	a.finish(now, code)
	for _, ch := range a.changes {
		c.tidy(ch.group)
	}
}

// landed: the change is not under way any longer.
func (c *Coordinator) landed(ch change) {
	g, ok := c.groups.Get(ch.group)
	assert.That(ok, "group: a group is dropped while it changes")
	if g.changing--; ch.at == nil {
		return
	}
	if g.inflight[*ch.at]--; g.inflight[*ch.at] <= 0 {
		delete(g.inflight, *ch.at)
	}
}

// apply makes a committed change part of the state.
func (c *Coordinator) apply(ch change) {
	g, ok := c.groups.Get(ch.group)
	if !ok {
		g = newGroup(ch.group)
		c.groups.Set(ch.group, g)
	}
	if ch.at == nil {
		g.committed.meta = ch.meta
		return
	}
	partitions, ok := g.committed.offsets.Get(ch.at.topic)
	switch {
	case ch.offset != nil && !ok:
		partitions = &btree.Map[int32, offset]{}
		g.committed.offsets.Set(ch.at.topic, partitions)
		fallthrough
	case ch.offset != nil:
		partitions.Set(ch.at.partition, *ch.offset)
	case ok:
		partitions.Delete(ch.at.partition)
		if partitions.Len() == 0 {
			g.committed.offsets.Delete(ch.at.topic)
		}
	}
}

// tidy drops a group if nothing is known of it.
func (c *Coordinator) tidy(id string) {
	if g, ok := c.groups.Get(id); ok && g.void() {
		c.groups.Delete(id)
	}
}

// appendError is what a client hears of a failed append, as in Kafka: errors of the log would mean
// something else to it.
func appendError(code kafka.ErrorCode) kafka.ErrorCode {
	switch code {
	case kafka.UnknownTopicOrPartition, kafka.NotEnoughReplicas,
		kafka.NotEnoughReplicasAfterAppend, kafka.RequestTimedOut:
		return kafka.CoordinatorNotAvailable
	case kafka.NotLeaderOrFollower, kafka.KafkaStorageError:
		return kafka.NotCoordinator
	case kafka.MessageTooLarge, kafka.RecordListTooLarge:
		return kafka.UnknownServerError
	default:
		return code
	}
}
