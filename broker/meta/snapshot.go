package meta

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/fnv"

	"example.com/lockstep/broker/kafka"
)

// An encoded image:
//
//	+-------+---------+------------------------------------------+--------+
//	| magic | version | index, cluster, counters, members,       | CRC32C |
//	| u32   | u16     | features, brokers, topics, broker configs| u32    |
//	+-------+---------+------------------------------------------+--------+
//
// Everything is sorted, so equal images have equal bytes. The checksum covers all bytes
// before it. No older version is read: a directory of that time is refused.
const (
	imageMagic   uint32 = 0x4c4b4d49 // "LKMI"
	imageVersion uint16 = 5
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ErrCorruptImage marks bytes that are not an image.
var ErrCorruptImage = errors.New("corrupt image")

// Encode returns the image's bytes, which the caller owns.
func (img *Image) Encode() []byte {
	w := &writer{b: make([]byte, 0, 256+img.topics.Len()*256)}
	w.u32(imageMagic)
	w.u16(imageVersion)
	w.u64(uint64(img.index))
	w.uuid(img.cluster)
	w.bool(img.bootstrapped)
	w.i64(img.nextProducerID)
	w.u64(img.placed)
	encodeMembers(w, img)
	w.count(img.features.Len())
	img.features.Scan(func(name string, level int16) bool {
		w.str(name)
		w.u16(uint16(level))
		return true
	})
	w.count(img.brokers.Len())
	img.brokers.Scan(func(_ int32, b *Broker) bool {
		encodeBroker(w, b)
		return true
	})
	w.count(img.topics.Len())
	img.topics.Scan(func(_ string, t *Topic) bool {
		encodeTopic(w, t)
		return true
	})
	w.count(img.brokerConfigs.Len())
	img.brokerConfigs.Scan(func(name string, c Configs) bool {
		w.str(name)
		encodeConfigs(w, c)
		return true
	})
	w.u32(crc32.Checksum(w.b, castagnoli))
	return w.b
}

// DecodeImage reads an image. It keeps nothing of b.
func DecodeImage(b []byte) (*Image, error) {
	if len(b) < 10 {
		return nil, fmt.Errorf("meta: decode image: %w: %d bytes", ErrCorruptImage, len(b))
	}
	body, sum := b[:len(b)-4], binary.BigEndian.Uint32(b[len(b)-4:])
	if crc32.Checksum(body, castagnoli) != sum {
		return nil, fmt.Errorf("meta: decode image: %w: checksum differs", ErrCorruptImage)
	}
	r := &reader{b: body}
	if r.u32() != imageMagic {
		return nil, fmt.Errorf("meta: decode image: %w: not an image", ErrCorruptImage)
	}
	version := r.u16()
	if version != imageVersion {
		return nil, fmt.Errorf("meta: decode image: version %d is unknown", version)
	}
	img := decodeBody(r)
	if !r.done() {
		return nil, fmt.Errorf("meta: decode image: %w: the fields do not match the length",
			ErrCorruptImage)
	}
	return img, nil
}

func decodeBody(r *reader) *Image {
	index := Index(r.u64())
	img := NewImage(r.uuid())
	img.index = index
	img.bootstrapped = r.bool()
	img.nextProducerID = r.i64()
	img.placed = r.u64()
	decodeMembers(r, img)
	for n := r.count(6); n > 0; n-- {
		name := r.str()
		img.features.Set(name, int16(r.u16()))
	}
	for n := r.count(48); n > 0; n-- {
		b := decodeBroker(r)
		img.brokers.Set(int32(b.ID), b)
	}
	for n := r.count(28); n > 0; n-- {
		t := decodeTopic(r)
		img.topics.Set(t.Name, t)
		img.names.Set(string(t.ID[:]), t.Name)
		img.usage.addTopic(t)
	}
	for n := r.count(8); n > 0; n-- {
		name := r.str()
		set := decodeConfigs(r)
		img.brokerConfigs.Set(name, set)
		img.usage.configBytes += set.bytes()
	}
	return img
}

// Hash is a 64-bit digest of the image, equal on all nodes at equal indexes.
func (img *Image) Hash() uint64 {
	h := fnv.New64a()
	h.Write(img.Encode())
	return h.Sum64()
}

func encodeMembers(w *writer, img *Image) {
	w.count(len(img.members))
	for _, m := range img.members {
		m.PeerID.encode(w)
		w.bool(m.Voter)
		w.bool(m.Promote)
		w.bool(m.Leaving)
	}
	w.count(len(img.removed))
	for _, id := range img.removed {
		id.encode(w)
	}
}

func decodeMembers(r *reader, img *Image) {
	for n := r.count(23); n > 0; n-- {
		img.members = append(img.members, Member{
			PeerID: PeerID{r.node(), r.uuid()}, Voter: r.bool(), Promote: r.bool(),
			Leaving: r.bool(),
		})
	}
	for n := r.count(20); n > 0; n-- {
		img.removed = append(img.removed, PeerID{r.node(), r.uuid()})
	}
}

func encodeBroker(w *writer, b *Broker) {
	w.node(b.ID)
	w.uuid(b.Incarnation)
	w.uuid(b.Directory)
	w.u64(b.Starts)
	w.i64(int64(b.Epoch))
	w.bool(b.Fenced)
	w.bool(b.Draining)
	w.u64(uint64(b.LastLoss))
	w.bool(b.Full)
	encodeEndpoints(w, &b.Endpoints)
}

func encodeEndpoints(w *writer, e *Endpoints) {
	w.str(e.Host)
	w.i32(e.Port)
	w.str(e.PeerAddr)
	w.str(e.DataAddr)
	w.str(e.Rack)
	w.count(len(e.Features))
	for _, f := range e.Features {
		w.str(f.Name)
		w.u16(uint16(f.Min))
		w.u16(uint16(f.Max))
	}
}

func decodeBroker(r *reader) *Broker {
	b := &Broker{
		ID: r.node(), Incarnation: r.uuid(), Directory: r.uuid(), Starts: r.u64(),
		Epoch:  kafka.BrokerEpoch(r.i64()),
		Fenced: r.bool(), Draining: r.bool(), LastLoss: Index(r.u64()),
		Full: r.bool(),
	}
	b.Endpoints = decodeEndpoints(r)
	return b
}

func decodeEndpoints(r *reader) Endpoints {
	e := Endpoints{
		Host: r.str(), Port: r.i32(), PeerAddr: r.str(), DataAddr: r.str(), Rack: r.str(),
	}
	for n := r.count(8); n > 0; n-- {
		e.Features = append(e.Features,
			Feature{Name: r.str(), Min: int16(r.u16()), Max: int16(r.u16())})
	}
	return e
}

func encodeTopic(w *writer, t *Topic) {
	w.str(t.Name)
	w.uuid(t.ID)
	encodeConfigs(w, t.Configs)
	w.count(len(t.Partitions))
	for _, p := range t.Partitions {
		w.nodes(p.Replicas)
		w.nodes(p.ISR)
		w.nodes(p.ELR)
		w.nodes(p.LastKnown)
		w.node(p.Leader)
		w.i32(int32(p.LeaderEpoch))
		w.i32(int32(p.PartitionEpoch))
		w.i32(int32(p.UncleanEpoch))
		w.count(len(p.Losses))
		for _, l := range p.Losses {
			w.node(l.Node)
			w.u64(uint64(l.Index))
		}
	}
}

func decodeTopic(r *reader) *Topic {
	t := &Topic{Name: r.str(), ID: r.uuid(), Configs: decodeConfigs(r)}
	n := r.count(36)
	t.Partitions = make([]*Partition, n)
	for i := range t.Partitions {
		p := &Partition{
			Replicas: r.nodes(), ISR: r.nodes(), ELR: r.nodes(), LastKnown: r.nodes(),
			Leader: r.node(), LeaderEpoch: kafka.LeaderEpoch(r.i32()),
			PartitionEpoch: kafka.PartitionEpoch(r.i32()),
			UncleanEpoch:   kafka.LeaderEpoch(r.i32()),
		}
		for m := r.count(12); m > 0; m-- {
			p.Losses = append(p.Losses, Loss{Node: r.node(), Index: Index(r.u64())})
		}
		t.Partitions[i] = p
	}
	return t
}

func encodeConfigs(w *writer, c Configs) {
	w.count(len(c))
	for _, e := range c {
		w.str(e.Name)
		w.str(e.Value)
	}
}

func decodeConfigs(r *reader) Configs {
	n := r.count(8)
	if n == 0 {
		return nil
	}
	c := make(Configs, n)
	for i := range c {
		c[i] = Config{Name: r.str(), Value: r.str()}
	}
	return c
}
