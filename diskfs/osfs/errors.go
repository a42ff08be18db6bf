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
	advice, is := classOf(kind, errno)
	if is == diskfs.ErrLocked {
		return fmt.Errorf("%w: %w", is, err) // err has the file and its holder
	}
	if is == nil || is == diskfs.ErrUnavailable && syncs(kind) {
		return errno // a sync that failed may not be repeated, whatever the reason was
	}
	return fmt.Errorf("%w (%s%s)", is, errno.Error(), advice)
}

func syncs(kind diskfs.Kind) bool {
	switch kind {
	case diskfs.Sync, diskfs.WriteSync, diskfs.SyncDir, diskfs.SyncFS:
		return true
	}
	return false
}

// classOf is the sentinel of an error number (obligation 9), and what an
// operator can do about it. A number that is not here has no class.
func classOf(kind diskfs.Kind, errno syscall.Errno) (advice string, is error) {
	switch errno {
	case syscall.ENOENT:
		return "", diskfs.ErrNotExist
	case syscall.EEXIST:
		// On some systems the removal of a directory that is not empty fails with
		// EEXIST. ErrExist does not mean that.
		if kind != diskfs.Remove {
			return "", diskfs.ErrExist
		}
	case syscall.ENOSPC, syscall.EDQUOT:
		return "", diskfs.ErrNoSpace
	case syscall.EIO, syscall.EBADMSG, corrupted:
		return "", diskfs.ErrIO
	case syscall.EMFILE:
		return "; raise the limit of open files, ulimit -n or LimitNOFILE", diskfs.ErrUnavailable
	case syscall.ENFILE:
		return "; raise the machine's limit, fs.file-max", diskfs.ErrUnavailable
	case syscall.EACCES, syscall.EPERM:
		return "; check owner and mode", diskfs.ErrUnavailable
	case syscall.EROFS:
		return "; check the mount", diskfs.ErrUnavailable
	case syscall.EAGAIN:
		if kind == diskfs.Lock {
			return "", diskfs.ErrLocked
		}
		return "", diskfs.ErrUnavailable
	case syscall.ENOMEM, syscall.EINTR, syscall.EBUSY, syscall.EFBIG:
		return "", diskfs.ErrUnavailable
	}
	return "", nil
}
