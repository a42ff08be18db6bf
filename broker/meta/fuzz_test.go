package meta

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"testing"

	"github.com/stretchr/testify/require"
	pb "go.etcd.io/raft/v3/raftpb"

	"example.com/lockstep/broker/alloctest"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/wire/peer"
)

// perByte is what a decoded value takes for each byte of its encoding, at most: an
// empty list of three bytes becomes a struct of a few words.
const perByte = 64

// oneOfEach is a command of every kind.
func oneOfEach() []Command {
	topic := kafka.TopicID{1}
	ids := []kafka.PartitionID{{Topic: topic, Partition: 1}}
	configs := Configs{{minISRKey, "2"}}
	return []Command{
		&Bootstrap{Defaults: configs},
		&RegisterBroker{Node: 1, Suspects: ids, Whole: ids, Unnamed: true},
		&AddVoter{peerID(4)}, &RemoveVoter{peerID(1)},
		&FenceBroker{1, 2}, &UnfenceBroker{1, 2}, &DrainBroker{1, 2},
		&CreateTopics{Topics: []NewTopic{{
			Name: "t", ID: topic, Partitions: 1, ReplicationFactor: 1, Configs: configs,
			Assignments: [][]kafka.NodeID{{1, 2}},
		}}},
		&CreatePartitions{Topics: []MorePartitions{{"t", 2, [][]kafka.NodeID{{1}}}}},
		&DeleteTopics{[]TopicRef{{"t", topic}}},
		&AlterPartition{Leader: 1, BrokerEpoch: 2, Partitions: []NewISR{{
			ID: ids[0], ISR: []ISRMember{{1, 2}},
		}}},
		&AllocateProducerIDs{1, 2},
		&AlterConfigs{[]ConfigChange{{
			Resource: ConfigResource{TopicResource, "t"},
			Ops:      []ConfigOp{{ConfigSet, minISRKey, "1"}},
		}}},
		&ElectLeaders{Unclean: true, Partitions: []Election{{ids[0], 3}}},
		&SetFeature{"f", 1}, &SetBrokerFull{1, 2, true},
		&TakeOffline{1, 2, []Election{{ids[0], 3}}},
		&AskHandover{[]Election{{ids[0], 3}}},
	}
}

func FuzzDecodeCommand(f *testing.F) {
	seen := map[commandKind]bool{}
	for _, c := range oneOfEach() {
		seen[c.kind()] = true
		f.Add(EncodeCommand(c))
	}
	require.Len(f, seen, int(kindAskHandover))
	f.Fuzz(func(t *testing.T, b []byte) {
		alloctest.Bounded(t, perByte*len(b), func() {
			c, err := DecodeCommand(b)
			if err != nil {
				return
			}
			require.True(t, bytes.Equal(b, EncodeCommand(c)), "one value has one encoding")
		})
	})
}

func FuzzDecodeEntry(f *testing.F) {
	var ids []peer.CommandID
	var commands [][]byte
	for i, c := range oneOfEach() {
		ids = append(ids, peer.CommandID{Node: 1, Seq: uint64(i)})
		commands = append(commands, EncodeCommand(c))
	}
	f.Add(encodeBatch(ids, commands))
	f.Add(encodeBatch(nil, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		alloctest.Bounded(t, perByte*len(b), func() {
			batch, err := decodeBatch(b)
			if err != nil {
				return
			}
			again := encodeProposed(batch)
			batch, err = decodeBatch(again)
			require.NoError(t, err)
			require.True(t, bytes.Equal(again, encodeProposed(batch)))
		})
	})
}

func encodeProposed(batch []Proposed) []byte {
	var ids []peer.CommandID
	var commands [][]byte
	for _, p := range batch {
		ids, commands = append(ids, p.ID), append(commands, EncodeCommand(p.Command))
	}
	return encodeBatch(ids, commands)
}

func FuzzDecodeMessage(f *testing.F) {
	snap := snapshot{index: 3, term: 2, image: NewImage(peer.UUID{1})}
	entry := &pb.Entry{Term: new(uint64(2)), Index: new(uint64(4)), Data: []byte("data")}
	f.Add(encodeMessage(&pb.Message{
		Type: pb.MsgApp.Enum(), To: new(uint64(1)), Entries: []*pb.Entry{entry},
	}))
	f.Add(encodeMessage(&pb.Message{Type: pb.MsgSnap.Enum(), Snapshot: snap.proto()}))
	f.Fuzz(func(t *testing.T, b []byte) {
		alloctest.Bounded(t, 4*perByte*len(b), func() {
			if m, err := decodeMessage(b); err == nil {
				require.True(t, bytes.Equal(b, encodeMessage(m)), "one value has one encoding")
			}
		})
	})
}

// Snapshots come from disks and from other nodes. Their checksum is made right
// first, so that what lies behind it is reached.
func FuzzDecodeImage(f *testing.F) {
	unsealed := func(img *Image) []byte { b := img.Encode(); return b[:len(b)-4] }
	f.Add(unsealed(NewImage(peer.UUID{1})))
	w := newWorld(f, 3)
	w.topic("t", "1", 1, 2)
	for _, c := range oneOfEach() {
		w.apply(c)
		f.Add(unsealed(w.img))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
		alloctest.Bounded(t, 16*perByte*len(b), func() {
			img, err := DecodeImage(b)
			if err != nil {
				return
			}
			again, err := DecodeImage(img.Encode())
			require.NoError(t, err)
			require.Equal(t, img.Hash(), again.Hash())
		})
	})
}

func FuzzRecover(f *testing.F) {
	_, records, _ := NewCluster(peer.UUID{1}, peers(1, 2))
	for _, r := range records {
		f.Add(uint8(r.Type), r.Payload)
	}
	entry := &pb.Entry{Term: new(uint64(1)), Index: new(uint64(2)), Data: []byte("data")}
	r := entryRecord(entry)
	f.Add(uint8(r.Type), r.Payload)
	f.Fuzz(func(t *testing.T, typ uint8, payload []byte) {
		_, records, image := NewCluster(peer.UUID{1}, peers(1, 2))
		records = append(records, Record{Type: RecordType(typ), Payload: payload})
		if _, _, err := LastSnapshot(records); err != nil {
			return
		}
		Checkpointed(records)
		_, _ = Recover(records, image)
	})
}
