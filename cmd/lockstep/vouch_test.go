package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSilenceGrowsOnlyWhileTheWatchingProcessRuns(t *testing.T) {
	now := time.Unix(1000, 0)
	s := silence{every: lookEvery, last: now}
	look := func(after time.Duration, sign bool) time.Duration {
		now = now.Add(after)
		return s.look(now, sign)
	}
	require.Zero(t, look(time.Hour, false), "it has not begun: a recovery takes its time")
	require.Zero(t, look(lookEvery, true))
	require.Equal(t, lookEvery, look(lookEvery, false))
	require.Equal(t, 2*lookEvery, look(lookEvery, false))
	require.Equal(t, 4*lookEvery, look(time.Hour, false), "the machine was suspended")
	require.Zero(t, look(lookEvery, true))
	require.Equal(t, lookEvery, look(lookEvery, false))
}

func TestAProcessThatGivesNoSignIsLateOnce(t *testing.T) {
	read, write, err := os.Pipe()
	require.NoError(t, err)
	firsts, lates := make(chan bool, 9), make(chan bool, 9)
	ended := make(chan bool)
	go func() {
		watch(read, 3*lookEvery, func() { firsts <- true }, func() { lates <- true })
		close(ended)
	}()
	_, err = write.Write([]byte{1})
	require.NoError(t, err)
	<-firsts
	<-lates
	require.NoError(t, write.Close())
	<-ended
	require.Empty(t, lates)
	require.Empty(t, firsts)
}

// manager is a service manager as a broker sees it: a socket in NOTIFY_SOCKET.
type manager struct {
	t      *testing.T
	socket *net.UnixConn
}

func newManager(t *testing.T) *manager {
	t.Helper()
	address := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	require.NoError(t, err)
	t.Cleanup(func() { socket.Close() })
	t.Setenv("NOTIFY_SOCKET", address)
	return &manager{t, socket}
}

// next waits for the next state that is not ignored.
func (m *manager) next(ignored ...string) string {
	m.t.Helper()
	require.NoError(m.t, m.socket.SetReadDeadline(time.Now().Add(30*time.Second)))
	for buf := make([]byte, 100); ; {
		n, err := m.socket.Read(buf)
		require.NoError(m.t, err)
		if state := string(buf[:n]); !slices.Contains(ignored, state) {
			return state
		}
	}
}

// waiting takes what has been sent.
func (m *manager) waiting() (states []string) {
	m.t.Helper()
	for buf := make([]byte, 100); ; {
		// A deadline that is over lets no read succeed, not even one of a state that waits.
		require.NoError(m.t, m.socket.SetReadDeadline(time.Now().Add(time.Millisecond)))
		n, err := m.socket.Read(buf)
		if err != nil {
			require.ErrorIs(m.t, err, os.ErrDeadlineExceeded)
			return states
		}
		states = append(states, string(buf[:n]))
	}
}

// vouching are lifeSigns of a broker for which ask says whether it makes progress.
type vouching struct {
	*lifeSigns
	asked  chan struct{} // one for each question
	answer atomic.Bool
	joins  atomic.Bool
	given  chan time.Duration // when it was given up, after how much silence
}

func newVouching(bound time.Duration) *vouching {
	v := &vouching{asked: make(chan struct{}), given: make(chan time.Duration, 1)}
	v.lifeSigns = &lifeSigns{
		vouched: func(*broker) bool {
			v.asked <- struct{}{}
			return v.answer.Load()
		},
		joined: func(*broker) bool { return v.joins.Load() },
		giveUp: func(_ *broker, silent time.Duration) { v.given <- silent },
		bound:  bound,
	}
	v.broker.Store(&broker{})
	return v
}

// questions waits until the node was asked n times, and answered the one before.
func (v *vouching) questions(n int) {
	for range n + 1 {
		<-v.asked
	}
}

func (v *vouching) start(t *testing.T) {
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		v.run(stop)
		close(ended)
	}()
	t.Cleanup(func() {
		close(stop)
		for {
			select {
			case <-v.asked:
			case <-ended:
				return
			}
		}
	})
}

func TestTheServiceManagerHearsOnlyOfABrokerThatIsVouchedFor(t *testing.T) {
	m, v := newManager(t), newVouching(time.Hour)
	v.start(t)
	v.questions(3)
	require.Empty(t, m.waiting(), "nobody vouches for it")
	v.answer.Store(true)
	v.questions(3)
	require.Equal(t, "WATCHDOG=1", m.next())
	require.NotContains(t, m.waiting(), "READY=1", "it does not serve yet")
	v.joins.Store(true)
	v.questions(3)
	states := m.waiting()
	require.Contains(t, states, "READY=1")
	v.answer.Store(false)
	v.questions(2) // the answer of the first may be the old one
	m.waiting()
	v.questions(3)
	require.Empty(t, m.waiting(), "nobody vouches for it any more")
	v.answer.Store(true)
	v.questions(3)
	require.Equal(t, "WATCHDOG=1", m.next(), "READY=1 is said once")
	require.NotContains(t, m.waiting(), "READY=1")
}

func TestABrokerIsGivenUpOnlyIfSomebodyStartsItAgain(t *testing.T) {
	const bound = 3 * vouchEvery
	v := newVouching(bound)
	v.answer.Store(true)
	read, write, err := os.Pipe()
	require.NoError(t, err)
	defer read.Close()
	v.parent = write
	v.start(t)
	v.questions(2)
	require.Empty(t, v.given)
	v.answer.Store(false)
	silent := time.Duration(0)
	for asked := 0; silent == 0; asked++ {
		require.Less(t, asked, 100, "it is not given up")
		select {
		case <-v.asked:
		case silent = <-v.given:
		}
	}
	require.GreaterOrEqual(t, silent, bound)
	unwatched := newVouching(0)
	unwatched.run(nil) // returns: it would ask forever
	require.Empty(t, unwatched.given)
}

func TestHangUpWaitsForTheSocketsButNotForever(t *testing.T) {
	hangUp(closing(func() {}))
	hangUp(closing(func() { select {} }))
}

type closing func()

func (c closing) Close() { c() }

func TestServeTellsTheServiceManager(t *testing.T) {
	m := newManager(t)
	address := func() string { // where nothing listens
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close()
		return l.Addr().String()
	}
	control := address()
	c, err := newBrokerConfig([]setting{
		{"node.id", "1", ""}, {"cluster.id", strings.Repeat("ab", 16), ""},
		{"log.dirs", t.TempDir(), ""}, {"listeners", "PLAINTEXT://" + address(), ""},
		{"control.listener", control, ""}, {"replication.listener", address(), ""},
		{"controller.quorum.voters", "1@" + control, ""}, {"shards", "1", ""},
		{"wal.segment.bytes", "1048576", ""}, {"wal.budget.bytes", "16777216", ""},
	})
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, c, 10*time.Second, t.Output()) }()
	require.Equal(t, "READY=1", m.next("WATCHDOG=1"))
	require.Equal(t, "WATCHDOG=1", m.next())
	stop()
	require.Equal(t, "STOPPING=1", m.next("WATCHDOG=1"))
	require.NoError(t, <-ended)
}
