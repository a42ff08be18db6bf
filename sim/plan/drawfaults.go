package plan

import (
	"slices"
	"strconv"
	"time"

	"example.com/lockstep/broker/env"
)

// MenuItem offers a kind of fault to [DrawFaults]. It is drawn in proportion to its Weight.
type MenuItem struct {
	Kind   string
	Weight int
	Amount func(r *env.Rand) int64 // draws the fault's Amount; nil: 0
	Paths  []string                // the fault gets one of them; nil: it hits all files
}

// DrawFaults draws count faults on the given nodes, within the duration. The lengths of the faults
// spread over orders of magnitude: a stall of 5 ms and one of a third of the run find different
// bugs.
func DrawFaults(r *env.Rand, nodes []NodeSpec, duration time.Duration, menu []MenuItem,
	count int) []Fault {
	total := 0
	for _, m := range menu {
		total += m.Weight
	}
	var faults []Fault
	for range count {
		at := r.IntN(total)
		i := 0
		for ; at >= menu[i].Weight; i++ {
			at -= menu[i].Weight
		}
		kind := FindFaultKind(menu[i].Kind)
		length := duration / 3
		for range r.IntN(8) {
			length /= 2
		}
		f := Fault{
			At:   Duration(r.Between(0, int64(duration*9/10))).Round(),
			Kind: kind.Name, Target: drawTarget(r, kind.Target, nodes),
			For: Duration(r.Between(int64(length/2)+1, int64(length)+1)).Round(),
		}
		if menu[i].Amount != nil {
			f.Amount = menu[i].Amount(r)
		}
		if paths := menu[i].Paths; paths != nil {
			f.Path = paths[r.IntN(len(paths))]
		}
		faults = append(faults, f)
	}
	return faults
}

func drawTarget(r *env.Rand, kind TargetKind, nodes []NodeSpec) string {
	i := r.IntN(len(nodes))
	n := nodes[i]
	switch kind {
	case OnRole:
		return n.Role
	case OnLoop:
		return n.Name + "/" + strconv.Itoa(r.IntN(n.Loops()))
	case OnLink:
		if len(nodes) == 1 {
			return n.Name + "-" + n.Name
		}
		peer := nodes[(i+1+r.IntN(len(nodes)-1))%len(nodes)]
		if r.Chance(1, 2) {
			return n.Name + "-" + peer.Name
		}
		return n.Name + ">" + peer.Name
	}
	return n.Name
}

// StoppedBy lists the nodes that the faults may cause to stop themselves: those with a disk that
// reports errors or damage, or a process that lacks what its disk needs. "*" means any node.
func StoppedBy(faults []Fault) []string {
	var nodes []string
	for _, f := range faults {
		switch f.Kind {
		case "sync-error", "write-error", "read-error", "io-errors", "disk-full", "no-space",
			"lose-write", "misdirect-write", "bit-rot", "no-descriptors", "no-permission":
			node := f.Target
			if f.Target[0] == '@' {
				node = "*" // which node it is, is known only when the fault begins
			}
			if !slices.Contains(nodes, node) {
				nodes = append(nodes, node)
			}
		}
	}
	return nodes
}
