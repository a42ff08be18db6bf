package main

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSilenceGrowsOnlyWhileTheWatchingProcessRuns(t *testing.T) {
	now := time.Unix(1000, 0)
	s := silence{last: now}
	look := func(after time.Duration, sign bool) time.Duration {
		now = now.Add(after)
		return s.look(now, sign)
	}
	require.Zero(t, look(time.Hour, false), "it has not begun: a recovery takes its time")
	require.Zero(t, look(lookEvery, true))
	require.Equal(t, lookEvery, look(lookEvery, false))
	require.Equal(t, 2*lookEvery, look(lookEvery, false))
	require.Equal(t, 4*lookEvery, look(time.Hour, false), "the machine was suspended")
	require.Zero(t, look(lookEvery, true))
	require.Equal(t, lookEvery, look(lookEvery, false))
}

func TestAProcessThatGivesNoSignIsLateOnce(t *testing.T) {
	read, write, err := os.Pipe()
	require.NoError(t, err)
	firsts, lates := make(chan bool, 9), make(chan bool, 9)
	ended := make(chan bool)
	go func() {
		watch(read, 3*lookEvery, func() { firsts <- true }, func() { lates <- true })
		close(ended)
	}()
	_, err = write.Write([]byte{1})
	require.NoError(t, err)
	<-firsts
	<-lates
	require.NoError(t, write.Close())
	<-ended
	require.Empty(t, lates)
	require.Empty(t, firsts)
}

func TestTheServiceManagerIsTold(t *testing.T) {
	address := filepath.Join(t.TempDir(), "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	require.NoError(t, err)
	defer manager.Close()
	t.Setenv("NOTIFY_SOCKET", address)
	(&lifeSigns{}).give(nil)
	buf := make([]byte, 100)
	n, err := manager.Read(buf)
	require.NoError(t, err)
	require.Equal(t, "WATCHDOG=1", string(buf[:n]))
}
