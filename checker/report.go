package checker

import (
	"fmt"
	"strings"
)

// Verdict is a checker's answer. Only Pass is a pass.
type Verdict string

const (
	Pass Verdict = "pass"
	Fail Verdict = "fail"
	// Unknown: there was not enough evidence, or a search exceeded its bound.
	Unknown Verdict = "unknown"
	// Vacuous: the history holds nothing that the property is about.
	Vacuous Verdict = "vacuous"
)

// The anomalies, by Jepsen's names where it has one.
const (
	LostWrite           = "lost-write"
	Unseen              = "unseen"
	Duplicate           = "duplicate"
	InconsistentOffsets = "inconsistent-offsets"
	PollSkip            = "poll-skip"
	NonmonotonicPoll    = "nonmonotonic-poll"
	IntPollSkip         = "int-poll-skip"
	IntNonmonotonicPoll = "int-nonmonotonic-poll"
	NonmonotonicSend    = "nonmonotonic-send"
	PrecommittedRead    = "precommitted-read"
	AbortedRead         = "G1a"

	AckBeforeDurable    = "ack-before-durable"
	FalseError          = "false-error"
	SuccessWithNoAppend = "success-without-append"
	Phantom             = "phantom-value"
	OffsetGap           = "offset-gap"
	WatermarkBack       = "watermark-went-back"
	WatermarkHigh       = "watermark-above-isr"
	BeyondWatermark     = "read-beyond-watermark"
	LogStartBack        = "log-start-went-back"
	StartUnjustified    = "log-start-unjustified"
	DeletedTooEarly     = "deletion-before-durable"
	TwoLeaders          = "two-leaders"
	TwoControllers      = "two-controllers"
	DeposedAppend       = "append-by-non-leader"
	LeaderLacks         = "leader-lacks-committed"
	FollowerStrays      = "follower-strays"
	CommittedCut        = "committed-cut"
	CommitBelowMin      = "commit-below-min-insync"
	ReplicasDiffer      = "replicas-differ"
	SequenceGap         = "sequence-gap"
	ProducerIDReused    = "producer-id-reused"
	NonLinearizable     = "nonlinearizable"
	TopicIDReused       = "topic-id-reused"
	MetadataBack        = "metadata-went-back"
	ImagesDiffer        = "images-differ"
	StaleEnd            = "stale-end"
	EndWentBack         = "end-went-back"
	EndFromFuture       = "end-from-the-future"
	TornEnd             = "end-inside-batch"
	ResponseOrder       = "response-order"
	RequestOverdue      = "request-overdue"
	QueueOverflow       = "queue-over-bound"
	IdleWakeUps         = "idle-wake-ups"
	IdleWork            = "idle-work"
	RecoveredForeign    = "recovered-impossible-state"
	SilentCut           = "silent-cut"
	TornTransaction     = "torn-transaction"
	OldEpochAccepted    = "old-epoch-accepted"
	TwoOwners           = "two-owners"
	StaleCommit         = "stale-commit"
	CommitWentBack      = "commit-went-back"
)

// Line is one line of evidence.
type Line struct {
	At   Moment `json:"at"`
	Text string `json:"text"`
}

// Violation is one way in which a history breaks a property.
type Violation struct {
	Property string `json:"property"`
	Anomaly  string `json:"anomaly"`
	Sentence string `json:"sentence"`
	// Partition, Values and Offsets say which part of the history is relevant;
	// a violation that concerns no partition leaves them empty.
	Partition Partition `json:"partition"`
	Values    []Value   `json:"values,omitempty"`
	Offsets   []Offset  `json:"offsets,omitempty"`
	Evidence  []Line    `json:"evidence,omitempty"`
}

// maxViolations is how many violations of a property a result keeps: one bug
// can break a property thousands of times, and the first few are enough.
const maxViolations = 16

// Result is the verdict on one property.
type Result struct {
	Property   string      `json:"property"`
	Title      string      `json:"title"`
	Verdict    Verdict     `json:"verdict"`
	Judged     int         `json:"judged"` // how many operations or facts were checked for it
	Violations []Violation `json:"violations,omitempty"`
	More       int         `json:"more,omitempty"` // violations not kept
	// Excused counts violations that recorded damage explains; they are not
	// failures.
	Excused int `json:"excused,omitempty"`
	// Why says what was missing when the verdict is Unknown.
	Why string `json:"why,omitempty"`
}

// verdictOf collects what a checker finds.
type verdictOf struct {
	result  Result
	excuses excuses
}

func (v *verdictOf) judged(n int) { v.result.Judged += n }

func (v *verdictOf) fail(x Violation) {
	if v.excuses.excuse(&x) {
		v.result.Excused++
		return
	}
	if len(v.result.Violations) == maxViolations {
		v.result.More++
		return
	}
	x.Property = v.result.Property
	v.result.Violations = append(v.result.Violations, x)
}

// unknown notes the first reason why the checker has no answer.
func (v *verdictOf) unknown(format string, args ...any) {
	if v.result.Why == "" {
		v.result.Why = fmt.Sprintf(format, args...)
	}
}

func (v *verdictOf) close() Result {
	switch {
	case len(v.result.Violations) > 0:
		v.result.Verdict = Fail
	case v.result.Why != "":
		v.result.Verdict = Unknown
	case v.result.Judged == 0:
		v.result.Verdict = Vacuous
	default:
		v.result.Verdict = Pass
	}
	return v.result
}

// checkers are in the order of the report.
var checkers = []struct {
	property, title string
	run             func(*index, *verdictOf)
}{
	{"P1", "acknowledged records are durable and readable forever", checkDurability},
	{"P2", "error codes are truthful", checkErrors},
	{"P3", "committed offsets are unique, contiguous and hold one value", checkOffsets},
	{"P4", "watermarks and log starts are monotonic and bounded by the in-sync set",
		checkWatermarks},
	{"P5", "one leader per epoch, one controller per term, equal replicas", checkLeaders},
	{"P6", "an idempotent producer's batches appear once and in order", checkProducers},
	{"P7", "read_committed shows committed data only, and a transaction is all or nothing",
		checkTransactions},
	{"P8", "a group's partition has one owner per generation, and commits do not go back",
		checkGroups},
	{"P9", "metadata is linearizable, monotonic per broker, and converges", checkMetadata},
	{"P10", "the end of the log is linearizable", checkEnds},
	{"P11", "responses keep the order of requests and every request ends in time", checkRequests},
	{"P12", "queues stay within their bounds and idle nodes sleep", checkBounds},
	{"P13", "recovery finds what an honest disk kept and declares damage", checkRecoveries},
}

// Report holds the verdicts on a whole history.
type Report struct {
	Results []Result `json:"results"`
	// Excerpt is the shortest history that shows the first violation.
	Excerpt []string `json:"excerpt,omitempty"`
}

// Run applies every checker. Equal histories give equal reports.
func Run(h *History) Report {
	x := newIndex(h)
	var r Report
	for i := range checkers {
		r.Results = append(r.Results, runOne(x, i))
	}
	if v := r.First(); v != nil {
		r.Excerpt = Excerpt(h, *v)
	}
	return r
}

// Check applies the checker of one property ("P4"). It panics if there is none.
func Check(property string, h *History) Result {
	for i := range checkers {
		if checkers[i].property == property {
			return runOne(newIndex(h), i)
		}
	}
	panic("checker: no checker for property " + property)
}

// runOne judges one property. An invalid history proves nothing, so no property
// of it can pass.
func runOne(x *index, i int) Result {
	v := &verdictOf{
		result:  Result{Property: checkers[i].property, Title: checkers[i].title},
		excuses: x.excuses,
	}
	if x.invalid != nil {
		v.unknown("the history is not valid: %v", x.invalid)
		return v.close()
	}
	checkers[i].run(x, v)
	return v.close()
}

// First returns the first violation of the first broken property, or nil.
func (r *Report) First() *Violation {
	for i := range r.Results {
		if len(r.Results[i].Violations) > 0 {
			return &r.Results[i].Violations[0]
		}
	}
	return nil
}

// Verdict is Fail if any property is broken, else Unknown if any is unknown,
// else Pass; Vacuous if nothing at all was judged.
func (r *Report) Verdict() Verdict {
	seen := map[Verdict]bool{}
	for _, res := range r.Results {
		seen[res.Verdict] = true
	}
	for _, v := range []Verdict{Fail, Unknown, Pass} {
		if seen[v] {
			return v
		}
	}
	return Vacuous
}

// OK says whether the history is good: some property was judged, none is broken
// and none is unknown.
func (r *Report) OK() bool { return r.Verdict() == Pass }

// Of returns the result for a property.
func (r *Report) Of(property string) Result {
	for _, res := range r.Results {
		if res.Property == property {
			return res
		}
	}
	return Result{Property: property, Verdict: Vacuous}
}

// Sentence says the outcome in one sentence: the first broken property, else
// the first unknown one, else that all hold.
func (r *Report) Sentence() string {
	if v := r.First(); v != nil {
		return fmt.Sprintf("%s %s: %s", v.Property, v.Anomaly, v.Sentence)
	}
	for _, res := range r.Results {
		if res.Verdict == Unknown {
			return fmt.Sprintf("%s unknown: %s", res.Property, res.Why)
		}
	}
	if r.Verdict() == Vacuous {
		return "nothing was judged"
	}
	return "every property that was judged holds"
}

// String is the sentence, the excerpt, and a line per property.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintln(&b, r.Sentence())
	for _, l := range r.Excerpt {
		fmt.Fprintln(&b, "  "+l)
	}
	for _, res := range r.Results {
		fmt.Fprintf(&b, "%-4s %-8s judged=%d violations=%d  %s\n",
			res.Property, res.Verdict, res.Judged, len(res.Violations)+res.More, res.Title)
	}
	return b.String()
}
