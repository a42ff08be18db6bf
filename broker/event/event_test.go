package event

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
)

func TestAnEventIsOneLine(t *testing.T) {
	e := New(NodeFailed, Int("broker", 2), Err(errors.New("disk:\nbad")),
		Duration("after", 3*time.Second+4*time.Microsecond), Duration("took", 1234567),
		Few("partitions", []string{"a-0", "a-1"}), Text("none", ""), IDs("isr", []int32{1, 3}))
	require.Equal(t, `node failed broker=2 error="disk:\nbad" after=3s took=1.235ms `+
		`partitions=a-0,a-1 none="" isr=1,3`, e.String())
	require.Equal(t, "2", e.Get("broker"))
	require.Empty(t, e.Get("nothing"))
	require.Equal(t, "1,2,3,4,5 and 2 more",
		Few("n", []string{"1", "2", "3", "4", "5", "6", "7"}).String())
}

func TestAnExtentIsNoSubject(t *testing.T) {
	require.Equal(t, "2", New(NodeFailed, Int("broker", 2)).subject())
	require.Empty(t, New(NodeFailed, Int("partitions", 2)).subject())
	require.Empty(t, New(NodeFailed, Duration("for", 2)).subject())
	require.Empty(t, New(NodeFailed).subject())
}

func TestWithLeavesTheEventAsItWas(t *testing.T) {
	e := New(NodeFailed, append(make([]Field, 0, 8), Int("broker", 2))...)
	a, b := e.With(Int("a", 1)), e.With(Int("b", 2))
	require.Equal(t, []string{"node failed broker=2 a=1", "node failed broker=2 b=2"},
		[]string{a.String(), b.String()})
}

func TestEachNameIsDescribed(t *testing.T) {
	seen := map[string]bool{}
	for _, n := range All() {
		require.NotEmpty(t, n.String(), "name %d", n)
		require.NotEmpty(t, n.Means(), n)
		require.False(t, seen[n.String()], n)
		seen[n.String()] = true
	}
}

// at is a time after the limiter's first.
func at(d time.Duration) env.Instant { return env.Instant(time.Hour).Add(d) }

func TestRepeatedEventsAreCounted(t *testing.T) {
	var l Limiter
	e := New(NodeStarted, Int("broker", 2))
	written := 0
	for i := range 100 {
		if l.Take(at(time.Duration(i)*time.Millisecond), e) {
			written++
		}
	}
	require.Equal(t, burst, written)
	require.Empty(t, l.Due(at(window-1)))
	due := l.Due(at(window))
	require.Len(t, due, 1)
	require.Equal(t, "node started broker=2 repeated=90", due[0].String())

	require.False(t, l.Take(at(window+time.Second), e), "the next window has had its line")
	require.True(t, l.Take(at(window+time.Second), New(NodeStarted, Int("broker", 3))),
		"another subject")
	require.Equal(t, "1", l.Due(at(2 * window))[0].Get("repeated"))
	require.Empty(t, l.Due(at(4*window)))
	require.True(t, l.Take(at(4*window), e), "a quiet window ends the counting")
}

func TestWhatIsLeftIsWrittenAtTheEnd(t *testing.T) {
	var l Limiter
	for range burst + 3 {
		l.Take(at(0), New(NodeStarted))
	}
	require.Equal(t, "node started repeated=3", l.Rest(at(1))[0].String())
	require.Empty(t, l.Rest(at(2)))
}

func TestManySubjectsShareACounter(t *testing.T) {
	var l Limiter
	written := 0
	for i := range 100_000 {
		if l.Take(at(0), New(NodeStarted, Text("peer", strconv.Itoa(i)))) {
			written++
		}
	}
	require.LessOrEqual(t, written, subjects+burst)
	require.LessOrEqual(t, len(l.counters), subjects+int(names))
	require.Len(t, l.Rest(at(1)), 1)
}

func TestALineHasEachKeyOnce(t *testing.T) {
	require.Empty(t, New(NodeFailed, Int("broker", 2), Int("term", 2)).Doubled())
	require.Equal(t, "term", New(NodeFailed, Int("term", 2), Int("term", 3)).Doubled())
	require.Equal(t, "node", New(NodeFailed, Int("node", 2)).Doubled())
}
