package property

// The properties that the simulator judges by itself. Package checker judges the properties of
// histories, P1 to P13, and results name them by its titles. A name here that begins with P and a
// number is a part of that property which can be judged while the run goes on.
const (
	// Properties of every run.
	NoPanic           = "no code of a node panics"
	AssertionsHold    = "every assertion holds"
	MachinesHold      = "every assertion of the simulated machines holds"
	MailImmutable     = "mail is immutable once sent"
	DiskOnce          = "each disk operation completes once"
	FaultsHaveTargets = "every fault of the plan has a target"
	EventBound        = "the run ends within its bound of events"
	Converges         = "after healing, everything pending ends within the bound"
	StopsHaveCauses   = "no node stops itself without a cause in the plan"

	// Properties of runs in worker processes.
	JobRuns      = "the job can be run"
	WorkerStarts = "a worker process starts"
	WorkerLives  = "a run ends without killing its process"

	// The property of the toy.
	ToyDurable = "what is acknowledged is durable on every replica"

	// Properties of a run of brokers as a whole.
	ShowsSomething    = "the run shows something"
	JudgedOnSomething = "every property is judged on something"
	CanBeJudged       = " can be judged" // follows the number of a property

	// What clients see at once.
	FramesWellFormed     = "brokers send well-formed frames"
	ResponsesAnswer      = "every response answers a request"
	ResponsesDecode      = "responses decode"
	ResponsesInOrder     = "P11: responses keep the order of requests"
	FetchesAnswer        = "fetches answer what was asked"
	FetchedWhole         = "P3: fetched batches are whole"
	PositionInLog        = "P3: the position of a reader lies within the log"
	DeletionDurable      = "P4: deleted records are deleted durably when that is answered"
	ConsumedStays        = "P3: what was consumed does not diverge"
	RepeatRecognised     = "P6: a batch that is sent again is recognised"
	RetryRecognised      = "P6: an idempotent producer's retries are recognised"
	HeadersTrue          = "what a batch's header says of its records is true"
	MalformedRefused     = "a malformed request is refused"
	MalformedAnswered    = "a malformed request is answered, or its connection closed"
	RepeatedAnsweredOnce = "a partition that a fetch repeats is answered once"
	EndedIsAnswered      = "P11: a client that has ended its side gets its answers"
	IdleIsClosed         = "P12: an idle connection is closed"
	SlowReaderServed     = "P11: a client that reads again is served again"

	// What is seen inside brokers, turn by turn.
	AckAtWatermark     = "P1: acks=all is answered at the watermark"
	RemembersOwnLog    = "P6: a replica remembers only batches that its log has"
	RemembersOnce      = "P6: a replica remembers each batch once"
	ForgetsProducers   = "a replica forgets idempotent producers that are idle or too many"
	LeaseEndsFirst     = "P10: a lease ends before its leadership is given away"
	WaitersWoken       = "P11: a request that waits for the log is answered when the log gets there"
	OperatorAnswered   = "P11: a running loop answers its operator"
	ReadyBetweenSpells = "between two spells of faults ISRs are full again"

	// What is found on disks at the end.
	ReplicasThere = "every replica is there at the end"
	SegmentsThere = "segments are on disk"
	SegmentsWhole = "segments hold whole batches"
	NoLeftovers   = "P13: a deleted topic leaves nothing on disk"

	// What brokers tell their operators.
	ChangesAreTold = "what an operator must hear of leaves a line with its cause"
	LinesBounded   = "the lines of an event log have a bound"
	HealthIsTrue   = "what a node says of its health is true"
	QuietAtRest    = "brokers at rest write no lines to their event logs"

	// What is demanded besides safety.
	KeepsAcknowledging    = "a partition with a leader and quorums keeps acknowledging"
	AckTime               = "acknowledgements take no longer than disks and links do"
	StallsCostTime        = "a short stall of brokers costs time and no errors"
	NoOvertaking          = "a produce is not overtaken for long"
	ForwardedOnce         = "P11: a produce is forwarded once"
	AskedAnswers          = "P11: every request within the cluster is answered"
	TopicsMade            = "topics are created and deleted within the bound"
	TermsRiseForElections = "terms rise when a controller is elected"
	StaysUnfenced         = "a broker that is only slow is not fenced"
	ControllerStays       = "a controller stays while nothing goes wrong"
)
