package osfs

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"example.com/lockstep/diskfs"
)

// DisableRangeSync makes new disks behave as on a kernel without pwritev2.
func DisableRangeSync(t *testing.T) {
	startWithoutRangeSync = true
	t.Cleanup(func() { startWithoutRangeSync = false })
}

// DisableSyncFS makes new disks behave as on a kernel before Linux 5.8.
func DisableSyncFS(t *testing.T) {
	startWithoutSyncFS = true
	t.Cleanup(func() { startWithoutSyncFS = false })
}

// LimitFiles lets the test's process open no more files, until lift is called.
func LimitFiles(t *testing.T) (lift func()) {
	var before unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &before))
	lift = func() { require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &before)) }
	t.Cleanup(lift)
	limit := before
	limit.Cur = 0 // below what is open: the next open fails, and what is open stays so
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
	return lift
}

// BlocksOf returns the bytes that the file system has allocated for a file.
func BlocksOf(t *testing.T, path string) int64 {
	var st unix.Stat_t
	require.NoError(t, unix.Stat(path, &st))
	return int64(st.Blocks) * 512
}

func TestErrnoMapsToSentinels(t *testing.T) {
	tests := []struct {
		kind  diskfs.Kind
		errno error
		want  error
	}{
		{diskfs.Open, unix.ENOENT, diskfs.ErrNotExist},
		{diskfs.Mkdir, unix.EEXIST, diskfs.ErrExist},
		{diskfs.Write, unix.ENOSPC, diskfs.ErrNoSpace},
		{diskfs.Write, unix.EDQUOT, diskfs.ErrNoSpace},
		{diskfs.Sync, unix.EIO, diskfs.ErrIO},
		{diskfs.Read, corrupted, diskfs.ErrIO},
		{diskfs.Lock, unix.EWOULDBLOCK, diskfs.ErrLocked},
		{diskfs.Open, unix.EMFILE, diskfs.ErrUnavailable},
		{diskfs.Open, unix.ENFILE, diskfs.ErrUnavailable},
		{diskfs.List, unix.ENOMEM, diskfs.ErrUnavailable},
		{diskfs.Open, unix.EACCES, diskfs.ErrUnavailable},
		{diskfs.Rename, unix.EPERM, diskfs.ErrUnavailable},
		{diskfs.Mkdir, unix.EROFS, diskfs.ErrUnavailable},
		{diskfs.Read, unix.EAGAIN, diskfs.ErrUnavailable},
	}
	for _, test := range tests {
		require.ErrorIs(t, sentinel(test.kind, test.errno), test.want)
	}
	// Whatever made a sync fail, it may not be repeated.
	for _, kind := range []diskfs.Kind{
		diskfs.Sync, diskfs.WriteSync, diskfs.SyncDir, diskfs.SyncFS,
	} {
		require.Equal(t, unix.ENOMEM, sentinel(kind, unix.ENOMEM))
	}
	require.Equal(t, unix.EINVAL, sentinel(diskfs.Read, unix.EINVAL))
	require.NotErrorIs(t, sentinel(diskfs.Remove, unix.EEXIST), diskfs.ErrExist)
	other := errors.New("other")
	require.Equal(t, other, sentinel(diskfs.Open, other))
	require.NoError(t, sentinel(diskfs.Open, nil))
}
