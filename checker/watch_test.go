package checker

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// watch gives a Watch the events of a history as they happened.
func watch(h *History) (found []Violation) {
	w := NewWatch(h.Coverage)
	var events []event
	for i := range h.Leaders {
		events = append(events, &h.Leaders[i])
	}
	for i := range h.Appends {
		events = append(events, &h.Appends[i])
	}
	for i := range h.Followers {
		events = append(events, &h.Followers[i])
	}
	for i := range h.Cuts {
		events = append(events, &h.Cuts[i])
	}
	for i := range h.Replicas {
		events = append(events, &h.Replicas[i])
	}
	for i := range h.Controllers {
		events = append(events, &h.Controllers[i])
	}
	for i := range h.Acks {
		events = append(events, &h.Acks[i])
	}
	for i := range h.Produces {
		events = append(events, &h.Produces[i])
	}
	for i := range h.Fetches {
		events = append(events, &h.Fetches[i])
	}
	for i := range h.Deletions {
		events = append(events, &h.Deletions[i])
	}
	for i := range h.Starts {
		events = append(events, &h.Starts[i])
	}
	for i := range h.Damages {
		events = append(events, &h.Damages[i])
	}
	for i := range h.Clocks {
		events = append(events, &h.Clocks[i])
	}
	sortByMoment(events)
	for _, e := range events {
		switch e := e.(type) {
		case *LeaderFact:
			found = append(found, w.Leader(*e)...)
		case *AppendFact:
			found = append(found, w.Append(*e)...)
		case *Deletion:
			w.Deletion(*e)
		case *StartFact:
			found = append(found, w.Start(*e)...)
		case *FollowerFact:
			found = append(found, w.Follower(*e)...)
		case *CutFact:
			found = append(found, w.Cut(*e)...)
		case *ReplicaFact:
			found = append(found, w.Replica(*e)...)
		case *ControllerFact:
			found = append(found, w.Controller(*e)...)
		case *AckFact:
			found = append(found, w.Ack(*e)...)
		case *DamageFact:
			w.Damage(*e)
		case *ClockFact:
			w.Clock(*e)
		case *Produce:
			found = append(found, w.Produced(*e)...)
		case *Fetch:
			found = append(found, w.Fetched(*e)...)
		}
	}
	return found
}

// A Watch finds what Run finds at the end, except for what only the end of a
// run can show.
func TestAWatchFindsWhatRunFinds(t *testing.T) {
	require.Empty(t, watch(sample()))
	early := []string{
		AckBeforeDurable, WatermarkBack, LogStartBack, StartUnjustified, WatermarkHigh,
		BeyondWatermark, TwoLeaders, TwoControllers,
		DeposedAppend, LeaderLacks, FollowerStrays, CommittedCut,
		CommitBelowMin,
	}
	seen := map[string]bool{}
	for _, a := range anomalies {
		t.Run(a.property+" "+a.anomaly+" "+a.name, func(t *testing.T) {
			h := sample()
			a.breakIt(h)
			found := watch(h)
			has := func(v Violation, all []Violation) bool {
				return slices.ContainsFunc(all, func(o Violation) bool {
					return o.Anomaly == v.Anomaly && o.Sentence == v.Sentence
				})
			}
			report := Run(h)
			for _, v := range found {
				seen[v.Anomaly] = true
				if v.Anomaly != InconsistentOffsets { // of two, Run may name another pair
					require.True(t, has(v, report.Of(v.Property).Violations), "%+v", v)
				}
			}
			for _, r := range report.Results {
				for _, v := range r.Violations {
					require.True(t, !slices.Contains(early, v.Anomaly) || has(v, found), "%+v", v)
				}
			}
		})
	}
	for _, anomaly := range append(early, InconsistentOffsets) {
		require.True(t, seen[anomaly], "no test breaks %s early", anomaly)
	}
}

func TestAWatchReportsNothingThatIsForgiven(t *testing.T) {
	for _, f := range forgiven {
		h := sample()
		f.change(h)
		for _, v := range watch(h) {
			require.NotEqual(t, f.property, v.Property, "%s: %s", f.name, v.Sentence)
		}
	}
}
