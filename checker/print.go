package checker

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// event is anything that can be evidence: it has a moment and a line of text.
type event interface {
	when() Moment
	fmt.Stringer
}

// events appends facts of one kind to facts of several kinds.
func events[T event](to []event, facts []T) []event {
	for _, f := range facts {
		to = append(to, f)
	}
	return to
}

func (p *Produce) when() Moment        { return p.Call }
func (f *Fetch) when() Moment          { return f.Call }
func (e *EndRead) when() Moment        { return e.Call }
func (a *Admin) when() Moment          { return a.Call }
func (m *MetadataRead) when() Moment   { return m.Call }
func (i *InitProducer) when() Moment   { return i.Call }
func (r *Request) when() Moment        { return r.Call }
func (f *AckFact) when() Moment        { return f.At }
func (f *AppendFact) when() Moment     { return f.At }
func (f *ReplicaFact) when() Moment    { return f.At }
func (f *LeaderFact) when() Moment     { return f.At }
func (f *StartFact) when() Moment      { return f.At }
func (d *Deletion) when() Moment       { return d.Call }
func (f *FollowerFact) when() Moment   { return f.At }
func (f *CutFact) when() Moment        { return f.At }
func (f *ControllerFact) when() Moment { return f.At }
func (f *ImageFact) when() Moment      { return f.At }
func (l *ReplicaLog) when() Moment     { return l.At }
func (r *Recovery) when() Moment       { return r.At }
func (d *DamageFact) when() Moment     { return d.At }
func (c *ClockFact) when() Moment      { return c.At }

// lines turns events into evidence, in the order of their moments.
func lines(events ...event) []Line {
	out := make([]Line, 0, len(events))
	for _, e := range events {
		out = append(out, Line{e.when(), e.String()})
	}
	slices.SortStableFunc(out, func(a, b Line) int { return a.At.compare(b.At) })
	return out
}

func span(call, ret Moment) string { return fmt.Sprintf("[%v, %v]", call, ret) }

func (p Partition) String() string { return fmt.Sprintf("%s/%d", p.Topic, p.Index) }

// valueList prints a batch's values: all of a short one, the ends of a long
// one.
func valueList(vs []Value) string {
	if len(vs) > 4 {
		return fmt.Sprintf("v%d…v%d (%d records)", vs[0], vs[len(vs)-1], len(vs))
	}
	parts := make([]string, len(vs))
	for i, v := range vs {
		parts[i] = fmt.Sprintf("v%d", v)
	}
	return strings.Join(parts, " ")
}

func (p *Produce) String() string {
	s := fmt.Sprintf("%s client %d produce %s %s acks=%d",
		span(p.Call, p.Return), p.Client, p.Partition, valueList(p.Values), p.Acks)
	if p.Producer != NoProducer {
		s += fmt.Sprintf(" producer=%d/%d seq=%d", p.Producer, p.ProducerEpoch, p.Sequence)
	}
	switch {
	case p.Outcome == Acked:
		return s + fmt.Sprintf(" → acked at offset %d", p.Base)
	case p.Code != codeNone:
		return s + fmt.Sprintf(" → %s (%s)", p.Outcome, codeName(p.Code))
	}
	return s + " → " + string(p.Outcome)
}

func (f *Fetch) String() string {
	s := fmt.Sprintf("%s client %d fetch %s from %d → ",
		span(f.Call, f.Return), f.Client, f.Partition, f.From)
	switch {
	case f.Code != codeNone:
		return s + codeName(f.Code)
	case len(f.Records) == 0:
		return s + fmt.Sprintf("nothing, watermark %d", f.Watermark)
	}
	parts := make([]string, 0, 6)
	for i, r := range f.Records {
		if i >= 3 && i < len(f.Records)-2 {
			if i == 3 {
				parts = append(parts, "…")
			}
			continue
		}
		parts = append(parts, fmt.Sprintf("%d:v%d", r.Offset, r.Value))
	}
	return s + fmt.Sprintf("%s, watermark %d", strings.Join(parts, " "), f.Watermark)
}

func (e *EndRead) String() string {
	s := fmt.Sprintf("%s client %d end of %s → ", span(e.Call, e.Return), e.Client, e.Partition)
	if e.Code != codeNone {
		return s + codeName(e.Code)
	}
	return s + fmt.Sprintf("%d", e.Offset)
}

func (a *Admin) String() string {
	s := fmt.Sprintf("%s client %d %s topic %q", span(a.Call, a.Return), a.Client, a.Kind, a.Topic)
	if a.Kind == AlterTopic {
		if a.Expect != nil {
			s += fmt.Sprintf(" from %q", *a.Expect)
		}
		s += fmt.Sprintf(" to %q", a.Set)
	}
	s += " → " + string(a.Outcome)
	if a.Code != codeNone {
		s += " (" + codeName(a.Code) + ")"
	}
	if a.TopicID != "" {
		s += " id " + a.TopicID
	}
	if a.Config != nil {
		s += fmt.Sprintf(" config %q", *a.Config)
	}
	return s
}

func (m *MetadataRead) String() string {
	id := m.TopicID
	if id == "" {
		id = "unknown"
	}
	return fmt.Sprintf("%s node %d metadata of topic %q → %s, leader epochs %v",
		span(m.Call, m.Return), m.Node, m.Topic, id, m.Epochs)
}

func (i *InitProducer) String() string {
	return fmt.Sprintf("%s client %d init producer → id %d epoch %d",
		span(i.Call, i.Return), i.Client, i.Producer, i.Epoch)
}

func (r *Request) String() string {
	end := "answered"
	if r.Closed {
		end = "connection closed"
	}
	return fmt.Sprintf("%s connection %d request %s correlation %d, deadline %v: %s",
		span(r.Call, r.Return), r.Conn, r.Name, r.Correlation, r.Deadline, end)
}

func members(ms []Member) string {
	parts := make([]string, len(ms))
	for i, m := range ms {
		parts[i] = fmt.Sprintf("%d durable to %d", m.Node, m.DurableEnd)
	}
	return strings.Join(parts, ", ")
}

func (f *AckFact) String() string {
	return fmt.Sprintf("%v ack of %s offsets %d–%d, in-sync: %s",
		f.At, f.Partition, f.Base, f.End-1, members(f.ISR))
}

func (f *AppendFact) String() string {
	return fmt.Sprintf("%v node %d appends to %s at %d in epoch %d: %s",
		f.At, f.Node, f.Partition, f.Base, f.Epoch, valueList(f.Values))
}

func (f *ReplicaFact) String() string {
	s := fmt.Sprintf("%v node %d/%d replica of %s: start %d, watermark %d, end %d, durable %d",
		f.At, f.Node, f.Incarnation, f.Partition, f.LogStart, f.Watermark, f.LogEnd, f.DurableEnd)
	if len(f.ISR) > 0 {
		s += ", in-sync: " + members(f.ISR)
	}
	return s
}

func (f *StartFact) String() string {
	return fmt.Sprintf("%v node %d/%d wants to begin %s at %d in epoch %d, after %d; "+
		"watermark %d, end %d, time %d ms, retention %d ms and %d bytes", f.At, f.Node,
		f.Incarnation, f.Partition, f.To, f.Epoch, f.From, f.Watermark, f.LogEnd, f.WallMs,
		f.RetentionMs, f.RetentionBytes)
}

func (d *Deletion) String() string {
	return fmt.Sprintf("%s client %d node %d delete records of %s below %d → %s, code %d, low "+
		"watermark %d", span(d.Call, d.Return), d.Client, d.Node, d.Partition, d.Offset, d.Outcome,
		d.Code, d.Low)
}

func (f *LeaderFact) String() string {
	s := fmt.Sprintf("%v node %d/%d leads %s in epoch %d",
		f.At, f.Node, f.Incarnation, f.Partition, f.Epoch)
	if f.Lineage != nil {
		s += fmt.Sprintf(" from %d on, its log being %v", f.LogEnd, f.Lineage)
	}
	return s
}

func (f *FollowerFact) String() string {
	return fmt.Sprintf("%v node %d/%d follows %s in epoch %d, its log ends at %d, being %v",
		f.At, f.Node, f.Incarnation, f.Partition, f.Epoch, f.LogEnd, f.Lineage)
}

func (f *CutFact) String() string {
	return fmt.Sprintf("%v node %d/%d cuts %s from %d to %d, its log having been %v",
		f.At, f.Node, f.Incarnation, f.Partition, f.From, f.To, f.Lineage)
}

func (f *ControllerFact) String() string {
	return fmt.Sprintf("%v node %d is controller in term %d", f.At, f.Node, f.Term)
}

func (f *ImageFact) String() string {
	return fmt.Sprintf("%v node %d metadata image at index %d is %016x",
		f.At, f.Node, f.Index, f.Hash)
}

func (l *ReplicaLog) String() string {
	isr := "not in sync"
	if l.InISR {
		isr = "in sync"
	}
	return fmt.Sprintf("%v final log of %s on node %d (%s): offsets %d to %d, watermark %d",
		l.At, l.Partition, l.Node, isr, l.LogStart, l.end(), l.Watermark)
}

func (d *DamageFact) String() string {
	of, how := d.Partition.String(), ""
	if d.Metadata {
		of = "the metadata log"
	}
	if d.Hidden {
		how = " without a trace"
	}
	return fmt.Sprintf("[%v] the disk of node %d damaged %s%s: %s", d.At, d.Node, of, how, d.What)
}

func (c *ClockFact) String() string {
	return fmt.Sprintf("[%v] the clock of node %d drifts by %d ppm", c.At, c.Node, c.DriftPpm)
}

func (r *Recovery) String() string {
	return fmt.Sprintf("%v node %d/%d recovers %s: synced end %d, recovered end %d, suspect %t",
		r.At, r.Node, r.Incarnation, r.What, r.Synced, r.End, r.Suspect)
}

// maxExcerpt is how many lines of history an excerpt has.
const maxExcerpt = 20

// Excerpt is the part of the history that a violation is about, as text.
func Excerpt(h *History, v Violation) (texts []string) {
	lines, left := ExcerptLines(h, v)
	for _, l := range lines {
		texts = append(texts, l.Text)
	}
	if left > 0 {
		texts = append(texts, fmt.Sprintf("… and %d more", left))
	}
	return texts
}

// ExcerptLines is the part of the history that a violation is about: its evidence,
// and the operations on the same partition that touch the same values or
// offsets, in order of time, at most twenty lines. Evidence is never cut in
// favour of context. left is how many lines found no room.
func ExcerptLines(h *History, v Violation) (all []Line, left int) {
	evidence := slices.Clone(v.Evidence)
	known := map[string]bool{}
	for _, l := range evidence {
		known[l.Text] = true
	}
	var context []Line
	for _, e := range h.touching(v) {
		if text := e.String(); !known[text] {
			known[text] = true
			context = append(context, Line{e.when(), text})
		}
	}
	if len(evidence) > maxExcerpt-1 {
		left += len(evidence) - (maxExcerpt - 1)
		evidence = evidence[:maxExcerpt-1]
	}
	if room := maxExcerpt - 1 - len(evidence); len(context) > room {
		left += len(context) - room
		context = context[:room]
	}
	all = append(evidence, context...)
	slices.SortStableFunc(all, func(a, b Line) int { return a.At.compare(b.At) })
	return all, left
}

// Print writes the excerpt of a violation, one line each.
func Print(w io.Writer, h *History, v Violation) error {
	for _, l := range Excerpt(h, v) {
		if _, err := fmt.Fprintln(w, l); err != nil {
			return fmt.Errorf("checker: print history: %w", err)
		}
	}
	return nil
}

// touching lists the operations on v's partition that carry one of its values
// or cover one of its offsets.
func (h *History) touching(v Violation) []event {
	if v.Partition == (Partition{}) {
		return nil
	}
	wanted := func(o Offset, val Value) bool {
		return slices.Contains(v.Offsets, o) || slices.Contains(v.Values, val)
	}
	var out []event
	for i := range h.Produces {
		p := &h.Produces[i]
		if p.Partition != v.Partition {
			continue
		}
		for j, val := range p.Values {
			off := Offset(-1)
			if p.Outcome == Acked {
				off = p.Base + Offset(j)
			}
			if wanted(off, val) {
				out = append(out, p)
				break
			}
		}
	}
	for i := range h.Fetches {
		f := &h.Fetches[i]
		if f.Partition != v.Partition {
			continue
		}
		if slices.ContainsFunc(f.Records, func(r Record) bool {
			return wanted(r.Offset, r.Value)
		}) {
			out = append(out, f)
		}
	}
	for i := range h.Leaders {
		if h.Leaders[i].Partition == v.Partition {
			out = append(out, &h.Leaders[i])
		}
	}
	return out
}
