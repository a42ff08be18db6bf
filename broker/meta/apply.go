package meta

import (
	"slices"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/kafka"
)

// Changes lists what commands have touched, so that shards need not compare images.
// Entries may repeat. The image holds the new state of each.
type Changes struct {
	Full       bool                // a snapshot was installed: look at everything
	Partitions []kafka.PartitionID // with another registration, of topics that existed before
	Created    []TopicRef
	Deleted    []TopicRef
	Brokers    []kafka.NodeID
	Configs    []ConfigResource
	// More are topics that grew by CreatePartitions.
	More []TopicRef
	// Handovers are leaderships that their leaders should give to the preferred replica.
	Handovers []Election
}

// Empty reports whether nothing was touched.
func (c *Changes) Empty() bool {
	return !c.Full && len(c.Partitions) == 0 && len(c.Created) == 0 && len(c.Deleted) == 0 &&
		len(c.Brokers) == 0 && len(c.Configs) == 0 && len(c.More) == 0 &&
		len(c.Handovers) == 0
}

// draft is the image being made by one or more commands.
type draft struct {
	*Image
	changes Changes
	// own are the topics that the draft has copied: it may change their partitions in place.
	own map[kafka.TopicID]*Topic
}

func (img *Image) draft() *draft {
	return &draft{Image: img.fork(), own: map[kafka.TopicID]*Topic{}}
}

// Apply applies one command at index and returns the next image, the verdict
// and what changed. img stays as it is.
func (img *Image) Apply(index Index, c Command) (*Image, Verdict, Changes) {
	next, verdicts, changes := img.applyBatch(index, []Proposed{{Command: c}})
	return next, verdicts[0], changes
}

// Judged is a command that can be judged without being applied.
type Judged interface {
	Command
	dryRun(img *Image) Verdict
}

func (c *CreateTopics) dryRun(img *Image) Verdict {
	return c.judge(img, func(*NewTopic, *placement) {})
}

func (c *CreatePartitions) dryRun(img *Image) Verdict {
	return c.judge(img, func(string, *placement) {})
}

func (c *AlterConfigs) dryRun(img *Image) Verdict {
	return c.judge(img, func(ConfigResource, Configs) {})
}

// DryRun returns the verdict that the command would get now, for validate-only requests.
// Unlike Apply, it may run on any loop that holds the image: it only reads the image.
func (img *Image) DryRun(c Judged) Verdict { return c.dryRun(img) }

// applyBatch applies the commands of one entry, in order.
func (img *Image) applyBatch(index Index, batch []Proposed) (*Image, []Verdict, Changes) {
	d := img.draft()
	verdicts := d.applyEntry(index, batch)
	return d.Image, verdicts, d.changes
}

func (d *draft) applyEntry(index Index, batch []Proposed) []Verdict {
	assert.That(index > d.index, "meta: entry %d applied to image %d",
		uint64(index), uint64(d.index))
	d.index = index
	verdicts := make([]Verdict, len(batch))
	for i := range batch {
		verdicts[i] = batch[i].Command.apply(d)
		verdicts[i].Index = index
	}
	return verdicts
}

func refuse(code kafka.ErrorCode, message string) Verdict {
	return Verdict{Code: code, Message: message}
}

// setPartition replaces one partition of a topic.
func (d *draft) setPartition(t *Topic, number int, p *Partition) {
	d.copied(t).Partitions[number] = p
	d.changes.Partitions = append(d.changes.Partitions,
		kafka.PartitionID{Topic: t.ID, Partition: int32(number)})
}

// copied is the draft's own copy of a topic. A topic is copied once, however many of its
// partitions change: a list of 10,000 partitions is 80 KB.
func (d *draft) copied(t *Topic) *Topic {
	have := d.Topic(t.Name)
	if d.own[have.ID] == have {
		return have
	}
	next := *have
	next.Partitions = slices.Clone(have.Partitions)
	d.topics.Set(next.Name, &next)
	d.own[next.ID] = &next
	return &next
}

// eachPartition calls change for every partition. change returns a new registration, or
// nil if the partition stays as it is.
func (d *draft) eachPartition(
	change func(t *Topic, id kafka.PartitionID, p *Partition) *Partition,
) {
	for _, t := range d.topics.Values() {
		for i, p := range t.Partitions {
			id := kafka.PartitionID{Topic: t.ID, Partition: int32(i)}
			if q := change(t, id, p); q != nil {
				d.setPartition(t, i, q)
			}
		}
	}
}

// setBroker replaces a broker's registration.
func (d *draft) setBroker(b *Broker) {
	d.brokers.Set(int32(b.ID), b)
	d.changes.Brokers = append(d.changes.Brokers, b.ID)
}

// setBrokerConfigs replaces the configurations of one broker, or of all.
func (d *draft) setBrokerConfigs(name string, set Configs) {
	d.usage.configBytes += set.bytes() - d.BrokerConfigs(name).bytes()
	d.brokerConfigs.Set(name, set)
}

func (d *draft) touchConfigs(r ConfigResource) { d.changes.Configs = append(d.changes.Configs, r) }

func (c *Bootstrap) apply(d *draft) Verdict {
	if d.bootstrapped {
		return Verdict{}
	}
	d.bootstrapped = true
	set := d.BrokerConfigs("")
	for _, e := range c.Defaults {
		k := FindConfigKey(e.Name, false)
		if k == nil || k.ReadOnly || k.Own {
			continue // each broker takes it from its file, or there is no such key
		}
		kept, problem := k.Parse(e.Value)
		if _, ok := set.Get(e.Name); !ok && problem == "" {
			set = set.with(e.Name, kept)
		}
	}
	d.setBrokerConfigs("", set)
	d.touchConfigs(ConfigResource{Type: BrokerResource})
	return Verdict{}
}

func (c *AllocateProducerIDs) apply(d *draft) Verdict {
	if b := d.Broker(c.Node); b == nil {
		return refuse(kafka.BrokerIDNotRegistered, "")
	} else if b.Epoch != c.Epoch {
		return refuse(kafka.StaleBrokerEpoch, "")
	}
	first := d.nextProducerID
	if first > maxLong-ProducerIDBlock {
		return refuse(kafka.UnknownServerError, "no producer id is left")
	}
	d.nextProducerID += ProducerIDBlock
	return Verdict{FirstProducerID: kafka.ProducerID(first)}
}

func (c *SetFeature) apply(d *draft) Verdict {
	if c.Name == "" || c.Level < 0 ||
		c.Name == metadataFeature && (c.Level < 1 || c.Level > MetadataVersion) {
		return refuse(kafka.InvalidUpdateVersion, "no such level of "+c.Name)
	}
	if c.Name != metadataFeature && c.Level > 0 {
		if d.brokers.Len() == 0 { // every name that is finalized is one that a broker knows
			return refuse(kafka.InvalidUpdateVersion, "no broker supports "+c.Name)
		}
		for _, b := range d.Brokers() {
			if !b.supports(c.Name, c.Level) {
				return refuse(kafka.InvalidUpdateVersion,
					"a registered broker does not support that level of "+c.Name)
			}
		}
	}
	if c.Level == 0 {
		d.features.Delete(c.Name)
	} else {
		d.features.Set(c.Name, c.Level)
	}
	d.touchConfigs(ConfigResource{Type: BrokerResource})
	return Verdict{}
}

func (b *Broker) supports(name string, level int16) bool {
	for _, f := range b.Features {
		if f.Name == name {
			return level >= f.Min && level <= f.Max
		}
	}
	return false
}
