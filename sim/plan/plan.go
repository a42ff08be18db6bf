package plan

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/rare"
)

// Version is the version of what a plan means. It changes when the simulator begins to read the
// same plan in another way, so that it gives another run.
const Version = 1

// Plan is everything that one run does, as data: the run is a function of it. It prints as YAML and
// reads back the same.
type Plan struct {
	Version     int      `yaml:"version" json:"version"`
	Scenario    string   `yaml:"name" json:"name"`
	Description string   `yaml:"description,omitempty" json:"description,omitempty"`
	Seed        uint64   `yaml:"seed" json:"seed"`
	Duration    Duration `yaml:"duration" json:"duration"` // of the safety phase
	Liveness    Duration `yaml:"liveness" json:"liveness"` // bound of the liveness phase
	MaxEvents   uint64   `yaml:"max_events" json:"max_events"`

	// Budget says how much the faults may break: [Budgeted], [Unbudgeted] or "". With "", the plan
	// may break as much as it likes, as long as the healing repairs it.
	Budget string `yaml:"budget,omitempty" json:"budget,omitempty"`

	Nodes    []NodeSpec `yaml:"nodes" json:"nodes"`
	Workload Workload   `yaml:"workload" json:"workload"`
	Faults   []Fault    `yaml:"faults,omitempty" json:"faults,omitempty"`
	Limits   Limits     `yaml:"limits" json:"limits"`
	// Rare switches rare choices of the brokers on (package broker/rare). A broker takes each about
	// once in the given number of times.
	Rare    rare.Settings `yaml:"rare,omitempty" json:"rare,omitempty"`
	Network Network       `yaml:"network,omitempty" json:"network"`
	Disk    Disk          `yaml:"disk,omitempty" json:"disk"`
	Expect  Expect        `yaml:"expect,omitempty" json:"expect"`

	// RestartAfterStop is how long after a fail-stop the node is started again; 0: not before the
	// healing.
	RestartAfterStop Duration `yaml:"restart_after_stop,omitempty" json:"restart_after_stop"`
}

// NodeSpec describes one machine and the process on it. A node without shards still has a control
// loop.
type NodeSpec struct {
	Name       string   `yaml:"name" json:"name"`
	Role       string   `yaml:"role" json:"role"` // chooses the factory: "broker", "client", ...
	Shards     int      `yaml:"shards,omitempty" json:"shards,omitempty"`
	StartAt    Duration `yaml:"start_at,omitempty" json:"start_at,omitempty"`
	DriftPpm   int64    `yaml:"drift_ppm,omitempty" json:"drift_ppm,omitempty"`
	WallSkewMs int64    `yaml:"wall_skew_ms,omitempty" json:"wall_skew_ms,omitempty"`
}

// Brokers lists the nodes that are brokers.
func (p *Plan) Brokers() (specs []NodeSpec) {
	for _, n := range p.Nodes {
		if n.Role == "broker" {
			specs = append(specs, n)
		}
	}
	return specs
}

// Loops is the number of loops of the node: the control loop and its shards.
func (n NodeSpec) Loops() int { return n.Shards + 1 }

// Fault is one thing that goes wrong. It is placed by a time or a milestone, and never by an event
// number: so an unrelated change of the code leaves it in its place.
type Fault struct {
	// At is when it begins: from the beginning of the run, or from the milestone After.
	At Duration `yaml:"at" json:"at"`
	// After anchors the fault at a milestone: see [Anchor].
	After string `yaml:"after,omitempty" json:"after,omitempty"`
	// By is when an anchored fault begins if its milestone has not come by then; 0: after nine
	// tenths of the safety phase.
	By   Duration `yaml:"by,omitempty" json:"by,omitempty"`
	Kind string   `yaml:"kind" json:"kind"` // a name from [FaultKinds]
	// Target is what it hits: "n1" is a node, "n1/2" a loop, "n1>n2" a link one way, "n1-n2" a link
	// both ways, "broker" all nodes of a role. "@name" is turned into one of these by the subject
	// when the fault begins.
	Target string   `yaml:"target" json:"target"`
	For    Duration `yaml:"for,omitempty" json:"for,omitempty"` // 0: until the healing
	// Amount has the meaning and the unit that the kind gives it.
	Amount int64 `yaml:"amount,omitempty" json:"amount,omitempty"`
	// Path chooses the files of a disk fault: a pattern of path.Match, or "dir/" for all files
	// below it. "" is all files.
	Path string `yaml:"path,omitempty" json:"path,omitempty"`
}

// Expect is what a scenario allows besides what every run may do.
type Expect struct {
	// Stops lists the nodes that may end themselves; "*" is any.
	Stops []string `yaml:"stops,omitempty" json:"stops,omitempty"`
}

// Range is a range of durations, both ends included. Draw returns each with the same chance.
type Range struct {
	Low  Duration `yaml:"low" json:"low"`
	High Duration `yaml:"high" json:"high"`
}

func (r Range) Draw(rand *env.Rand) time.Duration {
	if r.High <= r.Low {
		return r.Low.Std()
	}
	return time.Duration(rand.Between(int64(r.Low), int64(r.High)))
}

// Limits are the costs and bounds of the simulated hosts of loops.
type Limits struct {
	// Mailbox is how many mailed requests may wait for one loop.
	Mailbox int `yaml:"mailbox" json:"mailbox"`
	// TurnEvents is how many events one turn takes at most.
	TurnEvents int `yaml:"turn_events" json:"turn_events"`
	// A turn costs TurnCost, and EventCost for each event that it takes.
	TurnCost  Range    `yaml:"turn_cost" json:"turn_cost"`
	EventCost Duration `yaml:"event_cost" json:"event_cost"`
	// WakeUp is the time from the arrival of an event at an idle loop to its turn.
	WakeUp    Duration `yaml:"wake_up" json:"wake_up"`
	MailDelay Range    `yaml:"mail_delay" json:"mail_delay"`
	// Hiccup is added to about one in HiccupEvery turns. It stands for a pause of the garbage
	// collector or a busy machine. HiccupEvery 0: to none.
	HiccupEvery int      `yaml:"hiccup_every,omitempty" json:"hiccup_every,omitempty"`
	Hiccup      Duration `yaml:"hiccup,omitempty" json:"hiccup,omitempty"`
}

// DrawLimits draws limits, from generous to tight.
func DrawLimits(r *env.Rand) Limits {
	pick := func(choices ...int) int { return choices[r.IntN(len(choices))] }
	us := Duration(time.Microsecond)
	l := Limits{
		Mailbox:    pick(1, 2, 8, 64, 1024),
		TurnEvents: pick(1, 4, 64, 1024),
		TurnCost:   Range{us, us + Duration(pick(1, 5, 50))*us},
		EventCost:  Duration(pick(100, 300, 3000)),
		WakeUp:     Duration(pick(500, 2000, 20000)),
		MailDelay:  Range{200, 200 + Duration(pick(0, 1, 20, 300))*us},
	}
	if r.Chance(1, 2) {
		l.HiccupEvery, l.Hiccup = pick(500, 5000, 50000), Duration(pick(1, 10, 80))*1000*us
	}
	return l
}

// String prints the plan as the YAML that Load reads.
func (p *Plan) String() string {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(p); err != nil {
		return "plan: " + err.Error()
	}
	return b.String()
}

// Load reads a plan from YAML. Unknown fields are errors, so that a typing mistake in a fault does
// not silently make an easier run.
func Load(data []byte) (*Plan, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	p := &Plan{Version: Version}
	if err := dec.Decode(p); err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	return p, p.Validate()
}

// Validate reports the first thing that makes the plan impossible to run.
func (p *Plan) Validate() error {
	if p.Version != Version {
		return fmt.Errorf("plan: version %d, this build reads %d", p.Version, Version)
	}
	if len(p.Nodes) == 0 || p.Duration <= 0 || p.Liveness <= 0 || p.MaxEvents == 0 {
		return fmt.Errorf("plan: needs nodes, duration, liveness and max_events")
	}
	if p.Limits.Mailbox < 1 || p.Limits.TurnEvents < 1 {
		return fmt.Errorf("plan: limits mailbox and turn_events must be at least 1")
	}
	if err := p.checkBudget(); err != nil {
		return err
	}
	if err := p.Rare.Check(); err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	names := make(map[string]bool)
	for _, n := range p.Nodes {
		if n.Name == "" || names[n.Name] || strings.ContainsAny(n.Name, "-/>@: ") {
			return fmt.Errorf("plan: node name %q is empty, used twice, or has one of -/>@: or a "+
				"space", n.Name)
		}
		if n.DriftPpm <= -1_000_000 || n.DriftPpm >= 1_000_000 {
			return fmt.Errorf("plan: node %s: drift_ppm %d stops the clock", n.Name, n.DriftPpm)
		}
		names[n.Name] = true
	}
	for i, f := range p.Faults {
		if FindFaultKind(f.Kind) == nil {
			return fmt.Errorf("plan: fault %d: no kind %q", i, f.Kind)
		}
		if f.After != "" {
			if _, err := ParseAnchor(f.After); err != nil {
				return fmt.Errorf("plan: fault %d: %w", i, err)
			}
		}
	}
	return nil
}
