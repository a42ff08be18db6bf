package checker

import "time"

// Member is a replica in an in-sync set, with its durable end at that moment.
type Member struct {
	Node        NodeID      `json:"node"`
	Incarnation Incarnation `json:"incarnation,omitempty"`
	DurableEnd  Offset      `json:"durable_end"`
}

// AckFact is recorded when a leader answers a produce with acks=all: the
// in-sync set as applied at that moment, and what each member's disk held.
type AckFact struct {
	At        Moment    `json:"at"`
	Partition Partition `json:"partition"`
	Base      Offset    `json:"base"`
	End       Offset    `json:"end"`
	ISR       []Member  `json:"isr"`
}

// AppendFact is recorded when a leader assigns offsets to a batch.
type AppendFact struct {
	At          Moment      `json:"at"`
	Partition   Partition   `json:"partition"`
	Node        NodeID      `json:"node"`
	Incarnation Incarnation `json:"incarnation,omitempty"`
	Epoch       Epoch       `json:"epoch"`
	Base        Offset      `json:"base"`
	Values      []Value     `json:"values"`
	// MaxMs is the largest timestamp of the batch, Bytes its size.
	MaxMs int64 `json:"max_ms,omitempty"`
	Bytes int64 `json:"bytes,omitempty"`
}

// StartFact is recorded when a leader wants another log start: from then on its replicas may
// remove what lies below.
type StartFact struct {
	At          Moment      `json:"at"`
	Partition   Partition   `json:"partition"`
	Node        NodeID      `json:"node"`
	Incarnation Incarnation `json:"incarnation,omitempty"`
	Epoch       Epoch       `json:"epoch"`
	From        Offset      `json:"from"`
	To          Offset      `json:"to"`
	Watermark   Offset      `json:"watermark"`
	LogEnd      Offset      `json:"log_end"`
	// WallMs is the time on the node's clock. RetentionMs and RetentionBytes are the limits of
	// the topic; negative for none.
	WallMs         int64 `json:"wall_ms"`
	RetentionMs    int64 `json:"retention_ms"`
	RetentionBytes int64 `json:"retention_bytes"`
}

// ReplicaFact is recorded when a replica's watermark or log start changes, and
// when a leader begins its epoch or applies a new in-sync set.
type ReplicaFact struct {
	At          Moment      `json:"at"`
	Partition   Partition   `json:"partition"`
	Node        NodeID      `json:"node"`
	Incarnation Incarnation `json:"incarnation,omitempty"`
	Epoch       Epoch       `json:"epoch,omitempty"` // of its role; 0 if it was not recorded
	LogStart    Offset      `json:"log_start"`
	Watermark   Offset      `json:"watermark"`
	LogEnd      Offset      `json:"log_end"`
	DurableEnd  Offset      `json:"durable_end"`
	// ISR and MinInSync are recorded for the leader only: the replicas that
	// must hold what lies below the watermark, and how many of them the
	// watermark needs to move.
	ISR       []Member `json:"isr,omitempty"`
	MinInSync int      `json:"min_in_sync,omitempty"`
	// Shown: clients of this leader see its LogStart.
	Shown bool `json:"shown,omitempty"`
	// Offline: the node cannot write the replica's files, and the metadata say that it
	// holds nothing. Its log begins again at 0.
	Offline bool `json:"offline,omitempty"`
}

// LeaderFact is recorded when a node begins to lead a partition in an epoch.
type LeaderFact struct {
	At          Moment      `json:"at"`
	Partition   Partition   `json:"partition"`
	Epoch       Epoch       `json:"epoch"`
	Node        NodeID      `json:"node"`
	Incarnation Incarnation `json:"incarnation,omitempty"`
	// LogStart and LogEnd bound its log as the epoch begins. Lineage is the
	// epoch history of that log; nil if it was not recorded.
	LogStart Offset  `json:"log_start,omitempty"`
	LogEnd   Offset  `json:"log_end,omitempty"`
	Lineage  Lineage `json:"lineage"`
	// Unclean is the last epoch, up to this one, for which a leader was elected uncleanly; 0 if
	// there was none.
	Unclean Epoch `json:"unclean,omitempty"`
}

// FollowerFact is recorded when a follower's log end moves after the follower
// has compared its log with that of the leader of its epoch.
type FollowerFact struct {
	At          Moment      `json:"at"`
	Partition   Partition   `json:"partition"`
	Node        NodeID      `json:"node"`
	Incarnation Incarnation `json:"incarnation,omitempty"`
	Epoch       Epoch       `json:"epoch"` // as its metadata says
	LogStart    Offset      `json:"log_start,omitempty"`
	LogEnd      Offset      `json:"log_end"`
	Lineage     Lineage     `json:"lineage"`
}

// CutFact is recorded when a replica's log becomes shorter within one
// incarnation.
type CutFact struct {
	At          Moment      `json:"at"`
	Partition   Partition   `json:"partition"`
	Node        NodeID      `json:"node"`
	Incarnation Incarnation `json:"incarnation,omitempty"`
	// From is the old log end, To the new one, Lineage that of the log before.
	From    Offset  `json:"from"`
	To      Offset  `json:"to"`
	Lineage Lineage `json:"lineage"`
}

// ControllerFact is recorded when a node begins to lead the metadata quorum.
type ControllerFact struct {
	At   Moment `json:"at"`
	Term int64  `json:"term"`
	Node NodeID `json:"node"`
}

// ImageFact is a digest of a node's metadata image after it applied Index.
type ImageFact struct {
	At    Moment `json:"at"`
	Node  NodeID `json:"node"`
	Index int64  `json:"index"`
	Hash  uint64 `json:"hash"`
	// Final: recorded of a live node after the run was healed and had settled.
	Final bool `json:"final,omitempty"`
}

// Entry is one record of a replica's final log.
type Entry struct {
	Offset Offset `json:"offset"`
	Epoch  Epoch  `json:"epoch"`
	Value  Value  `json:"value"`
	// Sum is a hash of the record's stored bytes, batch header included.
	Sum uint64 `json:"sum"`
	// Control marks a transaction marker, which no client produced. Marker is
	// its content.
	Control bool    `json:"control,omitempty"`
	Marker  *Marker `json:"marker,omitempty"`
}

// ReplicaLog is the log of a replica at the end of the run, after healing.
// Entries are sorted by offset.
type ReplicaLog struct {
	At        Moment    `json:"at"`
	Partition Partition `json:"partition"`
	Node      NodeID    `json:"node"`
	InISR     bool      `json:"in_isr"`
	LogStart  Offset    `json:"log_start"`
	Watermark Offset    `json:"watermark"`
	Entries   []Entry   `json:"entries,omitempty"`
}

// end is the offset after the last entry, or the log start of an empty log.
func (l *ReplicaLog) end() Offset {
	if len(l.Entries) == 0 {
		return l.LogStart
	}
	return l.Entries[len(l.Entries)-1].Offset + 1
}

// at returns the entry at o, or nil.
func (l *ReplicaLog) at(o Offset) *Entry {
	if len(l.Entries) == 0 {
		return nil
	}
	// A log without holes is indexed directly.
	if i := int(o - l.Entries[0].Offset); i >= 0 && i < len(l.Entries) && l.Entries[i].Offset == o {
		return &l.Entries[i]
	}
	lo, hi := 0, len(l.Entries)
	for lo < hi {
		mid := (lo + hi) / 2
		if l.Entries[mid].Offset < o {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(l.Entries) && l.Entries[lo].Offset == o {
		return &l.Entries[lo]
	}
	return nil
}

// QueueFact is the largest length of a queue over the run, and its declared
// bound.
type QueueFact struct {
	Node  NodeID `json:"node"`
	Name  string `json:"name"`
	Max   int64  `json:"max"`
	Bound int64  `json:"bound"`
}

// IdleFact counts the wake-ups of a node in an interval without requests of
// clients and without faults.
type IdleFact struct {
	// DiskOps are the operations that the node submitted to its disk.
	DiskOps int64         `json:"disk_ops"`
	Node    NodeID        `json:"node"`
	From    time.Duration `json:"from"`
	To      time.Duration `json:"to"`
	WakeUps int64         `json:"wake_ups"`
}

// Recovery is what a node recovered after a crash, and what its disk should
// have kept.
type Recovery struct {
	At          Moment      `json:"at"`
	Node        NodeID      `json:"node"`
	Incarnation Incarnation `json:"incarnation,omitempty"`
	// What names what was recovered: a partition, the raft log, a producer
	// table.
	What string `json:"what"`
	// Got is a digest of the recovered state; Allowed lists the digests that
	// are possible if the disk keeps its promises. If Allowed is empty, only
	// the ends are compared.
	Got     string   `json:"got,omitempty"`
	Allowed []string `json:"allowed,omitempty"`
	// Synced is the end that had been reported durable before the crash, End the
	// recovered end.
	Synced Offset `json:"synced"`
	End    Offset `json:"end"`
	// Suspect: the node declared the damage instead of cutting it silently.
	Suspect bool `json:"suspect,omitempty"`
	// Damaged: the disk broke its promise (rot, lost or misdirected sectors), so
	// that a declared loss is legitimate.
	Damaged bool `json:"damaged,omitempty"`
	// Hidden: nothing on the disk shows that damage, see [DamageFact].
	Hidden bool `json:"hidden,omitempty"`
}

// DamageFact is recorded when a disk loses or changes what a node had made
// durable.
type DamageFact struct {
	At   Moment `json:"at"`
	Node NodeID `json:"node"`
	// Partition is the partition with the damaged records; if a log is shared,
	// there is a fact for each of its partitions. Metadata: the node's copy of
	// the metadata log is damaged.
	Partition Partition `json:"partition"`
	Metadata  bool      `json:"metadata,omitempty"`
	// Hidden: nothing on the disk shows the damage, because a write that was
	// reported durable never happened. Checksums show the other kinds.
	Hidden bool   `json:"hidden,omitempty"`
	What   string `json:"what"` // the disk's description
}

// ClockFact is recorded when a node's clock begins to drift more than leases
// allow for.
type ClockFact struct {
	At       Moment `json:"at"`
	Node     NodeID `json:"node"`
	DriftPpm int64  `json:"drift_ppm"`
}
