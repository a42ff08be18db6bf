package checker_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/stretchr/testify/require"

	"example.com/lockstep/checker"
)

// The transcripts in testdata/transcripts, one for each property, are histories
// and the checker's verdicts on them: some keep the property and some break it.
// Rewrite them with -rewrite and read the difference.
//
//	judge PROPERTY
//
// A line is an event. It begins with its moment, or with those of call and return, in
// milliseconds; a dash stands for a return that never came.
//
//	topic T [deleted] [compacted] [transactional]
//	complete logs|leaders|appends...     these streams of facts are complete
//	[10,15] produce t/0 v1,v2 [acks=all|1|0] [client=N conn=N producer=N/E seq=N txn=N] → RESULT
//	    RESULT: acked OFFSET | failed CODE | unknown [CODE]
//	[20,21] fetch t/0 from=N [client=N] [continues] [committed] → 0:v1,1:v2 | nothing | CODE
//	    then watermark=N
//	[30,31] end t/0 → OFFSET | CODE
//	[14] ack t/0 base=N end=N isr=NODE:DURABLE,...
//	[11] append t/0 node=N epoch=N base=N v1,v2
//	[12] replica t/0 node=N[/INCARNATION] watermark=N end=N durable=N [start=N] [epoch=N] [min=N]
//	    [isr=NODE:DURABLE,...]
//	[5] leader t/0 node=N[/INCARNATION] epoch=N end=N log=EPOCH:START,...
//	[5] follower t/0 node=N[/INCARNATION] epoch=N end=N log=EPOCH:START,...
//	[5] cut t/0 node=N from=N to=N log=EPOCH:START,...
//	[90] log t/0 node=N [out-of-sync] watermark=N 0:v1,1:v2@EPOCH,2:commit(N),3:abort(N)
//	[1] controller node=N term=N
//	[10,20] create|delete|describe|alter NAME [expect=C] [set=C] → acked|failed CODE|unknown
//	    then id=ID config=C
//	[20,21] metadata node=N NAME → ID|none [epochs=N,...]
//	[9] image node=N index=N hash=N [final]
//	[1,2] init-producer → ID/EPOCH [transactional=ID]
//	[10,15] request conn=N number=N deadline=MS → answered|closed|acks-0
//	queue node=N name=NAME max=N bound=N
//	idle node=N ms=N wake-ups=N disk-ops=N
//	[9] recovery node=N of=WHAT synced=N end=N [suspect] [damaged] [got=X allowed=X,Y]
//	[9] damage t/0 node=N [hidden]
//	[300,330] transaction N begin=MS producer=N/E commit|abort → acked|failed CODE|unknown
//	[100] assignment member=M generation=N t/0,t/1
//	[110,115] commit member=M generation=N t/0 offset=N → acked|failed CODE|unknown
//	[120,125] committed t/0 → OFFSET
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata/transcripts", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			require.Equal(t, "judge", d.Cmd)
			h := &checker.History{Slack: 50 * time.Millisecond, End: ms(1000)}
			p := &parser{t: t, history: h}
			for line := range strings.Lines(d.Input) {
				p.line(strings.TrimSpace(line))
			}
			return verdict(checker.Check(d.CmdArgs[0].Key, h))
		})
	})
}

func verdict(r checker.Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s", r.Verdict)
	if r.Excused > 0 {
		fmt.Fprintf(&b, ", excused %d", r.Excused)
	}
	if r.Verdict == checker.Unknown {
		fmt.Fprintf(&b, ": %s", r.Why)
	}
	b.WriteByte('\n')
	for _, v := range r.Violations {
		fmt.Fprintf(&b, "%s: %s\n", v.Anomaly, v.Sentence)
	}
	return b.String()
}

// parser makes a history from lines.
type parser struct {
	t       *testing.T
	history *checker.History

	verb      string
	call, ret checker.Moment
	words     []string          // without "=", before the arrow
	options   map[string]string // those with "="
	result    []string          // words after the arrow
}

func (p *parser) line(text string) {
	p.call, p.ret = checker.Moment{}, checker.Never
	before, after, _ := strings.Cut(text, "→")
	words := strings.Fields(before)
	if times, ok := strings.CutPrefix(words[0], "["); ok {
		p.moments(strings.TrimSuffix(times, "]"))
		words = words[1:]
	}
	p.verb, p.words, p.result, p.options = words[0], nil, nil, map[string]string{}
	for _, word := range words[1:] {
		p.word(word, &p.words)
	}
	for _, word := range strings.Fields(after) {
		p.word(word, &p.result)
	}
	p.event()
}

func (p *parser) word(word string, plain *[]string) {
	if key, value, ok := strings.Cut(word, "="); ok {
		p.options[key] = value
		return
	}
	*plain = append(*plain, word)
}

func (p *parser) moments(text string) {
	call, end, both := strings.Cut(text, ",")
	p.call = ms(p.atoi(call))
	if both && end != "-" {
		p.ret = ms(p.atoi(end))
	}
}

// event adds the event of the present line to the history.
func (p *parser) event() {
	h := p.history
	switch p.verb {
	case "topic":
		h.Topics = append(h.Topics, checker.Topic{
			ID: p.words[0], Deleted: p.has("deleted"), Compacted: p.has("compacted"),
			Transactional: p.has("transactional"),
		})
	case "complete":
		h.Coverage = checker.Coverage{
			Logs: p.has("logs"), Leaders: p.has("leaders"), Appends: p.has("appends"),
		}
	case "produce", "fetch", "end", "init-producer", "request":
		p.clientEvent()
	case "create", "delete", "describe", "alter", "metadata", "image", "controller":
		p.metadataEvent()
	case "transaction", "assignment", "commit", "committed":
		p.coordinatorEvent()
	default:
		p.fact()
	}
}

func (p *parser) clientEvent() {
	h := p.history
	switch p.verb {
	case "produce":
		h.Produces = append(h.Produces, p.produce())
	case "fetch":
		h.Fetches = append(h.Fetches, p.fetch())
	case "end":
		offset, code := p.offsetOrCode()
		h.Ends = append(h.Ends, checker.EndRead{
			Client: p.int("client"), Call: p.call, Return: p.ret,
			Partition: p.partition(p.words[0]), Offset: offset, Code: code,
		})
	case "init-producer":
		id, epoch := p.pair(p.result[0], "/")
		h.ProducerIDs = append(h.ProducerIDs, checker.InitProducer{
			Call: p.call, Return: p.ret, Producer: int64(id), Epoch: int16(epoch),
			Transactional: p.options["transactional"],
		})
	case "request":
		r := checker.Request{
			Conn: p.int("conn"), Correlation: int32(p.int("number")), Name: "Produce", Call: p.call,
			Return: p.ret, Deadline: ms(p.int("deadline")).At,
		}
		r.Closed, r.NoResponse = p.has("closed"), p.has("acks-0")
		h.Requests = append(h.Requests, r)
	}
}

func (p *parser) produce() checker.Produce {
	op := checker.Produce{
		Client: p.int("client"), Conn: p.int("conn"), Call: p.call, Return: p.ret,
		Partition: p.partition(p.words[0]), Values: p.values(p.words[1]), Acks: checker.AcksAll,
		Producer: checker.NoProducer, Transaction: p.int("txn"), Base: -1,
	}
	if acks := p.options["acks"]; acks != "" && acks != "all" {
		op.Acks = int16(p.atoi(acks))
	}
	if producer, ok := p.options["producer"]; ok {
		id, epoch := p.pair(producer, "/")
		op.Producer, op.ProducerEpoch, op.Sequence = int64(id), int16(epoch), int32(p.int("seq"))
	}
	op.Outcome, op.Code = p.outcome()
	if op.Outcome == checker.Acked {
		op.Base = checker.Offset(p.atoi(p.result[1]))
	}
	return op
}

// outcome reads "acked", "failed CODE" or "unknown [CODE]".
func (p *parser) outcome() (checker.Outcome, int16) {
	code := int16(0)
	if len(p.result) > 1 && p.result[0] != "acked" {
		code = p.code(p.result[1])
	}
	switch p.result[0] {
	case "acked":
		return checker.Acked, 0
	case "failed":
		return checker.Failed, code
	}
	require.Equal(p.t, "unknown", p.result[0])
	return checker.Ambiguous, code
}

func (p *parser) fetch() checker.Fetch {
	op := checker.Fetch{
		Client: p.int("client"), Call: p.call, Return: p.ret, Partition: p.partition(p.words[0]),
		From: checker.Offset(p.int("from")), Watermark: checker.Offset(p.int("watermark")),
		Continues: p.has("continues"), ReadCommitted: p.has("committed"),
	}
	switch result := p.result[0]; {
	case result == "nothing":
		op.Empty = true
	case codes[result] != 0:
		op.Code, op.Watermark = codes[result], -1
	default:
		for _, entry := range p.entries(result) {
			record := checker.Record{Offset: entry.Offset, Value: entry.Value}
			op.Records = append(op.Records, record)
		}
	}
	return op
}

func (p *parser) metadataEvent() {
	h := p.history
	node := checker.NodeID(p.int("node"))
	switch p.verb {
	case "metadata":
		m := checker.MetadataRead{Node: node, Call: p.call, Return: p.ret, Topic: p.words[0]}
		if p.result[0] != "none" {
			m.TopicID = p.result[0]
		}
		for _, epoch := range p.numbers("epochs") {
			m.Epochs = append(m.Epochs, checker.Epoch(epoch))
		}
		h.MetadataSeen = append(h.MetadataSeen, m)
	case "image":
		h.Images = append(h.Images, checker.ImageFact{
			At: p.call, Node: node, Index: int64(p.int("index")), Hash: uint64(p.int("hash")),
			Final: p.has("final"),
		})
	case "controller":
		h.Controllers = append(h.Controllers, checker.ControllerFact{
			At: p.call, Node: node, Term: int64(p.int("term")),
		})
	default:
		op := checker.Admin{
			Call: p.call, Return: p.ret, Kind: checker.AdminKind(p.verb), Topic: p.words[0],
			TopicID: p.options["id"], Set: p.options["set"],
		}
		op.Outcome, op.Code = p.outcome()
		if expect, ok := p.options["expect"]; ok {
			op.Expect = &expect
		}
		if config, ok := p.options["config"]; ok {
			op.Config = &config
		}
		h.Admins = append(h.Admins, op)
	}
}

func (p *parser) coordinatorEvent() {
	h := p.history
	member, generation := p.options["member"], int32(p.int("generation"))
	switch p.verb {
	case "transaction":
		id, epoch := p.pair(p.options["producer"], "/")
		tx := checker.Transaction{
			ID: p.atoi(p.words[0]), Client: 1, Transactional: "tx", Producer: int64(id),
			ProducerEpoch: int16(epoch), Begin: ms(p.int("begin")), Call: p.call, Return: p.ret,
			Commit: p.has("commit"),
		}
		tx.Outcome, tx.Code = p.outcome()
		h.Transactions = append(h.Transactions, tx)
	case "assignment":
		a := checker.Assignment{Group: "g", Member: member, Generation: generation, At: p.call}
		for _, name := range strings.Split(p.words[0], ",") {
			a.Partitions = append(a.Partitions, p.partition(name))
		}
		h.Assignments = append(h.Assignments, a)
	case "commit":
		c := checker.OffsetCommit{
			Group: "g", Member: member, Generation: generation, Call: p.call, Return: p.ret,
			Partition: p.partition(p.words[0]), Offset: checker.Offset(p.int("offset")),
		}
		c.Outcome, c.Code = p.outcome()
		h.Commits = append(h.Commits, c)
	case "committed":
		offset, code := p.offsetOrCode()
		h.CommittedReads = append(h.CommittedReads, checker.OffsetRead{
			Group: "g", Call: p.call, Return: p.ret, Partition: p.partition(p.words[0]),
			Offset: offset, Code: code,
		})
	}
}

// fact adds what the simulator recorded inside the nodes.
func (p *parser) fact() {
	h, node := p.history, checker.NodeID(p.int("node"))
	switch p.verb {
	case "queue":
		h.Queues = append(h.Queues, checker.QueueFact{
			Node: node, Name: p.options["name"],
			Max: int64(p.int("max")), Bound: int64(p.int("bound")),
		})
	case "idle":
		h.Idles = append(h.Idles, checker.IdleFact{
			Node: node, To: ms(p.int("ms")).At,
			WakeUps: int64(p.int("wake-ups")), DiskOps: int64(p.int("disk-ops")),
		})
	case "recovery":
		r := checker.Recovery{
			At: p.call, Node: node, What: p.options["of"],
			Synced: p.offset("synced"), End: p.offset("end"),
			Suspect: p.has("suspect"), Damaged: p.has("damaged"), Got: p.options["got"],
		}
		if allowed, ok := p.options["allowed"]; ok {
			r.Allowed = strings.Split(allowed, ",")
		}
		h.Recoveries = append(h.Recoveries, r)
	default:
		p.partitionFact(p.partition(p.words[0]))
	}
}

// partitionFact adds a fact about a replica or its leader.
func (p *parser) partitionFact(of checker.Partition) {
	h := p.history
	node, incarnation := p.node()
	epoch := checker.Epoch(p.int("epoch"))
	switch p.verb {
	case "ack":
		h.Acks = append(h.Acks, checker.AckFact{
			At: p.call, Partition: of, Base: p.offset("base"), End: p.offset("end"),
			ISR: p.members(),
		})
	case "append":
		h.Appends = append(h.Appends, checker.AppendFact{
			At: p.call, Partition: of, Node: node, Incarnation: incarnation, Epoch: epoch,
			Base: p.offset("base"), Values: p.values(p.words[1]),
		})
	case "replica":
		h.Replicas = append(h.Replicas, checker.ReplicaFact{
			At: p.call, Partition: of, Node: node, Incarnation: incarnation, Epoch: epoch,
			LogStart: p.offset("start"), Watermark: p.offset("watermark"), LogEnd: p.offset("end"),
			DurableEnd: p.offset("durable"), ISR: p.members(), MinInSync: p.int("min"),
		})
	case "leader":
		h.Leaders = append(h.Leaders, checker.LeaderFact{
			At: p.call, Partition: of, Node: node, Incarnation: incarnation, Epoch: epoch,
			LogEnd: p.offset("end"), Lineage: p.lineage(),
		})
	case "follower":
		h.Followers = append(h.Followers, checker.FollowerFact{
			At: p.call, Partition: of, Node: node, Incarnation: incarnation, Epoch: epoch,
			LogEnd: p.offset("end"), Lineage: p.lineage(),
		})
	case "cut":
		h.Cuts = append(h.Cuts, checker.CutFact{
			At: p.call, Partition: of, Node: node, Incarnation: incarnation,
			From: p.offset("from"), To: p.offset("to"), Lineage: p.lineage(),
		})
	case "log":
		l := checker.ReplicaLog{
			At: p.call, Partition: of, Node: node, InISR: !p.has("out-of-sync"),
			Watermark: p.offset("watermark"),
		}
		if last := p.words[len(p.words)-1]; strings.Contains(last, ":") {
			l.Entries = p.entries(last)
		}
		h.Logs = append(h.Logs, l)
	case "damage":
		h.Damages = append(h.Damages, checker.DamageFact{
			At: p.call, Node: node, Partition: of, Hidden: p.has("hidden"), What: "bit rot",
		})
	default:
		p.t.Fatalf("unknown event %q", p.verb)
	}
}

// --- words ---

// codes are the error codes that histories name.
var codes = map[string]int16{
	"OFFSET_OUT_OF_RANGE": 1, "UNKNOWN_TOPIC_OR_PARTITION": 3, "NOT_LEADER_OR_FOLLOWER": 6,
	"REQUEST_TIMED_OUT": 7, "NOT_ENOUGH_REPLICAS": 19, "TOPIC_ALREADY_EXISTS": 36,
	"ILLEGAL_GENERATION": 22, "INVALID_PRODUCER_EPOCH": 47, "OFFSET_NOT_AVAILABLE": 78,
}

func (p *parser) code(name string) int16 {
	require.Contains(p.t, codes, name)
	return codes[name]
}

func (p *parser) offsetOrCode() (checker.Offset, int16) {
	if code := codes[p.result[0]]; code != 0 {
		return -1, code
	}
	return checker.Offset(p.atoi(p.result[0])), 0
}

func (p *parser) has(word string) bool {
	return slices.Contains(p.words, word) || slices.Contains(p.result, word)
}

func (p *parser) atoi(text string) int {
	n, err := strconv.Atoi(text)
	require.NoError(p.t, err, "%s: %s", p.verb, text)
	return n
}

// int is a numeric option, 0 if it is not given. For node=N/INCARNATION it is
// the node.
func (p *parser) int(key string) int {
	text, ok := p.options[key]
	if !ok {
		return 0
	}
	number, _, _ := strings.Cut(text, "/")
	return p.atoi(number)
}

func (p *parser) offset(key string) checker.Offset { return checker.Offset(p.int(key)) }

func (p *parser) node() (checker.NodeID, checker.Incarnation) {
	_, incarnation, found := strings.Cut(p.options["node"], "/")
	if !found {
		incarnation = "1"
	}
	return checker.NodeID(p.int("node")), checker.Incarnation(p.atoi(incarnation))
}

func (p *parser) pair(text, between string) (int, int) {
	a, b, _ := strings.Cut(text, between)
	return p.atoi(a), p.atoi(b)
}

func (p *parser) numbers(key string) (numbers []int) {
	if text := p.options[key]; text != "" {
		for _, n := range strings.Split(text, ",") {
			numbers = append(numbers, p.atoi(n))
		}
	}
	return numbers
}

func (p *parser) partition(name string) checker.Partition {
	topic, index, _ := strings.Cut(name, "/")
	return checker.Partition{Topic: topic, Index: int32(p.atoi(index))}
}

func (p *parser) values(list string) (values []checker.Value) {
	for _, v := range strings.Split(list, ",") {
		values = append(values, checker.Value(p.atoi(strings.TrimPrefix(v, "v"))))
	}
	return values
}

func (p *parser) members() (members []checker.Member) {
	if p.options["isr"] == "" {
		return nil
	}
	for _, m := range strings.Split(p.options["isr"], ",") {
		node, durable := p.pair(m, ":")
		members = append(members, checker.Member{
			Node: checker.NodeID(node), Incarnation: 1, DurableEnd: checker.Offset(durable),
		})
	}
	return members
}

func (p *parser) lineage() checker.Lineage {
	lineage := checker.Lineage{}
	if p.options["log"] == "" {
		return lineage
	}
	for _, run := range strings.Split(p.options["log"], ",") {
		epoch, from := p.pair(run, ":")
		begin := checker.EpochStart{Epoch: checker.Epoch(epoch), Start: checker.Offset(from)}
		lineage = append(lineage, begin)
	}
	return lineage
}

// entries reads records with their offsets: 0:v1,1:v2@EPOCH,2:commit(PRODUCER).
func (p *parser) entries(list string) (entries []checker.Entry) {
	for _, text := range strings.Split(list, ",") {
		offset, what, _ := strings.Cut(text, ":")
		e := checker.Entry{Offset: checker.Offset(p.atoi(offset)), Epoch: 1}
		value, epoch, given := strings.Cut(what, "@")
		if given {
			e.Epoch = checker.Epoch(p.atoi(epoch))
		}
		if end, producer, marker := strings.Cut(value, "("); marker {
			e.Control = true
			e.Marker = &checker.Marker{
				Producer: int64(p.atoi(strings.TrimSuffix(producer, ")"))), Commit: end == "commit",
			}
		} else {
			e.Value = p.values(value)[0]
			e.Sum = uint64(e.Value)
		}
		entries = append(entries, e)
	}
	return entries
}
