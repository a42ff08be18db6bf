package shrink

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/world"
)

const msec = plan.Duration(time.Millisecond)

// withFaultsOnly is the plan with only the faults for which keep is true.
func withFaultsOnly(p *plan.Plan, what string, keep func(i int) bool) candidate {
	return change(p, what, func(p *plan.Plan) {
		var faults []plan.Fault
		for i, f := range p.Faults {
			if keep(i) {
				faults = append(faults, f)
			}
		}
		p.Faults = faults
	})
}

// fewerPass is one step of delta debugging over the list of faults (Zeller and
// Hildebrandt 2002): each part alone, then everything without one part, with smaller and
// smaller parts. The search repeats the pass after each success, which completes the
// algorithm.
func fewerPass(p *plan.Plan) (out []candidate) {
	n := len(p.Faults)
	if n == 0 {
		return nil
	}
	out = append(out, withFaultsOnly(p, "no faults", func(int) bool { return false }))
	for parts := 2; parts < 2*n; parts *= 2 {
		parts := min(parts, n)
		part := func(i int) int { return i * parts / n }
		if parts < n {
			for k := range parts {
				out = append(out, withFaultsOnly(p,
					fmt.Sprintf("of %d faults part %d of %d", n, k+1, parts),
					func(i int) bool { return part(i) == k }))
			}
		}
		if parts > 2 || n == 2 {
			for k := range parts {
				out = append(out, withFaultsOnly(p,
					fmt.Sprintf("of %d faults all but part %d of %d", n, k+1, parts),
					func(i int) bool { return part(i) != k }))
			}
		}
	}
	return out
}

// gentler maps a kind of fault to a similar kind that is weaker or hits less.
var gentler = map[string]string{
	"torn-power-off": "power-off", "power-off": "kill", "kill": "clean-stop", "reshard": "kill",
	"crash-loop": "kill", "disk-stall": "sync-stall",
	"rolling-restart": "", "flap": "cut", "cut": "stall-link",
}

// weakerPass makes single faults shorter, weaker and narrower.
func weakerPass(p *plan.Plan) (out []candidate) {
	for i, f := range p.Faults {
		add := func(what string, make func(*plan.Fault)) {
			out = append(out, change(p, fmt.Sprintf("fault %d %s: %s", i+1, f.Kind, what),
				func(p *plan.Plan) { make(&p.Faults[i]) }))
		}
		if kind := gentler[f.Kind]; kind != "" {
			add(kind, func(f *plan.Fault) { f.Kind, f.Amount = kind, 0 })
		}
		if from, to, both := strings.Cut(f.Target, "-"); both && !strings.HasPrefix(f.Target, "@") {
			add("one way", func(f *plan.Fault) { f.Target = from + ">" + to })
			add("the other way", func(f *plan.Fault) { f.Target = to + ">" + from })
		}
		for _, divisor := range []plan.Duration{16, 4, 2} {
			if shorter := readable(f.For / divisor); shorter >= 10*msec {
				add("for "+shorter.String(), func(f *plan.Fault) { f.For = shorter })
			}
		}
		for _, divisor := range []int64{16, 4, 2} {
			if weaker := f.Amount / divisor; weaker != 0 {
				add(fmt.Sprintf("amount %d", weaker), func(f *plan.Fault) { f.Amount = weaker })
			}
		}
	}
	return out
}

// earlierPass shortens the gaps before faults: a fault and all later ones begin earlier.
// It leaves anchored faults alone: their milestones say when they begin.
func earlierPass(p *plan.Plan) (out []candidate) {
	var times []plan.Duration
	for _, f := range p.Faults {
		if f.After == "" && !slices.Contains(times, f.At) {
			times = append(times, f.At)
		}
	}
	slices.Sort(times)
	before := plan.Duration(0)
	for _, at := range times {
		for _, share := range []plan.Duration{8, 4, 2} {
			if gap := at - before; gap >= 100*msec {
				by := gap - readable(gap/share)
				out = append(out, change(p, fmt.Sprintf("faults from %s on %s earlier", at, by),
					func(p *plan.Plan) {
						for i := range p.Faults {
							if f := &p.Faults[i]; f.After == "" && f.At >= at {
								f.At -= by
							}
						}
					}))
			}
		}
		before = at
	}
	for i, f := range p.Faults {
		if round := readable(f.At); f.After == "" && round != f.At {
			out = append(out, change(p, fmt.Sprintf("fault %d at %s", i+1, round),
				func(p *plan.Plan) { p.Faults[i].At = round }))
		}
	}
	return out
}

// readable rounds a duration down to about two digits.
func readable(d plan.Duration) plan.Duration {
	for _, unit := range []plan.Duration{60_000 * msec, 1000 * msec, 100 * msec, 10 * msec} {
		if d >= 10*unit {
			return d - d%unit
		}
	}
	return d - d%msec
}

// targetNodes are the machines that a target names.
func targetNodes(target string) []string {
	if strings.HasPrefix(target, "@") {
		target = strings.ReplaceAll(strings.ReplaceAll(target[1:], "-with-", ">"), "/", ">")
		return strings.Split(target, ">")
	}
	target, _, _ = strings.Cut(target, "/")
	return strings.FieldsFunc(target, func(r rune) bool { return r == '-' || r == '>' })
}

// began finds the milestone at which a fault of the plan began in the failing run; -1 if
// it did not begin. resolved is the target that it hit.
func began(p *plan.Plan, i int, milestones []world.Milestone) (at int, resolved string) {
	key := fmt.Sprintf("fault %d %s ", i+1, p.Faults[i].Kind)
	for k, m := range milestones {
		if rest, ok := strings.CutPrefix(m.Key, key); ok {
			return k, rest
		}
	}
	return -1, ""
}

// targetPass replaces the name of a node by its role at that time ("@leader"): another
// commit may have another leader then. With one broker only, it replaces a role by
// the name.
func targetPass(p *plan.Plan, milestones []world.Milestone) (out []candidate) {
	if p.Budget == plan.Budgeted {
		return nil // a budget needs the names of targets, and the times
	}
	brokers := 0
	for _, n := range p.Nodes {
		if !client(n) {
			brokers++
		}
	}
	for i, f := range p.Faults {
		at, resolved := began(p, i, milestones)
		if at < 0 {
			continue
		}
		to := resolved
		if brokers > 1 {
			if strings.HasPrefix(f.Target, "@") {
				continue
			}
			to = roleOf(resolved, milestones[:at])
		}
		if to != f.Target && to != "" {
			out = append(out, change(p, fmt.Sprintf("fault %d %s at %s", i+1, f.Kind, to),
				func(p *plan.Plan) { p.Faults[i].Target = to }))
		}
	}
	return out
}

// roleOf names the role that a node or loop has after these milestones; "" for none.
func roleOf(node string, milestones []world.Milestone) string {
	leader, controller := "", ""
	for _, m := range milestones {
		switch {
		case m.Kind == plan.LeaderBegan && strings.HasPrefix(m.Key, "leader t0/0 "):
			leader = m.Node
		case m.Kind == plan.ControllerBegan:
			controller = m.Node
		}
	}
	switch node {
	case leader:
		return "@leader"
	case leader + "/1":
		return "@leader-loop"
	case controller:
		return "@controller"
	case controller + "/0":
		return "@control-loop"
	}
	return ""
}

const (
	// anchorReach bounds the time from a milestone to a fault that is anchored at it.
	anchorReach = plan.Duration(10 * time.Second)
	// anchorPatience is how much later than planned an anchored fault begins if its
	// milestone has not come.
	anchorPatience = plan.Duration(5 * time.Second)
)

// anchorPass ties faults to milestones that came before them in the failing run. Faults
// that began together are tied together.
func anchorPass(p *plan.Plan, milestones []world.Milestone) (out []candidate) {
	if p.Budget == plan.Budgeted {
		return nil
	}
	for i, f := range p.Faults {
		at, _ := began(p, i, milestones)
		if f.After != "" || at < 0 {
			continue
		}
		tried := 0
		for k := at - 1; k >= 0 && tried < 2 && f.At-milestones[k].At <= anchorReach; k-- {
			words, same := anchorWords(milestones[k]), false
			if k > 0 {
				before := milestones[k-1]
				same = before.At == milestones[k].At && anchorWords(before) == words
			}
			if words == "" || milestones[k].At > f.At || same {
				continue
			}
			tried++
			anchor := plan.Anchor{Words: words}
			for _, m := range milestones[:k+1] {
				if anchor.Matches(m.Key) {
					anchor.Nth++
				}
			}
			// It must begin before the safety phase ends. Faults that began with it
			// get the same anchor.
			offset := readable(f.At - milestones[k].At)
			by := min(f.At+anchorPatience, p.Duration-msec)
			out = append(out, change(p, fmt.Sprintf("fault %d %s after %s", i+1, f.Kind, anchor),
				func(p *plan.Plan) {
					for j := range p.Faults {
						if g := &p.Faults[j]; g.After == "" && g.At == f.At {
							g.After, g.At, g.By = anchor.String(), offset, by
						}
					}
				}))
		}
	}
	return out
}

// anchorWords are the part of a milestone's key that is likely to be the same on other
// commits: without the term, the epoch or the number of a fault.
func anchorWords(m world.Milestone) string {
	words := strings.Fields(m.Key)
	switch m.Kind {
	case plan.ControllerBegan:
		return words[0]
	case plan.LeaderBegan, plan.ISRChanged:
		return strings.Join(words[:2], " ")
	case plan.BrokerFenced, plan.BrokerUnfenced, plan.TopicCreated:
		return m.Key
	}
	return ""
}
