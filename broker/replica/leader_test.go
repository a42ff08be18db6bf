package replica

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
)

// three is a registration of replicas 1, 2, 3 led by 1.
func three(pepoch kafka.PartitionEpoch, isr ...kafka.NodeID) Registration {
	return Registration{
		LeaderEpoch: 5, PartitionEpoch: pepoch, ISR: isr, MinInSync: 2,
		Replicas: []Member{{1, 11}, {2, 12}, {3, 13}},
	}
}

// logOf is a log of n records of epoch 4.
func logOf(n int) *memLog {
	l := &memLog{}
	for range n {
		l.epochs, l.values = append(l.epochs, 4), append(l.values, 0)
	}
	return l
}

// streamTo brings a follower into the streaming state with a durable end.
func streamTo(t *testing.T, l *Leader, m Member, durable kafka.Offset, now env.Instant) {
	t.Helper()
	l.Connected(m.Node, now)
	next, ok := l.NextSend(m.Node, logOf(20), now)
	require.True(t, ok && next.Probe)
	l.ProbeSent(m.Node, now)
	l.Acked(m, durable, 0, now)
	require.True(t, l.Streaming(m.Node))
}

// newTestLeader is a leader of epoch 5 with ten records, all durable on its own disk.
// Follower 2 has them too.
func newTestLeader(t *testing.T, reg Registration) *Leader {
	l := NewLeader(testConfig, 1, reg, standing(10, 10, 0), 0)
	streamTo(t, l, Member{2, 12}, 10, 0)
	return l
}

func TestWatermarkIsTheLowestDurableEndOfTheISR(t *testing.T) {
	l := NewLeader(testConfig, 1, three(1, 1, 2, 3), standing(10, 10, 0), 0)
	streamTo(t, l, Member{2, 12}, 7, 0)
	require.Zero(t, l.Watermark(), "replica 3 has acknowledged nothing")
	streamTo(t, l, Member{3, 13}, 4, 0)
	require.EqualValues(t, 4, l.Watermark())
	require.True(t, l.Acked(Member{3, 13}, 9, 0, 0))
	require.EqualValues(t, 7, l.Watermark())
}

func TestWatermarkStandsBelowMinInSync(t *testing.T) {
	l := newTestLeader(t, three(1, 1, 2))
	require.EqualValues(t, 10, l.Watermark())
	l.Update(three(2, 1), 0)
	require.False(t, l.EnoughReplicas())
	l.Appended(12, 0)
	require.False(t, l.LocalDurable(12))
	require.EqualValues(t, 10, l.Watermark())
}

func TestAcknowledgementsOfAnotherIncarnationDoNotCount(t *testing.T) {
	l := NewLeader(testConfig, 1, three(1, 1, 2), standing(10, 10, 0), 0)
	streamTo(t, l, Member{2, 12}, 3, 0)
	require.False(t, l.Acked(Member{2, 99}, 10, 0, 0))
	require.EqualValues(t, 3, l.Watermark())
	// When the new incarnation is registered, what the old one held no longer counts.
	reg := three(1, 1, 2)
	reg.Replicas[1].Epoch = 99
	l.Update(reg, 0)
	l.Acked(Member{2, 12}, 10, 0, 0)
	require.EqualValues(t, 3, l.Watermark())
}

func TestAReplicaJoinsOnlyWithAllThatIsCommittedAndTheStartOfTheEpoch(t *testing.T) {
	l := newTestLeader(t, three(1, 1, 2))
	streamTo(t, l, Member{3, 13}, 9, 0)
	_, ok := l.NextChange(0)
	require.False(t, ok, "9 of 10 committed records are not enough")
	l.Acked(Member{3, 13}, 10, 0, 0)
	p, ok := l.NextChange(0)
	require.True(t, ok)
	require.Equal(t, []Member{{1, 11}, {2, 12}, {3, 13}}, p.ISR)

	// The watermark of a new leader is below the start of its epoch. Records between the
	// two may be committed.
	l = NewLeader(testConfig, 1, three(1, 1, 2), standing(10, 10, 5), 0)
	streamTo(t, l, Member{3, 13}, 7, 0)
	_, ok = l.NextChange(0)
	require.False(t, ok)
}

// E2: the controller may have applied an addition that has no verdict here, and may elect
// that replica. The watermark must wait for it.
func TestAnAdditionHoldsTheWatermarkUntilItIsDefinitelyRefused(t *testing.T) {
	l := newTestLeader(t, three(1, 1, 2))
	streamTo(t, l, Member{3, 13}, 10, 0)
	first, ok := l.NextChange(0)
	require.True(t, ok)
	l.Appended(11, 0)
	l.LocalDurable(11)
	l.Acked(Member{2, 12}, 11, 0, 0)
	require.EqualValues(t, 10, l.Watermark(), "replica 3 may be in the ISR by now")

	later := env.Instant(testConfig.ProposalTimeout)
	second, ok := l.NextChange(later)
	require.True(t, ok, "without a verdict the leader asks again")
	require.False(t, l.ChangeRefused(second, later), "the first one may still be applied")
	require.EqualValues(t, 10, l.Watermark())
	require.True(t, l.ChangeRefused(first, later))
	require.EqualValues(t, 11, l.Watermark())
}

func TestAnAdditionThatIsNotWantedAnyMoreIsUndoneByMovingThePartitionEpoch(t *testing.T) {
	l := newTestLeader(t, three(1, 1, 2))
	streamTo(t, l, Member{3, 13}, 10, 0)
	_, ok := l.NextChange(0)
	require.True(t, ok)
	l.Disconnected(3)
	l.Appended(11, 0)
	l.LocalDurable(11)
	l.Acked(Member{2, 12}, 11, 0, 0)
	undo, ok := l.NextChange(env.Instant(testConfig.ProposalTimeout))
	require.True(t, ok)
	require.Equal(t, []Member{{1, 11}, {2, 12}}, undo.ISR)
	require.EqualValues(t, 10, l.Watermark())
	l.Update(three(2, 1, 2), 0)
	require.EqualValues(t, 11, l.Watermark())
}

func TestAFollowerWithoutProgressIsDroppedAfterTheAckTimeout(t *testing.T) {
	l := newTestLeader(t, three(1, 1, 2, 3))
	streamTo(t, l, Member{3, 13}, 10, 0)
	l.Appended(11, 0)
	l.Acked(Member{2, 12}, 11, 0, 0)
	require.Equal(t, env.Instant(time.Second), l.NextCheck())
	_, ok := l.NextChange(env.Instant(time.Second) - 1)
	require.False(t, ok)
	p, ok := l.NextChange(env.Instant(time.Second))
	require.True(t, ok)
	require.Equal(t, []Member{{1, 11}, {2, 12}}, p.ISR)
	// The removal counts only when it is applied.
	l.LocalDurable(11)
	require.EqualValues(t, 10, l.Watermark())
	l.Update(three(2, 1, 2), 0)
	require.EqualValues(t, 11, l.Watermark())
}

// A leader cannot send records that it cannot read. A follower that needs them only
// appears to lag. With all others removed, the leader alone would commit records that no
// other replica can ever get.
func TestALeaderWithADamagedLogAsksToBeReplacedAndForNoRemoval(t *testing.T) {
	l := newTestLeader(t, three(1, 1, 2, 3))
	streamTo(t, l, Member{3, 13}, 10, 0)
	l.Appended(11, 0)
	l.LocalDurable(11)
	l.LogDamaged()
	p, ok := l.NextChange(0)
	require.True(t, ok)
	require.Equal(t, []Member{{2, 12}, {3, 13}}, p.ISR)

	late := env.Instant(2 * testConfig.LagTimeout)
	p, ok = l.NextChange(late)
	require.True(t, ok, "without a verdict the leader asks again")
	require.Equal(t, []Member{{2, 12}, {3, 13}}, p.ISR)
	l.ChangeRefused(p, late+1)
	require.Equal(t, late+1, l.NextCheck(), "no replica can lead now, and one may later")
	require.EqualValues(t, 10, l.Watermark())
}

func TestTheLastLeaderWithADamagedLogStaysUntilAnotherReplicaHasJoined(t *testing.T) {
	l := newTestLeader(t, three(1, 1))
	l.LogDamaged()
	p, ok := l.NextChange(0)
	require.True(t, ok)
	require.Equal(t, []Member{{1, 11}, {2, 12}}, p.ISR)
	l.Update(three(2, 1, 2), 0)
	p, ok = l.NextChange(0)
	require.True(t, ok)
	require.Equal(t, []Member{{2, 12}}, p.ISR)
}

// steadyLoad appends a record every millisecond for a minute. Every ten milliseconds,
// replica 2 acknowledges the records that are older than lag. steadyLoad returns when the
// leader asks to remove replica 2; Never if it does not.
func steadyLoad(t *testing.T, lag time.Duration) env.Instant {
	l := newTestLeader(t, three(1, 1, 2))
	for ms := range kafka.Offset(60_000) {
		now := env.Instant(0).Add(time.Duration(ms) * time.Millisecond)
		l.Appended(10+ms+1, now)
		if ms%10 == 0 {
			l.Acked(Member{2, 12}, 10+max(0, ms-kafka.Offset(lag.Milliseconds())), 0, now)
		}
		if p, ok := l.NextChange(now); ok && ms > 0 {
			require.Equal(t, []Member{{1, 11}}, p.ISR)
			return now
		}
	}
	return env.Never
}

// Pushes are pipelined: while the load does not pause, the records that an
// acknowledgement covers were appended before the previous acknowledgement came.
func TestAFollowerALittleBehindUnderSteadyLoadIsNotLate(t *testing.T) {
	require.Equal(t, env.Never, steadyLoad(t, 30*time.Millisecond))
	require.Equal(t, env.Never, steadyLoad(t, 900*time.Millisecond))
}

func TestAFollowerThatFallsFurtherAndFurtherBehindIsDroppedAfterTheLagTimeout(t *testing.T) {
	l := newTestLeader(t, three(1, 1, 2))
	lag := testConfig.LagTimeout
	for ms := kafka.Offset(0); ; ms += 10 {
		now := env.Instant(0).Add(time.Duration(ms) * time.Millisecond)
		l.Appended(10+ms+10, now)
		// At half the pace: it lags by half of the time that has passed.
		l.Acked(Member{2, 12}, 10+ms/2, 0, now)
		if _, ok := l.NextChange(now); ok {
			require.GreaterOrEqual(t, now, env.Instant(0).Add(2*lag-2*lag/lagSteps))
			require.LessOrEqual(t, now, env.Instant(0).Add(2*lag))
			return
		}
		require.LessOrEqual(t, len(l.ends), lagSteps+1)
	}
}

func TestSilenceWhileTheShardItselfDidNotRunDoesNotCount(t *testing.T) {
	l := newTestLeader(t, three(1, 1, 2, 3))
	streamTo(t, l, Member{3, 13}, 10, 0)
	l.Appended(11, 0)
	woken := env.Instant(time.Hour)
	l.Resumed(woken)
	_, ok := l.NextChange(woken)
	require.False(t, ok)
}

func TestTheWindowBoundsWhatIsSentAndNotAcknowledged(t *testing.T) {
	l := newTestLeader(t, three(1, 1, 2))
	l.Appended(20, 0)
	next, ok := l.NextSend(2, logOf(20), 0)
	require.True(t, ok)
	require.Equal(t, Send{Base: 10, Room: 4}, next)
	l.BatchesSent(2, 15, 5) // the first batch is sent whole, whatever its size
	_, ok = l.NextSend(2, logOf(20), 0)
	require.False(t, ok)
	l.Acked(Member{2, 12}, 15, 0, 0)
	next, ok = l.NextSend(2, logOf(20), 0)
	require.True(t, ok)
	require.EqualValues(t, 15, next.Base)
}

// standing is a log from offset 0 on.
func standing(end, durable, watermark kafka.Offset) Standing {
	return Standing{Watermark: watermark, Durable: durable, End: end}
}
