package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// childSpec says how to run a child process.
type childSpec struct {
	name    string // "node 2"
	args    []string
	env     []string // is added to the environment of this process
	logPath string   // stdout and stderr are appended to it; "": they are those of this process
	// watch is how long it may give no sign of life before it is killed; 0: it is not watched.
	watch time.Duration
	// alone: its first sign of life settles the supervisor.
	alone bool
}

// supervisor runs child processes. It reports each child that dies, and restarts it. The
// death of a child before settle is fatal: it could not start, and would not the next
// time.
type supervisor struct {
	program string
	restart bool
	// pause is the time before a restart. It doubles at each death, up to pauseMax,
	// until the child has run for at least healthy.
	pause, pauseMax, healthy time.Duration
	printf                   func(format string, args ...any)

	starts  chan func()   // run by the starter
	fatal   chan error    // at most one: why the supervisor gave up
	stopped chan struct{} // closed when stop begins
	keepers sync.WaitGroup

	mu       sync.Mutex
	children []*child
	stopping bool
	settled  bool
	alive    int // children that run or will be restarted
}

// child is one supervised process. cmd is replaced at every restart, with the
// supervisor's mu held.
type child struct {
	childSpec
	cmd     *exec.Cmd
	log     *os.File
	logFrom int64            // where the log of the running process begins
	end     *os.ProcessState // how it ended for good; nil: it was not running then
}

func newSupervisor(program string, restart bool, printf func(string, ...any)) *supervisor {
	s := &supervisor{
		program: program, restart: restart, printf: printf,
		pause: time.Second, pauseMax: 30 * time.Second, healthy: 5 * time.Second,
		starts: make(chan func()), fatal: make(chan error, 1), stopped: make(chan struct{}),
	}
	go s.starter()
	return s
}

// starter starts all children from one thread that exists as long as this process. The
// kernel sends the parent-death signal when the starting thread ends, not when its
// process ends, and Go may end idle threads.
func (s *supervisor) starter() {
	runtime.LockOSThread()
	for start := range s.starts {
		start()
	}
	// This is not reached: starts is never closed. A return would end the thread.
}

// start starts a new child and keeps it running.
func (s *supervisor) start(spec childSpec) (pid int, err error) {
	c := &child{childSpec: spec}
	if err := s.launch(c); err != nil {
		return 0, err
	}
	pid = c.cmd.Process.Pid // read before keep may replace cmd
	s.mu.Lock()
	s.children = append(s.children, c)
	s.alive++
	s.mu.Unlock()
	s.keepers.Go(func() { s.keep(c) })
	return pid, nil
}

// settle says that all children have started: from now on a death is not fatal.
func (s *supervisor) settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settled = true
}

var errStopping = errors.New("stopping")

// launch starts a process for a child.
func (s *supervisor) launch(c *child) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return errStopping
	}
	cmd := exec.Command(s.program, c.args...)
	cmd.Env = append(os.Environ(), c.env...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = childAttributes()
	log, err := c.openLog()
	if err != nil {
		return fmt.Errorf("log of %s: %w", c.name, err)
	}
	if log != nil {
		cmd.Stdout, cmd.Stderr = log, log
	}
	if err := s.startProcess(c, cmd); err != nil {
		log.Close()
		return fmt.Errorf("start %s: %w", c.name, err)
	}
	c.cmd, c.log = cmd, log
	return nil
}

// openLog opens the log of the next process; nil if it has none of its own.
func (c *child) openLog() (log *os.File, err error) {
	if c.logPath == "" {
		return nil, nil
	}
	if log, err = os.OpenFile(c.logPath, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o644); err != nil {
		return nil, err
	}
	if c.logFrom, err = log.Seek(0, io.SeekEnd); err != nil {
		log.Close()
		return nil, err
	}
	return log, nil
}

// startProcess starts a process on the starter's thread, and watches it.
func (s *supervisor) startProcess(c *child, cmd *exec.Cmd) error {
	var signs, childEnd *os.File
	if c.watch > 0 {
		var err error
		if signs, childEnd, err = os.Pipe(); err != nil {
			return err
		}
		defer childEnd.Close()
		cmd.ExtraFiles = []*os.File{childEnd} // the first of them is descriptor 3
		cmd.Env = append(cmd.Env, watchVariable+"=3")
	}
	started := make(chan error)
	s.starts <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		signs.Close()
		return err
	}
	if signs != nil {
		first := func() {}
		if c.alone {
			first = s.settle
		}
		go func() {
			defer signs.Close()
			watch(signs, c.watch, first, func() { s.late(c, cmd) })
		}()
	}
	return nil
}

// late kills a process that gives no sign of life. Only then does the kernel reset its
// connections, and its clients go on.
func (s *supervisor) late(c *child, cmd *exec.Cmd) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return // stop has a bound of its own
	}
	s.printf("%s (pid %d) gave no sign of life for %v: killed\n", c.name, cmd.Process.Pid, c.watch)
	_ = cmd.Process.Kill() // it may have ended by itself
}

// keep waits until a child's process ends and starts the next one, again and again.
func (s *supervisor) keep(c *child) {
	pause := s.pause
	for {
		began, pid := time.Now(), c.cmd.Process.Pid
		_ = c.cmd.Wait() // the state below also says how it exited
		ran := time.Since(began)
		how := fmt.Sprintf("%s (pid %d) exited: %v", c.name, pid, c.cmd.ProcessState)
		last := ""
		if !killed(c.cmd.ProcessState) { // a killed process logs no reason
			last = c.lastLines()
		}
		c.log.Close()
		switch s.verdict(c) {
		case ignoreDeath:
			return
		case fatalDeath:
			s.fail(fmt.Errorf("%s%s", how, last))
			return
		case finalDeath:
			s.printf("%s%s\n", how, last)
			return
		}
		var wait time.Duration
		wait, pause = s.backOff(pause, ran)
		select {
		case <-time.After(wait):
		case <-s.stopped:
			return
		}
		if err := s.launch(c); err != nil {
			if !errors.Is(err, errStopping) {
				s.fail(fmt.Errorf("%s; %w", how, err))
			}
			return
		}
		s.printf("%s; restarting as pid %d%s\n", how, c.cmd.Process.Pid, last)
	}
}

// backOff says how long to wait after a death, and what pause to remember for the next one.
func (s *supervisor) backOff(pause, ran time.Duration) (wait, next time.Duration) {
	if ran >= s.healthy {
		pause = s.pause
	}
	return pause, min(2*pause, s.pauseMax)
}

func killed(state *os.ProcessState) bool {
	status, ok := state.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// death says what follows from the end of a child.
type death int

const (
	ignoreDeath  death = iota // nothing: it was told to end
	fatalDeath                // the supervisor gives up
	finalDeath                // the child is not restarted
	restartDeath              // the child is restarted
)

func (s *supervisor) verdict(c *child) death {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.end = c.cmd.ProcessState
	switch {
	case s.stopping:
		return ignoreDeath
	case !s.settled:
		return fatalDeath
	case s.restart:
		c.end = nil
		return restartDeath
	}
	if s.alive--; s.alive == 0 {
		return fatalDeath
	}
	return finalDeath
}

// fail reports the first fatal error. Later ones follow from it and are dropped.
func (s *supervisor) fail(err error) {
	select {
	case s.fatal <- err:
	default:
	}
}

// stop ends all children: with SIGTERM, after patience with a second SIGTERM, which tells
// them not to wait, and after bound with SIGKILL.
func (s *supervisor) stop(patience, bound time.Duration) {
	s.mu.Lock()
	if !s.stopping {
		s.stopping = true
		close(s.stopped)
	}
	s.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		s.keepers.Wait()
		close(ended)
	}()
	for _, step := range []struct {
		signal os.Signal
		wait   time.Duration
	}{
		{syscall.SIGTERM, patience},
		{syscall.SIGTERM, bound - patience},
		{syscall.SIGKILL, killWait},
	} {
		s.signalAll(step.signal)
		select {
		case <-ended:
			return
		case <-time.After(step.wait):
		}
	}
}

// killWait is how long a killed process may take to end: the kernel may wait for a disk
// operation.
const killWait = 5 * time.Second

func (s *supervisor) signalAll(signal os.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.children {
		if c.cmd.Process.Signal(signal) == nil && signal == syscall.SIGKILL {
			s.printf("%s (pid %d) did not stop in time: killed\n", c.name, c.cmd.Process.Pid)
		}
	}
}

// logs are the last lines of every child.
func (s *supervisor) logs() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, c := range s.children {
		fmt.Fprintf(&b, "\n  %s, from %s:%s", c.name, c.logPath, c.lastLines())
	}
	return b.String()
}

const (
	lastLinesMax = 15
	lastBytesMax = 8 << 10
)

// lastLines are the last lines that the child's latest process has logged, indented, each
// after a line break.
func (c *child) lastLines() string {
	if c.log == nil {
		return ""
	}
	end, err := c.log.Seek(0, io.SeekEnd)
	if err != nil {
		return ""
	}
	from := max(c.logFrom, end-lastBytesMax)
	data := make([]byte, end-from)
	n, _ := c.log.ReadAt(data, from) // after an error, show what was read
	data = bytes.TrimSpace(data[:n])
	if len(data) == 0 {
		return ""
	}
	lines := strings.Split(string(data), "\n")
	lines = lines[max(0, len(lines)-lastLinesMax):]
	return "\n    " + strings.Join(lines, "\n    ")
}
