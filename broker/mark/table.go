package mark

// The marks, by package.
const (
	WALTornTail Mark = iota
	WALDamage
	WALDamageProven
	WALHeaderLost
	WALUnreadable
	WALEndLost
	WALSectorUnread
	WALProbed
	WALNoSpace
	WALSpaceReturned
	WALRecycled

	LogCutPending
	LogFlushOvertaken
	LogProducersUnknown
	LogDamagedCheckpoint
	LogTidied
	ProducerStaleEpoch
	ProducerOutOfOrder

	ISRShrinkWanted
	ISRExpansionWanted
	ISRAdditionUndone
	ISRAdditionHolds
	LeaderStepsDown
	AckOfOldIncarnation
	FollowerRestarted
	FollowerDiverged
	FollowerGap
	FollowerBeginsAgain
	StartNotConfirmed
	ProbeRepeated
	PushRepeated
	TruncatedByEpoch

	ProduceDuplicate
	ProduceTooFewReplicas
	ProduceTooFewAfterAppend
	ProduceNoSpace
	ProduceExpired
	ProduceDeposed
	LaneWaits
	ForwardRecalled
	ForwardRefused
	ForwardHeld
	ForwardLost
	LinkSilent
	InboundStale
	FrameTakesLong
	MailboxFull
	ProduceBudgetSpent
	RecordsReadInSteps
	ProduceBehindUnread
	FailedWithoutAcks
	ClientSendWindowFull
	ClientRequestsFull
	AnswersHeld
	FetchBehindFetch
	ReadsFull
	CoordinatorDeposed
	CoordinatorNeverLoaded
	CoordinatorTooFewReplicas
	CoordinatorReadsSegments
	CoordinatorReadAgain
	ConnIdle
	ConnEvicted
	ClientEnded
	ClosingGivenUp
	UnfinishedFull
	UnfinishedClosed
	AnswersFull
	UnreadClosed
	RequestHeld
	RequestExpired
	PushUnknownEpoch
	PushStaleEpoch
	PushNoSpace
	WatermarkTold
	AckHeldByTruncation
	CatchUpFromSegments
	FetchFromSegments
	FetchReadError
	LeaseExpired
	EndNotKnownYet
	FetchDiverged
	FetchFenced
	FlushFailed
	ProducersExpired
	ReplicaUnwritable
	ReplicaLeaves
	ReplicaBackOnline
	StrayEmptied
	DeletionOutOfRange
	DeletionExpired
	FlushesTogether
	NamesTogether
	OpenWaited
	SyncPostponed
	PartitionSuspect
	PartitionRebuilt
	PartitionCameBack
	PartitionRemoved
	ConversionFlushed
	LoopSlept
	ISRRefused

	ElectedFromELR
	ElectedUnclean
	Leaderless
	ELRKept
	ELRTrimmed
	HandoverGivenUp
	LeadersBalanced
	HandoverDoubtful
	ResignedAsked
	ISRAlterStale
	ISRMemberRestarted
	RestartedLeads
	RestartedReplaced
	RestartedLeavesISR
	ReplicaDistrusted
	LeaderReplaced
	ReplicaTakenOffline
	LastReplicaDistrusted
	BrokerFenced
	FenceMovesLeader
	UnfenceElects
	FullDiskHandedOver
	LeaseAwaited
	LeaseWithheld
	CommandOutOfPatience
	ControllerDeposed
	ControllerSlept
	CommandReturned
	CommandExpired
	RaftHandsOver
	RaftTicksSkipped
	CreationOverLimit
	SnapshotSent
	SnapshotRepeated
	SnapshotRestarted
	SnapshotInstalled
	RaftCompacted
	DirectoryReplaced
	LearnerAdded
	VoterAdded
	MemberRemoved
	OutdatedRegistration

	ControlLogUnread
	SnapshotNoSpace
	ControlSyncPostponed
	NotVouchedDisk
	NotVouchedControlLog
	NotVouchedShard
	NotVouchedShardDisk
	ImagesHeldBack
	PeerSilent
	StaleLogsRemoved
	ConversionBegun
	SuspectsKept
	ProducerIDsUnknown
	Born
	BirthProposedAgain
	BirthRefused
	Joining
	DirectoryRefused
	OutdatedDirectory

	marks // how many there are
)

// seldom are the marks that no campaign has to reach, with the reason. Unit tests of their packages
// reach them, except those of shard.
var seldom = map[Mark]string{
	WALEndLost: "needs a disk that forgets a whole log: one unbudgeted run in a hundred",
	LogProducersUnknown: "needs a leader that is elected within the milliseconds of its own " +
		"truncation",
	ProducerStaleEpoch:   "producer epochs grow with transactions only",
	AnswersHeld:          "needs a megabyte of answers behind a request that waits",
	FetchDiverged:        "needs a consumer of records that an unclean election has lost",
	PartitionCameBack:    "needs replicas that are moved away and back",
	CommandOutOfPatience: "needs a lease that is not ended for longer than W",
	SnapshotRestarted:    "needs a node that is killed while it receives a snapshot",
	CreationOverLimit:    "needs tens of thousands of partitions",
	CoordinatorReadAgain: "needs a read that fails while a coordinator loads",
	BirthRefused:         "needs a proposer that loses its directory before the birth",
}

// Demanded reports whether a campaign that is large enough must reach the mark with the name.
func Demanded(name string) bool {
	for m := range seldom { //corelint:ordered a search has no order
		if names[m] == name {
			return false
		}
	}
	return true
}

// names are the package of each mark, a colon, and what has happened.
var names = [marks]string{
	WALTornTail:      "wal: a torn tail is cut",
	WALDamage:        "wal: damage to acknowledged records is declared",
	WALDamageProven:  "wal: a later mark proves that a damaged range was durable",
	WALHeaderLost:    "wal: a segment header is lost and its segment is not",
	WALUnreadable:    "wal: a sector where the log seems to end cannot be read",
	WALEndLost:       "wal: a log ends before what a checkpoint covers",
	WALSectorUnread:  "wal: a chunk that cannot be read is read by sectors",
	WALProbed:        "wal: the scan looks behind a hole in a group",
	WALNoSpace:       "wal: no room for another segment",
	WALSpaceReturned: "wal: room for another segment again",
	WALRecycled:      "wal: a released segment becomes the next",

	LogCutPending:        "partition: a truncation reaches into the segments",
	LogFlushOvertaken:    "partition: a truncation overtakes a flush or a cut",
	LogProducersUnknown:  "partition: a produce comes while the log is being cut",
	LogDamagedCheckpoint: "partition: a checkpoint or the files it names are damaged",
	LogTidied:            "partition: bytes behind the trusted end are cut",
	ProducerStaleEpoch:   "partition: an old epoch of a producer is refused",
	ProducerOutOfOrder:   "partition: a sequence that does not follow is refused",

	ISRShrinkWanted:     "replica: a leader asks for the removal of a follower",
	ISRExpansionWanted:  "replica: a leader asks for the addition of a follower",
	ISRAdditionUndone:   "replica: an addition without a verdict is undone by an unchanged ISR",
	ISRAdditionHolds:    "replica: a proposed addition holds the watermark back",
	LeaderStepsDown:     "replica: a leader with a damaged log asks to be replaced",
	AckOfOldIncarnation: "replica: an acknowledgement of an old incarnation is ignored",
	FollowerRestarted:   "replica: a follower comes with a new incarnation",
	FollowerDiverged:    "replica: a follower answers a probe with another history",
	FollowerGap:         "replica: a streaming follower finds a gap",
	FollowerBeginsAgain: "replica: a follower begins again at the leader's log start",
	StartNotConfirmed:   "replica: a leader's log start waits for the in-sync replicas",
	ProbeRepeated:       "replica: a probe without an answer is sent again",
	PushRepeated:        "replica: batches that a follower has are sent again",
	TruncatedByEpoch:    "replica: a follower cuts its log to the common history",

	ProduceDuplicate: "shard: a batch that is in the log already is answered with its " +
		"offsets",
	ProduceTooFewReplicas:    "shard: a produce is refused because too few replicas are in sync",
	ProduceTooFewAfterAppend: "shard: in-sync replicas are lost after an append",
	ProduceNoSpace:           "shard: a produce is refused because there is no space",
	ProduceExpired:           "shard: an append is not committed by its deadline",
	ProduceDeposed:           "shard: a leader is deposed with appends that wait",
	LaneWaits:                "shard: a produce waits for one to an older leader",
	ForwardRecalled:          "shard: a forward that was not sent is recalled",
	ForwardRefused:           "shard: too many forwards wait for one node",
	ForwardHeld:              "shard: a forward waits for its connection",
	ForwardLost:              "shard: a connection is lost with forwards on it",
	LinkSilent:               "shard: a connection to a node is given up for its silence",
	InboundStale:             "shard: an older connection of a node is dropped",
	FrameTakesLong:           "shard: parts of a message from another node arrive for long",
	MailboxFull:              "shard: a full mailbox refuses mail, which waits",
	RecordsReadInSteps:       "shard: the records of a batch are read in more than one turn",
	ProduceBehindUnread:      "shard: a produce waits for records before it to be read",
	FailedWithoutAcks:        "shard: a failed produce with acks=0 closes its connection",
	ProduceBudgetSpent:       "shard: a produce waits for the budget of bytes",
	ClientSendWindowFull:     "shard: a client does not read its responses",
	ClientRequestsFull:       "shard: a client has as many requests open as it may",
	AnswersHeld: "shard: a client's answers wait for an earlier one, and it may have no more of " +
		"them",
	FetchBehindFetch: "shard: a client's fetch waits for the one before it",
	UnfinishedFull:   "shard: unfinished frames have their bytes, and a client is not read",
	UnfinishedClosed: "shard: a connection with an unfinished frame is given up",
	AnswersFull:      "shard: a request waits for room for its answer",
	UnreadClosed:     "shard: a connection with unread answers is given up",
	ConnIdle:         "shard: an idle connection is closed",
	ConnEvicted:      "shard: an idle connection is closed to make room",
	ClientEnded:      "shard: a client sends nothing more",
	ClosingGivenUp:   "shard: a client does not take its last answers",
	ReadsFull:        "shard: a read of segments waits for others",

	CoordinatorDeposed:        "shard: a coordinator is deposed with appends that wait",
	CoordinatorNeverLoaded:    "shard: a coordinator is deposed before it has read its log",
	CoordinatorTooFewReplicas: "shard: an append of a coordinator finds too few replicas",
	CoordinatorReadsSegments:  "shard: a coordinator reads its log from segments",
	CoordinatorReadAgain:      "shard: a coordinator has to repeat a read of its log",

	RequestHeld:         "shard: a request waits for the registration of its node",
	RequestExpired:      "shard: a request ends by its deadline",
	PushUnknownEpoch:    "shard: a push comes before its metadata",
	PushStaleEpoch:      "shard: a push of a deposed leader is refused",
	PushNoSpace:         "shard: a follower without space refuses a push",
	WatermarkTold:       "shard: a watermark is sent without batches",
	AckHeldByTruncation: "shard: an acknowledgement waits for a truncation to be durable",
	CatchUpFromSegments: "shard: a follower catches up from segments",
	FetchFromSegments:   "shard: a fetch is served from segments",
	FetchReadError:      "shard: a fetch meets a read error",
	LeaseExpired:        "shard: a leader without a lease does not say where its log ends",
	EndNotKnownYet:      "shard: a new leader does not know the committed end yet",
	FetchDiverged:       "shard: a consumer is told that its history diverges",
	FetchFenced:         "shard: a client knows an older leader epoch",
	FlushFailed:         "shard: a flush fails and is tried again",
	OpenWaited:          "shard: an open waits until another file is closed",
	SyncPostponed:       "shard: a sync could not begin and is submitted again",
	ProducersExpired:    "shard: an idle idempotent producer is forgotten",
	ReplicaUnwritable:   "shard: the files of a replica cannot be written",
	ReplicaLeaves:       "shard: an unwritable replica is taken offline",
	StrayEmptied:        "shard: a replica drops what an unclean election has lost",
	DeletionOutOfRange:  "shard: DeleteRecords asks for more than is committed",
	DeletionExpired:     "shard: DeleteRecords ends at its deadline",
	ReplicaBackOnline:   "shard: the files of a replica can be written again",
	FlushesTogether:     "shard: many flushes share a sync of the file system",
	NamesTogether:       "shard: a start syncs the names of many partitions at once",
	PartitionSuspect:    "shard: a partition may have lost acknowledged records",
	PartitionRebuilt:    "shard: a damaged partition begins again, empty",
	PartitionCameBack:   "shard: a partition was removed and came back within one log",
	PartitionRemoved:    "shard: a partition that is not in the metadata is removed",
	ConversionFlushed:   "shard: a log is converted for another number of shards",
	LoopSlept:           "shard: a loop notices that it did not run",
	ISRRefused:          "shard: the controller refuses an ISR change",

	ElectedFromELR:        "meta: a leader comes from the ELR",
	ElectedUnclean:        "meta: a leader comes from outside ISR and ELR",
	Leaderless:            "meta: a partition has no replica that can lead it",
	LeadersBalanced:       "meta: leaders are asked to hand over to the preferred replicas",
	HandoverGivenUp:       "shard: a leader keeps its leadership, since its followers are slow",
	HandoverDoubtful:      "shard: a leader resigned, and does not know what became of that",
	ResignedAsked:         "shard: a leader that resigned is asked for the end of its log",
	ELRTrimmed:            "meta: a lowered min.insync.replicas ends an ELR",
	ELRKept:               "meta: a replica that leaves a small ISR stays eligible",
	ISRAlterStale:         "meta: an ISR change of an older partition epoch is refused",
	ISRMemberRestarted:    "meta: an ISR change names a member that has restarted",
	RestartedLeads:        "meta: a restarted leader leads again, in a new epoch",
	RestartedReplaced:     "meta: another replica leads after a restart",
	RestartedLeavesISR:    "meta: a restarted follower leaves the ISR",
	ReplicaDistrusted:     "meta: a replica that may have lost records leaves the ISR",
	LeaderReplaced:        "meta: a leader with a damaged log is replaced",
	ReplicaTakenOffline:   "meta: a replica is taken offline, and a new epoch begins",
	LastReplicaDistrusted: "meta: the last in-sync replica may have lost records",
	BrokerFenced:          "meta: a session is missed and its broker fenced",
	FenceMovesLeader:      "meta: a fence moves a leadership",
	UnfenceElects:         "meta: a broker that returns leads a partition without a leader",
	FullDiskHandedOver:    "meta: a full broker hands a leadership over",
	LeaseAwaited:          "meta: a command waits until a lease has surely ended",
	LeaseWithheld:         "meta: a lease is withheld from a broker that is alive",
	CommandOutOfPatience:  "meta: a command that cannot be proposed in time is returned",
	ControllerDeposed:     "meta: a controller loses its term",
	ControllerSlept:       "meta: a controller notices that it did not run",
	CommandReturned:       "meta: a command reaches a node that is no controller",
	CommandExpired:        "meta: a command has no verdict by its deadline",
	RaftHandsOver:         "meta: a node that cannot vouch for itself hands its term over",
	RaftTicksSkipped:      "meta: a node slept so long that it skips Raft ticks",
	CreationOverLimit:     "meta: new partitions would break a bound of the image",
	SnapshotSent:          "meta: a snapshot is sent to a peer",
	SnapshotRepeated:      "meta: chunks of a snapshot are sent again",
	SnapshotRestarted:     "meta: the receiver of a snapshot has lost what it had",
	SnapshotInstalled:     "meta: a snapshot is installed",
	RaftCompacted:         "meta: the control log is compacted",
	DirectoryReplaced:     "meta: a broker registers with another directory",
	LearnerAdded:          "meta: a directory becomes a learner",
	VoterAdded:            "meta: a directory becomes a voter",
	MemberRemoved:         "meta: a voter or learner is removed",
	OutdatedRegistration:  "meta: the registration of an older copy of a directory is refused",

	ControlLogUnread:     "node: the control log could not be read",
	SnapshotNoSpace:      "node: a snapshot finds no room and is written later",
	ControlSyncPostponed: "node: a sync could not begin and is submitted again",
	NotVouchedDisk:       "node: a node does not vouch for a disk operation that hangs",
	NotVouchedControlLog: "node: a node does not vouch for records that wait in its control log",
	NotVouchedShard:      "node: a node does not vouch for a shard that is silent",
	NotVouchedShardDisk:  "node: a node does not vouch for the disk of a shard",
	ImagesHeldBack:       "node: a shard that does not answer gets no more images",
	PeerSilent:           "node: a control connection is given up for its silence",
	StaleLogsRemoved:     "node: the logs from before a conversion are removed",
	ConversionBegun:      "node: a start with another number of shards begins a conversion",
	SuspectsKept:         "node: suspects are written down before a conversion",
	ProducerIDsUnknown:   "node: the fate of a block of producer ids is unknown",
	Born:                 "node: a birth record becomes durable on all voters",
	BirthProposedAgain:   "node: another birth is proposed, because a directory has changed",
	BirthRefused:         "node: a directory that waits for another birth refuses this one",
	Joining:              "node: a directory that is not in the birth record asks to join",
	DirectoryRefused:     "node: a directory that was removed is refused",
	OutdatedDirectory:    "node: a directory finds that it is an older copy of itself",
}
