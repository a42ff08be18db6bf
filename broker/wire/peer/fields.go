package peer

func (*Hello) Type() Type          { return TypeHello }
func (*Raft) Type() Type           { return TypeRaft }
func (*Heartbeat) Type() Type      { return TypeHeartbeat }
func (*HeartbeatReply) Type() Type { return TypeHeartbeatReply }
func (*Propose) Type() Type        { return TypePropose }
func (*ProposeReply) Type() Type   { return TypeProposeReply }
func (*ReadIndex) Type() Type      { return TypeReadIndex }
func (*ReadIndexReply) Type() Type { return TypeReadIndexReply }
func (*SnapshotChunk) Type() Type  { return TypeSnapshotChunk }
func (*SnapshotAck) Type() Type    { return TypeSnapshotAck }
func (*Push) Type() Type           { return TypePush }
func (*PushAck) Type() Type        { return TypePushAck }
func (*PushReject) Type() Type     { return TypePushReject }
func (*Forward) Type() Type        { return TypeForward }
func (*Keepalive) Type() Type      { return TypeKeepalive }
func (*ForwardReply) Type() Type   { return TypeForwardReply }
func (*Birth) Type() Type          { return TypeBirth }
func (*Refusal) Type() Type        { return TypeRefusal }
func (*Join) Type() Type           { return TypeJoin }
func (*Seen) Type() Type           { return TypeSeen }
func (*AwaitApplied) Type() Type   { return TypeAwaitApplied }
func (*AppliedUpTo) Type() Type    { return TypeAppliedUpTo }

func (m *Hello) fields(c *coder) {
	num16(c, &m.MinVersion)
	num16(c, &m.MaxVersion)
	c.id(m.Cluster[:])
	num32(c, &m.Node)
	c.id(m.Directory[:])
	c.id(m.Incarnation[:])
	num8(c, &m.Kind)
	c.valid(m.Kind == ControlConn || m.Kind == DataConn)
	num64(c, &m.Generation)
	num32(c, &m.Shard)
}

func (m *Raft) fields(c *coder) { c.bulk(&m.Message) }

func (m *Heartbeat) fields(c *coder) {
	num32(c, &m.Node)
	c.id(m.Incarnation[:])
	num64(c, &m.BrokerEpoch)
	num64(c, &m.SentAt)
	num64(c, &m.Confirmed)
	c.boolean(&m.Draining)
	c.boolean(&m.Full)
}

func (m *HeartbeatReply) fields(c *coder) {
	num64(c, &m.SentAt)
	c.boolean(&m.Granted)
	num64(c, &m.Term)
	num64(c, &m.Commit)
	c.boolean(&m.Fenced)
}

func (m *AwaitApplied) fields(c *coder) { num64(c, &m.Index) }

func (m *AppliedUpTo) fields(c *coder) { num64(c, &m.Index) }

func (id *CommandID) fields(c *coder) {
	num32(c, &id.Node)
	c.id(id.Incarnation[:])
	num64(c, &id.Seq)
}

func (m *Propose) fields(c *coder) {
	m.ID.fields(c)
	c.bulk(&m.Command)
}

func (m *ProposeReply) fields(c *coder) {
	m.ID.fields(c)
	num16(c, &m.Code)
}

func (m *ReadIndex) fields(c *coder) { num64(c, &m.Context) }

func (m *ReadIndexReply) fields(c *coder) {
	num64(c, &m.Context)
	num64(c, &m.Index)
}

func (m *SnapshotAck) fields(c *coder) {
	num64(c, &m.Index)
	num64(c, &m.Offset)
	c.boolean(&m.Refused)
}

func (m *SnapshotChunk) fields(c *coder) {
	c.bytes(&m.Message)
	num64(c, &m.Index)
	num64(c, &m.Offset)
	num64(c, &m.Total)
	c.bulk(&m.Data)
}

func (m *Push) fields(c *coder) {
	c.partition(&m.Partition)
	num32(c, &m.LeaderEpoch)
	num64(c, &m.Base)
	num32(c, &m.PrevEpoch)
	num64(c, &m.Watermark)
	num64(c, &m.LogStart)
	c.boolean(&m.Begin)
	c.bulk(&m.Batches)
}

func (m *PushAck) fields(c *coder) {
	c.partition(&m.Partition)
	num32(c, &m.LeaderEpoch)
	num64(c, &m.BrokerEpoch)
	num64(c, &m.DurableEnd)
	num64(c, &m.LogStart)
}

func (m *PushReject) fields(c *coder) {
	c.partition(&m.Partition)
	num32(c, &m.LeaderEpoch)
	num64(c, &m.Base)
	num64(c, &m.BrokerEpoch)
	num8(c, &m.Reason)
	c.valid(m.Reason >= Diverged && m.Reason <= Unavailable)
	num32(c, &m.LastEpoch)
	num64(c, &m.End)
	num64(c, &m.Applied)
}

func (m *Forward) fields(c *coder) {
	num64(c, &m.ID)
	c.partition(&m.Partition)
	num32(c, &m.LeaderEpoch)
	num16(c, &m.Acks)
	num32(c, &m.TimeoutMs)
	num64(c, &m.Records.MaxTimestampMs)
	num64(c, &m.Records.OldestMs)
	c.boolean(&m.Records.Keyless)
	c.bulk(&m.Batches)
}

func (m *ForwardReply) fields(c *coder) {
	num64(c, &m.ID)
	num16(c, &m.Code)
	c.text(&m.Message)
	num64(c, &m.BaseOffset)
	num64(c, &m.LogAppendTimeMs)
	num64(c, &m.LogStart)
}

func (*Keepalive) fields(*coder) {}

func (m *Seen) fields(c *coder) {
	num64(c, &m.Starts)
	c.id(m.Incarnation[:])
}

func (m *Birth) fields(c *coder) {
	c.id(m.ID[:])
	c.boolean(&m.Born)
	n := c.length(len(m.Voters))
	c.valid(n <= len(c.buf)/20)
	if c.reading && !c.bad && n > 0 {
		m.Voters = make([]BirthVoter, n)
	}
	for i := range m.Voters {
		num32(c, &m.Voters[i].Node)
		c.id(m.Voters[i].Directory[:])
	}
}

func (m *Refusal) fields(c *coder) {
	c.text(&m.Message)
	c.boolean(&m.Removed)
}

func (m *Join) fields(c *coder) {
	num32(c, &m.Node)
	c.id(m.Directory[:])
	c.boolean(&m.Auto)
}
