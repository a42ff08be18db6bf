package node

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
)

// news are the lines about partitions that one image gives rise to: one for each name and subject,
// however many partitions it concerns.
type news []newsLine

type newsLine struct {
	name    event.Name
	subject event.Field
	cause   string
	count   int
	few     []string // names of the first partitions
}

// add counts a partition in the line for a name, a subject and a cause.
func (n *news) add(
	name event.Name, subject event.Field, cause string, t *meta.Topic, number int32,
) {
	i := slices.IndexFunc(*n, func(l newsLine) bool {
		return l.name == name && l.subject == subject && l.cause == cause
	})
	if i < 0 {
		i = len(*n)
		*n = append(*n, newsLine{name: name, subject: subject, cause: cause})
	}
	l := &(*n)[i]
	if l.count++; len(l.few) < namesTold {
		l.few = append(l.few, t.Name+"-"+strconv.Itoa(int(number)))
	}
}

// namesTold is how many partitions a line names.
const namesTold = 5

func (l *newsLine) event() event.Event {
	fields := []event.Field{l.subject}
	if l.cause != "" {
		fields = append(fields, event.Text("cause", l.cause))
	}
	few := strings.Join(l.few, ",")
	if l.count > len(l.few) {
		few += ",..."
	}
	return event.New(l.name, append(fields, event.Int("partitions", l.count),
		event.Text("some", few))...)
}

// narratePartitions tells what has changed for partitions.
func (c *Control) narratePartitions(
	now env.Instant, old, image *meta.Image, changes *meta.Changes,
) {
	n := &c.narrator
	unled, below := n.unled.count, n.below.count
	count := func(img *meta.Image, t *meta.Topic, p *meta.Partition, by int) {
		unled += by * b2i(p.Leader == kafka.NoNode)
		below += by * b2i(len(p.ISR) < img.MinISR(t))
	}
	all := func(img *meta.Image, topics []meta.TopicRef, by int) {
		for _, ref := range topics {
			if t := img.TopicByID(ref.ID); t != nil {
				for _, p := range t.Partitions {
					count(img, t, p, by)
				}
			}
		}
	}
	all(image, changes.Created, 1)
	all(old, changes.Deleted, -1)
	for _, ref := range changes.More {
		if was, is := old.TopicByID(ref.ID), image.TopicByID(ref.ID); was != nil && is != nil {
			for _, p := range is.Partitions[len(was.Partitions):] {
				count(image, is, p, 1)
			}
		}
	}
	var lines news
	for _, id := range distinct(changes.Partitions) {
		was, is := old.TopicByID(id.Topic), image.TopicByID(id.Topic)
		if was == nil || is == nil || int(id.Partition) >= len(was.Partitions) {
			continue
		}
		p, q := was.Partitions[id.Partition], is.Partitions[id.Partition]
		count(old, was, p, -1)
		count(image, is, q, 1)
		c.comparePartition(&lines, old, image, is, id.Partition, p, q)
	}
	for i := range lines {
		c.host.Log(lines[i].event())
	}
	if len(changes.Configs) > 0 { // perhaps another min.insync.replicas
		c.recount(now, image)
		return
	}
	c.tellCounts(now, unled, below)
}

// distinct returns ids in order, each once.
func distinct(ids []kafka.PartitionID) []kafka.PartitionID {
	sorted := slices.Clone(ids)
	slices.SortFunc(sorted, func(a, b kafka.PartitionID) int {
		return cmp.Or(slices.Compare(a.Topic[:], b.Topic[:]), cmp.Compare(a.Partition, b.Partition))
	})
	return slices.Compact(sorted)
}

// comparePartition adds what is different in q, the new registration of a partition.
func (c *Control) comparePartition(
	lines *news, old, image *meta.Image, t *meta.Topic, number int32, p, q *meta.Partition,
) {
	self := c.cfg.Node
	add := func(name event.Name, subject event.Field, cause string) {
		lines.add(name, subject, cause, t, number)
	}
	whyNot := func(node kafka.NodeID, otherwise string) string {
		return lossOf(old.Broker(node), image.Broker(node), otherwise)
	}
	switch {
	case q.Leader == self && p.Leader != self && p.Leader == kafka.NoNode:
		add(event.LeadershipsGained, event.Int("from", p.Leader), "there was no leader")
	case q.Leader == self && p.Leader != self:
		add(event.LeadershipsGained, event.Int("from", p.Leader), whyNot(p.Leader, "election"))
	case p.Leader == self && q.Leader != self:
		add(event.LeadershipsLost, event.Int("to", q.Leader), whyNot(self, "election"))
	}
	if q.Leader == self && q.LeaderEpoch != p.LeaderEpoch && !p.InISR(self) &&
		!slices.Contains(p.ELR, self) {
		add(event.UncleanElection, event.Int("leader", self), "no replica in sync can lead")
	}
	if c.narrator.leading && len(q.ISR) == 0 && len(p.ISR) > 0 {
		add(event.NoReplicaInSync, event.Int("last", p.ISR[0]), whyNot(p.ISR[0], "damage"))
	}
	if q.Leader != self {
		return
	}
	for _, node := range p.ISR {
		if !q.InISR(node) {
			add(event.ISRShrunk, event.Int("replica", node), whyNot(node, "lag"))
		}
	}
	for _, node := range q.ISR {
		if !p.InISR(node) && p.LeaderEpoch == q.LeaderEpoch {
			add(event.ISRExpanded, event.Int("replica", node), "")
		}
	}
}

// lossOf says why a broker lost a leadership or its place in an ISR, by its registration before and
// after.
func lossOf(before, after *meta.Broker, otherwise string) string {
	switch {
	case after == nil:
		return "not registered"
	case before != nil && before.Epoch != after.Epoch:
		return "restarted"
	case after.Draining:
		return "draining"
	case after.Fenced:
		return "fenced"
	case after.Full:
		return "disk full"
	}
	return otherwise
}

// recount counts what an image says of all partitions.
func (c *Control) recount(now env.Instant, image *meta.Image) {
	unled, below := 0, 0
	image.Topics(func(t *meta.Topic) bool {
		least := image.MinISR(t)
		for _, p := range t.Partitions {
			unled += b2i(p.Leader == kafka.NoNode)
			below += b2i(len(p.ISR) < least)
		}
		return true
	})
	c.tellCounts(now, unled, below)
}

// tellCounts tells where a number of bad partitions leaves 0 or comes back to it. All nodes count,
// so that the next controller can tell how long it lasted.
func (c *Control) tellCounts(now env.Instant, unled, below int) {
	n := &c.narrator
	for _, k := range []struct {
		spell     *spell
		count     int
		bad, good event.Name
	}{
		{&n.unled, unled, event.PartitionsUnled, event.PartitionsLed},
		{&n.below, below, event.PartitionsUnderMin, event.PartitionsEnough},
	} {
		bad, good := k.spell.set(now, k.count)
		switch {
		case !n.leading:
		case bad:
			c.host.Log(event.New(k.bad, event.Int("partitions", k.count)))
		case good:
			c.host.Log(event.New(k.good, event.Duration("after", now.Sub(k.spell.since))))
		}
	}
}
