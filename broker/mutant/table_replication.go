package mutant

// replicationTable lists bugs of replication, acknowledgements, forwarding and connections.
func replicationTable() []Mutant {
	return []Mutant{
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
			Caught:    []string{"P5", "P1", "P3", "P4", "P6", "P10"},
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
	}
}
