package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// supervised is a supervisor that runs this test binary as its children.
type supervised struct {
	*supervisor
	t     *testing.T
	lines chan string
}

func supervise(t *testing.T, restart bool) *supervised {
	t.Helper()
	s := &supervised{t: t, lines: make(chan string, 100)}
	s.supervisor = newSupervisor(os.Args[0], restart, func(format string, args ...any) {
		s.lines <- fmt.Sprintf(format, args...)
	})
	s.pause = time.Millisecond
	t.Cleanup(func() { s.stop(5*time.Second, 10*time.Second) })
	return s
}

// run starts a child and waits until it is ready for signals.
func (s *supervised) run(name, behaviour string) (pid int, log string) {
	s.t.Helper()
	log = filepath.Join(s.t.TempDir(), "log")
	pid, err := s.start(childSpec{
		name: name, env: []string{childVariable + "=" + behaviour}, logPath: log,
	})
	require.NoError(s.t, err)
	if behaviour != "fails" {
		s.awaitRunning(log, 1)
	}
	return pid, log
}

func (s *supervised) awaitRunning(log string, times int) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		data, _ := os.ReadFile(log)
		return strings.Count(string(data), "running") == times
	}, 10*time.Second, time.Millisecond)
}

func (s *supervised) line() string {
	s.t.Helper()
	select {
	case l := <-s.lines:
		return l
	case <-time.After(10 * time.Second):
		s.t.Fatal("nothing was printed")
		return ""
	}
}

func TestAKilledNodeIsRestarted(t *testing.T) {
	s := supervise(t, true)
	pid, log := s.run("node 2", "runs")
	s.settle()
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
	line := s.line()
	var next int
	_, err := fmt.Sscanf(line,
		fmt.Sprintf("node 2 (pid %d) exited: signal: killed; restarting as pid %%d\n", pid), &next)
	require.NoError(t, err, line)
	s.awaitRunning(log, 2)
	require.NoError(t, syscall.Kill(next, 0), "the new process runs")
}

func TestWithoutRestartTheLastDeathIsFatal(t *testing.T) {
	s := supervise(t, false)
	one, _ := s.run("node 1", "runs")
	two, _ := s.run("node 2", "runs")
	s.settle()
	require.NoError(t, syscall.Kill(one, syscall.SIGKILL))
	require.Equal(t, fmt.Sprintf("node 1 (pid %d) exited: signal: killed\n", one), s.line())
	require.NoError(t, syscall.Kill(two, syscall.SIGKILL))
	require.ErrorContains(t, <-s.fatal, "node 2")
}

func TestADeathBeforeSettleIsFatalAndPrintsTheLastLines(t *testing.T) {
	s := supervise(t, true)
	pid, _ := s.run("node 1", "fails")
	require.EqualError(t, <-s.fatal,
		fmt.Sprintf("node 1 (pid %d) exited: exit status 3\n    first line\n    the reason", pid))
}

func TestStopSignalsASecondTime(t *testing.T) {
	s := supervise(t, true)
	s.run("node 1", "runs")
	stubborn, _ := s.run("node 2", "stubborn")
	s.settle()
	s.stop(50*time.Millisecond, 20*time.Second)
	require.ErrorIs(t, syscall.Kill(stubborn, 0), syscall.ESRCH)
	require.Empty(t, s.lines, "no child was killed, and none is reported")
	_, err := s.start(childSpec{name: "late", logPath: filepath.Join(t.TempDir(), "log")})
	require.ErrorIs(t, err, errStopping)
}

func TestStopKillsAChildThatDoesNotEnd(t *testing.T) {
	s := supervise(t, true)
	pid, _ := s.run("node 1", "stubborn")
	require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP)) // it cannot react to signals now
	s.settle()
	s.stop(time.Millisecond, 2*time.Millisecond)
	require.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH)
	require.Contains(t, s.line(), "did not stop in time: killed")
}
