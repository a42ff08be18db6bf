package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Budgeted is the Budget of a plan of which at every moment a quorum core of
// brokers is healthy, with the links among them and to the clients, and clocks
// that keep to their bound. Faults come in spells with pauses between them.
// Liveness is demanded all the time: partitions keep acknowledging, topics are
// made, and before a spell ISRs are full again.
const Budgeted = "budgeted"

// Unbudgeted is the Budget of a plan in which anything may break, also what no
// protocol survives: rot in every copy, writes that never happen, clocks that run
// away. Only safety is demanded, and what is lost must be explained by what
// disks and clocks have done (checker.DamageFact, checker.ClockFact).
const Unbudgeted = "unbudgeted"

// SpellPause is in which ISRs must be full again after a spell: a node that
// stopped itself is started within a second, its session begins with an election
// at worst, and it fetches what it missed in some seconds.
const SpellPause = 12 * Second

// StrikeLimit is how many brokers of a plan may be struck at the same time.
func (p *Plan) StrikeLimit() int {
	o := &p.Workload.Options
	return max(0, min((len(p.Brokers())-1)/2, int(o.RF.Or(0)-o.MinISR.Or(0))))
}

// victim is the broker that a fault of a budgeted plan strikes: of a link the
// end that is named first.
func (f *Fault) victim() string {
	if i := strings.IndexAny(f.Target, "/->"); i >= 0 {
		return f.Target[:i]
	}
	return f.Target
}

// ByTime are the plan's faults in order of their beginnings.
func (p *Plan) ByTime() []Fault {
	faults := slices.Clone(p.Faults)
	slices.SortStableFunc(faults, func(a, b Fault) int { return cmp.Compare(a.At, b.At) })
	return faults
}

// checkBudget reports the first moment at which more is broken than the budget
// allows.
func (p *Plan) checkBudget() error {
	switch p.Budget {
	case "", Unbudgeted:
		return nil
	case Budgeted:
	default:
		return fmt.Errorf("plan: budget %q", p.Budget)
	}
	faults := p.ByTime()
	for i := range faults {
		if faults[i].After != "" || strings.HasPrefix(faults[i].Target, "@") {
			return fmt.Errorf("plan: the faults of a budgeted plan have times and names: %s %s",
				faults[i].Kind, faults[i].Target)
		}
		struck := []string{faults[i].victim()}
		for _, f := range faults[:i] {
			if f.For == 0 || f.At+f.For+SpellPause > faults[i].At {
				struck = append(struck, f.victim())
			}
		}
		slices.Sort(struck)
		if n := len(slices.Compact(struck)); n > p.StrikeLimit() {
			return fmt.Errorf("plan: %d brokers are struck at %s, within %s of each other; the "+
				"budget is %d", n, faults[i].At, SpellPause, p.StrikeLimit())
		}
	}
	return nil
}
