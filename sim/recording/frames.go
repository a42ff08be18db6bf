package recording

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/wire/peer"
	"example.com/lockstep/netsim"
	"example.com/lockstep/sim/kafka/history"
	"example.com/lockstep/sim/world"
)

// sentStream is what a recording knows of the bytes that one end of a connection sends.
// Each frame under way is a flow. It ends with the chunk that brings its last byte.
type sentStream struct {
	speaks   protocol
	answers  bool // this is the accepting end, which sends answers
	dial     world.Flow
	closing  world.Flow
	sent     uint64 // bytes
	received uint64
	partial  []byte // the sent part of a frame that is not sent whole
	frames   []frameUnderWay
	asked    map[int32]askedRequest // Kafka: by correlation id; shared by both ends
}

type frameUnderWay struct {
	end  uint64 // of its last byte in the stream
	flow world.Flow
}

type askedRequest struct {
	name    string
	request uint32
}

type protocol uint8

const (
	otherProtocol protocol = iota // every Send counts as a frame
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

// Dialled implements ConnRecorder.
func (r *Recording) Dialled(id netsim.ConnID, addr string) {
	s := &sentStream{speaks: protocolOf(addr), asked: map[int32]askedRequest{},
		dial: r.leaves(flowDial, "dial "+addr, 0)}
	if r.world.Plan().Workload.Kind != "kafka" {
		s.speaks = otherProtocol
	}
	r.streams[uint64(id)] = s
}

// Sent implements ConnRecorder.
func (r *Recording) Sent(id netsim.ConnID, data [][]byte) {
	s := r.streams[uint64(id)]
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
		s.frames = append(s.frames, frameUnderWay{s.sent - uint64(len(s.partial)),
			r.frame(s, frame)})
	}
	if len(s.partial) == 0 {
		s.partial = nil
	}
}

// wholeFrame is the first frame of b with its length; nil if b does not hold it whole.
// Frames of both protocols begin with the big-endian length of the rest.
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

func (r *Recording) frame(s *sentStream, frame []byte) world.Flow {
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
		n := r.leaves(flowFrame, fmt.Sprintf("answer to %s #%d", asked.name, correlation),
			len(frame))
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
		r.requests[r.request-1].flow = uint32(n)
		if n != 0 {
			r.flows[n-1].request = uint32(r.request)
		}
		r.request = 0
	}
	return n
}

// partitionNamer is implemented by subjects that know the names of partitions.
type partitionNamer interface {
	PartitionName(kafka.PartitionID) string
}

// peerLabel says what a frame between brokers carries.
func (r *Recording) peerLabel(frame []byte) string {
	_, msg, err := peer.Decode(frame)
	if err != nil {
		return "malformed frame"
	}
	name := func(id kafka.PartitionID) string {
		if n, ok := r.world.Subject().(partitionNamer); ok {
			return n.PartitionName(id)
		}
		return history.PartitionText(id)
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

// Received implements ConnRecorder. It returns the first of the flows that end with the
// event.
func (r *Recording) Received(id, peer netsim.ConnID, ev *netsim.Event) (head world.Flow) {
	other := r.streams[uint64(peer)]
	switch ev.Kind {
	case netsim.Connected:
		if s := r.streams[uint64(id)]; s != nil {
			r.Arrived(s.dial)
			return s.dial
		}
	case netsim.Accepted:
		dialler := other
		if dialler == nil {
			return 0
		}
		r.streams[uint64(id)] = &sentStream{speaks: dialler.speaks, answers: true,
			asked: dialler.asked}
		if dialler.dial == 0 {
			return 0
		}
		f := r.flows[dialler.dial-1] // a copy: the flow of the dialling end ends with Connected
		f.kind, f.arrived, f.to, f.taken, f.next = flowAccept, r.world.Now(), 0, false, 0
		r.flows = append(r.flows, f)
		return world.Flow(len(r.flows))
	case netsim.Received:
		if other != nil {
			return r.chunk(other, len(ev.Data))
		}
	case netsim.Closed:
		if other != nil && other.closing != 0 {
			r.Arrived(other.closing)
			return other.closing
		}
	}
	return 0
}

// chunk takes n bytes of a stream, and links the flows of the frames that they complete.
func (r *Recording) chunk(s *sentStream, n int) (head world.Flow) {
	s.received += uint64(n)
	last := world.Flow(0)
	for len(s.frames) > 0 && s.frames[0].end <= s.received {
		number := s.frames[0].flow
		s.frames = s.frames[1:]
		if number == 0 {
			continue
		}
		r.Arrived(number)
		if last == 0 {
			head = number
		} else {
			r.flows[last-1].next = number
		}
		last = number
	}
	return head
}

// Closed implements ConnRecorder.
func (r *Recording) Closed(id netsim.ConnID) {
	if s := r.streams[uint64(id)]; s != nil && s.closing == 0 {
		s.closing = r.leaves(flowClose, "close", 0)
	}
}
