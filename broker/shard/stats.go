package shard

// Stats are a shard's counters, for metrics; gauges are set by Stats().
type Stats struct {
	Requests uint64
	// Requests that their timer ended, a little after the deadline: the loop or node that
	// they waited for did not answer.
	RequestsExpired     uint64
	ConnectionsAccepted uint64
	ConnectionsParked   uint64
	ConnectionsRefused  uint64
	ConnectionsGivenUp  uint64 // closed because they held what others waited for
	ConnectionsIdle     uint64 // closed because nothing moved for ConnIdle
	ConnectionsEvicted  uint64 // closed because the shard had more than its share
	MailRefused         uint64
	TurnGaps            uint64

	Appends       uint64
	AppendedBytes uint64
	Duplicates    uint64

	FetchedFromMemory uint64
	FetchedFromDisk   uint64
	ReadErrors        uint64

	Forwarded        uint64
	ForwardsRefused  uint64
	ForwardsRecalled uint64
	LaneWaits        uint64

	Pushes              uint64
	PushedBytes         uint64
	PushesRejected      uint64
	Truncations         uint64
	LogsBegunAgain      uint64 // at their leader's log start
	LogStartMoves       uint64 // asked for by leaders here
	LinksSilent         uint64
	PeerFramesMalformed uint64
	PeerHellosRefused   uint64

	LeaderElections uint64
	ISRProposals    uint64
	ISRRefusals     uint64

	Flushes           uint64
	FlushesFailed     uint64
	FileSystemSyncs   uint64 // each serves many flushes
	PartitionsDamaged uint64
	ProducersExpired  uint64
	ReplicasOffline   uint64 // taken offline because their files could not be written
	StraysEmptied     uint64 // replicas with records that an unclean election had lost
	PartitionsRemoved uint64
	ReplayGaps        uint64
	Suspects          uint64

	// Gauges.
	Partitions      int
	Leading         int
	UnderMinISR     int
	Clients         int
	InflightBytes   int
	ForwardedBytes  int
	UnfinishedBytes int
	AnswerBytes     int
	TailBytes       int64
	WALUsedBytes    int64
	WALGroups       uint64
	WALGroupBytes   uint64
	WALDurableSeq   uint64
	PendingReplies  int
	LinksOpen       int
}

// Stats returns the counters with the gauges filled in.
func (s *Shard) Stats() Stats {
	st := s.stats
	st.Partitions, st.Leading = len(s.order), len(s.led.parts)
	for _, p := range s.led.parts {
		if !p.leader.EnoughReplicas() {
			st.UnderMinISR++
		}
	}
	st.Clients, st.InflightBytes, st.ForwardedBytes, st.TailBytes = len(s.clients), s.inflightBytes,
		s.forwardedBytes, s.tailBytes
	st.UnfinishedBytes, st.AnswerBytes = s.holding.unfinished, s.holding.answers
	st.WALUsedBytes, st.WALDurableSeq = s.wal.Used(), uint64(s.wal.Durable())
	st.WALGroups, st.WALGroupBytes = s.wal.Groups()
	st.PendingReplies = len(s.requests)
	for _, l := range s.links {
		if l.open {
			st.LinksOpen++
		}
	}
	return st
}
