package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/drive"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/cmd/lockstep/admin"
)

// servedVariable names a file. It makes the test binary a child of superviseServe, which does what
// the file's first line says, and adds its pid to the file.
const servedVariable = "LOCKSTEP_TEST_SERVED"

// drainFailed is the exit code of the child that a signal ends.
const drainFailed = 7

// serveAsTold is the child: "serves" gives signs of life until SIGTERM, "mute" gives only one, and
// "fails" gives none and ends.
func serveAsTold(path string) {
	told, err := os.ReadFile(path)
	if err != nil {
		panic(err)
	}
	behaviour, _, _ := strings.Cut(string(told), "\n")
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM)
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		panic(err)
	}
	fmt.Fprintln(f, os.Getpid())
	if behaviour == "fails" {
		os.Exit(3)
	}
	fd, err := strconv.Atoi(os.Getenv(watchVariable))
	if err != nil {
		panic(err)
	}
	parent := os.NewFile(uintptr(fd), "watch")
	for ticker := time.NewTicker(10 * time.Millisecond); ; {
		_, _ = parent.Write([]byte{1})
		if behaviour == "mute" {
			ticker.Stop()
		}
		select {
		case <-ticker.C:
		case <-signals:
			os.Exit(drainFailed)
		}
	}
}

// served is a supervisor of serve with children that behave as told.
type served struct {
	*supervisor
	t     *testing.T
	path  string
	lines *bufio.Scanner // of its event log
	ended chan error
}

func superviseServed(t *testing.T, behaviour string, watch time.Duration) *served {
	t.Helper()
	s := &served{t: t, path: filepath.Join(t.TempDir(), "told"), ended: make(chan error, 1)}
	require.NoError(t, os.WriteFile(s.path, []byte(behaviour+"\n"), 0o600))
	t.Setenv(servedVariable, s.path)
	log, out, err := os.Pipe()
	require.NoError(t, err)
	s.lines = bufio.NewScanner(log)
	ctx, stop := context.WithCancel(t.Context())
	s.supervisor = newServeSupervisor(os.Args[0],
		drive.NewLog(out, false, event.Info, event.Int("node", 4)))
	s.supervisor.pause = time.Millisecond
	over := make(chan struct{})
	go func() {
		s.ended <- s.serve(ctx, watch, 10*time.Second)
		_ = out.Close()
		close(over)
	}()
	t.Cleanup(func() {
		stop()
		_, _ = io.Copy(io.Discard, log)
		<-over
	})
	return s
}

// pid waits for the child that is the nth to run.
func (s *served) pid(nth int) (pid int) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		data, _ := os.ReadFile(s.path)
		pids := strings.Fields(string(data))[1:]
		if len(pids) < nth {
			return false
		}
		var err error
		pid, err = strconv.Atoi(pids[nth-1])
		return err == nil
	}, 30*time.Second, time.Millisecond)
	return pid
}

// settledPid waits until the supervisor has heard the first child: a death before that is final.
func (s *served) settledPid() int {
	s.t.Helper()
	pid := s.pid(1)
	require.Eventually(s.t, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.settled
	}, 30*time.Second, time.Millisecond)
	return pid
}

// logged demands the next line of the event log.
func (s *served) logged(cause string) {
	s.t.Helper()
	require.True(s.t, s.lines.Scan(), "a line with %s", cause)
	require.Contains(s.t, s.lines.Text(),
		`level=ERROR msg="process ended" node=4 cause="`+cause+`"`)
}

func TestABrokerThatDiesIsStartedAgain(t *testing.T) {
	s := superviseServed(t, "serves", time.Hour)
	first := s.settledPid()
	require.NoError(t, syscall.Kill(first, syscall.SIGKILL))
	second := s.pid(2)
	s.logged(fmt.Sprintf("broker (pid %d) exited: signal: killed; restarting as pid %d", first,
		second))
	require.NoError(t, syscall.Kill(second, syscall.SIGKILL))
	s.logged(fmt.Sprintf("broker (pid %d) exited: signal: killed; restarting as pid %d", second,
		s.pid(3)))
}

func TestABrokerThatGivesNoSignOfLifeIsKilledAndStartedAgain(t *testing.T) {
	s := superviseServed(t, "mute", 50*time.Millisecond)
	first := s.settledPid()
	s.logged(fmt.Sprintf("broker (pid %d) gave no sign of life for 50ms: killed", first))
	s.logged(fmt.Sprintf("broker (pid %d) exited: signal: killed; restarting as pid %d", first,
		s.pid(2)))
}

func TestASignalIsPassedOnAndTheExitCodeKept(t *testing.T) {
	s := superviseServed(t, "serves", time.Hour)
	first := s.settledPid()
	require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGTERM))
	err := <-s.ended
	require.EqualError(t, err, "broker exited: exit status 7")
	require.Equal(t, drainFailed, admin.ExitCode(err))
	require.ErrorIs(t, syscall.Kill(first, 0), syscall.ESRCH)
	require.False(t, s.lines.Scan(), "it was told to end: %s", s.lines.Text())
}

func TestABrokerThatCannotStartIsNotStartedAgain(t *testing.T) {
	s := superviseServed(t, "fails", time.Hour)
	err := <-s.ended
	require.EqualError(t, err, fmt.Sprintf("broker (pid %d) exited: exit status 3", s.pid(1)))
	require.Equal(t, 3, admin.ExitCode(err))
}

func TestThePauseBeforeARestartDoublesUntilItHasRunForAWhile(t *testing.T) {
	s := &supervisor{pause: time.Second, pauseMax: 3 * time.Second, healthy: 5 * time.Second}
	var wait, pause time.Duration = 0, s.pause
	for _, step := range []struct{ ran, wait time.Duration }{
		{0, time.Second}, {time.Second, 2 * time.Second}, {4 * time.Second, 3 * time.Second},
		{0, 3 * time.Second}, {5 * time.Second, time.Second}, {0, 2 * time.Second},
	} {
		wait, pause = s.backOff(pause, step.ran)
		require.Equal(t, step.wait, wait)
	}
}

func TestAnOutcomeWithoutAProcessIsTheErrorAlone(t *testing.T) {
	s := &supervisor{children: []*child{{}}}
	require.NoError(t, s.outcome(nil))
	failed := errors.New("no such program")
	require.Equal(t, failed, s.outcome(failed))
}
