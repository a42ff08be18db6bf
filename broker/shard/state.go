package shard

import (
	"encoding/binary"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/partition"
	"example.com/lockstep/broker/rare"
)

// What the simulator sees of a shard: facts for the checkers, and for the trace hash a digest of
// the state and of the mail between loops. Nothing here changes the state.

// PartState is one replica as its shard holds it.
type PartState struct {
	ID        kafka.PartitionID
	Leading   bool
	Following bool
	Epoch     kafka.LeaderEpoch // adopted; 0 in no role
	Unclean   kafka.LeaderEpoch // the last with an uncleanly elected leader; 0 if there was none
	Synced    bool              // following: the log was compared with the leader's
	Resigned  bool              // leading: it claims the end of the log no more (handover.go)
	Began     kafka.Offset      // leading: the log end when the epoch began
	// MinInSync is how many in-sync replicas a commit of this leader needs, by the metadata that
	// the shard acts on.
	MinInSync int
	LogStart  kafka.Offset
	// Wanted and Shown, leading: the log start that the replicas are to move to, and whether
	// clients may see LogStart. Retention is what the leader decides by.
	Wanted    kafka.Offset
	Shown     bool
	Retention partition.Retention
	Watermark kafka.Offset
	Durable   kafka.Offset
	End       kafka.Offset
	Suspect   bool
	// Offline: the files cannot be written and are deleted; the leader knows.
	Offline bool
	// Overdue counts the appends and long polls that still wait although the log has
	// reached their offset. It is 0 between events.
	Overdue int
	// ISR is that of the applied registration. It is shared: do not write to it.
	ISR []kafka.NodeID
	// Log is for reading what is stored.
	Log *partition.Log
}

// Rare makes the shard's rare choices; nil if none are on.
func (s *Shard) Rare() *rare.Chooser { return s.rare }

// Recovered reports whether the shard has replayed its log.
func (s *Shard) Recovered() bool { return s.recovered }

// Declared reports whether the suspects of this incarnation will be known after it: the shard
// acts on metadata in which its node is registered, or a converter has written them down.
func (s *Shard) Declared() bool { return s.epoch != 0 || s.mayConvert }

// Unnamed reports whether the recovery has declared that it may not know all partitions that
// the shard held.
func (s *Shard) Unnamed() bool { return s.recovery.damaged }

// Loading is the number of checkpoints that are being read.
func (s *Shard) Loading() int { return s.recovery.loading }

// InflightBytes are the bytes of unanswered produces, of clients of this shard
// and of those that other nodes forwarded to it.
func (s *Shard) InflightBytes() (ofClients, forwarded int) {
	return s.inflightBytes, s.forwardedBytes
}

// WaitingRequests are the requests that have not been answered.
func (s *Shard) WaitingRequests() int { return len(s.requests) }

// HoldsLease reports whether the shard may claim, at the time, to know the end of the logs that
// it leads.
func (s *Shard) HoldsLease(now env.Time) bool { return s.leaseValidAt(now.Mono) }

// Inspect visits the replicas in order of their ids.
func (s *Shard) Inspect(visit func(*PartState)) {
	var state PartState
	for _, p := range s.order {
		if p.removing {
			continue
		}
		state = PartState{
			ID: p.id, Leading: p.role == leading, Following: p.role == following, Epoch: p.epoch,
			LogStart: p.log.Start(), Watermark: p.log.Watermark(), Durable: p.log.DurableEnd(),
			End: p.log.End(), Suspect: p.suspect, Log: p.log, Overdue: p.overdue(),
		}
		state.Offline = p.availability > unwritable
		if p.rebuilding || state.Offline { // nothing in its files counts
			state.LogStart, state.Watermark, state.Durable, state.End = 0, 0, 0, 0
		}
		if reg := s.image.Partition(p.id); reg != nil {
			state.ISR, state.Unclean = reg.ISR, reg.UncleanEpoch
		}
		switch p.role {
		case leading:
			state.Resigned = !p.handover.claimsEnd()
			state.Began, state.MinInSync = p.leader.EpochStart(), len(p.replicas)
			if t := s.image.TopicByID(p.id.Topic); t != nil {
				state.MinInSync = min(s.image.MinISR(t), len(p.replicas))
			}
			state.Wanted, state.Shown = p.leader.WantedStart(), p.leader.StartConfirmed()
			state.Retention = p.topic.retention
		case following:
			state.Epoch, state.Synced = p.follower.Epoch(), p.follower.Synced()
		}
		visit(&state)
	}
}

// overdue counts the appends and long polls that wait for an offset which is reached.
func (p *part) overdue() (n int) {
	if p.leader == nil {
		return 0
	}
	committed, durable := p.leader.Watermark(), p.log.DurableEnd()
	for i := range p.produces {
		if w := &p.produces[i]; w.until <= durable && (w.until <= committed || !w.all) {
			n++
		}
	}
	for i := range p.fetches {
		if p.fetches[i].offset < committed {
			n++
		}
	}
	return n
}

// Leftovers counts the entries that the shard still keeps for partitions that are gone.
func (s *Shard) Leftovers(gone func(kafka.PartitionID) bool) (n int) {
	count := func(id kafka.PartitionID) {
		if gone(id) {
			n++
		}
	}
	for id := range s.parts { //corelint:ordered a count has no order
		count(id)
	}
	for _, p := range s.byOwner { //corelint:ordered a count has no order
		count(p.id)
	}
	for _, p := range s.order {
		count(p.id)
	}
	s.lists.all(func(l *list) {
		for _, p := range l.parts {
			count(p.id)
		}
	})
	for _, c := range s.clients { //corelint:ordered a count has no order
		for id := range c.lanes { //corelint:ordered a count has no order
			count(id)
		}
	}
	for _, id := range s.offlineAsked { //corelint:ordered a count has no order
		count(id)
	}
	for _, p := range s.proposals { //corelint:ordered a count has no order
		count(p.id)
	}
	return n
}

// AppendState appends a digest of the shard's state: the metadata that it acts on, where its
// replicas stand, and what waits.
func (s *Shard) AppendState(b []byte) []byte {
	word := func(v uint64) { b = binary.LittleEndian.AppendUint64(b, v) }
	word(uint64(s.image.Index()))
	word(uint64(s.epoch))
	word(uint64(s.lease.Until))
	word(uint64(s.wal.Durable()))
	word(uint64(s.wal.Next()))
	word(uint64(len(s.requests)))
	word(uint64(s.inflightBytes))
	word(uint64(s.forwardedBytes))
	for _, p := range s.order {
		b = append(b, p.id.Topic[:]...)
		word(uint64(p.id.Partition)<<8 | uint64(p.role))
		word(uint64(p.epoch))
		word(uint64(p.log.Start()))
		word(uint64(p.log.Watermark()))
		word(uint64(p.log.DurableEnd()))
		word(uint64(p.log.End()))
		word(uint64(len(p.produces))<<32 | uint64(len(p.fetches)))
		if p.leader != nil {
			nodes, durable := p.leader.Lag()
			for i := range nodes {
				word(uint64(nodes[i]))
				word(uint64(durable[i]))
			}
		}
	}
	return b
}

// --- content of mail for the trace hash ---

func appendPartition(b []byte, id kafka.PartitionID) []byte {
	b = append(b, id.Topic[:]...)
	return binary.LittleEndian.AppendUint32(b, uint32(id.Partition))
}

func appendOrigin(b []byte, o Origin) []byte {
	b = binary.LittleEndian.AppendUint64(b, o.Request)
	return binary.LittleEndian.AppendUint64(b, uint64(uint32(o.Loop))<<32|uint64(uint32(o.Op)))
}

func appendInstant(b []byte, i env.Instant) []byte {
	return binary.LittleEndian.AppendUint64(b, uint64(i))
}

// AppendTrace appends what distinguishes the mail.
func (m Applied) AppendTrace(b []byte) []byte {
	return binary.LittleEndian.AppendUint64(b, uint64(m.Image.Index()))
}

// AppendTrace appends what distinguishes the mail.
func (m Ping) AppendTrace(b []byte) []byte {
	return appendInstant(binary.LittleEndian.AppendUint64(b, m.Seq), m.SentAt)
}

// AppendTrace appends what distinguishes the mail.
func (m Pong) AppendTrace(b []byte) []byte {
	b = appendInstant(binary.LittleEndian.AppendUint64(b, m.Seq), m.SentAt)
	return binary.LittleEndian.AppendUint64(b, uint64(m.Confirmed))
}

// AppendTrace appends what distinguishes the mail.
func (m Lease) AppendTrace(b []byte) []byte {
	return appendInstant(binary.LittleEndian.AppendUint64(b, uint64(m.Epoch)), m.Until)
}

// AppendTrace appends what distinguishes the mail.
func (m Call) AppendTrace(b []byte) []byte {
	return appendInstant(appendOrigin(b, m.Origin), m.Deadline)
}

// AppendTrace appends what distinguishes the mail.
func (m PartitionCall) AppendTrace(b []byte) []byte {
	b = appendInstant(appendOrigin(b, m.Origin), m.Deadline)
	return binary.LittleEndian.AppendUint32(b, uint32(m.Epoch))
}

// AppendTrace appends what distinguishes the mail.
func (m Cancel) AppendTrace(b []byte) []byte {
	return appendPartition(appendOrigin(b, m.Origin), m.Partition)
}

// AppendTrace appends what distinguishes the mail.
func (m Return) AppendTrace(b []byte) []byte { return appendOrigin(b, m.Origin) }

// AppendTrace appends what distinguishes the mail. The batches of the push entered the hash
// when the network delivered them.
func (m PeerCall) AppendTrace(b []byte) []byte {
	b = appendPartition(binary.LittleEndian.AppendUint64(b, m.Via.Conn), m.Push.Partition)
	b = binary.LittleEndian.AppendUint64(b, uint64(m.Push.Base))
	return binary.LittleEndian.AppendUint64(b, uint64(m.Push.Watermark))
}

// AppendTrace appends what distinguishes the mail.
func (m PeerReturn) AppendTrace(b []byte) []byte {
	return binary.LittleEndian.AppendUint64(b, m.Via.Conn)
}
