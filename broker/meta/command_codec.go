package meta

import (
	"fmt"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/wire/peer"
)

// A command is its kind (u8) and its fields in order. The data of a Raft entry
// is a batch of commands:
//
//	version u8 | count u32 | count × ( id: node i32, incarnation, seq u64 | length u32 | command )
const batchVersion uint8 = 1

// Proposed is a command with the id that its verdict is returned under.
type Proposed struct {
	ID      peer.CommandID
	Command Command
}

// EncodeCommand returns the bytes of one command, as peer.Propose carries it.
func EncodeCommand(c Command) []byte {
	w := &writer{}
	w.u8(uint8(c.kind()))
	c.encode(w)
	return w.b
}

// DecodeCommand reads one command. It keeps nothing of b.
func DecodeCommand(b []byte) (Command, error) {
	r := &reader{b: b}
	c := decodeCommand(r)
	if c == nil || !r.done() {
		return nil, fmt.Errorf("meta: decode command: malformed, %d bytes", len(b))
	}
	return c, nil
}

// encodeBatch encodes an entry from commands that are encoded already.
func encodeBatch(ids []peer.CommandID, commands [][]byte) []byte {
	w := &writer{}
	w.u8(batchVersion)
	w.count(len(ids))
	for i, id := range ids {
		w.command(id)
		w.bytes(commands[i])
	}
	return w.b
}

func decodeBatch(b []byte) ([]Proposed, error) {
	r := &reader{b: b}
	if v := r.u8(); v != batchVersion {
		return nil, fmt.Errorf("meta: decode entry: version %d is unknown", v)
	}
	batch := make([]Proposed, r.count(33))
	for i := range batch {
		id, body := r.command(), r.take(r.count(1))
		c, err := DecodeCommand(body)
		if err != nil {
			return nil, err
		}
		batch[i] = Proposed{id, c}
	}
	if !r.done() {
		return nil, fmt.Errorf("meta: decode entry: malformed, %d bytes", len(b))
	}
	return batch, nil
}

// eachRegistration calls each for the registrations of an entry, and decodes no other command.
func eachRegistration(entry []byte, each func(*RegisterBroker)) {
	r := &reader{b: entry}
	if r.u8() != batchVersion {
		return
	}
	for n := r.count(33); n > 0; n-- {
		r.command()
		body := &reader{b: r.take(r.count(1))}
		if commandKind(body.u8()) == kindRegisterBroker {
			each(decodeRegister(body))
		}
	}
}

func decodeCommand(r *reader) Command {
	switch commandKind(r.u8()) {
	case kindBootstrap:
		return &Bootstrap{Defaults: decodeConfigs(r)}
	case kindRegisterBroker:
		return decodeRegister(r)
	case kindFenceBroker:
		return &FenceBroker{r.node(), kafka.BrokerEpoch(r.i64())}
	case kindUnfenceBroker:
		return &UnfenceBroker{r.node(), kafka.BrokerEpoch(r.i64())}
	case kindDrainBroker:
		return &DrainBroker{r.node(), kafka.BrokerEpoch(r.i64())}
	case kindCreateTopics:
		return decodeCreateTopics(r)
	case kindCreatePartitions:
		c := &CreatePartitions{}
		for n := r.count(12); n > 0; n-- {
			c.Topics = append(c.Topics, MorePartitions{r.str(), r.i32(), decodeAssignments(r)})
		}
		return c
	case kindDeleteTopics:
		c := &DeleteTopics{}
		for n := r.count(20); n > 0; n-- {
			c.Topics = append(c.Topics, TopicRef{r.str(), r.uuid()})
		}
		return c
	case kindAlterPartition:
		return decodeAlterPartition(r)
	case kindAllocateProducerIDs:
		return &AllocateProducerIDs{r.node(), kafka.BrokerEpoch(r.i64())}
	case kindAlterConfigs:
		return decodeAlterConfigs(r)
	case kindElectLeaders:
		return &ElectLeaders{r.bool(), r.bool(), decodeElections(r)}
	case kindSetFeature:
		return &SetFeature{r.str(), int16(r.u16())}
	case kindSetBrokerFull:
		return &SetBrokerFull{r.node(), kafka.BrokerEpoch(r.i64()), r.bool()}
	case kindAddVoter:
		return &AddVoter{PeerID{r.node(), r.uuid()}}
	case kindRemoveVoter:
		return &RemoveVoter{PeerID{r.node(), r.uuid()}}
	case kindTakeOffline:
		return &TakeOffline{r.node(), kafka.BrokerEpoch(r.i64()), decodeElections(r)}
	case kindAskHandover:
		return &AskHandover{decodeElections(r)}
	}
	return nil
}

func (*Bootstrap) kind() commandKind           { return kindBootstrap }
func (*RegisterBroker) kind() commandKind      { return kindRegisterBroker }
func (*FenceBroker) kind() commandKind         { return kindFenceBroker }
func (*UnfenceBroker) kind() commandKind       { return kindUnfenceBroker }
func (*DrainBroker) kind() commandKind         { return kindDrainBroker }
func (*CreateTopics) kind() commandKind        { return kindCreateTopics }
func (*CreatePartitions) kind() commandKind    { return kindCreatePartitions }
func (*DeleteTopics) kind() commandKind        { return kindDeleteTopics }
func (*AlterPartition) kind() commandKind      { return kindAlterPartition }
func (*AllocateProducerIDs) kind() commandKind { return kindAllocateProducerIDs }
func (*AlterConfigs) kind() commandKind        { return kindAlterConfigs }
func (*ElectLeaders) kind() commandKind        { return kindElectLeaders }
func (*SetFeature) kind() commandKind          { return kindSetFeature }
func (*SetBrokerFull) kind() commandKind       { return kindSetBrokerFull }
func (*AddVoter) kind() commandKind            { return kindAddVoter }
func (*RemoveVoter) kind() commandKind         { return kindRemoveVoter }
func (*TakeOffline) kind() commandKind         { return kindTakeOffline }
func (*AskHandover) kind() commandKind         { return kindAskHandover }

func (c *Bootstrap) encode(w *writer) { encodeConfigs(w, c.Defaults) }

func (c *RegisterBroker) encode(w *writer) {
	w.node(c.Node)
	w.uuid(c.Incarnation)
	w.uuid(c.Directory)
	c.Starts.encode(w)
	encodeEndpoints(w, &c.Endpoints)
	encodePartitions(w, c.Suspects)
	w.bool(c.Unnamed)
	encodePartitions(w, c.Whole)
}

func decodeRegister(r *reader) *RegisterBroker {
	c := &RegisterBroker{Node: r.node(), Incarnation: r.uuid(), Directory: r.uuid()}
	c.Starts = decodeStarts(r)
	c.Endpoints = decodeEndpoints(r)
	c.Suspects = decodePartitions(r)
	c.Unnamed = r.bool()
	c.Whole = decodePartitions(r)
	return c
}

func encodePartitions(w *writer, ids []kafka.PartitionID) {
	w.count(len(ids))
	for _, id := range ids {
		w.partition(id)
	}
}

func decodePartitions(r *reader) (ids []kafka.PartitionID) {
	for n := r.count(20); n > 0; n-- {
		ids = append(ids, r.partition())
	}
	return ids
}

func encodeIncarnation(w *writer, node kafka.NodeID, epoch kafka.BrokerEpoch) {
	w.node(node)
	w.i64(int64(epoch))
}

func (c *FenceBroker) encode(w *writer)         { encodeIncarnation(w, c.Node, c.Epoch) }
func (c *UnfenceBroker) encode(w *writer)       { encodeIncarnation(w, c.Node, c.Epoch) }
func (c *DrainBroker) encode(w *writer)         { encodeIncarnation(w, c.Node, c.Epoch) }
func (c *AllocateProducerIDs) encode(w *writer) { encodeIncarnation(w, c.Node, c.Epoch) }

func encodeAssignments(w *writer, a [][]kafka.NodeID) {
	w.count(len(a))
	for _, replicas := range a {
		w.nodes(replicas)
	}
}

func decodeAssignments(r *reader) (a [][]kafka.NodeID) {
	for n := r.count(4); n > 0; n-- {
		a = append(a, r.nodes())
	}
	return a
}

func (c *CreateTopics) encode(w *writer) {
	w.i32(c.DefaultPartitions)
	w.u16(uint16(c.DefaultReplication))
	w.count(len(c.Topics))
	for i := range c.Topics {
		t := &c.Topics[i]
		w.str(t.Name)
		w.uuid(t.ID)
		w.i32(t.Partitions)
		w.u16(uint16(t.ReplicationFactor))
		encodeAssignments(w, t.Assignments)
		encodeConfigs(w, t.Configs)
	}
}

func decodeCreateTopics(r *reader) Command {
	c := &CreateTopics{DefaultPartitions: r.i32(), DefaultReplication: int16(r.u16())}
	for n := r.count(34); n > 0; n-- {
		c.Topics = append(c.Topics, NewTopic{
			Name: r.str(), ID: r.uuid(), Partitions: r.i32(), ReplicationFactor: int16(r.u16()),
			Assignments: decodeAssignments(r), Configs: decodeConfigs(r),
		})
	}
	return c
}

func (c *CreatePartitions) encode(w *writer) {
	w.count(len(c.Topics))
	for _, t := range c.Topics {
		w.str(t.Name)
		w.i32(t.Total)
		encodeAssignments(w, t.Assignments)
	}
}

func (c *DeleteTopics) encode(w *writer) {
	w.count(len(c.Topics))
	for _, t := range c.Topics {
		w.str(t.Name)
		w.uuid(t.ID)
	}
}

func (c *AlterPartition) encode(w *writer) {
	encodeIncarnation(w, c.Leader, c.BrokerEpoch)
	w.count(len(c.Partitions))
	for i := range c.Partitions {
		p := &c.Partitions[i]
		w.partition(p.ID)
		w.i32(int32(p.LeaderEpoch))
		w.i32(int32(p.PartitionEpoch))
		w.count(len(p.ISR))
		for _, m := range p.ISR {
			encodeIncarnation(w, m.Node, m.Epoch)
		}
	}
}

func decodeAlterPartition(r *reader) Command {
	c := &AlterPartition{Leader: r.node(), BrokerEpoch: kafka.BrokerEpoch(r.i64())}
	for n := r.count(32); n > 0; n-- {
		p := NewISR{
			ID: r.partition(), LeaderEpoch: kafka.LeaderEpoch(r.i32()),
			PartitionEpoch: kafka.PartitionEpoch(r.i32()),
		}
		for m := r.count(12); m > 0; m-- {
			p.ISR = append(p.ISR, ISRMember{r.node(), kafka.BrokerEpoch(r.i64())})
		}
		c.Partitions = append(c.Partitions, p)
	}
	return c
}

func (c *AlterConfigs) encode(w *writer) {
	w.count(len(c.Resources))
	for i := range c.Resources {
		res := &c.Resources[i]
		w.u8(uint8(res.Resource.Type))
		w.str(res.Resource.Name)
		w.bool(res.Replace)
		w.count(len(res.Ops))
		for _, op := range res.Ops {
			w.u8(uint8(op.Op))
			w.str(op.Name)
			w.str(op.Value)
		}
	}
}

func decodeAlterConfigs(r *reader) Command {
	c := &AlterConfigs{}
	for n := r.count(10); n > 0; n-- {
		res := ConfigChange{
			Resource: ConfigResource{ResourceType(r.u8()), r.str()}, Replace: r.bool(),
		}
		for m := r.count(9); m > 0; m-- {
			res.Ops = append(res.Ops, ConfigOp{ConfigOpKind(r.u8()), r.str(), r.str()})
		}
		c.Resources = append(c.Resources, res)
	}
	return c
}

func (c *ElectLeaders) encode(w *writer) {
	w.bool(c.Unclean)
	w.bool(c.Resigned)
	encodeElections(w, c.Partitions)
}

func (c *TakeOffline) encode(w *writer) {
	encodeIncarnation(w, c.Node, c.Epoch)
	encodeElections(w, c.Partitions)
}

func (c *AskHandover) encode(w *writer) { encodeElections(w, c.Partitions) }

func encodeElections(w *writer, list []Election) {
	w.count(len(list))
	for _, p := range list {
		w.partition(p.ID)
		w.i32(int32(p.LeaderEpoch))
	}
}

func decodeElections(r *reader) (list []Election) {
	for n := r.count(24); n > 0; n-- {
		list = append(list, Election{r.partition(), kafka.LeaderEpoch(r.i32())})
	}
	return list
}

func (c *SetFeature) encode(w *writer) {
	w.str(c.Name)
	w.u16(uint16(c.Level))
}

func (c *SetBrokerFull) encode(w *writer) {
	encodeIncarnation(w, c.Node, c.Epoch)
	w.bool(c.Full)
}

func (c *AddVoter) encode(w *writer)    { c.PeerID.encode(w) }
func (c *RemoveVoter) encode(w *writer) { c.PeerID.encode(w) }

func (p PeerID) encode(w *writer) {
	w.node(p.Node)
	w.uuid(p.Directory)
}
