package group

import (
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/kafka"
)

// notFoundFrom is the version of DescribeGroups from which on a group that does not exist is an
// error. Before, it is Dead.
const notFoundFrom = 6

// Describe answers DescribeGroups in a version about one group.
func (c *Coordinator) Describe(version int16, group string) kmsg.DescribeGroupsResponseGroup {
	if code := c.serves(); code != kafka.None {
		return undescribed(group, code)
	}
	g, ok := c.groups.Get(group)
	if !ok || g.state == Dead {
		d := undescribed(group, kafka.None)
		d.State = Dead.String()
		if version >= notFoundFrom {
			message := "Group " + group + " not found."
			d.ErrorCode, d.ErrorMessage = int16(kafka.GroupIDNotFound), &message
		}
		return d
	}
	d := undescribed(group, kafka.None)
	d.State, d.ProtocolType = g.state.String(), g.protocolType
	if g.state == Stable {
		d.Protocol = g.protocol
	}
	for _, m := range g.all() {
		described := kmsg.DescribeGroupsResponseGroupMember{
			MemberID: m.id, InstanceID: m.instance, ClientID: m.client.ID,
			ClientHost: m.client.Host, MemberAssignment: m.assignment,
		}
		if g.state == Stable {
			described.ProtocolMetadata = m.metadata(g.protocol)
		}
		d.Members = append(d.Members, described)
	}
	return d
}

func undescribed(group string, code kafka.ErrorCode) kmsg.DescribeGroupsResponseGroup {
	return kmsg.DescribeGroupsResponseGroup{
		Group: group, ErrorCode: int16(code), AuthorizedOperations: -1 << 31,
	}
}

// classic is the type of all groups of this coordinator (KIP-848).
const classic = "classic"

// List answers ListGroups: the groups of this partition by name, or an error. Filters do not care
// for case.
func (c *Coordinator) List(
	r *kmsg.ListGroupsRequest,
) ([]kmsg.ListGroupsResponseGroup, kafka.ErrorCode) {
	if code := c.serves(); code != kafka.None {
		return nil, code
	}
	matches := func(filter []string, value string) bool {
		return len(filter) == 0 || slices.ContainsFunc(filter, func(f string) bool {
			return strings.EqualFold(strings.TrimSpace(f), value)
		})
	}
	var groups []kmsg.ListGroupsResponseGroup
	for _, g := range c.groups.Values() {
		if matches(r.StatesFilter, g.state.String()) && matches(r.TypesFilter, classic) {
			groups = append(groups, kmsg.ListGroupsResponseGroup{
				Group: g.id, ProtocolType: g.protocolType, GroupState: g.state.String(),
				GroupType: classic,
			})
		}
	}
	return groups, kafka.None
}
