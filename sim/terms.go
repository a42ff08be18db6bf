package sim

import (
	"slices"

	"example.com/lockstep/broker/meta"
)

// terms holds Raft to what pre-votes and leases of leaders are for: a term rises
// when there is an election to win, and elections are won for a reason.
type terms struct {
	highest meta.Term
	elected int // terms that had a controller
}

const (
	// wastedTerms is how many terms without a controller are nobody's fault, and
	// wastedPerElection how many each election may waste on split votes.
	wastedTerms, wastedPerElection = 10, 4
	// calmElections is how many elections a run has in which nothing goes wrong:
	// the first, and some if nodes start late.
	calmElections = 3
)

// check judges a finished run.
func (t *terms) check(w Reporter, faults []Fault) {
	wasted := int(t.highest) - 1 - t.elected // the cluster begins in term 1, which nobody leads
	if wasted > wastedTerms+wastedPerElection*t.elected && !slowVotes(faults) {
		w.Violated(PropertyTermsRiseForElections, "", "the term is %d after %d elections", t.highest, t.elected)
	}
	if len(faults) == 0 && t.elected > calmElections {
		w.Violated(PropertyControllerStays, "", "%d controllers were elected, without a fault", t.elected)
	}
}

// slowVotes reports whether faults make votes late, which are synced before they
// leave: then candidates may lose again and again that could win.
func slowVotes(faults []Fault) bool {
	return slices.ContainsFunc(faults, func(f Fault) bool {
		switch f.Kind {
		case "disk-slow", "disk-stall", "sync-stall", "hold-completions", "slow", "slow-link", "limit-link":
			return true
		}
		return false
	})
}
