package node

// StatsRequest asks the control loop for its Stats.
type StatsRequest struct{}

// Stats are the control loop's counters, for metrics; gauges are set by Stats().
type Stats struct {
	PeerFramesMalformed uint64
	PeerHellosRefused   uint64
	PeerMessagesDropped uint64
	PeersSilent         uint64
	SnapshotsSaved      uint64
	SnapshotsRefused    uint64 // there was no space; each is tried again

	Registered    bool   // this incarnation is registered
	Fenced        bool   // it is fenced, or not registered
	Controller    int32  // the controller's node id; -1 if unknown
	Term          uint64 // Raft's
	Commit        uint64
	Applied       uint64
	Topics        int
	Brokers       int
	FencedBrokers int
	LeaseUntil    int64 // ns of the monotonic clock
	PeersOpen     int
}

// Stats returns the counters with the gauges filled in.
func (c *Control) Stats() Stats {
	s := c.stats
	s.Controller, s.Fenced = -1, true
	for _, l := range c.peers {
		if l.open {
			s.PeersOpen++
		}
	}
	if c.meta == nil {
		return s
	}
	status := c.meta.Status()
	s.Registered, s.Controller = c.epoch != 0, int32(status.Leader)
	s.Term, s.Commit, s.Applied = uint64(status.Term), uint64(status.Commit), uint64(status.Applied)
	image := c.meta.Image()
	s.Topics = image.TopicCount()
	for _, b := range image.Brokers() {
		s.Brokers++
		if b.Fenced {
			s.FencedBrokers++
		}
		if b.ID == c.cfg.Node && b.Epoch == c.epoch {
			s.Fenced = b.Fenced
		}
	}
	s.LeaseUntil = int64(c.lease)
	return s
}
