package looptest

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/wire/peer"
)

// Cluster is the metadata of the hosted loop's cluster, made from lines of text, with the names of
// topics.
type Cluster struct {
	Image *meta.Image

	index  meta.Index
	handed *meta.Image              // the newest image that a control loop gave its shards
	topics map[kafka.TopicID]string // with deleted topics
	newest map[string]kafka.TopicID // by name, with deleted topics
	starts map[kafka.NodeID]byte    // how often a node was registered
}

// ClusterID is the id of every transcript's cluster.
var ClusterID = peer.UUID{0xc1}

// NewCluster returns a cluster without brokers.
func NewCluster() *Cluster {
	image := meta.NewImage(ClusterID)
	return &Cluster{
		Image: image, index: image.Index(),
		topics: map[kafka.TopicID]string{}, newest: map[string]kafka.TopicID{},
		starts: map[kafka.NodeID]byte{},
	}
}

// Incarnation is the present incarnation of a node, as the metadata lines register it.
func (c *Cluster) Incarnation(node kafka.NodeID) peer.UUID {
	return peer.UUID{byte(node), max(1, c.starts[node])}
}

// Directory is the directory id of a node. Its Raft id is the number of the node.
func Directory(node kafka.NodeID) peer.UUID { return peer.UUID{7: byte(node)} }

// Voters are nodes with their directories.
func Voters(nodes ...kafka.NodeID) (voters []meta.PeerID) {
	for _, n := range nodes {
		voters = append(voters, meta.PeerID{Node: n, Directory: Directory(n)})
	}
	return voters
}

// DataAddr is the address of a node for data connections.
func DataAddr(node kafka.NodeID) string { return fmt.Sprintf("data-%d:1", node) }

// ControlAddr is the address of a node for control connections.
func ControlAddr(node kafka.NodeID) string { return fmt.Sprintf("control-%d:1", node) }

func (c *Cluster) nodeAt(addr string) string {
	host, _, _ := strings.Cut(addr, ":")
	_, node, found := strings.Cut(host, "-")
	if !found {
		return addr
	}
	return "node " + node
}

// Apply applies a command at the next index of the metadata log.
func (c *Cluster) Apply(cmd meta.Command) (meta.Verdict, meta.Changes) {
	c.index++
	if created, ok := cmd.(*meta.CreateTopics); ok {
		for _, t := range created.Topics {
			c.name(t.ID, t.Name)
		}
	}
	image, verdict, changes := c.Image.Apply(c.index, cmd)
	c.Image = image
	return verdict, changes
}

// Line makes commands from a line:
//
//	register N [suspect=T/P] [unnamed] [whole=T/P]   a new incarnation of node N
//	unfence N | fence N | drain N | full N | roomy N
//	broker N,...                registers and unfences nodes
//	topic T replicas=N,N[/N,N...] [KEY=VALUE...]     a partition for each list
//	delete T
//	isr T/P N,N [leader=N] [leader-epoch=E] [partition-epoch=E] [broker-epoch=N:E]
//	                            AlterPartition of the leader, at the present epochs
//	                            unless they are given
//	elect T/P [unclean] [resigned]
//	handover T/P                ask the leader to hand over to the preferred replica
func (c *Cluster) Line(line string) ([]meta.Command, error) {
	words := strings.Fields(line)
	if len(words) < 2 {
		return nil, fmt.Errorf("metadata line %q", line)
	}
	if words[0] == "broker" {
		return c.brokers(words[1])
	}
	if slices.Contains([]string{"topic", "delete", "alter", "isr", "elect", "handover"}, words[0]) {
		return c.topicLine(words)
	}
	node, err := Node(words[1])
	if err != nil {
		return nil, err
	}
	var epoch kafka.BrokerEpoch
	if b := c.Image.Broker(node); b != nil {
		epoch = b.Epoch
	}
	switch words[0] {
	case "register":
		register, err := c.register(node, words[2:])
		return []meta.Command{register}, err
	case "unfence":
		return []meta.Command{&meta.UnfenceBroker{Node: node, Epoch: epoch}}, nil
	case "fence":
		return []meta.Command{&meta.FenceBroker{Node: node, Epoch: epoch}}, nil
	case "drain":
		return []meta.Command{&meta.DrainBroker{Node: node, Epoch: epoch}}, nil
	case "full", "roomy":
		full := words[0] == "full"
		return []meta.Command{&meta.SetBrokerFull{Node: node, Epoch: epoch, Full: full}}, nil
	default:
		return nil, fmt.Errorf("unknown metadata line %q", line)
	}
}

// brokers registers and unfences nodes. A broker's epoch is the index of its registration.
func (c *Cluster) brokers(list string) (commands []meta.Command, err error) {
	nodes, err := Nodes(list)
	if err != nil {
		return nil, err
	}
	for _, node := range nodes {
		register, err := c.register(node, nil)
		if err != nil {
			return nil, err
		}
		epoch := kafka.BrokerEpoch(c.index) + kafka.BrokerEpoch(len(commands)) + 1
		commands = append(commands, register, &meta.UnfenceBroker{Node: node, Epoch: epoch})
	}
	return commands, nil
}

func (c *Cluster) register(node kafka.NodeID, options []string) (meta.Command, error) {
	c.starts[node]++
	cmd := &meta.RegisterBroker{
		Node: node, Incarnation: c.Incarnation(node), Directory: Directory(node),
		Endpoints: meta.Endpoints{
			Host: fmt.Sprintf("host-%d", node), Port: 9092,
			PeerAddr: ControlAddr(node), DataAddr: DataAddr(node),
		},
	}
	for _, option := range options {
		key, value, _ := strings.Cut(option, "=")
		switch key {
		case "unnamed":
			cmd.Unnamed = true
		case "suspect", "whole":
			id, err := c.PartitionID(value)
			if err != nil {
				return nil, err
			}
			if key == "suspect" {
				cmd.Suspects = append(cmd.Suspects, id)
			} else {
				cmd.Whole = append(cmd.Whole, id)
			}
		default:
			return nil, fmt.Errorf("unknown option %q", option)
		}
	}
	return cmd, nil
}

func (c *Cluster) topicLine(words []string) ([]meta.Command, error) {
	switch words[0] {
	case "topic":
		return c.newTopic(words)
	case "alter":
		return c.alter(words[1:])
	case "delete":
		return []meta.Command{&meta.DeleteTopics{Topics: []meta.TopicRef{{Name: words[1]}}}}, nil
	}
	id, err := c.PartitionID(words[1])
	if err != nil {
		return nil, err
	}
	p := c.Image.Partition(id)
	if p == nil {
		return nil, fmt.Errorf("there is no partition %s", words[1])
	}
	if words[0] == "isr" {
		return c.alterISR(id, p, words[2:])
	}
	if words[0] == "handover" {
		return []meta.Command{&meta.AskHandover{
			Partitions: c.Image.Elections([]kafka.PartitionID{id}),
		}}, nil
	}
	return []meta.Command{&meta.ElectLeaders{
		Unclean:    slices.Contains(words, "unclean"),
		Resigned:   slices.Contains(words, "resigned"),
		Partitions: c.Image.Elections([]kafka.PartitionID{id}),
	}}, nil
}

// alter sets a configuration of a topic, or of the cluster: alter t key=value, alter key=value.
func (c *Cluster) alter(words []string) ([]meta.Command, error) {
	change := meta.ConfigChange{Resource: meta.ConfigResource{Type: meta.BrokerResource}}
	for _, word := range words {
		key, value, set := strings.Cut(word, "=")
		if !set {
			change.Resource = meta.ConfigResource{Type: meta.TopicResource, Name: word}
			continue
		}
		change.Ops = append(change.Ops, meta.ConfigOp{Name: key, Value: value})
	}
	return []meta.Command{&meta.AlterConfigs{Resources: []meta.ConfigChange{change}}}, nil
}

func (c *Cluster) newTopic(words []string) ([]meta.Command, error) {
	topic := meta.NewTopic{
		Name: words[1], ID: c.freshID(words[1]), Partitions: -1, ReplicationFactor: -1,
	}
	for _, word := range words[2:] {
		key, value, _ := strings.Cut(word, "=")
		if key != "replicas" {
			topic.Configs = append(topic.Configs, meta.Config{Name: key, Value: value})
			continue
		}
		for _, list := range strings.Split(value, "/") {
			nodes, err := Nodes(list)
			if err != nil {
				return nil, err
			}
			topic.Assignments = append(topic.Assignments, nodes)
		}
	}
	return []meta.Command{&meta.CreateTopics{Topics: []meta.NewTopic{topic}}}, nil
}

// freshID is an id that no earlier topic of the name had.
func (c *Cluster) freshID(name string) (id kafka.TopicID) {
	copy(id[:], name)
	for id[15] = 1; c.topics[id] != ""; id[15]++ {
	}
	return id
}

func (c *Cluster) alterISR(
	id kafka.PartitionID, p *meta.Partition, words []string,
) ([]meta.Command, error) {
	wanted := meta.NewISR{ID: id, LeaderEpoch: p.LeaderEpoch, PartitionEpoch: p.PartitionEpoch}
	nodes, err := Nodes(words[0])
	if err != nil {
		return nil, err
	}
	for _, node := range nodes {
		wanted.ISR = append(wanted.ISR, meta.ISRMember{Node: node, Epoch: c.brokerEpoch(node)})
	}
	cmd := &meta.AlterPartition{Leader: p.Leader, BrokerEpoch: c.brokerEpoch(p.Leader)}
	for _, word := range words[1:] {
		key, value, _ := strings.Cut(word, "=")
		of, number, both := strings.Cut(value, ":")
		if !both {
			number = value
		}
		n, err := strconv.Atoi(number)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", word, err)
		}
		switch key {
		case "leader":
			cmd.Leader, cmd.BrokerEpoch = kafka.NodeID(n), c.brokerEpoch(kafka.NodeID(n))
		case "leader-epoch":
			wanted.LeaderEpoch = kafka.LeaderEpoch(n)
		case "partition-epoch":
			wanted.PartitionEpoch = kafka.PartitionEpoch(n)
		case "broker-epoch":
			for i := range wanted.ISR {
				if strconv.Itoa(int(wanted.ISR[i].Node)) == of {
					wanted.ISR[i].Epoch = kafka.BrokerEpoch(n)
				}
			}
		default:
			return nil, fmt.Errorf("unknown option %q", word)
		}
	}
	cmd.Partitions = []meta.NewISR{wanted}
	return []meta.Command{cmd}, nil
}

func (c *Cluster) brokerEpoch(node kafka.NodeID) kafka.BrokerEpoch {
	if b := c.Image.Broker(node); b != nil {
		return b.Epoch
	}
	return 0
}

// Node reads a node id.
func Node(text string) (kafka.NodeID, error) {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("node id: %w", err)
	}
	return kafka.NodeID(n), nil
}

// Nodes reads node ids with commas between them.
func Nodes(list string) (nodes []kafka.NodeID, err error) {
	for _, text := range strings.Split(list, ",") {
		node, err := Node(text)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, node)
	}
	return nodes, nil
}

// PartitionID reads "topic/partition". If several topics have had the name, it means the last one.
func (c *Cluster) PartitionID(text string) (id kafka.PartitionID, err error) {
	name, number, _ := strings.Cut(text, "/")
	n, err := strconv.ParseInt(number, 10, 32)
	if err != nil {
		return id, fmt.Errorf("partition %q: %w", text, err)
	}
	id.Partition = int32(n)
	topic, ok := c.newest[name]
	if !ok {
		return id, fmt.Errorf("there is no topic %q", name)
	}
	id.Topic = topic
	return id, nil
}

func (c *Cluster) name(id kafka.TopicID, name string) {
	c.topics[id], c.newest[name] = name, id
}

// Partition prints a partition's id.
func (c *Cluster) Partition(id kafka.PartitionID) string {
	name, ok := c.topics[id.Topic]
	if !ok {
		name = id.Topic.String()
	}
	return fmt.Sprintf("%s/%d", name, id.Partition)
}

// topicDir prints a directory of partitions by the topic's name.
func (c *Cluster) topicDir(dir string) string {
	id, err := hex.DecodeString(strings.Trim(dir, "/-"))
	if name, ok := c.topics[kafka.TopicID(id)]; ok && err == nil {
		return "/" + name + "-"
	}
	return dir
}

// Partitions prints a list of partition ids.
func (c *Cluster) Partitions(ids []kafka.PartitionID) string {
	if len(ids) == 0 {
		return "none"
	}
	var list []string
	for _, id := range ids {
		list = append(list, c.Partition(id))
	}
	return strings.Join(list, " ")
}

// List prints node ids.
func List(nodes []kafka.NodeID) string {
	if len(nodes) == 0 {
		return "none"
	}
	var list []string
	for _, node := range nodes {
		list = append(list, strconv.Itoa(int(node)))
	}
	return strings.Join(list, ",")
}

// Registration prints the registration of a partition.
func Registration(p *meta.Partition) string {
	if p == nil {
		return "does not exist"
	}
	text := fmt.Sprintf("leader %d", p.Leader)
	if p.Leader == kafka.NoNode {
		text = "no leader"
	}
	text += fmt.Sprintf(", leader epoch %d, ISR %s", p.LeaderEpoch, List(p.ISR))
	if len(p.ELR) > 0 {
		text += ", ELR " + List(p.ELR)
	}
	if len(p.LastKnown) > 0 {
		text += ", last known " + List(p.LastKnown)
	}
	return text + fmt.Sprintf(", partition epoch %d", p.PartitionEpoch)
}

// Command prints a metadata command.
func (c *Cluster) Command(cmd meta.Command) string {
	switch m := cmd.(type) {
	case *meta.RegisterBroker:
		text := fmt.Sprintf("register node %d", m.Node)
		if m.Unnamed {
			return text + ", all suspect but " + c.Partitions(m.Whole)
		}
		if len(m.Suspects) > 0 {
			text += ", suspect " + c.Partitions(m.Suspects)
		}
		return text
	case *meta.UnfenceBroker:
		return fmt.Sprintf("unfence node %d", m.Node)
	case *meta.FenceBroker:
		return fmt.Sprintf("fence node %d", m.Node)
	case *meta.DrainBroker:
		return fmt.Sprintf("drain node %d", m.Node)
	case *meta.SetBrokerFull:
		return fmt.Sprintf("node %d full: %t", m.Node, m.Full)
	case *meta.CreateTopics:
		var names []string
		for _, t := range m.Topics {
			c.name(t.ID, t.Name)
			names = append(names, t.Name)
		}
		return "create topics " + strings.Join(names, " ")
	case *meta.DeleteTopics:
		var names []string
		for _, t := range m.Topics {
			names = append(names, t.Name)
		}
		return "delete topics " + strings.Join(names, " ")
	case *meta.AlterPartition:
		var list []string
		for _, p := range m.Partitions {
			var isr []string
			for _, member := range p.ISR {
				isr = append(isr, strconv.Itoa(int(member.Node)))
			}
			list = append(list, fmt.Sprintf("ISR of %s to %s at partition epoch %d",
				c.Partition(p.ID), strings.Join(isr, ","), p.PartitionEpoch))
		}
		return strings.Join(list, "; ")
	case *meta.ElectLeaders:
		var ids []kafka.PartitionID
		for _, e := range m.Partitions {
			ids = append(ids, e.ID)
		}
		return "elect leaders of " + c.Partitions(ids)
	case *meta.TakeOffline:
		var ids []kafka.PartitionID
		for _, e := range m.Partitions {
			ids = append(ids, e.ID)
		}
		return fmt.Sprintf("take node %d offline for %s", m.Node, c.Partitions(ids))
	case *meta.AllocateProducerIDs:
		return fmt.Sprintf("producer ids for node %d", m.Node)
	case *meta.Bootstrap:
		return "bootstrap the cluster"
	default:
		return strings.TrimPrefix(fmt.Sprintf("%T", cmd), "*meta.")
	}
}
