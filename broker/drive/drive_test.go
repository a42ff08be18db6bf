package drive

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/diskfs"
	"example.com/lockstep/netsim"
)

// script is a loop that behaves as a test says.
type script struct {
	host  loop.Host
	step  func(s *script, ev *loop.Event)
	end   func(s *script)
	timer env.Instant
}

func (s *script) Start(env.Time) {
	if s.timer == 0 {
		s.timer = env.Never
	}
}

func (s *script) Step(_ env.Time, ev *loop.Event) {
	if s.step != nil {
		s.step(s, ev)
	}
}

func (s *script) EndTurn(env.Time) {
	if s.end != nil {
		s.end(s)
	}
}

func (s *script) NextTimer() env.Instant { return s.timer }

type noDisk struct{}

func (noDisk) Submit(diskfs.Op)                 {}
func (noDisk) Executing(func(diskfs.Execution)) {}

// logbook collects what a driver reports.
type logbook struct {
	mu    sync.Mutex
	lines []string
	codes chan int
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, string(p))
	return len(p), nil
}

func (l *logbook) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

func startScripts(t *testing.T, scripts ...*script) (*Node, *logbook) {
	book := &logbook{codes: make(chan int, 16)}
	n, err := Start(Config{
		Loops: len(scripts), MailboxRequests: 4, TurnEvents: 8, TurnWarn: 20 * time.Millisecond,
		TurnFatal: 60 * time.Millisecond,
		Disk:      func(diskfs.Sink) (diskfs.Disk, error) { return noDisk{}, nil },
		Log:       NewLog(book, false, event.Info),
		Exit: func(code int) {
			select {
			case book.codes <- code:
			default:
			}
		},
	}, func(hosts []loop.Host) []loop.Loop {
		loops := make([]loop.Loop, len(scripts))
		for i, s := range scripts {
			s.host, loops[i] = hosts[i], s
		}
		return loops
	})
	require.NoError(t, err)
	t.Cleanup(func() { n.Stop(nil) })
	return n, book
}

func mail(n int) loop.Event { return loop.Event{Kind: loop.Mail, Mail: n} }

func TestMailboxKeepsTheOrderAndRefusesOnlyRequests(t *testing.T) {
	box := newMailbox(2, 100)
	require.True(t, box.trySend(mail(1)))
	box.put(mail(2))
	require.True(t, box.trySend(mail(3)))
	require.False(t, box.trySend(mail(4)), "two requests wait already")
	box.put(mail(5))
	var got []any
	for _, ev := range box.take(nil, 0, nil, nil) {
		got = append(got, ev.Mail)
	}
	require.Equal(t, []any{1, 2, 3, 5}, got)
	require.True(t, box.trySend(mail(6)), "taking makes room")
}

// However many events have arrived, a turn has a bounded number, and the rest is in the next ones.
func TestATurnTakesABoundedNumberOfEvents(t *testing.T) {
	box := newMailbox(3, 4)
	put := func(i int) {
		if i%4 == 0 {
			require.True(t, box.trySend(mail(i)))
		} else {
			box.put(mail(i))
		}
	}
	for i := range 10 {
		put(i)
	}
	require.False(t, box.trySend(mail(10)), "0, 4 and 8 wait")
	var spare []mailed
	var got []any
	for turn, want := range []int{4, 4, 4, 2, 0} {
		spare = box.take(spare, 0, nil, nil)
		require.Len(t, spare, want)
		for _, ev := range spare {
			got = append(got, ev.Mail)
		}
		if turn == 0 {
			for i := 10; i < 14; i++ {
				put(i)
			}
			require.False(t, box.trySend(mail(16)), "4, 8 and 12 wait")
		}
	}
	require.Equal(t, []any{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}, got)
	require.Zero(t, box.requests)
	require.Zero(t, box.depth())
}

func TestASleepingLoopIsWokenByMailByItsTimerAndByTheStop(t *testing.T) {
	box, timer := newMailbox(1, 100), time.NewTimer(time.Hour)
	timer.Stop()
	stop := make(chan struct{})
	require.Empty(t, box.take(nil, time.Millisecond, timer, stop))
	go box.put(mail(1))
	require.Len(t, box.take(nil, -1, timer, stop), 1)
	close(stop)
	require.Empty(t, box.take(nil, -1, timer, stop))
}

// Every event arrives once and in order, however puts and takes interleave.
func TestMailboxLosesNothingBetweenThreads(t *testing.T) {
	const events = 20000
	box, timer := newMailbox(1, 7), time.NewTimer(time.Hour)
	timer.Stop()
	go func() {
		for i := range events {
			box.put(mail(i))
		}
	}()
	next := 0
	var taken []mailed
	for next < events {
		taken = box.take(taken, -1, timer, nil)
		for _, ev := range taken {
			require.Equal(t, next, ev.Mail)
			next++
		}
	}
}

func TestMailGoesBetweenLoopsAndAnswersReachTheOutside(t *testing.T) {
	control := &script{step: func(s *script, ev *loop.Event) {
		if ev.From == loop.Outside {
			require.True(t, s.host.TrySend(1, ev.Mail))
			return
		}
		s.host.Reply(loop.Outside, ev.Mail)
	}}
	shard := &script{step: func(s *script, ev *loop.Event) {
		s.host.Reply(ev.From, ev.Mail.(string)+" to you")
	}}
	n, _ := startScripts(t, control, shard)
	answer, err := n.Ask(loop.Control, "good day", 10*time.Second)
	require.NoError(t, err)
	require.Equal(t, "good day to you", answer)
}

func TestALoopThatDoesNotAnswerIsReported(t *testing.T) {
	n, _ := startScripts(t, &script{})
	_, err := n.Ask(loop.Control, "good day", time.Millisecond)
	require.ErrorIs(t, err, ErrNoAnswer)
}

func TestAFailedAssertionStopsTheNodeAndIsReportedWithItsStack(t *testing.T) {
	n, book := startScripts(t,
		&script{step: func(*script, *loop.Event) { assert.That(false, "two and two make %d", 5) }})
	n.runners[0].box.put(mail(1))
	require.ErrorContains(t, n.Wait(), "two and two make 5")
	require.Contains(t, book.text(), "drive_test.go")
}

func TestALoopCanStopTheNode(t *testing.T) {
	failure := errors.New("sync failed")
	n, _ := startScripts(t, &script{step: func(s *script, _ *loop.Event) { s.host.Stop(failure) }},
		&script{})
	n.runners[0].box.put(mail(1))
	require.ErrorIs(t, n.Wait(), failure)
	_, err := n.Ask(1, "late", time.Second)
	require.ErrorIs(t, err, failure)
}

func TestTheWatchdogReportsAStuckTurnWithItsEventAndThenEndsTheProcess(t *testing.T) {
	release := make(chan struct{})
	n, book := startScripts(t, &script{step: func(*script, *loop.Event) { <-release }})
	n.runners[0].box.put(loop.Event{
		Kind: loop.Disk, Disk: diskfs.Completion{Kind: diskfs.Sync, Owner: 7, Token: 42},
	})
	require.Equal(t, 1, <-book.codes)
	close(release)
	require.Contains(t, book.text(), `level=WARN msg="loop is slow" loop=0 for=`)
	require.Contains(t, book.text(), "owner 7, token 42")
	require.Contains(t, book.text(), "TheWatchdogReports", "the stacks of all goroutines")
}

func TestASinkDeliversNetworkEventsToItsLoop(t *testing.T) {
	got := make(chan netsim.EventKind, 1)
	n, _ := startScripts(t, &script{},
		&script{step: func(_ *script, ev *loop.Event) { got <- ev.Net.Kind }})
	n.runners[0].Sink(1)(netsim.Event{Kind: netsim.Writable})
	require.Equal(t, netsim.Writable, <-got)
}
