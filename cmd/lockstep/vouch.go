package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"time"
)

// A process that cannot run cannot close its sockets, and its clients wait for answers that do not
// come. Somebody outside has to kill it: the service manager by its watchdog (sd_notify), or a
// parent process (serve --supervise, dev). Both are fed here, and only while the node vouches for
// all its loops and its disk.

const (
	// vouchEvery is the time between two signs of life.
	vouchEvery = 250 * time.Millisecond
	// watchVariable names the descriptor to which a supervised process writes a byte for each.
	watchVariable = "LOCKSTEP_WATCH_FD"
)

// lifeSigns tells the service manager and the parent that the node makes progress.
type lifeSigns struct {
	parent *os.File // nil: no parent watches
	ready  atomic.Bool
	broker atomic.Pointer[broker] // nil: there is none for a moment
}

func newLifeSigns() *lifeSigns {
	l := &lifeSigns{}
	if fd, err := strconv.Atoi(os.Getenv(watchVariable)); err == nil {
		l.parent = os.NewFile(uintptr(fd), "watch")
		os.Unsetenv(watchVariable)
	}
	return l
}

// run gives signs of life until stop is closed.
func (l *lifeSigns) run(stop <-chan struct{}) {
	ticker := time.NewTicker(vouchEvery)
	defer ticker.Stop()
	for {
		if b := l.broker.Load(); b == nil || b.node.Vouched(vouchEvery) {
			l.give(b)
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
	if b != nil && !l.ready.Load() && b.joined() {
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

// silence counts for how long a watched process gave no sign of life. Time in which the watching
// process did not run itself does not count: the whole machine may have been suspended, or have had
// no time for either.
type silence struct {
	last   time.Time // of the last look
	length time.Duration
	begun  bool // the process has given a sign
}

// lookEvery is the time between two looks at a watched process.
const lookEvery = 100 * time.Millisecond

// look says whether the process has given a sign since the last look, and returns for how long it
// has been silent: 0 before its first sign.
func (s *silence) look(now time.Time, sign bool) time.Duration {
	gap := min(now.Sub(s.last), 2*lookEvery)
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
	s := silence{last: time.Now()}
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
