package scenario

import (
	"bytes"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"example.com/lockstep/sim/plan"
	"example.com/lockstep/sim/world"
)

// Reproduction is a plan that shows a bug, as a file: it replays by itself, on
// the commit it was found on and on others.
type Reproduction struct {
	Why         string     `yaml:"why"`                   // what broke
	Fingerprint string     `yaml:"fingerprint,omitempty"` // see [world.Failure.Fingerprint]
	Commit      string     `yaml:"commit,omitempty"`      // on which it failed
	Mutant      string     `yaml:"mutant,omitempty"`      // the planted bug it shows
	Replay      string     `yaml:"replay,omitempty"`      // the command
	Size        string     `yaml:"size,omitempty"`        // of the plan, before and after shrinking
	Plan        *plan.Plan `yaml:"plan"`
	// Milestones are those of the failing run.
	Milestones []world.Milestone `yaml:"milestones,omitempty"`
}

// LoadReproduction reads a reproduction, or a bare plan as one that says nothing
// about itself.
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

// String is the reproduction as LoadReproduction reads it.
func (r *Reproduction) String() string {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(r); err != nil {
		return "reproduction: " + err.Error()
	}
	return b.String()
}

// Diverged says where a replay left the story of the failing run: the first
// milestone whose key is another. "" if it did not.
func (r *Reproduction) Diverged(story []world.Milestone) string {
	for i, was := range r.Milestones {
		switch {
		case i >= len(story):
			return fmt.Sprintf("milestone %d was %q at %s, now the run has ended", i+1, was.Key,
				was.At)
		case was.Key != story[i].Key:
			return fmt.Sprintf("milestone %d was %q at %s, now %q at %s", i+1, was.Key, was.At,
				story[i].Key, story[i].At)
		}
	}
	return ""
}

// Judge says how a replay compares with what the reproduction says of itself.
func (r *Reproduction) Judge(result *world.Result, story []world.Milestone) string {
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
	if d := r.Diverged(story); d != "" {
		fmt.Fprintf(&b, "the first divergence: %s\n", d)
	}
	return b.String()
}
