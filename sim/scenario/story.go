package scenario

import (
	"errors"
	"fmt"
	"sync"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/sim/kafka"
	"example.com/lockstep/sim/plan"
)

// Story is a scenario as a data file: what the cluster is, what goes wrong, what
// is demanded. The seed draws the rest: limits, disks, links, the clients' scripts,
// and a value of every range ("2s..4s", "1..3") and list ([kill, power-off]).
type Story struct {
	Name        string `yaml:"name"`
	Description string `yaml:"description"` // what it shows and what is expected
	// planted bugs (package mutants) that it is made to show
	Shows []string `yaml:"shows"`
	Nodes Number   `yaml:"nodes"` // brokers, named b1, b2, ...
	// of each broker; the seed's choice if not given
	Shards Number `yaml:"shards"`
	// requests that may wait for one loop; plenty if not given
	Mailbox Number `yaml:"mailbox"`
	// "": drawn, without long hiccups; calm: no hiccups at all; fast: calm, and quick
	Hardware string        `yaml:"hardware"`
	Ruinous  bool          `yaml:"ruinous_crash"` // see Disk
	Duration plan.Duration `yaml:"duration"`      // until everything is healed
	Faults   []Trouble     `yaml:"faults"`
	Workload StoryWorkload `yaml:"workload"`
	Expect   StoryExpect   `yaml:"expect"`
}

// Trouble is something that goes wrong, once or again and again.
type Trouble struct {
	At    Span          `yaml:"at"`
	Every Span          `yaml:"every"` // from one round's beginning to the next one's; 0: one round
	Until plan.Duration `yaml:"until"` // no round begins at or after it
	// Pick draws different brokers for each round; a target names them as {name}.
	Pick  []string `yaml:"pick"`
	Step  `yaml:",inline"`
	Steps []Step `yaml:"steps"` // instead of one step
}

// Step is one fault of a round of a [Trouble].
type Step struct {
	After Span   `yaml:"after"` // from the beginning of the step before
	Then  Span   `yaml:"then"`  // from the end of the step before, instead
	Kind  Choice `yaml:"kind"`
	// see package kafka; "x-*" and "x>*" are the links to every other broker
	Target Choice `yaml:"target"`
	For    Span   `yaml:"for"`
	Amount Number `yaml:"amount"`
	Path   string `yaml:"path"`
	Chance int    `yaml:"chance"` // in a hundred; 0: always
	OneOf  []Step `yaml:"one_of"` // one of these, drawn, in its place
}

// StoryWorkload is what the clients of a Story do. What is not given is drawn.
type StoryWorkload struct {
	Producers  Number        `yaml:"producers"`
	Consumers  Number        `yaml:"consumers"`
	Admins     Number        `yaml:"admins"` // one if not given
	Every      Span          `yaml:"every"`  // between two batches of a producer, about
	Topics     Number        `yaml:"topics"` // one if not given
	Partitions Number        `yaml:"partitions"`
	MinInSync  Number        `yaml:"min_insync_replicas"`
	TopicChurn plan.Duration `yaml:"topic_churn"` // between two creations or deletions; 0: none
	// Options are those of the plan's workload that the story does not leave to
	// the seed.
	Options map[string]Number `yaml:"options"`
}

// StoryExpect is what a Story demands beyond the properties of every run.
type StoryExpect struct {
	// AcknowledgesWithin is the longest pause in the acknowledgements of a
	// partition that is being produced to; 0: none is demanded.
	AcknowledgesWithin plan.Duration `yaml:"acknowledges_within"`
	// NewControllerAdds is what a controller whose term begins within such a pause
	// may add to it, once however many there are.
	NewControllerAdds plan.Duration `yaml:"new_controller_adds"`
	// CreatesWithin is the longest that a creation or deletion of a topic takes, and
	// the longest pause in their answers; 0: none is demanded.
	CreatesWithin plan.Duration `yaml:"creates_within"`
	// ConvergesWithin is how long after the healing everything pending has ended,
	// every ISR is full and every replica has everything. Without it, a minute.
	ConvergesWithin plan.Duration `yaml:"converges_within"`
	// Stops are the nodes that may stop themselves; "struck" are those whose disk
	// the faults damage.
	Stops []string `yaml:"stops"`
	// Acknowledged is the least number of acknowledged produces; 1 if not given.
	Acknowledged *int64 `yaml:"acknowledged"`
}

// Stories reads the stories, in the order of [storyFolders] and the files' names.
func Stories() ([]Story, error) {
	var stories []Story
	for _, dir := range storyFolders {
		err := eachFile(dir, func(name string, data []byte) error {
			var s Story
			if err := decodeStrictly(data, &s); err != nil {
				return err
			}
			stories = append(stories, s)
			return s.validate(name)
		})
		if err != nil {
			return nil, err
		}
	}
	return stories, nil
}

// storyFolders are the folders of package scenarios that hold stories.
var storyFolders = []string{"smoke", "bugs"}

// StoryScenarios are the stories as scenarios. They are read when first asked for:
// a program that runs no world reads none.
var StoryScenarios = sync.OnceValue(func() (out []Scenario) {
	stories, err := Stories()
	if err != nil {
		panic(err) // the files are part of the program
	}
	for _, s := range stories {
		out = append(out, Scenario{
			Name: s.Name, About: s.Description, New: kafka.New,
			Draw: func(_ uint64, r *env.Rand) plan.Plan { return s.draw(r) },
		})
	}
	return out
})

// validate reports the first thing that makes the story impossible to draw.
func (s *Story) validate(file string) error {
	switch {
	case s.Name != file:
		return fmt.Errorf("name %q is not the file's", s.Name)
	case s.Description == "" || s.Duration <= 0 || s.Nodes.least() < 1:
		return errors.New("a story needs description, nodes and duration")
	case s.Hardware != "" && s.Hardware != "calm" && s.Hardware != "fast":
		return fmt.Errorf("no hardware %q", s.Hardware)
	}
	for name := range s.Workload.Options {
		if _, err := new(plan.Options).Find(name); err != nil {
			return err
		}
	}
	for i := range s.Faults {
		if err := s.Faults[i].validate(s.Nodes.least()); err != nil {
			return fmt.Errorf("fault %d: %w", i+1, err)
		}
	}
	return nil
}

func (t *Trouble) validate(brokers int64) error {
	steps := t.steps()
	switch {
	case len(t.Steps) > 0 && (len(t.Step.Kind) > 0 || len(t.Step.OneOf) > 0):
		return errors.New("steps and a kind of its own")
	case (t.Every.Low > 0) != (t.Until > 0):
		return errors.New("every and until go together")
	case int64(len(t.Pick)) > brokers:
		return fmt.Errorf("picks %d of %d brokers", len(t.Pick), brokers)
	}
	for i := range steps {
		for _, s := range append(steps[i].OneOf, steps[i]) {
			if len(s.OneOf) > 0 {
				continue
			}
			if len(s.Kind) == 0 || len(s.Target) == 0 {
				return errors.New("a step needs a kind and a target")
			}
		}
	}
	return nil
}

func (t *Trouble) steps() []Step {
	if len(t.Steps) > 0 {
		return t.Steps
	}
	return []Step{t.Step}
}
