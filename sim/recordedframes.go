package sim

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/wire/peer"
	"example.com/lockstep/netsim"
)

// sentStream is what a recording knows of the bytes that one end of a
// connection sends: the frames that are under way, each a flow that ends with the
// chunk in which its last byte arrives.
type sentStream struct {
	speaks   protocol
	answers  bool // the accepting end sends
	dial     uint32
	closing  uint32
	sent     uint64 // bytes
	received uint64
	partial  []byte // of a frame whose end was not sent yet
	frames   []frameUnderWay
	asked    map[int32]askedRequest // Kafka: by correlation id; shared by both ends
}

type frameUnderWay struct {
	end  uint64 // of its last byte in the stream
	flow uint32
}

type askedRequest struct {
	name    string
	request uint32
}

type protocol uint8

const (
	otherProtocol protocol = iota // every Send is taken for a frame
	kafkaProtocol
	peerProtocol
)

func protocolOf(addr string) protocol {
	switch {
	case strings.HasSuffix(addr, ":9092"):
		return kafkaProtocol
	case strings.HasSuffix(addr, ":9093"), strings.HasSuffix(addr, ":9094"):
		return peerProtocol
	}
	return otherProtocol
}

func (r *Recording) dialled(l *loopHost, id netsim.ConnID, addr string) {
	s := &sentStream{speaks: protocolOf(addr), asked: map[int32]askedRequest{}, dial: r.leaves(flowDial, "dial "+addr, 0)}
	if l.node.world.plan.Workload.Kind != "kafka" {
		s.speaks = otherProtocol
	}
	r.streams[uint64(id)] = s
}

// peerOf is implemented by connections whose other end is known.
type peerOf interface{ PeerID() netsim.ConnID }

func (r *Recording) peerStream(c *conn) *sentStream {
	p, ok := c.raw.(peerOf)
	if !ok {
		return nil
	}
	return r.streams[uint64(p.PeerID())]
}

// sends records what a step gives to a connection.
func (r *Recording) sends(c *conn, data [][]byte) {
	s := r.streams[uint64(c.raw.ID())]
	if s == nil {
		return
	}
	for _, part := range data {
		s.sent += uint64(len(part))
	}
	if s.speaks == otherProtocol {
		size := 0
		for _, part := range data {
			size += len(part)
		}
		s.frames = append(s.frames, frameUnderWay{s.sent, r.leaves(flowFrame, "bytes", size)})
		return
	}
	for _, part := range data {
		s.partial = append(s.partial, part...)
	}
	for {
		frame := wholeFrame(s.partial)
		if frame == nil {
			break
		}
		s.partial = s.partial[len(frame):]
		s.frames = append(s.frames, frameUnderWay{s.sent - uint64(len(s.partial)), r.frame(s, frame)})
	}
	if len(s.partial) == 0 {
		s.partial = nil
	}
}

// wholeFrame is the first frame of b, length included; nil if it is not whole.
// Both protocols begin their frames with a big-endian length of what follows.
func wholeFrame(b []byte) []byte {
	if len(b) < 4 {
		return nil
	}
	n := 4 + int(binary.BigEndian.Uint32(b))
	if len(b) < n {
		return nil
	}
	return b[:n]
}

func (r *Recording) frame(s *sentStream, frame []byte) uint32 {
	if s.speaks == peerProtocol {
		return r.leaves(flowFrame, r.peerLabel(frame[4:]), len(frame))
	}
	if s.answers {
		if len(frame) < 8 {
			return r.leaves(flowFrame, "malformed answer", len(frame))
		}
		correlation := int32(binary.BigEndian.Uint32(frame[4:]))
		asked := s.asked[correlation]
		delete(s.asked, correlation)
		n := r.leaves(flowFrame, fmt.Sprintf("answer to %s #%d", asked.name, correlation), len(frame))
		if n != 0 {
			f := &r.flows[n-1]
			f.request, f.response = asked.request, true
		}
		return n
	}
	if len(frame) < 12 {
		return r.leaves(flowFrame, "malformed request", len(frame))
	}
	name := kmsg.NameForKey(int16(binary.BigEndian.Uint16(frame[4:])))
	correlation := int32(binary.BigEndian.Uint32(frame[8:]))
	n := r.leaves(flowFrame, fmt.Sprintf("%s #%d", name, correlation), len(frame))
	s.asked[correlation] = askedRequest{name, uint32(r.request)}
	if r.request > 0 {
		r.requests[r.request-1].flow = n
		if n != 0 {
			r.flows[n-1].request = uint32(r.request)
		}
		r.request = 0
	}
	return n
}

// partitionNamer is implemented by subjects that know partitions by name.
type partitionNamer interface {
	partitionName(kafka.PartitionID) string
}

// peerLabel says what a frame between brokers is.
func (r *Recording) peerLabel(frame []byte) string {
	_, msg, err := peer.Decode(frame)
	if err != nil {
		return "malformed frame"
	}
	name := func(id kafka.PartitionID) string {
		if n, ok := r.world.subject.(partitionNamer); ok {
			return n.partitionName(id)
		}
		return partitionText(id)
	}
	switch m := msg.(type) {
	case *peer.Push:
		if len(m.Batches) == 0 {
			return fmt.Sprintf("probe %s at %d, epoch %d", name(m.Partition), m.Base, m.LeaderEpoch)
		}
		return fmt.Sprintf("push %s from %d, epoch %d", name(m.Partition), m.Base, m.LeaderEpoch)
	case *peer.PushAck:
		return fmt.Sprintf("ack %s to %d, epoch %d", name(m.Partition), m.DurableEnd, m.LeaderEpoch)
	case *peer.PushReject:
		return fmt.Sprintf("reject %s at %d, epoch %d", name(m.Partition), m.Base, m.LeaderEpoch)
	case *peer.Forward:
		return fmt.Sprintf("forward %d of %s", m.ID, name(m.Partition))
	case *peer.ForwardReply:
		return fmt.Sprintf("answer to forward %d, code %d", m.ID, m.Code)
	case *peer.HeartbeatReply:
		if m.Granted {
			return "heartbeat granted"
		}
		return "heartbeat refused"
	case *peer.Hello:
		return "hello"
	}
	return strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", msg), "*peer."))
}

// received tells what the network gives to the inbox of a loop, and returns the
// first of the flows that it ends.
func (r *Recording) received(c *conn, ev *netsim.Event) (head uint32) {
	switch ev.Kind {
	case netsim.Connected:
		if s := r.streams[uint64(c.raw.ID())]; s != nil {
			r.arrives(s.dial)
			return s.dial
		}
	case netsim.Accepted:
		dialler := r.peerStream(c)
		if dialler == nil {
			return 0
		}
		r.streams[uint64(c.raw.ID())] = &sentStream{speaks: dialler.speaks, answers: true, asked: dialler.asked}
		if dialler.dial == 0 {
			return 0
		}
		f := r.flows[dialler.dial-1] // the dialler's own ends with Connected
		f.kind, f.arrived, f.to, f.taken, f.next = flowAccept, r.world.Now(), 0, false, 0
		r.flows = append(r.flows, f)
		return uint32(len(r.flows))
	case netsim.Received:
		if s := r.peerStream(c); s != nil {
			return r.chunk(s, len(ev.Data))
		}
	case netsim.Closed:
		if s := r.peerStream(c); s != nil && s.closing != 0 {
			r.arrives(s.closing)
			return s.closing
		}
	}
	return 0
}

// chunk takes n bytes of a stream and links the frames that they complete.
func (r *Recording) chunk(s *sentStream, n int) (head uint32) {
	s.received += uint64(n)
	last := uint32(0)
	for len(s.frames) > 0 && s.frames[0].end <= s.received {
		number := s.frames[0].flow
		s.frames = s.frames[1:]
		if number == 0 {
			continue
		}
		r.arrives(number)
		if last == 0 {
			head = number
		} else {
			r.flows[last-1].next = number
		}
		last = number
	}
	return head
}

func (r *Recording) closes(c *conn) {
	if s := r.streams[uint64(c.raw.ID())]; s != nil && s.closing == 0 {
		s.closing = r.leaves(flowClose, "close", 0)
	}
}
