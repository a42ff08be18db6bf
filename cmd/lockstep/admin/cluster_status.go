package admin

import (
	"fmt"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
)

// clusterStatus is the answer of cluster status.
type clusterStatus struct {
	Status          string              `json:"status"` // "healthy", "degraded" or "unhealthy"
	Problems        []string            `json:"problems"`
	Cluster         string              `json:"cluster_id"`
	Controller      int32               `json:"controller"`
	Topics          int                 `json:"topics"`
	Partitions      int                 `json:"partitions"`
	Unled           int                 `json:"partitions_without_leader"`
	UnderMinISR     int                 `json:"partitions_under_min_isr"`
	UnderReplicated int                 `json:"partitions_under_replicated"`
	NotPreferred    int                 `json:"partitions_not_led_by_preferred"`
	Brokers         []brokerStatus      `json:"brokers"`
	Troubled        []troubledPartition `json:"troubled_partitions"`
	Quorum          []describedMember   `json:"quorum"`

	described *clusterDescription
}

// brokerStatus says what a broker does. A broker that only replicas name is not registered.
type brokerStatus struct {
	describedBroker
	State     string `json:"state"`
	Leads     int    `json:"leads"`
	Replicas  int    `json:"replicas"`
	InSync    int    `json:"in_sync_replicas"`
	Preferred int    `json:"preferred_leader_of"`
}

// troubledPartition is a partition that has no leader or lacks replicas.
type troubledPartition struct {
	Topic     string  `json:"topic"`
	Partition int32   `json:"partition"`
	Problem   string  `json:"problem"`
	Leader    int32   `json:"leader"`
	Replicas  []int32 `json:"replicas"`
	ISR       []int32 `json:"isr"`
}

// statusOf counts what the metadata has. The partitions under min.insync.replicas are counted by
// findUnderMinISR, and judge concludes.
func statusOf(d *clusterDescription, topics kadm.TopicDetails) *clusterStatus {
	s := &clusterStatus{Problems: []string{}, Cluster: d.Cluster, Controller: d.Controller,
		Topics: len(topics), Troubled: []troubledPartition{}, Quorum: d.Quorum,
		described: d}
	for _, b := range d.Brokers {
		s.Brokers = append(s.Brokers, brokerStatus{describedBroker: b, State: b.state()})
	}
	for _, t := range topics.Sorted() {
		for _, p := range t.Partitions.Sorted() {
			s.count(p)
		}
	}
	slices.SortFunc(s.Brokers, func(a, b brokerStatus) int { return int(a.Node - b.Node) })
	return s
}

func (s *clusterStatus) count(p kadm.PartitionDetail) {
	s.Partitions++
	for i, id := range p.Replicas {
		b := s.broker(id)
		b.Replicas++
		if i == 0 {
			b.Preferred++
		}
	}
	for _, id := range p.ISR {
		s.broker(id).InSync++
	}
	if p.Leader >= 0 {
		s.broker(p.Leader).Leads++
		if p.Leader != p.Replicas[0] {
			s.NotPreferred++
		}
	}
	trouble := ""
	switch {
	case p.Leader < 0:
		trouble = "no leader"
		s.Unled++
	case len(p.ISR) < len(p.Replicas):
		trouble = "under-replicated"
		s.UnderReplicated++
	default:
		return
	}
	s.Troubled = append(s.Troubled, troubledPartition{p.Topic, p.Partition, trouble, p.Leader,
		list(p.Replicas), list(p.ISR)})
}

// broker is the broker with the id. It is added as missing if the cluster does not list it.
func (s *clusterStatus) broker(id int32) *brokerStatus {
	i := slices.IndexFunc(s.Brokers, func(b brokerStatus) bool { return b.Node == id })
	if i < 0 {
		i = len(s.Brokers)
		s.Brokers = append(s.Brokers, brokerStatus{describedBroker: describedBroker{Node: id},
			State: "missing"})
	}
	return &s.Brokers[i]
}

// judge says how the cluster is, and why.
func (s *clusterStatus) judge() {
	var fenced, missing []int32
	for _, b := range s.Brokers {
		switch b.State {
		case "fenced":
			fenced = append(fenced, b.Node)
		case "missing":
			missing = append(missing, b.Node)
		}
	}
	s.Status = "healthy"
	for _, p := range []struct {
		is, bad bool
		text    string
	}{
		{s.described.uncontrolled, true, "there is no controller"},
		{s.Unled > 0, true, fmt.Sprintf("%d partitions have no leader", s.Unled)},
		{s.UnderMinISR > 0, true,
			fmt.Sprintf("%d partitions are under min.insync.replicas", s.UnderMinISR)},
		{s.UnderReplicated > 0, false,
			fmt.Sprintf("%d partitions are under-replicated", s.UnderReplicated)},
		{len(fenced) > 0, false, "fenced brokers: " + cell(fenced)},
		{len(missing) > 0, false, "missing brokers: " + cell(missing)},
	} {
		if !p.is {
			continue
		}
		s.Problems = append(s.Problems, p.text)
		if p.bad {
			s.Status = "unhealthy"
		} else if s.Status == "healthy" {
			s.Status = "degraded"
		}
	}
}

// shownPartitions bounds the partitions that the text lists. JSON has all.
const shownPartitions = 20

func (s *clusterStatus) text(p *page) {
	p.fields("status", s.Status, "problems", strings.Join(s.Problems, "; "),
		"cluster", s.Cluster, "controller", s.described.controller(), "topics", s.Topics,
		"partitions", fmt.Sprintf("%d: %d without leader, %d under min.insync.replicas, %d "+
			"under-replicated, %d not led by their preferred leader", s.Partitions, s.Unled,
			s.UnderMinISR, s.UnderReplicated, s.NotPreferred))
	p.line("")
	lags := map[int32]*int64{}
	for _, m := range s.Quorum {
		lags[m.Node] = m.Lag
	}
	var rows [][]any
	for _, b := range s.Brokers {
		rows = append(rows, []any{b.Node, b.Address, b.Rack, b.State, b.Leads, b.Preferred,
			b.InSync, b.Replicas, lags[b.Node]})
	}
	p.table([]string{"BROKER", "ADDRESS", "RACK", "STATE", "LEADS", "PREFERRED", "IN-SYNC",
		"REPLICAS", "METADATA-LAG"}, rows)
	if len(s.Troubled) == 0 {
		return
	}
	p.line("")
	rows = nil
	for _, t := range s.Troubled[:min(len(s.Troubled), shownPartitions)] {
		rows = append(rows, []any{t.Topic, t.Partition, t.Problem, nodeOrNone(t.Leader),
			t.Replicas, t.ISR})
	}
	p.table([]string{"TOPIC", "PARTITION", "PROBLEM", "LEADER", "REPLICAS", "ISR"}, rows)
	if more := len(s.Troubled) - shownPartitions; more > 0 {
		p.line("and %d more; --json lists all", more)
	}
}
