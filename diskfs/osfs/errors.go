package osfs

import (
	"errors"
	"fmt"
	"syscall"

	"example.com/lockstep/diskfs"
)

// sentinel marks err as the sentinel that callers branch on, if there is one
// for it; the system's own text stays readable.
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
	// Removing a directory that is not empty is EEXIST on some systems; it is
	// not what ErrExist means.
	if is == nil || kind == diskfs.Remove && errno == syscall.EEXIST {
		return errno
	}
	return fmt.Errorf("%w (%s)", is, errno.Error())
}
