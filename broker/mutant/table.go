package mutant

// Mutant describes one planted bug.
type Mutant struct {
	// Name is the switch, and the bug's id in BUGS.md (with a letter behind it
	// where the line there names two).
	Name string
	// Does is what the broker does wrong, in a sentence.
	Does string
	// Caught are the properties of which a violation catches the bug: the
	// beginning of what a failed run names, and behind " | ", where many things
	// break one property, the beginning of the detail. A run that fails for any
	// other reason says nothing about the bug.
	Caught []string
	// Scenarios are the simulator's scenarios that show it, and Bias why they do.
	Scenarios []string
	Bias      string
	// Seeds is how many seeds of each scenario it may survive.
	Seeds int
}

// assertion begins the names of assertions that a bug breaks: they are always
// on, in production too, and stop the node.
const assertion = "every assertion holds | assertion failed: "

// Find returns a planted bug by name.
func Find(name string) (Mutant, bool) {
	for _, m := range Table() {
		if m.Name == name {
			return m, true
		}
	}
	return Mutant{}, false
}

// Table lists the planted bugs in the order of BUGS.md.
func Table() []Mutant {
	return []Mutant{
		{
			Name: "L1", Does: "a request to the controller has no deadline: one whose answer is lost is waited for without end",
			Caught:    []string{"after healing"},
			Scenarios: []string{"lost-answers"}, Bias: "the controller dies while others register", Seeds: 60,
		},
		{
			Name: "L2", Does: "the control loop does nothing while Raft's records are on their way to a disk that stalls",
			Caught:    []string{"P11: a running loop answers its operator"},
			Scenarios: []string{"long-stall"}, Bias: "a disk stalls for an hour, the process runs", Seeds: 20,
		},
		{
			Name: "M6", Does: "a push of an epoch that the follower's metadata lacks is trusted, without comparing histories",
			Caught:    []string{"P1", "P3", "P4", "P5", "P10", assertion + "replica: node"},
			Scenarios: []string{"late-metadata"}, Bias: "control loops stand still while leaders change", Seeds: 100,
		},
		{
			Name: "W1", Does: "the log is written on a tick of 100 ms, so that every acknowledgement waits for one",
			Caught:    []string{"acknowledgements take no longer"},
			Scenarios: []string{"brisk"}, Bias: "fast disks and links, light load, nothing goes wrong", Seeds: 5,
		},
		{
			Name: "W3", Does: "records count as durable when their group is submitted, before its sync completes",
			Caught:    []string{"P1", "P3", "P4", "P6", "P13", assertion + "wal: release of"},
			Scenarios: []string{"quick-restart"}, Bias: "power is lost under load", Seeds: 60,
		},
		{
			Name: "W6", Does: "recovery cuts the log at the first damaged group, as if it were a torn tail",
			Caught:    []string{"P1", "P3", "P13", assertion + "partition: sequence"},
			Scenarios: []string{"rot"}, Bias: "sectors of a shard's log rot while its node is down", Seeds: 60,
		},
		{
			Name: "W9", Does: "the watermark is the leader's own end",
			Caught:    []string{"P1", "P4"},
			Scenarios: []string{"steady"}, Bias: "none needed", Seeds: 10,
		},
		{
			Name: "I1", Does: "acks=all is answered when the batch is appended, before it is replicated",
			Caught:    []string{"P1"},
			Scenarios: []string{"steady"}, Bias: "none needed", Seeds: 10,
		},
		{
			Name: "I3", Does: "a leader never asks for the removal of a follower that does not acknowledge",
			Caught:    []string{"a partition with a leader and quorums keeps acknowledging"},
			Scenarios: []string{"lone-link"}, Bias: "only the link between a leader and one follower is cut", Seeds: 20,
		},
		{
			Name: "I3b", Does: "a leader leaves a silent follower out of the watermark without asking the controller",
			Caught:    []string{"P1", "P3", "P4", "P5", "P6", assertion + "partition: truncation to"},
			Scenarios: []string{"deposed"}, Bias: "a leader is cut off from all brokers, not from clients", Seeds: 40,
		},
		{
			Name: "I5", Does: "followers do not compare epochs: a deposed leader's appends are accepted",
			Caught:    []string{"P1", "P3", "P4", "P5", "P6", "P10", assertion + "replica: node", "after healing"},
			Scenarios: []string{"deposed"}, Bias: "a leader is cut off from the controller, not from clients and followers", Seeds: 60,
		},
		{
			Name: "I11", Does: "a leader answers where its log ends without holding a lease",
			Caught:    []string{"P10"},
			Scenarios: []string{"deposed"}, Bias: "a leader is cut off from the controller, not from clients", Seeds: 60,
		},
		{
			Name: "F1", Does: "a forwarded produce has no deadline",
			Caught:    []string{"P11", "after healing"},
			Scenarios: []string{"forwarding"}, Bias: "clients go to any node; links between brokers fail, those to clients do not", Seeds: 40,
		},
		{
			Name: "F3", Does: "a produce that was forwarded is forwarded again, so that two nodes can send it to each other",
			Caught:    []string{"P11: a produce is forwarded once"},
			Scenarios: []string{"late-metadata"}, Bias: "control loops stand still while leaders change", Seeds: 60,
		},
		{
			Name: "C1", Does: "responses leave in the order of completion",
			Caught:    []string{"P11"},
			Scenarios: []string{"steady"}, Bias: "none needed", Seeds: 20,
		},
		{
			Name: "E1", Does: "a leader that restarts goes on in its old epoch",
			Caught:    []string{"P1", "P3", "P5", "P10", assertion + "replica: node", assertion + "partition: append at"},
			Scenarios: []string{"quick-restart"}, Bias: "leaders die and are back before their session ends", Seeds: 40,
		},
		{
			Name: "E2", Does: "an addition to the ISR counts for the watermark only when it is applied",
			Caught:    []string{"P1", "P3", "P4"},
			Scenarios: []string{"joining"}, Bias: "a slow follower comes back while the leader hears late of commits", Seeds: 100,
		},
		{
			Name: "E9", Does: "a heartbeat vouches for a node of which one loop is wedged or the disk stalls",
			Caught:    []string{"a partition with a leader and quorums keeps acknowledging"},
			Scenarios: []string{"wedged"}, Bias: "one shard of a leader stands still, its control loop runs", Seeds: 20,
		},
	}
}
