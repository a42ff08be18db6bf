package mutant

// controlTable lists bugs of liveness, Raft, metadata, sessions and epochs.
func controlTable() []Mutant {
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
			Caught:    []string{"P5:", "P1:", "P3:", "P4:", "P10:"},
			Scenarios: []string{"late-metadata"}, Bias: "control loops stand still while leaders change", Seeds: 100,
		},
		{
			Name: "E9", Does: "a heartbeat vouches for a node of which one loop is wedged or the disk stalls",
			Caught:    []string{"a partition with a leader and quorums keeps acknowledging"},
			Scenarios: []string{"wedged"}, Bias: "one shard of a leader stands still, its control loop runs", Seeds: 20,
		},
		{
			Name: "L3", Does: "a shard whose mail a full mailbox refuses waits for room and takes no event meanwhile; two of them wait for each other",
			Caught:    []string{"after healing"},
			Scenarios: []string{"crowded"}, Bias: "mailboxes hold one or two requests, and most requests cross shards", Seeds: 10,
		},
		{
			Name: "L4", Does: "one sender serves all peers in turn and waits for one that is gone, and what is for others waits behind it",
			Caught:    []string{"a partition with a leader and quorums keeps acknowledging", "after healing"},
			Scenarios: []string{"dead-peer"}, Bias: "one broker is dead for long", Seeds: 20,
		},
		{
			Name: "L5", Does: "listeners open only when a leader is known, and an election needs the listeners",
			Caught:    []string{"after healing"},
			Scenarios: []string{"steady"}, Bias: "none needed, but two brokers or more", Seeds: 10,
		},
		{
			Name: "L8", Does: "the reader of a connection that was closed tries again every millisecond, for ever",
			Caught:    []string{"P12:"},
			Scenarios: []string{"steady"}, Bias: "none needed", Seeds: 10,
		},
		{
			Name: "R1", Does: "Raft's messages leave before the entries and the hard state that they speak of are durable",
			Caught:    []string{"P1:", "P3:", "P5:", "P9:", assertion + "raft:", assertion + "meta:", "no node stops itself"},
			Scenarios: []string{"quick-voters"}, Bias: "power is lost on voters whose disks are slow, and topics come and go", Seeds: 40,
		},
		{
			Name: "R2", Does: "recovery loses the set of voters",
			Caught:    []string{"after healing", "a partition with a leader and quorums keeps acknowledging"},
			Scenarios: []string{"quick-restart"}, Bias: "nodes restart", Seeds: 20,
		},
		{
			Name: "R4", Does: "recovery keeps the entries that conflict with later ones",
			Caught:    []string{"P10:", "P9:", "P5:", assertion + "raft:", assertion + "meta:", "no node stops itself", "after healing"},
			Scenarios: []string{"torn-off-controller"}, Bias: "a controller is cut off with entries that nobody else gets, comes back, and restarts", Seeds: 40,
		},
		{
			Name: "R5", Does: "a snapshot that was made once is sent to whoever needs one, also when the entries behind it are compacted",
			Caught:    []string{"after healing"},
			Scenarios: []string{"absent-follower"}, Bias: "a broker is away for longer than the log goes back, again and again", Seeds: 20,
		},
		{
			Name: "R6", Does: "a node that knows a leader takes itself for the controller",
			Caught:    []string{"P5:"},
			Scenarios: []string{"steady"}, Bias: "none needed, but two brokers or more", Seeds: 10,
		},
		{
			Name: "R7", Does: "the controller that a node knew first stays the one that it talks to",
			Caught:    []string{"after healing", "a partition with a leader and quorums keeps acknowledging"},
			Scenarios: []string{"crash"}, Bias: "the controller dies", Seeds: 20,
		},
		{
			Name: "R10", Does: "a candidate raises the term without asking whether it could win, so that terms rise without end",
			Caught:    []string{"terms rise"},
			Scenarios: []string{"mute-voter"}, Bias: "a voter is cut off for long", Seeds: 10,
		},
		{
			Name: "M1", Does: "forwarding has a store of its own of who leads, which metadata fills once and does not correct",
			Caught:    []string{"after healing"},
			Scenarios: []string{"one-address"}, Bias: "leaders change, and each producer goes to one broker", Seeds: 20,
		},
		{
			Name: "M2", Does: "a broker registers in its own metadata only",
			Caught:    []string{"P9:", "after healing"},
			Scenarios: []string{"steady"}, Bias: "none needed", Seeds: 10,
		},
		{
			Name: "M4", Does: "deleting a topic forgets its files",
			Caught:    []string{"P13: a deleted topic"},
			Scenarios: []string{"topics-come-and-go"}, Bias: "topics come and go", Seeds: 20,
		},
		{
			Name: "M5", Does: "of several topics in one request only the first is initialised",
			Caught:    []string{"after healing"},
			Scenarios: []string{"calm"}, Bias: "the topics of the workload are made by one request", Seeds: 10,
		},
		{
			Name: "M7", Does: "creating a topic that exists is answered with success, and an id that nothing has",
			Caught:    []string{"P9:"},
			Scenarios: []string{"topics-come-and-go"}, Bias: "topics come and go", Seeds: 20,
		},
		{
			Name: "M8", Does: "whether a topic exists is answered from the broker's own metadata",
			Caught:    []string{"P9:"},
			Scenarios: []string{"topics-come-and-go"}, Bias: "control loops stand still while topics come and go", Seeds: 40,
		},
		{
			Name: "M9", Does: "a restarted broker answers before its metadata has reached its own registration",
			Caught:    []string{"P9:"},
			Scenarios: []string{"topics-come-and-go"}, Bias: "brokers restart while topics come and go", Seeds: 40,
		},
		{
			Name: "M10", Does: "a snapshot leaves out which brokers' disks are full",
			Caught:    []string{"P9:"},
			Scenarios: []string{"absent-follower"}, Bias: "disks are full for a while, and brokers come back to a snapshot", Seeds: 40,
		},
		{
			Name: "M11", Does: "the id of a topic is made of its name, so that one that is created again is the old one",
			Caught:    []string{"P9:", "P4:", "P5:", "P3:"},
			Scenarios: []string{"topics-come-and-go"}, Bias: "topics come and go", Seeds: 20,
		},
		{
			Name: "E8", Does: "a controller grants leases without asking a quorum whether it still is one",
			Caught:    []string{"P10:"},
			Scenarios: []string{"two-controllers"}, Bias: "a controller and a leader are cut off together, clocks at the bound of their drift", Seeds: 80,
		},
		{
			Name: "E11", Does: "a lease counts from when its grant came, not from when it was asked for",
			Caught:    []string{"P10:"},
			Scenarios: []string{"late-grants"}, Bias: "grants are on the way for long, and requests do not come through", Seeds: 40,
		},
		{
			Name: "E13", Does: "a command that takes leaderships is proposed at once, whoever may hold a lease",
			Caught:    []string{"P10:"},
			Scenarios: []string{"full-leader"}, Bias: "the disk of a leader fills up", Seeds: 40,
		},
		{
			Name: "E14", Does: "a lease is granted while a command that takes a leadership from the broker is under way",
			Caught:    []string{"P10:"},
			Scenarios: []string{"near-miss"}, Bias: "a leader's heartbeats stop for just about a session", Seeds: 80,
		},
		{
			Name: "L7", Does: "a budget of bytes that produces have taken holds up requests that need none",
			Caught:    []string{"P11:"},
			Scenarios: []string{"budget-taken"}, Bias: "producers fill the budget of a leader that nobody follows, and others ask", Seeds: 20,
		},
		{
			Name: "R9", Does: "a barrier is answered by whoever takes itself for the controller, without asking a quorum",
			Caught:    []string{"P9:"},
			Scenarios: []string{"stale-barriers"}, Bias: "a controller stands still while others take over, and topics come and go", Seeds: 60,
		},
		{
			Name: "M3", Does: "what has changed goes to the shards by a queue that holds a thousand topics and drops the rest",
			Caught:    []string{"after healing"},
			Scenarios: []string{"burst"}, Bias: "many topics are made at once", Seeds: 5,
		},
		{
			Name: "S1", Does: "a status line is written on every tick, whether or not anything happens",
			Caught:    []string{"P12:"},
			Scenarios: []string{"steady"}, Bias: "none needed", Seeds: 5,
		},
		{
			Name: "S3", Does: "a produce that waits for the budget of bytes is overtaken by all that are smaller",
			Caught:    []string{"a produce is not overtaken"},
			Scenarios: []string{"flood"}, Bias: "a small budget, and batches of all sizes for one partition", Seeds: 20,
		},
	}
}
