package report

// Document is all that a page shows.
type Document struct {
	Scenario string `json:"scenario"`
	Seed     uint64 `json:"seed"`
	About    string `json:"about"` // of the scenario
	Line     string `json:"line"`  // the run's result line
	Verdict  string `json:"verdict"`
	Virtual  int64  `json:"virtual"`
	Healed   int64  `json:"healed"` // when the faults were over; -1: the run ended before

	Failures []Failure     `json:"failures"`
	Replay   string        `json:"replay"` // a command
	Summary  []SummaryLine `json:"summary"`
	Stall    *Stall        `json:"stall"` // nil: nothing waited too long
	Focus    []int64       `json:"focus"` // the instants that matter most for the failure
	Plan     string        `json:"plan"`  // YAML
	Long     string        `json:"long"`  // the whole report in text

	Lanes        []Lane        `json:"lanes"`  // in the order of the page
	Slice        int64         `json:"slice"`  // length of a slice of Lane.Busy
	Detail       [][2]int64    `json:"detail"` // stretches of time with all turns kept
	Turns        Turns         `json:"turns"`
	Flows        Flows         `json:"flows"`
	Labels       []string      `json:"labels"`
	Faults       []Fault       `json:"faults"`
	Incarnations []Incarnation `json:"incarnations"`
	Marks        []Mark        `json:"marks"`
	Partitions   []Partition   `json:"partitions"`
	Operations   []Operation   `json:"operations"`
	Omitted      int           `json:"omitted"` // operations that are not listed

	// Porcupine is the path of a page about the same failure, relative to this page; ""
	// for none.
	Porcupine string `json:"porcupine"`
}

// SummaryLine is a line of the summary.
type SummaryLine struct {
	At   int64  `json:"at"` // -1: it is about the whole run
	Kind string `json:"kind"`
	Text string `json:"text"`
}

// Failure is a broken property.
type Failure struct {
	Property string   `json:"property"`
	Where    string   `json:"where"`
	At       int64    `json:"at"`
	Sentence string   `json:"sentence"`
	Evidence []string `json:"evidence"`
}

// Stall says why something that was pending did not end.
type Stall struct {
	At      int64        `json:"at"`
	Overdue int          `json:"overdue"`
	Chains  []StallChain `json:"chains"` // the worst first
	More    int          `json:"more"`   // chains that are not listed
}

// StallChain says what waits for what, down to the culprit.
type StallChain struct {
	End      string      `json:"end"` // "cycle", "fault", "lost wake-up", ...
	Headline string      `json:"headline"`
	Steps    []StallStep `json:"steps"`
	Back     int         `json:"back"` // the step that the last one waits for; -1: no cycle
}

// StallStep waits for the next step.
type StallStep struct {
	Where string `json:"where"` // "b1/0", "b1" or ""
	What  string `json:"what"`  // the operation that waits
	About string `json:"about"`
	Since int64  `json:"since"` // -1: unknown
	For   string `json:"for"`   // what it waits for
	Note  string `json:"note"`  // of the last step: why the chain ends there
}

// Lane is a loop, over all incarnations of its node.
type Lane struct {
	Node string `json:"node"`
	Loop string `json:"loop"`
	Role string `json:"role"` // "broker" or "client"
	// Busy has three numbers for each slice with work: the number of the slice, turns,
	// nanoseconds of work.
	Busy []int64 `json:"busy"`
}

// Turns are the turns that were kept, column by column, in the order of time. A turn has
// a step for each event and one for its end. The steps of all turns are numbered from 1.
type Turns struct {
	Lane  []int   `json:"lane"`
	At    []int64 `json:"at"` // each as the difference from the one before
	Cost  []int64 `json:"cost"`
	Steps []int   `json:"steps"`
}

// Flows are what one step sent to another, column by column.
type Flows struct {
	Kind    []int   `json:"kind"` // index into FlowKinds
	Label   []int   `json:"label"`
	From    []int   `json:"from"` // step, 0 if it was not kept
	To      []int   `json:"to"`
	Sent    []int64 `json:"sent"`    // each as the difference from the one before
	Arrived []int64 `json:"arrived"` // time from sending to arrival; -1: it never arrived
	Lane    []int   `json:"lane"`    // of the receiver; -1: unknown
	Size    []int   `json:"size"`    // bytes
}

// FlowKinds are the names of the kinds in Flows.Kind.
var FlowKinds = []string{"", "mail", "frame", "disk", "dial", "accept", "close", "refused"}

// Fault is a fault and the time that it lasted.
type Fault struct {
	Number int    `json:"number"` // in the plan, from 1 on
	Kind   string `json:"kind"`
	Text   string `json:"text"`
	Node   string `json:"node"`
	Peer   string `json:"peer"` // the other end of a link, or ""
	Loop   int    `json:"loop"` // -1: the node
	From   int64  `json:"from"`
	To     int64  `json:"to"` // -1: it lasted to the end
}

// Incarnation is one process of a node, from start to end.
type Incarnation struct {
	Node string `json:"node"`
	From int64  `json:"from"`
	To   int64  `json:"to"` // -1: it ran to the end
	End  string `json:"end"`
}

// Mark is a turning point.
type Mark struct {
	At   int64  `json:"at"`
	Kind string `json:"kind"`
	Node string `json:"node"` // "" is the cluster
	Text string `json:"text"`
}

// Partition shows one partition over time. Points are pairs of instant and value.
type Partition struct {
	Name     string    `json:"name"`
	Violated bool      `json:"violated"`
	Replicas int       `json:"replicas"`
	ISR      []int64   `json:"isr"`     // points: number of members
	Leaders  []int64   `json:"leaders"` // three numbers each: instant, node number, epoch
	Replica  []Replica `json:"replica"`
}

// Replica is the watermark of one replica.
type Replica struct {
	Node      string  `json:"node"`
	Watermark []int64 `json:"watermark"` // points
}

// Operation is what a client asked.
type Operation struct {
	Kind      string `json:"kind"`
	Client    string `json:"client"`
	Partition string `json:"partition"` // or topic, or ""
	Call      int64  `json:"call"`
	Return    int64  `json:"return"`
	Outcome   string `json:"outcome"`
	Text      string `json:"text"`
	Marked    bool   `json:"marked"` // the violation is about it
	// Chain are the links of its causal chain.
	Chain   []Link `json:"chain"`
	Stuck   []int  `json:"stuck"`   // flows that never arrived
	Partial bool   `json:"partial"` // a part of the chain was not kept in detail
}

// Link is one link of a chain.
type Link struct {
	Flow int    `json:"f"`           // index; -1: a wait in a loop
	Lane int    `json:"l,omitempty"` // of a wait
	From int64  `json:"a,omitempty"`
	To   int64  `json:"b,omitempty"`
	Text string `json:"t,omitempty"` // of a wait: what ended it
}
