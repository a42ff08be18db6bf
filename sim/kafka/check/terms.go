package check

import (
	"slices"

	"example.com/lockstep/broker/meta"
	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/property"
)

// Terms checks what pre-votes and leases of leaders must achieve in Raft: a term rises only
// if an election can be won, and elections have a reason.
type Terms struct {
	Highest meta.Term
	Elected int // terms that had a controller
}

const (
	// wastedTerms is how many terms a run may have without a controller, and
	// wastedPerElection how many more for each election, because of split votes.
	wastedTerms, wastedPerElection = 10, 4
	// calmElections is how many elections a run without faults may have: the first, and
	// some if nodes start late.
	calmElections = 3
)

// Check judges a finished run.
func (t *Terms) Check(w Reporter, faults []plan.Fault) {
	wasted := int(t.Highest) - 1 - t.Elected // the cluster begins in term 1, which has no leader
	if wasted > wastedTerms+wastedPerElection*t.Elected && !slowVotes(faults) {
		w.Violated(property.TermsRiseForElections, "", "the term is %d after %d elections",
			t.Highest, t.Elected)
	}
	if len(faults) == 0 && t.Elected > calmElections {
		w.Violated(property.ControllerStays, "", "%d controllers were elected, without a fault",
			t.Elected)
	}
}

// slowVotes reports whether faults may delay votes, which are synced before they leave.
// Then candidates that could win may lose again and again.
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
