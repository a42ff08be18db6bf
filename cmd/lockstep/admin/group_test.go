package admin

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

func TestTheDescriptionOfAGroupShowsMembersAndLag(t *testing.T) {
	one := kadm.DescribedGroupMember{MemberID: "m1", ClientID: "app", ClientHost: "/10.0.0.1"}
	two := kadm.DescribedGroupMember{MemberID: "m2", ClientID: "app", ClientHost: "/10.0.0.2"}
	lag := func(member *kadm.DescribedGroupMember, p int32, commit, end int64) kadm.GroupMemberLag {
		return kadm.GroupMemberLag{Member: member, Topic: "t", Partition: p,
			Commit: kadm.Offset{At: commit}, End: kadm.ListedOffset{Offset: end},
			Lag: end - max(commit, 0)}
	}
	failed := lag(nil, 2, 5, 0)
	failed.Err, failed.End.Err, failed.Lag = kerr.LeaderNotAvailable, kerr.LeaderNotAvailable, -1
	g := kadm.DescribedGroupLag{Group: "g", State: "Stable", Protocol: "range",
		Members: []kadm.DescribedGroupMember{one, two},
		Lag:     kadm.GroupLag{"t": {0: lag(&one, 0, 40, 100), 1: lag(&one, 1, -1, 7), 2: failed}}}
	require.Equal(t, `group        g
state        Stable
assignor     range
coordinator  0
members      2
lag          67

TOPIC  PARTITION  COMMITTED  END  LAG  MEMBER  CLIENT  HOST      ERROR
t      0          40         100  60   m1      app     10.0.0.1  -
t      1          -          7    7    m1      app     10.0.0.1  -
t      2          5          -    -    -       -       -         `+
		kerr.LeaderNotAvailable.Error()+`
member m2 of client app at 10.0.0.2 has no partition
`, textOf(groupDescription{describeGroup(g)}))
}
