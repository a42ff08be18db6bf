package admin

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ClusterCommand has what an operator asks a running cluster for by Kafka's protocol.
func ClusterCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "cluster",
		Short: "Ask for the state of a running cluster, and change its voters",
	}
	c.AddCommand(clusterStatusCommand(), clusterDescribeCommand(), replaceCommand())
	return c
}

// clusterDescription is the answer of cluster describe.
type clusterDescription struct {
	Cluster    string            `json:"cluster_id"`
	Controller int32             `json:"controller"` // -1: the cluster does not tell it
	Brokers    []describedBroker `json:"brokers"`
	Quorum     []describedMember `json:"quorum"`                 // of the metadata
	Unknown    string            `json:"quorum_error,omitempty"` // why Quorum is empty

	uncontrolled bool // there is no controller
}

// describedBroker is a broker of the cluster. Fenced is nil if the cluster does not tell it.
type describedBroker struct {
	Node    int32   `json:"node"`
	Address string  `json:"address"`
	Rack    *string `json:"rack"`
	Fenced  *bool   `json:"fenced"`
}

func (b *describedBroker) state() string {
	switch {
	case b.Fenced == nil:
		return "" // the cluster lists only brokers that are not fenced
	case *b.Fenced:
		return "fenced"
	}
	return "active"
}

// describedMember is a voter or a learner of the metadata's log. Lag is in entries of the log.
type describedMember struct {
	Node      int32      `json:"node"`
	Role      string     `json:"role"` // "leader", "voter" or "learner"
	Directory string     `json:"directory"`
	End       int64      `json:"log_end_offset"`
	Lag       *int64     `json:"lag"`
	CaughtUp  *time.Time `json:"last_caught_up"`
}

func (d *clusterDescription) text(p *page) {
	p.fields("cluster", d.Cluster, "controller", d.controller())
	p.line("")
	var rows [][]any
	for _, b := range d.Brokers {
		rows = append(rows, []any{b.Node, b.Address, b.Rack, b.state()})
	}
	p.table([]string{"BROKER", "ADDRESS", "RACK", "STATE"}, rows)
	p.line("")
	if d.Unknown != "" {
		p.line("quorum: %s", d.Unknown)
		return
	}
	rows = nil
	for _, m := range d.Quorum {
		caughtUp := ""
		if m.CaughtUp != nil {
			caughtUp = m.CaughtUp.UTC().Format(time.RFC3339)
		}
		rows = append(rows, []any{m.Node, m.Role, m.Directory, m.End, m.Lag, caughtUp})
	}
	p.table([]string{"NODE", "ROLE", "DIRECTORY", "LOG-END", "LAG", "LAST-CAUGHT-UP"}, rows)
}

func (d *clusterDescription) controller() any {
	switch {
	case d.uncontrolled:
		return "none"
	case d.Controller < 0:
		return "not told"
	}
	return d.Controller
}

// nodeOrNone is the id of a node, or "none".
func nodeOrNone(id int32) any {
	if id < 0 {
		return "none"
	}
	return id
}

func clusterDescribeCommand() *cobra.Command {
	return connected(&cobra.Command{
		Use:   "describe",
		Short: "List brokers, and the voters and learners of the metadata with their directories",
		Long: `List brokers, and the voters and learners of the metadata with their directories.

LOG-END is the end of a member's log of the metadata, LAG how many entries it is behind the
leader's.`,
		Example: `  lockstep cluster describe
  lockstep cluster describe --bootstrap-servers host-a:9092 --json`,
		Args: cobra.NoArgs,
	}, func(s *session, _ []string) error {
		d, err := s.describeCluster()
		if err != nil {
			return err
		}
		return s.print(d)
	})
}

func (s *session) describeCluster() (*clusterDescription, error) {
	ctx, cancel := s.within()
	defer cancel()
	req := kmsg.NewPtrDescribeClusterRequest()
	req.IncludeFencedBrokers = true
	resp, err := req.RequestWith(ctx, s.client)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return nil, problem("describe cluster", err, "")
	}
	d := &clusterDescription{Cluster: resp.ClusterID, Controller: resp.ControllerID,
		Brokers: []describedBroker{}, Quorum: []describedMember{},
		uncontrolled: resp.ControllerID < 0}
	for _, b := range resp.Brokers {
		broker := describedBroker{Node: b.NodeID, Rack: b.Rack,
			Address: net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))}
		if resp.GetVersion() >= 2 {
			broker.Fenced = &b.IsFenced
		}
		d.Brokers = append(d.Brokers, broker)
	}
	slices.SortFunc(d.Brokers, func(a, b describedBroker) int { return int(a.Node - b.Node) })
	members, leader, err := (&quorum{ctx, s.client}).members()
	if err != nil { // Clusters with ZooKeeper have no quorum. The rest is known all the same.
		d.Unknown = err.Error()
		return d, nil
	}
	// Without ZooKeeper DescribeCluster names any broker as the controller.
	d.Controller, d.Quorum = leader, describeMembers(members, leader)
	return d, nil
}

func describeMembers(members []member, leader int32) []describedMember {
	end := int64(-1)
	for _, m := range members {
		if m.node == leader && m.voter {
			end = m.end
		}
	}
	list := []describedMember{}
	for _, m := range members {
		d := describedMember{Node: m.node, Role: m.role(), End: m.end,
			Directory: hex.EncodeToString(m.directory[:])}
		if m.node == leader && m.voter {
			d.Role = "leader"
		}
		if end >= 0 && m.end >= 0 {
			lag := max(end-m.end, 0)
			d.Lag = &lag
		}
		if !m.caughtUp.IsZero() {
			d.CaughtUp = &m.caughtUp
		}
		list = append(list, d)
	}
	slices.SortFunc(list, func(a, b describedMember) int { return int(a.Node - b.Node) })
	return list
}

func clusterStatusCommand() *cobra.Command {
	c := connected(&cobra.Command{
		Use:   "status",
		Short: "Say which partitions lack leaders or replicas, and what each broker leads",
		Long: `Say which partitions lack leaders or replicas, and what each broker leads, as the
metadata of a broker has it. 'lockstep cluster health' asks a Lockstep node by HTTP instead,
and knows of full disks, too.

The exit code is 0 if the cluster is healthy, 2 if it is degraded (a broker is fenced, or a
partition is under-replicated), 3 if it is unhealthy (no controller, or a partition without a
leader or under min.insync.replicas), and 4 if no broker answers.`,
		Example: `  lockstep cluster status
  lockstep cluster status --bootstrap-servers host-a:9092,host-b:9092 --json`,
		Args: cobra.NoArgs,
	}, (*session).clusterStatus)
	return c
}

func (s *session) clusterStatus([]string) error {
	d, err := s.describeCluster()
	if err != nil {
		return err
	}
	topics, err := s.topics()
	if err != nil {
		return err
	}
	status := statusOf(d, topics)
	if err := s.findUnderMinISR(status); err != nil {
		return err
	}
	status.judge()
	if err := s.print(status); err != nil {
		return err
	}
	switch status.Status {
	case "unhealthy":
		return ExitError{ExitUnhealthy, errors.New("the cluster is unhealthy")}
	case "degraded":
		return ExitError{ExitDegraded, errors.New("the cluster is degraded")}
	}
	return nil
}

// findUnderMinISR asks for min.insync.replicas of the topics that have a partition in trouble.
func (s *session) findUnderMinISR(status *clusterStatus) error {
	least := map[string]int{}
	for i := range status.Troubled {
		t := &status.Troubled[i]
		if _, ok := least[t.Topic]; !ok {
			configs, err := s.configs(kmsg.ConfigResourceTypeTopic, t.Topic,
				"min.insync.replicas")
			if errors.Is(err, kerr.UnknownTopicOrPartition) {
				continue // it was deleted meanwhile
			}
			if err != nil {
				return err
			}
			if least[t.Topic], err = strconv.Atoi(cell(configs[0].Value)); err != nil {
				return fmt.Errorf("topic %s: min.insync.replicas: %w", t.Topic, err)
			}
		}
		if t.Leader >= 0 && len(t.ISR) < least[t.Topic] {
			t.Problem = "under min.insync.replicas"
			status.UnderMinISR++
		}
	}
	return nil
}
