package meta

import (
	"slices"

	"github.com/tidwall/btree"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/wire/peer"
)

// Index is a position in the Raft log.
type Index uint64

// Term is a Raft term.
type Term uint64

// MetadataVersion is the feature level of the image and of the commands that this code
// writes. Every image has it, the first one included (PROTOCOL 4).
const MetadataVersion int16 = 1

// metadataFeature is Kafka's name of that feature.
const metadataFeature = "metadata.version"

// Image is all cluster state after one Raft index. A published image never changes: the
// next image shares with it everything that stays the same (copy-on-write). So shards may
// read an image on their own threads while the control loop makes the next one. Every
// value reached from an image is shared too: callers must not write to it.
type Image struct {
	index          Index
	cluster        peer.UUID
	bootstrapped   bool
	nextProducerID int64
	// placed counts the partitions that were ever placed automatically. The next
	// placement continues from there, so that leaders are spread evenly over all topics
	// together.
	placed   uint64
	features *btree.Map[string, int16]
	// members are Raft's configuration, sorted by node and directory. removed are the
	// directories that were members before, the latest last (removedMax).
	members []Member
	removed []PeerID
	brokers *btree.Map[int32, *Broker]
	topics  *btree.Map[string, *Topic] // by name
	names   *btree.Map[string, string] // topic id, as 16 bytes, to name
	// brokerConfigs are the dynamic configurations of brokers, by decimal id; "" stands
	// for the cluster's defaults.
	brokerConfigs *btree.Map[string, Configs]
	usage         usage
}

// Broker is a registered broker. Immutable.
type Broker struct {
	ID          kafka.NodeID
	Incarnation peer.UUID
	Directory   peer.UUID // that it registered with (PROTOCOL 4a)
	Starts      uint64    // of the directory, up to this incarnation: see Starts
	// Epoch is the index of the registration of this incarnation (PROTOCOL 2).
	Epoch    kafka.BrokerEpoch
	Fenced   bool
	Draining bool
	// LastLoss is the index of the last command that took a leadership from the broker.
	// The broker gets no lease before it has confirmed that index (PROTOCOL 23).
	LastLoss Index
	// Full says that its disk has no room, by its last report that was committed. It
	// serves reads, and leads only where no member of the ISR with room can
	// (PROTOCOL 10).
	Full bool
	Endpoints
}

// Endpoints are the addresses of a broker, its rack, and the features that it supports.
type Endpoints struct {
	Host     string // what clients connect to
	Port     int32
	PeerAddr string // control connections of brokers: Raft, sessions, proposals
	DataAddr string // data connections of brokers: replication, forwarded produces
	Rack     string
	Features []Feature // sorted by name
}

// Feature is a range of feature levels that a broker supports.
type Feature struct {
	Name     string
	Min, Max int16
}

// Topic is a topic and its partitions. Immutable.
type Topic struct {
	Name       string
	ID         kafka.TopicID
	Partitions []*Partition // by partition number
	Configs    Configs
}

// Partition is the registration of one partition. Immutable.
//
// Invariants: Leader is NoNode or in ISR; ISR and ELR are disjoint subsets of Replicas;
// ISR is empty only after its last member was found damaged.
type Partition struct {
	Replicas []kafka.NodeID // in order of preference
	ISR      []kafka.NodeID // in the order of Replicas
	// ELR are the members that were dropped while the ISR was, or became, smaller than
	// min.insync.replicas. The watermark has stood still since then, so they hold all
	// that is committed (KIP-966, PROTOCOL 18).
	ELR []kafka.NodeID
	// LastKnown are the replicas that an unclean election tries first: the last member of
	// the ISR, once ISR and ELR are empty.
	LastKnown      []kafka.NodeID
	Leader         kafka.NodeID
	LeaderEpoch    kafka.LeaderEpoch
	PartitionEpoch kafka.PartitionEpoch
	// UncleanEpoch is the last epoch with a leader from outside ISR and ELR; 0 if there was none.
	// Committed records of older epochs that this leader lacked are lost (PROTOCOL 12).
	UncleanEpoch kafka.LeaderEpoch
	// Losses are the members of the ISR that led the partition, each with the command
	// that took the leadership. Until such a member has confirmed that index, it must not
	// be dropped at once (PROTOCOL 24).
	Losses []Loss
}

// Loss says that the command at Index took the leadership from Node.
type Loss struct {
	Node  kafka.NodeID
	Index Index
}

// NewImage is the state that every node of a cluster starts from, at the index
// of the bootstrap snapshot.
func NewImage(cluster peer.UUID) *Image {
	img := &Image{
		index:         bootstrapIndex,
		cluster:       cluster,
		features:      btree.NewMap[string, int16](0),
		brokers:       btree.NewMap[int32, *Broker](0),
		topics:        btree.NewMap[string, *Topic](0),
		names:         btree.NewMap[string, string](0),
		brokerConfigs: btree.NewMap[string, Configs](0),
		usage:         newUsage(),
	}
	img.features.Set(metadataFeature, MetadataVersion)
	return img
}

// fork returns a mutable copy that shares everything until it is written.
func (img *Image) fork() *Image {
	next := *img
	next.features = img.features.Copy()
	next.brokers = img.brokers.Copy()
	next.topics = img.topics.Copy()
	next.names = img.names.Copy()
	next.brokerConfigs = img.brokerConfigs.Copy()
	next.usage = img.usage.fork()
	return &next
}

// Index is the Raft index that the image reflects.
func (img *Image) Index() Index { return img.index }

// Cluster is the cluster's id.
func (img *Image) Cluster() peer.UUID { return img.cluster }

// Feature is the finalized level of a feature, 0 if it is not finalized.
func (img *Image) Feature(name string) int16 {
	level, _ := img.features.Get(name)
	return level
}

// Features visits the finalized features in order of name.
func (img *Image) Features(visit func(name string, level int16) bool) { img.features.Scan(visit) }

// Broker returns a registered broker, nil if there is none.
func (img *Image) Broker(id kafka.NodeID) *Broker {
	b, _ := img.brokers.Get(int32(id))
	return b
}

// Brokers returns all registered brokers by id.
func (img *Image) Brokers() []*Broker { return img.brokers.Values() }

// Topic returns a topic by name, nil if there is none.
func (img *Image) Topic(name string) *Topic {
	t, _ := img.topics.Get(name)
	return t
}

// TopicByID returns a topic by id, nil if there is none.
func (img *Image) TopicByID(id kafka.TopicID) *Topic {
	name, ok := img.names.Get(string(id[:]))
	if !ok {
		return nil
	}
	return img.Topic(name)
}

// Topics visits the topics in order of name until visit returns false.
func (img *Image) Topics(visit func(*Topic) bool) {
	img.topics.Scan(func(_ string, t *Topic) bool { return visit(t) })
}

// TopicCount is the number of topics.
func (img *Image) TopicCount() int { return img.topics.Len() }

// Partition returns a partition by id, nil if there is none.
func (img *Image) Partition(id kafka.PartitionID) *Partition {
	t := img.TopicByID(id.Topic)
	if t == nil || id.Partition < 0 || int(id.Partition) >= len(t.Partitions) {
		return nil
	}
	return t.Partitions[id.Partition]
}

// BrokerConfigs are the dynamic configurations of one broker (its decimal id)
// or of all (the empty name).
func (img *Image) BrokerConfigs(name string) Configs {
	c, _ := img.brokerConfigs.Get(name)
	return c
}

// Leads reports whether the broker leads any partition.
func (img *Image) Leads(id kafka.NodeID) (leads bool) {
	img.Topics(func(t *Topic) bool {
		for _, p := range t.Partitions {
			leads = leads || p.Leader == id
		}
		return !leads
	})
	return leads
}

// InISR reports whether the node is in the partition's ISR.
func (p *Partition) InISR(id kafka.NodeID) bool { return slices.Contains(p.ISR, id) }

// CanSpare reports whether all that is committed is known to be held by another member of
// the ISR, so that the partition can do without the node's replica.
func (p *Partition) CanSpare(id kafka.NodeID) bool {
	return p.Leader != kafka.NoNode && (p.Leader != id || len(p.ISR) > 1)
}

// Strays reports whether the node's log may hold committed records that an unclean election has
// lost: its last record is of an epoch before that election, and the node is not known to
// hold what was committed since. The node may drop them.
func (p *Partition) Strays(id kafka.NodeID, last kafka.LeaderEpoch) bool {
	return last < p.UncleanEpoch && !p.InISR(id) && !slices.Contains(p.ELR, id)
}

// Replica reports whether the node holds the partition.
func (p *Partition) Replica(id kafka.NodeID) bool { return slices.Contains(p.Replicas, id) }

// PendingLoss is the index of the command that took the leadership from this member of
// the ISR; 0 if there is none in Losses.
func (p *Partition) PendingLoss(id kafka.NodeID) Index {
	for _, l := range p.Losses {
		if l.Node == id {
			return l.Index
		}
	}
	return 0
}

// clone returns a shallow copy that the caller may change. The caller replaces slices and
// never writes to them.
func (p *Partition) clone() *Partition {
	c := *p
	return &c
}
