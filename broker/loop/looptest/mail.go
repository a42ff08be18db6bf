package looptest

import (
	"fmt"
	"strings"

	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/shard"
)

// Mail prints mail between loops. It returns "" for mail that transcripts leave out.
func (c *Cluster) Mail(mail any) string {
	switch m := mail.(type) {
	case shard.Pong:
		return c.pong(m)
	case shard.Ping:
		return ""
	case shard.Recovered:
		if m.Unnamed {
			return "recovered: all suspect but " + c.Partitions(m.Whole)
		}
		return fmt.Sprintf("recovered: whole %s; suspect %s",
			c.Partitions(m.Whole), c.Partitions(m.Suspects))
	case shard.Converted:
		return "converted; suspect " + c.Partitions(m.Suspects)
	case shard.Call:
		return "call: " + c.Op(m.Op)
	case shard.PartitionCall:
		return "call: " + c.Op(m.Op)
	case shard.Cancel:
		return "cancel a call on " + c.Partition(m.Partition)
	case shard.Return:
		return "return: " + c.Result(m.Result)
	case shard.Begin:
		if m.Convert {
			return "recover, to convert"
		}
		return "recover"
	case shard.Convert:
		return "move everything to segments"
	case shard.Drain:
		return "stop answering as leader"
	case shard.Applied:
		return c.applied(m.Image)
	case shard.Lease:
		return "" // renewed several times a second
	case shard.PeerReturn:
		return "send back: " + c.Message(m.Message)
	default:
		names := strings.NewReplacer("*", "", "node.", "", "shard.", "")
		return names.Replace(fmt.Sprintf("%T", mail))
	}
}

// applied prints an image that a control loop gives its shards, with the changes in it. It prints
// an image once, though each shard gets it.
func (c *Cluster) applied(image *meta.Image) string {
	if c.handed != nil && c.handed.Index() >= image.Index() {
		return ""
	}
	old := c.handed
	if old == nil {
		old = meta.NewImage(ClusterID)
	}
	c.Learn(image)
	c.handed = image
	text := fmt.Sprintf("metadata of index %d", image.Index())
	for _, change := range c.Diff(old, image) {
		text += "\n    " + change
	}
	return text
}

// pong prints a pong if it says more than that the shard is alive.
func (c *Cluster) pong(m shard.Pong) string {
	switch {
	case m.Drained && m.SentAt == 0:
		return "answers as leader no more"
	case m.Full:
		return "the disk is full"
	case m.NotOnline > 0:
		return fmt.Sprintf("not online: %d", m.NotOnline)
	}
	return ""
}

// Op prints an operation.
func (c *Cluster) Op(op api.Op) string {
	switch o := op.(type) {
	case api.Produce:
		return fmt.Sprintf("produce %s acks=%s: %s",
			c.Partition(o.Partition), acks(o.Acks), Values(o.Batches))
	case api.Fetch:
		return fmt.Sprintf("fetch %s from %d", c.Partition(o.Partition), o.Offset)
	case api.Wait:
		return fmt.Sprintf("wait for %s beyond %d", c.Partition(o.Partition), o.Offset)
	case api.Offsets:
		return fmt.Sprintf("offset of %s", c.Partition(o.Partition))
	case api.Propose:
		return "propose " + c.Command(o.Command)
	case api.Applied:
		return "wait until all brokers have applied it"
	case api.NextProducerID:
		return "a producer id"
	case api.Coordinate:
		return fmt.Sprintf("coordinate %s: %v", c.Partition(o.Partition), o.Request)
	default:
		return strings.TrimPrefix(fmt.Sprintf("%T", op), "api.")
	}
}

// Result prints the result of an operation.
func (c *Cluster) Result(result any) string {
	switch r := result.(type) {
	case api.ProduceResult:
		if r.Code != kafka.None {
			return r.Code.String()
		}
		return fmt.Sprintf("base %d", r.Base)
	case api.FetchResult:
		if r.Code != kafka.None {
			return r.Code.String()
		}
		var list []string
		for _, b := range r.Batches {
			list = append(list, Values(b))
		}
		return fmt.Sprintf("%s, watermark %d", strings.Join(list, " | "), r.Watermark)
	case api.ProposeResult:
		if r.Code != kafka.None {
			return r.Code.String()
		}
		return Verdict(r.Verdict)
	case api.ProducerIDResult:
		if r.Code != kafka.None {
			return r.Code.String()
		}
		return fmt.Sprintf("producer id %d", r.ID)
	case api.CoordinateResult:
		if r.Code != kafka.None {
			return r.Code.String()
		}
		return fmt.Sprint(r.Response)
	case api.AppliedResult:
		return fmt.Sprintf("applied by all: %t", r.All)
	default:
		return strings.TrimPrefix(fmt.Sprintf("%T", result), "api.")
	}
}

// Verdict prints the verdict of a metadata command: the codes of its parts, if it has any.
func Verdict(v meta.Verdict) string {
	var codes []string
	for _, t := range v.Topics {
		text := t.Code.String()
		if t.Message != "" {
			text += ": " + t.Message
		}
		codes = append(codes, text)
	}
	for _, p := range v.Partitions {
		codes = append(codes, p.Code.String())
	}
	if len(codes) == 0 || v.Code != kafka.None {
		return v.Code.String()
	}
	return strings.Join(codes, ", ")
}
