package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Budgeted is the Budget of a plan that leaves a quorum of brokers healthy at every moment, with
// the links among them and to the clients, and with clocks that keep to their bound. Faults come in
// spells with pauses between them. Liveness is demanded all the time: partitions keep
// acknowledging, topics are created, and ISRs are full again before the next spell.
const Budgeted = "budgeted"

// Unbudgeted is the Budget of a plan in which anything may break, including what no protocol
// survives: rot in every copy, writes that never reach the disk, clocks that run away. Only safety
// is demanded, and damage of the disks or errors of the clocks must explain every loss
// (checker.DamageFact, checker.ClockFact).
const Unbudgeted = "unbudgeted"

// SpellPause is the time after a spell in which ISRs must become full again. A node that stopped
// itself is started within a second. In the worst case its session begins only after an election.
// Then it fetches what it missed in a few seconds.
const SpellPause = 12 * Second

// StrikeLimit is how many brokers of a budgeted plan faults may hit at the same time: a minority of
// the voters, and no more replicas than a partition can miss and still have its minimum ISR.
func (p *Plan) StrikeLimit() int {
	o := &p.Workload.Options
	return max(0, min((len(p.Brokers())-1)/2, int(o.RF.Or(0)-o.MinISR.Or(0))))
}

// victim is the broker that a fault of a budgeted plan hits. For a link it is the end that is named
// first.
func (f *Fault) victim() string {
	if i := strings.IndexAny(f.Target, "/->"); i >= 0 {
		return f.Target[:i]
	}
	return f.Target
}

// ByTime returns the plan's faults in the order in which they begin.
func (p *Plan) ByTime() []Fault {
	faults := slices.Clone(p.Faults)
	slices.SortStableFunc(faults, func(a, b Fault) int { return cmp.Compare(a.At, b.At) })
	return faults
}

// checkBudget reports the first moment at which more is broken than the budget allows.
func (p *Plan) checkBudget() error {
	switch p.Budget {
	case "", Unbudgeted:
		return nil
	case Budgeted:
	default:
		return fmt.Errorf("plan: no budget %q", p.Budget)
	}
	faults := p.ByTime()
	for i := range faults {
		if faults[i].After != "" || strings.HasPrefix(faults[i].Target, "@") {
			return fmt.Errorf("plan: a fault of a budgeted plan must name its time and its "+
				"target, without an anchor or @name: %s %s", faults[i].Kind, faults[i].Target)
		}
		struck := []string{faults[i].victim()}
		for _, f := range faults[:i] {
			if f.For == 0 || f.At+f.For+SpellPause > faults[i].At {
				struck = append(struck, f.victim())
			}
		}
		slices.Sort(struck)
		if n := len(slices.Compact(struck)); n > p.StrikeLimit() {
			return fmt.Errorf("plan: %d brokers are hit at %s, within %s of each other; the "+
				"budget is %d", n, faults[i].At, SpellPause, p.StrikeLimit())
		}
	}
	return nil
}
