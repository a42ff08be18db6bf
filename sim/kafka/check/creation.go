package check

import (
	"cmp"
	"slices"
	"time"

	"example.com/lockstep/checker"
	"example.com/lockstep/sim/property"
)

// CheckCreations: creations and deletions of topics go on being answered, each
// within the bound, by brokers that no fault is on (the analysis saw 30 s for
// one: nine proposals in a row, and a leadership that moved in the middle). Time
// counts from the first controller on: a cluster that is new has none yet, and the
// first client may be there before its first election.
func (c *Circumstances) CheckCreations(bound time.Duration) {
	var tries []try
	var first time.Duration
	if terms := c.History.Controllers; len(terms) > 0 {
		first = terms[0].At.At
	}
	for i := range c.History.Admins {
		op := &c.History.Admins[i]
		if op.Kind != checker.CreateTopic && op.Kind != checker.DeleteTopic ||
			c.struck(op.Node, op.Call.At) {
			continue
		}
		t := try{call: op.Call.At, acked: -1}
		if op.Outcome != checker.Ambiguous {
			t.acked = op.Return.At
			if took := t.acked - max(t.call, first); took > bound {
				c.World.Violated(property.TopicsMade, op.Topic, "%v; it took %v, the bound is %v",
					op, took, bound)
				return
			}
		}
		tries = append(tries, t)
	}
	if from, to := longestPause(tries, c.Plan.Duration.Std()); to-from > bound {
		c.World.Violated(property.TopicsMade, "",
			"no creation or deletion was answered from %v on, and one that was tried at %v was "+
				"not either; the bound is %v", from, to, bound)
	}
}

// try is one creation or deletion; acked is -1 if it was not answered.
type try struct{ call, acked time.Duration }

// longestPause is the longest stretch from an answer to the last try before the
// next one that failed: clients that try nothing, or go to
// brokers that can't answer, do not make a pause of the cluster's.
func longestPause(tries []try, until time.Duration) (from, to time.Duration) {
	slices.SortFunc(tries, func(a, b try) int { return cmp.Compare(a.at(), b.at()) })
	acked := time.Duration(-1)
	for _, t := range tries {
		switch {
		case t.at() >= until:
			return from, to
		case t.acked >= 0:
			acked = t.acked
		case acked >= 0 && t.call-acked > to-from:
			from, to = acked, t.call
		}
	}
	return from, to
}

// at is when the try shows how the partition does.
func (t try) at() time.Duration { return max(t.call, t.acked) }
