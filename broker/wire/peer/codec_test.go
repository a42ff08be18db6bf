package peer

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"example.com/lockstep/broker/alloctest"
	"example.com/lockstep/broker/kafka"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// all is one empty message of every type.
func all() []Message {
	var msgs []Message
	for typ := range 256 {
		if msg := newMessage(Type(typ)); msg != nil {
			msgs = append(msgs, msg)
		}
	}
	return msgs
}

func TestEveryTypeHasItsMessage(t *testing.T) {
	require.Len(t, all(), 22)
	seen := []reflect.Type{}
	for typ := range 256 {
		if msg := newMessage(Type(typ)); msg != nil {
			require.Equal(t, Type(typ), msg.Type())
			require.NotContains(t, seen, reflect.TypeOf(msg))
			seen = append(seen, reflect.TypeOf(msg))
		}
	}
}

// fill sets every field of a message to a drawn value, so that the round trip fails if
// the codec forgets a field.
func fill(t *rapid.T, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(t, v.Index(i))
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Struct {
			if n := rapid.IntRange(0, 3).Draw(t, "count"); n > 0 {
				v.Set(reflect.MakeSlice(v.Type(), n, n))
				for i := range n {
					fill(t, v.Index(i))
				}
			}
			return
		}
		if b := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "bytes"); len(b) > 0 {
			v.SetBytes(b)
		}
	case reflect.String:
		v.SetString(rapid.String().Draw(t, "string"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(rapid.Int64().Draw(t, "int") >> (64 - v.Type().Bits()))
	case reflect.Uint8, reflect.Uint16, reflect.Uint64:
		v.SetUint(rapid.Uint64().Draw(t, "uint") >> (64 - v.Type().Bits()))
	default:
		panic("no random value for " + v.Type().String())
	}
}

func draw(t *rapid.T) (kafka.BrokerEpoch, Message) {
	msg := rapid.SampledFrom(all()).Draw(t, "type")
	fill(t, reflect.ValueOf(msg).Elem())
	switch m := msg.(type) {
	case *Hello:
		m.Kind = rapid.SampledFrom([]ConnKind{ControlConn, DataConn}).Draw(t, "kind")
	case *PushReject:
		m.Reason = RejectReason(rapid.IntRange(int(Diverged), int(Unavailable)).Draw(t, "reason"))
	}
	return kafka.BrokerEpoch(rapid.Int64().Draw(t, "epoch")), msg
}

func TestMessagesRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		epoch, msg := draw(t)
		head, tail := Encode(epoch, msg)
		frame := Append([]byte("before"), epoch, msg)
		require.Equal(t, "before"+string(head)+string(tail), string(frame))
		frame = frame[len("before"):]
		require.Equal(t, len(frame)-4, int(binary.BigEndian.Uint32(frame)))

		gotEpoch, got, err := Decode(frame[4:])
		require.NoError(t, err)
		require.Equal(t, epoch, gotEpoch)
		require.Equal(t, msg, got)

		cut := rapid.IntRange(4, len(frame)-1).Draw(t, "cut")
		_, _, err = Decode(frame[4:cut])
		require.ErrorIs(t, err, ErrMalformed)
		_, _, err = Decode(append(slices.Clone(frame[4:]), 0))
		require.ErrorIs(t, err, ErrMalformed)
	})
}

func TestBatchesAreNotCopied(t *testing.T) {
	batches := []byte("batches")
	for _, msg := range []Message{
		&Push{Batches: batches}, &Forward{Batches: batches}, &Raft{Message: batches},
		&Propose{Command: batches}, &SnapshotChunk{Data: batches},
	} {
		head, tail := Encode(1, msg)
		require.Same(t, &batches[0], &tail[0])
		frame := slices.Concat(head, tail)
		_, got, err := Decode(frame[4:])
		require.NoError(t, err)
		var decoded []byte
		switch m := got.(type) {
		case *Push:
			decoded = m.Batches
		case *Forward:
			decoded = m.Batches
		case *Raft:
			decoded = m.Message
		case *Propose:
			decoded = m.Command
		case *SnapshotChunk:
			decoded = m.Data
		}
		require.Same(t, &frame[bytes.Index(frame, batches)], &decoded[0])
		require.Equal(t, len(decoded), cap(decoded))
	}
}

func TestProbeHasNoBatches(t *testing.T) {
	_, tail := Encode(1, &Push{})
	require.Nil(t, tail)
	_, msg, err := Decode(Append(nil, 1, &Push{Batches: []byte{}})[4:])
	require.NoError(t, err)
	require.Nil(t, msg.(*Push).Batches)
}

// The layouts must not change by accident: brokers of different builds talk to each
// other.
func TestLayoutsArePinned(t *testing.T) {
	id := func(first byte) (u [16]byte) {
		for i := range u {
			u[i] = first + byte(i)
		}
		return u
	}
	partition := kafka.PartitionID{Topic: kafka.TopicID(id(0x10)), Partition: 5}
	const topic = "101112131415161718191a1b1c1d1e1f 00000005 "
	const inc = "303132333435363738393a3b3c3d3e3f "
	for _, c := range []struct {
		msg  Message
		body string
	}{
		{&Hello{1, 2, id(0x20), 3, id(0x40), id(0x30), DataConn, 4, 5},
			"01 0001 0002 202122232425262728292a2b2c2d2e2f 00000003 " +
				"404142434445464748494a4b4c4d4e4f " + inc +
				"02 0000000000000004 00000005"},
		{&Birth{id(0x20), true, []BirthVoter{{3, id(0x40)}}},
			"10 202122232425262728292a2b2c2d2e2f 01 00000001 00000003 " +
				"404142434445464748494a4b4c4d4e4f"},
		{&Refusal{"no", true}, "11 00000002 6e6f 01"},
		{&Join{3, id(0x40), true}, "12 00000003 404142434445464748494a4b4c4d4e4f 01"},
		{&Raft{[]byte{1, 2}}, "02 00000002 0102"},
		{&Heartbeat{3, id(0x30), 9, 7, 8, true, false},
			"03 00000003 " + inc + "0000000000000009 0000000000000007 0000000000000008 01 00"},
		{&Heartbeat{3, id(0x30), 9, 7, 8, false, true},
			"03 00000003 " + inc + "0000000000000009 0000000000000007 0000000000000008 00 01"},
		{&HeartbeatReply{7, true, 2, 3, false},
			"04 0000000000000007 01 0000000000000002 0000000000000003 00"},
		{&Propose{CommandID{3, id(0x30), 6}, []byte{1}},
			"05 00000003 " + inc + "0000000000000006 00000001 01"},
		{&ProposeReply{CommandID{3, id(0x30), 6}, kafka.NotController},
			"06 00000003 " + inc + "0000000000000006 0029"},
		{&ReadIndex{5}, "07 0000000000000005"},
		{&ReadIndexReply{5, 6}, "08 0000000000000005 0000000000000006"},
		{&SnapshotChunk{[]byte{7}, 1, 2, 3, []byte{8, 9}},
			"09 00000001 07 0000000000000001 0000000000000002 0000000000000003 00000002 0809"},
		{&Push{partition, 1, 2, -1, 3, 4, true, []byte{0xaa}},
			"0a " + topic + "00000001 0000000000000002 ffffffff 0000000000000003 " +
				"0000000000000004 01 00000001 aa"},
		{&PushAck{partition, 1, 2, 3, 4},
			"0b " + topic + "00000001 0000000000000002 0000000000000003 0000000000000004"},
		{&PushReject{partition, 1, 2, 3, NotReplica, 4, 5, 6},
			"0c " + topic + "00000001 0000000000000002 0000000000000003 04 00000004 " +
				"0000000000000005 0000000000000006"},
		{&Forward{1, partition, 2, kafka.AcksAll, 3, RecordFacts{4, 5, true}, []byte{0xbb}},
			"0d 0000000000000001 " + topic + "00000002 ffff 00000003 0000000000000004 " +
				"0000000000000005 01 00000001 bb"},
		{&ForwardReply{1, kafka.None, "no", 2, -1, 3},
			"0e 0000000000000001 0000 00000002 6e6f 0000000000000002 ffffffffffffffff " +
				"0000000000000003"},
		{&Keepalive{}, "0f "},
		{&Seen{3, id(0x30)}, "14 0000000000000003 " + strings.TrimSpace(inc)},
		{&SnapshotAck{3, 5, true}, "13 0000000000000003 0000000000000005 01"},
		{&AwaitApplied{3}, "15 0000000000000003"},
		{&AppliedUpTo{5}, "16 0000000000000005"},
	} {
		t.Run(fmt.Sprintf("%T", c.msg), func(t *testing.T) {
			typ, fields, _ := strings.Cut(c.body, " ")
			want, err := hex.DecodeString(strings.ReplaceAll(typ+"0000000000000063"+fields, " ",
				""))
			require.NoError(t, err)
			require.Equal(t, hex.EncodeToString(want),
				hex.EncodeToString(Append(nil, 99, c.msg)[4:]))
		})
	}
}

func TestFramesThatAreRefused(t *testing.T) {
	prefix := func(typ Type) []byte { return []byte{byte(typ), 0, 0, 0, 0, 0, 0, 0, 1} }
	hello := Append(nil, 1, &Hello{Kind: 3})[4:]
	reject := Append(nil, 1, &PushReject{Reason: 0})[4:]
	granted := Append(nil, 1, &HeartbeatReply{})[4:]
	granted[9+8] = 2
	for name, frame := range map[string][]byte{
		"empty":                     {},
		"without an epoch":          prefix(TypeReadIndex)[:8],
		"type 0":                    prefix(0),
		"unknown type":              append(prefix(99), make([]byte, 100)...),
		"unknown connection kind":   hello,
		"unknown reason":            reject,
		"boolean of 2":              granted,
		"length beyond the frame":   append(prefix(TypeRaft), 0, 0, 0, 2, 1),
		"length of almost 4 GiB":    append(prefix(TypeRaft), 255, 255, 255, 255, 1),
		"bytes after an empty bulk": append(prefix(TypeRaft), 0, 0, 0, 0, 1),
	} {
		_, msg, err := Decode(frame)
		require.ErrorIs(t, err, ErrMalformed, name)
		require.Nil(t, msg, name)
	}
}

func FuzzDecode(f *testing.F) {
	for _, msg := range all() {
		f.Add(Append(nil, 1, msg)[4:])
	}
	f.Add(Append(nil, 1, &Push{Batches: []byte("batches")})[4:])
	f.Fuzz(func(t *testing.T, frame []byte) {
		alloctest.Bounded(t, 4*len(frame), func() {
			epoch, msg, err := Decode(frame)
			if err == nil {
				again := Append(nil, epoch, msg)[4:]
				require.Equal(t, string(frame), string(again), "an encoding is unique")
			}
		})
	})
}

func BenchmarkEncodePush(b *testing.B) {
	b.ReportAllocs()
	msg := &Push{Batches: make([]byte, 16<<10)}
	for b.Loop() {
		head, tail := Encode(1, msg)
		_, _ = head, tail
	}
}

func BenchmarkDecodePush(b *testing.B) {
	b.ReportAllocs()
	frame := Append(nil, 1, &Push{Batches: make([]byte, 16<<10)})[4:]
	for b.Loop() {
		if _, _, err := Decode(frame); err != nil {
			b.Fatal(err)
		}
	}
}
