package world

import (
	"errors"
	"fmt"
	"io"
	"time"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/diskfs"
	"example.com/lockstep/netsim"
)

// What says what a trace record is about.
type What uint8

const (
	// What a loop was given.
	TurnBegun What = iota + 1
	NetAccepted
	NetConnected
	NetReceived
	NetWritable
	NetClosed
	NetEnded
	DiskDone
	MailReceived
	// What a loop did.
	TurnEnded
	NetSent
	NetDialled
	NetListened
	NetConnClosed
	DiskSubmitted
	MailSent
	MailRefused
	// What happened to a node or to the world.
	NodeStarted
	NodeEnded
	FaultBegun
	FaultEnded
	StateHashed
	Noted
)

var whatNames = [...]string{
	TurnBegun: "turn", NetAccepted: "accepted", NetConnected: "connected", NetReceived: "received",
	NetWritable: "writable", NetClosed: "closed", NetEnded: "ended",
	DiskDone: "disk-done", MailReceived: "mail",
	TurnEnded: "turn-end", NetSent: "send", NetDialled: "dial", NetListened: "listen",
	NetConnClosed: "close", DiskSubmitted: "disk-op", MailSent: "mail-to",
	MailRefused: "mail-refused",
	NodeStarted: "node-start", NodeEnded: "node-end", FaultBegun: "fault", FaultEnded: "fault-end",
	StateHashed: "state", Noted: "note",
}

func (w What) String() string { return whatNames[w] }

// record is one line of the trace. All of it is hashed except detail, which is for people. Where
// detail says something that must be equal, content includes its hash.
type record struct {
	at          env.Instant
	node, loop  int32
	incarnation int32
	what        What
	id          uint64 // connection, handle, receiver, number of events, instant
	size        int64  // bytes
	content     uint64 // hash of the bytes or fields
	detail      string
}

const (
	// CheckpointEvery is the number of records between two hashes that are kept. Two runs that
	// differ are compared by checkpoints first, then record by record within one interval.
	CheckpointEvery = 1 << 12
	// recentRecords is how many of the last records are kept for a failure.
	recentRecords = 256
)

// Trace is the rolling hash over everything that loops were given and did, and over their state.
// Nothing that can differ between processes or machines enters it: no text of libraries, no float,
// no map order, no address (PROTOCOL 37).
type Trace struct {
	hash        Hasher
	count       uint64
	checkpoints []uint64
	recent      [recentRecords]record

	names      []string  // of the nodes, for text
	text       io.Writer // nil: no text
	from, upTo uint64    // records [from, upTo) are printed
}

func (t *Trace) add(r record) {
	t.hash.Word(uint64(r.at))
	t.hash.Word(uint64(r.what)<<56 | uint64(uint16(r.node))<<40 |
		uint64(uint16(r.loop))<<24 | uint64(uint32(r.incarnation)&0xffffff))
	t.hash.Word(r.id)
	t.hash.Word(uint64(r.size))
	t.hash.Word(r.content)
	t.recent[t.count%recentRecords] = r
	if t.text != nil && t.count >= t.from && t.count < t.upTo {
		fmt.Fprintln(t.text, t.format(t.count, &r))
	}
	t.count++
	if t.count%CheckpointEvery == 0 {
		t.checkpoints = append(t.checkpoints, t.hash.Sum())
	}
}

// Sum is the trace hash so far.
func (t *Trace) Sum() uint64 { return t.hash.Sum() }

// Recent formats the last n records, oldest first.
func (t *Trace) Recent(n uint64) []string {
	n = min(n, t.count, recentRecords)
	var lines []string
	for i := t.count - n; i < t.count; i++ {
		lines = append(lines, t.format(i, &t.recent[i%recentRecords]))
	}
	return lines
}

func (t *Trace) format(n uint64, r *record) string {
	where := "world"
	if r.node >= 0 {
		where = fmt.Sprintf("%s.%d/%d", t.names[r.node], r.incarnation, r.loop)
	}
	return fmt.Sprintf("#%d %s %s %s id=%d size=%d %016x %s",
		n, time.Duration(r.at), where, r.what, r.id, r.size, r.content, r.detail)
}

// errorClass is the number of the sentinel that an error wraps; all other errors share one number.
// Loops may branch on sentinels only, and texts of errors never enter the hash.
func errorClass(err error) uint64 {
	if err == nil {
		return 0
	}
	for i, sentinel := range errorSentinels {
		if errors.Is(err, sentinel) {
			return uint64(i) + 1
		}
	}
	return uint64(len(errorSentinels)) + 1
}

var errorSentinels = []error{
	netsim.ErrEOF, netsim.ErrReset, netsim.ErrRefused,
	diskfs.ErrNotExist, diskfs.ErrExist, diskfs.ErrNoSpace, diskfs.ErrIO, diskfs.ErrClosed,
	diskfs.ErrLocked, diskfs.ErrUnavailable,
}
