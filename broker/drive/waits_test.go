package drive

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/wait"
	"example.com/lockstep/diskfs"
)

// waiting is a script that lists what is pending in it.
type waiting struct {
	script
	list []wait.Wait
}

func (w *waiting) Waits(yield func(wait.Wait)) {
	for _, x := range w.list {
		yield(x)
	}
}

func TestWaitsOfAllLoopsAreListedAndAStuckOneIsNamed(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	lists := &waiting{list: []wait.Wait{{
		Who: "append 1", Since: wait.Unknown, Until: env.Never, For: "the watermark",
		On: wait.Of("watermark of t0/0"),
	}}}
	stuck := &script{step: func(*script, *loop.Event) { <-release }}
	n, err := Start(Config{
		Loops: 2, MailboxRequests: 4, TurnEvents: 8, TurnWarn: time.Hour, TurnFatal: time.Hour,
		Disk: func(diskfs.Sink) (diskfs.Disk, error) { return noDisk{}, nil },
		Log:  NewLog(t.Output(), false, event.Info),
	}, func([]loop.Host) []loop.Loop { return []loop.Loop{lists, stuck} })
	require.NoError(t, err)
	defer n.Stop(nil)
	all := n.Waits(10 * time.Second)
	require.Equal(t, []string{
		"loop 0: 1 waits", "  append 1 waits for the watermark: watermark of t0/0",
	}, all[0].Text())
	require.Equal(t, []string{"loop 1: 0 waits"}, all[1].Text())

	n.runners[1].box.put(mail(1))
	require.Eventually(t, func() bool {
		return n.runners[1].present.kind.Load() != 0
	}, 10*time.Second, time.Millisecond)
	all = n.Waits(20 * time.Millisecond)
	require.Equal(t, []string{"loop 1 does not answer; its turn is at mail int from loop 0"},
		all[1].Text())
}

func TestTheLongestWaitComesFirst(t *testing.T) {
	second := env.Instant(time.Second)
	l := LoopWaits{Loop: 3, At: 100 * second, Waits: []wait.Wait{
		{Who: "long poll", Since: wait.Unknown, Until: env.Never, For: "a client to produce",
			On: wait.OfClient()},
		{Who: "produce 2", About: "t0/0", Since: 99 * second, Until: 101 * second, For: "an ack",
			On: wait.OfPeer(2, "replica of t0/0")},
		{Who: wait.Self, Since: 40 * second, Until: 50 * second, For: "the disk",
			On: wait.OfDisk(1, 7)},
	}}
	require.Equal(t, []string{
		"loop 3: 3 waits",
		"  the loop (for 1m0s, its deadline was 50s ago) waits for the disk: disk operation 1.7",
		"  produce 2 (t0/0, for 1s, until in 1s) waits for an ack: replica of t0/0 on node 2",
		"  long poll waits for a client to produce",
	}, l.Text())
}
