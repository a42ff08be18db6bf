package checker

import (
	"fmt"
	"slices"
)

// checkRecoveries is P13: a node recovers a state that its disk's promises
// allow, and declares damage to durable data, never cuts it silently.
func checkRecoveries(x *index, out *verdictOf) {
	for i := range x.h.Recoveries {
		out.judged(1)
		if v := CheckRecovery(&x.h.Recoveries[i]); v != nil {
			out.fail(*v)
		}
	}
}

// CheckRecovery judges one recovery; nil means that nothing is wrong. A world
// may call it as soon as a node is up again.
func CheckRecovery(r *Recovery) *Violation {
	v := &Violation{Property: "P13", Evidence: lines(r)}
	switch {
	case r.End < r.Synced && !r.Suspect && !r.Hidden:
		v.Anomaly = SilentCut
		v.Sentence = fmt.Sprintf(
			"node %d recovered %s to %d and did not report the loss of the records up "+
				"to %d that had been durable", r.Node, r.What, r.End, r.Synced)
	case r.End < r.Synced && !r.Damaged:
		v.Anomaly = SilentCut
		v.Sentence = fmt.Sprintf("node %d recovered %s to %d, below the durable end %d, although "+
			"its disk kept its promises", r.Node, r.What, r.End, r.Synced)
	case len(r.Allowed) > 0 && !slices.Contains(r.Allowed, r.Got) && !(r.Suspect && r.Damaged):
		v.Anomaly = RecoveredForeign
		v.Sentence = fmt.Sprintf("node %d recovered %s as %s, which is none of the %d states "+
			"that its disk could have kept", r.Node, r.What, r.Got, len(r.Allowed))
	default:
		return nil
	}
	return v
}
