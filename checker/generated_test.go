package checker

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// world is a correct cluster without concurrency: one log, one registry, where
// every operation takes effect at its own tick. Its history is concurrent and
// ambiguous all the same, because calls and returns are drawn around the ticks.
type world struct {
	t        *rapid.T
	h        *History
	tick     int // milliseconds, a hundred apart
	log      []Entry
	next     Value
	leader   NodeID
	epoch    Epoch
	sequence int32
	position Offset
	topic    registryState
	created  int
}

const tickLength = 100

func newWorld(t *rapid.T) *world {
	w := &world{t: t, next: 1, leader: 1, epoch: 1, h: &History{
		Topics:   []Topic{{ID: "t"}},
		Coverage: Coverage{Logs: true, Leaders: true, Appends: true},
	}}
	w.h.Leaders = []LeaderFact{{At: at(0), Partition: part, Epoch: 1, Node: 1}}
	return w
}

func (w *world) draw(name string, low, high int) int {
	return rapid.IntRange(low, high).Draw(w.t, name)
}

// span draws an interval around the current tick, reaching into others.
func (w *world) span() (call, ret Moment) {
	return at(max(1, w.tick-w.draw("before", 0, 3*tickLength))),
		at(w.tick + w.draw("after", 0, 3*tickLength))
}

func (w *world) batch() []Value {
	vals := make([]Value, w.draw("records", 1, 3))
	for i := range vals {
		vals[i] = w.next
		w.next++
	}
	return vals
}

// append puts a batch into the log of every replica and records the facts.
func (w *world) append(vals []Value) Offset {
	base := Offset(len(w.log))
	w.h.Appends = append(w.h.Appends, AppendFact{
		At: at(w.tick), Partition: part, Node: w.leader, Epoch: w.epoch, Base: base, Values: vals,
	})
	for _, val := range vals {
		w.log = append(w.log, Entry{
			Offset: Offset(len(w.log)), Epoch: w.epoch, Value: val, Sum: uint64(val) * 7,
		})
	}
	end := Offset(len(w.log))
	isr := []Member{{1, 0, end}, {2, 0, end + 1}, {3, 0, end}}
	w.h.Replicas = append(w.h.Replicas,
		ReplicaFact{
			At: at(w.tick), Partition: part, Node: w.leader, Incarnation: Incarnation(w.epoch),
			Watermark: end, LogEnd: end, DurableEnd: end, ISR: isr,
		},
		ReplicaFact{
			At: at(w.tick + 1), Partition: part, Node: w.leader%3 + 1,
			Incarnation: Incarnation(w.epoch), Watermark: end, LogEnd: end, DurableEnd: end,
		})
	return base
}

func (w *world) produce(acks int16, outcome Outcome, vals []Value, base Offset) *Produce {
	call, ret := w.span()
	p := Produce{
		Client: w.draw("client", 1, 4), Call: call, Return: ret, Partition: part,
		Producer: NoProducer, Values: vals, Acks: acks, Outcome: outcome, Base: base,
	}
	w.h.Produces = append(w.h.Produces, p)
	return &w.h.Produces[len(w.h.Produces)-1]
}

func (w *world) ambiguous(applied bool) {
	vals := w.batch()
	if applied {
		w.append(vals)
	}
	p := w.produce(AcksAll, Ambiguous, vals, -1)
	p.Call = at(max(1, w.tick-w.draw("long before", 0, 9*tickLength)))
	p.Return, p.Code = at(int(p.Call.At/time.Millisecond)+w.draw("timeout", 0, 2*tickLength)),
		codeRequestTimedOut
	if rapid.Bool().Draw(w.t, "connection lost") {
		p.Return, p.Code = Never, 0
	}
}

// idempotent sends a batch of producer 9, with or without a lost first answer.
// Its connection sends in order, so its calls keep to their own tick.
func (w *world) idempotent() {
	vals := w.batch()
	attempt := func(outcome Outcome, base Offset) {
		p := w.produce(AcksAll, outcome, vals, base)
		p.Client, p.Conn, p.Producer, p.Sequence = 2, 5, 9, w.sequence
		p.Call = at(w.tick - w.draw("just before", 0, tickLength-1))
		if outcome == Ambiguous {
			p.Return = Never
		}
	}
	base := Offset(-1)
	if rapid.Bool().Draw(w.t, "answer lost") {
		if rapid.Bool().Draw(w.t, "but applied") {
			base = w.append(vals)
		}
		attempt(Ambiguous, -1)
		w.tick += tickLength
	}
	if base < 0 {
		base = w.append(vals)
	}
	attempt(Acked, base)
	w.sequence += int32(len(vals))
}

func (w *world) elect() {
	w.leader = NodeID(w.draw("leader", 1, 3))
	w.epoch++
	w.h.Leaders = append(w.h.Leaders,
		LeaderFact{At: at(w.tick), Partition: part, Epoch: w.epoch, Node: w.leader})
}

func (w *world) fetch() {
	call, ret := w.span()
	end := Offset(len(w.log))
	f := Fetch{
		Client: w.draw("consumer", 10, 12), Call: call, Return: ret, Partition: part,
		From: Offset(w.draw("from", 0, int(end))), Watermark: end,
	}
	if rapid.Bool().Draw(w.t, "poll") {
		f.Client, f.From, f.Continues = 20, w.position, true
		f.Call = at(w.tick - w.draw("just before", 0, tickLength-1))
	}
	upTo := f.From
	if f.From < end {
		upTo = Offset(w.draw("up to", int(f.From)+1, int(end)))
	}
	for _, e := range w.log[f.From:upTo] {
		f.Records = append(f.Records, Record{e.Offset, e.Value})
	}
	f.Empty = len(f.Records) == 0
	if f.Continues {
		w.position = upTo
	}
	w.h.Fetches = append(w.h.Fetches, f)
}

func (w *world) end() {
	call, ret := w.span()
	w.h.Ends = append(w.h.Ends,
		EndRead{Client: 30, Call: call, Return: ret, Partition: part, Offset: Offset(len(w.log))})
}

// admin does one operation on the registry. Its client gets the true answer or
// none.
func (w *world) admin() {
	call, ret := w.span()
	a := Admin{Client: 40, Call: call, Return: ret, Topic: "n", Outcome: Acked}
	a.Kind = rapid.SampledFrom([]AdminKind{
		CreateTopic, DeleteTopic, AlterTopic, DescribeTopic, DescribeTopic,
	}).Draw(w.t, "kind")
	if (a.Kind == CreateTopic) == w.topic.exists {
		a.Outcome, a.Code = Failed, codeUnknownTopicOrPartition
		if w.topic.exists {
			a.Code = codeTopicAlreadyExists
		}
		w.h.Admins = append(w.h.Admins, a)
		return
	}
	switch a.Kind {
	case CreateTopic:
		w.created++
		w.topic = registryState{exists: true, id: fmt.Sprintf("id%d", w.created)}
		a.TopicID = w.topic.id
	case DeleteTopic:
		w.topic = registryState{}
	case AlterTopic:
		old := w.topic.config
		a.Expect, a.Set = &old, fmt.Sprintf("c%d", w.tick)
		w.topic.config = a.Set
	case DescribeTopic:
		config := w.topic.config
		a.TopicID, a.Config = w.topic.id, &config
	}
	if a.Kind != DescribeTopic && w.draw("lost answer", 0, 4) == 0 {
		a.Outcome, a.TopicID, a.Code = Ambiguous, "", codeRequestTimedOut
	}
	w.h.Admins = append(w.h.Admins, a)
}

func (w *world) step() {
	w.tick += tickLength
	switch w.draw("action", 0, 14) {
	case 0, 1, 2:
		vals := w.batch()
		w.produce(AcksAll, Acked, vals, w.append(vals))
	case 3:
		w.ambiguous(true)
	case 4:
		w.ambiguous(false)
	case 5:
		w.produce(AcksAll, Failed, w.batch(), -1).Code = 19
	case 6: // acknowledged by the leader, and kept
		vals := w.batch()
		w.produce(AcksLeader, Acked, vals, w.append(vals))
	case 7: // acknowledged by the leader, and lost with it
		vals := w.batch()
		w.h.Appends = append(w.h.Appends, AppendFact{
			At: at(w.tick), Partition: part, Node: w.leader, Epoch: w.epoch,
			Base: Offset(len(w.log)), Values: vals,
		})
		w.produce(AcksLeader, Acked, vals, Offset(len(w.log)))
		w.elect()
	case 8:
		w.idempotent()
	case 9:
		w.fetch()
	case 10:
		w.end()
	case 11, 12, 13:
		w.admin()
	case 14:
		w.elect()
	}
}

// history runs the world and adds the final facts.
func (w *world) history(steps int) *History {
	for range steps {
		w.step()
	}
	w.tick += 20 * tickLength
	w.h.End = at(w.tick)
	end := Offset(len(w.log))
	for node := NodeID(1); node <= 3; node++ {
		watermark := end
		if node == 3 && end > 0 {
			watermark-- // a follower learns of the last commit a little later
		}
		entries := append([]Entry(nil), w.log...)
		w.h.Logs = append(w.h.Logs, ReplicaLog{
			At: at(w.tick), Partition: part, Node: node, InISR: true, Watermark: watermark,
			Entries: entries,
		})
	}
	return w.h
}

func TestEveryHistoryOfACorrectModelPasses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		h := w.history(w.draw("steps", 1, 60))
		report := Run(h)
		require.NotEqual(t, Fail, report.Verdict(), "%s", report.String())
		require.NotEqual(t, Unknown, report.Verdict(), "%s", report.String())
	})
}

// Without white-box facts fewer violations can be proved, but no false one may
// be reported.
func TestClientsAloneShowNoViolationOfACorrectModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		h := w.history(w.draw("steps", 1, 40))
		h.Coverage = Coverage{}
		h.Logs, h.Appends, h.Leaders, h.Replicas = nil, nil, nil, nil
		report := Run(h)
		require.NotEqual(t, Fail, report.Verdict(), "%s", report.String())
	})
}

// injection breaks a correct history. It reports false if the history has no
// suitable place.
type injection struct {
	property, name string
	inject         func(w *world, h *History) bool
}

// firstPlain finds an acks=all produce of a plain producer.
func firstPlain(h *History) *Produce {
	for i := range h.Produces {
		if p := &h.Produces[i]; p.Outcome == Acked && p.Acks == AcksAll &&
			p.Producer == NoProducer {
			return p
		}
	}
	return nil
}

func addEverywhere(h *History, val Value) {
	for i := range h.Logs {
		l := &h.Logs[i]
		l.Entries = append(l.Entries, Entry{Offset: l.end(), Value: val})
		l.Watermark = l.end()
	}
}

var injections = []injection{
	{"P1", "a replica loses an acknowledged tail", func(w *world, h *History) bool {
		p := firstPlain(h)
		if p != nil {
			h.Logs[1].Entries = h.Logs[1].Entries[:p.Base]
			h.Logs[1].Watermark = p.Base
		}
		return p != nil
	}},
	{"P1", "every replica loses an acknowledged tail", func(w *world, h *History) bool {
		p := firstPlain(h)
		for i := range h.Logs {
			if p != nil {
				h.Logs[i].Entries, h.Logs[i].Watermark = h.Logs[i].Entries[:p.Base], p.Base
			}
		}
		return p != nil
	}},
	{"P2", "a refused value is in the logs", func(w *world, h *History) bool {
		for _, p := range h.Produces {
			if p.Outcome == Failed {
				addEverywhere(h, p.Values[0])
				return true
			}
		}
		return false
	}},
	{"P3", "an acknowledged value is there twice", func(w *world, h *History) bool {
		p := firstPlain(h)
		if p != nil {
			addEverywhere(h, p.Values[0])
		}
		return p != nil
	}},
	{"P3", "an acknowledgement names another's offset", func(w *world, h *History) bool {
		p := firstPlain(h)
		if p == nil || len(h.Logs[0].Entries) < 4 {
			return false
		}
		if p.Base++; p.Base > Offset(len(w.log)-2) {
			p.Base = 0
		}
		return true
	}},
	{"P3", "a fetch got another record", func(w *world, h *History) bool {
		for i := range h.Fetches {
			if r := h.Fetches[i].Records; len(r) > 0 {
				r[0].Value = 1 + r[0].Value%(w.next-1)
				return w.next > 2
			}
		}
		return false
	}},
	{"P3", "a fetch skips inside", func(w *world, h *History) bool {
		for i := range h.Fetches {
			if r := h.Fetches[i].Records; len(r) > 2 {
				h.Fetches[i].Records = append(r[:1:1], r[2:]...)
				return true
			}
		}
		return false
	}},
	{"P4", "a watermark goes back", func(w *world, h *History) bool {
		if len(h.Replicas) == 0 {
			return false
		}
		f := h.Replicas[len(h.Replicas)-2]
		f.At, f.Watermark = h.End, f.Watermark-1
		h.Replicas = append(h.Replicas, f)
		return true
	}},
	{"P5", "two leaders in one epoch", func(w *world, h *History) bool {
		f := h.Leaders[w.draw("which", 0, len(h.Leaders)-1)]
		f.Node = f.Node%3 + 1
		h.Leaders = append(h.Leaders, f)
		return true
	}},
	{"P5", "a replica holds other bytes", func(w *world, h *History) bool {
		if len(w.log) < 2 {
			return false
		}
		h.Logs[w.draw("replica", 0, 2)].Entries[w.draw("entry", 0, len(w.log)-2)].Sum++
		return true
	}},
	{"P6", "an idempotent value is there twice", func(w *world, h *History) bool {
		for _, p := range h.Produces {
			if p.Producer != NoProducer && p.Outcome == Acked {
				addEverywhere(h, p.Values[0])
				return true
			}
		}
		return false
	}},
	{"P9", "a describe answers a stranger", func(w *world, h *History) bool {
		for i := range h.Admins {
			if a := &h.Admins[i]; a.Kind == DescribeTopic && a.Outcome == Acked {
				config := "stranger"
				a.Config = &config
				return true
			}
		}
		return false
	}},
	{"P9", "a late create succeeds on what exists", func(w *world, h *History) bool {
		// Each delete that may yet be applied could explain one more create.
		creates := 2
		for _, a := range h.Admins {
			if a.Kind == DeleteTopic && a.Outcome == Ambiguous {
				creates++
			}
		}
		for range creates {
			h.Admins = append(h.Admins, Admin{
				Call: h.End, Return: Moment{At: h.End.At + 1}, Kind: CreateTopic, Topic: "n",
				Outcome: Acked, TopicID: fmt.Sprint("late", len(h.Admins)),
			})
		}
		return true
	}},
	{"P10", "an end read is stale", func(w *world, h *History) bool {
		p := firstPlain(h)
		if p != nil {
			h.Ends = append(h.Ends, EndRead{
				Call: h.End, Return: h.End, Partition: part, Offset: p.Base,
			})
		}
		return p != nil
	}},
	{"P10", "an end read is from the future", func(w *world, h *History) bool {
		h.Ends = append(h.Ends, EndRead{
			Call: at(0), Return: at(0), Partition: part, Offset: Offset(len(w.log)),
		})
		return len(w.log) > 0
	}},
	{"P10", "an empty fetch misses an acknowledged record", func(w *world, h *History) bool {
		p := firstPlain(h)
		if p != nil {
			h.Fetches = append(h.Fetches, Fetch{
				Client: 99, Call: h.End, Return: h.End, Partition: part, From: p.Base,
				Watermark: p.Base, Empty: true,
			})
		}
		return p != nil
	}},
}

func TestEveryInjectedAnomalyFails(t *testing.T) {
	places := 10
	if testing.Short() { // rapid tries a fifth as often
		places = 1
	}
	for _, in := range injections {
		t.Run(in.property+" "+in.name, func(t *testing.T) {
			tried := 0
			rapid.Check(t, func(t *rapid.T) {
				w := newWorld(t)
				h := w.history(w.draw("steps", 20, 60))
				if !in.inject(w, h) {
					return
				}
				tried++
				report := Run(h)
				require.Equal(t, Fail, report.Of(in.property).Verdict, "%s", report.String())
				require.NotEmpty(t, report.Excerpt)
			})
			require.Greater(t, tried, places, "the generator offered too few places")
		})
	}
}

// The sweep and the search judge one property and share no code. On histories
// without open appends they must agree, on correct and on broken ones.
func TestSweepAndSearchAgree(t *testing.T) {
	verdicts := map[Verdict]int{}
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string, low, high int) int {
			return rapid.IntRange(low, high).Draw(t, name)
		}
		moments := func() (Moment, Moment) {
			call := draw("call", 1, 12)
			return at(call), at(call + draw("length", 0, 6))
		}
		h := &History{}
		val, tail := Value(1), Offset(0)
		for range draw("appends", 1, 5) {
			call, ret := moments()
			p := Produce{
				Call: call, Return: ret, Partition: part, Producer: NoProducer,
				Values: []Value{val}, Acks: AcksAll, Outcome: Acked, Base: tail,
			}
			if rapid.Bool().Draw(t, "idempotent") {
				p.Producer, p.Sequence = int64(val), 0
			}
			h.Produces = append(h.Produces, p)
			if p.Producer != NoProducer && rapid.Bool().Draw(t, "retried") {
				p.Call, p.Return = moments()
				h.Produces = append(h.Produces, p)
			}
			val, tail = val+1, tail+1
		}
		for range draw("reads", 0, 4) {
			call, ret := moments()
			h.Ends = append(h.Ends, EndRead{
				Call: call, Return: ret, Partition: part, Offset: Offset(draw("end", 0, int(tail))),
			})
		}
		for range draw("empty fetches", 0, 2) {
			call, ret := moments()
			h.Fetches = append(h.Fetches, Fetch{
				Call: call, Return: ret, Partition: part, From: Offset(draw("from", 0, int(tail))),
				Empty: true,
			})
		}
		if rapid.Bool().Draw(t, "fetch") {
			call, ret := moments()
			o := Offset(draw("offset", 0, int(tail)-1))
			h.Fetches = append(h.Fetches, Fetch{
				Call: call, Return: ret, Partition: part, From: o,
				Records: []Record{{o, Value(o) + 1}},
			})
		}
		v := newIndex(h).partitions[0]
		r := resolveAppends(v)
		require.Empty(t, r.open)
		sweep, search := &verdictOf{}, &verdictOf{}
		sweep.judged(1)
		sweepEnds(v, r, sweep)
		searched := searchEnds(v, r, true, search)
		verdicts[searched]++
		require.Equal(t, sweep.close().Verdict, searched, "%+v\n%+v", h, sweep.result.Violations)
	})
	require.Greater(t, verdicts[Pass], 3)
	require.Greater(t, verdicts[Fail], 3)
}

// An append with an unknown fate can explain one end read; one append cannot
// explain two.
func TestAnOpenAppendMayOrMayNotBeApplied(t *testing.T) {
	open := func(val Value) Produce {
		return Produce{
			Call: at(1), Return: Never, Partition: part, Producer: NoProducer,
			Values: []Value{val, val + 1}, Acks: AcksAll, Outcome: Ambiguous, Base: -1,
		}
	}
	end := func(ms int, o Offset) EndRead {
		return EndRead{Call: at(ms), Return: at(ms + 1), Partition: part, Offset: o}
	}
	for _, c := range []struct {
		name string
		ends []EndRead
		want Verdict
	}{
		{"never applied", []EndRead{end(10, 0), end(20, 0)}, Pass},
		{"one applied between", []EndRead{end(10, 0), end(20, 2)}, Pass},
		{"both applied", []EndRead{end(10, 2), end(20, 4)}, Pass},
		{"half a batch", []EndRead{end(10, 3)}, Fail},
		{"applied and gone", []EndRead{end(10, 2), end(20, 0)}, Fail},
		{"more than was sent", []EndRead{end(10, 6)}, Fail},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &History{Produces: []Produce{open(1), open(3)}, Ends: c.ends}
			require.Equal(t, c.want, Check("P10", h).Verdict)
		})
	}
}

// Linear passes judge a long history: a search would not end.
func TestALongHistoryIsJudged(t *testing.T) {
	h := &History{End: at(1 << 30), Coverage: Coverage{Logs: true}}
	var entries []Entry
	for i := range 20_000 {
		p := Produce{
			Client: i % 7, Call: at(10 * i), Return: at(10*i + 95), Partition: part,
			Producer: NoProducer, Values: []Value{Value(i + 1)}, Acks: AcksAll, Outcome: Acked,
			Base: Offset(i),
		}
		if i%3 == 0 {
			p.Outcome, p.Base, p.Return = Ambiguous, -1, Never
		}
		h.Produces = append(h.Produces, p)
		if i%4 == 0 {
			h.Ends = append(h.Ends, EndRead{
				Call: at(10 * i), Return: at(10*i + 300), Partition: part, Offset: Offset(i),
			})
		}
		entries = append(entries, Entry{Offset: Offset(i), Value: Value(i + 1)})
	}
	h.Logs = []ReplicaLog{{At: h.End, Partition: part, Node: 1, InISR: true, Watermark: 20_000,
		Entries: entries}}
	report := Run(h)
	require.True(t, report.OK(), "%s", report.String())
	h.Ends[4000].Offset -= 40
	require.Equal(t, Fail, Check("P10", h).Verdict)
}
