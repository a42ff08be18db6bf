package check

import (
	"slices"

	"example.com/lockstep/broker/meta"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/property"
)

// Terms holds Raft to what pre-votes and leases of leaders are for: a term rises
// when there is an election to win, and elections are won for a reason.
type Terms struct {
	Highest meta.Term
	Elected int // terms that had a controller
}

const (
	// wastedTerms is how many terms without a controller are nobody's fault, and
	// wastedPerElection how many each election may waste on split votes.
	wastedTerms, wastedPerElection = 10, 4
	// calmElections is how many elections a run has in which nothing goes wrong:
	// the first, and some if nodes start late.
	calmElections = 3
)

// Check judges a finished run.
func (t *Terms) Check(w Reporter, faults []plan.Fault) {
	wasted := int(t.Highest) - 1 - t.Elected // the cluster begins in term 1, which nobody leads
	if wasted > wastedTerms+wastedPerElection*t.Elected && !slowVotes(faults) {
		w.Violated(property.TermsRiseForElections, "", "the term is %d after %d elections",
			t.Highest, t.Elected)
	}
	if len(faults) == 0 && t.Elected > calmElections {
		w.Violated(property.ControllerStays, "", "%d controllers were elected, without a fault",
			t.Elected)
	}
}

// slowVotes reports whether faults make votes late, which are synced before they
// leave: then candidates may lose again and again that could win.
func slowVotes(faults []plan.Fault) bool {
	return slices.ContainsFunc(faults, func(f plan.Fault) bool {
		switch f.Kind {
		case "disk-slow", "disk-stall", "sync-stall", "hold-completions", "slow", "slow-link",
			"limit-link":
			return true
		}
		return false
	})
}
