package peer

import (
	"encoding/binary"
	"errors"
	"fmt"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/kafka"
)

// Type is the type byte of a frame. Numbers are never reused.
type Type uint8

const (
	TypeHello          Type = 1
	TypeRaft           Type = 2
	TypeHeartbeat      Type = 3
	TypeHeartbeatReply Type = 4
	TypePropose        Type = 5
	TypeProposeReply   Type = 6
	TypeReadIndex      Type = 7
	TypeReadIndexReply Type = 8
	TypeSnapshotChunk  Type = 9
	TypePush           Type = 10
	TypePushAck        Type = 11
	TypePushReject     Type = 12
	TypeForward        Type = 13
	TypeForwardReply   Type = 14
	TypeKeepalive      Type = 15
	TypeBirth          Type = 16
	TypeRefusal        Type = 17
	TypeJoin           Type = 18
	TypeSnapshotAck    Type = 19
	TypeSeen           Type = 20
	TypeAwaitApplied   Type = 21
	TypeAppliedUpTo    Type = 22
)

// Message is one of the messages of this package, always as a pointer.
type Message interface {
	Type() Type
	// fields visits every field in the order of the wire. Reading and writing both use
	// it, so that they cannot differ.
	fields(c *coder)
}

// ErrMalformed is wrapped by the errors of [Decode]. The peer uses another protocol or is
// faulty, and the connection must be closed.
var ErrMalformed = errors.New("peer: malformed frame")

// lengthSize and prefixSize are the sizes of what precedes the body of a frame:
//
//	length u32 | type u8 | broker epoch i64 | body
//	           '--------- length bytes ----------'
const (
	lengthSize = 4
	prefixSize = lengthSize + 1 + 8
)

// usualHead is enough for the head of every message without strings or lists.
const usualHead = prefixSize + 96

// Encode returns a whole frame, length included, as two slices to be sent one
// after the other. The tail is the message's bulk (batches, a Raft message, a
// command, snapshot data) and is not copied: it must not change until the
// network is done with it. It is nil for messages without bulk.
func Encode(epoch kafka.BrokerEpoch, msg Message) (head, tail []byte) {
	return encode(make([]byte, 0, usualHead), epoch, msg)
}

// Append appends a whole frame, length included, and copies everything.
func Append(dst []byte, epoch kafka.BrokerEpoch, msg Message) []byte {
	dst, tail := encode(dst, epoch, msg)
	return append(dst, tail...)
}

func encode(dst []byte, epoch kafka.BrokerEpoch, msg Message) (head, tail []byte) {
	start := len(dst)
	dst = append(dst, 0, 0, 0, 0, byte(msg.Type()))
	c := coder{buf: binary.BigEndian.AppendUint64(dst, uint64(epoch))}
	msg.fields(&c)
	size := len(c.buf) - start - lengthSize + len(c.tail)
	assert.That(size <= 1<<31-1, "peer: frame of type %d has %d bytes", msg.Type(), size)
	binary.BigEndian.PutUint32(c.buf[start:], uint32(size))
	return c.buf, c.tail
}

// Decode reads a frame without its length, as a Framer returns it. Byte strings of the
// message are sub-slices of the frame; an empty one is nil. Its allocations are bounded
// by the frame. The error wraps [ErrMalformed].
func Decode(frame []byte) (kafka.BrokerEpoch, Message, error) {
	if len(frame) < prefixSize-lengthSize {
		return 0, nil, fmt.Errorf("%w: %d bytes", ErrMalformed, len(frame))
	}
	msg := newMessage(Type(frame[0]))
	if msg == nil {
		return 0, nil, fmt.Errorf("%w: unknown type %d", ErrMalformed, frame[0])
	}
	epoch := kafka.BrokerEpoch(binary.BigEndian.Uint64(frame[1:]))
	c := coder{buf: frame[prefixSize-lengthSize:], reading: true}
	msg.fields(&c)
	if c.bad || len(c.buf) > 0 {
		return 0, nil, fmt.Errorf("%w: type %d of %d bytes", ErrMalformed, frame[0], len(frame))
	}
	return epoch, msg, nil
}

func newMessage(typ Type) Message {
	switch typ {
	case TypeHello:
		return new(Hello)
	case TypeRaft:
		return new(Raft)
	case TypeHeartbeat:
		return new(Heartbeat)
	case TypeHeartbeatReply:
		return new(HeartbeatReply)
	case TypePropose:
		return new(Propose)
	case TypeProposeReply:
		return new(ProposeReply)
	case TypeReadIndex:
		return new(ReadIndex)
	case TypeReadIndexReply:
		return new(ReadIndexReply)
	case TypeSnapshotChunk:
		return new(SnapshotChunk)
	case TypePush:
		return new(Push)
	case TypePushAck:
		return new(PushAck)
	case TypePushReject:
		return new(PushReject)
	case TypeForward:
		return new(Forward)
	case TypeForwardReply:
		return new(ForwardReply)
	case TypeKeepalive:
		return new(Keepalive)
	case TypeBirth:
		return new(Birth)
	case TypeRefusal:
		return new(Refusal)
	case TypeJoin:
		return new(Join)
	case TypeSnapshotAck:
		return new(SnapshotAck)
	case TypeSeen:
		return new(Seen)
	case TypeAwaitApplied:
		return new(AwaitApplied)
	case TypeAppliedUpTo:
		return new(AppliedUpTo)
	default:
		return nil
	}
}
