package mutant

// replicationTable lists bugs of replication, acknowledgements, forwarding and connections.
func replicationTable() []Mutant {
	return []Mutant{
		{
			Name: "L6", Does: "the pause before dialling a broker again grows beyond every deadline",
			Caught:    []string{"after healing"},
			Scenarios: []string{"long-cut"}, Bias: "a link is cut for long", Seeds: 20,
		},
		{
			Name: "I1", Does: "acks=all is answered when the batch is appended, before it is replicated",
			Caught:    []string{"P1"},
			Scenarios: []string{"steady"}, Bias: "none needed", Seeds: 10,
		},
		{
			Name: "I2", Does: "a follower whose durable end is not known yet does not count for the watermark",
			Caught:    []string{"P4"},
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
			Name: "I4", Does: "a follower takes its own end for the watermark",
			Caught:    []string{"P4"},
			Scenarios: []string{"steady"}, Bias: "none needed", Seeds: 10,
		},
		{
			Name: "I4b", Does: "a follower stays in the epoch in which it began to follow: newer metadata is not adopted",
			Caught:    []string{"after healing"},
			Scenarios: []string{"quick-restart"}, Bias: "leaders change", Seeds: 20,
		},
		{
			Name: "I5", Does: "followers do not compare epochs: a deposed leader's appends are accepted",
			Caught:    []string{"P5", "P1", "P3", "P4", "P6", "P10"},
			Scenarios: []string{"deposed"}, Bias: "a leader is cut off from the controller, not from clients and followers", Seeds: 60,
		},
		{
			Name: "I6", Does: "a follower that has compared its log with a new leader's does not cut off what differs",
			Caught:    []string{"P5"},
			Scenarios: []string{"deposed"}, Bias: "a deposed leader holds records that nobody else has", Seeds: 40,
		},
		{
			Name: "I6b", Does: "a follower cuts its log to its watermark when the leader changes, whatever the new leader holds",
			Caught:    []string{"P5", "P1"},
			Scenarios: []string{"quick-restart"}, Bias: "leaders change under load", Seeds: 40,
		},
		{
			Name: "I6c", Does: "histories are compared by offset, not by epoch",
			Caught:    []string{"P5"},
			Scenarios: []string{"deposed"}, Bias: "a deposed leader holds records that nobody else has", Seeds: 40,
		},
		{
			Name: "I7", Does: "a replica is asked into the ISR as soon as it streams, before it has caught up",
			Caught:    []string{"P4", "P5", "P1"},
			Scenarios: []string{"joining"}, Bias: "a slow follower comes back again and again", Seeds: 40,
		},
		{
			Name: "I8", Does: "failover takes the first in-sync replica, dead or not",
			Caught:    []string{"a partition with a leader and quorums keeps acknowledging", "after healing"},
			Scenarios: []string{"wedged"}, Bias: "the leader is fenced", Seeds: 20,
		},
		{
			Name: "I8b", Does: "failover takes any living replica, in sync or not",
			Caught:    []string{"P5", "P1"},
			Scenarios: []string{"lagging-failover"}, Bias: "a living follower is out of the ISR when the leader dies", Seeds: 40,
		},
		{
			Name: "I9", Does: "the bytes of requests whose connection was lost are not given back to the budget",
			Caught:    []string{"P12"},
			Scenarios: []string{"lost-clients"}, Bias: "connections are lost while produces wait", Seeds: 20,
		},
		{
			Name: "I10", Does: "an append that found no room in the log is answered with code 0",
			Caught:    []string{"P2", "P6"},
			Scenarios: []string{"full-disk"}, Bias: "the leader's disk is full", Seeds: 20,
		},
		{
			Name: "I10b", Does: "a deposed leader answers the appends that wait as if they were committed",
			Caught:    []string{"P1", "P3"},
			Scenarios: []string{"deposed"}, Bias: "a leader is cut off from its followers, and deposed", Seeds: 40,
		},
		{
			Name: "I11", Does: "a leader answers where its log ends without holding a lease",
			Caught:    []string{"P10"},
			Scenarios: []string{"deposed"}, Bias: "a leader is cut off from the controller, not from clients", Seeds: 60,
		},
		{
			Name: "I12", Does: "a follower that missed more than what the leader has in memory is never sent it",
			Caught:    []string{"after healing"},
			Scenarios: []string{"slow-follower"}, Bias: "a follower is away, and little stays in memory", Seeds: 20,
		},
		{
			Name: "I15", Does: "min.insync.replicas is asked for before the append, and not when it commits",
			Caught:    []string{"P4"},
			Scenarios: []string{"few-replicas"}, Bias: "followers die one after the other", Seeds: 40,
		},
		{
			Name: "I16", Does: "acks=all waits for min.insync.replicas acknowledgements, whoever gives them",
			Caught:    []string{"P4"},
			Scenarios: []string{"steady"}, Bias: "none needed", Seeds: 10,
		},
		{
			Name: "I18", Does: "a duplicate is answered at once, whether or not its original is committed",
			Caught:    []string{"P1"},
			Scenarios: []string{"quick-restart"}, Bias: "answers are lost, and producers retry", Seeds: 60,
		},
		{
			Name: "I20", Does: "a deposed leader answers NOT_LEADER to appends that wait in its log",
			Caught:    []string{"P2", "P3", "P10"},
			Scenarios: []string{"deposed"}, Bias: "a leader is cut off from its followers, and deposed", Seeds: 40,
		},
		{
			Name: "I21", Does: "appends that wait when the ISR becomes too small are answered as if they had not been made",
			Caught:    []string{"P2", "P3", "P10"},
			Scenarios: []string{"few-replicas"}, Bias: "followers die one after the other", Seeds: 40,
		},
		{
			Name: "I22", Does: "a new leader says where its log ends before its watermark has reached the start of its epoch",
			Caught:    []string{"P10"},
			Scenarios: []string{"quick-restart"}, Bias: "leaders change under load", Seeds: 60,
		},
		{
			Name: "I23", Does: "the leader's own disk does not count for the watermark",
			Caught:    []string{"P4", "P1"},
			Scenarios: []string{"steady"}, Bias: "none needed", Seeds: 10,
		},
		{
			Name: "I24", Does: "a watermark that no push carries is never told to the followers",
			Caught:    []string{"after healing"},
			Scenarios: []string{"steady"}, Bias: "the load ends", Seeds: 10,
		},
		{
			Name: "I25", Does: "nobody wakes the leader when a push that was refused is due again",
			Caught:    []string{"after healing"},
			Scenarios: []string{"quiet"}, Bias: "brokers restart, and almost nobody produces", Seeds: 60,
		},
		{
			Name: "I27", Does: "a fetch between watermark and log end is out of range",
			Caught:    []string{"P3", "P1"},
			Scenarios: []string{"quick-restart"}, Bias: "leaders change under load", Seeds: 60,
		},
		{
			Name: "I28", Does: "a leader that can't read its log goes on to lead, and has followers removed that wait for it",
			Caught:    []string{"after healing"},
			Scenarios: []string{"rotten-leader"}, Bias: "segments of a leader rot while its followers are behind", Seeds: 20,
		},
		{
			Name: "F1", Does: "a forwarded produce has no deadline",
			Caught:    []string{"P11", "after healing"},
			Scenarios: []string{"forwarding"}, Bias: "clients go to any node; links between brokers fail, those to clients do not", Seeds: 40,
		},
		{
			Name: "F2", Does: "a connection between brokers that does not answer is never given up",
			Caught:    []string{"a partition with a leader and quorums keeps acknowledging"},
			Scenarios: []string{"silent-death"}, Bias: "a leader loses its power, and clients are patient", Seeds: 40,
		},
		{
			Name: "F3", Does: "a produce that was forwarded is forwarded again, so that two nodes can send it to each other",
			Caught:    []string{"P11: a produce is forwarded once"},
			Scenarios: []string{"late-metadata"}, Bias: "control loops stand still while leaders change", Seeds: 60,
		},
		{
			Name: "F4", Does: "a forwarded produce whose connection was lost is answered NOT_LEADER",
			Caught:    []string{"P2", "P3", "P10"},
			Scenarios: []string{"forwarding"}, Bias: "links between brokers fail, those to clients do not", Seeds: 40,
		},
		{
			Name: "F5", Does: "the ids of forwarded produces repeat",
			Caught:    []string{"P2", "P3", "P1"},
			Scenarios: []string{"forwarding"}, Bias: "links between brokers fail, those to clients do not", Seeds: 40,
		},
		{
			Name: "F6", Does: "what was forwarded on a connection that was lost is sent again",
			Caught:    []string{"P3"},
			Scenarios: []string{"forwarding"}, Bias: "links between brokers fail, those to clients do not", Seeds: 40,
		},
		{
			Name: "F7", Does: "answers to forwarded produces are taken in the order in which these were sent",
			Caught:    []string{"P2", "P3", "P1"},
			Scenarios: []string{"forwarding"}, Bias: "links between brokers fail, those to clients do not", Seeds: 40,
		},
		{
			Name: "C1", Does: "responses leave in the order of completion",
			Caught:    []string{"P11"},
			Scenarios: []string{"steady"}, Bias: "none needed", Seeds: 20,
		},
		{
			Name: "C2", Does: "forwards that are taken back from a dead link go on in the reverse order",
			Caught:    []string{"P6"},
			Scenarios: []string{"dead-leader"}, Bias: "a leader dies while others forward to it", Seeds: 60,
		},
		{
			Name: "C5", Does: "the first batch in a new leader's epoch is taken whatever its sequence is",
			Caught:    []string{"P6"},
			Scenarios: []string{"quick-restart"}, Bias: "answers are lost, and producers retry", Seeds: 60,
		},
		{
			Name: "C6", Does: "a produce with acks=0 is answered",
			Caught:    []string{"every response answers a request"},
			Scenarios: []string{"lost-clients"}, Bias: "many producers, some with acks=0", Seeds: 30,
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
			Name: "E7", Does: "a request that a full mailbox refused is overtaken by the next",
			Caught:    []string{"P6"},
			Scenarios: []string{"overtaking"}, Bias: "mailboxes are full", Seeds: 40,
		},
	}
}
