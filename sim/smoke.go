package sim

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"time"

	"go.yaml.in/yaml/v3"

	"lockstep/broker/env"
	"lockstep/scenarios"
)

// Story is a scenario as a data file (scenarios/smoke): what the cluster is,
// what goes wrong, what is demanded. The seed draws the rest: limits, disks,
// links, the clients' scripts.
type Story struct {
	Name        string        `yaml:"name"`
	Description string        `yaml:"description"`
	Nodes       int           `yaml:"nodes"`    // brokers, named b1, b2, ...
	Duration    Duration      `yaml:"duration"` // until everything is healed
	Faults      []Fault       `yaml:"faults"`   // targets: see cluster.Resolve
	Workload    StoryWorkload `yaml:"workload"`
	Expect      StoryExpect   `yaml:"expect"`
}

// StoryWorkload is what the clients of a Story do.
type StoryWorkload struct {
	Producers  int      `yaml:"producers"`
	Consumers  int      `yaml:"consumers"`
	Every      Duration `yaml:"every"` // between two batches of a producer, about
	Partitions int64    `yaml:"partitions"`
	MinInSync  int64    `yaml:"min_insync_replicas"`
	TopicChurn Duration `yaml:"topic_churn"` // between two creations or deletions; 0: none
	// Options are those of the plan's workload that the story does not leave to
	// the seed.
	Options map[string]int64 `yaml:"options"`
}

// StoryExpect is what a Story demands beyond the properties of every run.
type StoryExpect struct {
	// AcknowledgesWithin is the longest pause in the acknowledgements of a
	// partition that is being produced to.
	AcknowledgesWithin Duration `yaml:"acknowledges_within"`
	// ConvergesWithin is how long after the healing everything pending has ended,
	// every ISR is full and every replica has everything.
	ConvergesWithin Duration `yaml:"converges_within"`
	Stops           []string `yaml:"stops"` // nodes that may stop themselves
}

// Regression names seeds that once showed a bug (scenarios/regression).
type Regression struct {
	Name     string   `yaml:"-"`
	Why      string   `yaml:"why"`
	Scenario string   `yaml:"scenario"`
	Seeds    []uint64 `yaml:"seeds"`
}

// Stories reads scenarios/smoke, in order of the files' names.
func Stories() ([]Story, error) {
	var stories []Story
	err := eachFile("smoke", func(_ string, data []byte) error {
		var s Story
		err := decodeStrictly(data, &s)
		stories = append(stories, s)
		return err
	})
	return stories, err
}

// Regressions reads scenarios/regression, in order of the files' names.
func Regressions() ([]Regression, error) {
	var out []Regression
	err := eachFile("regression", func(name string, data []byte) error {
		r := Regression{Name: name}
		err := decodeStrictly(data, &r)
		out = append(out, r)
		return err
	})
	return out, err
}

func eachFile(dir string, take func(name string, data []byte) error) error {
	files, err := fs.Glob(scenarios.Files, dir+"/*.yaml")
	if err != nil {
		return fmt.Errorf("scenarios: %w", err)
	}
	for _, file := range files {
		data, err := scenarios.Files.ReadFile(file)
		if err == nil {
			name := path.Base(file)
			err = take(name[:len(name)-len(".yaml")], data)
		}
		if err != nil {
			return fmt.Errorf("scenarios: %s: %w", file, err)
		}
	}
	return nil
}

// decodeStrictly refuses unknown fields, so that a typing mistake does not make
// an easier run.
func decodeStrictly(data []byte, to any) error {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	return dec.Decode(to)
}

// storyScenarios are the stories as scenarios.
func storyScenarios() []Scenario {
	stories, err := Stories()
	if err != nil {
		panic(err) // the files are part of the program
	}
	var out []Scenario
	for _, s := range stories {
		out = append(out, Scenario{
			Name: s.Name, About: s.Description, New: newCluster,
			Draw: func(_ uint64, r *env.Rand) Plan { return s.draw(r) },
		})
	}
	return out
}

func (s *Story) draw(r *env.Rand) Plan {
	p := drawCluster(r, s.Nodes, s.Duration.Std())
	var nodes []NodeSpec
	for _, n := range p.Nodes {
		if n.Role == "broker" || n.Role == "reader" || n.Role == "admin" {
			nodes = append(nodes, n)
		}
	}
	for i := range s.Workload.Producers {
		nodes = append(nodes, NodeSpec{Name: fmt.Sprint("producer", i+1), Role: "producer"})
	}
	for i := range s.Workload.Consumers {
		nodes = append(nodes, NodeSpec{Name: fmt.Sprint("consumer", i+1), Role: "consumer"})
	}
	p.Nodes = nodes
	p.Description = s.Description
	p.Faults = append([]Fault(nil), s.Faults...)
	p.Liveness, p.Expect.Stops = s.Expect.ConvergesWithin, s.Expect.Stops
	p.Workload.Every, p.Workload.Clients = s.Workload.Every, len(nodes)-s.Nodes
	// What a story demands of time it demands of hosts and disks that work.
	p.Limits.Mailbox, p.Limits.Hiccup = max(p.Limits.Mailbox, 64), min(p.Limits.Hiccup, Duration(10*time.Millisecond))
	p.Disk.Spike = 0
	o := p.Workload.Options
	o["topics"], o["partitions"], o["min_isr"], o["tight"] = 1, s.Workload.Partitions, s.Workload.MinInSync, 0
	o["churn_us"] = int64(s.Workload.TopicChurn.Std() / time.Microsecond)
	maps.Copy(o, s.Workload.Options)
	o["ack_pause_ms"] = int64(s.Expect.AcknowledgesWithin.Std() / time.Millisecond)
	return p
}
