package main

import (
	"slices"
	"strings"
)

// A room is a part of the module in which every package lists what it may
// import of our own packages. A package of a room that is not listed has no
// place in the order, which is a violation.
type room struct {
	table string // name of the list in this file, for messages
	// packages are patterns for the packages of the room, without those that
	// not matches. A pattern that ends with "/..." stands for a package and all
	// below it.
	packages []string
	not      []string
	imports  map[string][]string // by package, patterns for what it may import
	// modules says, by package, what it may import of other modules. A package that is
	// not listed may import any.
	modules map[string][]string
	tests   bool // whether test files must keep the order too
	advice  string
}

var rooms = []*room{
	{
		table: "coreImports", imports: coreImports,
		packages: []string{"broker/...", "netsim", "diskfs"},
		not:      []string{"broker/drive/...", "broker/loop/looptest", "broker/alloctest"},
		advice:   "use an interface drawn by the consumer, and wire it in shard or node",
	},
	{
		table: "edgeImports", imports: edgeImports,
		packages: []string{"netsim/...", "diskfs/..."}, not: []string{"netsim", "diskfs"},
		advice: "a network or a disk imports its contract, and nothing of the broker above it",
	},
	{
		table: "simImports", imports: simImports, modules: simModules,
		packages: []string{"sim/...", "scenarios/..."},
		advice:   "a package must not import what uses it; pass a value or a function in",
	},
	{
		table: "checkerImports", imports: map[string][]string{"checker": nil},
		packages: []string{"checker/..."}, tests: true,
		advice: "the checker shares no code with what it judges; use kmsg or code of its own",
	},
	{
		table: "mutantsImports", imports: map[string][]string{"mutants": nil},
		packages: []string{"mutants/..."},
		advice:   "planted bugs are data; the code that runs them imports them",
	},
}

// Groups of our own packages for the tables below.
var (
	leaves = []string{
		"broker/kafka", "broker/assert", "broker/env", "broker/limits", "broker/mark",
		"broker/rare", "broker/wait", "broker/event",
	}
	roots      = []string{"netsim", "diskfs"}
	codecs     = []string{"broker/batch", "broker/wire", "broker/wire/peer"}
	belowLoops = []string{
		"broker/loop", "broker/wal", "broker/partition", "broker/replica", "broker/meta",
		"broker/group", "broker/txn", "broker/api",
	}
)

// coreImports is the order of the broker.
//
// wal, partition and replica do not import each other; the shard connects them.
var coreImports = map[string][]string{
	"netsim": nil,
	"diskfs": {"broker/env"},

	"broker/kafka":  nil,
	"broker/assert": nil,
	"broker/env":    nil,
	"broker/mark":   nil,
	"broker/rare":   {"broker/env"},
	"broker/event":  {"broker/env"},
	"broker/limits": {"broker/kafka", "broker/env"},
	"broker/wait":   {"broker/kafka", "broker/assert", "broker/env"},

	"broker":             nil, // doc.go
	"broker/loop":        join(leaves, roots),
	"broker/batch":       leaves,
	"broker/wire":        leaves,
	"broker/wire/peer":   leaves,
	"broker/wire/client": leaves,

	"broker/wal":       join(leaves, []string{"broker/batch", "diskfs"}),
	"broker/partition": join(leaves, []string{"broker/batch", "diskfs"}),
	"broker/replica":   join(leaves, []string{"broker/batch", "broker/wire/peer"}),

	"broker/meta":  join(leaves, codecs),
	"broker/group": join(leaves, codecs),
	"broker/txn":   join(leaves, codecs),
	"broker/api":   join(leaves, codecs, []string{"broker/meta", "broker/group", "broker/txn"}),

	"broker/shard": join(leaves, codecs, roots, belowLoops),
	"broker/node":  join(leaves, codecs, roots, belowLoops, []string{"broker/shard"}),
}

// edgeImports is the order of the real and the simulated networks and disks.
var edgeImports = map[string][]string{
	"netsim/tcp":        {"netsim", "broker/assert"},
	"netsim/virtual":    {"netsim", "broker/assert", "broker/env"},
	"netsim/netsimtest": {"netsim", "broker/assert", "broker/env"},

	"diskfs/internal/rules": {"diskfs"},
	"diskfs/osfs":           {"diskfs", "diskfs/internal/rules", "broker/env"},
	"diskfs/virtual":        {"diskfs", "diskfs/internal/rules", "broker/env"},
	"diskfs/diskfstest":     {"diskfs"},
}

// simModules keeps Kafka's messages, which are another module, out of the simulator's
// world.
var simModules = map[string][]string{
	"sim/property": nil, "sim/plan": {"go.yaml.in/yaml/v3"}, "sim/world": nil, "sim/toy": nil,
}

// simBroker is what the simulator's world may import of the broker: the contracts
// of its loops, and leaves without a protocol.
var simBroker = []string{
	"broker/assert", "broker/env", "broker/event", "broker/loop", "broker/mark", "broker/rare",
	"broker/wait",
}

// simImports is the order of the simulator. A plan is data. The world runs a plan
// and does not import its subjects. The two subjects do not import each other. The
// page about a run (sim/report) imports none of our packages.
var simImports = map[string][]string{
	"scenarios":    nil,
	"sim/report":   nil,
	"sim/property": nil,

	"sim/plan":  {"broker/env", "broker/rare"},
	"sim/world": join(simBroker, simBelow, roots, []string{"netsim/virtual", "diskfs/virtual"}),
	"sim/toy":   join(simBroker, simBelow, roots, []string{"sim/world"}),

	"sim/kafka/history": join(simKafka, simBelow, []string{"sim/world"}),
	"sim/kafka/check":   join(simKafka, simBelow, []string{"sim/world", "sim/kafka/history"}),
	"sim/kafka/client": join(simKafka, simBelow,
		[]string{"sim/world", "sim/kafka/history", "sim/kafka/check"}),
	"sim/kafka": join(simKafka, simBelow,
		[]string{"sim/world", "sim/kafka/history", "sim/kafka/check", "sim/kafka/client"}),

	"sim/recording": join(simKafka, simBelow,
		[]string{"sim/world", "sim/kafka/history", "sim/report"}),
	"sim/scenario": {
		"sim/plan", "sim/world", "sim/toy", "sim/kafka", "scenarios", "broker/env", "broker/rare",
	},

	"sim": {"sim/plan", "sim/world", "sim/scenario", "sim/recording", "checker"},
	"sim/pool": join(simBelow,
		[]string{"sim", "sim/world", "sim/scenario", "sim/recording", "mutants"}),

	"sim/campaign": {"sim/plan", "sim/world", "sim/scenario", "sim/pool", "broker/mark"},
	"sim/shrink":   {"sim/plan", "sim/world", "sim/pool"},
	"sim/explain":  {"sim/plan", "sim/world", "sim/pool"},
}

var (
	simBelow = []string{"sim/plan", "sim/property"}
	simKafka = join(roots, []string{"broker/...", "diskfs/virtual", "checker"})
)

// matches reports whether any pattern matches pkg.
func matches(patterns []string, pkg string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		dir, all := strings.CutSuffix(pattern, "/...")
		return pkg == pattern || all && within(pkg, dir)
	})
}

// roomOf is the room that a package belongs to, nil if it is in none.
func roomOf(pkg string) *room {
	for _, r := range rooms {
		if matches(r.packages, pkg) && !matches(r.not, pkg) {
			return r
		}
	}
	return nil
}

// lists reports whether pkg has a place in the order.
func (r *room) lists(pkg string) bool {
	_, listed := r.imports[pkg]
	return listed
}

// allows reports whether pkg may import another of our packages.
func (r *room) allows(pkg, imported string) bool { return matches(r.imports[pkg], imported) }

// isCore reports whether the core rules hold for a package of ours. The path is
// relative to the module.
func isCore(pkg string) bool {
	r := roomOf(pkg)
	return r != nil && r.table == "coreImports"
}

func join(lists ...[]string) []string { return slices.Concat(lists...) }
