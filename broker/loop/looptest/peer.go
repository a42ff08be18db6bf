package looptest

import (
	"fmt"
	"strings"

	"example.com/lockstep/broker/batch"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/wire/peer"
)

// Peer prints a frame between brokers.
func (c *Cluster) Peer(frame []byte) string {
	_, message, err := peer.Decode(frame)
	if err != nil {
		return fmt.Sprintf("a frame that cannot be read: %v", err)
	}
	return c.Message(message)
}

// rejectReasons are the reasons of a refused push.
var rejectReasons = map[peer.RejectReason]string{
	peer.UnknownEpoch: "unknown leader epoch",
	peer.StaleEpoch:   "stale leader epoch",
	peer.NotReplica:   "not a replica",
	peer.Unavailable:  "unavailable",
}

// Message prints a message between brokers.
func (c *Cluster) Message(message peer.Message) string {
	switch m := message.(type) {
	case *peer.Hello:
		kind := "data"
		if m.Kind == peer.ControlConn {
			kind = "control"
		}
		return fmt.Sprintf("hello of node %d, %s connection %d", m.Node, kind, m.Generation)
	case *peer.Push:
		return c.push(m)
	case *peer.PushAck:
		text := fmt.Sprintf("ack %s epoch %d: durable to %d, broker epoch %d",
			c.Partition(m.Partition), m.LeaderEpoch, m.DurableEnd, m.BrokerEpoch)
		return text + logStart(m.LogStart)
	case *peer.PushReject:
		text := fmt.Sprintf("reject %s epoch %d: ", c.Partition(m.Partition), m.LeaderEpoch)
		if m.Reason == peer.Diverged {
			return text + fmt.Sprintf("diverged, epoch %d ends at %d here", m.LastEpoch, m.End)
		}
		return text + rejectReasons[m.Reason]
	case *peer.Forward:
		return fmt.Sprintf("forward %d: produce %s epoch %d acks=%s: %s",
			m.ID, c.Partition(m.Partition), m.LeaderEpoch, acks(m.Acks), Values(m.Batches))
	case *peer.ForwardReply:
		if m.Code != kafka.None {
			return fmt.Sprintf("reply to forward %d: %v", m.ID, m.Code)
		}
		return fmt.Sprintf("reply to forward %d: base %d", m.ID, m.BaseOffset)
	case *peer.Keepalive:
		return "keepalive"
	default:
		return c.controlMessage(message)
	}
}

func (c *Cluster) push(m *peer.Push) string {
	switch {
	case m.Begin:
		return fmt.Sprintf("begin %s again, epoch %d: at %d after epoch %d, %d bytes of state%s",
			c.Partition(m.Partition), m.LeaderEpoch, m.Base, m.PrevEpoch, len(m.Batches),
			logStart(m.LogStart))
	case len(m.Batches) == 0:
		return fmt.Sprintf("probe %s epoch %d: epoch %d ends at %d, watermark %d%s",
			c.Partition(m.Partition), m.LeaderEpoch, m.PrevEpoch, m.Base, m.Watermark,
			logStart(m.LogStart))
	}
	text := fmt.Sprintf("push %s epoch %d: base %d after epoch %d, watermark %d%s: %s",
		c.Partition(m.Partition), m.LeaderEpoch, m.Base, m.PrevEpoch, m.Watermark,
		logStart(m.LogStart), Values(m.Batches))
	if first := batch.Batch(m.Batches).LeaderEpoch(); first != m.LeaderEpoch {
		text += fmt.Sprintf(" (appended in epoch %d)", first)
	}
	return text
}

// logStart prints a log start above 0.
func logStart(at kafka.Offset) string {
	if at == 0 {
		return ""
	}
	return fmt.Sprintf(", log start %d", at)
}

func birth(m *peer.Birth) string {
	if m.ID == (peer.UUID{}) {
		return "holds no birth record"
	}
	text := "holds the birth record of nodes"
	for _, v := range m.Voters {
		text += fmt.Sprintf(" %d", v.Node)
	}
	if m.Born {
		text += ", born"
	}
	return text
}

// controlMessage prints a message of a control connection.
func (c *Cluster) controlMessage(message peer.Message) string {
	switch m := message.(type) {
	case *peer.Heartbeat:
		text := fmt.Sprintf("heartbeat of node %d, broker epoch %d, confirmed %d",
			m.Node, m.BrokerEpoch, m.Confirmed)
		if m.Draining {
			text += ", draining"
		}
		if m.Full {
			text += ", full"
		}
		return text
	case *peer.HeartbeatReply:
		switch {
		case m.Granted:
			return "lease granted"
		case m.Fenced:
			return "no lease: fenced"
		}
		return "no lease"
	case *peer.Propose:
		return fmt.Sprintf("propose %d: %s", m.ID.Seq, c.encodedCommand(m.Command))
	case *peer.ProposeReply:
		return fmt.Sprintf("proposal %d: %v", m.ID.Seq, m.Code)
	case *peer.Seen:
		return fmt.Sprintf("has seen your start %d", m.Starts)
	case *peer.Birth:
		return birth(m)
	case *peer.Refusal:
		return "refusal: " + m.Message
	case *peer.Join:
		return fmt.Sprintf("node %d asks to join, for a vote: %t", m.Node, m.Auto)
	case *peer.ReadIndex:
		return "read index?"
	case *peer.ReadIndexReply:
		return fmt.Sprintf("read index %d", m.Index)
	case *peer.SnapshotChunk:
		return fmt.Sprintf("snapshot %d: bytes %d to %d of %d",
			m.Index, m.Offset, m.Offset+uint64(len(m.Data)), m.Total)
	case *peer.Raft:
		return "" // transcripts do not show the library's own protocol
	default:
		return strings.TrimPrefix(fmt.Sprintf("%T", message), "*peer.")
	}
}

func (c *Cluster) encodedCommand(encoded []byte) string {
	cmd, err := meta.DecodeCommand(encoded)
	if err != nil {
		return fmt.Sprintf("a command that cannot be read: %v", err)
	}
	return c.Command(cmd)
}

func acks(a kafka.Acks) string {
	if a == kafka.AcksAll {
		return "all"
	}
	return fmt.Sprint(int16(a))
}

// Values prints the values of a set of batches, with a bar between batches.
func Values(set []byte) string {
	const limit = 1 << 20
	var batches []string
	for len(set) > 0 {
		b, rest, err := batch.Next(set)
		if err != nil {
			return fmt.Sprintf("bytes that are no batch: %v", err)
		}
		var values []string
		for records := b.Records(limit); records.Next(); {
			values = append(values, string(records.Record.Value))
		}
		batches = append(batches, strings.Join(values, " "))
		set = rest
	}
	return strings.Join(batches, " | ")
}
