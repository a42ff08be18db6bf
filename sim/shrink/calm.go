package shrink

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"example.com/lockstep/sim/plan"
)

// Knob is one setting of a plan that is not calm.
type Knob struct {
	Name   string
	Counts bool // whether it counts in the plan's size
	Calm   func(*plan.Plan)
}

// demands are the fields of a plan that are not knobs: what is run, what is demanded,
// and what other passes change.
var demands = []string{"Version", "Scenario", "Description", "Seed", "Duration", "Liveness",
	"MaxEvents", "Budget", "Nodes", "Workload", "Faults", "Expect"}

// calmLimits are the limits of hosts at which nothing is special.
var calmLimits = plan.Limits{
	Mailbox: 1024, TurnEvents: 64,
	TurnCost: plan.Range{Low: 1000, High: 6000}, EventCost: 300, WakeUp: 2000,
	MailDelay: plan.Range{Low: 200, High: 1200},
}

// Knobs lists what is not calm in a plan. Fields that this package does not name are
// calm at their zero value.
func Knobs(p *plan.Plan) (knobs []Knob) {
	knobs = append(knobs, nodeKnobs(p)...)
	for _, name := range slices.Sorted(slices.Values(p.Workload.Options.Names())) {
		if name == "min_acks" {
			continue // it is a demand
		}
		knobs = append(knobs, Knob{"option " + name, true,
			func(p *plan.Plan) { *option(p, name) = plan.Option{} }})
	}
	calm := reflect.ValueOf(&plan.Plan{Limits: calmLimits}).Elem()
	drawn := reflect.ValueOf(p).Elem()
	for i := range drawn.NumField() {
		if field := drawn.Type().Field(i); !slices.Contains(demands, field.Name) {
			knobs = append(knobs, fieldKnobs(strings.ToLower(field.Name), drawn.Field(i),
				calm.Field(i), func(p *plan.Plan) reflect.Value {
					return reflect.ValueOf(p).Elem().Field(i)
				})...)
		}
	}
	return knobs
}

// fieldKnobs are the knobs of one field of the plan, or of a structure in it: value is
// its present value, calm its calm one, and in finds the field in another plan.
func fieldKnobs(name string, value, calm reflect.Value,
	in func(*plan.Plan) reflect.Value) (knobs []Knob) {
	if reflect.DeepEqual(value.Interface(), calm.Interface()) {
		return nil
	}
	one := func(name string, calmIt func(reflect.Value)) {
		knobs = append(knobs, Knob{name, true, func(p *plan.Plan) { calmIt(in(p)) }})
	}
	switch _, ranged := value.Interface().(plan.Range); {
	case value.Kind() == reflect.Struct && !ranged:
		for i := range value.NumField() {
			knobs = append(knobs, fieldKnobs(name+"."+strings.ToLower(value.Type().Field(i).Name),
				value.Field(i), calm.Field(i),
				func(p *plan.Plan) reflect.Value { return in(p).Field(i) })...)
		}
	case value.Kind() == reflect.Map:
		keys := value.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int {
			return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
		})
		for _, key := range keys {
			one(fmt.Sprintf("%s.%v", name, key),
				func(v reflect.Value) { v.SetMapIndex(key, reflect.Value{}) })
		}
	case value.Kind() == reflect.Slice:
		for i := range value.Len() {
			one(fmt.Sprintf("%s.%v", name, value.Index(i)), func(v reflect.Value) {
				v.Set(reflect.AppendSlice(v.Slice(0, min(i, v.Len())),
					v.Slice(min(i+1, v.Len()), v.Len())))
			})
		}
	default:
		one(name, func(v reflect.Value) { v.Set(calm) })
	}
	return knobs
}

// nodeKnobs are the knobs of the machines.
func nodeKnobs(p *plan.Plan) (knobs []Knob) {
	for i, n := range p.Nodes {
		add := func(what string, differs bool, calm func(*plan.NodeSpec)) {
			if differs {
				knobs = append(knobs, Knob{n.Name + " " + what, true,
					func(p *plan.Plan) { calm(&p.Nodes[i]) }})
			}
		}
		add("shards", n.Shards > 1, func(n *plan.NodeSpec) { n.Shards = 1 })
		add("start", n.StartAt != 0, func(n *plan.NodeSpec) { n.StartAt = 0 })
		add("drift", n.DriftPpm != 0, func(n *plan.NodeSpec) { n.DriftPpm = 0 })
		add("skew", n.WallSkewMs != 0, func(n *plan.NodeSpec) { n.WallSkewMs = 0 })
	}
	return knobs
}

// calmPass calms knobs: all at once, all of one kind, one by one.
func calmPass(p *plan.Plan) (out []candidate) {
	knobs := Knobs(p)
	groups := map[string][]Knob{}
	for _, k := range knobs {
		groups[""] = append(groups[""], k)
		groups[kindOf(k.Name)] = append(groups[kindOf(k.Name)], k)
	}
	for _, kind := range slices.Sorted(maps.Keys(groups)) {
		if group := groups[kind]; len(group) > 1 {
			what := "calm all of " + kind
			if kind == "" {
				what = "calm everything"
			}
			out = append(out, change(p, what, func(p *plan.Plan) {
				// Backwards: a knob that removes an element of a list knows its index.
				for i := len(group) - 1; i >= 0; i-- {
					group[i].Calm(p)
				}
			}))
		}
	}
	for _, k := range knobs {
		out = append(out, change(p, "calm "+k.Name, k.Calm))
	}
	return out
}

// kindOf is the first part of a knob's name; for a node's knob, the last part.
func kindOf(name string) string {
	first, last, _ := strings.Cut(name, " ")
	if first == "option" {
		return first
	}
	if last != "" {
		return last
	}
	first, _, _ = strings.Cut(name, ".")
	return first
}

// clientPass leaves out clients: all but one of each role, then each one.
func clientPass(p *plan.Plan) (out []candidate) {
	first := map[string]string{}
	var twins []string
	for _, n := range p.Nodes {
		if !client(n) {
			continue
		}
		if first[n.Role] != "" {
			twins = append(twins, n.Name)
		} else {
			first[n.Role] = n.Name
		}
	}
	if len(twins) > 1 {
		out = append(out, change(p, "one client of each role",
			func(p *plan.Plan) { dropNodes(p, twins...) }))
	}
	for _, n := range slices.Backward(p.Nodes) {
		if client(n) {
			out = append(out, change(p, "no "+n.Name, func(p *plan.Plan) { dropNodes(p, n.Name) }))
		}
	}
	return out
}

// brokerPass leaves out brokers, the last first.
func brokerPass(p *plan.Plan) (out []candidate) {
	for _, n := range slices.Backward(p.Nodes) {
		if !client(n) {
			out = append(out, change(p, "no "+n.Name, func(p *plan.Plan) { dropNodes(p, n.Name) }))
		}
	}
	return out
}

// client reports whether a machine is a client: in all worlds clients have no shards.
func client(n plan.NodeSpec) bool { return n.Shards == 0 }

// dropNodes removes machines from a plan, and the faults that hit them. It lowers the
// number of replicas to the number of brokers.
func dropNodes(p *plan.Plan, names ...string) {
	p.Nodes = slices.DeleteFunc(p.Nodes, func(n plan.NodeSpec) bool {
		return slices.Contains(names, n.Name)
	})
	p.Faults = slices.DeleteFunc(p.Faults, func(f plan.Fault) bool {
		return slices.ContainsFunc(targetNodes(f.Target),
			func(n string) bool { return slices.Contains(names, n) })
	})
	brokers, clients := 0, 0
	for _, n := range p.Nodes {
		if client(n) {
			clients++
		} else {
			brokers++
		}
	}
	p.Workload.Clients = clients
	for _, name := range []string{"rf", "min_isr"} {
		if o := option(p, name); o.Given() {
			*o = plan.Set(min(o.Or(0), int64(brokers)))
		}
	}
}

// option finds an option of the plan's workload. It panics if there is no such name.
func option(p *plan.Plan, name string) *plan.Option {
	o, err := p.Workload.Options.Find(name)
	if err != nil {
		panic(err)
	}
	return o
}

// loadPass makes the load smaller: fewer topics, partitions and replicas, and more time
// between two operations.
func loadPass(p *plan.Plan) (out []candidate) {
	for _, name := range []string{"topics", "partitions", "rf", "min_isr"} {
		if v := option(p, name).Or(0); v > 1 {
			out = append(out, change(p, name+" 1",
				func(p *plan.Plan) { *option(p, name) = plan.Set(1) }))
			if v > 2 {
				out = append(out, change(p, fmt.Sprint(name, " ", v-1),
					func(p *plan.Plan) { *option(p, name) = plan.Set(v - 1) }))
			}
		}
	}
	const slowest = 500 * msec
	for _, factor := range []plan.Duration{16, 4, 2} {
		if every := p.Workload.Every * factor; every > 0 && every <= slowest {
			out = append(out, change(p, "an operation every "+every.String(),
				func(p *plan.Plan) { p.Workload.Every = every }))
		}
	}
	return out
}
