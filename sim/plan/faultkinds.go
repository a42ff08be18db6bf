package plan

import "slices"

// FaultKind is one way in which something goes wrong.
type FaultKind struct {
	Name   string
	Target TargetKind
	About  string // what it does, and the unit of its amount
}

// TargetKind says what a fault's target names.
type TargetKind uint8

const (
	OnNode TargetKind = iota
	OnLoop            // "n1/2"
	OnLink            // "n1>n2" one way, "n1-n2" both ways
	OnRole            // "broker": every node of that role
)

// FaultKinds lists all kinds of faults, always in the same order. Package world carries them out.
func FaultKinds() []FaultKind { return faultKinds }

// FindFaultKind finds a kind by its name; it is nil if there is none.
func FindFaultKind(name string) *FaultKind {
	if i := FaultNumber(name); i > 0 {
		return &faultKinds[i-1]
	}
	return nil
}

// FaultNumber is the place of a kind in FaultKinds, counted from 1; 0 if there is no such kind.
func FaultNumber(name string) int {
	return 1 + slices.IndexFunc(faultKinds, func(k FaultKind) bool { return k.Name == name })
}

var faultKinds = []FaultKind{
	// Processes, loops and clocks.
	{"freeze", OnNode, "no loop of the node runs; its connections stay open"},
	{"freeze-loop", OnLoop, "one loop does not run, the others do"},
	{"hold-completions", OnLoop, "the completions of one loop's disk are held back"},
	{"slow", OnNode, "turns cost amount times as much"},
	{"kill", OnNode, "the process dies and the machine stays up; it restarts at the end"},
	{"power-off", OnNode, "the machine loses power, and data that was not synced; it boots at " +
		"the end"},
	{"torn-power-off", OnNode, "as power-off, and amount percent of the sectors that were not " +
		"synced are torn"},
	{"crash-loop", OnNode, "the process dies again and again, within amount ms of each start"},
	{"reshard", OnNode, "the process dies, and restarts at the end with amount shards"},
	{"clock-drift", OnNode, "the clock runs amount ppm too fast"},
	{"clock-jump", OnNode, "the wall clock jumps by amount ms and does not jump back"},

	// What operators do to a cluster, and what happens to all of its machines at once.
	{"clean-stop", OnNode, "the process is asked to stop, as by SIGTERM, and killed if it still " +
		"runs after amount ms; it restarts at the end"},
	{"rolling-restart", OnRole, "one node after the other is stopped, cleanly or not, and " +
		"started again; amount ms pass from a start to the next stop"},
	{"rack-power-off", OnRole, "all machines lose power, and data that was not synced; they boot " +
		"at the end, each within amount ms"},

	// Links, and hosts on the network.
	{"cut", OnLink, "nothing passes; connections die that wait too long for an acknowledgement"},
	{"isolate", OnNode, "nothing passes between the node and any other"},
	{"stall-link", OnLink, "nothing passes, but connections stay open"},
	{"slow-link", OnLink, "the latency is amount times as long, and the bandwidth amount times " +
		"smaller"},
	{"flap", OnLink, "the link is cut for amount ms, then works for amount ms, and so on"},
	{"limit-link", OnLink, "amount bytes a second pass at most"},
	{"chop-link", OnLink, "streams are cut into small pieces"},
	{"spike-link", OnLink, "some packets are late by up to amount ms: connections overtake each " +
		"other"},
	{"half-open", OnNode, "about one in amount of the node's connections dies, and the other end " +
		"is not told"},
	{"sever", OnLink, "connections that are open carry nothing any more; new ones do"},
	{"refuse", OnNode, "new connections are refused"},
	{"reset-connections", OnNode, "every connection of the node is reset"},

	// Disks.
	{"disk-stall", OnNode, "no operation of the disk completes"},
	{"sync-stall", OnNode, "no sync of the disk completes"},
	{"disk-slow", OnNode, "operations take amount times as long"},
	{"disk-full", OnNode, "amount bytes are free"},
	{"no-space", OnNode, "files of the path cannot grow"},
	{"io-errors", OnNode, "amount percent of all operations fail"},
	{"sync-error", OnNode, "the next amount syncs fail"},
	{"write-error", OnNode, "the next amount writes fail"},
	{"read-error", OnNode, "the next amount reads fail"},
	{"lose-write", OnNode, "the next amount writes never reach the medium"},
	{"misdirect-write", OnNode, "the next amount writes go to a wrong place"},
	{"bit-rot", OnNode, "amount bits of a durable sector flip"},
	{"no-descriptors", OnNode, "the process has no descriptor left: it can open nothing"},
	{"no-permission", OnNode, "the process may not open, list, make, rename or remove what is in " +
		"the path"},

	// Whole directories. The process dies, and starts again amount ms later.
	{"lose-directory", OnNode, "the directory is empty from now on"},
	{"unmount", OnNode, "the directory is empty; at the end it is again what it was, and what " +
		"was written meanwhile is lost"},
	{"restore-directory", OnNode, "the directory is copied; at the end the copy takes its place, " +
		"and what was written meanwhile is lost"},
	{"swap-directories", OnLink, "two nodes have the directory of each other; at the end they " +
		"have their own again"},
}
