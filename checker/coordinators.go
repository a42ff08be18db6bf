package checker

import "fmt"

// Transaction is one transaction of one producer. Its records are the produces
// that name it.
type Transaction struct {
	ID            int    `json:"id"` // not 0
	Client        int    `json:"client"`
	Transactional string `json:"transactional"` // the transactional id
	Producer      int64  `json:"producer"`
	ProducerEpoch int16  `json:"producer_epoch"`
	Begin         Moment `json:"begin"`
	// Call and Return are those of its EndTxn; a transaction without one has
	// Call Never. Commit says whether the EndTxn asked to commit.
	Call    Moment  `json:"call"`
	Return  Moment  `json:"return"`
	Commit  bool    `json:"commit"`
	Outcome Outcome `json:"outcome"`
	Code    int16   `json:"code,omitempty"`
}

// Marker is the content of a control record: the end of a producer's
// transaction.
type Marker struct {
	Producer      int64 `json:"producer"`
	ProducerEpoch int16 `json:"producer_epoch"`
	Commit        bool  `json:"commit"`
}

// Assignment is the set of partitions that a member of a group was told it
// owns: by the answer to its SyncGroup, or by a heartbeat of the newer
// protocol.
type Assignment struct {
	ID         int         `json:"id"`
	Client     int         `json:"client"`
	Group      string      `json:"group"`
	Member     string      `json:"member"`
	Instance   string      `json:"instance,omitempty"` // of a static member
	Generation int32       `json:"generation"`         // or the member's epoch
	At         Moment      `json:"at"`
	Partitions []Partition `json:"partitions,omitempty"`
}

// OffsetCommit commits the offset of one partition for a group.
type OffsetCommit struct {
	ID         int       `json:"id"`
	Client     int       `json:"client"`
	Group      string    `json:"group"`
	Member     string    `json:"member,omitempty"`
	Generation int32     `json:"generation"` // -1: a commit outside of the group's protocol
	Call       Moment    `json:"call"`
	Return     Moment    `json:"return"`
	Partition  Partition `json:"partition"`
	Offset     Offset    `json:"offset"`
	Outcome    Outcome   `json:"outcome"`
	Code       int16     `json:"code,omitempty"`
}

// OffsetRead is a read of a group's committed offset.
type OffsetRead struct {
	ID        int       `json:"id"`
	Client    int       `json:"client"`
	Group     string    `json:"group"`
	Call      Moment    `json:"call"`
	Return    Moment    `json:"return"`
	Partition Partition `json:"partition"`
	Offset    Offset    `json:"offset"` // -1: none
	Code      int16     `json:"code,omitempty"`
}

// owner is what a partition belongs to in a generation. A static member keeps its assignment under
// another id (KIP-345).
func (a *Assignment) owner() string {
	if a.Instance != "" {
		return "instance " + a.Instance
	}
	return a.Member
}

func (t *Transaction) when() Moment  { return t.Begin }
func (a *Assignment) when() Moment   { return a.At }
func (c *OffsetCommit) when() Moment { return c.Call }
func (r *OffsetRead) when() Moment   { return r.Call }

func (t *Transaction) String() string {
	s := fmt.Sprintf("%v client %d transaction %d of %q, producer=%d/%d",
		t.Begin, t.Client, t.ID, t.Transactional, t.Producer, t.ProducerEpoch)
	if t.Call == Never {
		return s + ", never ended"
	}
	end := "abort"
	if t.Commit {
		end = "commit"
	}
	s += fmt.Sprintf(", %s %s → %s", end, span(t.Call, t.Return), t.Outcome)
	if t.Code != codeNone {
		s += " (" + codeName(t.Code) + ")"
	}
	return s
}

func (a *Assignment) String() string {
	member := a.Member
	if a.Instance != "" {
		member += " (" + a.Instance + ")"
	}
	return fmt.Sprintf("%v client %d: member %s of group %s owns %v in generation %d",
		a.At, a.Client, member, a.Group, a.Partitions, a.Generation)
}

func (c *OffsetCommit) String() string {
	s := fmt.Sprintf("%s client %d commits %d of %s for group %s in generation %d → %s",
		span(c.Call, c.Return), c.Client, c.Offset, c.Partition, c.Group, c.Generation, c.Outcome)
	if c.Code != codeNone {
		s += " (" + codeName(c.Code) + ")"
	}
	return s
}

func (r *OffsetRead) String() string {
	s := fmt.Sprintf("%s client %d asks group %s for %s → ",
		span(r.Call, r.Return), r.Client, r.Group, r.Partition)
	if r.Code != codeNone {
		return s + codeName(r.Code)
	}
	return s + fmt.Sprintf("%d", r.Offset)
}
