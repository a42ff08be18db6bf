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
			Caught:    []string{"P5", "P1", "P3", "P4", "P10"},
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
	}
}
