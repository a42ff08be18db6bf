package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"example.com/lockstep/broker/drive"
	"example.com/lockstep/broker/event"
)

// A process that cannot run cannot close its sockets, and its clients wait for answers that do not
// come. Somebody outside has to kill it: the service manager by its watchdog (sd_notify), or a
// parent process (serve --supervise, dev). Both are fed here, and only while the node vouches for
// all its loops and its disk.
//
// A process that runs, but has a stuck loop or disk, closes its sockets itself and exits. It must,
// if the disk never answers: a thread that waits for the disk inside the kernel keeps a killed
// process, and all its sockets, until the disk answers.
//
// Both wait until the cluster has moved the leaderships. A client that is cut off asks at once for
// the leaders, and some clients ask again only seconds later (franz-go: 5 s).

const (
	// vouchEvery is the time between two signs of life.
	vouchEvery = 100 * time.Millisecond
	// giveUpMargin covers the ticks of the controller: it fences this late after a session.
	giveUpMargin = 200 * time.Millisecond
	// killMargin covers an election too, in case the process was the controller (PROTOCOL 25).
	killMargin = time.Second
	// hangUpTimeout bounds the wait for the sockets to close.
	hangUpTimeout = 500 * time.Millisecond
	// watchVariable names the descriptor to which a supervised process writes a byte for each.
	watchVariable = "LOCKSTEP_WATCH_FD"
)

// killBound is how long a process may give no sign of life before its supervisor kills it.
func killBound(session time.Duration) time.Duration { return session + killMargin }

// lifeSigns tells the service manager and the parent that the node makes progress.
type lifeSigns struct {
	parent *os.File // nil: no parent watches
	ready  atomic.Bool
	broker atomic.Pointer[broker] // nil: there is none for a moment
	// vouched reports whether the broker makes progress, and joined whether it serves.
	vouched, joined func(*broker) bool
	// giveUp ends a broker that has made no progress for as long as bound.
	giveUp func(b *broker, silent time.Duration)
	bound  time.Duration
}

func newLifeSigns(session time.Duration, log *drive.Log) *lifeSigns {
	l := &lifeSigns{
		vouched: func(b *broker) bool { return b.node.Vouched(vouchEvery) },
		joined:  (*broker).joined,
		bound:   session + giveUpMargin,
		giveUp: func(b *broker, silent time.Duration) {
			hangUp(b.network)
			log.Write(event.New(event.NodeGivesUp, event.Duration("after", silent)))
			os.Exit(1)
		},
	}
	if fd, err := strconv.Atoi(os.Getenv(watchVariable)); err == nil {
		l.parent = os.NewFile(uintptr(fd), "watch")
		os.Unsetenv(watchVariable)
	}
	return l
}

// hangUp closes all sockets of the brokers and clients, and waits for that, but not forever.
func hangUp(network interface{ Close() }) {
	closed := make(chan struct{})
	go func() {
		network.Close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(hangUpTimeout):
	}
}

// run gives signs of life until stop is closed, if somebody listens. It gives a node up that makes
// no progress for as long as the bound, but only if somebody starts it again.
func (l *lifeSigns) run(stop <-chan struct{}) {
	if l.parent == nil && os.Getenv("NOTIFY_SOCKET") == "" {
		return
	}
	watched := l.parent != nil || os.Getenv("WATCHDOG_USEC") != ""
	ticker := time.NewTicker(vouchEvery)
	defer ticker.Stop()
	s := silence{every: vouchEvery, last: time.Now()}
	for {
		b := l.broker.Load()
		sign := b == nil || l.vouched(b)
		if sign {
			l.give(b)
		}
		if silent := s.look(time.Now(), sign); silent >= l.bound && watched {
			l.giveUp(b, silent)
			return
		}
		select {
		case <-stop:
			return
		case <-ticker.C:
		}
	}
}

func (l *lifeSigns) give(b *broker) {
	if l.parent != nil {
		_, _ = l.parent.Write([]byte{1}) // a parent that is gone needs no sign
	}
	if os.Getenv("NOTIFY_SOCKET") == "" {
		return
	}
	notifyManager("WATCHDOG=1")
	if b != nil && !l.ready.Load() && l.joined(b) {
		l.ready.Store(true)
		notifyManager("READY=1")
	}
}

// notifyManager sends a state to the service manager, if there is one (sd_notify(3)).
func notifyManager(state string) {
	address := os.Getenv("NOTIFY_SOCKET")
	if address == "" {
		return
	}
	if address[0] == '@' {
		address = "\x00" + address[1:]
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		fmt.Fprintln(os.Stderr, "notify the service manager:", err)
		return
	}
	defer conn.Close()
	_, _ = conn.Write([]byte(state)) // the manager kills a process that it does not hear
}

// silence counts for how long a node gave no sign of life. Time in which the one that looks did not
// run itself does not count: the whole machine may have been suspended, or have had no time for it.
type silence struct {
	every  time.Duration // time between two looks
	last   time.Time     // of the last look
	length time.Duration
	begun  bool // it has given a sign
}

// lookEvery is the time between two looks at a watched process.
const lookEvery = 50 * time.Millisecond

// look says whether the process has given a sign since the last look, and returns for how long it
// has been silent: 0 before its first sign.
func (s *silence) look(now time.Time, sign bool) time.Duration {
	gap := min(now.Sub(s.last), 2*s.every)
	s.last = now
	switch {
	case sign:
		s.begun, s.length = true, 0
	case s.begun:
		s.length += gap
	}
	return s.length
}

// watch reads the signs of life from a process, and calls late once if it gives none for as long as
// bound. It returns when the process has closed its end.
func watch(signs *os.File, bound time.Duration, first, late func()) {
	var heard, closed atomic.Bool
	go func() {
		buf := make([]byte, 64)
		for {
			if n, err := signs.Read(buf); n == 0 || err != nil {
				closed.Store(true)
				return
			}
			heard.Store(true)
		}
	}()
	s := silence{every: lookEvery, last: time.Now()}
	told := false
	for !closed.Load() {
		time.Sleep(lookEvery)
		sign := heard.Swap(false)
		if sign && !s.begun {
			first()
		}
		if s.look(time.Now(), sign) >= bound && !told {
			told = true
			late()
		}
	}
}
