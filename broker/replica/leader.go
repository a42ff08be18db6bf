package replica

import (
	"slices"
	"time"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/mark"
)

// Member is one incarnation of a replica.
type Member struct {
	Node  kafka.NodeID
	Epoch kafka.BrokerEpoch
}

// Registration is the part of a partition's metadata that its leader acts on.
type Registration struct {
	LeaderEpoch    kafka.LeaderEpoch
	PartitionEpoch kafka.PartitionEpoch
	Replicas       []Member       // all, the leader included; Epoch is the broker's present one
	ISR            []kafka.NodeID // applied
	Fenced         []kafka.NodeID // replicas that must not be added to the ISR
	MinInSync      int            // min.insync.replicas, capped by the number of replicas
}

// Config holds a leader's bounds.
type Config struct {
	// AckTimeout is how long a follower in the ISR may stay behind without any
	// progress before the leader asks for its removal.
	AckTimeout time.Duration
	// LagTimeout is how far it may lag, with or without progress
	// (replica.lag.time.max.ms): it must have all records that were appended longer ago.
	LagTimeout time.Duration
	// Window is the number of bytes per follower that may be sent and not acknowledged.
	Window int
	// ProbeTimeout is how long a probe may stay unanswered before it is sent again.
	ProbeTimeout time.Duration
	// ProposalTimeout is how long an ISR change may stay without a verdict before it is
	// proposed again.
	ProposalTimeout time.Duration
}

// History answers about the leader's own log.
type History interface {
	// EpochBefore is the leader epoch of the record before offset, -1 at the
	// start of the log.
	EpochBefore(offset kafka.Offset) kafka.LeaderEpoch
	// EndOf returns the largest epoch at or below epoch that has records, and
	// the offset at which it ends; (-1, log start) if there is none.
	EndOf(epoch kafka.LeaderEpoch) (kafka.LeaderEpoch, kafka.Offset)
}

// followerState says which step a follower has reached on its way to live batches.
type followerState uint8

const (
	disconnected followerState = iota // no connection: nothing can be sent
	probing                           // the next message is a probe
	probed                            // a probe, or a new beginning, is sent and not answered
	streaming                         // batches are sent, from next on
	beginning                         // the next message is a new beginning
)

// follower is what a leader knows of one other replica. The invariants:
// durable <= next once streaming; acknowledgements count only if they carry
// member.Epoch.
type follower struct {
	member   Member
	state    followerState
	durable  kafka.Offset // acknowledged in this leader epoch by this incarnation
	logStart kafka.Offset // acknowledged likewise
	next     kafka.Offset // streaming: the offset to send next
	probe    Probe        // probing, probed
	retryAt  env.Instant  // probing: not before; probed: send again then
	inflight []sent       // sent and not acknowledged, in order
	bytes    int          // sum over inflight
	// waitingSince is when the follower last fell behind, or last made progress while it
	// was behind; Never while it has everything.
	waitingSince env.Instant
	// caughtUpAt is the latest known time at which the log had nothing that the follower
	// lacks now. The follower lags by the time since then. It is computed from
	// Leader.ends. Kafka compares with the end of the log at the previous fetch, which is
	// right for one fetch under way at a time. Here pushes are pipelined: under steady
	// load, what is acknowledged now was sent before the previous acknowledgement came.
	// By Kafka's rule, a follower that is milliseconds behind would count as behind since
	// the load began.
	caughtUpAt env.Instant
}

type sent struct {
	end   kafka.Offset
	bytes int
}

// Probe is the statement "in the leader's log, epoch Prev ends at Base".
type Probe struct {
	Prev kafka.LeaderEpoch
	Base kafka.Offset
}

// Leader is the leader's side of one partition in one epoch. It is not for concurrent
// use, and belongs to the partition's shard.
type Leader struct {
	cfg       Config
	self      kafka.NodeID
	reg       Registration
	start     kafka.Offset // of the epoch
	end       kafka.Offset // log end
	local     kafka.Offset // durable end of this node
	watermark kafka.Offset
	logStart  kafka.Offset // of this node, durable
	wanted    kafka.Offset // the log start that the replicas are asked to move to
	confirmed bool         // see StartConfirmed
	followers []*follower  // sorted by node
	change    change
	// damaged: a part of this node's log could not be read when it was needed; see
	// LogDamaged.
	damaged bool
	// ends says where the log ended at some times within the last LagTimeout, oldest
	// first, each a step of LagTimeout/lagSteps or more after the one before. The lag of
	// followers is computed from it.
	ends []endAt
}

// endAt says where the log ended at a time.
type endAt struct {
	end kafka.Offset
	at  env.Instant
}

// lagSteps is the number of steps that LagTimeout is divided into. The computed lag of a
// follower is too long by one step at most.
const lagSteps = 16

// Standing is where a replica's log stands.
type Standing struct{ Start, Watermark, Durable, End kafka.Offset }

// NewLeader begins epoch reg.LeaderEpoch at the end of a log which stands as this replica
// held it as a follower.
func NewLeader(
	cfg Config, self kafka.NodeID, reg Registration, log Standing, now env.Instant,
) *Leader {
	l := &Leader{cfg: cfg, self: self, start: log.End, end: log.End, local: log.Durable,
		watermark: log.Watermark, logStart: log.Start, wanted: log.Start}
	l.Update(reg, now)
	return l
}

// Update takes over a newer registration of the same leader epoch.
func (l *Leader) Update(reg Registration, now env.Instant) {
	assert.That(l.reg.LeaderEpoch == 0 || l.reg.LeaderEpoch == reg.LeaderEpoch,
		"replica: leader of epoch %d updated with epoch %d", l.reg.LeaderEpoch, reg.LeaderEpoch)
	if reg.PartitionEpoch > l.reg.PartitionEpoch {
		// Every proposal made before is decided: one that was accepted is in reg.ISR, and
		// the others name an older partition epoch, so that they can never be accepted.
		l.change = change{}
	}
	old := l.followers
	l.reg, l.followers = reg, nil
	for _, m := range reg.Replicas {
		if m.Node == l.self {
			continue
		}
		i := slices.IndexFunc(old, func(f *follower) bool { return f.member.Node == m.Node })
		switch {
		case i >= 0 && old[i].member.Epoch == m.Epoch:
			l.followers = append(l.followers, old[i])
		case i >= 0:
			// A new incarnation: acknowledgements of the old one do not count.
			mark.Hit(mark.FollowerRestarted)
			f := newFollower(m, now)
			if old[i].state != disconnected {
				f.state = probing
			}
			l.followers = append(l.followers, f)
		default:
			l.followers = append(l.followers, newFollower(m, now))
		}
	}
	slices.SortFunc(l.followers, func(a, b *follower) int {
		return int(a.member.Node) - int(b.member.Node)
	})
	for _, f := range l.followers {
		if !l.inISR(f.member.Node) {
			continue
		}
		l.fallBehind(f, now)
	}
	l.advance()
	l.confirmStart()
}

func newFollower(m Member, now env.Instant) *follower {
	return &follower{member: m, waitingSince: env.Never, caughtUpAt: now, probe: Probe{Base: -1}}
}

// Epoch is the leader epoch.
func (l *Leader) Epoch() kafka.LeaderEpoch { return l.reg.LeaderEpoch }

// EpochStart is the log end at which the epoch began. Until the watermark has reached it,
// the leader answers no question about the end of the log (PROTOCOL 20).
func (l *Leader) EpochStart() kafka.Offset { return l.start }

// Watermark is the high watermark: everything below is committed.
func (l *Leader) Watermark() kafka.Offset { return l.watermark }

// EnoughReplicas reports whether the applied ISR meets min.insync.replicas.
func (l *Leader) EnoughReplicas() bool { return len(l.reg.ISR) >= l.reg.MinInSync }

// Appended says that the log now ends at end.
func (l *Leader) Appended(end kafka.Offset, now env.Instant) {
	assert.That(end >= l.end, "replica: log end moved back from %d to %d", l.end, end)
	l.noteEnd(now)
	l.end = end
	for _, f := range l.followers {
		l.fallBehind(f, now)
	}
}

// LocalDurable says that the leader's own log is durable up to end. It reports whether
// the watermark moved.
func (l *Leader) LocalDurable(end kafka.Offset) bool {
	assert.That(end >= l.local && end <= l.end, "replica: durable end %d outside [%d, %d]",
		end, l.local, l.end)
	l.local = end
	return l.advance()
}

// Acked takes an acknowledgement. Those of another incarnation of the follower
// are ignored. start is the follower's log start. It reports whether the watermark moved.
func (l *Leader) Acked(from Member, durable, start kafka.Offset, now env.Instant) bool {
	f := l.follower(from.Node)
	if f == nil || f.member.Epoch != from.Epoch {
		mark.Hit(mark.AckOfOldIncarnation)
		return false
	}
	if f.state == probed {
		// The answer to the probe: the follower's log is now a prefix of ours. Its end
		// may lie beyond durable. Batches that are then sent twice are acknowledged
		// twice.
		f.state, f.next = streaming, max(durable, f.durable)
		f.inflight, f.bytes = f.inflight[:0], 0
	}
	assert.That(durable <= l.end, "replica: node %d acknowledged %d beyond the log end %d",
		from.Node, durable, l.end)
	f.logStart = max(f.logStart, start)
	l.confirmStart()
	if durable > f.durable {
		f.durable = durable
		f.waitingSince = now
	}
	if f.state == streaming && durable > f.next {
		f.next = durable
	}
	f.caughtUpAt = max(f.caughtUpAt, l.heldAllAt(f.durable))
	if f.durable == l.end {
		f.waitingSince, f.caughtUpAt = env.Never, now
	}
	done := 0
	for done < len(f.inflight) && f.inflight[done].end <= f.durable {
		f.bytes -= f.inflight[done].bytes
		done++
	}
	f.inflight = slices.Delete(f.inflight, 0, done)
	return l.advance()
}

// Diverged takes the follower's refusal of a push or probe: its largest epoch
// at or below the probed one is last, and ends at end. The next probe goes out
// by NextSend.
func (l *Leader) Diverged(from Member, last kafka.LeaderEpoch, history History, now env.Instant) {
	f := l.follower(from.Node)
	if f == nil || f.member.Epoch != from.Epoch || f.state == disconnected {
		return
	}
	if f.state == streaming {
		// A gap, not a divergence: probe again, with the end of the leader's log.
		mark.Hit(mark.FollowerGap)
		f.state, f.probe, f.retryAt = probing, Probe{Base: -1}, now
		return
	}
	mark.Hit(mark.FollowerDiverged)
	epoch, base := history.EndOf(last)
	f.state, f.probe, f.retryAt = probing, Probe{Prev: epoch, Base: base}, now
	if epoch < 0 && base > 0 {
		// What the logs have in common, if anything, lies below this log's start.
		f.state = beginning
	}
}

// Refused takes any other refusal (the follower does not have the metadata yet, its disk
// is full). The leader probes again at retryAt.
func (l *Leader) Refused(from kafka.NodeID, retryAt env.Instant) {
	if f := l.follower(from); f != nil && f.state != disconnected {
		f.state, f.probe, f.retryAt = probing, Probe{Base: -1}, retryAt
	}
}

// Connected says that a new connection to node is open. It begins with a probe.
func (l *Leader) Connected(node kafka.NodeID, now env.Instant) {
	if f := l.follower(node); f != nil {
		f.state, f.probe, f.retryAt = probing, Probe{Base: -1}, now
		f.inflight, f.bytes = f.inflight[:0], 0
	}
}

// Disconnected says that the connection to node is closed.
func (l *Leader) Disconnected(node kafka.NodeID) {
	if f := l.follower(node); f != nil {
		f.state = disconnected
		f.inflight, f.bytes = f.inflight[:0], 0
	}
}

// Send describes the next message for a follower.
type Send struct {
	Probe bool
	// Begin: the follower needs records below the log start, Base. It has to begin again at the
	// batch that holds Base, or at the log end. The shard finds that place, and calls
	// BatchesSent if the follower is there already: see Next.
	Begin bool
	// Next is where the follower's log ends, for Begin; -1 if it has to be emptied in any case.
	Next kafka.Offset
	// Prev and Base are the head of the push. For batches the shard fills in Prev: the
	// epoch of the record before Base.
	Prev kafka.LeaderEpoch
	Base kafka.Offset
	// Room is how many more bytes fit into the window. The first batch is sent whole in
	// any case.
	Room int
}

// NextSend says what to send to node now; false if nothing. After sending, the
// shard calls ProbeSent or BatchesSent.
func (l *Leader) NextSend(node kafka.NodeID, history History, now env.Instant) (Send, bool) {
	f := l.follower(node)
	if f == nil {
		return Send{}, false
	}
	switch f.state {
	case probing, probed:
		if now < f.retryAt {
			return Send{}, false
		}
		mark.HitIf(f.state == probed, mark.ProbeRepeated)
		if f.state == probed || f.probe.Base < 0 {
			epoch := history.EpochBefore(l.end)
			f.probe = Probe{Prev: epoch, Base: l.end}
		}
		return Send{Probe: true, Prev: f.probe.Prev, Base: f.probe.Base}, true
	case beginning:
		return Send{Begin: true, Base: l.logStart, Next: -1}, now >= f.retryAt
	case streaming:
		if f.next < l.logStart {
			return Send{Begin: true, Base: l.logStart, Next: f.next, Room: l.cfg.Window}, true
		}
		if f.next < l.end && f.bytes < l.cfg.Window {
			return Send{Base: f.next, Room: l.cfg.Window - f.bytes}, true
		}
	}
	return Send{}, false
}

// ProbeSent says that the probe of NextSend, or a new beginning, was sent.
func (l *Leader) ProbeSent(node kafka.NodeID, now env.Instant) {
	f := l.follower(node)
	f.state, f.retryAt = probed, now.Add(l.cfg.ProbeTimeout)
}

// BatchesSent says that batches up to end were sent to node, from the Base of NextSend
// on. bytes is their size.
func (l *Leader) BatchesSent(node kafka.NodeID, end kafka.Offset, bytes int) {
	f := l.follower(node)
	assert.That(f.state == streaming && end > f.next && end <= l.end,
		"replica: batches up to %d sent to node %d in state %d at %d, log end %d",
		end, node, f.state, f.next, l.end)
	f.next = end
	f.inflight = append(f.inflight, sent{end, bytes})
	f.bytes += bytes
}

// LogDamaged says that the leader could not read a part of its own log. From now on, as
// long as the ISR has another member, the leader asks to be replaced, and asks for no
// other change; see NextChange.
func (l *Leader) LogDamaged() { l.damaged = true }

// Resumed says that the shard itself did not run for a while. The followers only appear
// to have been silent.
func (l *Leader) Resumed(now env.Instant) {
	for _, f := range l.followers {
		if f.waitingSince != env.Never {
			f.waitingSince = now
		}
		f.caughtUpAt = now
	}
}

// Lag returns the durable end of every follower, for metrics and reports.
func (l *Leader) Lag() (nodes []kafka.NodeID, durable []kafka.Offset) {
	for _, f := range l.followers {
		nodes = append(nodes, f.member.Node)
		durable = append(durable, f.durable)
	}
	return nodes, durable
}

// advance moves the watermark as far as PROTOCOL 16 allows.
func (l *Leader) advance() bool {
	if len(l.reg.ISR) < l.reg.MinInSync || !l.inISR(l.self) {
		return false
	}
	low := l.local
	for _, f := range l.followers {
		if l.inISR(f.member.Node) || l.change.mayAdd(f.member) {
			mark.HitIf(!l.inISR(f.member.Node) && f.durable < low, mark.ISRAdditionHolds)
			low = min(low, f.durable)
		}
	}
	if low <= l.watermark {
		return false
	}
	l.watermark = low
	return true
}

// noteEnd records where the log has ended until now, before the next append. So a
// follower that has all records before that append has not lagged during a pause in the
// load.
func (l *Leader) noteEnd(now env.Instant) {
	if n := len(l.ends); n > 0 && now < l.ends[n-1].at.Add(l.cfg.LagTimeout/lagSteps) {
		return
	}
	l.ends = slices.DeleteFunc(l.ends, func(e endAt) bool {
		return now >= e.at.Add(l.cfg.LagTimeout)
	})
	l.ends = append(l.ends, endAt{l.end, now})
}

// heldAllAt is the latest time in ends at which the log ended at or below durable; 0 if
// there is none.
func (l *Leader) heldAllAt(durable kafka.Offset) env.Instant {
	for _, e := range slices.Backward(l.ends) {
		if e.end <= durable {
			return e.at
		}
	}
	return 0
}

func (l *Leader) fallBehind(f *follower, now env.Instant) {
	if f.durable < l.end && f.waitingSince == env.Never {
		f.waitingSince, f.caughtUpAt = now, now
	}
}

func (l *Leader) inISR(node kafka.NodeID) bool { return slices.Contains(l.reg.ISR, node) }

func (l *Leader) fenced(node kafka.NodeID) bool { return slices.Contains(l.reg.Fenced, node) }

func (l *Leader) follower(node kafka.NodeID) *follower {
	for _, f := range l.followers {
		if f.member.Node == node {
			return f
		}
	}
	return nil
}

// Streaming reports whether node is known to hold a prefix of the log and
// takes batches.
func (l *Leader) Streaming(node kafka.NodeID) bool {
	f := l.follower(node)
	return f != nil && f.state == streaming
}

// Awaits reports whether node owes an answer to something that was sent.
func (l *Leader) Awaits(node kafka.NodeID) bool {
	f := l.follower(node)
	return f != nil && (f.state == probed || len(f.inflight) > 0)
}
