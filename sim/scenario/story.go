package scenario

import (
	"errors"
	"fmt"
	"sync"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/sim/kafka"
	"example.com/lockstep/sim/plan"
)

// Story is a scenario as a data file: what the cluster is, what goes wrong, what is
// demanded. The seed draws the rest: limits, disks, links, the clients' scripts, and one
// value of every range ("2s..4s", "1..3") and of every list ([kill, power-off]).
type Story struct {
	Name        string `yaml:"name"`
	Description string `yaml:"description"` // what it shows and what is expected
	// the planted bugs (package mutants) that it must show
	Shows []string `yaml:"shows"`
	Nodes Number   `yaml:"nodes"` // brokers, named b1, b2, ...
	// of each broker; drawn if not given
	Shards Number `yaml:"shards"`
	// requests that may wait for one loop; at least 64 if not given
	Mailbox Number `yaml:"mailbox"`
	// "": drawn, without long hiccups; calm: without hiccups; fast: calm, and quick
	Hardware string        `yaml:"hardware"`
	Ruinous  bool          `yaml:"ruinous_crash"` // see plan.Disk
	Disk     StoryDisk     `yaml:"disk"`
	Duration plan.Duration `yaml:"duration"` // of the phase with faults
	Faults   []Trouble     `yaml:"faults"`
	Workload StoryWorkload `yaml:"workload"`
	Expect   StoryExpect   `yaml:"expect"`
}

// StoryDisk says how slow the disks of a Story are; see plan.Disk. What is not given is drawn.
type StoryDisk struct {
	Removal   Span   `yaml:"removal"`
	Bandwidth Number `yaml:"bandwidth"`
	Workers   Number `yaml:"workers"`
}

// Trouble is something that goes wrong, once or repeatedly.
type Trouble struct {
	At    Span          `yaml:"at"`
	Every Span          `yaml:"every"` // between the beginnings of rounds; 0: one round
	Until plan.Duration `yaml:"until"` // no round begins then or later
	// Pick names brokers. Each round draws a different broker for each name; a target
	// writes it as {name}.
	Pick  []string `yaml:"pick"`
	Step  `yaml:",inline"`
	Steps []Step `yaml:"steps"` // the steps of a round, instead of one
}

// Step is one fault of a round of a [Trouble].
type Step struct {
	After Span   `yaml:"after"` // from the beginning of the step before
	Then  Span   `yaml:"then"`  // instead: from the end of the step before
	Kind  Choice `yaml:"kind"`
	// as in a plan (see package kafka); "x-*" and "x>*" are the links to every other broker
	Target Choice `yaml:"target"`
	For    Span   `yaml:"for"`
	Amount Number `yaml:"amount"`
	Path   string `yaml:"path"`
	Chance int    `yaml:"chance"` // in percent; 0: always
	OneOf  []Step `yaml:"one_of"` // the seed draws one of these instead
}

// StoryWorkload is what the clients of a Story do. A field that is not given is drawn, or
// has the value that its comment says.
type StoryWorkload struct {
	Producers  Number        `yaml:"producers"`
	Consumers  Number        `yaml:"consumers"`
	Admins     Number        `yaml:"admins"`  // one if not given
	Members    Number        `yaml:"members"` // of groups
	Greedy     Number        `yaml:"greedy"`  // clients that hold what they do not use
	Every      Span          `yaml:"every"`   // about, between two batches of a producer
	Topics     Number        `yaml:"topics"`  // one if not given
	Partitions Number        `yaml:"partitions"`
	MinInSync  Number        `yaml:"min_insync_replicas"`
	TopicChurn plan.Duration `yaml:"topic_churn"` // between two creations or deletions; 0: none
	// Options are options of the workload (plan.Options) that the story sets.
	Options map[string]Number `yaml:"options"`
}

// StoryExpect is what a Story demands beyond the properties of every run.
type StoryExpect struct {
	// AcknowledgesWithin is the longest allowed pause in the acknowledgements of a
	// partition with produces; 0: no bound.
	AcknowledgesWithin plan.Duration `yaml:"acknowledges_within"`
	// NewControllerAdds is added once to that bound if controllers begin within the pause,
	// however many.
	NewControllerAdds plan.Duration `yaml:"new_controller_adds"`
	// CreatesWithin bounds how long the creation or deletion of a topic takes, and the
	// pause between their answers; 0: no bound.
	CreatesWithin plan.Duration `yaml:"creates_within"`
	// ConvergesWithin is how long after the healing everything pending must have ended,
	// every ISR be full and every replica have all records; 0: one minute.
	ConvergesWithin plan.Duration `yaml:"converges_within"`
	// Stops are the nodes that may stop themselves. "struck" means those with a disk that
	// the faults damage.
	Stops []string `yaml:"stops"`
	// Acknowledged is the least number of acknowledged produces; 1 if not given.
	Acknowledged *int64 `yaml:"acknowledged"`
}

// Stories reads the stories, in the order of [storyFolders] and of the file names.
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

// StoryScenarios are the stories as scenarios. They are read when they are first asked for,
// so a program that runs no world reads none.
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

// validate reports the first mistake that makes the story impossible to draw.
func (s *Story) validate(file string) error {
	switch {
	case s.Name != file:
		return fmt.Errorf("name %q differs from the file name", s.Name)
	case s.Description == "" || s.Duration <= 0 || s.Nodes.least() < 1:
		return errors.New("a story needs a description, nodes and a duration")
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
		return errors.New("a fault has either steps or a kind")
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
