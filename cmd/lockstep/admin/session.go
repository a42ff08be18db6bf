package admin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// connection has the flags that every command of this package takes.
type connection struct {
	servers []string
	timeout time.Duration
	json    bool
}

// defaultServers are those of lockstep dev.
var defaultServers = []string{"127.0.0.1:9092", "127.0.0.1:9093", "127.0.0.1:9094"}

// flags gives a command the flags of the connection. timeout is the default of its flag.
func (o *connection) flags(c *cobra.Command, timeout time.Duration) {
	f := c.Flags()
	f.StringSliceVar(&o.servers, "bootstrap-servers", defaultServers,
		"brokers to connect to first, host:port, separated by commas")
	f.DurationVar(&o.timeout, "timeout", timeout, "how long to wait for the cluster")
	f.SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		switch name {
		case "bootstrap", "bootstrap-server", "brokers": // as other tools call it
			name = "bootstrap-servers"
		}
		return pflag.NormalizedName(name)
	})
}

const usualTimeout = 30 * time.Second

// session is one run of a command. ctx ends when the command is interrupted; requests that must
// be answered in time use within.
type session struct {
	ctx      context.Context
	timeout  time.Duration
	client   *kgo.Client
	admin    *kadm.Client
	in       io.Reader
	out      io.Writer
	progress io.Writer // stderr
	json     bool
}

// connected is a command that runs with a client for administration, and prints an answer.
func connected(c *cobra.Command, run func(s *session, args []string) error) *cobra.Command {
	o := &connection{}
	o.flags(c, usualTimeout)
	c.Flags().BoolVar(&o.json, "json", false, "print JSON")
	c.Args = withUsage(c.Args)
	c.RunE = func(c *cobra.Command, args []string) error {
		return o.with(c, func(s *session) error { return run(s, args) })
	}
	return c
}

// withUsage lets the error about a wrong number of arguments say which are wanted.
func withUsage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return fmt.Errorf("%w; usage: %s", err, c.UseLine())
		}
		return nil
	}
}

// with runs do with a client that has reached a broker. Commands that produce or consume give
// more options than administration needs.
func (o *connection) with(c *cobra.Command, do func(*session) error, opts ...kgo.Opt) error {
	ctx, stop := signal.NotifyContext(c.Context(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if o.timeout < time.Millisecond {
		return errors.New("--timeout must be at least 1ms")
	}
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(o.servers...),
		kgo.ClientID("lockstep"), kgo.RetryTimeout(o.timeout)}, opts...)...)
	if err != nil {
		return fmt.Errorf("--bootstrap-servers: %w", err)
	}
	defer client.Close()
	s := &session{ctx: ctx, timeout: o.timeout, client: client, admin: kadm.NewClient(client),
		in: c.InOrStdin(), out: c.OutOrStdout(), progress: c.ErrOrStderr(), json: o.json}
	s.admin.SetTimeoutMillis(int32(o.timeout.Milliseconds()))
	if err := s.reach(o.servers); err != nil {
		return err
	}
	return do(s)
}

// reach asks one broker after the other for its versions: one that answers is enough. The client
// itself would retry until the timeout, and then not say what failed.
func (s *session) reach(servers []string) error {
	ctx, cancel := s.within()
	defer cancel()
	if err := s.client.Ping(ctx); err != nil {
		return ExitError{ExitNoAnswer, fmt.Errorf("no broker answers at %s: %w (is the cluster "+
			"running? --bootstrap-servers names others)", strings.Join(servers, ","), err)}
	}
	return nil
}

// within bounds the requests of a step by --timeout.
func (s *session) within() (context.Context, context.CancelFunc) {
	return context.WithTimeout(s.ctx, s.timeout)
}
