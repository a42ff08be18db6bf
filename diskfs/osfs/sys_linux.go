package osfs

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// corrupted is the error with which a file system reports that its own
// structures, or a checksum, are wrong.
const corrupted = unix.EUCLEAN

func fdatasync(fd int) error { return unix.Fdatasync(fd) }

// dropCache drops the clean pages of a file from memory.
func dropCache(fd int) error {
	return again(func() error { return unix.Fadvise(fd, 0, 0, unix.FADV_DONTNEED) })
}

func syncfs(fd int) error { return unix.Syncfs(fd) }

// syncfsReports says whether this kernel's syncfs reports errors.
func syncfsReports() bool {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return false
	}
	return reportsSince(unix.ByteSliceToString(name.Release[:]))
}

// reportsSince says whether a release of Linux is 5.8 or newer. Before that,
// syncfs succeeded whatever had happened to the data.
func reportsSince(release string) bool {
	var major, minor int
	if n, _ := fmt.Sscanf(release, "%d.%d", &major, &minor); n != 2 {
		return false
	}
	return major > 5 || major == 5 && minor >= 8
}

// pwriteDsync writes and makes exactly what it wrote durable.
func pwriteDsync(fd int, data []byte, offset int64) (int, error) {
	return unix.Pwritev2(fd, [][]byte{data}, offset, unix.RWF_DSYNC)
}

func reserve(fd int, offset, size int64) error { return unix.Fallocate(fd, 0, offset, size) }
