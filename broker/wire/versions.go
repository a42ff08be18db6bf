package wire

// API keys that are served; the numbers are Kafka's.
const (
	KeyProduce              int16 = 0
	KeyFetch                int16 = 1
	keyListOffsets          int16 = 2
	keyMetadata             int16 = 3
	keyOffsetCommit         int16 = 8
	keyOffsetFetch          int16 = 9
	keyFindCoordinator      int16 = 10
	keyJoinGroup            int16 = 11
	keyHeartbeat            int16 = 12
	keyLeaveGroup           int16 = 13
	keySyncGroup            int16 = 14
	keyDescribeGroups       int16 = 15
	keyListGroups           int16 = 16
	KeyAPIVersions          int16 = 18
	keyCreateTopics         int16 = 19
	keyDeleteTopics         int16 = 20
	keyDeleteRecords        int16 = 21
	keyInitProducerID       int16 = 22
	keyOffsetForLeaderEpoch int16 = 23
	keyDescribeConfigs      int16 = 32
	keyAlterConfigs         int16 = 33
	keyCreatePartitions     int16 = 37
	keyDeleteGroups         int16 = 42
	keyElectLeaders         int16 = 43
	keyIncrementalAlter     int16 = 44
	keyOffsetDelete         int16 = 47
	keyDescribeQuorum       int16 = 55
	keyDescribeCluster      int16 = 60
	keyListConfigResources  int16 = 74
	keyAddRaftVoter         int16 = 80
	keyRemoveRaftVoter      int16 = 81
)

// VersionRange says which versions of one API key are served.
type VersionRange struct {
	Key  int16
	Name string
	// Min and Max bound the versions that are decoded and served.
	Min, Max int16
	// AdvertisedMin is the lowest version in the answer to ApiVersions. It is Min, except
	// for Produce (KAFKA 7).
	AdvertisedMin int16
	// Flexible is the first version with compact lengths and tagged fields
	// (KIP-482); its request header is v2 and its response header v1.
	Flexible int16
}

// Versions lists all that is served, by key. It is the only place to edit when an API is
// added or a version raised. A version is listed only if every field of it is served
// (KAFKA 6).
//
// Produce is advertised from 0: without version 0, librdkafka assumes that the broker
// cannot handle compression. Versions 0-2 are refused like any unsupported version
// (KAFKA-18659). Fetch is served above 12: from that, librdkafka knows that offsets carry
// leader epochs.
//
// ApiVersions ends at 4: version 5 (KIP-1242) lets a client say which broker it expects
// to reach, and there is no check for that yet.
//
// # Deliberately absent
//
//	17, 36  SASL: no authentication yet
//	24-28   transactions: no transaction coordinator yet
//	29-31   ACLs: no authorizer
//	34, 35  log directories: a node has one, and clients do not place replicas
//	38-41   delegation tokens: not planned
//	45, 46  reassignment
//	48, 49  quotas
//	50, 51  SCRAM: see SASL
//	57      UpdateFeatures: a command of package meta raises metadata.version
//	61, 65, 66, 75  descriptions that no client needs in order to work
//	68, 69  KIP-848 groups: members assign the partitions themselves
//	71, 72  client telemetry: not planned
//	76-79, 83-92  share groups: not planned
//	4-7, 52-54, 56, 58, 59, 62-64, 67, 70, 73, 82  between Kafka's own
//	        brokers; these brokers use package peer
var Versions = [...]VersionRange{
	{Key: KeyProduce, Name: "Produce", Min: 3, Max: 13, AdvertisedMin: 0, Flexible: 9},
	{Key: KeyFetch, Name: "Fetch", Min: 4, Max: 18, AdvertisedMin: 4, Flexible: 12},
	{Key: keyListOffsets, Name: "ListOffsets", Min: 1, Max: 11, AdvertisedMin: 1, Flexible: 6},
	{Key: keyMetadata, Name: "Metadata", Min: 0, Max: 13, AdvertisedMin: 0, Flexible: 9},
	{Key: keyOffsetCommit, Name: "OffsetCommit", Min: 2, Max: 10, AdvertisedMin: 2, Flexible: 8},
	{Key: keyOffsetFetch, Name: "OffsetFetch", Min: 1, Max: 10, AdvertisedMin: 1, Flexible: 6},
	{Key: keyFindCoordinator, Name: "FindCoordinator", Min: 0, Max: 6, AdvertisedMin: 0,
		Flexible: 3},
	{Key: keyJoinGroup, Name: "JoinGroup", Min: 0, Max: 9, AdvertisedMin: 0, Flexible: 6},
	{Key: keyHeartbeat, Name: "Heartbeat", Min: 0, Max: 4, AdvertisedMin: 0, Flexible: 4},
	{Key: keyLeaveGroup, Name: "LeaveGroup", Min: 0, Max: 5, AdvertisedMin: 0, Flexible: 4},
	{Key: keySyncGroup, Name: "SyncGroup", Min: 0, Max: 5, AdvertisedMin: 0, Flexible: 4},
	{Key: keyDescribeGroups, Name: "DescribeGroups", Min: 0, Max: 6, AdvertisedMin: 0,
		Flexible: 5},
	{Key: keyListGroups, Name: "ListGroups", Min: 0, Max: 5, AdvertisedMin: 0, Flexible: 3},
	{Key: KeyAPIVersions, Name: "ApiVersions", Min: 0, Max: 4, AdvertisedMin: 0, Flexible: 3},
	{Key: keyCreateTopics, Name: "CreateTopics", Min: 2, Max: 7, AdvertisedMin: 2, Flexible: 5},
	{Key: keyDeleteTopics, Name: "DeleteTopics", Min: 1, Max: 6, AdvertisedMin: 1, Flexible: 4},
	{Key: keyDeleteRecords, Name: "DeleteRecords", Min: 0, Max: 2, AdvertisedMin: 0, Flexible: 2},
	{Key: keyInitProducerID, Name: "InitProducerId", Min: 0, Max: 5, AdvertisedMin: 0, Flexible: 2},
	{Key: keyOffsetForLeaderEpoch, Name: "OffsetForLeaderEpoch", Min: 2, Max: 4, AdvertisedMin: 2,
		Flexible: 4},
	{Key: keyDescribeConfigs, Name: "DescribeConfigs", Min: 1, Max: 4, AdvertisedMin: 1,
		Flexible: 4},
	{Key: keyAlterConfigs, Name: "AlterConfigs", Min: 0, Max: 2, AdvertisedMin: 0, Flexible: 2},
	{Key: keyCreatePartitions, Name: "CreatePartitions", Min: 0, Max: 3, AdvertisedMin: 0,
		Flexible: 2},
	{Key: keyDeleteGroups, Name: "DeleteGroups", Min: 0, Max: 3, AdvertisedMin: 0, Flexible: 2},
	{Key: keyElectLeaders, Name: "ElectLeaders", Min: 0, Max: 2, AdvertisedMin: 0, Flexible: 2},
	{Key: keyIncrementalAlter, Name: "IncrementalAlterConfigs", Min: 0, Max: 1, AdvertisedMin: 0,
		Flexible: 1},
	{Key: keyOffsetDelete, Name: "OffsetDelete", Min: 0, Max: 0, AdvertisedMin: 0,
		Flexible: 1},
	{Key: keyDescribeQuorum, Name: "DescribeQuorum", Min: 0, Max: 2, AdvertisedMin: 0,
		Flexible: 0},
	{Key: keyDescribeCluster, Name: "DescribeCluster", Min: 0, Max: 2, AdvertisedMin: 0,
		Flexible: 0},
	{Key: keyListConfigResources, Name: "ListConfigResources", Min: 0, Max: 1, AdvertisedMin: 0,
		Flexible: 0},
	{Key: keyAddRaftVoter, Name: "AddRaftVoter", Min: 0, Max: 0, AdvertisedMin: 0, Flexible: 0},
	{Key: keyRemoveRaftVoter, Name: "RemoveRaftVoter", Min: 0, Max: 0, AdvertisedMin: 0,
		Flexible: 0},
}

// maxKey is the largest API key in byKey.
const maxKey = keyRemoveRaftVoter

// byKey is the index into Versions by API key, plus one.
var byKey = func() (index [maxKey + 1]uint8) {
	for i, v := range Versions {
		index[v.Key] = uint8(i + 1)
	}
	return index
}()

// VersionsOf returns the versions served of an API key.
func VersionsOf(key int16) (VersionRange, bool) {
	if key < 0 || key > maxKey || byKey[key] == 0 {
		return VersionRange{}, false
	}
	return Versions[byKey[key]-1], true
}
