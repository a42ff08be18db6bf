package checker

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func at(ms int) Moment { return Moment{At: time.Duration(ms) * time.Millisecond} }

var part = Partition{Topic: "t", Index: 0}

// sample is a small correct history on which every property judges something.
// Values 1 to 5 are at offsets 0 to 4; producer 9 sent 3 (twice) and 4; 6
// failed and 7 is ambiguous and was never applied.
func sample() *History {
	h := &History{
		Topics:   []Topic{{ID: "t"}},
		Coverage: Coverage{Logs: true, Leaders: true, Appends: true},
		Slack:    50 * time.Millisecond,
		End:      at(1000),
	}
	produce := func(call, ret int, base Offset, val Value) Produce {
		return Produce{
			Client: 1, Call: at(call), Return: at(ret), Partition: part, Producer: NoProducer,
			Values: []Value{val}, Acks: AcksAll, Outcome: Acked, Base: base,
		}
	}
	idem := func(p Produce, seq int32) Produce {
		p.Producer, p.Sequence, p.Client, p.Conn = 9, seq, 2, 5
		return p
	}
	lostAnswer := idem(produce(30, 40, -1, 3), 0)
	lostAnswer.Outcome, lostAnswer.Return = Ambiguous, Never
	refused := produce(60, 65, -1, 6)
	refused.Outcome, refused.Code = Failed, 19
	timedOut := produce(66, 70, -1, 7)
	timedOut.Outcome, timedOut.Code = Ambiguous, codeRequestTimedOut
	leaderOnly := produce(80, 85, 4, 5)
	leaderOnly.Acks = AcksLeader
	h.Produces = []Produce{
		produce(10, 15, 0, 1), produce(20, 25, 1, 2), lostAnswer,
		idem(produce(42, 48, 2, 3), 0), idem(produce(50, 55, 3, 4), 1), refused, timedOut,
		leaderOnly,
	}
	h.Fetches = []Fetch{
		{Client: 7, Call: at(100), Return: at(101), Partition: part, From: 0, Watermark: 5,
			Records: []Record{{0, 1}, {1, 2}, {2, 3}}},
		{Client: 7, Call: at(102), Return: at(103), Partition: part, From: 3, Watermark: 5,
			Records: []Record{{3, 4}, {4, 5}}, Continues: true},
		{Client: 7, Call: at(104), Return: at(110), Partition: part, From: 5, Watermark: 5,
			Empty: true, Continues: true},
	}
	h.Ends = []EndRead{
		{Client: 8, Call: at(16), Return: at(18), Partition: part, Offset: 1},
		{Client: 8, Call: at(57), Return: at(58), Partition: part, Offset: 4},
		{Client: 8, Call: at(120), Return: at(121), Partition: part, Offset: 5},
	}
	entries := func() []Entry {
		return []Entry{
			{Offset: 0, Epoch: 1, Value: 1, Sum: 11},
			{Offset: 1, Epoch: 1, Value: 2, Sum: 12},
			{Offset: 2, Epoch: 1, Value: 3, Sum: 13},
			{Offset: 3, Epoch: 1, Value: 4, Sum: 14},
			{Offset: 4, Epoch: 1, Value: 5, Sum: 15},
		}
	}
	for node := NodeID(1); node <= 3; node++ {
		h.Logs = append(h.Logs, ReplicaLog{
			At: at(1000), Partition: part, Node: node, InISR: true, Watermark: 5,
			Entries: entries(),
		})
	}
	isr := func(n Offset) []Member { return []Member{{1, 1, n}, {2, 1, n}, {3, 1, n}} }
	h.Acks = []AckFact{{At: at(14), Partition: part, Base: 0, End: 1, ISR: isr(1)}}
	for i, val := range []Value{1, 2, 3, 4, 5} {
		h.Appends = append(h.Appends, AppendFact{
			At: at(11 + 10*i), Partition: part, Node: 1, Incarnation: 1, Epoch: 1, Base: Offset(i),
			Values: []Value{val},
		})
	}
	h.Leaders = []LeaderFact{{At: at(5), Partition: part, Epoch: 1, Node: 1, Incarnation: 1,
		Lineage: Lineage{}}}
	h.Followers = []FollowerFact{
		{At: at(13), Partition: part, Node: 2, Incarnation: 1, Epoch: 1, LogEnd: 1,
			Lineage: Lineage{{1, 0}}},
		{At: at(84), Partition: part, Node: 2, Incarnation: 1, Epoch: 1, LogEnd: 5,
			Lineage: Lineage{{1, 0}}},
	}
	h.Controllers = []ControllerFact{{At: at(1), Term: 1, Node: 1}, {At: at(300), Term: 2, Node: 2}}
	h.Replicas = []ReplicaFact{
		{At: at(14), Partition: part, Node: 1, Incarnation: 1, Epoch: 1, Watermark: 1, LogEnd: 1,
			DurableEnd: 1, ISR: isr(1)},
		{At: at(16), Partition: part, Node: 2, Incarnation: 1, Watermark: 1, LogEnd: 1,
			DurableEnd: 1},
		{At: at(86), Partition: part, Node: 1, Incarnation: 1, Epoch: 1, Watermark: 5, LogEnd: 5,
			DurableEnd: 5, ISR: isr(5)},
		{At: at(90), Partition: part, Node: 2, Incarnation: 1, Watermark: 5, LogEnd: 5,
			DurableEnd: 5},
	}
	config, empty := "b", ""
	h.Admins = []Admin{
		{Client: 3, Call: at(10), Return: at(20), Kind: CreateTopic, Topic: "n", Outcome: Acked,
			TopicID: "A"},
		{Client: 3, Call: at(30), Return: at(35), Kind: CreateTopic, Topic: "n", Outcome: Failed,
			Code: codeTopicAlreadyExists},
		{Client: 3, Call: at(40), Return: at(45), Kind: AlterTopic, Topic: "n", Outcome: Acked,
			Expect: &empty, Set: "b"},
		{Client: 3, Call: at(50), Return: at(55), Kind: DescribeTopic, Topic: "n", Outcome: Acked,
			TopicID: "A", Config: &config},
		{Client: 3, Call: at(60), Return: at(65), Kind: DeleteTopic, Topic: "n", Outcome: Acked},
		{Client: 3, Call: at(70), Return: at(75), Kind: DescribeTopic, Topic: "n", Outcome: Failed,
			Code: codeUnknownTopicOrPartition},
		{Client: 3, Call: at(80), Return: at(85), Kind: CreateTopic, Topic: "n", Outcome: Ambiguous,
			Code: codeRequestTimedOut},
		{Client: 3, Call: at(90), Return: at(95), Kind: DescribeTopic, Topic: "n", Outcome: Acked,
			TopicID: "B"},
	}
	h.MetadataSeen = []MetadataRead{
		{Node: 1, Call: at(20), Return: at(21), Topic: "n"},
		{Node: 1, Call: at(30), Return: at(31), Topic: "n", TopicID: "A", Epochs: []Epoch{1}},
		{Node: 1, Call: at(40), Return: at(41), Topic: "n", TopicID: "A", Epochs: []Epoch{2}},
		{Node: 1, Call: at(70), Return: at(71), Topic: "n"},
		{Node: 1, Call: at(99), Return: at(100), Topic: "n", TopicID: "B", Epochs: []Epoch{0}},
	}
	h.Images = []ImageFact{
		{Node: 1, Index: 5, Hash: 50},
		{Node: 2, Index: 5, Hash: 50},
		{Node: 1, Index: 9, Hash: 90, Final: true},
		{Node: 2, Index: 9, Hash: 90, Final: true},
	}
	h.ProducerIDs = []InitProducer{
		{Client: 2, Call: at(1), Return: at(2), Producer: 9},
		{Client: 4, Call: at(1), Return: at(2), Producer: 10},
	}
	h.Requests = []Request{
		{Conn: 5, Name: "Produce", Correlation: 1, Call: at(10), Return: at(15),
			Deadline: at(100).At},
		{Conn: 5, Name: "Produce", Correlation: 2, Call: at(11), Return: at(15),
			Deadline: at(100).At},
		{Conn: 6, Name: "Fetch", Correlation: 1, Call: at(10), Return: Never, Deadline: at(100).At,
			Excused: "node 2 was stopped"},
	}
	h.Queues = []QueueFact{{Node: 1, Name: "mailbox", Max: 8, Bound: 8}}
	h.Idles = []IdleFact{{Node: 1, From: 0, To: 2 * time.Second, WakeUps: 20, DiskOps: 2}}
	h.Recoveries = []Recovery{
		{At: at(200), Node: 2, What: "t/0", Got: "x", Allowed: []string{"w", "x"},
			Synced: 3, End: 4},
		{At: at(210), Node: 3, What: "t/0", Synced: 3, End: 1, Suspect: true, Damaged: true},
	}
	addTransactions(h)
	addGroup(h)
	return h
}

// plainLogs is how many of the sample's logs belong to part; they come first.
const plainLogs = 3

// addTransactions adds two partitions, and on them transaction 1 (v101 and v102,
// committed), 2 (v103, aborted) and 3 (v104, of the next epoch, never ended).
func addTransactions(h *History) {
	a, b := Partition{Topic: "x", Index: 0}, Partition{Topic: "x", Index: 1}
	h.Topics = append(h.Topics, Topic{ID: "x", Transactional: true})
	txn := func(id int, begin int, epoch int16) Transaction {
		return Transaction{
			ID: id, Client: 11, Transactional: "tx", Producer: 20, ProducerEpoch: epoch,
			Begin: at(begin), Call: Never, Return: Never,
		}
	}
	ended := func(t Transaction, call int, commit bool) Transaction {
		t.Call, t.Return, t.Commit, t.Outcome = at(call), at(call+5), commit, Acked
		return t
	}
	h.Transactions = []Transaction{
		ended(txn(1, 300, 0), 330, true),
		ended(txn(2, 340, 0), 360, false),
		txn(3, 400, 1),
	}
	for _, p := range []struct {
		id, call int
		part     Partition
		base     Offset
		val      Value
		epoch    int16
		sequence int32
	}{
		{1, 310, a, 0, 101, 0, 0},
		{1, 315, b, 0, 102, 0, 0},
		{2, 345, a, 2, 103, 0, 1},
		{3, 410, a, 4, 104, 1, 0},
	} {
		h.Produces = append(h.Produces, Produce{
			Client: 11, Call: at(p.call), Return: at(p.call + 4), Partition: p.part, Producer: 20,
			ProducerEpoch: p.epoch, Sequence: p.sequence, Transaction: p.id, Values: []Value{p.val},
			Acks: AcksAll, Outcome: Acked, Base: p.base,
		})
		h.Appends = append(h.Appends, AppendFact{
			At: at(p.call + 1), Partition: p.part, Node: 1, Incarnation: 1, Epoch: 1, Base: p.base,
			Values: []Value{p.val},
		})
	}
	marker := func(offset Offset, commit bool) Entry {
		return Entry{
			Offset: offset, Epoch: 1, Control: true, Marker: &Marker{Producer: 20, Commit: commit},
		}
	}
	record := func(offset Offset, val Value) Entry {
		return Entry{Offset: offset, Epoch: 1, Value: val}
	}
	for _, p := range []Partition{a, b} {
		h.Leaders = append(h.Leaders,
			LeaderFact{At: at(5), Partition: p, Epoch: 1, Node: 1, Incarnation: 1})
	}
	h.Logs = append(h.Logs,
		ReplicaLog{
			At: at(1000), Partition: a, Node: 1, InISR: true, Watermark: 5,
			Entries: []Entry{
				record(0, 101),
				marker(1, true),
				record(2, 103),
				marker(3, false),
				record(4, 104),
			},
		},
		ReplicaLog{
			At: at(1000), Partition: b, Node: 1, InISR: true, Watermark: 2,
			Entries: []Entry{record(0, 102), marker(1, true)},
		})
	h.Fetches = append(h.Fetches, Fetch{
		Client: 12, Call: at(500), Return: at(505), Partition: a, Watermark: 5,
		Records: []Record{{0, 101}}, ReadCommitted: true,
	})
	h.ProducerIDs = append(h.ProducerIDs,
		InitProducer{
			Client: 11, Call: at(290), Return: at(295), Producer: 20, Epoch: 0, Transactional: "tx",
		},
		InitProducer{
			Client: 11, Call: at(390), Return: at(395), Producer: 20, Epoch: 1, Transactional: "tx",
		})
}

// addGroup adds a group of two members, and a second generation with one
// member.
func addGroup(h *History) {
	other := Partition{Topic: "t", Index: 1}
	h.Assignments = []Assignment{
		{Group: "g", Member: "m1", Generation: 1, At: at(100), Partitions: []Partition{part}},
		{Group: "g", Member: "m2", Generation: 1, At: at(101), Partitions: []Partition{other}},
		{Group: "g", Member: "m1", Generation: 2, At: at(200),
			Partitions: []Partition{part, other}},
	}
	commit := func(call int, generation int32, offset Offset) OffsetCommit {
		return OffsetCommit{
			Group: "g", Member: "m1", Generation: generation, Call: at(call), Return: at(call + 5),
			Partition: part, Offset: offset, Outcome: Acked,
		}
	}
	lost := commit(240, 2, 4)
	lost.Outcome, lost.Return = Ambiguous, Never
	h.Commits = []OffsetCommit{commit(110, 1, 2), commit(210, 2, 3), lost}
	h.CommittedReads = []OffsetRead{
		{Group: "g", Call: at(90), Return: at(95), Partition: part, Offset: -1},
		{Group: "g", Call: at(120), Return: at(125), Partition: part, Offset: 2},
		{Group: "g", Call: at(220), Return: at(225), Partition: part, Offset: 3},
		{Group: "g", Call: at(250), Return: at(255), Partition: part, Offset: 4},
	}
}

func TestSampleHistoryPassesEveryPropertyAndLeavesNoneVacuous(t *testing.T) {
	report := Run(sample())
	require.True(t, report.OK(), "%s", report.String())
	for _, r := range report.Results {
		require.Equal(t, Pass, r.Verdict, r.Property)
	}
	require.Equal(t, "every property that was judged holds", report.Sentence())
}

// cutAll shortens every final log by two records, after damage to the copies of
// some nodes.
func cutAll(h *History, damaged ...NodeID) {
	for i := range plainLogs {
		h.Logs[i].Entries, h.Logs[i].Watermark = h.Logs[i].Entries[:3], 3
	}
	h.Acks = append(h.Acks, AckFact{
		At: at(54), Partition: part, Base: 3, End: 4,
		ISR: []Member{{1, 1, 4}, {2, 1, 4}, {3, 1, 4}},
	})
	for _, n := range damaged {
		h.Damages = append(h.Damages,
			DamageFact{At: at(200), Node: n, Partition: part, What: "bit rot"})
	}
}

// Each of anomalies breaks the sample in one place. The list proves that every
// checker can fail.
var anomalies = []struct {
	property, anomaly, name string
	breakIt                 func(h *History)
}{
	{"P1", AckBeforeDurable, "acknowledged while one in-sync disk lags", func(h *History) {
		h.Acks[0].ISR[2].DurableEnd = 0
	}},
	{"P1", AckBeforeDurable, "acknowledged by an empty in-sync set", func(h *History) {
		h.Acks[0].ISR = nil
	}},
	{"P1", LostWrite, "in-sync replica cut short", func(h *History) {
		h.Logs[1].Entries = h.Logs[1].Entries[:3]
	}},
	{"P1", LostWrite, "lost, and two of three copies were damaged", func(h *History) {
		cutAll(h, 1, 2)
	}},
	{"P1", LostWrite, "lost, and the copies of another partition were damaged", func(h *History) {
		cutAll(h, 1, 2, 3)
		for i := range h.Damages {
			h.Damages[i].Partition.Index++
		}
	}},
	{"P1", LostWrite, "lost, though only a later in-sync set was damaged", func(h *History) {
		cutAll(h, 1)
		h.Replicas = append(h.Replicas, ReplicaFact{
			At: at(300), Partition: part, Node: 1, Incarnation: 1, Epoch: 1, Watermark: 5,
			LogEnd: 5, DurableEnd: 5, ISR: []Member{{1, 1, 5}},
		})
	}},
	{"P1", LostWrite, "lost, and a clock ran away", func(h *History) {
		cutAll(h)
		h.Clocks = []ClockFact{{At: at(100), Node: 1, DriftPpm: 200_000}}
	}},
	{"P1", LostWrite, "lost, and a metadata log was damaged visibly", func(h *History) {
		cutAll(h)
		h.Damages = []DamageFact{{At: at(200), Node: 2, Metadata: true}}
	}},
	{"P1", AckBeforeDurable,
		"acknowledged too early, and every copy was damaged", func(h *History) {
			cutAll(h, 1, 2, 3)
			h.Acks[0].ISR[2].DurableEnd = 0
		}},
	{"P1", LostWrite, "in-sync replica overwritten", func(h *History) {
		h.Logs[1].Entries[0].Value = 2
	}},
	{"P1", LostWrite, "acks=1 lost without a leader change", func(h *History) {
		for i := range plainLogs {
			h.Logs[i].Entries = h.Logs[i].Entries[:4]
		}
	}},
	{"P1", LostWrite, "a later fetch passes over it", func(h *History) {
		h.Fetches[0].Records = []Record{{0, 1}, {2, 3}}
	}},
	{"P1", LostWrite, "a later fetch is out of range", func(h *History) {
		h.Fetches[1].Records = nil
		h.Fetches[1].Code = codeOffsetOutOfRange
	}},
	{"P1", LostWrite, "log start moved without a request", func(h *History) {
		h.Logs[0].LogStart = 2
		h.Logs[0].Entries = h.Logs[0].Entries[2:]
	}},
	{"P1", LostWrite, "no replica left", func(h *History) { h.Logs = nil }},
	{"P2", FalseError, "told not appended, but fetched", func(h *History) {
		h.Fetches[0].Records[1].Value = 6
	}},
	{"P2", FalseError, "told not appended, but above the watermark of a log", func(h *History) {
		h.Logs[0].Entries = append(h.Logs[0].Entries, Entry{Offset: 5, Value: 6})
	}},
	{"P2", SuccessWithNoAppend, "error with code 0", func(h *History) { h.Produces[5].Code = 0 }},
	{"P2", SuccessWithNoAppend, "success with an error code", func(h *History) {
		h.Produces[0].Code = 6
	}},
	{"P2", SuccessWithNoAppend, "success without offset", func(h *History) {
		h.Produces[0].Base = -1
	}},
	{"P2", SuccessWithNoAppend, "success that no leader appended", func(h *History) {
		h.Appends = h.Appends[1:]
	}},
	{"P3", InconsistentOffsets, "ack and replica disagree", func(h *History) {
		h.Logs[2].Entries[1].Value = 1
	}},
	{"P3", InconsistentOffsets, "two acks for one offset", func(h *History) {
		h.Produces[1].Base = 0
	}},
	{"P3", InconsistentOffsets, "two fetches disagree", func(h *History) {
		h.Fetches[1].Records[1].Value = 7
	}},
	{"P3", Duplicate, "more copies than attempts", func(h *History) {
		for i := range plainLogs {
			h.Logs[i].Entries = append(h.Logs[i].Entries, Entry{Offset: 5, Value: 1})
			h.Logs[i].Watermark = 6
		}
	}},
	{"P3", Phantom, "no client wrote it", func(h *History) { h.Logs[0].Entries[0].Value = 99 }},
	{"P3", OffsetGap, "a hole in a log", func(h *History) {
		h.Logs[0].Entries[2].Offset = 3
		h.Logs[0].Entries = h.Logs[0].Entries[:3]
	}},
	{"P3", OffsetGap, "a watermark above the log", func(h *History) { h.Logs[0].Watermark = 6 }},
	{"P3", OffsetGap, "a hole between acks", func(h *History) {
		h.Logs = nil
		h.Fetches = nil
		h.Produces = append(h.Produces[1:2], h.Produces[3:6]...)
	}},
	{"P3", PollSkip, "a fetch begins late", func(h *History) {
		h.Fetches[1].Records = h.Fetches[1].Records[1:]
	}},
	{"P3", PollSkip, "a position jumps ahead", func(h *History) {
		h.Fetches[1].From = 4
		h.Fetches[1].Records = h.Fetches[1].Records[1:]
	}},
	{"P3", IntPollSkip, "a hole in a fetch", func(h *History) {
		h.Fetches[0].Records = []Record{{0, 1}, {2, 3}}
	}},
	{"P3", NonmonotonicPoll, "a position goes back", func(h *History) {
		h.Fetches[1].From = 2
		h.Fetches[1].Records = []Record{{2, 3}}
	}},
	{"P3", NonmonotonicPoll, "a fetch begins early", func(h *History) {
		h.Fetches[1].Records[0] = Record{2, 3}
	}},
	{"P3", IntNonmonotonicPoll, "a fetch goes back", func(h *History) {
		h.Fetches[0].Records[2] = Record{1, 2}
	}},
	{"P4", WatermarkBack, "within one incarnation", func(h *History) {
		h.Replicas[3].Watermark = 0
	}},
	{"P4", LogStartBack, "within one incarnation", func(h *History) { h.Replicas[1].LogStart = 1 }},
	{"P4", LogStartBack, "clients saw it further in an earlier epoch", func(h *History) {
		h.Deletions = []Deletion{{Call: at(70), Return: at(80), Partition: part, Offset: 2}}
		h.Starts = []StartFact{startFact(2)}
		h.Replicas[2].LogStart, h.Replicas[2].Shown = 2, true
		later := h.Replicas[2]
		later.At, later.Node, later.Epoch, later.LogStart = at(87), 3, 2, 0
		h.Replicas = append(h.Replicas, later)
	}},
	{"P4", StartUnjustified, "nobody asked", func(h *History) {
		h.Starts = []StartFact{startFact(2)}
	}},
	{"P4", StartUnjustified, "asked for less", func(h *History) {
		h.Deletions = []Deletion{{Call: at(70), Return: at(80), Partition: part, Offset: 1}}
		h.Starts = []StartFact{startFact(2)}
	}},
	{"P4", StartUnjustified, "asked for later", func(h *History) {
		h.Deletions = []Deletion{{Call: at(90), Return: at(95), Partition: part, Offset: 2}}
		h.Starts = []StartFact{startFact(2)}
	}},
	{"P4", StartUnjustified, "one batch is too young", func(h *History) {
		age(h, 1000, 1600)
		h.Starts = []StartFact{startFact(2)}
		h.Starts[0].RetentionMs = 500
	}},
	{"P4", StartUnjustified, "too little is left", func(h *History) {
		age(h, 1000, 1000)
		h.Starts = []StartFact{startFact(2)}
		h.Starts[0].RetentionBytes = 31
	}},
	{"P4", StartUnjustified, "a replica goes further than any leader", func(h *History) {
		h.Deletions = []Deletion{{Call: at(70), Return: at(80), Partition: part, Offset: 2}}
		h.Starts = []StartFact{startFact(2)}
		h.Replicas[3].LogStart = 3
	}},
	{"P4", WatermarkHigh, "above an in-sync disk", func(h *History) {
		h.Replicas[2].ISR[1].DurableEnd = 4
	}},
	{"P4", WatermarkHigh, "follower ahead of every leader", func(h *History) {
		h.Replicas[1].Watermark = 2
		h.Replicas[1].LogEnd = 2
	}},
	{"P4", WatermarkHigh, "beyond its own log", func(h *History) { h.Replicas[3].LogEnd = 4 }},
	{"P4", CommitBelowMin, "too few in-sync replicas", func(h *History) {
		for i := range h.Replicas[:3] {
			h.Replicas[i].MinInSync = 4
		}
	}},
	{"P4", BeyondWatermark, "a consumer reads too far", func(h *History) {
		h.Fetches[1].Watermark = 4
	}},
	{"P5", TwoLeaders, "two nodes in one epoch", func(h *History) {
		h.Leaders = append(h.Leaders, LeaderFact{At: at(400), Partition: part, Epoch: 1, Node: 2})
	}},
	{"P5", TwoLeaders, "a restarted leader goes on in its epoch", func(h *History) {
		h.Leaders = append(h.Leaders,
			LeaderFact{At: at(400), Partition: part, Epoch: 1, Node: 1, Incarnation: 2})
	}},
	{"P5", TwoControllers, "two in one term", func(h *History) { h.Controllers[1].Term = 1 }},
	{"P5", DeposedAppend, "by a node that does not lead", func(h *History) {
		h.Appends[3].Node = 2
	}},
	{"P5", DeposedAppend, "in an epoch that no leader began", func(h *History) {
		h.Appends[3].Epoch = 7
	}},
	{"P5", LeaderLacks, "a leader's log is too short", func(h *History) {
		h.Leaders = append(h.Leaders, LeaderFact{
			At: at(400), Partition: part, Epoch: 2, Node: 2, Incarnation: 1, LogEnd: 4,
			Lineage: Lineage{{1, 0}},
		})
	}},
	{"P5", LeaderLacks, "a leader's log holds something else", func(h *History) {
		h.Leaders = append(h.Leaders, LeaderFact{
			At: at(400), Partition: part, Epoch: 3, Node: 2, Incarnation: 1, LogEnd: 6,
			Lineage: Lineage{{1, 0}, {2, 4}},
		})
	}},
	{"P5", FollowerStrays, "a follower takes what a deposed leader sends", func(h *History) {
		h.Leaders = append(h.Leaders, LeaderFact{
			At: at(400), Partition: part, Epoch: 2, Node: 3, Incarnation: 1, LogEnd: 5,
			Lineage: Lineage{{1, 0}},
		})
		h.Followers = append(h.Followers, FollowerFact{
			At: at(410), Partition: part, Node: 2, Incarnation: 1, Epoch: 2, LogEnd: 6,
			Lineage: Lineage{{1, 0}},
		})
	}},
	{"P5", FollowerStrays, "a follower adopts an unknown epoch", func(h *History) {
		h.Followers[1].Lineage = Lineage{{1, 0}, {2, 4}}
	}},
	{"P5", FollowerStrays, "a follower is ahead of its leader", func(h *History) {
		h.Followers[0].LogEnd = 2
	}},
	{"P5", CommittedCut, "a follower cuts what is committed", func(h *History) {
		h.Cuts = append(h.Cuts, CutFact{
			At: at(400), Partition: part, Node: 2, Incarnation: 1, From: 6, To: 3,
			Lineage: Lineage{{1, 0}},
		})
	}},
	{"P5", ReplicasDiffer, "other bytes", func(h *History) { h.Logs[1].Entries[4].Sum++ }},
	{"P5", ReplicasDiffer, "other epoch", func(h *History) { h.Logs[1].Entries[4].Epoch++ }},
	{"P5", ReplicasDiffer, "a record missing", func(h *History) {
		h.Logs[1].Entries = h.Logs[1].Entries[:4]
	}},
	{"P6", Duplicate, "idempotent batch twice", func(h *History) {
		for i := range plainLogs {
			h.Logs[i].Entries = append(h.Logs[i].Entries, Entry{Offset: 5, Value: 3})
			h.Logs[i].Watermark = 6
		}
	}},
	{"P6", NonmonotonicSend, "sequences out of order", func(h *History) {
		for i := range plainLogs {
			e := h.Logs[i].Entries
			e[2].Value, e[3].Value = 4, 3
		}
	}},
	{"P6", NonmonotonicSend, "one connection out of order", func(h *History) {
		h.Produces[0].Conn, h.Produces[1].Conn = 4, 4
		h.Produces[0].Base, h.Produces[1].Base = 1, 0
	}},
	{"P6", SequenceGap, "a batch is missing between two", func(h *History) {
		h.Produces[4].Sequence = 2
	}},
	{"P6", ProducerIDReused, "an id given twice", func(h *History) {
		h.ProducerIDs[1].Producer = 9
	}},
	{"P7", AbortedRead, "an aborted record is fetched", func(h *History) {
		f := lastFetch(h)
		f.Records = append(f.Records, Record{2, 103})
	}},
	{"P7", AbortedRead, "a record of a refused commit is fetched", func(h *History) {
		h.Transactions[0].Outcome, h.Transactions[0].Code = Failed, 47
	}},
	{"P7", PrecommittedRead, "an open record is fetched", func(h *History) {
		f := lastFetch(h)
		f.Records = append(f.Records, Record{4, 104})
	}},
	{"P7", PrecommittedRead, "fetched before its commit was asked for", func(h *History) {
		f := lastFetch(h)
		f.Call, f.Return = at(318), at(320)
	}},
	{"P7", PrecommittedRead, "a late EndTxn commits the next transaction", func(h *History) {
		h.Logs[3].Entries[3].Marker.Commit = true
	}},
	{"P7", PrecommittedRead, "a refused EndTxn commits", func(h *History) {
		h.Transactions[0].Outcome, h.Transactions[0].Code = Failed, 47
	}},
	{"P7", LostWrite, "committed, and aborted in the log", func(h *History) {
		h.Logs[3].Entries[1].Marker.Commit = false
	}},
	{"P7", TornTransaction, "markers in some partitions only", func(h *History) {
		h.Logs[4].Entries, h.Logs[4].Watermark = h.Logs[4].Entries[:1], 1
	}},
	{"P7", TornTransaction, "an ambiguous commit took effect in part", func(h *History) {
		h.Transactions[0].Outcome, h.Transactions[0].Return = Ambiguous, Never
		h.Logs[4].Entries[1].Marker.Commit = false
	}},
	{"P7", IntPollSkip, "a committed record is left out", func(h *History) {
		f := lastFetch(h)
		f.Records = []Record{{4, 104}}
	}},
	{"P7", OldEpochAccepted, "an EndTxn after the next epoch was given out", func(h *History) {
		h.Transactions[1].Call, h.Transactions[1].Return = at(396), at(399)
	}},
	{"P8", TwoOwners, "one partition, two members", func(h *History) {
		h.Assignments[1].Partitions[0] = part
	}},
	{"P8", TwoOwners, "one partition, two static members", func(h *History) {
		h.Assignments[1].Partitions[0] = part
		h.Assignments[0].Instance, h.Assignments[1].Instance = "a", "b"
	}},
	{"P8", CommitWentBack, "a commit without an answer undoes one", func(h *History) {
		lost := h.Commits[2]
		lost.Call, lost.Offset = at(230), 1
		h.Commits = append(h.Commits, lost)
		h.CommittedReads[3].Offset = 2
	}},
	{"P8", StaleCommit, "a commit of the generation before", func(h *History) {
		h.Commits[1].Generation = 1
	}},
	{"P8", CommitWentBack, "an old offset is answered", func(h *History) {
		h.CommittedReads[2].Offset = 2
	}},
	{"P8", CommitWentBack, "a commit is forgotten", func(h *History) {
		h.CommittedReads[1].Offset = -1
	}},
	{"P8", NonLinearizable, "an offset that no client committed", func(h *History) {
		h.CommittedReads[2].Offset = 7
	}},
	{"P9", NonLinearizable, "created twice", func(h *History) {
		h.Admins[1].Outcome, h.Admins[1].Code = Acked, 0
	}},
	{"P9", NonLinearizable, "describe misses a created topic", func(h *History) {
		h.Admins[3] = Admin{
			Call: at(50), Return: at(55), Kind: DescribeTopic, Topic: "n", Outcome: Failed, Code: 3,
		}
	}},
	{"P9", NonLinearizable, "deleted topic resurrected", func(h *History) {
		h.Admins[7].TopicID = "A"
		h.Admins = append(h.Admins[:6:6], h.Admins[7])
	}},
	{"P9", TopicIDReused, "two topics", func(h *History) {
		h.Admins = append(h.Admins, Admin{
			Call: at(21), Return: at(22), Kind: CreateTopic, Topic: "m", Outcome: Acked,
			TopicID: "A",
		})
	}},
	{"P9", NonLinearizable, "compare-and-set on the wrong value", func(h *History) {
		wrong := "c"
		h.Admins[2].Expect = &wrong
	}},
	{"P9", NonLinearizable, "stale configuration", func(h *History) {
		old := ""
		h.Admins[3].Config = &old
	}},
	{"P9", MetadataBack, "a deleted id comes back", func(h *History) {
		h.MetadataSeen[4].TopicID = "A"
		h.MetadataSeen[4].Epochs = nil
	}},
	{"P9", MetadataBack, "a leader epoch goes down", func(h *History) {
		h.MetadataSeen[2].Epochs[0] = 0
	}},
	{"P9", ImagesDiffer, "at one index", func(h *History) { h.Images[1].Hash = 1 }},
	{"P9", ImagesDiffer, "after healing", func(h *History) {
		h.Images[3].Hash = 1
		h.Images[3].Index = 8
	}},
	{"P10", StaleEnd, "end read misses an acknowledged append", func(h *History) {
		h.Ends[1].Offset = 3
	}},
	{"P10", EndWentBack, "two end reads", func(h *History) {
		h.Produces[4].Return, h.Produces[4].Outcome, h.Produces[4].Base = Never, Ambiguous, -1
		h.Ends = append(h.Ends, EndRead{Call: at(59), Return: at(60), Partition: part, Offset: 3})
	}},
	{"P10", EndFromFuture, "end beyond what was sent", func(h *History) { h.Ends[0].Offset = 3 }},
	{"P10", EndFromFuture, "end beyond the append being sent", func(h *History) {
		h.Ends[0].Offset = 2
	}},
	{"P10", TornEnd, "end inside a batch", func(h *History) {
		h.Produces = []Produce{{Call: at(1), Return: at(9), Partition: part, Producer: NoProducer,
			Values: []Value{1, 2}, Acks: AcksAll, Outcome: Acked}}
		h.Fetches = nil
	}},
	{"P10", Unseen, "empty fetch below an acknowledged append", func(h *History) {
		h.Fetches[2].From = 3
	}},
	{"P10", NonmonotonicSend, "acknowledged offsets against real time", func(h *History) {
		h.Produces[0].Base, h.Produces[1].Base = 1, 0
	}},
	{"P10", NonLinearizable, "content differs from what was acknowledged", func(h *History) {
		for i := range plainLogs {
			e := h.Logs[i].Entries
			e[0].Value, e[1].Value = 2, 1
		}
	}},
	{"P11", ResponseOrder, "the later request first", func(h *History) {
		h.Requests[1].Return = at(12)
	}},
	{"P11", ResponseOrder, "answered although the request before never was", func(h *History) {
		h.Requests[0].Return = Never
	}},
	{"P11", RequestOverdue, "never ends", func(h *History) { h.Requests[1].Return = Never }},
	{"P11", RequestOverdue, "ends late", func(h *History) { h.Requests[1].Return = at(151) }},
	{"P12", QueueOverflow, "one too many", func(h *History) { h.Queues[0].Max++ }},
	{"P12", IdleWakeUps, "one too many", func(h *History) { h.Idles[0].WakeUps++ }},
	{"P12", IdleWork, "one too many", func(h *History) { h.Idles[0].DiskOps++ }},
	{"P13", RecoveredForeign, "a state that no disk kept", func(h *History) {
		h.Recoveries[0].Got = "y"
	}},
	{"P13", SilentCut, "undeclared", func(h *History) { h.Recoveries[1].Suspect = false }},
	{"P13", SilentCut, "declared, but the disk kept its promises", func(h *History) {
		h.Recoveries[1].Damaged = false
	}},
}

// lastFetch is the fetch of the read_committed consumer.
func lastFetch(h *History) *Fetch { return &h.Fetches[len(h.Fetches)-1] }

func TestEachAnomalyIsReported(t *testing.T) {
	for _, a := range anomalies {
		t.Run(a.property+" "+a.anomaly+" "+a.name, func(t *testing.T) {
			h := sample()
			a.breakIt(h)
			result := Check(a.property, h)
			require.Equal(t, Fail, result.Verdict, "%+v", result)
			var found *Violation
			for i := range result.Violations {
				if result.Violations[i].Anomaly == a.anomaly {
					found = &result.Violations[i]
				}
			}
			require.NotNil(t, found, "%+v", result.Violations)
			require.Equal(t, a.property, found.Property)
			require.NotEmpty(t, found.Sentence)
			require.NotContains(t, found.Sentence, "\n")
			require.LessOrEqual(t, len(Excerpt(h, *found)), maxExcerpt)
			report := Run(h)
			require.False(t, report.OK())
		})
	}
}

// Each of forgiven changes the sample in a way that looks like an anomaly and
// is none.
var forgiven = []struct {
	property, name string
	change         func(h *History)
}{
	{"P1", "acks=1 lost by a leader change", func(h *History) {
		h.Leaders = append(h.Leaders, LeaderFact{At: at(86), Partition: part, Epoch: 2, Node: 2})
		for i := range plainLogs {
			h.Logs[i].Entries, h.Logs[i].Watermark = h.Logs[i].Entries[:4], 4
		}
	}},
	{"P1", "trimmed on request", func(h *History) {
		h.Trims = []Trim{{part, 2}}
		for i := range plainLogs {
			h.Logs[i].LogStart, h.Logs[i].Entries = 2, h.Logs[i].Entries[2:]
		}
	}},
	{"P4", "a client has asked", func(h *History) {
		h.Deletions = []Deletion{{Call: at(70), Return: at(80), Partition: part, Offset: -1}}
		h.Starts = []StartFact{startFact(2)}
		h.Replicas[3].LogStart = 2
	}},
	{"P4", "all batches are old", func(h *History) {
		age(h, 1000, 1400)
		h.Starts = []StartFact{startFact(2)}
		h.Starts[0].RetentionMs = 500
	}},
	{"P4", "enough bytes are left", func(h *History) {
		age(h, 1000, 1000)
		h.Starts = []StartFact{startFact(2)}
		h.Starts[0].RetentionBytes = 30
	}},
	{"P1", "deleted topic", func(h *History) {
		h.Topics[0].Deleted = true
		h.Logs = h.Logs[plainLogs:]
	}},
	{"P1", "replica that fell out of the in-sync set", func(h *History) {
		h.Logs[2].InISR = false
		h.Logs[2].Entries = nil
	}},
	{"P1", "compacted away", func(h *History) {
		h.Topics[0].Compacted = true
		h.Logs[0].Entries = h.Logs[0].Entries[1:]
	}},
	{"P1", "every in-sync copy was damaged", func(h *History) { cutAll(h, 1, 2, 3) }},
	{"P1", "one in-sync copy lost a write without a trace", func(h *History) {
		cutAll(h, 1)
		h.Damages[0].Hidden = true
	}},
	{"P1", "the metadata log lost a write without a trace", func(h *History) {
		cutAll(h)
		h.Damages = []DamageFact{{At: at(200), Node: 2, Metadata: true, Hidden: true}}
	}},
	{"P5", "a leader does not have what every in-sync copy lost", func(h *History) {
		cutAll(h, 1, 2, 3)
		h.Leaders = append(h.Leaders, LeaderFact{
			At: at(400), Partition: part, Epoch: 2, Node: 2, LogEnd: 3, Lineage: Lineage{{1, 0}},
		})
	}},
	{"P10", "a stale end while a clock ran away", func(h *History) {
		h.Ends[2].Offset = 4
		h.Clocks = []ClockFact{{At: at(100), Node: 1, DriftPpm: 200_000}}
	}},
	{"P13", "a tail that was lost without a trace", func(h *History) {
		h.Recoveries[1].Suspect, h.Recoveries[1].Hidden = false, true
	}},
	{"P2", "refused first, accepted on retry", func(h *History) {
		h.Produces[5].Values = []Value{2}
	}},
	{"P3", "two ambiguous attempts, two copies", func(h *History) {
		again := h.Produces[6]
		h.Produces = append(h.Produces, again)
		for i := range plainLogs {
			h.Logs[i].Entries = append(h.Logs[i].Entries, Entry{Offset: 5, Value: 7},
				Entry{Offset: 6, Value: 7})
			h.Logs[i].Watermark = 7
		}
	}},
	{"P3", "markers take offsets", func(h *History) {
		for i := range plainLogs {
			h.Logs[i].Entries = append(h.Logs[i].Entries, Entry{Offset: 5, Control: true},
				Entry{Offset: 6, Value: 7})
			h.Logs[i].Watermark = 7
		}
		h.Fetches[1].Records = append(h.Fetches[1].Records, Record{6, 7})
		h.Fetches[2].From = 7
	}},
	{"P4", "watermark lower in the next incarnation", func(h *History) {
		h.Replicas[3].Incarnation = 2
		h.Replicas[3].Watermark = 0
	}},
	{"P5", "an epoch without records, and logs that begin later", func(h *History) {
		h.Followers[1].LogStart, h.Followers[1].Lineage = 2, Lineage{{0, 1}, {1, 2}, {2, 5}}
	}},
	{"P5", "the fact of a leader of an older epoch comes late", func(h *History) {
		h.Leaders = append(h.Leaders, LeaderFact{
			At: at(400), Partition: part, Epoch: 2, Node: 2, Incarnation: 1, LogStart: 1, LogEnd: 6,
			Lineage: Lineage{{1, 1}},
		})
	}},
	{"P5", "what is not committed is cut", func(h *History) {
		h.Cuts = append(h.Cuts, CutFact{
			At: at(400), Partition: part, Node: 2, Incarnation: 1, From: 7, To: 5,
			Lineage: Lineage{{1, 0}},
		})
	}},
	{"P5", "a record is cut at an offset where another record is committed", func(h *History) {
		h.Cuts = append(h.Cuts, CutFact{
			At: at(400), Partition: part, Node: 3, Incarnation: 1, From: 5, To: 3,
			Lineage: Lineage{{0, 0}, {1, 0}, {2, 3}},
		})
	}},
	{"P4", "an in-sync set that was too small before the watermark moved", func(h *History) {
		h.Replicas[0].MinInSync = 4
	}},
	{"P5", "a node that was frozen begins its epoch after another has succeeded it",
		func(h *History) {
			h.Leaders = append(h.Leaders, LeaderFact{
				At: at(400), Partition: part, Epoch: 0, Node: 2, Incarnation: 1, Lineage: Lineage{},
			})
		}},
	{"P5", "replicas differ above the watermark", func(h *History) {
		h.Logs[2].Watermark = 4
		h.Logs[2].Entries[4].Value = 7
	}},
	{"P6", "sequences wrap", func(h *History) {
		h.Produces[2].Sequence, h.Produces[3].Sequence, h.Produces[4].Sequence = 1<<31-1, 1<<31-1, 0
	}},
	{"P6", "a new epoch starts again", func(h *History) {
		h.Produces[4].ProducerEpoch, h.Produces[4].Sequence = 1, 0
	}},
	{"P7", "an ambiguous commit may have taken effect", func(h *History) {
		h.Transactions[0].Outcome, h.Transactions[0].Return = Ambiguous, Never
	}},
	{"P7", "an ambiguous commit may have been given up", func(h *History) {
		h.Transactions[0].Outcome, h.Transactions[0].Return = Ambiguous, Never
		h.Logs[3].Entries[1].Marker.Commit, h.Logs[4].Entries[1].Marker.Commit = false, false
		lastFetch(h).Records = nil
	}},
	{"P7", "an older epoch's end came before the next was given out", func(h *History) {
		h.ProducerIDs[len(h.ProducerIDs)-1].Return = at(362)
	}},
	{"P8", "the next generation has other owners", func(h *History) {
		h.Assignments[2].Member = "m3"
	}},
	{"P8", "a static member comes back under another id", func(h *History) {
		h.Assignments[1].Instance = "s"
		again := h.Assignments[1]
		again.Member, again.At = "m3", at(150)
		h.Assignments = append(h.Assignments, again)
	}},
	{"P8", "a commit without an answer that nobody sees", func(h *History) {
		lost := h.Commits[2]
		lost.Call, lost.Offset = at(1), 9
		h.Commits = append(h.Commits, lost)
	}},
	{"P8", "a commit is under way while the next generation begins", func(h *History) {
		h.Commits[1].Generation, h.Commits[1].Call = 1, at(199)
	}},
	{"P8", "going back on purpose", func(h *History) {
		h.Commits[1].Offset, h.CommittedReads[2].Offset = 1, 1
	}},
	{"P8", "a refused commit says nothing", func(h *History) {
		h.Commits[1].Outcome, h.Commits[1].Code, h.CommittedReads[2].Offset = Failed, 22, 2
	}},
	{"P9", "two brokers may disagree", func(h *History) {
		h.MetadataSeen[4].TopicID = "A"
		h.MetadataSeen[4].Node = 2
	}},
	{"P10", "an append that timed out is applied later", func(h *History) {
		for i := range plainLogs {
			h.Logs[i].Entries = append(h.Logs[i].Entries, Entry{Offset: 5, Value: 7})
			h.Logs[i].Watermark = 6
		}
		h.Ends = append(h.Ends, EndRead{Call: at(500), Return: at(501), Partition: part, Offset: 6})
	}},
	{"P10", "an answer that the offset is not available yet claims nothing", func(h *History) {
		h.Ends[1].Offset, h.Ends[1].Code = -1, 78
	}},
	{"P10", "read_committed says nothing about the end", func(h *History) {
		h.Fetches[2].From, h.Fetches[2].ReadCommitted = 3, true
	}},
	{"P11", "connection closed before an earlier request ended", func(h *History) {
		h.Requests[1].Closed = true
		h.Requests[1].Return = at(12)
	}},
	{"P11", "acks=0 has no answer", func(h *History) {
		h.Requests[0].NoResponse = true
		h.Requests[0].Return = Never
	}},
	{"P13", "an unsynced tail may go", func(h *History) { h.Recoveries[0].End = 3 }},
}

func TestWhatIsNoAnomalyIsForgiven(t *testing.T) {
	for _, f := range forgiven {
		t.Run(f.property+" "+f.name, func(t *testing.T) {
			h := sample()
			f.change(h)
			result := Check(f.property, h)
			require.Equal(t, Pass, result.Verdict, "%+v", result)
		})
	}
}

func TestMissingEvidenceIsUnknownAndNeverAPass(t *testing.T) {
	for _, c := range []struct {
		property, name string
		change         func(h *History)
	}{
		{"P1", "no later fetch", func(h *History) {
			h.Coverage.Logs = false
			h.Logs = nil
			h.Fetches = nil
		}},
		{"P1", "acks=1 gone, leaderships not recorded", func(h *History) {
			h.Coverage.Leaders = false
			for i := range plainLogs {
				h.Logs[i].Entries = h.Logs[i].Entries[:4]
			}
		}},
		{"P5", "invalid history", func(h *History) { h.Produces[0].Return = at(1) }},
		{"P8", "search exceeds its bound", func(h *History) {
			for i := range searchOpsMax + 1 {
				h.Commits = append(h.Commits, OffsetCommit{
					Group: "g", Generation: -1, Call: at(i), Return: Never, Partition: part,
					Offset: Offset(i), Outcome: Ambiguous,
				})
				h.CommittedReads = append(h.CommittedReads, OffsetRead{
					Group: "g", Call: at(1000), Return: at(2000), Partition: part,
					Offset: Offset(i),
				})
			}
		}},
		{"P9", "search exceeds its bound", func(h *History) {
			h.Admins = nil
			for i := range searchOpsMax + 1 {
				h.Admins = append(h.Admins, Admin{
					Call: at(i), Return: Never, Kind: CreateTopic, Topic: "n", Outcome: Ambiguous,
				})
			}
		}},
		{"P10", "search exceeds its bound", func(h *History) {
			h.Coverage.Logs, h.Logs, h.Fetches = false, nil, nil
			for i := range searchOpsMax {
				h.Produces = append(h.Produces, Produce{
					Call: at(5), Return: Never, Partition: part, Producer: NoProducer,
					Values: []Value{Value(1000 + i)}, Acks: AcksAll, Outcome: Ambiguous, Base: -1,
				})
			}
		}},
	} {
		t.Run(c.property+" "+c.name, func(t *testing.T) {
			h := sample()
			c.change(h)
			result := Check(c.property, h)
			require.Equal(t, Unknown, result.Verdict, "%+v", result)
			require.NotEmpty(t, result.Why)
			report := Run(h)
			require.False(t, report.OK())
			require.True(t, report.Verdict() == Unknown || report.Verdict() == Fail)
		})
	}
	empty := Run(&History{})
	require.Equal(t, Vacuous, empty.Verdict())
	require.False(t, empty.OK())
}

func TestReportIsTheSameEveryTimeAndAfterJSON(t *testing.T) {
	h := sample()
	h.Logs[1].Entries[0].Value = 2
	h.Ends[1].Offset = 3
	first := Run(h)
	for range 5 {
		require.Equal(t, first, Run(h))
	}
	data, err := json.Marshal(h)
	require.NoError(t, err)
	var again History
	require.NoError(t, json.Unmarshal(data, &again))
	require.Equal(t, first, Run(&again))
	require.True(t, strings.HasPrefix(first.Sentence(), "P1 lost-write: "))
}

func TestClassifyCallsOnlyTheNamedCodesAmbiguous(t *testing.T) {
	require.Equal(t, Acked, Classify(true, 0))
	require.Equal(t, Ambiguous, Classify(false, 0))
	for code := int16(-1); code < 110; code++ {
		want := Failed
		switch code {
		case 0:
			want = Acked
		case 7, 20, 46:
			want = Ambiguous
		}
		require.Equal(t, want, Classify(true, code), "code %d", code)
	}
}

func TestTheExcerptShowsOnlyWhatConcernsTheViolation(t *testing.T) {
	h := sample()
	h.Logs[1].Entries = h.Logs[1].Entries[:3]
	other := Partition{Topic: "other"}
	for i := range 100 {
		h.Fetches = append(h.Fetches, Fetch{
			Call: at(300 + i), Return: at(301 + i), Partition: part, From: 3,
			Records: []Record{{3, 4}}, Watermark: 5,
		})
		h.Produces = append(h.Produces, Produce{
			Call: at(i), Return: Never, Partition: other, Producer: NoProducer,
			Values: []Value{Value(500 + i)}, Outcome: Ambiguous,
		})
	}
	report := Run(h)
	require.Len(t, report.Excerpt, maxExcerpt)
	text := strings.Join(report.Excerpt, "\n")
	require.Contains(t, text, "acked at offset 3")
	require.Contains(t, text, "final log of t/0 on node 2")
	require.Contains(t, text, "more")
	require.NotContains(t, text, "other/0")
	require.NotContains(t, text, "v2 ")
	var out strings.Builder
	require.NoError(t, Print(&out, h, *report.First()))
	require.Equal(t, text+"\n", out.String())
}

func TestVisualizeWritesAPage(t *testing.T) {
	h := sample()
	h.Ends[1].Offset = 3
	h.Admins[1].Outcome, h.Admins[1].Code = Acked, 0
	require.NoError(t, VisualizePartition(h, part, t.TempDir()+"/log.html"))
	require.NoError(t, VisualizeTopic(h, "n", t.TempDir()+"/topic.html"))
	require.Error(t, VisualizePartition(h, Partition{Topic: "none"}, t.TempDir()+"/x.html"))
}

// startFact is a leader that lets go what lies below an offset, at 2000 ms, without limits.
func startFact(to Offset) StartFact {
	return StartFact{At: at(85), Partition: part, Node: 1, Incarnation: 1, Epoch: 1, To: to,
		Watermark: 5, LogEnd: 5, WallMs: 2000, RetentionMs: -1, RetentionBytes: -1}
}

// age gives the first two batches of the sample timestamps, and every batch ten bytes.
func age(h *History, first, second int64) {
	h.Appends[0].MaxMs, h.Appends[1].MaxMs = first, second
	for i := range h.Appends {
		h.Appends[i].Bytes = 10
	}
}
