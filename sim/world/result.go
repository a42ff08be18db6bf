package world

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"example.com/lockstep/sim/plan"
)

// The verdicts of a run. There is no third one: a run that could not be judged has failed.
const (
	Pass = "pass"
	Fail = "fail"
)

// Result is how one run ended.
type Result struct {
	Seed     uint64        `json:"seed"`
	Scenario string        `json:"scenario"`
	Events   uint64        `json:"events"`
	Virtual  plan.Duration `json:"virtual"`
	Trace    string        `json:"trace"` // 16 hex digits
	Verdict  string        `json:"verdict"`
	Failures []Failure     `json:"failures,omitempty"`
	// Fingerprint is the fingerprint of the first failure; "" if the run passed.
	Fingerprint string       `json:"fingerprint,omitempty"`
	Stops       []StopRecord `json:"stops,omitempty"`
	// Replay is the command that repeats the run; "": the seed and the scenario suffice.
	Replay string `json:"replay,omitempty"`
	// Chains show what led to the operations that the failures name, if the run had a recorder.
	Chains []string `json:"chains,omitempty"`
	// Stall explains the first failure that is a stall; nil if there is none.
	Stall  *Stall   `json:"stall,omitempty"`
	Plan   string   `json:"plan,omitempty"`   // of a failed run, as YAML
	Recent []string `json:"recent,omitempty"` // the last trace lines of a failed run
	// EventLog is what the nodes of a failed run told their operators last.
	EventLog []string `json:"event_log,omitempty"`
	// Forked says where the run forked; nil if it did not.
	Forked *ForkPoint `json:"forked,omitempty"`
	// Milestones is the timeline of a failed run. Of a very long one it has the first and the last.
	Milestones []Milestone `json:"milestones,omitempty"`
	// Checkpoints are the trace hashes after fixed numbers of records. Two runs that should be
	// equal are compared by them.
	Checkpoints []string `json:"checkpoints,omitempty"`
	Records     uint64   `json:"records"` // of the trace
	// Coverage is what the run has reached.
	Coverage Coverage `json:"coverage"`
}

// Failure is a broken property.
type Failure struct {
	Property string        `json:"property"` // one sentence
	Where    string        `json:"where,omitempty"`
	At       plan.Duration `json:"at"`
	Detail   string        `json:"detail,omitempty"`
	// Partition is the name of the partition that the failure is about, if it is about one.
	// Evidence is the part of the history that shows the failure.
	Partition string     `json:"partition,omitempty"`
	Evidence  []Evidence `json:"evidence,omitempty"`
	Stack     string     `json:"stack,omitempty"` // for people; never hashed
	// Symptom distinguishes failures of one property: it is the anomaly, the reason, or the first
	// thing that is pending. "": the property suffices.
	Symptom string `json:"symptom,omitempty"`
}

// Evidence is something that the run saw.
type Evidence struct {
	At   plan.Duration `json:"at"`
	Text string        `json:"text"`
}

// name writes the names of topics and clients instead of their ids.
func (f *Failure) name(names *strings.Replacer) {
	for _, text := range []*string{&f.Where, &f.Detail, &f.Partition} {
		*text = names.Replace(*text)
	}
	f.Evidence = slices.Clone(f.Evidence)
	for i := range f.Evidence {
		f.Evidence[i].Text = names.Replace(f.Evidence[i].Text)
	}
}

// StopRecord is a node that ended itself.
type StopRecord struct {
	At          plan.Duration `json:"at"`
	Node        string        `json:"node"`
	Incarnation int32         `json:"incarnation"`
	Reason      string        `json:"reason"`
}

// Line is the one line that every run ends with.
func (r *Result) Line() string {
	return fmt.Sprintf("seed=%d scenario=%s events=%d virtual=%s trace=%s verdict=%s",
		r.Seed, r.Scenario, r.Events, r.Virtual, r.Trace, r.Verdict)
}

// Equal reports whether two runs of one plan are equal in everything that must be equal.
func (r *Result) Equal(other *Result) bool {
	return r.Line() == other.Line() && r.Records == other.Records &&
		reflect.DeepEqual(r.Coverage, other.Coverage)
}

// Report prints the failures of a run for people: first the command that replays it, then each
// failure, then all else that the result has.
func (r *Result) Report() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nfingerprint: %s\n", r.ReplayCommand(), r.Fingerprint)
	for _, f := range r.Failures {
		fmt.Fprintf(&b, "broken: %s\n  at %s %s: %s\n", f.Property, time.Duration(f.At), f.Where,
			f.Detail)
		for _, line := range f.Evidence {
			fmt.Fprintf(&b, "    %s\n", line.Text)
		}
		if f.Stack != "" {
			fmt.Fprintf(&b, "%s\n", f.Stack)
		}
	}
	if len(r.Chains) > 0 {
		fmt.Fprintf(&b, "causal chains:\n  %s\n", strings.Join(r.Chains, "\n  "))
	}
	if r.Stall != nil {
		fmt.Fprintf(&b, "%s\n", r.Stall)
	}
	for _, s := range r.Stops {
		fmt.Fprintf(&b, "stopped: %s.%d at %s: %s\n", s.Node, s.Incarnation, time.Duration(s.At),
			s.Reason)
	}
	if r.Plan != "" {
		fmt.Fprintf(&b, "plan:\n%s", r.Plan)
	}
	if len(r.EventLog) > 0 {
		fmt.Fprintf(&b, "end of the event logs:\n  %s\n", strings.Join(r.EventLog, "\n  "))
	}
	if len(r.Recent) > 0 {
		fmt.Fprintf(&b, "last of %d trace records:\n  %s\n", r.Records,
			strings.Join(r.Recent, "\n  "))
	}
	b.WriteString(r.Line())
	return b.String()
}
