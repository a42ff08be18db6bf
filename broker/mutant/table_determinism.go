package mutant

// TwoRunsDiffer is the property that bugs of determinism break.
const TwoRunsDiffer = "two runs of one seed are equal"

// determinismTable lists bugs that make a seed no longer mean one run.
func determinismTable() []Mutant {
	return []Mutant{
		{
			Name: "D1", Does: "a shard visits the partitions that it leads in the order of a Go map when a broker registers or is fenced",
			Caught:    []string{TwoRunsDiffer},
			Scenarios: []string{"crash", "churn"}, Bias: "brokers come and go while a shard leads several partitions", Seeds: 20, Twice: true,
		},
	}
}
