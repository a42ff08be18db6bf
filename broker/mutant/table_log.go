package mutant

// logTable lists bugs of the write-ahead log, offsets, watermarks and recovery.
func logTable() []Mutant {
	return []Mutant{
		{
			Name: "L9", Does: "who waits for a watermark is woken only by exactly that one",
			Caught:    []string{"P11"},
			Scenarios: []string{"steady"}, Bias: "none needed", Seeds: 10,
		},
		{
			Name: "W1", Does: "the log is written on a tick of 100 ms, so that every acknowledgement waits for one",
			Caught:    []string{"acknowledgements take no longer"},
			Scenarios: []string{"brisk"}, Bias: "fast disks and links, light load, nothing goes wrong", Seeds: 5,
		},
		{
			Name: "W2", Does: "the answer's base offset is read from a counter that is moved on when the write completes: batches in between get the same",
			Caught:    []string{"P3"},
			Scenarios: []string{"steady"}, Bias: "none needed", Seeds: 10,
		},
		{
			Name: "W3", Does: "records count as durable when their group is submitted, before its sync completes",
			Caught:    []string{"P1", "P3", "P4", "P5", "P6", "P13", assertion + "wal: release of"},
			Scenarios: []string{"quick-restart"}, Bias: "power is lost under load", Seeds: 60,
		},
		{
			Name: "W3b", Does: "a follower acknowledges what it has appended, before its sync completes",
			Caught:    []string{"P1", "P4"},
			Scenarios: []string{"steady"}, Bias: "none needed", Seeds: 10,
		},
		{
			Name: "W4a", Does: "a failed sync of the WAL is ignored and its group counted as durable",
			Caught:    []string{"P1", "P3", "P13"},
			Scenarios: []string{"failed-log-sync"}, Bias: "syncs of the log fail, and then power", Seeds: 20,
		},
		{
			Name: "W4b", Does: "after a failed sync the group is dropped: nothing tells those who wait for it, nor the node",
			Caught:    []string{"after healing", "a partition with a leader and quorums keeps acknowledging"},
			Scenarios: []string{"failed-sync"}, Bias: "syncs fail", Seeds: 20,
		},
		{
			Name: "W4c", Does: "a failed sync of a segment is tried again, and the second success believed",
			Caught:    []string{"P1", "P3", "P13", "segments"},
			Scenarios: []string{"failed-sync"}, Bias: "syncs fail, and then power", Seeds: 40,
		},
		{
			Name: "W5", Does: "recovery panics on a torn record",
			Caught:    []string{"no code of a node panics"},
			Scenarios: []string{"pipelined"}, Bias: "power is lost with several groups in flight", Seeds: 20,
		},
		{
			Name: "W6", Does: "recovery cuts the log at the first damaged group, as if it were a torn tail",
			Caught:    []string{"P1", "P3", "P13", assertion + "partition: sequence"},
			Scenarios: []string{"rot"}, Bias: "sectors of a shard's log rot while its node is down", Seeds: 60,
		},
		{
			Name: "W6b", Does: "the recovered WAL's damage is not reported: no partition is suspect",
			Caught:    []string{"P13"},
			Scenarios: []string{"rotten-tail"}, Bias: "the last records of a partition rot", Seeds: 40,
		},
		{
			Name: "W7", Does: "a segment that an earlier life began is written from its first byte",
			Caught:    []string{"P1", "P3", "P5", "segments", "after healing"},
			Scenarios: []string{"flushing"}, Bias: "small segments, restarts", Seeds: 20,
		},
		{
			Name: "W8", Does: "a retried produce sets the watermark to the end of its original",
			Caught:    []string{"P4"},
			Scenarios: []string{"forwarding"}, Bias: "connections are lost, so that batches are sent again", Seeds: 40,
		},
		{
			Name: "W9", Does: "the watermark is the leader's own end",
			Caught:    []string{"P1", "P4"},
			Scenarios: []string{"steady"}, Bias: "none needed", Seeds: 10,
		},
		{
			Name: "W10", Does: "ListOffsets answers from the segments only",
			Caught:    []string{"P10"},
			Scenarios: []string{"steady"}, Bias: "none needed", Seeds: 10,
		},
		{
			Name: "W11", Does: "a watermark update resets the log start to the first batch in memory",
			Caught:    []string{"P1", "P3: the position of a reader", "P4", "after healing"},
			Scenarios: []string{"flushing"}, Bias: "small segments", Seeds: 20,
		},
		{
			Name: "W12", Does: "recovery reads a whole segment of the WAL at once",
			Caught:    []string{"P12"},
			Scenarios: []string{"quick-restart"}, Bias: "nodes restart under load", Seeds: 20,
		},
		{
			Name: "W13", Does: "the directory is not synced after a WAL segment is created or renamed",
			Caught:    []string{"P1", "P13", "after healing", assertion + "raft: tocommit"},
			Scenarios: []string{"quick-restart"}, Bias: "power is lost under load", Seeds: 10,
		},
		{
			Name: "W13b", Does: "the directory is not synced after a checkpoint is renamed",
			Caught:    []string{"P1", "P3", "P13"},
			Scenarios: []string{"flushing"}, Bias: "small segments, power is lost", Seeds: 40,
		},
		{
			Name: "W14", Does: "recovery reads the WAL without syncing it first, and calls what a killed process left in the page cache durable",
			Caught:    []string{"P1", "P13"},
			Scenarios: []string{"kill-then-power"}, Bias: "processes are killed, and then the power fails", Seeds: 40,
		},
		{
			Name: "W15", Does: "recovery does not verify the checksums of payloads",
			Caught:    []string{"P1", "P3", "P5", "P13"},
			Scenarios: []string{"rot"}, Bias: "sectors of a shard's log rot while its node is down", Seeds: 40,
		},
		{
			Name: "W16", Does: "a log that was full once stays full",
			Caught:    []string{"after healing"},
			Scenarios: []string{"full-flush"}, Bias: "disks fill up", Seeds: 10,
		},
		{
			Name: "W17", Does: "a search in the offset index takes the entry after the right one",
			Caught:    []string{"P3", "after healing"},
			Scenarios: []string{"flushing"}, Bias: "small segments, readers that are behind", Seeds: 20,
		},
		{
			Name: "W18", Does: "a segment is named after the last offset of the one before it",
			Caught:    []string{"P1", "P3", "P5", "segments", "after healing"},
			Scenarios: []string{"flushing"}, Bias: "small segments", Seeds: 20,
		},
		{
			Name: "W19", Does: "a checkpoint is renamed before the files that it vouches for are synced",
			Caught:    []string{"P1", "P3", "P13", "segments"},
			Scenarios: []string{"flushing"}, Bias: "small segments, power is lost", Seeds: 40,
		},
		{
			Name: "W20", Does: "a flush takes ENOSPC for success",
			Caught:    []string{"P1", "P3", "P13", "segments", "after healing"},
			Scenarios: []string{"full-flush"}, Bias: "disks fill up while segments are written", Seeds: 40,
		},
		{
			Name: "W21", Does: "the checksum of batches in segments is not verified when they are read",
			Caught:    []string{"P3"},
			Scenarios: []string{"rotten-segments"}, Bias: "segments rot, readers that are behind", Seeds: 40,
		},
		{
			Name: "W22", Does: "a checkpoint covers all that is durable in the WAL, also what the flush left there",
			Caught:    []string{"P1", "P13"},
			Scenarios: []string{"flushing"}, Bias: "small segments, restarts", Seeds: 20,
		},
		{
			Name: "W23", Does: "a truncation forgets to take back the producers' sequences",
			Caught:    []string{"P1", "P3", "P6"},
			Scenarios: []string{"deposed"}, Bias: "a deposed leader truncates its log", Seeds: 20,
		},
		{
			Name: "W24", Does: "consumers read to the log end instead of the watermark",
			Caught:    []string{"P4", "P10"},
			Scenarios: []string{"steady"}, Bias: "none needed", Seeds: 10,
		},
		{
			Name: "W25", Does: "the WAL is released as far as one partition was flushed, whatever others need",
			Caught:    []string{"P1", "P13"},
			Scenarios: []string{"flushing"}, Bias: "small segments, restarts", Seeds: 20,
		},
		{
			Name: "C3", Does: "a checkpoint's producers are those of the log end, not of the segments' end",
			Caught:    []string{"P1", "P3", "P6"},
			Scenarios: []string{"flushing"}, Bias: "small segments, restarts", Seeds: 20,
		},
		{
			Name: "C4", Does: "producers of flushed batches are forgotten by a restart",
			Caught:    []string{"P6"},
			Scenarios: []string{"unheard"}, Bias: "answers are lost and the broker dies, soon after a flush", Seeds: 60,
		},
		{
			Name: "C4b", Does: "a new leader begins without the producers that it followed",
			Caught:    []string{"P6"},
			Scenarios: []string{"forwarding"}, Bias: "leaders change, batches are sent again", Seeds: 40,
		},
		{
			Name: "E4", Does: "a group begins in the sector that the synced group before it left unfilled, and writes that again",
			Caught:    []string{"P1", "P13", "after healing", assertion + "raft: tocommit"},
			Scenarios: []string{"ruined-sectors"}, Bias: "sectors that are being written when the power fails hold anything", Seeds: 20,
		},
		{
			Name: "E5", Does: "pipelined syncs count in the order of completion",
			Caught:    []string{"P1", "P13"},
			Scenarios: []string{"pipelined"}, Bias: "several groups in flight, power is lost", Seeds: 40,
		},
		{
			Name: "E6", Does: "an answer that a full mailbox refuses is dropped, and its waiter with it",
			Caught:    []string{"P11"},
			Scenarios: []string{"cramped"}, Bias: "mailboxes are full all the time", Seeds: 5,
		},
		{
			Name: "E10", Does: "a leader stamps its epoch into older batches as it sends them, in buffers that others share",
			Caught:    []string{"P5", "after healing"},
			Scenarios: []string{"deposed"}, Bias: "leaders change", Seeds: 40,
		},
		{
			Name: "S2", Does: "a shard keeps a slot for every partition that it has ever held, also for those that were deleted",
			Caught:    []string{"P12"},
			Scenarios: []string{"churn"}, Bias: "topics come and go", Seeds: 20,
		},
	}
}
