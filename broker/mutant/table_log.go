package mutant

// logTable lists bugs of the write-ahead log, offsets, watermarks and recovery.
func logTable() []Mutant {
	return []Mutant{
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
	}
}
