package check

import (
	"cmp"
	"slices"
	"time"

	"example.com/lockstep/checker"
	"example.com/lockstep/sim/property"
)

// CheckCreations demands that creations and deletions of topics are answered all the time,
// each within the bound, by brokers without a fault. (Before, one took 30 s: nine proposals
// in a row, and a leadership that moved in the middle.) Time counts from the first
// controller on, since the first client may start before the first election.
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

// longestPause is the longest time from an answer to the last failed try before the next
// answer. Clients that try nothing, or that go to brokers that cannot answer, make no
// pause.
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

// at is the moment for which the try shows whether the cluster answers.
func (t try) at() time.Duration { return max(t.call, t.acked) }
