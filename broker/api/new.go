package api

import (
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/wire"
)

// New returns the handler of a request. An error means that the request cannot be
// decoded. The caller must close the connection.
func New(r wire.Request) (Handler, error) {
	h := header{version: r.Version, correlationID: r.CorrelationID}
	if r.Key == 0 {
		return newProduce(h, r.Body)
	}
	decoded, err := r.Decode()
	if err != nil {
		return nil, err
	}
	switch req := decoded.(type) {
	case *kmsg.FetchRequest:
		return newFetch(h, req), nil
	case *kmsg.ListOffsetsRequest:
		return newListOffsets(h, req), nil
	case *kmsg.MetadataRequest:
		return newMetadata(h, req), nil
	case *kmsg.OffsetCommitRequest:
		return newOffsetCommit(h, req), nil
	case *kmsg.OffsetFetchRequest:
		return newOffsetFetch(h, req)
	case *kmsg.FindCoordinatorRequest:
		return newFindCoordinator(h, req)
	case *kmsg.JoinGroupRequest:
		return newJoinGroup(h, r.ClientID, req), nil
	case *kmsg.HeartbeatRequest:
		return newHeartbeat(h, req), nil
	case *kmsg.LeaveGroupRequest:
		return newLeaveGroup(h, req), nil
	case *kmsg.SyncGroupRequest:
		return newSyncGroup(h, req), nil
	case *kmsg.DescribeGroupsRequest:
		return newDescribeGroups(h, req)
	case *kmsg.ListGroupsRequest:
		return newListGroups(h, req), nil
	case *kmsg.ApiVersionsRequest:
		return newApiVersions(h, req), nil
	case *kmsg.CreateTopicsRequest:
		return newCreateTopics(h, req), nil
	case *kmsg.DeleteTopicsRequest:
		return newDeleteTopics(h, req), nil
	case *kmsg.DeleteRecordsRequest:
		return newDeleteRecords(h, req), nil
	case *kmsg.InitProducerIDRequest:
		return newInitProducerID(h, req), nil
	case *kmsg.OffsetForLeaderEpochRequest:
		return newOffsetForLeaderEpoch(h, req), nil
	case *kmsg.DescribeConfigsRequest:
		return newDescribeConfigs(h, req), nil
	case *kmsg.AlterConfigsRequest:
		return newAlterConfigs(h, req), nil
	case *kmsg.IncrementalAlterConfigsRequest:
		return newIncrementalAlterConfigs(h, req), nil
	case *kmsg.CreatePartitionsRequest:
		return newCreatePartitions(h, req), nil
	case *kmsg.ElectLeadersRequest:
		return newElectLeaders(h, req), nil
	case *kmsg.ListConfigResourcesRequest:
		return newListConfigResources(h, req), nil
	case *kmsg.DescribeClusterRequest:
		return newDescribeCluster(h, req), nil
	case *kmsg.DeleteGroupsRequest:
		return newDeleteGroups(h, req)
	case *kmsg.OffsetDeleteRequest:
		return newOffsetDelete(h, req), nil
	case *kmsg.DescribeQuorumRequest:
		return newDescribeQuorum(h, req), nil
	case *kmsg.AddRaftVoterRequest:
		return newAddRaftVoter(h, req), nil
	case *kmsg.RemoveRaftVoterRequest:
		return newRemoveRaftVoter(h, req), nil
	}
	return nil, &wire.UnsupportedVersionError{
		Key: r.Key, Version: r.Version, CorrelationID: r.CorrelationID,
	}
}

// header is what a handler needs to encode its answer.
type header struct {
	version       int16
	correlationID int32
}

// frame encodes the answer.
func (h header) frame(resp kmsg.Response) [][]byte {
	resp.SetVersion(h.version)
	return [][]byte{wire.AppendResponse(nil, h.correlationID, resp)}
}

// brokerTimeout is embedded by handlers of requests without a timeout.
type brokerTimeout struct{}

func (brokerTimeout) Timeout() time.Duration { return 0 }

// milliseconds converts a timeout that a client sent. 0 and negative values mean at once.
func milliseconds(ms int32) time.Duration { return max(1, time.Duration(ms)) * time.Millisecond }

// noTransactions is the answer to requests of a transaction, until there is a transaction
// coordinator. It is the only code that both the Java client and librdkafka treat as
// final. After TRANSACTIONAL_ID_NOT_FOUND (librdkafka) and COORDINATOR_NOT_AVAILABLE
// (both) they ask again, and would hang instead of failing.
const noTransactions = kafka.TransactionalIDAuthorizationFailed

// topicID finds the id of a topic that a request names.
func topicID(c Context, name string) (kafka.TopicID, kafka.ErrorCode) {
	if t := c.Image().Topic(name); t != nil {
		return t.ID, kafka.None
	}
	return kafka.TopicID{}, kafka.UnknownTopicOrPartition
}

// namedPartition is a partition as a request names it: by the name of its topic, or by its id.
type namedPartition struct {
	topic     string
	id        kafka.TopicID
	partition int32
}

// mentions are the partitions of a request: true if it names the partition more than once.
type mentions map[namedPartition]bool

func (m mentions) add(p namedPartition) {
	_, seen := m[p]
	m[p] = seen
}

// hint is a CurrentLeader field. It is absent if no other leader is known. A leader may
// refuse because its lease has ended or because it is stopping. It must not send the
// client to itself: the client would come back at once, again and again.
func hint(self kafka.NodeID, l Leader) wire.CurrentLeader {
	if l.Node <= 0 || l.Node == self || l.Epoch < 0 {
		return wire.CurrentLeader{}
	}
	return wire.CurrentLeader{Known: true, Node: l.Node, Epoch: l.Epoch}
}

// endpoints are the addresses of the brokers in hints, each broker once.
func endpoints(c Context, hints []wire.CurrentLeader) []wire.NodeEndpoint {
	var out []wire.NodeEndpoint
	for _, l := range hints {
		broker := c.Image().Broker(l.Node)
		if !l.Known || broker == nil || contains(out, l.Node) {
			continue
		}
		out = append(out, wire.NodeEndpoint{
			Node: l.Node, Host: broker.Host, Port: broker.Port, Rack: broker.Rack,
		})
	}
	return out
}

func contains(endpoints []wire.NodeEndpoint, node kafka.NodeID) bool {
	for _, e := range endpoints {
		if e.Node == node {
			return true
		}
	}
	return false
}
