package drive

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/diskfs"
)

// vouching is a control loop that vouches or does not.
type vouching struct {
	script
	well atomic.Bool
}

func (v *vouching) Vouches(env.Time) bool { return v.well.Load() }

func TestTheControlLoopVouchesForTheNode(t *testing.T) {
	release := make(chan struct{})
	control := &vouching{script: script{step: func(*script, *loop.Event) { <-release }}}
	n, err := Start(Config{
		Loops: 1, MailboxRequests: 4, TurnEvents: 16, TurnWarn: time.Hour, TurnFatal: time.Hour,
		Disk: func(diskfs.Sink) (diskfs.Disk, error) { return noDisk{}, nil },
		Log:  NewLog(t.Output(), false, 0),
	}, func([]loop.Host) []loop.Loop { return []loop.Loop{control} })
	require.NoError(t, err)
	defer n.Stop(nil)
	require.False(t, n.Vouched(10*time.Second))
	control.well.Store(true)
	require.True(t, n.Vouched(10*time.Second))
	n.runners[0].box.put(mail(1))
	require.False(t, n.Vouched(10*time.Millisecond), "a stuck loop does not vouch")
	close(release)
	require.True(t, n.Vouched(10*time.Second))
}
