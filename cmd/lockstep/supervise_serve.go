package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"example.com/lockstep/broker/drive"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/cmd/lockstep/admin"
)

// superviseServe runs serve in a child process, until a signal, which it passes on. The child is
// started again when it ends, and killed when it does not vouch for itself. The error has the exit
// code of the child that ended for good.
func superviseServe(
	ctx context.Context, c *brokerConfig, shutdownTimeout time.Duration, stderr io.Writer,
) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	log := drive.NewLog(stderr, c.eventFormat == "json", c.eventLevel, event.Int("node", c.nodeID))
	s := newServeSupervisor(program, log)
	return s.serve(ctx, killBound(c.session), shutdownTimeout)
}

// newServeSupervisor returns a supervisor that reports deaths as events.
func newServeSupervisor(program string, log *drive.Log) *supervisor {
	return newSupervisor(program, true, func(format string, args ...any) {
		text := strings.TrimSpace(fmt.Sprintf(format, args...))
		log.Write(event.New(event.ProcessEnded, event.Text("cause", text)))
	})
}

// serve runs the child until a signal. watch is for how long it may give no sign of life.
func (s *supervisor) serve(ctx context.Context, watch, shutdownTimeout time.Duration) error {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	signal.Ignore(syscall.SIGHUP) // as the child does
	defer signal.Stop(signals)
	_, err := s.start(childSpec{
		name: "broker", args: withoutSupervise(os.Args[1:]), watch: watch, alone: true,
	})
	if err != nil {
		return err
	}
	select {
	case err = <-s.fatal:
	case <-signals:
	case <-ctx.Done():
	}
	go func() {
		for range signals { // a second one tells the child not to wait
			s.signalAll(syscall.SIGTERM)
		}
	}()
	patience := shutdownTimeout + closeTimeout + time.Second
	s.stop(patience, patience+closeTimeout)
	return s.outcome(err)
}

// outcome adds to err how the only child ended for good.
func (s *supervisor) outcome(err error) error {
	s.mu.Lock()
	end := s.children[0].end
	s.mu.Unlock()
	if end == nil || end.Success() {
		return err
	}
	if err == nil {
		err = fmt.Errorf("%s exited: %v", s.children[0].name, end)
	}
	code := end.ExitCode()
	if status, ok := end.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		code = 128 + int(status.Signal()) // as a shell says it
	}
	return admin.ExitError{Code: code, Err: err}
}

// withoutSupervise removes the flag that must not reach the child.
func withoutSupervise(args []string) []string {
	return slices.DeleteFunc(slices.Clone(args), func(arg string) bool {
		return arg == "--supervise" || strings.HasPrefix(arg, "--supervise=")
	})
}
