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
		{diskfs.Lock, unix.EWOULDBLOCK, diskfs.ErrLocked},
	}
	for _, test := range tests {
		require.ErrorIs(t, sentinel(test.kind, test.errno), test.want)
	}
	require.Equal(t, unix.EAGAIN, sentinel(diskfs.Read, unix.EAGAIN))
	require.NotErrorIs(t, sentinel(diskfs.Remove, unix.EEXIST), diskfs.ErrExist)
	other := errors.New("other")
	require.Equal(t, other, sentinel(diskfs.Open, other))
	require.NoError(t, sentinel(diskfs.Open, nil))
}
