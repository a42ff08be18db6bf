//go:build unix && !linux

package osfs

import "golang.org/x/sys/unix"

// corrupted is an error that these systems do not have.
const corrupted = unix.Errno(0)

// Lockstep runs on Linux; this file is for development on other systems. Their
// fsync may reach only the drive's cache.

func fdatasync(fd int) error { return unix.Fsync(fd) }

func syncfs(int) error { return unix.ENOSYS }

func syncfsReports() bool { return false }

func dropCache(int) error { return nil }

func pwriteDsync(int, []byte, int64) (int, error) { return 0, unix.EOPNOTSUPP }

func reserve(int, int64, int64) error { return nil }
