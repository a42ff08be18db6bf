package shard

import (
	"fmt"
	"slices"

	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/mark"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/rare"
	"example.com/lockstep/broker/wait"
)

// State that follows leadership. A partition of an internal topic is the log of a coordinator, and
// the leader of the partition runs it. Each leader epoch has a coordinator of its own:
//
//	beginCoordination   the epoch begins: a new coordinator, which knows nothing
//	loadCoordinators    it reads its log, once all of that is committed (coordinator_load.go)
//	coordinate          a request comes, from whichever shard
//	serveCoordinators   after each event: its appends go into the log, its answers leave
//	coordinationMoved   the watermark has passed an append
//	endCoordination     the epoch ends, and with it the coordinator
//
// An append is acks=all and has exactly one fate: committed, refused before it was in the log, or
// not known because the epoch ended. There is no fourth: what is in the log stays there, and
// the coordinator may not go on as if it were not.

// Coordinator is state that one partition of an internal topic is the log of, in one leader epoch.
// It does nothing by itself: what it wants is in its Effects. All methods are called on one loop.
type Coordinator interface {
	// Replay takes a record, in the order of the log. It may not keep key and value. An error says
	// why the record cannot be read. Then nothing has changed, and the next one follows.
	Replay(key, value []byte) error
	// Loaded is called when all records up to the start of the epoch were replayed.
	Loaded(now env.Time)
	// Call takes a request (api.Coordinate.Request). The answer may come with any later Take.
	Call(now env.Time, token Token, request any)
	// Forget says that nobody waits for an answer any more.
	Forget(token Token)
	// Appended says what became of an append: None if it is committed. With any other code it is
	// certainly not in the log.
	Appended(now env.Time, ticket Ticket, code kafka.ErrorCode)
	// Configure takes the settings of the cluster from the image. It may be called at any time.
	Configure(image *meta.Image)
	// TopicDeleted says that a topic is gone. It is called only after Loaded.
	TopicDeleted(now env.Time, topic meta.TopicRef)
	// Prune gives the topics of the cluster, some time after Loaded. The image is newer than all
	// that the log says. So a topic that the log names and the image does not have is gone.
	Prune(now env.Time, image *meta.Image)
	// Resumed says that the loop did not run for a while. Requests of that time may still wait.
	Resumed(now env.Time)
	// Tick does what is due. It may be called at any time after Loaded.
	Tick(now env.Time)
	// NextDeadline is when Tick has something to do; env.Never if there is nothing.
	NextDeadline() env.Instant
	// Resign ends the coordinator. It answers all that wait. Only Take follows.
	Resign()
	// Take returns what there is to do since the last Take. It asks for no appends before Loaded.
	Take() Effects
}

// Token names a request that a coordinator has not answered.
type Token uint64

// Ticket names an append. The coordinator chooses it.
type Ticket uint64

// Effects are what a coordinator wants.
type Effects struct {
	Appends []CoordinatorAppend // in the order in which they go into the log
	Answers []CoordinatorAnswer
	Log     []event.Event
}

func (e *Effects) empty() bool { return len(e.Appends)+len(e.Answers)+len(e.Log) == 0 }

// CoordinatorAppend is a batch of records. A record without a value is a tombstone.
type CoordinatorAppend struct {
	Ticket  Ticket
	Records []CoordinatorRecord
}

// CoordinatorRecord is a record of a coordinator's log.
type CoordinatorRecord struct{ Key, Value []byte }

// CoordinatorAnswer is the answer to a Call.
type CoordinatorAnswer struct {
	Token    Token
	Response any
}

// Coordinators says that each partition of a topic is the log of a coordinator.
type Coordinators struct {
	Topic string
	// New makes a coordinator; Configure follows. The stream is shared by all coordinators of the
	// shard.
	New func(*env.Rand) Coordinator
}

// coordination is a coordinator with what stands between it and its partition.
type coordination struct {
	machine Coordinator
	loading
	calls     map[Token]coordinatorCall // without an answer
	tokens    map[Origin]Token          // of calls
	lastToken Token                     // that was given out
	appends   []coordinatorAppend       // in the log and not committed, in order
	timer     *loop.Timer[due]          // for machine.Tick
}

type coordinatorCall struct {
	origin Origin
	began  env.Instant
}

type coordinatorAppend struct {
	ticket Ticket
	until  kafka.Offset // all below it must be committed
}

// coordinatorsOf returns what the partitions of a topic are logs of; nil for most topics.
func (s *Shard) coordinatorsOf(topic string) *Coordinators {
	for i := range s.cfg.Coordinators {
		if c := &s.cfg.Coordinators[i]; c.Topic == topic {
			return c
		}
	}
	return nil
}

// beginCoordination makes the coordinator of an epoch that begins.
func (s *Shard) beginCoordination(p *part) {
	if p.topic.coordinators == nil {
		return
	}
	p.coordination = &coordination{
		machine: p.topic.coordinators.New(s.coordinatorEntropy),
		calls:   map[Token]coordinatorCall{}, tokens: map[Origin]Token{},
		loading: loading{began: s.now.Mono, next: p.log.Start()},
	}
	p.coordination.machine.Configure(s.image)
}

// endCoordination ends the coordinator of an epoch that is over. What it has appended and was not
// committed may or may not survive.
func (s *Shard) endCoordination(p *part) {
	c := p.coordination
	if c == nil {
		return
	}
	mark.HitIf(len(c.appends) > 0, mark.CoordinatorDeposed)
	mark.HitIf(!c.loaded, mark.CoordinatorNeverLoaded)
	p.coordination = nil
	s.timers.Cancel(c.timer)
	s.timers.Cancel(c.again)
	s.toLoad.remove(p)
	s.toPrune.remove(p)
	c.machine.Resign()
	s.sendAnswers(c, c.machine.Take())
	for _, token := range c.unanswered() {
		s.reply(c.calls[token].origin, api.CoordinateResult{Code: kafka.NotCoordinator})
	}
}

// coordinate runs a Coordinate on the shard of its partition.
func (s *Shard) coordinate(call PartitionCall, op api.Coordinate) {
	p := s.parts[op.Partition]
	code := kafka.None
	switch {
	case p == nil || p.coordination == nil || !s.mayLead():
		code = kafka.NotCoordinator
	case op.Knows && (!s.leaseValid() || !p.handover.claimsEnd()):
		code = kafka.CoordinatorNotAvailable
	case !p.coordination.loaded && !op.WhileLoading:
		code = kafka.CoordinatorLoadInProgress
	}
	if code != kafka.None {
		s.reply(call.Origin, api.CoordinateResult{Code: code})
		return
	}
	c := p.coordination
	c.lastToken++
	c.calls[c.lastToken] = coordinatorCall{call.Origin, s.now.Mono}
	c.tokens[call.Origin] = c.lastToken
	c.machine.Call(s.now, c.lastToken, op.Request)
	s.toServe.add(p)
}

// forgetCall tells a coordinator that the request of a call has ended.
func (s *Shard) forgetCall(p *part, origin Origin) {
	c := p.coordination
	if c == nil {
		return
	}
	if token, ok := c.tokens[origin]; ok {
		c.end(token)
		c.machine.Forget(token)
		s.toServe.add(p)
	}
}

// end forgets a call, and returns it if it was there.
func (c *coordination) end(token Token) (call coordinatorCall, ok bool) {
	if call, ok = c.calls[token]; ok {
		delete(c.calls, token)
		delete(c.tokens, call.origin)
	}
	return call, ok
}

// unanswered are the calls without an answer, in the order in which they came.
func (c *coordination) unanswered() []Token {
	tokens := make([]Token, 0, len(c.calls))
	for token := range c.calls { //corelint:ordered sorted below
		tokens = append(tokens, token)
	}
	slices.Sort(tokens)
	return tokens
}

// serveCoordinators does what coordinators want after the present event.
func (s *Shard) serveCoordinators() {
	for !s.toServe.empty() {
		p := s.toServe.removeFirst()
		if p.coordination != nil {
			s.serveCoordinator(p)
		}
	}
}

func (s *Shard) serveCoordinator(p *part) {
	c := p.coordination
	for effects := c.machine.Take(); !effects.empty(); effects = c.machine.Take() {
		for _, a := range effects.Appends {
			if code := s.appendFor(p, a); code != kafka.None {
				c.machine.Appended(s.now, a.Ticket, code)
			}
		}
		s.sendAnswers(c, effects)
	}
	if !c.loaded {
		return
	}
	at := c.machine.NextDeadline()
	if at == env.Never || c.timer.Live() && c.timer.At() <= at {
		return // a timer that is too early costs one turn, and most deadlines only move away
	}
	s.timers.Cancel(c.timer)
	c.timer = s.timers.Set(at, due{kind: dueCoordinator, part: p})
}

// sendAnswers gives answers to the requests that wait for them.
func (s *Shard) sendAnswers(c *coordination, effects Effects) {
	for _, e := range effects.Log {
		s.host.Log(e)
	}
	for _, a := range effects.Answers {
		if call, ok := c.end(a.Token); ok { // otherwise it was forgotten in the same event
			s.reply(call.origin, api.CoordinateResult{Response: a.Response})
		}
	}
}

// appendFor appends a coordinator's batch. A code other than None says that it did not.
func (s *Shard) appendFor(p *part, a CoordinatorAppend) kafka.ErrorCode {
	c := p.coordination
	assert.That(c.loaded && len(a.Records) > 0, "shard: a coordinator appends too early or nothing")
	switch {
	case !p.leader.EnoughReplicas():
		mark.Hit(mark.CoordinatorTooFewReplicas)
		return kafka.NotEnoughReplicas
	case p.handover.refusesAppends():
		return kafka.NotEnoughReplicas
	case !s.mayAppend():
		return kafka.KafkaStorageError
	case len(c.appends) >= s.limits.CoordinatorAppends:
		return kafka.RequestTimedOut
	case s.rare.Choose(rare.ProduceRefused):
		return kafka.NotEnoughReplicas
	}
	builder := batch.NewBuilder()
	for _, r := range a.Records {
		builder.Add(s.now.WallMs, r.Key, r.Value)
	}
	b := builder.Build()
	if b.Size() > p.topic.maxMessageBytes {
		return kafka.MessageTooLarge
	}
	stamp(p, b, batch.Facts{MaxTimestampMs: s.now.WallMs}, s.now.WallMs)
	s.appendSet(p, b)
	c.appends = append(c.appends, coordinatorAppend{a.Ticket, p.log.End()})
	s.stats.Appends++
	s.stats.AppendedBytes += uint64(len(b))
	return kafka.None
}

// coordinationMoved lets a partition's coordinator go on after its watermark has moved.
func (s *Shard) coordinationMoved(p *part) {
	c := p.coordination
	if c == nil {
		return
	}
	s.loadOn(p)
	for len(c.appends) > 0 && c.appends[0].until <= p.leader.Watermark() {
		ticket := c.appends[0].ticket
		c.appends = c.appends[1:]
		c.machine.Appended(s.now, ticket, kafka.None)
		s.toServe.add(p)
	}
}

// tickCoordinator lets a coordinator do what is due.
func (s *Shard) tickCoordinator(p *part) {
	if c := p.coordination; c != nil && c.loaded {
		c.machine.Tick(s.now)
		s.toServe.add(p)
	}
}

// tellCoordinators tells the coordinators of new settings and of deleted topics. One that loads
// learns later which topics there are: see pruneCoordinators.
func (s *Shard) tellCoordinators(changes *meta.Changes) {
	if len(changes.Configs)+len(changes.Deleted) == 0 && !changes.Full {
		return
	}
	for _, p := range s.led.parts {
		c := p.coordination
		if c == nil {
			continue
		}
		c.machine.Configure(s.image)
		if !c.loaded {
			continue
		}
		for _, t := range changes.Deleted {
			c.machine.TopicDeleted(s.now, t)
			s.toServe.add(p)
		}
	}
}

// resumeCoordinators tells the coordinators that the loop did not run for a while.
func (s *Shard) resumeCoordinators() {
	for _, p := range s.led.parts {
		if c := p.coordination; c != nil && c.loaded {
			c.machine.Resumed(s.now)
			s.toServe.add(p)
		}
	}
}

// coordinated is the kind of an operation that waits for a coordinator.
const coordinated = "call of a coordinator"

// coordinationWaits lists the requests that wait for a coordinator, and what it waits for itself:
// its appends to be committed, a deadline, or the rest of its log.
func (s *Shard) coordinationWaits(p *part, name string, yield func(wait.Wait)) {
	c := p.coordination
	if c == nil {
		return
	}
	who := "coordinator of " + name
	for _, token := range c.unanswered() {
		yield(wait.Wait{
			Who: operation(coordinated, c.calls[token].origin), About: name,
			Since: c.calls[token].began, Until: env.Never, For: "the coordinator",
			On: wait.Of(who),
		})
	}
	w := wait.Wait{Who: who, Since: wait.Unknown, Until: env.Never}
	switch {
	case !c.loaded:
		w.About, w.Since = fmt.Sprintf("at %d of %d", c.next, p.leader.EpochStart()), c.began
		w.For, w.On = s.loadTarget(p, name)
		yield(w)
		return
	case len(c.appends) > 0:
		w.About = fmt.Sprintf("%d appends", len(c.appends))
		w.For, w.On = "the watermark", wait.Of(wait.Watermark(name))
		yield(w)
	}
	if c.timer.Live() {
		w.For, w.On = "its next deadline", wait.OfTimer(c.timer.At())
		yield(w)
	} else if len(c.calls) > 0 && len(c.appends) == 0 {
		w.For, w.On = "an event that it has missed", wait.Of(wait.WakeUp)
		yield(w)
	}
}
