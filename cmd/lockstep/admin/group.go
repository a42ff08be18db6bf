package admin

import (
	"cmp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// GroupCommand has what an operator does with consumer groups.
func GroupCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "group",
		Short: "List, describe and delete consumer groups, and reset their offsets",
	}
	c.AddCommand(groupListCommand(), groupDescribeCommand(), groupResetCommand(),
		groupDeleteCommand())
	return c
}

// listedGroup is a group in the answer of group list.
type listedGroup struct {
	Name        string `json:"name"`
	State       string `json:"state"`
	Protocol    string `json:"protocol_type"`
	Coordinator int32  `json:"coordinator"`
}

type groupList []listedGroup

func (l groupList) text(p *page) {
	rows := make([][]any, len(l))
	for i, g := range l {
		rows[i] = []any{g.Name, g.State, g.Protocol, g.Coordinator}
	}
	p.table([]string{"GROUP", "STATE", "PROTOCOL", "COORDINATOR"}, rows)
}

func groupListCommand() *cobra.Command {
	var states []string
	c := connected(&cobra.Command{
		Use:   "list",
		Short: "List consumer groups",
		Example: `  lockstep group list
  lockstep group list --state Empty,Stable --json`,
		Args: cobra.NoArgs,
	}, func(s *session, _ []string) error {
		ctx, cancel := s.within()
		defer cancel()
		groups, err := s.admin.ListGroups(ctx, states...)
		if err != nil {
			return problem("list groups", err, "")
		}
		answer := groupList{}
		for _, g := range groups.Sorted() {
			answer = append(answer, listedGroup{g.Group, g.State, g.ProtocolType, g.Coordinator})
		}
		return s.print(answer)
	})
	c.Flags().StringSliceVar(&states, "state", nil,
		"list only groups in these states: Empty, Stable, PreparingRebalance, "+
			"CompletingRebalance, Dead")
	return c
}

// describedGroup is a group in the answer of group describe.
type describedGroup struct {
	Name        string              `json:"name"`
	State       string              `json:"state"`
	Protocol    string              `json:"protocol_type"`
	Assignor    string              `json:"assignor"`
	Coordinator int32               `json:"coordinator"`
	Members     []describedConsumer `json:"members"`
	Lag         int64               `json:"lag"` // of all partitions
	Partitions  []groupPartition    `json:"partitions"`
}

type describedConsumer struct {
	Member   string  `json:"member"`
	Instance *string `json:"instance"` // group.instance.id of a static member
	Client   string  `json:"client"`
	Host     string  `json:"host"`
}

// groupPartition is a partition with a committed offset or with a member. Committed and Lag are
// nil if there is none, Start and End if the leader does not tell them.
type groupPartition struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Committed *int64 `json:"committed_offset"`
	Start     *int64 `json:"start_offset"`
	End       *int64 `json:"end_offset"`
	Lag       *int64 `json:"lag"`
	Member    string `json:"member,omitempty"`
	Client    string `json:"client,omitempty"`
	Host      string `json:"host,omitempty"`
	Error     string `json:"error,omitempty"`
}

type groupDescription []describedGroup

func (d groupDescription) text(p *page) {
	for i, g := range d {
		if i > 0 {
			p.line("")
		}
		p.fields("group", g.Name, "state", g.State, "assignor", g.Assignor,
			"coordinator", g.Coordinator, "members", len(g.Members), "lag", g.Lag)
		p.line("")
		rows := make([][]any, len(g.Partitions))
		for i, q := range g.Partitions {
			rows[i] = []any{q.Topic, q.Partition, q.Committed, q.End, q.Lag, q.Member, q.Client,
				q.Host, q.Error}
		}
		p.table([]string{"TOPIC", "PARTITION", "COMMITTED", "END", "LAG", "MEMBER", "CLIENT",
			"HOST", "ERROR"}, rows)
		for _, m := range g.idle() {
			p.line("member %s of client %s at %s has no partition", m.Member, m.Client, m.Host)
		}
	}
}

// idle are the members without partitions.
func (g *describedGroup) idle() (idle []describedConsumer) {
	for _, m := range g.Members {
		if !slices.ContainsFunc(g.Partitions, func(p groupPartition) bool {
			return p.Member == m.Member
		}) {
			idle = append(idle, m)
		}
	}
	return idle
}

func groupDescribeCommand() *cobra.Command {
	return connected(&cobra.Command{
		Use:   "describe GROUP...",
		Short: "Show the members of groups, and how far each partition lags behind",
		Example: `  lockstep group describe billing
  lockstep group describe billing shipping --json`,
		Args: cobra.MinimumNArgs(1),
	}, (*session).describeGroups)
}

func (s *session) describeGroups(names []string) error {
	ctx, cancel := s.within()
	defer cancel()
	groups, err := s.admin.Lag(ctx, names...)
	if err != nil {
		return problem("describe groups", err, "")
	}
	answer := groupDescription{}
	for _, name := range names {
		g, ok := groups[name]
		err := g.Error()
		if !ok || err == nil && g.State == "Dead" { // as older brokers say it
			err = kerr.GroupIDNotFound
		}
		if err != nil {
			return problem("group "+name, err, "")
		}
		answer = append(answer, describeGroup(g))
	}
	return s.print(answer)
}

func describeGroup(g kadm.DescribedGroupLag) describedGroup {
	d := describedGroup{Name: g.Group, State: g.State, Protocol: g.ProtocolType,
		Assignor: g.Protocol, Coordinator: g.Coordinator.NodeID, Lag: g.Lag.Total(),
		Members: []describedConsumer{}, Partitions: []groupPartition{}}
	for _, m := range g.Members {
		d.Members = append(d.Members, describedConsumer{m.MemberID, m.InstanceID, m.ClientID,
			host(m.ClientHost)})
	}
	for _, l := range g.Lag.Sorted() {
		p := groupPartition{Topic: l.Topic, Partition: l.Partition}
		if l.Commit.At >= 0 {
			p.Committed = &l.Commit.At
		}
		if l.Start.Err == nil {
			p.Start = &l.Start.Offset
		}
		if l.End.Err == nil {
			p.End = &l.End.Offset
		}
		if l.Err == nil && l.Lag >= 0 {
			p.Lag = &l.Lag
		}
		if l.Err != nil {
			p.Error = l.Err.Error()
		}
		if l.Member != nil {
			p.Member, p.Client, p.Host = l.Member.MemberID, l.Member.ClientID,
				host(l.Member.ClientHost)
		}
		d.Partitions = append(d.Partitions, p)
	}
	slices.SortFunc(d.Partitions, func(a, b groupPartition) int {
		return cmp.Or(strings.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return d
}

// host is a client's host without the slash that Java puts before it.
func host(text string) string { return strings.TrimPrefix(text, "/") }

func groupDeleteCommand() *cobra.Command {
	return connected(&cobra.Command{
		Use:   "delete GROUP...",
		Short: "Delete groups without members, with their committed offsets",
		Example: `  lockstep group delete billing
  lockstep group delete a b c --json`,
		Args: cobra.MinimumNArgs(1),
	}, func(s *session, names []string) error {
		ctx, cancel := s.within()
		defer cancel()
		answers, err := s.admin.DeleteGroups(ctx, names...)
		if err != nil && len(answers) == 0 {
			return problem("delete groups", err, "")
		}
		groups := outcomes{kind: "group"}
		for _, name := range names {
			a, err := answers.On(name, nil)
			groups.add(name, "deleted", cmp.Or(err, a.Err), a.ErrMessage)
		}
		return s.finish(&groups)
	})
}
