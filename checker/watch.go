package checker

// Watch judges while a run goes on, so that the run can stop at the event that
// breaks a property: all of P4 and P5, and those parts of P1, P2 and P3 that
// one event can break. It is given events in the order of their moments, and
// says of each what Run would say at the end: both use the same predicates.
// Events are copied.
type Watch struct {
	coverage   Coverage
	partitions map[Partition]*watched
	terms      terms
	excuses    excuses
	found      []Violation
}

// watched is what a Watch knows of one partition.
type watched struct {
	watermarks *watermarks
	starts     *starts
	reigns     *reigns
	oneValue   *oneValue
}

// NewWatch begins a watch over a run. The coverage is that of the whole run.
func NewWatch(c Coverage) *Watch {
	return &Watch{coverage: c, partitions: map[Partition]*watched{}, terms: terms{},
		excuses: excuses{uncleans: uncleans{}}}
}

func (w *Watch) of(p Partition) *watched {
	s := w.partitions[p]
	if s == nil {
		s = &watched{newWatermarks(p), newStarts(p), newReigns(p, w.coverage),
			newOneValue(p, w.excuses.uncleans.of(p))}
		w.partitions[p] = s
	}
	return s
}

// as returns a function that takes violations of a property.
func (w *Watch) as(property string) func(Violation) {
	return func(v Violation) {
		if w.excuses.excuse(&v) {
			return
		}
		v.Property = property
		w.found = append(w.found, v)
	}
}

// broken returns what the event broke.
func (w *Watch) broken() []Violation {
	found := w.found
	w.found = nil
	return found
}

// Leader takes the beginning of a leadership.
func (w *Watch) Leader(f LeaderFact) []Violation {
	w.excuses.uncleans.of(f.Partition).leader(&f)
	w.of(f.Partition).reigns.take(&f, w.as("P5"))
	return w.broken()
}

// Append takes an append by a leader.
func (w *Watch) Append(f AppendFact) []Violation {
	w.excuses.uncleans.of(f.Partition).append(&f)
	w.of(f.Partition).starts.append(&f)
	w.of(f.Partition).reigns.take(&f, w.as("P5"))
	return w.broken()
}

// Deletion takes a DeleteRecords that is sent.
func (w *Watch) Deletion(d Deletion) { w.of(d.Partition).starts.deletion(&d) }

// Start takes what a leader lets go.
func (w *Watch) Start(f StartFact) []Violation {
	w.of(f.Partition).starts.want(&f, w.as("P4"))
	return w.broken()
}

// DeletedTo is the highest log start that any leader of the partition has wanted.
func (w *Watch) DeletedTo(p Partition) Offset { return w.of(p).starts.justified }

// Follower takes the log of a follower.
func (w *Watch) Follower(f FollowerFact) []Violation {
	w.of(f.Partition).reigns.take(&f, w.as("P5"))
	return w.broken()
}

// Cut takes the shortening of a log.
func (w *Watch) Cut(f CutFact) []Violation {
	w.of(f.Partition).reigns.take(&f, w.as("P5"))
	return w.broken()
}

// Replica takes a watermark or a log start.
func (w *Watch) Replica(f ReplicaFact) []Violation {
	w.excuses.inSync(f.Partition, f.ISR)
	s := w.of(f.Partition)
	s.watermarks.take(&f, w.as("P4"))
	s.starts.replica(&f, w.as("P4"))
	s.reigns.take(&f, w.as("P5"))
	return w.broken()
}

// Controller takes the beginning of a controller's term.
func (w *Watch) Controller(f ControllerFact) []Violation {
	w.terms.take(&f, w.as("P5"))
	return w.broken()
}

// Explains says whether recorded facts explain a loss in a partition.
func (w *Watch) Explains(p Partition) bool { return w.excuses.loses(p) }

// Unclean says whether a leader of the partition was elected uncleanly, so that records may be
// gone.
func (w *Watch) Unclean(p Partition) bool {
	u := w.excuses.uncleans[p]
	return u != nil && len(u.leaders) > 0
}

// AppendedIn is the last epoch in which a value was appended at an offset; 0 if it was not seen.
func (w *Watch) AppendedIn(p Partition, offset Offset, value Value) Epoch {
	return w.excuses.uncleans.of(p).epochs[placed{offset, value}]
}

// Damage takes damage to one node's copy; it breaks no property by itself.
func (w *Watch) Damage(f DamageFact) { w.excuses.damage(&f) }

// Clock takes a clock that drifts more than leases allow for.
func (w *Watch) Clock(ClockFact) { w.excuses.clocks = true }

// Ack takes the in-sync set of an acks=all answer.
func (w *Watch) Ack(f AckFact) []Violation {
	w.excuses.inSync(f.Partition, f.ISR)
	judgeAck(&f, w.as("P1"))
	return w.broken()
}

// Produced takes a produce that has ended.
func (w *Watch) Produced(p Produce) []Violation {
	judgeCode(&p, w.as("P2"))
	if p.Outcome != Acked || p.Acks != AcksAll || p.Base < 0 {
		return w.broken() // no promise that binds forever
	}
	s := w.of(p.Partition)
	for i, val := range p.Values {
		s.oneValue.take(sighting{p.Base + Offset(i), val, &p}, w.as("P3"))
	}
	return w.broken()
}

// Fetched takes a fetch that was answered.
func (w *Watch) Fetched(f Fetch) []Violation {
	judgeFetched(&f, w.as("P4"))
	s := w.of(f.Partition)
	for _, r := range f.Records {
		s.oneValue.take(sighting{r.Offset, r.Value, &f}, w.as("P3"))
	}
	return w.broken()
}

// Title returns the title of a property ("P4").
func Title(property string) string {
	for i := range checkers {
		if checkers[i].property == property {
			return checkers[i].title
		}
	}
	panic("checker: no checker for property " + property)
}
