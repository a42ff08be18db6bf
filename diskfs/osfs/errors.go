package osfs

import (
	"errors"
	"fmt"
	"syscall"

	"example.com/lockstep/diskfs"
)

// sentinel wraps the sentinel that callers branch on, if there is one for err,
// and keeps the system's text.
func sentinel(kind diskfs.Kind, err error) error {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return err
	}
	var is error
	switch errno {
	case syscall.ENOENT:
		is = diskfs.ErrNotExist
	case syscall.EEXIST:
		is = diskfs.ErrExist
	case syscall.ENOSPC, syscall.EDQUOT:
		is = diskfs.ErrNoSpace
	case syscall.EIO:
		is = diskfs.ErrIO
	case syscall.EWOULDBLOCK:
		if kind == diskfs.Lock {
			is = diskfs.ErrLocked
		}
	}
	// On some systems the removal of a directory that is not empty fails with
	// EEXIST. ErrExist does not mean that.
	if is == nil || kind == diskfs.Remove && errno == syscall.EEXIST {
		return errno
	}
	return fmt.Errorf("%w (%s)", is, errno.Error())
}
