package check

import (
	"example.com/lockstep/sim/world"
)

// FoundPauses are the details and the graphs of what was found so far.
func (p *Pauses) FoundPauses() (details []string, stalls []*world.Stall) {
	for _, f := range p.found {
		details, stalls = append(details, f.detail), append(stalls, f.stall)
	}
	return details, stalls
}

// QuorumPause is how long a partition that no fault touches may pause.
const QuorumPause = quorumPause
