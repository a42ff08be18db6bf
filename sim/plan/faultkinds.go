package plan

import "slices"

// FaultKind is one way in which something goes wrong.
type FaultKind struct {
	Name   string
	Target TargetKind
	About  string // what it does; the unit of amount
}

// TargetKind says what a fault's target names.
type TargetKind uint8

const (
	OnNode TargetKind = iota
	OnLoop            // "n1/2"
	OnLink            // "n1>n2" one way, "n1-n2" both ways
	OnRole            // "broker": every node of that role
)

// FaultKinds are all kinds, in the order of their listing. The world gives each
// its effect.
func FaultKinds() []FaultKind { return faultKinds }

// FindFaultKind finds a kind by its name; nil if there is none.
func FindFaultKind(name string) *FaultKind {
	if i := FaultNumber(name); i > 0 {
		return &faultKinds[i-1]
	}
	return nil
}

// FaultNumber is the place of a kind in FaultKinds, from 1 on; 0 if there is none.
func FaultNumber(name string) int {
	return 1 + slices.IndexFunc(faultKinds, func(k FaultKind) bool { return k.Name == name })
}

var faultKinds = []FaultKind{
	// Processes, loops and clocks.
	{"freeze", OnNode, "no loop of the node runs; its connections stay open"},
	{"freeze-loop", OnLoop, "one loop does not run, the others do"},
	{"hold-completions", OnLoop, "nothing that one loop's disk completes is delivered"},
	{"slow", OnNode, "turns cost amount times as much"},
	{"kill", OnNode, "the process dies, the machine lives; restarts at the end"},
	{"power-off", OnNode, "the machine loses power and what was not synced; boots at the end"},
	{"torn-power-off", OnNode, "as power-off, and amount percent of the sectors that were not " +
		"synced are torn"},
	{"crash-loop", OnNode, "the process dies again and again, within amount ms of each start"},
	{"reshard", OnNode, "the process dies, and restarts at the end with amount shards"},
	{"clock-drift", OnNode, "the clock runs amount ppm fast"},
	{"clock-jump", OnNode, "the wall clock jumps by amount ms, for good"},

	// What people do to a cluster, and what befalls all of its machines at once.
	{"clean-stop", OnNode, "the process is asked to stop, as by SIGTERM, and killed if it has " +
		"not after amount ms; restarts at the end"},
	{"rolling-restart", OnRole, "one node after the other is stopped, cleanly or not, and " +
		"started again; amount ms from a start to the next stop"},
	{"rack-power-off", OnRole, "all machines lose power and what was not synced; they boot at " +
		"the end, each within amount ms"},

	// Links, and hosts on the network.
	{"cut", OnLink, "nothing passes; connections that lose patience die"},
	{"isolate", OnNode, "nothing passes between the node and any other"},
	{"stall-link", OnLink, "nothing passes, and no connection dies of it"},
	{"slow-link", OnLink, "amount times the latency, and as much less bandwidth"},
	{"flap", OnLink, "nothing passes in every other of stretches of amount ms"},
	{"limit-link", OnLink, "amount bytes a second at most"},
	{"chop-link", OnLink, "streams are cut into small pieces"},
	{"spike-link", OnLink, "some packets are late by up to amount ms: connections overtake each " +
		"other"},
	{"half-open", OnNode, "about one in amount of the node's connections dies, and the other end " +
		"is told nothing"},
	{"sever", OnLink, "the connections that are open carry nothing any more; new ones do"},
	{"refuse", OnNode, "new connections are refused"},
	{"reset-connections", OnNode, "every connection of the node is reset"},

	// Disks.
	{"disk-stall", OnNode, "no operation of the disk ends"},
	{"sync-stall", OnNode, "no sync of the disk ends"},
	{"disk-slow", OnNode, "operations take amount times as long"},
	{"disk-full", OnNode, "amount bytes are free"},
	{"no-space", OnNode, "files of the path can't grow"},
	{"io-errors", OnNode, "amount percent of all operations fail"},
	{"sync-error", OnNode, "the next amount syncs fail"},
	{"write-error", OnNode, "the next amount writes fail"},
	{"read-error", OnNode, "the next amount reads fail"},
	{"lose-write", OnNode, "the next amount writes never reach the medium"},
	{"misdirect-write", OnNode, "the next amount writes land elsewhere"},
	{"bit-rot", OnNode, "amount bits of a durable sector flip"},
}
