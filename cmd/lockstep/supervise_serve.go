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
)

// superviseServe runs serve in a child process, until a signal. The child is started again when it
// ends, and killed when it does not vouch for itself.
func superviseServe(
	ctx context.Context, c *brokerConfig, shutdownTimeout time.Duration, stderr io.Writer,
) error {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	log := drive.NewLog(stderr, c.eventFormat == "json", c.eventLevel, event.Int("node", c.nodeID))
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	signal.Ignore(syscall.SIGHUP) // as serve does
	defer signal.Stop(signals)
	s := newSupervisor(program, true, func(format string, args ...any) {
		text := strings.TrimSpace(fmt.Sprintf(format, args...))
		log.Write(event.New(event.ProcessEnded, event.Text("cause", text)))
	})
	if _, err := s.start(childSpec{
		name: "broker", args: withoutSupervise(os.Args[1:]), watch: c.session, alone: true,
	}); err != nil {
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
	return err
}

// withoutSupervise removes the flag that must not reach the child.
func withoutSupervise(args []string) []string {
	return slices.DeleteFunc(slices.Clone(args), func(arg string) bool {
		return arg == "--supervise" || strings.HasPrefix(arg, "--supervise=")
	})
}
