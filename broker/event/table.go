package event

// The names, by what they are about. docs/operation.md lists them in the same order.
const (
	// The process.
	NodeStarting Name = iota
	NodeStarted
	NodeRestarting
	NodeDraining
	NodeDrained
	NodeDrainFailed
	NodeStopped
	NodeFailed
	CloseSlow
	LoopSlow
	LoopStuck
	LoopFailed
	ProcessPaused
	NodeGivesUp
	ProcessEnded
	HTTPFailed
	SettingDoubtful

	// The identity of nodes and the voters.
	BirthAwaited
	ClusterBorn
	ClusterJoined
	NoVote
	PeerRefused
	VotersChanged
	// Clients.
	ConnectionEvicted
	ConnectionGivenUp
	AcceptFailing
	AcceptWorks
	// Disks and logs.
	ReplicaUnwritable
	ReplicaOffline
	CommittedRecordsDropped
	RecordsDeleted
	LogBegunAgain
	ReplicaOnline

	// Start and stop of a node.
	ControlRecovered
	ShardRecovered
	NodeRegistered
	ShardsDrained
	HandoverGivenUp

	// The controller and the quorum.
	ControllerWon
	ControllerLost
	ControllerChanged
	QuorumLost
	QuorumRegained
	SnapshotInstalled
	ConfigChanged
	LeadersBalanced

	// Brokers.
	BrokerSilent
	BrokerRegistered
	BrokerFenced
	BrokerUnfenced
	BrokerDraining
	BrokerFull
	BrokerRoomy
	NotVouched
	VouchedAgain
	PeerConnected
	PeerLost
	HelloRefused

	// Partitions.
	LeadershipsGained
	LeadershipsLost
	ISRShrunk
	ISRExpanded
	NoReplicaInSync
	UncleanElection
	PartitionsUnled
	PartitionsLed
	PartitionsUnderMin
	PartitionsEnough
	PartitionsRemoved
	PartitionRebuilt

	// Coordinators.
	CoordinatorLoaded
	RecordUnreadable

	// Consumer groups.
	GroupRebalances
	GroupStable
	GroupEmpty
	GroupMemberLost
	GroupMembersLate
	GroupMemberLeft
	GroupMemberReplaced
	GroupDeleted
	GroupOffsetsDropped
	GroupAppendFailed
	GroupFull
	GroupsFull

	// Disks and logs.
	LogFull
	LogRoom
	LogBudgetSpent
	LogBudgetFree
	FlushFailed
	ReadFailed
	LogDamaged
	PartitionDamaged
	PartitionsSuspect
	SnapshotRefused
	DiskRefuses

	names // how many there are
)

// row says how an event is written, and what it means. A sentence of means is for an operator.
type row struct {
	name  string
	level Level
	once  bool // it is written once in a window; the others are counted
	means string
}

func (n Name) burst() int {
	if table[n].once {
		return 1
	}
	return burst
}

var table = [names]row{
	NodeStarting: {name: "node starting",
		means: "The process begins. The fields are its addresses, directory and versions."},
	NodeStarted: {name: "node started",
		means: "The node is registered, is not fenced, and serves clients."},
	NodeRestarting: {name: "node starts again", level: Warn,
		means: "The process goes on with a new incarnation of the node, to convert its number of " +
			"shards."},
	NodeDraining: {name: "node draining",
		means: "A signal asked for a clean stop. The node hands its leaderships over."},
	NodeDrained: {name: "node drained",
		means: "All leaderships are handed over, or 'handover given up' says why not."},
	NodeDrainFailed: {name: "drain failed", level: Warn,
		means: "The node ends with leaderships. The others take over as after a crash."},
	NodeStopped: {name: "node stopped",
		means: "The clean stop is complete."},
	NodeFailed: {name: "node failed", level: Error,
		means: "The node stopped itself, for the reason that the error gives. The service " +
			"manager starts it again."},
	CloseSlow: {name: "close is slow", level: Warn,
		means: "Sockets or disk operations did not end in time at a clean stop. Nothing that was " +
			"acknowledged depends on them."},
	LoopSlow: {name: "loop is slow", level: Warn,
		means: "A loop has been in one turn for longer than watchdog.warn.ms. What it does, what " +
			"the node waits for and all stacks follow."},
	LoopStuck: {name: "loop is stuck", level: Error,
		means: "A loop has been in one turn for longer than watchdog.fatal.ms. The process ends, " +
			"so that the cluster takes over."},
	LoopFailed: {name: "loop failed", level: Error,
		means: "A loop found that its own state is wrong. The node stops. The stack follows."},
	ProcessPaused: {name: "process was paused", level: Warn,
		means: "The process did not run for a while: SIGSTOP, a suspended machine, or a host " +
			"without a free core."},
	NodeGivesUp: {name: "node gives itself up", level: Error,
		means: "A loop or the disk of this node is stuck, and its leaderships have moved. It " +
			"closes its connections, so that its clients go on, and ends. Its supervisor " +
			"starts it again."},
	ProcessEnded: {name: "process ended", level: Error,
		means: "The process that serve --supervise watches has ended, or was killed because it " +
			"gave no sign of life for a second longer than broker.session.timeout.ms: it was " +
			"frozen, or its control loop was stuck. It is started again, so that its clients " +
			"go on."},
	HTTPFailed: {name: "http listener failed", level: Error,
		means: "The listener for health and metrics ended. The broker goes on."},
	SettingDoubtful: {name: "setting is doubtful", level: Warn,
		means: "A setting is legal and probably not meant."},

	BirthAwaited: {name: "waits to be born",
		means: "The directory has no birth record. The node waits until all voters of a new " +
			"cluster are there, or for a node of the cluster that exists."},
	ClusterBorn: {name: "cluster born",
		means: "All voters of the new cluster hold its birth record, and this node takes part."},
	ClusterJoined: {name: "joins cluster", level: Warn,
		means: "The cluster was born without this directory: it is new, or the one of this node " +
			"was lost. The node registers with nothing, and has no vote."},
	NoVote: {name: "has no vote", level: Warn,
		means: "This directory gets the metadata and does not vote. " +
			"'lockstep cluster replace-node' gives it the vote of the directory that was lost."},
	PeerRefused: {name: "peer refused", level: Error,
		means: "This node and the peer do not talk, for the reason given: a directory of another " +
			"cluster, one that was removed, or one that was lost before the cluster was born."},
	VotersChanged: {name: "voters changed",
		means: "The voters and learners are others now. Each is a node with the first digits of " +
			"its directory id."},
	ConnectionEvicted: {name: "idle connection closed", level: Warn, once: true,
		means: "The node has nearly as many connections of clients as it may (max.connections), " +
			"and closes the one that has been idle longest. If the clients are wanted, raise the " +
			"bound, or lower connections.max.idle.ms."},
	ConnectionGivenUp: {name: "connection given up", level: Warn, once: true,
		means: "The connection held bytes that others waited for, and nothing moved on it: its " +
			"request did not become complete (queued.max.request.bytes), or its client did not " +
			"read answers (queued.max.response.bytes)."},
	AcceptFailing: {name: "connections cannot be accepted", level: Error,
		means: "The operating system refuses new connections, for example because no file " +
			"descriptors are left (LimitNOFILE). Connections that are open go on."},
	AcceptWorks: {name: "connections are accepted again",
		means: "An accept has succeeded after failures."},

	ControlRecovered: {name: "metadata recovered",
		means: "The control log and the snapshot are read. The node joins Raft."},
	ShardRecovered: {name: "shard recovered",
		means: "A shard has read its write-ahead log and the checkpoints of its partitions."},
	NodeRegistered: {name: "node registered",
		means: "The controller knows this incarnation. suspects is the number of partitions that " +
			"may lack acknowledged records; their replicas leave the ISR until they caught up."},
	ShardsDrained: {name: "shards drained",
		means: "No shard answers as a leader any more. The leaderships are handed over next."},
	HandoverGivenUp: {name: "handover given up", level: Warn,
		means: "A majority of the voters is not connected, so nobody can move the leaderships of " +
			"this node. It stops with them. Where all nodes stop, the last ones end so."},

	ControllerWon: {name: "controller won",
		means: "This node is the controller now."},
	ControllerLost: {name: "controller lost", level: Warn,
		means: "This node is no longer the controller."},
	ControllerChanged: {name: "controller changed",
		means: "Another node is the controller."},
	QuorumLost: {name: "quorum lost", level: Error,
		means: "This node has known no controller for a session time-out: too few voters run, or " +
			"this node does not reach them. Metadata does not change, and leases end."},
	QuorumRegained: {name: "quorum regained",
		means: "This node knows a controller again."},
	SnapshotInstalled: {name: "metadata snapshot installed",
		means: "This node was so far behind that it got the metadata as a whole."},

	ConfigChanged: {name: "configuration changed",
		means: "A command has changed what is set for a topic, a broker or the whole cluster. " +
			"Every node that runs writes the line."},
	LeadersBalanced: {name: "leaders balanced",
		means: "The controller has asked the leaders of partitions to hand over to the preferred " +
			"replicas, which can lead again. More than a round takes wait for the next one."},
	BrokerSilent: {name: "broker is silent", level: Warn,
		means: "The controller has granted no heartbeat of a broker for a session time-out, and " +
			"fences it."},
	BrokerRegistered: {name: "broker registered",
		means: "A new incarnation of a broker has registered. It is fenced at first."},
	BrokerFenced: {name: "broker fenced", level: Warn,
		means: "A broker leads nothing any more and left every ISR with other members. " +
			"leaderships is how many partitions it led."},
	BrokerUnfenced: {name: "broker unfenced",
		means: "A broker may lead and join ISRs again."},
	BrokerDraining: {name: "broker draining",
		means: "A broker hands its leaderships over, because it was told to stop."},
	BrokerFull: {name: "broker is full", level: Error,
		means: "The disk of a broker has no room. Its leaderships move to brokers with room."},
	BrokerRoomy: {name: "broker has room again",
		means: "The disk of a broker has room again."},
	NotVouched: {name: "node does not vouch for itself", level: Warn,
		means: "A loop or a disk operation of this node hangs. The node sends no heartbeats " +
			"until that ends, and is fenced after the session time-out."},
	VouchedAgain: {name: "node vouches for itself again",
		means: "Nothing hangs any more."},
	PeerConnected: {name: "peer connected",
		means: "The control connection with another node is open."},
	PeerLost: {name: "peer lost", level: Warn,
		means: "The control connection with another node has ended. Raft and sessions use it."},
	HelloRefused: {name: "hello refused", level: Warn, once: true,
		means: "A connection to a listener for brokers was refused: another cluster, another " +
			"version, or no broker at all."},

	LeadershipsGained: {name: "leaderships gained",
		means: "This node leads more partitions. cause says what happened to their leaders."},
	LeadershipsLost: {name: "leaderships lost",
		means: "Other nodes lead partitions that this node led."},
	ISRShrunk: {name: "isr shrunk", level: Warn,
		means: "A replica left the ISR of partitions that this node leads. Cause \"lag\": it did " +
			"not acknowledge in time."},
	ISRExpanded: {name: "isr expanded",
		means: "A replica has caught up and is in the ISR of partitions that this node leads."},
	NoReplicaInSync: {name: "no replica in sync", level: Error,
		means: "The last in-sync replica of partitions may lack acknowledged records. They have " +
			"no leader until another one of their in-sync replicas returns, or until an unclean " +
			"election."},
	UncleanElection: {name: "unclean election", level: Error,
		means: "This node leads partitions although it may lack acknowledged records, since " +
			"unclean.leader.election.enable allows it. Such records are lost."},
	PartitionsUnled: {name: "partitions without leader", level: Error,
		means: "The controller sees partitions that nobody leads. Clients cannot use them."},
	PartitionsLed: {name: "all partitions led",
		means: "Every partition has a leader again."},
	PartitionsUnderMin: {name: "partitions under min isr", level: Warn,
		means: "The controller sees partitions with fewer in-sync replicas than " +
			"min.insync.replicas. They refuse acks=all."},
	PartitionsEnough: {name: "all partitions at min isr",
		means: "Every partition has min.insync.replicas again."},
	PartitionsRemoved: {name: "partitions removed",
		means: "A shard removes the files of partitions that this node has no replica of."},
	PartitionRebuilt: {name: "partition rebuilt", level: Warn,
		means: "The damaged files of a partition are gone, and its leader sends it again."},

	CoordinatorLoaded: {name: "coordinator loaded",
		means: "This node leads a partition of an internal topic, has read its records, and " +
			"serves what they say: for __consumer_offsets the groups with their offsets."},
	RecordUnreadable: {name: "record cannot be read", level: Error, once: true,
		means: "A record of an internal topic is none that Kafka or Lockstep writes. It is " +
			"ignored. Somebody else must have written it."},

	GroupRebalances: {name: "group rebalances",
		means: "The members of a consumer group join again, for the cause that the line says. " +
			"The generation is the one that ends."},
	GroupStable: {name: "group stable",
		means: "All members of a consumer group have their assignment. The rebalance took that " +
			"long."},
	GroupEmpty: {name: "group empty",
		means: "The last member of a consumer group is gone. Its offsets expire after " +
			"offsets.retention.minutes."},
	GroupMemberLost: {name: "group member lost", level: Warn,
		means: "A member of a consumer group was silent for its session timeout and is " +
			"removed: its process is gone, stuck or cut off."},
	GroupMembersLate: {name: "group members late", level: Warn,
		means: "Members did not join a rebalance, or ask for their assignment, within the " +
			"rebalance timeout (max.poll.interval.ms of consumers), and are removed."},
	GroupMemberLeft: {name: "group member left",
		means: "A member has left its consumer group, or an operator removed it."},
	GroupMemberReplaced: {name: "static member replaced",
		means: "A client with the same group.instance.id has taken the place of a member. The " +
			"old one is fenced."},
	GroupDeleted: {name: "group deleted",
		means: "A consumer group is deleted with its offsets, by DeleteGroups or because its " +
			"offsets have expired."},
	GroupOffsetsDropped: {name: "offsets dropped",
		means: "Committed offsets are deleted: they expired, or their topic is gone."},
	GroupAppendFailed: {name: "group append failed", level: Warn, once: true,
		means: "Records of a consumer group could not be appended to __consumer_offsets. Its " +
			"clients try again."},
	GroupFull: {name: "group full", level: Warn, once: true,
		means: "A consumer group has group.max.size members, or too many that have an id and " +
			"do not join. More are refused."},
	GroupsFull: {name: "groups full", level: Warn, once: true,
		means: "A partition of __consumer_offsets holds as many groups, or bytes of their " +
			"members, as it may. Groups and members are refused."},

	LogFull: {name: "log has no room", level: Error,
		means: "A write-ahead log found no room on the disk. Appends to it are refused."},
	LogRoom: {name: "log has room again",
		means: "A write-ahead log takes appends again."},
	LogBudgetSpent: {name: "log budget spent", level: Warn,
		means: "A write-ahead log has reached wal.budget.bytes. Appends are refused until " +
			"flushes release some of it."},
	LogBudgetFree: {name: "log budget free",
		means: "A write-ahead log is below wal.budget.bytes again."},
	FlushFailed: {name: "flush failed", level: Warn, once: true,
		means: "A partition could not be written to its segment. It is tried again, and its " +
			"records stay in the write-ahead log."},
	ReadFailed: {name: "read failed", level: Warn, once: true,
		means: "Records of a partition could not be read from the disk."},
	LogDamaged: {name: "log damaged", level: Error,
		means: "Records of a write-ahead log that may have been acknowledged are missing. All " +
			"partitions of the shard are suspects."},
	PartitionDamaged: {name: "partition damaged", level: Error,
		means: "Files of a partition are missing, rotten or unread."},
	PartitionsSuspect: {name: "partitions suspect", level: Error,
		means: "Acknowledged records of partitions may be missing on this node. They are fetched " +
			"from other replicas, and the replicas here do not count as in sync until then."},
	SnapshotRefused: {name: "metadata snapshot not written", level: Warn, once: true,
		means: "The disk has no room for a snapshot of the metadata. It is tried again."},
	ReplicaUnwritable: {name: "replica cannot be written", level: Warn,
		means: "Writes to the files of a replica fail again and again. The WAL keeps its " +
			"records, and cannot get smaller. If other replicas hold them, this one goes offline " +
			"next."},
	ReplicaOffline: {name: "replica offline", level: Error,
		means: "A replica that cannot be written left the ISR. Its files are deleted. It is " +
			"fetched again when its directory can be written: look at the disk."},
	CommittedRecordsDropped: {name: "committed records dropped", level: Error,
		means: "A replica came back after an unclean election, with committed records that the " +
			"new leader lacks, from one offset to another. They are lost. The replica is emptied " +
			"and fetched again."},
	RecordsDeleted: {name: "records deleted", level: Info,
		means: "Records of a partition go, by a limit of its topic or because a client asked: " +
			"its replicas move their log starts, and then remove what lies below. The leader " +
			"writes one line per round."},
	LogBegunAgain: {name: "log begun again", level: Warn,
		means: "A replica was behind the log start of its leader. It has emptied its log, and " +
			"fetches what the leader still has."},
	ReplicaOnline: {name: "replica online", level: Info,
		means: "A replica that was offline or emptied has new files, and is fetched."},
	DiskRefuses: {name: "disk operation refused", level: Error, once: true,
		means: "The process lacks a descriptor, memory or a permission for a file. The error " +
			"says which file, and what to do. Nothing is damaged. A start ends with it; a " +
			"running node tries again, and refuses appends or reads meanwhile."},
}
