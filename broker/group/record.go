package group

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/kafka"
)

// The versions of keys say what a record is.
const (
	offsetKeyOld  = 0 // read like version 1
	offsetKey     = 1
	groupKey      = 2
	newestValue   = 4 // of both kinds of values, that is understood
	groupValue    = 3 // that is written, as by Kafka 4.3
	offsetValue   = 4
	offsetExpires = 1 // the only version that has an expiry of its own
)

// offset is a committed offset.
type offset struct {
	kafka.Offset
	epoch    kafka.LeaderEpoch // of the last record consumed, -1 if not known
	metadata string
	commitMs int64         // when it was committed
	expireMs int64         // when it expires, if the client said so; else -1
	topic    kafka.TopicID // zero if the client gave the name only
}

// change is what a record says. It is applied when the record is committed, or replayed.
type change struct {
	group string
	// at is the offset that changes; nil for the group's generation.
	at     *topicPartition
	offset *offset                  // nil for a tombstone
	meta   *kmsg.GroupMetadataValue // nil for a tombstone
}

// record is the record of a change.
func (ch change) record() Record {
	if ch.at == nil {
		key := kmsg.GroupMetadataKey{Version: groupKey, Group: ch.group}
		r := Record{Key: key.AppendTo(nil)}
		if ch.meta != nil {
			r.Value = ch.meta.AppendTo(nil)
		}
		return r
	}
	key := kmsg.OffsetCommitKey{
		Version: offsetKey, Group: ch.group, Topic: ch.at.topic, Partition: ch.at.partition,
	}
	r := Record{Key: key.AppendTo(nil)}
	if o := ch.offset; o != nil {
		value := kmsg.OffsetCommitValue{
			Version: offsetValue, Offset: int64(o.Offset), LeaderEpoch: int32(o.epoch),
			Metadata: o.metadata, CommitTimestamp: o.commitMs, ExpireTimestamp: o.expireMs,
			TopicID: o.topic,
		}
		if o.expireMs >= 0 {
			value.Version = offsetExpires
		}
		r.Value = value.AppendTo(nil)
	}
	return r
}

// decode reads a record. It returns no change for one of a kind that is not known. The change does
// not refer to key and value.
func decode(key, value []byte) (*change, error) {
	if len(key) < 2 {
		return nil, fmt.Errorf("group: key of %d bytes", len(key))
	}
	switch binary.BigEndian.Uint16(key) {
	case offsetKeyOld, offsetKey:
		return decodeOffset(key, value)
	case groupKey:
		return decodeGroup(key, value)
	default:
		return nil, nil
	}
}

func decodeOffset(key, value []byte) (*change, error) {
	var k kmsg.OffsetCommitKey
	if err := k.ReadFrom(key); err != nil {
		return nil, fmt.Errorf("group: key of an offset: %w", err)
	}
	ch := &change{group: k.Group, at: &topicPartition{k.Topic, k.Partition}}
	if value == nil {
		return ch, nil
	}
	var v kmsg.OffsetCommitValue
	if err := readValue(&v, value); err != nil {
		return nil, fmt.Errorf("group: offset of %s for %s-%d: %w",
			k.Group, k.Topic, k.Partition, err)
	}
	o := offset{
		Offset: kafka.Offset(v.Offset), epoch: -1, metadata: v.Metadata,
		commitMs: v.CommitTimestamp, expireMs: -1, topic: v.TopicID,
	}
	if v.Version >= 3 {
		o.epoch = kafka.LeaderEpoch(v.LeaderEpoch)
	}
	if v.Version == offsetExpires && v.ExpireTimestamp >= 0 {
		o.expireMs = v.ExpireTimestamp
	}
	ch.offset = &o
	return ch, nil
}

func decodeGroup(key, value []byte) (*change, error) {
	var k kmsg.GroupMetadataKey
	if err := k.ReadFrom(key); err != nil {
		return nil, fmt.Errorf("group: key of a group: %w", err)
	}
	if value == nil {
		return &change{group: k.Group}, nil
	}
	v := &kmsg.GroupMetadataValue{}
	err := readValue(v, value)
	if err == nil {
		err = checkMembers(v)
	}
	if err != nil {
		return nil, fmt.Errorf("group: generation of %s: %w", k.Group, err)
	}
	return &change{group: k.Group, meta: v}, nil
}

// readValue reads a value in any version that Kafka 4 writes.
func readValue(v interface{ ReadFrom([]byte) error }, value []byte) error {
	if len(value) < 2 {
		return fmt.Errorf("value of %d bytes", len(value))
	}
	if version := binary.BigEndian.Uint16(value); version > newestValue {
		return fmt.Errorf("value has version %d, the newest known is %d", version, newestValue)
	}
	return v.ReadFrom(value)
}

// checkMembers checks what the state of a group relies on.
func checkMembers(v *kmsg.GroupMetadataValue) error {
	ids, instances := map[string]bool{}, map[string]bool{}
	for _, m := range v.Members {
		if ids[m.MemberID] || m.MemberID == "" {
			return fmt.Errorf("member %q is there twice, or has no id", m.MemberID)
		}
		ids[m.MemberID] = true
		if m.InstanceID != nil {
			if instances[*m.InstanceID] {
				return fmt.Errorf("static member %q is there twice", *m.InstanceID)
			}
			instances[*m.InstanceID] = true
		}
	}
	switch {
	case v.Generation < 0:
		return fmt.Errorf("generation is %d", v.Generation)
	case len(v.Members) == 0:
		return nil
	case v.Protocol == nil:
		return errors.New("there are members, but no protocol")
	case v.Leader == nil || !ids[*v.Leader]:
		return errors.New("the leader is no member")
	}
	return nil
}

// meta is the group's generation as it is written. assigned gives each member's assignment.
func (g *group) meta(assigned func(*member) []byte) *kmsg.GroupMetadataValue {
	v := &kmsg.GroupMetadataValue{
		Version: groupValue, ProtocolType: g.protocolType, Generation: g.generation,
		CurrentStateTimestamp: g.since,
	}
	if g.protocol != "" {
		protocol := g.protocol
		v.Protocol = &protocol
	}
	if g.leader != "" {
		leader := g.leader
		v.Leader = &leader
	}
	for _, m := range g.all() {
		v.Members = append(v.Members, kmsg.GroupMetadataValueMember{
			MemberID: m.id, InstanceID: m.instance, ClientID: m.client.ID,
			ClientHost: m.client.Host, RebalanceTimeoutMillis: int32(m.rebalance.Milliseconds()),
			SessionTimeoutMillis: int32(m.session.Milliseconds()),
			Subscription:         m.metadata(g.protocol), Assignment: assigned(m),
		})
	}
	return v
}
