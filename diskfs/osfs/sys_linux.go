package osfs

import "golang.org/x/sys/unix"

func fdatasync(fd int) error { return unix.Fdatasync(fd) }

// dropCache drops the clean pages of a file from memory.
func dropCache(fd int) error {
	return again(func() error { return unix.Fadvise(fd, 0, 0, unix.FADV_DONTNEED) })
}

func (d *Disk) syncfs(fd int) error { return unix.Syncfs(fd) }

// pwriteDsync writes and makes exactly what it wrote durable.
func pwriteDsync(fd int, data []byte, offset int64) (int, error) {
	return unix.Pwritev2(fd, [][]byte{data}, offset, unix.RWF_DSYNC)
}

func reserve(fd int, offset, size int64) error { return unix.Fallocate(fd, 0, offset, size) }
