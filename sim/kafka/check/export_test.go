package check

import (
	"example.com/lockstep/sim/world"
)

// FoundPauses are the details and the wait-for graphs of the pauses found so far.
func (p *Pauses) FoundPauses() (details []string, stalls []*world.Stall) {
	for _, f := range p.found {
		details, stalls = append(details, f.detail), append(stalls, f.stall)
	}
	return details, stalls
}

// QuorumPause is the longest allowed pause of a partition that no fault reaches.
const QuorumPause = quorumPause
