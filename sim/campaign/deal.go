package campaign

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"example.com/lockstep/sim/scenario"
)

// Seeds is a range of seeds, both ends included. Last is math.MaxUint64 for a
// range without end.
type Seeds struct {
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
}

// ParseSeeds reads "A-B", "A" or "A-".
func ParseSeeds(text string) (Seeds, error) {
	bad := fmt.Errorf("--seeds %s: want A, A-B or A-", text)
	from, to, ranged := strings.Cut(text, "-")
	first, err := strconv.ParseUint(from, 10, 64)
	if err != nil {
		return Seeds{}, bad
	}
	last := first
	switch {
	case ranged && to == "":
		last = math.MaxUint64
	case ranged:
		if last, err = strconv.ParseUint(to, 10, 64); err != nil || last < first {
			return Seeds{}, bad
		}
	}
	return Seeds{first, last}, nil
}

// Endless reports whether the range has no end.
func (s Seeds) Endless() bool { return s.Last == math.MaxUint64 }

// Count is the number of seeds of a range with an end.
func (s Seeds) Count() uint64 {
	if s.Last < s.First {
		return 0
	}
	return s.Last - s.First + 1
}

func (s Seeds) String() string {
	if s.Endless() {
		return fmt.Sprintf("%d-", s.First)
	}
	return fmt.Sprintf("%d-%d", s.First, s.Last)
}

// Shard is one part of a range that is split among several machines.
type Shard struct {
	Index uint64 `json:"index"` // 0..Of-1
	Of    uint64 `json:"of"`    // 0 and 1: not split
}

// ParseShard reads "I/N", I from 0 to N-1; "" means all seeds.
func ParseShard(text string) (Shard, error) {
	if text == "" {
		return Shard{Of: 1}, nil
	}
	i, n, cut := strings.Cut(text, "/")
	index, err := strconv.ParseUint(i, 10, 64)
	of, errOf := strconv.ParseUint(n, 10, 64)
	if !cut || err != nil || errOf != nil || index >= of {
		return Shard{}, fmt.Errorf("--shard %s: want I/N with I from 0 to N-1", text)
	}
	return Shard{index, of}, nil
}

// Part is the shard's part of a range with an end. The parts of all shards are disjoint
// and cover the range. Their sizes differ by one seed at most. A part may be empty: its
// Count is 0.
func (s Shard) Part(all Seeds) Seeds {
	of := max(s.Of, 1)
	size, rest := all.Count()/of, all.Count()%of
	first := all.First + s.Index*size + min(s.Index, rest)
	if s.Index < rest {
		size++
	}
	if size == 0 {
		return Seeds{First: 1, Last: 0}
	}
	return Seeds{first, first + size - 1}
}

// Deal lists scenarios in the order in which seeds are dealt to them, each as many times
// as its share says. names is "all" or a list with commas.
func Deal(names string) ([]string, error) {
	var chosen []scenario.Scenario
	if names == "all" {
		chosen = scenario.OfBrokers()
	} else {
		for name := range strings.SplitSeq(names, ",") {
			s, err := scenario.Find(strings.TrimSpace(name))
			if err != nil {
				return nil, fmt.Errorf("--scenario %s: %w", names, err)
			}
			if slices.ContainsFunc(chosen,
				func(c scenario.Scenario) bool { return c.Name == s.Name }) {
				return nil, fmt.Errorf("--scenario %s: %s is named twice", names, s.Name)
			}
			s.Share = 1
			chosen = append(chosen, s)
		}
	}
	var dealt []string
	for round, more := 0, true; more; round++ {
		more = false
		for _, s := range chosen {
			if round < max(s.Share, 1) {
				dealt, more = append(dealt, s.Name), true
			}
		}
	}
	return dealt, nil
}
