package meta

import (
	"slices"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/wire/peer"
)

// Command is one conditional change of the image. Its conditions are checked
// when it is applied, on every node alike, and the result is its [Verdict].
// Commands are immutable once proposed.
type Command interface {
	kind() commandKind
	encode(w *writer)
	apply(d *draft) Verdict
}

type commandKind uint8

const (
	kindBootstrap commandKind = iota + 1
	kindRegisterBroker
	kindFenceBroker
	kindUnfenceBroker
	kindDrainBroker
	kindCreateTopics
	kindCreatePartitions
	kindDeleteTopics
	kindAlterPartition
	kindAllocateProducerIDs
	kindAlterConfigs
	kindElectLeaders
	kindSetFeature
	kindSetBrokerFull
	kindAddVoter
	kindRemoveVoter
	kindTakeOffline
	kindAskHandover
)

// Bootstrap writes the cluster's default configurations. Only the first one has an
// effect.
type Bootstrap struct{ Defaults Configs }

// RegisterBroker registers an incarnation of a broker. It is idempotent: an
// incarnation that is registered already keeps its epoch.
type RegisterBroker struct {
	Node        kafka.NodeID
	Incarnation peer.UUID
	// Directory is the directory that it runs on. If it is another one than the image
	// has, the broker leaves every ISR and ELR, also where it is the last member.
	Directory peer.UUID
	// Starts are those of the directory. If they do not know the incarnation that the image has
	// for it, the directory is an older copy, and the registration is refused.
	Starts Starts
	Endpoints
	// Suspects are partitions that the broker's disk may have lost part of: it
	// leaves their ISR and ELR, also where it is the last member (PROTOCOL 8).
	Suspects []kafka.PartitionID
	// Unnamed says that the disk may have lost the names of partitions too. Every
	// partition that is not in Whole is then suspect. Whole has a meaning only then.
	Unnamed bool
	Whole   []kafka.PartitionID
}

// distrusts returns a function that reports whether the broker's replica of a partition
// is suspect.
func (c *RegisterBroker) distrusts() func(kafka.PartitionID) bool {
	set := func(ids []kafka.PartitionID) map[kafka.PartitionID]bool {
		members := make(map[kafka.PartitionID]bool, len(ids))
		for _, id := range ids {
			members[id] = true
		}
		return members
	}
	suspect, whole := set(c.Suspects), set(c.Whole)
	return func(id kafka.PartitionID) bool { return suspect[id] || c.Unnamed && !whole[id] }
}

// FenceBroker takes all leaderships from an incarnation, and removes it from every ISR in
// which it is not the last member.
type FenceBroker struct {
	Node  kafka.NodeID
	Epoch kafka.BrokerEpoch
}

// UnfenceBroker lets an incarnation that has caught up lead and join ISRs.
type UnfenceBroker struct {
	Node  kafka.NodeID
	Epoch kafka.BrokerEpoch
}

// DrainBroker moves the leaderships of a broker that is about to stop, where another
// in-sync replica can lead. The broker has stopped answering as leader already.
type DrainBroker struct {
	Node  kafka.NodeID
	Epoch kafka.BrokerEpoch
}

// SetBrokerFull records whether the disk of a broker is full. The leaderships of a full
// broker move to members of the ISR that have room, where there are any. The broker stays
// unfenced, and stays in the ISRs that it can keep up with.
type SetBrokerFull struct {
	Node  kafka.NodeID
	Epoch kafka.BrokerEpoch
	Full  bool
}

// TakeOffline takes replicas of a broker out of ISR and ELR, because the broker cannot
// write their files and is going to delete them. A replica without which nobody is known to
// hold what is committed stays. Each success begins a new leader epoch, also if the leader
// stays: what the replica had acknowledged must not count any more, and no ISR that was
// proposed before may be applied.
//
// Where the broker leads, it has not stopped answering, so the command waits for the end of
// its lease (PROTOCOL 24).
type TakeOffline struct {
	Node       kafka.NodeID
	Epoch      kafka.BrokerEpoch
	Partitions []Election
}

// CreateTopics creates topics. Each of them succeeds or fails by itself.
type CreateTopics struct {
	// The proposer's defaults, for topics that leave the numbers at -1.
	DefaultPartitions  int32
	DefaultReplication int16
	Topics             []NewTopic
}

// NewTopic is a topic to create. The proposer draws the ID, because applying a command
// must not draw random numbers.
type NewTopic struct {
	Name              string
	ID                kafka.TopicID
	Partitions        int32 // -1: the default, or by Assignments
	ReplicationFactor int16 // -1: the default, or by Assignments
	// Assignments are the replicas of each partition, the preferred leader
	// first; empty for automatic placement.
	Assignments [][]kafka.NodeID
	Configs     Configs // sorted by name
}

// CreatePartitions adds partitions to topics.
type CreatePartitions struct{ Topics []MorePartitions }

// MorePartitions asks that the topic has Total partitions. Assignments are the replicas
// of the new ones, empty for automatic placement.
type MorePartitions struct {
	Name        string
	Total       int32
	Assignments [][]kafka.NodeID
}

// DeleteTopics deletes topics by name, or by ID where that is not zero.
type DeleteTopics struct{ Topics []TopicRef }

// TopicRef names a topic.
type TopicRef struct {
	Name string
	ID   kafka.TopicID
}

// AlterPartition is the compare-and-set of ISRs, proposed by their leader
// (PROTOCOL 17, KIP-497, KIP-903). Each success begins a new partition epoch, also if
// the ISR stays as it is: so a leader makes sure that what it proposed before can never
// be applied any more (PROTOCOL 16).
//
// An ISR without the leader, and otherwise unchanged, says that the leader cannot read
// its own log (PROTOCOL 8). The leader then leaves ISR and ELR, and another member leads.
// The leader has not stopped answering, so the command waits for the end of its lease
// (PROTOCOL 24). If no other member can lead, the change is refused and the leader stays.
type AlterPartition struct {
	Leader      kafka.NodeID
	BrokerEpoch kafka.BrokerEpoch // of the leader
	Partitions  []NewISR
}

// NewISR is the ISR wanted for one partition, valid at exactly these epochs.
type NewISR struct {
	ID             kafka.PartitionID
	LeaderEpoch    kafka.LeaderEpoch
	PartitionEpoch kafka.PartitionEpoch
	ISR            []ISRMember
}

// names reports whether the node is in the wanted ISR.
func (n *NewISR) names(node kafka.NodeID) bool {
	return slices.ContainsFunc(n.ISR, func(m ISRMember) bool { return m.Node == node })
}

// ISRMember is a member with the broker epoch under which it acknowledged.
type ISRMember struct {
	Node  kafka.NodeID
	Epoch kafka.BrokerEpoch
}

// AllocateProducerIDs gives a block of [ProducerIDBlock] producer ids to an incarnation
// of a broker.
type AllocateProducerIDs struct {
	Node  kafka.NodeID
	Epoch kafka.BrokerEpoch
}

// ProducerIDBlock is the number of producer ids in one allocation.
const ProducerIDBlock = 1000

// ResourceType is a Kafka config resource type.
type ResourceType int8

const (
	TopicResource  ResourceType = 2
	BrokerResource ResourceType = 4
)

// ConfigResource names something that has configurations: a topic, a broker by its
// decimal id, or all brokers by the empty name.
type ConfigResource struct {
	Type ResourceType
	Name string
}

// AlterConfigs changes configurations. Each resource succeeds or fails by itself, with
// all its operations.
type AlterConfigs struct{ Resources []ConfigChange }

// ConfigChange changes one resource. With Replace (AlterConfigs), every configuration
// that Ops do not set is unset. Without it (IncrementalAlterConfigs), such a
// configuration keeps its value.
type ConfigChange struct {
	Resource ConfigResource
	Replace  bool
	Ops      []ConfigOp
}

// ConfigOp is one operation, numbered as in IncrementalAlterConfigs.
type ConfigOp struct {
	Op    ConfigOpKind
	Name  string
	Value string
}

// ConfigOpKind is Kafka's number of the operation.
type ConfigOpKind int8

const (
	ConfigSet      ConfigOpKind = 0
	ConfigDelete   ConfigOpKind = 1
	ConfigAppend   ConfigOpKind = 2
	ConfigSubtract ConfigOpKind = 3
)

// ElectLeaders elects leaders again. Each election applies only to the leader epoch that
// its proposer saw; [Image.Elections] fills that in.
type ElectLeaders struct {
	Unclean bool // take a replica that may miss committed records, if no other can lead
	// Resigned: the proposer leads these partitions and has stopped answering
	// for them, so that they may move at once. Otherwise the controller waits
	// until the leader's lease is over. A leader that resigned gets a new epoch if the preferred
	// replica cannot lead: nothing that it proposed before can take that epoch from it.
	Resigned   bool
	Partitions []Election
}

// AskHandover asks the leaders of partitions to resign for the preferred replica (Resigned). It
// changes nothing but [Changes.Handovers], so that a leader gives up its leadership within a commit
// and a round trip, and no lease has to end. Where nobody leads, the preferred replica leads at
// once.
type AskHandover struct{ Partitions []Election }

// Election is a partition that should elect a leader, or begin a new epoch with the one that
// it has. It applies only if LeaderEpoch is still current.
type Election struct {
	ID          kafka.PartitionID
	LeaderEpoch kafka.LeaderEpoch
}

// SetFeature finalizes a feature level; 0 removes it.
type SetFeature struct {
	Name  string
	Level int16
}

// AddVoter makes a learner a voter, as soon as it has caught up (PROTOCOL 4c, KIP-853). Other
// voters of the same node are removed before: their directories were lost.
type AddVoter struct{ PeerID }

// RemoveVoter removes a voter or a learner. Its directory never comes back.
type RemoveVoter struct{ PeerID }

// Verdict is the result of applying a command.
type Verdict struct {
	Code    kafka.ErrorCode
	Message string
	Index   Index // where it was applied; 0 if it was not
	// By kind of command:
	BrokerEpoch     kafka.BrokerEpoch // RegisterBroker
	FirstProducerID kafka.ProducerID  // AllocateProducerIDs
	Topics          []TopicVerdict    // CreateTopics, CreatePartitions, DeleteTopics, in order
	// AlterPartition, ElectLeaders, AskHandover, TakeOffline, in order
	Partitions []PartitionVerdict
	Configs    []ConfigVerdict // AlterConfigs, in order
}

// TopicVerdict is the result for one topic.
type TopicVerdict struct {
	Name              string
	ID                kafka.TopicID
	Code              kafka.ErrorCode
	Message           string
	Partitions        int32
	ReplicationFactor int16
}

// PartitionVerdict is the result for one partition, with its registration as it
// stands after the command.
type PartitionVerdict struct {
	ID    kafka.PartitionID
	Code  kafka.ErrorCode
	State *Partition // nil if there is no such partition
}

// ConfigVerdict is the result for one resource.
type ConfigVerdict struct {
	Resource ConfigResource
	Code     kafka.ErrorCode
	Message  string
}

// Elections returns an election for each partition at its present leader epoch. A
// partition that does not exist gets epoch -1, and its verdict will be an error.
func (img *Image) Elections(ids []kafka.PartitionID) []Election {
	list := make([]Election, len(ids))
	for i, id := range ids {
		list[i] = Election{ID: id, LeaderEpoch: -1}
		if p := img.Partition(id); p != nil {
			list[i].LeaderEpoch = p.LeaderEpoch
		}
	}
	return list
}
