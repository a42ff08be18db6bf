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
}

// Empty reports whether nothing was touched.
func (c *Changes) Empty() bool {
	return !c.Full && len(c.Partitions) == 0 && len(c.Created) == 0 && len(c.Deleted) == 0 &&
		len(c.Brokers) == 0 && len(c.Configs) == 0 && len(c.More) == 0
}

// draft is the image being made by one or more commands.
type draft struct {
	*Image
	changes Changes
}

// Apply applies one command at index and returns the next image, the verdict
// and what changed. img stays as it is.
func (img *Image) Apply(index Index, c Command) (*Image, Verdict, Changes) {
	next, verdicts, changes := img.applyBatch(index, []Proposed{{Command: c}})
	return next, verdicts[0], changes
}

// DryRun returns the verdict that the command would get now, for validate-only requests.
// Unlike Apply, it may run on any loop that holds the image. Apply's copy-on-write sets
// marks in the trees that it copies, which only the loop that publishes images may do.
// DryRun reads the trees entry by entry instead.
func (img *Image) DryRun(c Command) Verdict {
	d := &draft{Image: img.detached()}
	d.index++
	v := c.apply(d)
	v.Index = 0
	return v
}

// applyBatch applies the commands of one entry, in order.
func (img *Image) applyBatch(index Index, batch []Proposed) (*Image, []Verdict, Changes) {
	d := &draft{Image: img.fork()}
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

// setPartition replaces one partition of a topic, and the topic with it.
func (d *draft) setPartition(t *Topic, number int, p *Partition) *Topic {
	next := *t
	next.Partitions = slices.Clone(t.Partitions)
	next.Partitions[number] = p
	d.topics.Set(t.Name, &next)
	d.changes.Partitions = append(d.changes.Partitions,
		kafka.PartitionID{Topic: t.ID, Partition: int32(number)})
	return &next
}

// eachPartition calls change for every partition. change returns a new registration, or
// nil if the partition stays as it is. A topic is copied once, however many of its
// partitions change.
func (d *draft) eachPartition(
	change func(t *Topic, id kafka.PartitionID, p *Partition) *Partition,
) {
	for _, t := range d.topics.Values() {
		var next *Topic
		for i, p := range t.Partitions {
			id := kafka.PartitionID{Topic: t.ID, Partition: int32(i)}
			q := change(t, id, p)
			if q == nil {
				continue
			}
			if next == nil {
				c := *t
				next = &c
				next.Partitions = slices.Clone(t.Partitions)
			}
			next.Partitions[i] = q
			d.changes.Partitions = append(d.changes.Partitions, id)
		}
		if next != nil {
			d.topics.Set(t.Name, next)
		}
	}
}

// setBroker replaces a broker's registration.
func (d *draft) setBroker(b *Broker) {
	d.brokers.Set(int32(b.ID), b)
	d.changes.Brokers = append(d.changes.Brokers, b.ID)
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
		if k == nil || k.Validate(e.Value) != "" {
			continue // an administrator could not set this value either
		}
		if _, ok := set.Get(e.Name); !ok {
			set = set.with(e.Name, e.Value)
		}
	}
	d.brokerConfigs.Set("", set)
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
	d.nextProducerID += ProducerIDBlock
	return Verdict{FirstProducerID: kafka.ProducerID(first)}
}

func (c *SetFeature) apply(d *draft) Verdict {
	if c.Name == "" || c.Level < 0 ||
		c.Name == metadataFeature && (c.Level < 1 || c.Level > MetadataVersion) {
		return refuse(kafka.InvalidUpdateVersion, "no such level of "+c.Name)
	}
	if c.Name != metadataFeature && c.Level > 0 {
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
