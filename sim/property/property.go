package property

// The properties that the simulator judges by itself. Those of histories, P1 to P13,
// are package checker's, and stand in results under its titles; a name here that
// begins with the number of one is a part of it that is seen at once.
const (
	// Of every run.
	PropertyNoPanic         = "no code of a node panics"
	PropertyAssertionsHold  = "every assertion holds"
	PropertyMachinesHold    = "every assertion of the simulated machines holds"
	PropertyMailImmutable   = "mail is immutable once sent"
	PropertyDiskOnce        = "each disk operation completes once"
	FaultsHaveTargets       = "every fault of the plan has a target"
	PropertyEventBound      = "the run ends within its bound of events"
	PropertyConverges       = "after healing, everything pending ends within the bound"
	PropertyStopsHaveCauses = "no node stops itself without a cause in the plan"

	// Of runs in worker processes.
	PropertyJobRuns     = "the job can be run"
	WorkerStarts        = "a worker process starts"
	PropertyWorkerLives = "a run ends without killing its process"

	// Of the toy.
	ToyDurable = "what is acknowledged is durable on every replica"

	// Of a run of brokers as a whole.
	PropertyShowsSomething = "the run shows something"
	JudgedOnSomething      = "every property is judged on something"
	PropertyCanBeJudged    = " can be judged" // behind the number of a property

	// What clients see at once.
	PropertyFramesWellFormed = "brokers send well-formed frames"
	PropertyResponsesAnswer  = "every response answers a request"
	PropertyResponsesDecode  = "responses decode"
	PropertyResponsesInOrder = "P11: responses keep the order of requests"
	PropertyFetchesAnswer    = "fetches answer what was asked"
	PropertyFetchedWhole     = "P3: fetched batches are whole"
	PropertyPositionInLog    = "P3: the position of a reader lies within the log"
	PropertyConsumedStays    = "P3: what was consumed does not diverge"
	PropertyRepeatRecognised = "P6: a batch that is sent again is recognised"
	PropertyRetryRecognised  = "P6: an idempotent producer's retries are recognised"
	PropertyMalformedRefused = "a malformed request is refused"
	MalformedAnswered        = "a malformed request is answered, or its connection closed"
	PropertySlowReaderServed = "P11: who reads again is served again"

	// What is seen inside brokers, turn by turn.
	PropertyAckAtWatermark   = "P1: acks=all is answered at the watermark"
	PropertyRemembersOwnLog  = "P6: a replica remembers only batches that its log has"
	PropertyRemembersOnce    = "P6: a replica remembers each batch once"
	PropertyLeaseEndsFirst   = "P10: a lease ends before its leadership is given away"
	PropertyWaitersWoken     = "P11: who waits for the log is answered when it gets there"
	PropertyOperatorAnswered = "P11: a running loop answers its operator"
	ReadyBetweenSpells       = "between two spells of faults ISRs are full again"

	// What is found on disks at the end.
	ReplicasThere       = "every replica is there at the end"
	SegmentsThere       = "segments are on disk"
	SegmentsWhole       = "segments hold whole batches"
	PropertyNoLeftovers = "P13: a deleted topic leaves nothing on disk"

	// What is owed besides safety.
	PropertyKeepsAcknowledging = "a partition with a leader and quorums keeps acknowledging"
	PropertyAckTime            = "acknowledgements take no longer than disks and links do"
	PropertyNoOvertaking       = "a produce is not overtaken for long"
	PropertyForwardedOnce      = "P11: a produce is forwarded once"
	PropertyAskedAnswers       = "P11: whoever is asked answers"
	PropertyTopicsMade         = "topics are created and deleted within the bound"
	TermsRiseForElections      = "terms rise when a controller is elected"
	PropertyControllerStays    = "a controller stays while nothing goes wrong"
)
