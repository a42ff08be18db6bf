package mutant

// clientTable lists bugs that clients find which misbehave.
func clientTable() []Mutant {
	const bias = "clients repeat themselves, do not read, and send what no client may send"
	return []Mutant{
		{
			Name: "C9", Does: "a batch of a produce is stored without a look at its checksum and counts",
			Caught:    []string{"a malformed request is refused", "P3", assertion},
			Scenarios: []string{"clients"}, Bias: bias, Seeds: 20,
		},
		{
			Name: "C10", Does: "a batch that was stored before is answered with the end of the log as its offset",
			Caught:    []string{"P6", "P1", "P3", "P10"},
			Scenarios: []string{"clients"}, Bias: bias, Seeds: 20,
		},
		{
			Name: "C11", Does: "a request that cannot be read is left lying, and its connection open",
			Caught:    []string{"a malformed request is answered, or its connection closed"},
			Scenarios: []string{"clients"}, Bias: bias, Seeds: 20,
		},
		{
			Name: "S9", Does: "a connection's fetches are all begun at once, whether their answers are read or not",
			Caught:    []string{"P12"},
			Scenarios: []string{"clients"}, Bias: bias, Seeds: 40,
		},
	}
}
