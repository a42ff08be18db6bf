package scenario

import (
	"bytes"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/world"
)

// Reproduction is a plan that shows a bug, as a file. The file has all that a replay needs,
// on the commit on which the bug was found and on others.
type Reproduction struct {
	Why         string     `yaml:"why"`                   // the property that broke, and how
	Fingerprint string     `yaml:"fingerprint,omitempty"` // see [world.Failure.Fingerprint]
	Commit      string     `yaml:"commit,omitempty"`      // on which it failed
	Mutant      string     `yaml:"mutant,omitempty"`      // the planted bug it shows
	Replay      string     `yaml:"replay,omitempty"`      // the command
	Size        string     `yaml:"size,omitempty"`        // of the plan, after and before shrinking
	Plan        *plan.Plan `yaml:"plan"`
	// Milestones are those of the failing run.
	Milestones []world.Milestone `yaml:"milestones,omitempty"`
}

// LoadReproduction reads a reproduction. A plan without one is read as a reproduction that
// has only a plan.
func LoadReproduction(data []byte) (*Reproduction, error) {
	var top struct {
		Plan yaml.Node `yaml:"plan"`
	}
	if err := yaml.Unmarshal(data, &top); err != nil {
		return nil, fmt.Errorf("reproduction: %w", err)
	}
	if top.Plan.IsZero() {
		plan, err := plan.Load(data)
		return &Reproduction{Plan: plan}, err
	}
	r := &Reproduction{Plan: &plan.Plan{Version: plan.Version}}
	if err := decodeStrictly(data, r); err != nil {
		return nil, fmt.Errorf("reproduction: %w", err)
	}
	return r, r.Plan.Validate()
}

// String is the reproduction in the form that LoadReproduction reads.
func (r *Reproduction) String() string {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(r); err != nil {
		return "reproduction: " + err.Error()
	}
	return b.String()
}

// Diverged names the first milestone of a replay that differs from the failing run: it has
// another key, or is missing. It returns "" if there is none.
func (r *Reproduction) Diverged(timeline []world.Milestone) string {
	for i, was := range r.Milestones {
		switch {
		case i >= len(timeline):
			return fmt.Sprintf("milestone %d was %q at %s, now the run has ended", i+1, was.Key,
				was.At)
		case was.Key != timeline[i].Key:
			return fmt.Sprintf("milestone %d was %q at %s, now %q at %s", i+1, was.Key, was.At,
				timeline[i].Key, timeline[i].At)
		}
	}
	return ""
}

// Judge says whether a replay fails as the reproduction says, and where it first diverged.
func (r *Reproduction) Judge(result *world.Result, timeline []world.Milestone) string {
	var b strings.Builder
	switch {
	case r.Fingerprint == "":
	case result.FailsWith(r.Fingerprint):
		fmt.Fprintf(&b, "it fails as it did: %s\n", r.Fingerprint)
	case result.Verdict == world.Fail:
		fmt.Fprintf(&b, "it fails, but not as it did: %s, was %s\n", result.Fingerprint,
			r.Fingerprint)
	default:
		fmt.Fprintf(&b, "it does not fail; it did with %s\n", r.Fingerprint)
	}
	if d := r.Diverged(timeline); d != "" {
		fmt.Fprintf(&b, "the first divergence: %s\n", d)
	}
	return b.String()
}
