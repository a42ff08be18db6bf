package admin

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
)

// textOf is the answer as a person gets it.
func textOf(a answer) string {
	p := &page{}
	a.text(p)
	return p.String()
}

func TestTheStatusOfAClusterIsJudged(t *testing.T) {
	partition := func(leader int32, isr ...int32) kadm.TopicDetails {
		return kadm.TopicDetails{"t": {Topic: "t", Partitions: kadm.PartitionDetails{0: {
			Topic: "t", Leader: leader, Replicas: []int32{1, 2, 3}, ISR: isr,
		}}}}
	}
	yes, no := true, false
	for name, c := range map[string]struct {
		topics kadm.TopicDetails
		spoil  func(*clusterDescription)
		status string
		why    []string
	}{
		"healthy":                         {partition(1, 1, 2, 3), nil, "healthy", []string{}},
		"not led by its preferred leader": {partition(2, 1, 2, 3), nil, "healthy", []string{}},
		"small ISR": {partition(1, 1, 2), nil, "degraded",
			[]string{"1 partitions are under-replicated"}},
		"no leader": {partition(-1), nil, "unhealthy", []string{"1 partitions have no leader"}},
		"fenced": {partition(1, 1, 2, 3),
			func(d *clusterDescription) { d.Brokers[2].Fenced = &yes },
			"degraded", []string{"fenced brokers: 3"}},
		"missing": {partition(1, 1, 2, 3),
			func(d *clusterDescription) { d.Brokers = d.Brokers[:2] },
			"degraded", []string{"missing brokers: 3"}},
		"no controller": {partition(1, 1, 2, 3),
			func(d *clusterDescription) { d.uncontrolled = true },
			"unhealthy", []string{"there is no controller"}},
	} {
		t.Run(name, func(t *testing.T) {
			d := &clusterDescription{Controller: 1, Brokers: []describedBroker{
				{Node: 1, Fenced: &no}, {Node: 2, Fenced: &no}, {Node: 3, Fenced: &no}}}
			if c.spoil != nil {
				c.spoil(d)
			}
			s := statusOf(d, c.topics)
			s.judge()
			require.Equal(t, c.status, s.Status)
			require.Equal(t, c.why, s.Problems)
		})
	}
}

func TestTheTextOfAStatusListsSomeOfManyPartitions(t *testing.T) {
	partitions := kadm.PartitionDetails{}
	for i := range int32(shownPartitions + 5) {
		partitions[i] = kadm.PartitionDetail{Topic: "t", Partition: i, Leader: -1,
			Replicas: []int32{7}}
	}
	s := statusOf(&clusterDescription{}, kadm.TopicDetails{"t": {Topic: "t",
		Partitions: partitions}})
	s.judge()
	require.Len(t, s.Troubled, shownPartitions+5)
	require.Contains(t, textOf(s), "t      19         no leader  none    7         -\n"+
		"and 5 more; --json lists all\n")
}

func TestLagIsCountedFromTheLeader(t *testing.T) {
	at := time.Date(2026, 11, 29, 1, 2, 3, 0, time.UTC)
	members := []member{
		{node: 2, voter: true, end: 90, caughtUp: at}, {node: 1, voter: true, end: 100},
		{node: 4, end: 40}, {node: 3, voter: true, end: -1},
	}
	d := &clusterDescription{Cluster: "c", Controller: 1, Quorum: describeMembers(members, 1)}
	require.Equal(t, `cluster     c
controller  1

BROKER  ADDRESS  RACK  STATE

NODE  ROLE     DIRECTORY                         LOG-END  LAG  LAST-CAUGHT-UP
1     leader   00000000000000000000000000000000  100      0    -
2     voter    00000000000000000000000000000000  90       10   2026-11-29T01:02:03Z
3     voter    00000000000000000000000000000000  -1       -    -
4     learner  00000000000000000000000000000000  40       60   -
`, textOf(d))
}
